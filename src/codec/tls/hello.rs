//! The extensions of a ClientHello (RFC 8446, 4.1.2), and the records that it comes in (section 5.1), for
//! what rustls does not let its users decide.
#![forbid(unsafe_code)]

use x509_cert::der::{Reader, SliceReader};

/// The type of the message.
pub const CLIENT_HELLO: u8 = 1;
/// The type of the extension that names the host (RFC 6066, section 3).
pub const SERVER_NAME: u16 = 0;

/// Bytes of a record before its content: type, version, length.
pub const HEADER: usize = 5;
const CHANGE_CIPHER_SPEC: u8 = 20;
const HANDSHAKE: u8 = 22;
/// Bytes of a record's content.
const LONGEST: usize = 1 << 14;

/// Collects the first records of a client.
#[derive(Default)]
pub struct Records(Vec<u8>);

impl Records {
    /// Takes bytes until there is a whole record, and returns that. What is no record of a handshake
    /// is returned as it is.
    pub fn collect(&mut self, received: &mut &[u8]) -> Option<Vec<u8>> {
        loop {
            let missing = match &self.0[..] {
                [CHANGE_CIPHER_SPEC | HANDSHAKE, 3, _, high, low, ..] => {
                    let len = usize::from(u16::from_be_bytes([*high, *low]));
                    if len > LONGEST { 0 } else { HEADER + len - self.0.len() }
                }
                [] => HEADER,
                [CHANGE_CIPHER_SPEC | HANDSHAKE] => HEADER - 1,
                [CHANGE_CIPHER_SPEC | HANDSHAKE, 3, ..] => HEADER - self.0.len(),
                _ => 0,
            };
            if missing == 0 {
                return Some(core::mem::take(&mut self.0));
            }
            let (new, rest) = received.split_at(missing.min(received.len()));
            if new.is_empty() {
                return None;
            }
            self.0.extend_from_slice(new);
            *received = rest;
        }
    }
}

/// The handshake message in a record; `None` for a record of another kind.
pub fn handshake(record: &[u8]) -> Option<&[u8]> {
    record.get(HEADER..).filter(|_| record[0] == HANDSHAKE)
}

/// True when another ClientHello may follow after `record`, the `count`th. `asks_again`: the server has
/// sent a HelloRetryRequest.
pub fn goes_on(record: &[u8], count: usize, asks_again: bool) -> bool {
    match record {
        [CHANGE_CIPHER_SPEC, ..] => true,
        [HANDSHAKE, ..] => asks_again && count == 1,
        _ => false,
    }
}

/// An extension of a ClientHello.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extension<'a> {
    /// Where in the message its type is.
    pub at: usize,
    /// Its type.
    pub kind: u16,
    /// What it holds.
    pub data: &'a [u8],
}

/// The extensions of a whole handshake message; `None` if that is no ClientHello that can be read.
pub fn extensions(message: &[u8]) -> Option<Vec<Extension<'_>>> {
    let mut reader = SliceReader::new(message).ok()?;
    let is_hello = number(&mut reader, 1)? == usize::from(CLIENT_HELLO);
    let is_whole = number(&mut reader, 3)? == message.len() - 4;
    take(&mut reader, 2 + 32)?; // Version and random number.
    for session_suites_and_compression in [1, 2, 1] {
        vector(&mut reader, session_suites_and_compression)?;
    }
    let len = number(&mut reader, 2)?;
    let mut found = Vec::new();
    let mut at = message.len().checked_sub(len)?;
    let mut rest = SliceReader::new(take(&mut reader, len)?).ok()?;
    while !rest.is_finished() {
        let kind = u16::try_from(number(&mut rest, 2)?).ok()?;
        let data = vector(&mut rest, 2)?;
        found.push(Extension { at, kind, data });
        at += 4 + data.len();
    }
    (is_hello && is_whole && reader.is_finished()).then_some(found)
}

impl<'a> Extension<'a> {
    /// The host in an extension that names it; `None` unless that holds exactly one, of up to 255
    /// bytes without NUL.
    pub fn host(&self) -> Option<&'a [u8]> {
        const HOST_NAME: usize = 0;
        let mut reader = SliceReader::new(self.data).ok().filter(|_| self.kind == SERVER_NAME)?;
        let mut names = SliceReader::new(vector(&mut reader, 2)?).ok()?;
        let is_host = number(&mut names, 1)? == HOST_NAME;
        let host = vector(&mut names, 2)?;
        let is_text = host.len() <= 255 && !host.contains(&0);
        (is_host && is_text && names.is_finished() && reader.is_finished()).then_some(host)
    }

    /// True for the extension that lists versions, if TLS 1.3 is among them.
    pub fn offers_tls13(&self) -> bool {
        const SUPPORTED_VERSIONS: u16 = 43;
        let versions = self.data.get(1..).filter(|_| self.kind == SUPPORTED_VERSIONS);
        versions.is_some_and(|versions| versions.chunks_exact(2).any(|version| version == [3, 4]))
    }
}

fn take<'a>(reader: &mut SliceReader<'a>, len: usize) -> Option<&'a [u8]> {
    reader.read_slice(len.try_into().ok()?).ok()
}

/// A number of `len` bytes.
fn number(reader: &mut SliceReader<'_>, len: usize) -> Option<usize> {
    Some(take(reader, len)?.iter().fold(0, |number, byte| number << 8 | usize::from(*byte)))
}

/// Bytes with a length prefix of `size` bytes.
fn vector<'a>(reader: &mut SliceReader<'a>, size: usize) -> Option<&'a [u8]> {
    let len = number(reader, size)?;
    take(reader, len)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(extensions: &[u8]) -> Vec<u8> {
        let mut body = vec![3; 2 + 32];
        body.extend([0, 0, 2, 0x13, 1, 1, 0]); // No session, one suite, no compression.
        body.extend([0, extensions.len() as u8]);
        body.extend(extensions);
        [&[CLIENT_HELLO, 0, 0, body.len() as u8][..], &body].concat()
    }

    #[test]
    fn extensions_of_a_hello() {
        let hello = message(&[0, 9, 0, 1, 7, 0, 0, 0, 0]);
        let found = extensions(&hello).expect("a hello");
        let expected = [(47, 9, &[7][..]), (52, SERVER_NAME, &[])];
        assert_eq!(found, expected.map(|(at, kind, data)| Extension { at, kind, data }));
        assert_eq!(hello[47..49], [0, 9]);
        assert_eq!(extensions(&message(&[])), Some(vec![]));
    }

    #[test]
    fn records_are_collected_however_they_are_cut() {
        let records = [
            &[22, 3, 1, 0, 3, 1, 2, 3][..], // A handshake,
            &[20, 3, 3, 0, 1, 1],           // a change of the cipher,
            &[22, 3, 3, 0, 0],              // an empty one,
            &[22, 3, 1, 0x40, 1],           // too long, and what is no record.
            &[23],
            &[22, 2],
        ];
        let all = records.concat();
        for step in 1..=all.len() {
            let (mut collected, mut found) = (Records::default(), Vec::new());
            for mut piece in all.chunks(step) {
                while let Some(record) = collected.collect(&mut piece) {
                    found.push(record);
                }
                assert!(piece.is_empty());
            }
            let (whole, rest) = found.split_at(4);
            assert_eq!(whole, &records[..4], "{step}");
            assert_eq!(rest.concat(), records[4..].concat()[..rest.concat().len()]);
        }
        assert_eq!(handshake(records[0]), Some(&[1, 2, 3][..]));
        assert_eq!((handshake(records[1]), handshake(&[]), handshake(&[22])), (None, None, None));
        assert!(goes_on(records[1], 1, false) && goes_on(records[0], 1, true));
        assert!(!goes_on(records[0], 2, true) && !goes_on(records[0], 1, false) && !goes_on(&[23], 1, true));
    }

    #[test]
    fn what_is_no_hello() {
        let hello = message(&[0, 9, 0, 1, 7]);
        for len in 0..hello.len() {
            assert_eq!(extensions(&hello[..len]), None, "{len}");
        }
        assert_eq!(extensions(&[&hello[..], &[0]].concat()), None);
        assert_eq!(extensions(&message(&[0, 9, 0, 2, 7])), None);
        let mut other = hello;
        other[0] = 2;
        assert_eq!(extensions(&other), None);
    }

    #[test]
    fn hosts() {
        for (data, expected) in [
            (&[0, 4, 0, 0, 1, b'a'][..], Some(&b"a"[..])),
            (&[0, 5, 0, 0, 2, b'.', 0xff], Some(b".\xff")),
            (&[0, 4, 0, 0, 1, 0], None), // OpenSSL refuses NUL, too.
            (&[0, 3, 0, 0, 0], Some(b"")),
            (&[0, 0], None),
            (&[0, 4, 1, 0, 1, b'a'], None),
            (&[0, 4, 0, 0, 2, b'a'], None),
            (&[0, 8, 0, 0, 1, b'a', 0, 0, 1, b'b'], None),
            (&[0, 4, 0, 0, 1, b'a', 0], None),
        ] {
            assert_eq!(Extension { at: 0, kind: SERVER_NAME, data }.host(), expected, "{data:?}");
            assert_eq!(Extension { at: 0, kind: 1, data }.host(), None);
        }
        for len in [255_u16, 256] {
            let lengths = [&u16::to_be_bytes(len + 3), &[0][..], &u16::to_be_bytes(len)].concat();
            let data = &[lengths, vec![b'a'; len.into()]].concat();
            assert_eq!(Extension { at: 0, kind: SERVER_NAME, data }.host().is_some(), len == 255);
        }
    }

    #[test]
    fn versions() {
        for (kind, data, expected) in [
            (43, &[4, 3, 3, 3, 4][..], true),
            (43, &[2, 3, 3], false),
            (43, &[4, 1, 3, 4, 1], false),
            (44, &[4, 3, 3, 3, 4], false),
            (43, &[], false),
        ] {
            assert_eq!(Extension { at: 0, kind, data }.offers_tls13(), expected, "{data:?}");
        }
    }
}
