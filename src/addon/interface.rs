//! Interfaces as addresses, for the call port, which JavaScript opens itself.

// Tests are built without the registration of what is exported.
#![cfg_attr(test, allow(dead_code))]

use napi::{Env, Result};
use napi_derive::napi;

use super::error::Failure;
use crate::net::address_of;

/// The address of an interface of this machine.
#[napi(catch_unwind)]
pub fn interface_address(env: Env, name: String) -> Result<String> {
    let found = address_of(&name).map_err(|text| Failure::option(text).throw(env))?;
    Ok(found.to_string())
}
