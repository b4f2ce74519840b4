//! Comparing and splitting text.
#![forbid(unsafe_code)]

use core::cmp::Ordering;

/// Compares bytes, ASCII letters without regard to case.
pub fn compare_ignore_case(a: &[u8], b: &[u8]) -> Ordering {
    a.iter().map(u8::to_ascii_lowercase).cmp(b.iter().map(u8::to_ascii_lowercase))
}

/// The difference between the first two bytes that differ, ASCII letters without regard to case.
/// The shorter text continues with a zero; 0 if there is no difference.
pub fn difference_ignore_case(a: &[u8], b: &[u8]) -> i32 {
    let padded = |text: &[u8], i: usize| i32::from(text.get(i).map_or(0, u8::to_ascii_lowercase));
    let end = a.len().max(b.len());
    (0..end).map(|i| padded(a, i) - padded(b, i)).find(|&d| d != 0).unwrap_or(0)
}

/// The part before the first `separator` and the offset of the part after it: the end of `text`
/// if there is no separator. Nothing if `text` is empty.
pub fn span(text: &[u8], separator: u8) -> Option<(&[u8], usize)> {
    if text.is_empty() {
        return None;
    }
    Some(match memchr::memchr(separator, text) {
        Some(at) => (&text[..at], at + 1),
        None => (text, text.len()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comparing_without_case() {
        let ordering = |a: &str, b: &str| compare_ignore_case(a.as_bytes(), b.as_bytes());
        assert_eq!(ordering("a", "B"), Ordering::Less);
        assert_eq!(ordering("b", "A"), Ordering::Greater);
        assert_eq!(ordering("hi", "HI"), Ordering::Equal);
        assert_eq!(ordering("[", "a"), Ordering::Less);
        assert_eq!(ordering("_", "A"), Ordering::Less);
        assert_eq!(ordering("ab", "ABC"), Ordering::Less);
        assert_eq!(compare_ignore_case(b"\x80", b"a"), Ordering::Greater);
    }

    #[test]
    fn difference_of_the_first_bytes_that_differ() {
        let rows = [("", "", 0), ("", "1", -49), ("a", "A", 0), ("a1", "A", 49), ("a", "A1", -49)];
        for (a, b, wanted) in rows.into_iter().chain([("a", "B", -1), ("Z", "a", 25)]) {
            assert_eq!(difference_ignore_case(a.as_bytes(), b.as_bytes()), wanted, "{a:?} {b:?}");
        }
        assert_eq!(difference_ignore_case(b"\xff", b"\x01"), 254);
    }

    #[test]
    fn spans() {
        let rows: [(&str, u8, &str, usize); 6] = [
            ("aa.bb.cc", b'.', "aa", 3),
            (".aa", b'.', "", 1),
            ("aa.", b'.', "aa", 3),
            ("aa", b'.', "aa", 2),
            (",", b',', "", 1),
            ("a,,b", b',', "a", 2),
        ];
        for (text, separator, part, rest) in rows {
            assert_eq!(span(text.as_bytes(), separator), Some((part.as_bytes(), rest)), "{text:?}");
        }
        assert_eq!(span(b"", b'.'), None);
    }
}
