//! Network addresses as text.
#![forbid(unsafe_code)]

use super::Sink;
use super::escape::hex_digits;
use super::number::Hex;

/// An IPv4 address, dotted. Returns the number of bytes put.
pub fn ip4<S: Sink>(address: &[u8; 4], out: &mut S) -> usize {
    let mut text = [0; 15];
    let mut len = 0;
    for (i, &byte) in address.iter().enumerate() {
        if i > 0 {
            text[len] = b'.';
            len += 1;
        }
        let mut buffer = itoa::Buffer::new();
        let digits = buffer.format(byte).as_bytes();
        text[len..len + digits.len()].copy_from_slice(digits);
        len += digits.len();
    }
    out.put(&text[..len]);
    len
}

/// An IPv6 address in brackets: eight groups without leading zeros, none left out.
/// Returns the number of bytes put.
pub fn ip6<S: Sink>(address: &[u8; 16], out: &mut S) -> usize {
    let mut text = [0; 41];
    let mut len = 0;
    for (i, group) in address.as_chunks::<2>().0.iter().enumerate() {
        text[len] = if i == 0 { b'[' } else { b':' };
        len += 1;
        let group = Hex::new(u64::from(u16::from_be_bytes(*group)));
        let digits = group.digits();
        text[len..len + digits.len()].copy_from_slice(digits);
        len += digits.len();
    }
    text[len] = b']';
    len += 1;
    out.put(&text[..len]);
    len
}

/// A port after a colon. Returns the number of bytes put.
pub fn port<S: Sink>(port: u16, out: &mut S) -> usize {
    let mut buffer = itoa::Buffer::new();
    let digits = buffer.format(port).as_bytes();
    out.put(b":");
    out.put(digits);
    1 + digits.len()
}

/// A hardware address: two digits for each of its bytes, joined by colons.
/// Returns the number of bytes put.
pub fn hardware<S: Sink, const N: usize>(address: &[u8; N], out: &mut S) -> usize {
    for (i, &byte) in address.iter().enumerate() {
        let [high, low] = hex_digits(byte);
        let text = [b':', high, low];
        out.put(if i == 0 { &text[1..] } else { &text });
    }
    (3 * N).saturating_sub(1)
}
