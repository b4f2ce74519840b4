//! Base64 with the standard alphabet and padding (RFC 4648, section 4).
#![forbid(unsafe_code)]

use super::fmt::Sink;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};

/// Length of the text for `n` bytes, if it fits a `usize`.
pub fn encoded_len(n: usize) -> Option<usize> {
    n.div_ceil(3).checked_mul(4)
}

/// Bytes that room for is asked to decode `n` characters, whatever their padding.
pub fn decoded_room(n: usize) -> usize {
    n / 4 * 3
}

/// Encodes `bytes` into the front of `text`, as far as that has room for whole groups of four.
pub fn encode(bytes: &[u8], text: &mut [u8]) {
    let fitting = (text.len() / 4).saturating_mul(3).min(bytes.len());
    let done = STANDARD.encode_slice(&bytes[..fitting], text);
    debug_assert!(done.is_ok(), "there is room for each group");
}

/// Encodes `bytes` to `out` and returns the length of the text.
pub fn put<S: Sink>(bytes: &[u8], out: &mut S) -> usize {
    let mut count = 0;
    for block in bytes.chunks(48) {
        let mut text = [0; 64];
        encode(block, &mut text);
        let len = block.len().div_ceil(3) * 4;
        out.put(&text[..len]);
        count += len;
    }
    count
}

/// Decodes groups of four characters from `text` into the front of `bytes`, and returns how many
/// bytes came out. Nothing if a character is invalid or misplaced, or the room does not suffice.
///
/// Padding ends a group, not the text: groups after a padded one are decoded too. Up to three
/// characters at the end that make no group are ignored.
pub fn decode(text: &[u8], bytes: &mut [u8]) -> Option<usize> {
    let whole = text.len() / 4 * 4;
    let plain = memchr::memchr(b'=', &text[..whole]).unwrap_or(whole) / 4 * 4;
    let mut len = STANDARD_NO_PAD.decode_slice(&text[..plain], bytes).ok()?;
    for group in text[plain..].as_chunks::<4>().0 {
        len += decode_group(*group, bytes.get_mut(len..)?)?;
    }
    Some(len)
}

/// Decodes a group that may have padding; bits that are left over do not count.
fn decode_group(group: [u8; 4], bytes: &mut [u8]) -> Option<usize> {
    let count = match group {
        [_, _, b'=', _] => 1,
        [_, _, _, b'='] => 2,
        _ => 3,
    };
    // Zeros in place of the padding.
    let mut plain = group;
    plain.iter_mut().skip(2).filter(|byte| **byte == b'=').for_each(|byte| *byte = b'A');
    let mut decoded = [0; 3];
    STANDARD_NO_PAD.decode_slice(plain, &mut decoded).ok()?;
    bytes.get_mut(..count)?.copy_from_slice(&decoded[..count]);
    Some(count)
}

/// The character for six bits.
fn character(bits: u8) -> u8 {
    base64::alphabet::STANDARD.as_str().as_bytes()[usize::from(bits & 63)]
}

/// Appends a byte to a text that grows byte by byte.
///
/// `len` is the length so far; `tail` is the memory after it. Bits that make no character yet are
/// kept in `tail[0]`. Returns the new length; `tail` has to hold 2 bytes.
pub fn update(byte: u8, len: usize, tail: &mut [u8]) -> usize {
    let [now, next, ..] = tail else {
        return len;
    };
    let (digit, kept, more) = match len % 4 {
        0 => (byte >> 2, (byte & 3) << 4, None),
        1 => (*now | byte >> 4, (byte & 15) << 2, None),
        _ => (*now | byte >> 6, 0, Some(byte & 63)),
    };
    *now = character(digit);
    *next = more.map_or(kept, character);
    len + 1 + usize::from(more.is_some())
}

/// Completes the text of [`update`]: the last character, padding, and a NUL, all of which `tail`
/// has to hold. Returns the length without the NUL.
pub fn finish(len: usize, tail: &mut [u8]) -> usize {
    let missing = missing(len);
    if let Some(end) = tail.get_mut(..=missing) {
        let left_over = end[0];
        end.fill(b'=');
        end[0] = character(left_over);
        end[missing] = 0;
    }
    len + missing
}

/// Characters that a text of `len` needs to be a multiple of four.
pub fn missing(len: usize) -> usize {
    len.wrapping_neg() % 4
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(bytes: &[u8]) -> String {
        let mut text = vec![0; encoded_len(bytes.len()).unwrap()];
        encode(bytes, &mut text);
        String::from_utf8(text).unwrap()
    }

    fn decoded(text: &[u8]) -> Option<Vec<u8>> {
        let mut bytes = vec![0; decoded_room(text.len())];
        let len = decode(text, &mut bytes)?;
        bytes.truncate(len);
        Some(bytes)
    }

    #[test]
    fn encoding() {
        let rows: &[(&[u8], &str)] = &[
            (b"", ""),
            (b"x", "eA=="),
            (b"a", "YQ=="),
            (b"ab", "YWI="),
            (b"abc", "YWJj"),
            (b"xyz", "eHl6"),
            (b"xy\0", "eHkA"),
            (b"abcdef", "YWJjZGVm"),
            (b"\xd1\x8b", "0Ys="),
            (b"test", "dGVzdA=="),
            (b"abcde", "YWJjZGU="),
            (b"\xff\xef\xbe\xfb", "/++++w=="),
            (b"hello", "aGVsbG8="),
        ];
        for (bytes, text) in rows {
            assert_eq!(encoded(bytes), *text);
            let mut put_text = Vec::new();
            assert_eq!(put(bytes, &mut put_text), text.len());
            assert_eq!(put_text, text.as_bytes());
        }
        assert_eq!(encoded_len(usize::MAX), None);
    }

    #[test]
    fn decoding() {
        let rows: &[(&[u8], &[u8])] = &[
            (b"", b""),
            (b"A", b""),
            (b"A=", b""),
            (b"AA=", b""),
            (b"YWI", b""),
            (b"AA==", b"\0"),
            (b"AAA=", b"\0\0"),
            (b"AAAA", b"\0\0\0"),
            (b"Q2VzYW50YQ==", b"Cesanta"),
            (b"YWJjZGVmZw==", b"abcdefg"),
            (b"YQ==YQ==", b"aa"),
            (b"YWJjYQ==YWJj", b"abcaabc"),
            (b"YQ==\n", b"a"),
            (b"YQ===", b"a"),
            (b"YWJj\n", b"abc"),
            (b"YWJjZ", b"abc"),
            (b"YWJjZG", b"abc"),
            (b"YWJjZGU", b"abc"),
            (b"YW=j", b"a"),
            (b"YQ=a", b"a"),
            (b"YR==", b"a"),
            (b"YWJ=", b"ab"),
            (b"YWK=", b"ab"),
            (b"+/+/", b"\xfb\xff\xbf"),
        ];
        for (text, bytes) in rows {
            assert_eq!(decoded(text).as_deref(), Some(*bytes), "{}", text.escape_ascii());
        }
        let refused = ["AAAA====", "AAAA----", "Y=Jj", "=WJj", "====", "a===", "YW Jj", "YW\nJj", "-_-_"];
        for text in refused.map(str::as_bytes).into_iter().chain([&b"\xd0\xba\xd1\x8e"[..]]) {
            assert_eq!(decoded(text), None, "{}", text.escape_ascii());
        }
        assert_eq!(decode(b"AAAA", &mut [0; 2]), None);
    }

    #[test]
    fn byte_by_byte() {
        let mut text = [b'#'; 14];
        let mut len = 0;
        let lengths = b"abcdefg".map(|byte| {
            len = update(byte, len, &mut text[len..]);
            len
        });
        assert_eq!(lengths, [1, 2, 4, 5, 6, 8, 9]);
        assert_eq!(finish(len, &mut text[len..]), 12);
        assert_eq!(&text, b"YWJjZGVmZw==\0#");
    }

    /// The rules of `decode`, character by character.
    fn slowly(text: &[u8]) -> Option<Vec<u8>> {
        let alphabet = base64::alphabet::STANDARD.as_str();
        let value = |character: u8| alphabet.bytes().position(|c| c == character);
        let mut bytes = Vec::new();
        for group in text.as_chunks::<4>().0 {
            let tail = |c: u8| if c == b'=' { Some(0) } else { value(c) };
            let [a, b, c, d] = [value(group[0])?, value(group[1])?, tail(group[2])?, tail(group[3])?];
            let bits = a << 18 | b << 12 | c << 6 | d;
            let count = if group[2] == b'=' { 1 } else { 3 - usize::from(group[3] == b'=') };
            bytes.extend(&[(bits >> 16) as u8, (bits >> 8) as u8, bits as u8][..count]);
        }
        Some(bytes)
    }

    proptest::proptest! {
        /// Texts with padding and wrong characters anywhere, long enough for each way through the engine.
        #[test]
        fn as_the_slow_version(text in "[A-Za-z0-9+/]{0,80}([A-D=]{4}){0,3}[A-Za-z0-9+/=_ \n]{0,9}") {
            proptest::prop_assert_eq!(decoded(text.as_bytes()), slowly(text.as_bytes()), "{}", text);
        }
    }

    /// All lengths, all values: what goes in comes out, by each of the ways.
    #[test]
    fn round_trips() {
        let all: Vec<u8> = (0..=255).rev().collect();
        for n in 0..all.len() {
            let text = encoded(&all[..n]);
            assert_eq!(decoded(text.as_bytes()).unwrap(), all[..n]);
            let mut slow = vec![b'#'; text.len() + 1];
            let len = all[..n].iter().fold(0, |len, &byte| update(byte, len, &mut slow[len..]));
            assert_eq!(finish(len, &mut slow[len..]), text.len());
            assert_eq!(&slow[..text.len()], text.as_bytes());
            assert_eq!(slow[text.len()], 0);
        }
    }
}
