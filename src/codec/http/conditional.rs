//! Entity tags and the headers that compare them (RFC 9110, sections 8.8.3 and 13.1).

#![forbid(unsafe_code)]

/// The entity tag of a file: its time and its size, in quotes.
#[derive(Clone, Copy, Debug)]
pub struct Etag {
    // Two numbers of 20 characters, two quotes, a dot.
    buf: [u8; 43],
    len: usize,
}

impl Etag {
    /// The tag of a file that was changed at `mtime`, in seconds, and has `size` bytes.
    pub fn new(mtime: i64, size: u64) -> Self {
        let mut etag = Etag { buf: [0; 43], len: 0 };
        etag.push(b"\"");
        etag.push(itoa::Buffer::new().format(mtime).as_bytes());
        etag.push(b".");
        etag.push(itoa::Buffer::new().format(size).as_bytes());
        etag.push(b"\"");
        etag
    }

    fn push(&mut self, bytes: &[u8]) {
        self.buf[self.len..self.len + bytes.len()].copy_from_slice(bytes);
        self.len += bytes.len();
    }

    /// The tag with its quotes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.buf[..self.len]
    }
}

/// `If-None-Match` names the tag, or is `*`: the client has this version, the status is 304.
///
/// Tags are compared weakly: `W/` in front of one plays no part.
pub fn none_match(header: &[u8], etag: &[u8]) -> bool {
    let mut rest = header;
    loop {
        rest = skip(rest, b" \t,");
        if rest == b"*" {
            return true;
        }
        let tag = rest.strip_prefix(b"W/").unwrap_or(rest);
        let Some(len) = tag_len(tag) else { return false };
        if tag[..len] == *strong(etag) {
            return true;
        }
        rest = skip(&tag[len..], b" \t");
        if !matches!(rest, [] | [b',', ..]) {
            return false;
        }
    }
}

/// `If-Range` allows to send a part: it names this very version.
///
/// Tags are compared strongly; a date never matches, for no `Last-Modified` was sent.
pub fn if_range(header: &[u8], etag: &[u8]) -> bool {
    header == etag && etag.starts_with(b"\"")
}

/// A tag without `W/`.
fn strong(etag: &[u8]) -> &[u8] {
    etag.strip_prefix(b"W/").unwrap_or(etag)
}

/// Length of the quoted tag at the start of `s`. Tags have no escapes.
fn tag_len(s: &[u8]) -> Option<usize> {
    let quoted = s.strip_prefix(b"\"")?;
    memchr::memchr(b'"', quoted).map(|end| end + 2)
}

fn skip<'a>(s: &'a [u8], what: &[u8]) -> &'a [u8] {
    let n = s.iter().take_while(|b| what.contains(b)).count();
    &s[n..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn format() {
        assert_eq!(Etag::new(100, 5).as_bytes(), b"\"100.5\"");
        let longest = Etag::new(i64::MIN, u64::MAX);
        assert_eq!(longest.as_bytes(), b"\"-9223372036854775808.18446744073709551615\"");
    }

    #[test]
    fn if_none_match() {
        for (header, expected) in [
            (r#""1.2""#, true),
            (r#"W/"1.2""#, true),
            (r#""x", "1.2""#, true),
            (r#""x","1.2","y""#, true),
            (r#"W/"x" , W/"1.2""#, true),
            (r#""a,b", "1.2""#, true),
            (r#", ,"1.2""#, true),
            ("*", true),
            (" * ", false), // values come without spaces around
            (r#""1.3""#, false),
            (r#""x,"1.2""#, false),
            (r#"1.2"#, false),
            (r#"w/"1.2""#, false),
            (r#""1.2"#, false),
            (r#""x" "1.2""#, false),
            (r#""\"1.2""#, false),
            ("", false),
        ] {
            assert_eq!(none_match(header.as_bytes(), br#""1.2""#), expected, "{header}");
        }
        assert!(none_match(br#""1""#, br#"W/"1""#));
    }

    #[test]
    fn if_range_is_strict() {
        assert!(if_range(br#""1.2""#, br#""1.2""#));
        assert!(!if_range(br#"W/"1.2""#, br#""1.2""#));
        assert!(!if_range(br#"W/"1.2""#, br#"W/"1.2""#));
        assert!(!if_range(b"Sun, 06 Nov 1994 08:49:37 GMT", br#""1.2""#));
        assert!(!if_range(b"*", br#""1.2""#));
        assert!(!if_range(b"", b""));
    }
}
