//! Numbers in their field: prefix, padding, hexadecimal digits.
#![forbid(unsafe_code)]

use super::Sink;
use super::directive::Directive;

/// Puts the digits (with their sign) of a number, padded to the directive's width.
///
/// Zeros go after a `0x` and before a sign, and win over left alignment.
#[inline]
pub(super) fn put<S: Sink>(directive: &Directive, prefix: bool, digits: &[u8], out: &mut S) -> usize {
    if directive.width == 0 && !prefix {
        out.put(digits);
        return digits.len();
    }
    padded(directive, prefix, digits, out)
}

fn padded<S: Sink>(directive: &Directive, prefix: bool, digits: &[u8], out: &mut S) -> usize {
    let prefix: &[u8] = if prefix { b"0x" } else { b"" };
    let len = prefix.len() + digits.len();
    let pad = directive.width.saturating_sub(len);
    if pad > 0 && !directive.zero && !directive.left {
        out.fill(b' ', pad);
    }
    if !prefix.is_empty() {
        out.put(prefix);
    }
    if pad > 0 && directive.zero {
        out.fill(b'0', pad);
    }
    out.put(digits);
    if pad > 0 && !directive.zero && directive.left {
        out.fill(b' ', pad);
    }
    len + pad
}

/// The two lower-case digits of each byte.
pub(super) const HEX: &[u8; 16] = b"0123456789abcdef";

/// The lower-case hexadecimal digits of a number, without leading zeros.
pub struct Hex {
    text: [u8; 16],
    start: usize,
}

impl Hex {
    /// Converts a number.
    pub fn new(mut value: u64) -> Self {
        let mut text = [0; 16];
        let mut start = text.len();
        loop {
            start -= 1;
            text[start] = HEX[(value & 15) as usize];
            value >>= 4;
            if value == 0 {
                return Self { text, start };
            }
        }
    }

    /// The digits.
    pub fn digits(&self) -> &[u8] {
        &self.text[self.start..]
    }
}
