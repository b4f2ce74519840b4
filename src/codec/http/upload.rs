//! The query of an upload in pieces: which file, and where in it.

#![forbid(unsafe_code)]

use super::{percent, vars};

/// Variable `file`, decoded; `None` when it is missing, empty, broken, or has `max` bytes.
/// Allocates the name.
pub fn file(query: &[u8], max: usize) -> Option<Vec<u8>> {
    let raw = vars::var(query, b"file")?;
    let mut name = vec![0; max.min(raw.len() + 1)];
    let len = percent::decode(raw, &mut name, true)?;
    name.truncate(len);
    (!name.is_empty()).then_some(name)
}

/// Variable `offset`: a number as in C, with a prefix of `0x` or `0` for other bases; what follows
/// its digits is ignored. 0 when there is none.
pub fn offset(query: &[u8]) -> i64 {
    let mut text = [0; 100];
    let len = vars::var(query, b"offset").and_then(|raw| percent::decode(raw, &mut text, true));
    let text = text[..len.unwrap_or(0)].trim_ascii_start();
    let (negative, text) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    let (base, digits) = match text {
        [b'0', b'x' | b'X', rest @ ..] => (16, rest),
        [b'0', rest @ ..] => (8, rest),
        _ => (10, text),
    };
    let digits = digits.iter().map_while(|b| char::from(*b).to_digit(base));
    let value = digits.fold(0i64, |n, d| n.saturating_mul(base.into()).saturating_add(d.into()));
    if negative { -value } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files() {
        for (query, expected) in [
            ("file=a.txt", Some("a.txt")),
            ("offset=1&file=a%20b+c", Some("a b c")),
            ("FILE=a", Some("a")),
            ("file=", None),
            ("file", None),
            ("", None),
            ("file=%zz", None),
            ("file=12345678", None),
            ("file=1234567", Some("1234567")),
        ] {
            assert_eq!(file(query.as_bytes(), 8).as_deref(), expected.map(str::as_bytes), "{query}");
        }
    }

    #[test]
    fn offsets() {
        for (query, expected) in [
            ("", 0),
            ("offset=5", 5),
            ("offset=", 0),
            ("offset=x", 0),
            ("offset=0x10", 16),
            ("offset=010", 8),
            ("offset=12z", 12),
            ("offset=-3", -3),
            ("offset=%2b3", 3),
            ("offset=+3", 3),
            ("offset=9223372036854775807", i64::MAX),
            ("offset=9223372036854775808", i64::MAX),
            ("offset=-99999999999999999999", -i64::MAX),
        ] {
            assert_eq!(offset(query.as_bytes()), expected, "{query}");
        }
        let long = format!("offset={}", "1".repeat(200));
        assert_eq!(offset(long.as_bytes()), 0);
    }
}
