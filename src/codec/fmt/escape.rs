//! Text made safe for its surroundings: JSON strings, HTML, hexadecimal.
#![forbid(unsafe_code)]

use super::Sink;
use super::number::HEX;

/// The body of a JSON string: `"`, `\` and control characters escaped, all else as it is.
///
/// Returns the number of bytes put.
pub fn json<S: Sink>(text: &[u8], out: &mut S) -> usize {
    let mut count = 0;
    let mut rest = text;
    loop {
        let clean = clean_json(rest);
        if clean > 0 {
            out.put(&rest[..clean]);
            count += clean;
        }
        let Some(&byte) = rest.get(clean) else {
            return count;
        };
        rest = &rest[clean + 1..];
        let short = match byte {
            b'"' | b'\\' => byte,
            0x08 => b'b',
            0x0c => b'f',
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            _ => {
                let [high, low] = hex_digits(byte);
                out.put(&[b'\\', b'u', b'0', b'0', high, low]);
                count += 6;
                continue;
            }
        };
        out.put(&[b'\\', short]);
        count += 2;
    }
}

/// How many bytes at the start need no escape in a JSON string.
fn clean_json(text: &[u8]) -> usize {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const HIGHS: u64 = ONES << 7;
    // Whether a byte of `word` is below `limit` (at most 128); it may err for bytes behind the
    // first such one only, so a word without is exactly known.
    let has_below = |word: u64, limit: u64| word.wrapping_sub(ONES * limit) & !word & HIGHS != 0;
    let mut at = 0;
    while let Some((word, _)) = text[at..].split_first_chunk::<8>() {
        let word = u64::from_le_bytes(*word);
        if has_below(word, 0x20)
            || has_below(word ^ (ONES * u64::from(b'"')), 1)
            || has_below(word ^ (ONES * u64::from(b'\\')), 1)
        {
            break;
        }
        at += 8;
    }
    let special = text[at..].iter().position(|&b| b < 0x20 || b == b'"' || b == b'\\');
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
