//! `multipart/form-data` bodies (RFC 7578), part by part.

#![forbid(unsafe_code)]

use super::params::{extended_param, param};
use super::scan::trim;
use memchr::memmem;
use std::borrow::Cow;

/// A part: views of the body, and names that had to be decoded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Part<'a> {
    /// Parameter `name` of `Content-Disposition`.
    pub name: Option<Cow<'a, [u8]>>,
    /// Parameter `filename` of `Content-Disposition`, or else `filename*`.
    pub filename: Option<Cow<'a, [u8]>>,
    /// Content, without the line end before the delimiter.
    pub body: &'a [u8],
}

/// Text before the first delimiter is searched for that up to here.
const PREAMBLE: usize = 8 * 1024;
/// So many lines of it may look like a delimiter.
const CANDIDATES: usize = 16;

/// The part whose delimiter line is at `ofs`, and the position of the delimiter line after it.
///
/// The delimiter is the first line of the body, or the line at `ofs` when the two differ: the
/// `Content-Type` that names it is not available. When the first line is none, the first line that begins
/// with two dashes and comes again is taken: a preamble precedes it. All line ends are CRLF. `None`
/// after the last part, and when the part is malformed or its end is missing.
///
/// A body is read once in all when each call continues where the last one ended.
pub fn next_part(body: &[u8], ofs: usize) -> Option<(Part<'_>, usize)> {
    let found = part_at(body, ofs);
    if found.is_some() || ofs > 0 {
        return found;
    }
    let preamble = &body[..body.len().min(PREAMBLE)];
    let candidates = memmem::find_iter(preamble, b"\n--").map(|at| at + 1);
    candidates.take(CANDIDATES).find_map(|at| part_at(body, at))
}

fn part_at(body: &[u8], ofs: usize) -> Option<(Part<'_>, usize)> {
    let (delimiter, mut at) = line(body, ofs)?;
    let delimiter = trim(delimiter);
    if delimiter.is_empty() {
        return None;
    }
    if ofs > 0 && delimiter.strip_suffix(b"--").is_some_and(|first| is_delimiter(&body[..ofs], first)) {
        return None; // the closing delimiter; an epilogue follows
    }
    let mut part = Part::default();
    let mut disposed = false;
    loop {
        let (header, next) = folded_line(body, at)?;
        at = next;
        if header.is_empty() {
            break;
        }
        match disposition(header) {
            Some(value) if !disposed => {
                disposed = true;
                part.name = param(value, b"name");
                let extended = || extended_param(value, b"filename").map(Cow::Owned);
                part.filename = param(value, b"filename").or_else(extended);
            }
            _ => {}
        }
    }
    let (content, next) = content(body, at, delimiter)?;
    part.body = content;
    Some((part, next))
}

/// `text` is a delimiter in what precedes the current part: a line near the start.
fn is_delimiter(before: &[u8], text: &[u8]) -> bool {
    let start = &before[..before.len().min(PREAMBLE)];
    !text.is_empty()
        && memmem::find_iter(start, text).any(|at| {
            let is_start = at == 0 || before[at - 1] == b'\n';
            is_start && without_padding(&before[at + text.len()..]).starts_with(b"\r\n")
        })
}

/// What follows the blanks that may follow a delimiter (RFC 2046, section 5.1.1).
fn without_padding(s: &[u8]) -> &[u8] {
    let blanks = s.iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
    &s[blanks..]
}

/// The line at `at` without its CRLF, and the position after that.
fn line(body: &[u8], at: usize) -> Option<(&[u8], usize)> {
    let rest = body.get(at..)?;
    let len = memmem::find(rest, b"\r\n")?;
    Some((&rest[..len], at + len + 2))
}

/// As [`line()`], with the lines that continue it.
fn folded_line(body: &[u8], at: usize) -> Option<(&[u8], usize)> {
    let (first, mut next) = line(body, at)?;
    while !first.is_empty() && matches!(body.get(next), Some(b' ' | b'\t')) {
        next = line(body, next)?.1;
    }
    Some((&body[at..next - 2], next))
}

/// Value of a `Content-Disposition` line.
fn disposition(line: &[u8]) -> Option<&[u8]> {
    let (name, value) = line.split_at(memchr::memchr(b':', line)?);
    name.eq_ignore_ascii_case(b"Content-Disposition").then(|| trim(&value[1..]))
}

/// What is between `start` and the next delimiter line, and the position of that.
fn content<'a>(body: &'a [u8], start: usize, delimiter: &[u8]) -> Option<(&'a [u8], usize)> {
    let rest = &body[start..];
    memmem::find_iter(rest, delimiter).find_map(|at| {
        let after = &rest[at + delimiter.len()..];
        if !without_padding(after).starts_with(b"\r\n") && !after.starts_with(b"--") {
            return None;
        }
        // A part may have no content at all, not even the line end before its delimiter.
        let content = if at == 0 { rest.get(..0) } else { rest[..at].strip_suffix(b"\r\n") };
        Some((content?, start + at))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    type Found = Vec<(Option<String>, Option<String>, Vec<u8>)>;

    fn parts(body: &[u8]) -> Found {
        let (mut found, mut ofs) = (Vec::new(), 0);
        while let Some((part, next)) = next_part(body, ofs) {
            assert!(next > ofs);
            let text = |s: Option<Cow<'_, [u8]>>| s.map(|s| s.escape_ascii().to_string());
            found.push((text(part.name), text(part.filename), part.body.to_vec()));
            ofs = next;
        }
        found
    }

    fn part(name: &str, filename: Option<&str>, body: &[u8]) -> Found {
        vec![(Some(name.to_string()), filename.map(str::to_string), body.to_vec())]
    }

    #[test]
    fn two_parts() {
        let body = b"--xyz\r\nContent-Disposition: form-data; name=\"val\"\r\n\r\nabc\r\ndef\r\n\
            --xyz\r\nContent-Disposition: form-data; name=\"foo\"; filename=\"a b.txt\"\r\n\
            Content-Type: text/plain\r\n\r\nhello world\r\n\r\n--xyz--\r\n";
        let expected = [part("val", None, b"abc\r\ndef"), part("foo", Some("a b.txt"), b"hello world\r\n")];
        assert_eq!(parts(body), expected.concat());
        // Without the last line end.
        assert_eq!(parts(&body[..body.len() - 2]), expected.concat());
    }

    #[test]
    fn headers() {
        for (headers, expected) in [
            ("", None),
            ("Content-Type: x\r\n", None),
            ("content-disposition:form-data; name=a; filename=b c.txt\r\n", Some(("a", Some("b")))),
            ("CONTENT-DISPOSITION:\t x; name=\"\"; filename=\"\"\r\n", Some(("", Some("")))),
            ("Content-Disposition : form-data; name=a\r\n", None),
            ("X: y\r\nContent-Disposition: a; name=b\r\n", Some(("b", None))),
            ("Content-Disposition: a; name=b\r\nContent-Disposition: a; name=c\r\n", Some(("b", None))),
            (
                "Content-Disposition: a; name=\"foo\"; filename=\"safe\rname.txt\"\r\n",
                Some(("foo", Some("safe\\rname.txt"))),
            ),
        ] {
            let body = format!("--b\r\n{headers}\r\nx\r\n--b--\r\n");
            let expected = match expected {
                Some((name, filename)) => part(name, filename, b"x"),
                None => vec![(None, None, b"x".to_vec())],
            };
            assert_eq!(parts(body.as_bytes()), expected, "{headers:?}");
        }
    }

    #[test]
    fn spellings() {
        for (headers, name, filename) in [
            ("Content-Disposition: form-data; Name=\"f\"; FileName=\"x\"", "f", Some("x")),
            ("Content-Disposition: FORM-DATA;\r\n name = f ;\r\n\tfilename=\"x\"", "f", Some("x")),
            (r#"Content-Disposition: form-data; name="f"; filename="a\"b.txt""#, "f", Some(r#"a\"b.txt"#)),
            ("Content-Disposition: form-data; name=f; filename*=UTF-8''a%20b", "f", Some("a b")),
            ("Content-Disposition: form-data; name=f; filename*=UTF-8''a; filename=b", "f", Some("b")),
            ("X-A: y;\r\n name=g\r\nContent-Disposition: form-data; name=f", "f", None),
        ] {
            for (start, padding) in
                [("", ""), ("", " \t "), ("\r\n", ""), ("A preamble.\r\n--x\r\n--bx\r\n", " ")]
            {
                let body = format!(
                    "{start}--b{padding}\r\n{headers}\r\n\r\nx\r\n--b{padding}\r\n\r\ny\r\n--b--{padding}\r\nend\r\n--b--"
                );
                let expected = [part(name, filename, b"x"), vec![(None, None, b"y".to_vec())]].concat();
                assert_eq!(parts(body.as_bytes()), expected, "{body}");
            }
        }
    }

    #[test]
    fn contents() {
        for content in
            [&b""[..], b"\0\r\n\0\xff", b"\r\n", b"--bX", b"\r\n--bX", b"x--b--", b"\n--b\r", b"--B\r\n"]
        {
            let body = [b"--b\r\nContent-Disposition: x; name=n\r\n\r\n", content, b"\r\n--b--"].concat();
            assert_eq!(parts(&body), part("n", None, content), "{content:?}");
        }
    }

    #[test]
    fn a_part_may_lack_even_the_line_end_of_its_content() {
        let body = b"--b\r\nContent-Disposition: x; name=n\r\n\r\n--b\r\n\r\ny\r\n--b--";
        assert_eq!(parts(body), [part("n", None, b""), vec![(None, None, b"y".to_vec())]].concat());
    }

    #[test]
    fn no_parts() {
        for body in [
            &b""[..],
            b"garbage",
            b"\r\n\r\n\r\n",
            b"--b",
            b"--b\r\n",
            b"--b--\r\n",
            b"--b\r\nA: b",
            b"--b\r\nA: b\r\n",
            b"--b\nContent-Disposition: x; name=a\n\nv\n--b--\n",
            b"--b\r\nA: b\r\n\r\nunterminated",
            b"--b\r\nA: b\r\n\r\nx\r\n--bX",
            b"--b\r\nA: b\r\n\r\nx\r\n--b",
            b"--b\r\nA: b\r\n\r\nx\r\n--b-",
            b"--b\r\nA: b\r\n\r\nx\n--b--\r\n",
        ] {
            assert_eq!(parts(body), [], "{body:?}");
        }
        assert_eq!(next_part(b"--b\r\n\r\n\r\n--b--", 99), None);
        assert_eq!(next_part(b"", 0), None);
    }

    #[test]
    fn nothing_after_the_closing_delimiter_is_a_part() {
        let body = b"--b\r\n\r\nx\r\n--b--\r\nA: b\r\n\r\nepilogue\r\n--b--\r\n--b--\r\n";
        assert_eq!(parts(body).len(), 1);
    }

    #[test]
    fn a_boundary_may_end_in_two_dashes() {
        let body = b"--b--\r\n\r\nx\r\n--b--\r\n\r\ny\r\n--b----\r\n";
        assert_eq!(parts(body).len(), 2);
    }

    #[test]
    fn many_delimiters_take_linear_time() {
        // Each of these looks like the start of the delimiter; a scan per position would not end.
        let mut body = vec![b'-'; 2_000_000];
        body.extend(b"\r\n\r\n");
        body.resize(4_000_000, b'-');
        assert_eq!(parts(&body), []);
        // Each of these looks like the first delimiter.
        let mut body = b"x\r\n".to_vec();
        (0..100_000).for_each(|i| body.extend(format!("--{i}\r\n").bytes()));
        assert_eq!(parts(&body), []);
    }
}
