//! Values of options, with errors that name the option.

use std::error::Error;
use std::fmt::Display;
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
