//! The `Range` header (RFC 9110, section 14).

#![forbid(unsafe_code)]

use super::scan::trim;
use core::ops::RangeInclusive;

/// Which part of a file is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    /// All of it: status 200.
    Whole,
    /// From the first to the last byte, both within the file: status 206.
    Part(RangeInclusive<u64>),
    /// Nothing that the file has: status 416.
    Unsatisfiable,
}

/// What a `Range` header selects of a file of `size` bytes.
///
/// A header that is not understood selects the whole file: another unit than bytes, several
/// ranges, bad syntax. A server may do so with any range (RFC 9110, section 14.2).
///
/// An end beyond the file is refused and not clipped, and an end before the start is refused and
/// not ignored: programs rely on these answers.
pub fn select(header: &[u8], size: u64) -> Selection {
    let Some(spec) = trim(header).strip_prefix(b"bytes=") else { return Selection::Whole };
    let Some(dash) = memchr::memchr(b'-', spec) else { return Selection::Whole };
    let first = number(&spec[..dash]);
    let last = number(&spec[dash + 1..]);
    let (first, last) = match (first, last) {
        (Number::Is(first), Number::Is(last)) => (first, last),
        (Number::Is(first), Number::None) => (first, size.saturating_sub(1)),
        (Number::None, Number::Is(0)) => return Selection::Unsatisfiable,
        (Number::None, Number::Is(n)) => (size.saturating_sub(n), size.saturating_sub(1)),
        _ => return Selection::Whole,
    };
    if first > last || last >= size {
        return Selection::Unsatisfiable;
    }
    Selection::Part(first..=last)
}

enum Number {
    None,
    Is(u64),
    Bad,
}

/// A decimal number within spaces; one that is too large is the largest.
fn number(text: &[u8]) -> Number {
    let text = trim(text);
    if text.is_empty() {
        return Number::None;
    }
    if !text.iter().all(u8::is_ascii_digit) {
        return Number::Bad;
    }
    Number::Is(text.iter().fold(0, |n: u64, b| n.saturating_mul(10).saturating_add(u64::from(b - b'0'))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table() {
        let part = |first, last| Selection::Part(first..=last);
        for (header, size, expected) in [
            ("bytes=0-0", 10, part(0, 0)),
            ("bytes=2-5", 10, part(2, 5)),
            ("bytes=5-", 10, part(5, 9)),
            ("bytes=0-9", 10, part(0, 9)),
            ("bytes= 2 - 4 ", 10, part(2, 4)),
            ("bytes=9-", 10, part(9, 9)),
            ("bytes=0-10", 10, Selection::Unsatisfiable),
            ("bytes=10-", 10, Selection::Unsatisfiable),
            ("bytes=5-2", 10, Selection::Unsatisfiable),
            ("bytes=0-99999999999999999999", 10, Selection::Unsatisfiable),
            ("bytes=99999999999999999999-", 10, Selection::Unsatisfiable),
            ("bytes=18446744073709551615-18446744073709551615", u64::MAX, Selection::Unsatisfiable),
            ("bytes=18446744073709551614-", u64::MAX, part(u64::MAX - 1, u64::MAX - 1)),
            // The last bytes.
            ("bytes=-3", 10, part(7, 9)),
            ("bytes=-10", 10, part(0, 9)),
            ("bytes=-11", 10, part(0, 9)),
            ("bytes=-99999999999999999999", 10, part(0, 9)),
            ("bytes=-0", 10, Selection::Unsatisfiable),
            // An empty file has no part.
            ("bytes=0-", 0, Selection::Unsatisfiable),
            ("bytes=0-0", 0, Selection::Unsatisfiable),
            ("bytes=-1", 0, Selection::Unsatisfiable),
            // Not understood.
            ("bytes=3", 10, Selection::Whole),
            ("bytes=-", 10, Selection::Whole),
            ("bytes=", 10, Selection::Whole),
            ("bytes", 10, Selection::Whole),
            ("bytes=0-1,3-4", 10, Selection::Whole),
            ("bytes=1-x", 10, Selection::Whole),
            ("bytes=x-y", 10, Selection::Whole),
            ("bytes=+1-2", 10, Selection::Whole),
            ("bytes=1--2", 10, Selection::Whole),
            ("items=0-1", 10, Selection::Whole),
            ("Bytes=0-1", 10, Selection::Whole),
            ("", 10, Selection::Whole),
        ] {
            assert_eq!(select(header.as_bytes(), size), expected, "{header} of {size}");
        }
    }
}
