//! Variables as JSON.

#![forbid(unsafe_code)]

use crate::codec::fmt::{Sink, escape, float};
use crate::codec::rpc::string;

/// The value of a variable.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// An `int`.
    Int(i32),
    /// A `uint64_t`.
    Uint64(u64),
    /// A `bool`.
    Bool(bool),
    /// A `double`.
    Double(f64),
    /// A text.
    Text(&'a [u8]),
    /// JSON, taken as it is.
    Raw(&'a [u8]),
    /// None that is known.
    Null,
}

impl Value<'_> {
    /// Prints it.
    pub fn put<S: Sink>(self, out: &mut S) {
        match self {
            Value::Int(n) => out.put(itoa::Buffer::new().format(n).as_bytes()),
            Value::Uint64(n) => out.put(itoa::Buffer::new().format(n).as_bytes()),
            Value::Bool(b) => out.put(if b { b"true" } else { b"false" }),
            Value::Double(d) if d.is_finite() => float::fixed(d, Some(2), |text| out.put(text)),
            Value::Text(text) => string(text, out),
            Value::Raw(json) if !json.is_empty() => out.put(json),
            // JSON has no infinity, and nothing is no JSON.
            Value::Double(_) | Value::Raw(_) | Value::Null => out.put(b"null"),
        }
    }
}

/// Prints the message of a change: `value` prints the new value of the set `name`, or of its element
/// `index`.
pub fn change<S: Sink>(name: &[u8], index: Option<i32>, out: &mut S, value: impl FnOnce(&mut S)) {
    out.put(b"{\"method\":\"change\",\"params\":{\"");
    escape::json(name, out);
    if let Some(index) = index {
        out.put(b"/");
        out.put(itoa::Buffer::new().format(index).as_bytes());
    }
    out.put(b"\":");
    value(out);
    out.put(b"}}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values() {
        for (value, expected) in [
            (Value::Int(i32::MIN), "-2147483648"),
            (Value::Uint64(u64::MAX), "18446744073709551615"),
            (Value::Bool(true), "true"),
            (Value::Bool(false), "false"),
            (Value::Double(36.6), "36.60"),
            (Value::Double(-1.0), "-1.00"),
            (Value::Double(f64::NAN), "null"),
            (Value::Double(f64::NEG_INFINITY), "null"),
            (Value::Text(b"a\"\n\\"), r#""a\"\n\\""#),
            (Value::Raw(b"[1,2]"), "[1,2]"),
            (Value::Raw(b""), "null"),
            (Value::Null, "null"),
        ] {
            let mut out = Vec::new();
            value.put(&mut out);
            assert_eq!(out, expected.as_bytes(), "{value:?}");
        }
    }

    #[test]
    fn changes() {
        let mut out = Vec::new();
        change(b"st", None, &mut out, |out| out.put(b"{}"));
        assert_eq!(out, br#"{"method":"change","params":{"st":{}}}"#);
        out.clear();
        change(b"a\"r", Some(5), &mut out, |out| out.put(b"1"));
        assert_eq!(out, br#"{"method":"change","params":{"a\"r/5":1}}"#);
    }
}
