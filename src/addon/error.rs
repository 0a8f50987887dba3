//! Errors with a `code`, as programs in Node.js expect them.

use napi::{Env, Error, JsError, Status};

use crate::engine::SetError;
use crate::net::StartError;

/// An error on its way to JavaScript.
#[derive(Debug)]
pub struct Failure {
    /// The `code` of the JavaScript error.
    pub code: &'static str,
    /// Its message.
    pub text: String,
}

impl Failure {
    /// The caller did something at the wrong time.
    pub fn state(text: impl Into<String>) -> Self {
        Failure {
            code: "gossip_state",
            text: text.into(),
        }
    }

    /// An option makes no sense.
    pub fn option(text: impl Into<String>) -> Self {
        Failure {
            code: "gossip_option",
            text: text.into(),
        }
    }

    /// An argument makes no sense.
    pub fn value(text: impl Into<String>) -> Self {
        Failure {
            code: "gossip_value",
            text: text.into(),
        }
    }

    /// The error that JavaScript gets. napi's own errors have one of a fixed
    /// set of codes, so a JavaScript error is made here and passed through.
    pub fn throw(self, env: Env) -> Error {
        let error: Error<&'static str> = Error::new(self.code, self.text);
        Error::from(JsError::from(error).into_unknown(env))
    }
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        Failure {
            code: error.code(),
            text: error.to_string(),
        }
    }
}

impl From<SetError> for Failure {
    fn from(error: SetError) -> Self {
        Failure::value(error.to_string())
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let Error { status, reason, .. } = &error;
        let code = match status {
            Status::InvalidArg => "gossip_value",
            _ => "gossip_native",
        };
        Failure {
            code,
            text: reason.clone(),
        }
    }
}
