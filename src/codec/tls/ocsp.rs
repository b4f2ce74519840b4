//! OCSP responses (RFC 6960, 4.2.1), as far as a server looks at what it hands on.
#![forbid(unsafe_code)]

use super::x509::{context, inside, take};
use x509_cert::der::{Reader, Tag};

/// Why a response is not handed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// It breaks the syntax.
    Unreadable,
    /// The authority did not answer.
    NoAnswer,
    /// The answer is about others.
    OtherCertificate,
}

/// Checks that a response is an answer about the certificate with a serial number, an element of DER.
pub fn check(response: &[u8], serial: &[u8]) -> Result<(), Unfit> {
    const SUCCESSFUL: &[u8] = &[10, 1, 0];
    let mut outer = inside(response, Tag::Sequence).ok_or(Unfit::Unreadable)?;
    let status = take(&mut outer, Tag::Enumerated).ok_or(Unfit::Unreadable)?;
    if status != SUCCESSFUL {
        return Err(Unfit::NoAnswer);
    }
    let bytes = take(&mut outer, context(0, true)).ok_or(Unfit::Unreadable)?;
    let is_about = is_about(bytes, serial).filter(|_| outer.is_finished()).ok_or(Unfit::Unreadable)?;
    if is_about { Ok(()) } else { Err(Unfit::OtherCertificate) }
}

/// `None`: the syntax is broken.
fn is_about(bytes: &[u8], serial: &[u8]) -> Option<bool> {
    let mut bytes = inside(take(&mut inside(bytes, context(0, true))?, Tag::Sequence)?, Tag::Sequence)?;
    take(&mut bytes, Tag::ObjectIdentifier)?;
    let mut basic = inside(take(&mut bytes, Tag::OctetString)?, Tag::OctetString)?;
    let mut signed = inside(take(&mut basic, Tag::Sequence)?, Tag::Sequence)?;
    let mut data = inside(take(&mut signed, Tag::Sequence)?, Tag::Sequence)?;
    take(&mut data, context(0, true)); // Version.
    data.tlv_bytes().ok()?; // Who answers.
    take(&mut data, Tag::GeneralizedTime)?;
    let mut answers = inside(take(&mut data, Tag::Sequence)?, Tag::Sequence)?;
    let mut found = false;
    while !answers.is_finished() {
        let mut answer = inside(take(&mut answers, Tag::Sequence)?, Tag::Sequence)?;
        let mut id = inside(take(&mut answer, Tag::Sequence)?, Tag::Sequence)?;
        take(&mut id, Tag::Sequence)?;
        take(&mut id, Tag::OctetString)?;
        take(&mut id, Tag::OctetString)?;
        found |= take(&mut id, Tag::Integer)? == serial;
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// About the serial number 5.
    fn response() -> Vec<u8> {
        let wrap = |tag: u8, contents: &[&[u8]]| {
            let contents = contents.concat();
            [&[tag, contents.len() as u8][..], &contents].concat()
        };
        let id = wrap(0x30, &[&[0x30, 0], &[4, 0], &[4, 0], &[2, 1, 5]]);
        let answers = wrap(0x30, &[&wrap(0x30, &[&id, &[0x80, 0]])]);
        let data = wrap(0x30, &[&[0xa2, 2, 4, 0], b"\x18\x0f20260101000000Z", &answers]);
        let basic = wrap(0x30, &[&data, &[0x30, 0], &[3, 1, 0]]);
        let bytes = wrap(0x30, &[&[6, 1, 0x2a], &wrap(4, &[&basic])]);
        wrap(0x30, &[&[10, 1, 0], &wrap(0xa0, &[&bytes])])
    }

    #[test]
    fn what_is_handed_on() {
        let response = response();
        assert_eq!(check(&response, &[2, 1, 5]), Ok(()));
        assert_eq!(check(&response, &[2, 1, 6]), Err(Unfit::OtherCertificate));
        assert_eq!(check(&[0x30, 3, 10, 1, 6], &[2, 1, 5]), Err(Unfit::NoAnswer));
        for len in 0..response.len() {
            assert_eq!(check(&response[..len], &[2, 1, 5]), Err(Unfit::Unreadable), "{len}");
        }
        assert_eq!(check(&[0x30, 3, 10, 1, 0], &[2, 1, 5]), Err(Unfit::Unreadable));
    }
}
