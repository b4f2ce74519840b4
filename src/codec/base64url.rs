//! Base64 with the alphabet for URLs and file names (RFC 4648, section 5), written without padding.
#![forbid(unsafe_code)]

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const INVALID: u8 = 255;

const VALUES: [u8; 256] = {
    let mut values = [INVALID; 256];
    let mut i = 0;
    while i < ALPHABET.len() {
        values[ALPHABET[i] as usize] = i as u8;
        i += 1;
    }
    values
};

/// Length of the text for `n` bytes, if it fits a `usize`.
pub fn encoded_len(n: usize) -> Option<usize> {
    (n / 3).checked_mul(4)?.checked_add([0, 2, 3][n % 3])
}

/// Appends the text for `bytes` to `out`.
pub fn encode(bytes: &[u8], out: &mut Vec<u8>) {
    for group in bytes.chunks(3) {
        let byte = |i: usize| u32::from(group.get(i).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for i in 0..=group.len() as u32 {
            out.push(ALPHABET[(bits >> (18 - 6 * i) & 63) as usize]);
        }
    }
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
    digits(body).map(|(bytes, _)| bytes)
}

/// Decodes `text` as RFC 7515 has it: without padding, and with one spelling for each value.
pub fn decode_strict(text: &[u8]) -> Option<Vec<u8>> {
    digits(text).filter(|(_, rest)| *rest == 0).map(|(bytes, _)| bytes)
}

/// The bytes, and the bits that are left over.
fn digits(text: &[u8]) -> Option<(Vec<u8>, u32)> {
    if text.len() % 4 == 1 {
        return None;
    }
    let mut out = Vec::with_capacity(text.len() / 4 * 3 + 2);
    let (mut bits, mut count) = (0u32, 0);
    for byte in text {
        let value = VALUES[usize::from(*byte)];
        if value == INVALID {
            return None;
        }
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count) as u8);
            bits &= (1 << count) - 1;
        }
    }
    Some((out, bits))
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
