//! Entity tags and the headers that compare them (RFC 9110, sections 8.8.3 and 13.1).

#![forbid(unsafe_code)]

use crate::codec::date::parse_http_date;

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

/// What a request makes its answer depend on: the values of these headers.
#[derive(Clone, Copy, Debug, Default)]
pub struct Conditions<'a> {
    /// `If-Match`.
    pub matches: Option<&'a [u8]>,
    /// `If-Unmodified-Since`.
    pub unmodified_since: Option<&'a [u8]>,
    /// `If-None-Match`.
    pub none_match: Option<&'a [u8]>,
    /// `If-Modified-Since`.
    pub modified_since: Option<&'a [u8]>,
}

/// What a file is compared by.
#[derive(Clone, Copy, Debug)]
pub struct Validators<'a> {
    /// Its entity tag, with the quotes.
    pub etag: &'a [u8],
    /// When it was changed, in seconds since the start of 1970.
    pub modified: i64,
}

/// What becomes of a request with conditions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is served.
    Serve,
    /// The client has this version: status 304.
    NotModified,
    /// Status 412.
    Failed,
}

impl Conditions<'_> {
    /// Evaluates the conditions in their order (RFC 9110, section 13.2.2). `reads`: the method is GET or
    /// HEAD. Dates that are none do not count (sections 13.1.3 and 13.1.4).
    pub fn evaluate(&self, file: Validators<'_>, reads: bool, now: i64) -> Outcome {
        let changed_after = |date: Option<&[u8]>| Some(file.modified > parse_http_date(date?, now)?);
        let kept = match self.matches {
            Some(tags) => has_tag(tags, file.etag, true),
            None => changed_after(self.unmodified_since) != Some(true),
        };
        if !kept {
            return Outcome::Failed;
        }
        match self.none_match {
            Some(tags) if !has_tag(tags, file.etag, false) => Outcome::Serve,
            Some(_) if reads => Outcome::NotModified,
            Some(_) => Outcome::Failed,
            None if reads && changed_after(self.modified_since) == Some(false) => Outcome::NotModified,
            None => Outcome::Serve,
        }
    }
}

/// A list of tags names this one, or is `*`. Compared strongly, tags with a `W/` prefix match nothing;
/// else the prefix is ignored (RFC 9110, section 8.8.3.2).
fn has_tag(list: &[u8], etag: &[u8], strongly: bool) -> bool {
    let mut rest = list;
    loop {
        rest = skip(rest, b" \t,");
        if rest == b"*" {
            return true;
        }
        let tag = rest.strip_prefix(b"W/").unwrap_or(rest);
        let Some(len) = tag_len(tag) else { return false };
        let counts = !strongly || (tag.len() == rest.len() && etag.starts_with(b"\""));
        if counts && tag[..len] == *strong(etag) {
            return true;
        }
        rest = skip(&tag[len..], b" \t");
        if !matches!(rest, [] | [b',', ..]) {
            return false;
        }
    }
}

/// `If-Range` allows to send a part: it names this very version (RFC 9110, section 13.1.5).
///
/// Tags are compared strongly. A date has to be the very one: it is as exact as the tag of a file.
pub fn if_range(header: &[u8], file: Validators<'_>, now: i64) -> bool {
    if header.starts_with(b"\"") {
        header == file.etag
    } else {
        parse_http_date(header, now) == Some(file.modified)
    }
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

    const TAG: Validators<'static> = Validators { etag: br#""1.2""#, modified: 784_111_777 };
    const NOW: i64 = 1_700_000_000;
    const THEN: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    const BEFORE: &str = "Sun, 06 Nov 1994 08:49:36 GMT";
    const AFTER: &str = "Sun, 06 Nov 1994 08:49:38 GMT";

    #[test]
    fn lists_of_tags() {
        for (header, weakly, strongly) in [
            (r#""1.2""#, true, true),
            (r#"W/"1.2""#, true, false),
            (r#""x", "1.2""#, true, true),
            (r#""x","1.2","y""#, true, true),
            (r#"W/"x" , W/"1.2""#, true, false),
            (r#"W/"1.2", "1.2""#, true, true),
            (r#""a,b", "1.2""#, true, true),
            (r#", ,"1.2""#, true, true),
            ("*", true, true),
            (r#""x", *"#, true, true),
            (" * ", false, false), // values come without spaces around
            (r#""1.3""#, false, false),
            (r#""x,"1.2""#, false, false),
            (r#"1.2"#, false, false),
            (r#"w/"1.2""#, false, false),
            (r#""1.2"#, false, false),
            (r#""x" "1.2""#, false, false),
            (r#""\"1.2""#, false, false),
            ("", false, false),
        ] {
            assert_eq!(has_tag(header.as_bytes(), TAG.etag, false), weakly, "{header}");
            assert_eq!(has_tag(header.as_bytes(), TAG.etag, true), strongly, "{header}");
        }
        assert!(has_tag(br#""1""#, br#"W/"1""#, false) && !has_tag(br#""1""#, br#"W/"1""#, true));
    }

    #[test]
    fn conditions_in_their_order() {
        use Outcome::{Failed, NotModified, Serve};
        let (yes, no) = (Some(r#""1.2""#), Some(r#""x""#));
        // If-Match, If-Unmodified-Since, If-None-Match, If-Modified-Since; GET, PUT.
        for (row, (a, b, c, d, get, put)) in [
            (None, None, None, None, Serve, Serve),
            (yes, None, None, None, Serve, Serve),
            (no, None, None, None, Failed, Failed),
            (Some("*"), None, None, None, Serve, Serve),
            (Some(""), None, None, None, Failed, Failed),
            (None, Some(BEFORE), None, None, Failed, Failed),
            (None, Some(THEN), None, None, Serve, Serve),
            (None, Some(AFTER), None, None, Serve, Serve),
            (None, Some("today"), None, None, Serve, Serve),
            // If-Unmodified-Since does not count beside If-Match.
            (yes, Some(BEFORE), None, None, Serve, Serve),
            (no, Some(AFTER), None, None, Failed, Failed),
            (None, None, yes, None, NotModified, Failed),
            (None, None, no, None, Serve, Serve),
            (None, None, Some("*"), None, NotModified, Failed),
            (None, None, None, Some(BEFORE), Serve, Serve),
            (None, None, None, Some(THEN), NotModified, Serve),
            (None, None, None, Some(AFTER), NotModified, Serve),
            (None, None, None, Some("Sunday, 06-Nov-94 08:49:37 GMT"), NotModified, Serve),
            (None, None, None, Some("0"), Serve, Serve),
            // If-Modified-Since does not count beside If-None-Match.
            (None, None, no, Some(AFTER), Serve, Serve),
            (None, None, yes, Some(BEFORE), NotModified, Failed),
            // The first two come before the others.
            (no, None, yes, None, Failed, Failed),
            (yes, None, yes, None, NotModified, Failed),
            (None, Some(BEFORE), yes, None, Failed, Failed),
            (None, Some(AFTER), None, Some(AFTER), NotModified, Serve),
        ]
        .into_iter()
        .enumerate()
        {
            let conditions = Conditions {
                matches: a.map(str::as_bytes),
                unmodified_since: b.map(str::as_bytes),
                none_match: c.map(str::as_bytes),
                modified_since: d.map(str::as_bytes),
            };
            assert_eq!(conditions.evaluate(TAG, true, NOW), get, "row {row}");
            assert_eq!(conditions.evaluate(TAG, false, NOW), put, "row {row}");
        }
    }

    #[test]
    fn if_range_is_strict() {
        for (header, expected) in [
            (r#""1.2""#, true),
            (THEN, true),
            ("Sun Nov  6 08:49:37 1994", true),
            (AFTER, false),
            (BEFORE, false),
            (r#"W/"1.2""#, false),
            (r#""1.2", "x""#, false),
            ("*", false),
            ("", false),
        ] {
            assert_eq!(if_range(header.as_bytes(), TAG, NOW), expected, "{header}");
        }
        assert!(!if_range(br#"W/"1""#, Validators { etag: br#"W/"1""#, modified: 0 }, NOW));
    }
}
