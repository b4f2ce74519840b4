//! Text made safe for its surroundings: JSON strings, HTML, hexadecimal.
#![forbid(unsafe_code)]

use super::Sink;
use super::number::HEX;

/// What follows the backslash in a JSON string: the letter of the short form, `u` where there
/// is none, 0 for bytes that need no escape.
const JSON_ESCAPES: [u8; 256] = {
    let mut escapes = [0; 256];
    let mut byte = 0;
    while byte < 0x20 {
        escapes[byte] = b'u';
        byte += 1;
    }
    escapes[0x08] = b'b';
    escapes[0x0c] = b'f';
    escapes[b'\n' as usize] = b'n';
    escapes[b'\r' as usize] = b'r';
    escapes[b'\t' as usize] = b't';
    escapes[b'"' as usize] = b'"';
    escapes[b'\\' as usize] = b'\\';
    escapes
};

/// The body of a JSON string: `"`, `\` and control characters escaped, all else as it is.
///
/// Returns the number of bytes put.
pub fn json<S: Sink>(text: &[u8], out: &mut S) -> usize {
    /// Bytes that are looked at one by one where there is an escape.
    const PIECE: usize = 16;
    let mut count = 0;
    let mut rest = text;
    loop {
        let clean = clean_json(rest);
        if clean >= PIECE || clean == rest.len() {
            out.put(&rest[..clean]);
            count += clean;
            rest = &rest[clean..];
            if rest.is_empty() {
                return count;
            }
        }
        let (piece, after) = rest.split_at(rest.len().min(PIECE));
        let mut escaped = [0; 6 * PIECE];
        let mut len = 0;
        for &byte in piece {
            match JSON_ESCAPES[usize::from(byte)] {
                0 => {
                    escaped[len] = byte;
                    len += 1;
                }
                b'u' => {
                    let [high, low] = hex_digits(byte);
                    escaped[len..len + 6].copy_from_slice(&[b'\\', b'u', b'0', b'0', high, low]);
                    len += 6;
                }
                code => {
                    escaped[len..len + 2].copy_from_slice(&[b'\\', code]);
                    len += 2;
                }
            }
        }
        out.put(&escaped[..len]);
        count += len;
        rest = after;
    }
}

/// How many bytes at the start need no escape in a JSON string.
fn clean_json(text: &[u8]) -> usize {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const HIGHS: u64 = ONES << 7;
    // The high bits of the bytes of `word` that are below `limit` (at most 128). Bytes after the
    // first such one may be marked wrongly.
    let below = |word: u64, limit: u64| word.wrapping_sub(ONES * limit) & !word & HIGHS;
    let mut at = 0;
    while let Some((word, _)) = text[at..].split_first_chunk::<8>() {
        let word = u64::from_le_bytes(*word);
        let special = below(word, 0x20)
            | below(word ^ (ONES * u64::from(b'"')), 1)
            | below(word ^ (ONES * u64::from(b'\\')), 1);
        if special != 0 {
            return at + special.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    let special = text[at..].iter().position(|&b| JSON_ESCAPES[usize::from(b)] != 0);
    special.map_or(text.len(), |n| at + n)
}

/// Text for HTML, also inside double-quoted attributes: `&`, `<`, `>` and `"` become entities.
///
/// Returns the number of bytes put.
pub fn html<S: Sink>(text: &[u8], out: &mut S) -> usize {
    let mut count = 0;
    let mut rest = text;
    loop {
        let clean = rest.iter().position(|b| b"&<>\"".contains(b)).unwrap_or(rest.len());
        if clean > 0 {
            out.put(&rest[..clean]);
            count += clean;
        }
        let entity: &[u8] = match rest.get(clean) {
            None => return count,
            Some(b'&') => b"&amp;",
            Some(b'<') => b"&lt;",
            Some(b'>') => b"&gt;",
            Some(_) => b"&quot;",
        };
        out.put(entity);
        count += entity.len();
        rest = &rest[clean + 1..];
    }
}

/// Two lower-case digits for each byte. Returns the number of bytes put.
pub fn hex<S: Sink>(bytes: &[u8], out: &mut S) -> usize {
    for block in bytes.chunks(32) {
        let mut text = [0; 64];
        for (digits, &byte) in text.chunks_exact_mut(2).zip(block) {
            digits.copy_from_slice(&hex_digits(byte));
        }
        out.put(&text[..2 * block.len()]);
    }
    2 * bytes.len()
}

/// The two lower-case hexadecimal digits of a byte.
pub fn hex_digits(byte: u8) -> [u8; 2] {
    [HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]
}
