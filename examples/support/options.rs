//! What the command lines of the examples have in common.

use std::error::Error;
use std::fmt::Display;
use std::process::ExitCode;
use std::str::FromStr;

use lexopt::{Parser, ValueExt};

/// The value of an option as a number.
pub fn number<T>(parser: &mut Parser, option: &str) -> Result<T, Box<dyn Error>>
where
    T: FromStr<Err: Display>,
{
    let text = parser.value()?.string()?;
    let wrong = |error| format!("{option}: '{text}' is no such number: {error}").into();
    text.parse().map_err(wrong)
}

/// Runs a program with its options, prints `help` if there are none (they asked
/// for it), or says what went wrong.
pub fn exit<A>(
    program: &str,
    help: &str,
    options: Result<Option<A>, Box<dyn Error>>,
    run: impl FnOnce(&A) -> Result<(), Box<dyn Error>>,
) -> ExitCode {
    let result = match options {
        Ok(Some(options)) => run(&options),
        Ok(None) => {
            print!("{help}");
            Ok(())
        }
        Err(error) => Err(error),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{program}: {error}");
            ExitCode::FAILURE
        }
    }
}
