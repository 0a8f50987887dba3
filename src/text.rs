//! JavaScript's view of values as text: patterns are compared as strings.

use std::borrow::Cow;
use std::cmp::Ordering;

use serde_json::{Number, Value};

/// `String(value)`.
pub(crate) fn js_string(value: &Value) -> Cow<'_, str> {
    match value {
        Value::Null => "null".into(),
        Value::Bool(true) => "true".into(),
        Value::Bool(false) => "false".into(),
        Value::Number(number) => js_number(number).into(),
        Value::String(text) => text.into(),
        Value::Array(items) => items
            .iter()
            .map(|item| match item {
                Value::Null => "".into(),
                item => js_string(item),
            })
            .collect::<Vec<_>>()
            .join(",")
            .into(),
        Value::Object(_) => "[object Object]".into(),
    }
}

/// Above this, not every integer is a JavaScript number.
const MAX_SAFE: i64 = 1 << 53;

fn js_number(number: &Number) -> String {
    match number.as_i64() {
        Some(n) if (-MAX_SAFE..=MAX_SAFE).contains(&n) => n.to_string(),
        _ => js_float(number.as_f64().unwrap_or(f64::NAN)),
    }
}

/// The shortest digits that name the number, laid out as ECMAScript does.
pub(crate) fn js_float(x: f64) -> String {
    if x == 0.0 {
        return "0".into();
    }
    if !x.is_finite() {
        let text = if x.is_nan() { "NaN" } else { "Infinity" };
        return if x < 0.0 {
            format!("-{text}")
        } else {
            text.into()
        };
    }
    let shortest = format!("{:e}", x.abs());
    let Some((mantissa, exponent)) = shortest.split_once('e') else {
        return shortest;
    };
    let digits: String = mantissa.chars().filter(|c| *c != '.').collect();
    // The decimal point stands behind this many digits.
    let point = exponent.parse::<i32>().unwrap_or(0) + 1;
    let count = digits.len() as i32;
    let text = if (count..=21).contains(&point) {
        digits + &"0".repeat((point - count) as usize)
    } else if (1..count).contains(&point) {
        let (whole, rest) = digits.split_at(point as usize);
        format!("{whole}.{rest}")
    } else if (-5..=0).contains(&point) {
        format!("0.{}{digits}", "0".repeat(-point as usize))
    } else {
        let (first, rest) = digits.split_at(1);
        let dot = if rest.is_empty() { "" } else { "." };
        let sign = if point > 0 { "+" } else { "-" };
        format!("{first}{dot}{rest}e{sign}{}", (point - 1).abs())
    };
    if x < 0.0 { format!("-{text}") } else { text }
}

/// The order of JavaScript's `sort()`: by UTF-16 code units.
pub(crate) fn js_order(a: &str, b: &str) -> Ordering {
    a.encode_utf16().cmp(b.encode_utf16())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_as_javascript_prints_them() {
        // Left: JSON text; right: what node prints for String(JSON.parse(left)).
        for (json, text) in [
            ("1", "1"),
            ("1.0", "1"),
            ("-0.0", "0"),
            ("0.1", "0.1"),
            ("-12.5", "-12.5"),
            ("1e21", "1e+21"),
            ("123456789012345680000", "123456789012345680000"),
            ("9007199254740993", "9007199254740992"),
            ("0.000001", "0.000001"),
            ("0.0000001", "1e-7"),
            ("1.5e-9", "1.5e-9"),
            ("1.7976931348623157e308", "1.7976931348623157e+308"),
        ] {
            let value: Value = serde_json::from_str(json).unwrap();
            assert_eq!(js_string(&value), text, "{json}");
        }
    }

    #[test]
    fn other_values() {
        assert_eq!(js_string(&json!(null)), "null");
        assert_eq!(js_string(&json!([1, null, ["a", true]])), "1,,a,true");
        assert_eq!(js_string(&json!({ "a": 1 })), "[object Object]");
    }
}
