//! String bodies: escapes and hexadecimal text.

#![forbid(unsafe_code)]

use memchr::memchr;

/// How decoding ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// At the end of the string.
    Complete,
    /// At a `\u` escape above U+00FF or without four hexadecimal digits.
    Stopped,
    /// At an escape that JSON does not have.
    BadEscape,
    /// Where the output was full.
    NoRoom,
}

/// The result of [`unescape`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decoded {
    /// Bytes written.
    pub len: usize,
    /// Why decoding ended.
    pub end: End,
}

/// A piece of a string body.
enum Fragment<'a> {
    /// Bytes that stand for themselves.
    Plain(&'a [u8]),
    /// The value of a two-byte escape.
    Byte(u8),
    /// The value of a `\uXXXX` escape; `None` if the four characters are not digits.
    Unit(Option<u16>),
    /// Not an escape.
    Bad,
}

/// Cuts a string body into pieces.
struct Pieces<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Pieces<'a> {
    type Item = Fragment<'a>;

    fn next(&mut self) -> Option<Fragment<'a>> {
        let (piece, used) = match self.rest {
            [] => return None,
            [b'\\', b'u', a, b, c, d, ..] => (Fragment::Unit(unit([*a, *b, *c, *d])), 6),
            [b'\\', escape, ..] => (two_byte_escape(*escape).map_or(Fragment::Bad, Fragment::Byte), 2),
            [b'\\'] => (Fragment::Bad, 1),
            plain => {
                let len = memchr(b'\\', plain).unwrap_or(plain.len());
                (Fragment::Plain(&plain[..len]), len)
            }
        };
        self.rest = &self.rest[used..];
        Some(piece)
    }
}

fn two_byte_escape(byte: u8) -> Option<u8> {
    Some(match byte {
        b'b' => 8,
        b'f' => 12,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'"' | b'\\' | b'/' => byte,
        _ => return None,
    })
}

fn unit(digits: [u8; 4]) -> Option<u16> {
    digits.iter().try_fold(0, |value, &digit| Some(value << 4 | u16::from(hex_digit(digit)?)))
}

fn hex_digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

/// Decodes the body of a string into `out`, as the C API has it: `\u00XX` is the single byte XX,
/// and a larger code unit ends the text.
pub fn unescape(body: &[u8], out: &mut [u8]) -> Decoded {
    let mut len = 0;
    for piece in (Pieces { rest: body }) {
        let byte;
        let bytes = match piece {
            Fragment::Plain(bytes) => bytes,
            Fragment::Byte(value) => {
                byte = [value];
                &byte
            }
            Fragment::Unit(value) => match value.map(u8::try_from) {
                Some(Ok(value)) => {
                    byte = [value];
                    &byte
                }
                _ => return Decoded { len, end: End::Stopped },
            },
            Fragment::Bad => return Decoded { len, end: End::BadEscape },
        };
        let room = bytes.len().min(out.len() - len);
        out[len..len + room].copy_from_slice(&bytes[..room]);
        len += room;
        if room < bytes.len() {
            return Decoded { len, end: End::NoRoom };
        }
    }
    Decoded { len, end: End::Complete }
}

/// Decodes the body of a string into UTF-8, surrogate pairs included; returns the bytes written.
///
/// `out` is at least as long as `body`. An unpaired surrogate becomes U+FFFD, since UTF-8 cannot
/// express it. Bytes that are not escaped are copied as they are.
///
/// `None` for an escape that JSON does not have.
pub fn unescape_utf8(body: &[u8], out: &mut [u8]) -> Option<usize> {
    let mut len = 0;
    let mut pieces = Pieces { rest: body };
    while let Some(piece) = pieces.next() {
        match piece {
            Fragment::Plain(bytes) => {
                out[len..len + bytes.len()].copy_from_slice(bytes);
                len += bytes.len();
            }
            Fragment::Byte(byte) => {
                out[len] = byte;
                len += 1;
            }
            Fragment::Unit(unit) => {
                let unit = unit?;
                let low = low_surrogate(pieces.rest).filter(|_| (0xd800..0xdc00).contains(&unit));
                if low.is_some() {
                    pieces.rest = &pieces.rest[6..];
                }
                let character = char::decode_utf16([unit].into_iter().chain(low))
                    .next()
                    .and_then(Result::ok)
                    .unwrap_or(char::REPLACEMENT_CHARACTER);
                len += character.encode_utf8(&mut out[len..]).len();
            }
            Fragment::Bad => return None,
        }
    }
    Some(len)
}

/// The second half of a surrogate pair, if `text` starts with its escape.
fn low_surrogate(text: &[u8]) -> Option<u16> {
    match text {
        [b'\\', b'u', a, b, c, d, ..] => unit([*a, *b, *c, *d]).filter(|u| (0xdc00..0xe000).contains(u)),
        _ => None,
    }
}

/// Decodes pairs of hexadecimal digits into `out`, which holds at least half of `body`; returns
/// the number of bytes. `None`: an odd number of characters, or one that is no such digit.
pub fn hex_pairs(body: &[u8], out: &mut [u8]) -> Option<usize> {
    let (pairs, rest) = body.as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    for (pair, byte) in pairs.iter().zip(out) {
        *byte = hex_digit(pair[0])? << 4 | hex_digit(pair[1])?;
    }
    Some(pairs.len())
}
