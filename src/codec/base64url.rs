//! Base64 with the alphabet for URLs and file names (RFC 4648, section 5), written without padding.
#![forbid(unsafe_code)]

use base64::Engine;
use base64::alphabet::URL_SAFE;
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD, URL_SAFE_NO_PAD};

/// Ignores the bits that are left over at the end.
const LENIENT: GeneralPurpose = GeneralPurpose::new(&URL_SAFE, NO_PAD.with_decode_allow_trailing_bits(true));

/// Length of the text for `n` bytes, if it fits a `usize`.
pub fn encoded_len(n: usize) -> Option<usize> {
    (n / 3).checked_mul(4)?.checked_add([0, 2, 3][n % 3])
}

/// Appends the text for `bytes` to `out`.
pub fn encode(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(URL_SAFE_NO_PAD.encode(bytes).as_bytes());
}

/// Decodes `text`; `None` when it is no base64url. Padding may be there, or not; bits that are left
/// over at the end do not count.
pub fn decode(text: &[u8]) -> Option<Vec<u8>> {
    if text.len() % 4 == 1 {
        return None;
    }
    let end = text.iter().position(|b| *b == b'=').unwrap_or(text.len());
    let (body, padding) = text.split_at(end);
    if padding.iter().any(|b| *b != b'=') {
        return None;
    }
    LENIENT.decode(body).ok()
}

/// Decodes `text` as RFC 7515 has it: without padding, and with one spelling for each value.
pub fn decode_strict(text: &[u8]) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts() {
        for (bytes, text) in
            [(&b"???"[..], "Pz8_"), (b"\xff\xff\xfe", "___-"), (b"\xfb", "-w"), (b"ab", "YWI"), (b"", "")]
        {
            let mut out = Vec::new();
            encode(bytes, &mut out);
            assert_eq!((out.as_slice(), encoded_len(bytes.len())), (text.as_bytes(), Some(text.len())));
            assert_eq!(decode_strict(text.as_bytes()).as_deref(), Some(bytes));
        }
        for (text, bytes) in [
            ("QQ", Some(&b"A"[..])),
            ("QQ=", Some(b"A")),
            ("QQ==", Some(b"A")),
            ("QUI=", Some(b"AB")),
            ("QUJDRA", Some(b"ABCD")),
            ("QR", Some(b"A")),
            ("A", None),
            ("QQ===", None),
            ("Pz8/", None),
            ("Pz8+", None),
            ("QU JD", None),
            ("QQ==QQ", None),
            ("Q=QQ", None),
            ("Q===", None),
        ] {
            assert_eq!(decode(text.as_bytes()).as_deref(), bytes, "{text}");
        }
        for text in ["QR", "QQ==", "QUJ", "A", "Q"] {
            assert_eq!(decode_strict(text.as_bytes()), None, "{text}");
        }
        assert_eq!(encoded_len(usize::MAX), None);
    }
}
