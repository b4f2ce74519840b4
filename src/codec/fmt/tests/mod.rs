//! The tables of the format language, and properties against the standard library.

mod doubles;
mod printers;
mod text;

use super::{Args, Printers, format};
use core::ffi::CStr;
use std::collections::VecDeque;

/// One argument of a format.
#[derive(Clone, Copy)]
pub enum Value {
    Int(i32),
    Long(isize),
    LongLong(i64),
    Pointer(usize),
    Double(f64),
    Text(Option<&'static CStr>),
    Custom(fn(&mut Values, &mut Vec<u8>) -> usize),
}

impl From<i32> for Value {
    fn from(value: i32) -> Self {
        Value::Int(value)
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Value::Double(value)
    }
}

impl From<&'static CStr> for Value {
    fn from(value: &'static CStr) -> Self {
        Value::Text(Some(value))
    }
}

/// Arguments that insist on their types.
pub struct Values(VecDeque<Value>);

macro_rules! take {
    ($self:expr, $kind:ident) => {
        match $self.0.pop_front() {
            Some(Value::$kind(value)) => value,
            _ => panic!("the format reads a {} that is not there", stringify!($kind)),
        }
    };
}

impl Args for Values {
    fn int(&mut self) -> i32 {
        take!(self, Int)
    }
    fn long(&mut self) -> isize {
        take!(self, Long)
    }
    fn long_long(&mut self) -> i64 {
        take!(self, LongLong)
    }
    fn pointer(&mut self) -> usize {
        take!(self, Pointer)
    }
    fn double(&mut self) -> f64 {
        take!(self, Double)
    }
    fn string(&mut self, limit: Option<usize>) -> &[u8] {
        let text = take!(self, Text).map_or(&b""[..], CStr::to_bytes);
        &text[..text.len().min(limit.unwrap_or(usize::MAX))]
    }
}

impl Printers<Vec<u8>> for Values {
    fn print(&mut self, out: &mut Vec<u8>) -> usize {
        let printer = take!(self, Custom);
        printer(self, out)
    }
}

/// Formats, and checks that the count is right and that all arguments were read.
fn formatted(fmt: &str, args: &[Value]) -> String {
    let mut values = Values(args.iter().copied().collect());
    let mut out = Vec::new();
    let count = format(fmt.as_bytes(), &mut values, &mut out);
    assert!(values.0.is_empty(), "{fmt:?} leaves arguments");
    assert_eq!(count, out.len(), "{fmt:?}");
    String::from_utf8(out).unwrap()
}

/// `"format" arguments => "text"`, row after row.
macro_rules! rows {
    ($($fmt:literal $(, $arg:expr)* => $text:literal;)*) => {
        $(assert_eq!(
            crate::codec::fmt::tests::formatted($fmt, &[$(Into::into($arg)),*]),
            $text,
            "{} {}", $fmt, stringify!($($arg),*)
        );)*
    };
}
use rows;
