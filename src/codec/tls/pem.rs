//! PEM texts (RFC 7468): blocks of base64 between lines that name what they are.
//!
//! Allocates: a block is decoded into memory of its own.
#![forbid(unsafe_code)]

use crate::codec::base64;
use zeroize::Zeroize;

const DASHES: &[u8] = b"-----";
const BEGIN: &[u8] = b"-----BEGIN ";
const END: &[u8] = b"-----END ";

/// One block of a text.
#[derive(Debug, PartialEq, Eq)]
pub struct Block<'a> {
    /// What its first line says it is.
    pub label: &'a [u8],
    /// What it holds; `None` when that is encrypted or no base64.
    pub contents: Option<Vec<u8>>,
}

/// True for a file that is no text but DER.
pub fn is_der(input: &[u8]) -> bool {
    input.first() == Some(&0x30)
}

/// The blocks of a text; the text around them is skipped.
pub fn blocks(text: &[u8]) -> impl Iterator<Item = Block<'_>> {
    let mut rest = text;
    core::iter::from_fn(move || {
        let block;
        (block, rest) = next(rest)?;
        Some(block)
    })
}

fn next(text: &[u8]) -> Option<(Block<'_>, &[u8])> {
    let after = &text[find(text, BEGIN)? + BEGIN.len()..];
    let (label, after) = after.split_at(find(after, DASHES)?);
    let after = &after[DASHES.len()..];
    // A block that does not end before the next begins is broken, and only that one is.
    let begins = find(after, BEGIN).unwrap_or(after.len());
    let Some(ends) = find(after, END).filter(|ends| *ends < begins) else {
        return Some((Block { label, contents: None }, &after[begins..]));
    };
    let contents = decode(&after[..ends]);
    Some((Block { label, contents }, &after[ends + END.len()..]))
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    memchr::memmem::find(text, what)
}

/// The bytes of a block's lines. A header line (`Proc-Type: 4,ENCRYPTED`) means encryption.
fn decode(lines: &[u8]) -> Option<Vec<u8>> {
    let mut digits: Vec<u8> = lines.iter().copied().filter(|b| !b.is_ascii_whitespace()).collect();
    let mut bytes = vec![0; base64::decoded_room(digits.len())];
    let len = base64::decode(&digits, &mut bytes).filter(|len| *len > 0 && digits.len().is_multiple_of(4));
    digits.zeroize(); // It may be a private key.
    bytes.truncate(len?);
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<(String, Option<String>)> {
        let word = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        blocks(text.as_bytes()).map(|b| (word(b.label), b.contents.map(|c| word(&c)))).collect()
    }

    fn is(label: &str, contents: Option<&str>) -> (String, Option<String>) {
        (label.into(), contents.map(Into::into))
    }

    #[test]
    fn blocks_and_what_is_between() {
        let text = "about\r\n-----BEGIN A B-----\r\naGVs\r\nbG8=\r\n-----END A B-----\r\nmore -- text\n\
                    -----BEGIN C-----\naGVsbG8=-----END C-----\0\0";
        assert_eq!(found(text), [is("A B", Some("hello")), is("C", Some("hello"))]);
        assert_eq!(found(""), []);
        assert_eq!(found("/etc/ssl/cert.pem"), []);
    }

    #[test]
    fn broken_blocks_do_not_spoil_the_others() {
        let good = "-----BEGIN C-----\naGVsbG8=\n-----END C-----\n";
        for broken in [
            "-----BEGIN C-----\n%%%%\n-----END C-----\n",
            "-----BEGIN C-----\n-----END C-----\n",
            "-----BEGIN C-----\naGVs\n",
            "-----BEGIN C-----\nProc-Type: 4,ENCRYPTED\n\naGVsbG8=\n-----END C-----\n",
        ] {
            let expected = [is("C", Some("hello")), is("C", None), is("C", Some("hello"))];
            assert_eq!(found(&format!("{good}{broken}{good}")), expected, "{broken}");
        }
        assert_eq!(found("-----BEGIN C"), []);
        assert_eq!(found("-----BEGIN C-----"), [is("C", None)]);
    }
}
