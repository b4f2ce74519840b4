//! Byte classes, and searches that look at eight bytes at a time.

#![forbid(unsafe_code)]

const ONES: u64 = u64::from_le_bytes([1; 8]);
const HIGH: u64 = ONES << 7;

const VISIBLE: u8 = 1;
const NAME: u8 = 2;
const TOKEN: u8 = 4;
const CLASS: [u8; 256] = {
    let mut table = [0; 256];
    let mut b = 0x21;
    while b < 0x7f {
        table[b] = match b as u8 {
            b':' => VISIBLE,
            b'(' | b')' | b',' | b'/' | b';'..=b'@' | b'['..=b']' | b'"' | b'{' | b'}' => VISIBLE | NAME,
            _ => VISIBLE | NAME | TOKEN,
        };
        b += 1;
    }
    table
};

/// A control byte that ends the search for the end of a head: all below 0x20 but tab, LF, CR.
pub fn is_control(b: u8) -> bool {
    b < 0x20 && !matches!(b, b'\t' | b'\n' | b'\r')
}

/// Position of the first byte below 0x20 other than tab, at or after `from`; or the length.
#[inline]
pub fn line_stop(buf: &[u8], from: usize) -> usize {
    let mut at = from;
    loop {
        while let Some(word) = buf.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
            let word = u64::from_le_bytes(*word);
            // The lowest bit set marks the first byte below 0x20: a borrow only runs upwards.
            let low = word.wrapping_sub(ONES * 0x20) & !word & HIGH;
            if low != 0 {
                at += (low.trailing_zeros() / 8) as usize;
                break;
            }
            at += 8;
        }
        loop {
            match buf.get(at) {
                Some(b'\t') => at += 1,
                Some(0x20..) if buf.len() - at < 8 => at += 1,
                Some(0x20..) => break,
                _ => return at,
            }
        }
    }
}

/// End of the run of visible characters that starts at `from`: ASCII 0x21 to 0x7e, and UTF-8
/// sequences of the right shape.
#[inline]
pub fn visible_run(buf: &[u8], from: usize) -> usize {
    run(buf, from, VISIBLE)
}

/// End of the run of visible characters that starts at `from`, and where its first `?` is.
#[inline]
pub fn target_run(buf: &[u8], from: usize) -> (usize, Option<usize>) {
    let mut at = from;
    while buf.get(at).is_some_and(|b| CLASS[usize::from(*b)] & VISIBLE != 0 && *b != b'?') {
        at += 1;
    }
    if !buf.get(at).is_some_and(|b| *b == b'?' || *b >= 0x80) {
        return (at, None);
    }
    let end = run(buf, at, VISIBLE);
    (end, memchr::memchr(b'?', &buf[at..end]).map(|mark| at + mark))
}

/// End of the run of characters of a header name that starts at `from`: visible, not a colon; and
/// whether they make a token as RFC 9110 defines it.
#[inline]
pub fn name_run(buf: &[u8], from: usize) -> (usize, bool) {
    let mut at = from;
    while buf.get(at).is_some_and(|b| CLASS[usize::from(*b)] & TOKEN != 0) {
        at += 1;
    }
    if buf.get(at) == Some(&b':') {
        return (at, true);
    }
    let end = run(buf, at, NAME);
    (end, end == at)
}

/// All of `s` makes a token (RFC 9110, section 5.6.2).
pub fn is_token(s: &[u8]) -> bool {
    !s.is_empty() && s.iter().all(|b| CLASS[usize::from(*b)] & TOKEN != 0)
}

#[inline]
fn run(buf: &[u8], from: usize, class: u8) -> usize {
    let mut at = from;
    while let Some(&b) = buf.get(at) {
        if CLASS[usize::from(b)] & class != 0 {
            at += 1;
        } else if b >= 0x80 {
            match utf8_len(&buf[at..]) {
                0 => break,
                n => at += n,
            }
        } else {
            break;
        }
    }
    at
}

/// Length of the well-shaped UTF-8 sequence of 2 to 4 bytes at the start, or 0. Overlong forms and
/// surrogates count as well-shaped: the bytes are passed on, never decoded.
#[cold]
fn utf8_len(buf: &[u8]) -> usize {
    let n = match buf.first() {
        Some(0xc0..=0xdf) => 2,
        Some(0xe0..=0xef) => 3,
        Some(0xf0..=0xf7) => 4,
        _ => return 0,
    };
    match buf.get(1..n) {
        Some(tail) if tail.iter().all(|b| b & 0xc0 == 0x80) => n,
        _ => 0,
    }
}

/// End of the run of spaces that starts at `from`.
#[inline]
pub fn spaces(buf: &[u8], from: usize) -> usize {
    let mut at = from;
    while buf.get(at) == Some(&b' ') {
        at += 1;
    }
    at
}

/// `s` without spaces and tabs at both ends.
#[inline]
pub fn trim(s: &[u8]) -> &[u8] {
    let mut s = s;
    while let [b' ' | b'\t', rest @ ..] = s {
        s = rest;
    }
    while let [rest @ .., b' ' | b'\t'] = s {
        s = rest;
    }
    s
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_stop_finds_every_control_byte_but_tab_at_every_distance() {
        for stop in (0..=0xffu8).filter(|b| *b < 0x20 && *b != b'\t') {
            for distance in 0..40 {
                for tail in 0..12 {
                    let mut text: Vec<u8> =
                        (0..distance).map(|i| [b'a', b'\t', b' ', 0xff, 0x80][i % 5]).collect();
                    text.push(stop);
                    text.extend(std::iter::repeat_n(b'z', tail));
                    assert_eq!(line_stop(&text, 0), distance, "{text:?}");
                    assert_eq!(line_stop(&text, distance), distance);
                    assert_eq!(line_stop(&text[..distance], 0), distance);
                }
            }
        }
        assert_eq!(line_stop(b"abc", 9), 9);
    }

    #[test]
    fn runs_end_at_what_is_not_visible() {
        for (text, visible, name) in [
            (&b"abc d"[..], 3, 3),
            (b"a:b", 3, 1),
            (b"a\x7f", 1, 1),
            (b"a\xc3\xa9b", 4, 4),
            (b"a\xc0\x80b", 4, 4),
            (b"\xed\xa0\x80", 3, 3),
            (b"\xf0\x9f\x98\x80!", 5, 5),
            (b"a\xc3", 1, 1),
            (b"a\xe2\x82", 1, 1),
            (b"a\xffb", 1, 1),
            (b"a\x80b", 1, 1),
            (b"\xf8\x80\x80\x80", 0, 0),
            (b"", 0, 0),
        ] {
            assert_eq!((visible_run(text, 0), name_run(text, 0).0), (visible, name), "{text:?}");
        }
    }

    #[test]
    fn targets_end_where_visible_runs_do() {
        for text in ["/a?b?c d", "/é?b", "/?", "?", "", " ?", "/a b?c", "/a\u{7f}?", "/aé\u{1}?", "/é é?"]
        {
            let end = visible_run(text.as_bytes(), 0);
            let mark = text.as_bytes()[..end].iter().position(|b| *b == b'?');
            assert_eq!(target_run(text.as_bytes(), 0), (end, mark), "{text:?}");
        }
        assert_eq!(target_run(b"?a?b", 1), (4, Some(2)));
    }

    #[test]
    fn tokens() {
        for b in 0..=255u8 {
            let punctuation = b"!#$%&'*+-.^_`|~".contains(&b);
            assert_eq!(is_token(&[b'a', b]), b.is_ascii_alphanumeric() || punctuation, "{b:#x}");
        }
        assert!(!is_token(b"") && !is_token("é".as_bytes()));
    }
}
