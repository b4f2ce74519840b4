//! Lists of revoked certificates (RFC 5280, 5), as far as webpki does not look at them.
#![forbid(unsafe_code)]

use super::x509::{inside, take};
use core::time::Duration;
use x509_cert::der::{Decode, Reader, Tag};
use x509_cert::time::Time;

/// When a list was issued (thisUpdate), since 1970.
pub fn issued(list: &[u8]) -> Option<Duration> {
    let mut signed = inside(take(&mut inside(list, Tag::Sequence)?, Tag::Sequence)?, Tag::Sequence)?;
    take(&mut signed, Tag::Integer); // Version 1 has none.
    for _algorithm_and_issuer in 0..2 {
        take(&mut signed, Tag::Sequence)?;
    }
    Some(Time::from_der(signed.tlv_bytes().ok()?).ok()?.to_unix_duration())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_lists() {
        let list = b"\x30\x18\x30\x16\x02\x01\x01\x30\0\x30\0\x17\x0d700101000100Z";
        assert_eq!(issued(list), Some(Duration::from_secs(60)));
        let first = b"\x30\x15\x30\x13\x30\0\x30\0\x17\x0d700101000100Z";
        assert_eq!(issued(first), Some(Duration::from_secs(60)));
        for len in 0..list.len() {
            assert_eq!(issued(&list[..len]), None);
        }
    }
}
