//! Numbers written as text.
#![forbid(unsafe_code)]

/// An unsigned number in base 2, 10 or 16 that is at most `max`; all of `text` has to be digits.
///
/// Base 0 takes the base from a `0x` or `0b` prefix, and is 10 without.
pub fn parse(text: &[u8], base: i32, max: u64) -> Option<u64> {
    let (base, digits) = match (base, text) {
        (0, [b'0', b'x', digits @ ..]) => (16, digits),
        (0, [b'0', b'b', digits @ ..]) => (2, digits),
        (0, digits) => (10, digits),
        (2 | 10 | 16, digits) => (base as u32, digits),
        _ => return None,
    };
    if digits.is_empty() {
        return None;
    }
    let value = match base {
        10 => read(digits, 10, DECIMAL_DIGITS, |byte| byte.wrapping_sub(b'0')),
        16 => read(digits, 16, HEX_DIGITS, hex_digit),
        _ => read(digits, 2, BINARY_DIGITS, |byte| byte.wrapping_sub(b'0')),
    };
    value.filter(|value| *value <= max)
}

/// So many digits fit into 64 bits, whatever they are.
const DECIMAL_DIGITS: usize = 19;
const HEX_DIGITS: usize = 16;
const BINARY_DIGITS: usize = 64;

/// The value of a hexadecimal digit; 16 or more for what is none.
fn hex_digit(byte: u8) -> u8 {
    match byte {
        b'0'..=b'9' => byte - b'0',
        b'a'..=b'f' => byte - b'a' + 10,
        b'A'..=b'F' => byte - b'A' + 10,
        _ => u8::MAX,
    }
}

/// The number that `digits` are; `None` if one is none, or when 64 bits are too few.
#[inline]
fn read(digits: &[u8], base: u8, fitting: usize, digit: impl Fn(u8) -> u8) -> Option<u64> {
    let mut value = 0u64;
    for (at, &byte) in digits.iter().enumerate() {
        let digit = digit(byte);
        if digit >= base {
            return None;
        }
        value = if at < fitting {
            value * u64::from(base) + u64::from(digit)
        } else {
            value.checked_mul(base.into())?.checked_add(digit.into())?
        };
    }
    Some(value)
}

/// A decimal number with spaces and tabs around it.
pub fn parse_size(text: &[u8]) -> Option<usize> {
    let blank = |b: &u8| !matches!(b, b' ' | b'\t');
    let start = text.iter().position(blank)?;
    let end = text.iter().rposition(blank)?;
    parse(&text[start..=end], 10, usize::MAX as u64)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX: u64 = u64::MAX;

    #[test]
    fn accepted() {
        let rows: &[(&str, i32, u64, u64)] = &[
            ("0", 10, MAX, 0),
            ("123", 10, MAX, 123),
            ("18446744073709551615", 10, MAX, MAX),
            ("255", 10, 0xff, 255),
            ("65535", 10, 0xffff, 0xffff),
            ("4294967295", 10, 0xffff_ffff, 0xffff_ffff),
            ("0", 2, 1, 0),
            ("1", 2, 1, 1),
            ("01111011", 2, 0xff, 123),
            ("11111111", 2, 0xff, 0xff),
            ("0", 16, MAX, 0),
            ("123", 16, MAX, 0x123),
            ("def", 16, MAX, 0xdef),
            ("DEF", 16, MAX, 0xdef),
            ("12", 16, 0xff, 0x12),
            ("ff", 16, 0xff, 0xff),
            ("0x123", 0, MAX, 0x123),
            ("0b101", 0, MAX, 5),
            ("0123", 0, MAX, 123),
            ("123", 0, MAX, 123),
            ("00", 0, MAX, 0),
            ("09", 0, MAX, 9),
            ("0xfF", 0, MAX, 255),
            // Refused by the original: a single digit in base 0.
            ("0", 0, MAX, 0),
            ("1", 0, MAX, 1),
        ];
        for &(text, base, max, wanted) in rows {
            assert_eq!(parse(text.as_bytes(), base, max), Some(wanted), "{text:?} base {base}");
        }
    }

    #[test]
    fn refused() {
        let rows: &[(&str, i32, u64)] = &[
            ("18446744073709551616", 10, MAX),
            ("99999999999999999999", 10, MAX),
            (" 123", 10, MAX),
            ("123 ", 10, MAX),
            (" 123x", 10, MAX),
            ("", 10, MAX),
            ("-", 10, MAX),
            ("-1", 10, MAX),
            ("+1", 10, MAX),
            ("256", 10, 0xff),
            ("65536", 10, 0xffff),
            ("4294967296", 10, 0xffff_ffff),
            ("0123", 2, MAX),
            ("123", 2, MAX),
            ("2", 2, MAX),
            ("0b1", 2, MAX),
            ("100000000", 2, 0xff),
            ("defg", 16, MAX),
            ("0x12", 16, MAX),
            ("100", 16, 0xff),
            ("10000000000000000", 16, MAX),
            ("0b123", 0, MAX),
            ("0c123", 0, MAX),
            ("0X123", 0, MAX),
            ("0B101", 0, MAX),
            ("0x", 0, MAX),
            ("0b", 0, MAX),
            ("1x", 0, MAX),
            ("", 0, MAX),
            ("10", 8, MAX),
            ("10", 36, MAX),
            ("10", -1, MAX),
        ];
        for &(text, base, max) in rows {
            assert_eq!(parse(text.as_bytes(), base, max), None, "{text:?} base {base}");
        }
    }

    #[test]
    fn sizes() {
        for (text, wanted) in [("0", 0), ("123", 123), (" 123 \t", 123), ("007", 7)] {
            assert_eq!(parse_size(text.as_bytes()), Some(wanted), "{text:?}");
        }
        assert_eq!(parse_size(usize::MAX.to_string().as_bytes()), Some(usize::MAX));
        for text in ["", "-", "-1", "+1", " 123x", "12 3", "0x1", "1\n", "18446744073709551616", " \t"] {
            assert_eq!(parse_size(text.as_bytes()), None, "{text:?}");
        }
    }
}
