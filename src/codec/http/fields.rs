//! Header lines of a head that was parsed before, and lists that span several of them.

#![forbid(unsafe_code)]

use super::framing::Header;
use super::scan::trim;

/// The header lines of a head, start line first, in order of arrival. See [`field_at`].
pub fn fields(head: &[u8]) -> impl Iterator<Item = Header<'_>> {
    let mut at = 0;
    core::iter::from_fn(move || {
        let (header, next) = field_at(head, at)?;
        at = next;
        Some(header)
    })
}

/// The header line at `at` of a head, and the position of the line after it; 0 stands for the line
/// after the start line. `None` at the blank line. Lines that are no header lines are skipped.
pub fn field_at(head: &[u8], at: usize) -> Option<(Header<'_>, usize)> {
    let mut at = if at == 0 { line_end(head, 0)? } else { at };
    loop {
        let end = line_end(head, at)?;
        let line = head[at..end].strip_suffix(b"\n").unwrap_or_default();
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            return None;
        }
        at = end;
        if let Some(colon) = memchr::memchr(b':', line).filter(|colon| *colon > 0) {
            return Some((Header { name: &line[..colon], value: trim(&line[colon + 1..]) }, at));
        }
    }
}

/// Position after the line at `at`.
fn line_end(head: &[u8], at: usize) -> Option<usize> {
    memchr::memchr(b'\n', head.get(at..)?).map(|n| at + n + 1)
}

/// Replaces the line ends of folded header lines of a response by spaces, in place (RFC 9112, section
/// 5.2). `head` ends with its blank line.
pub fn unfold(head: &mut [u8]) {
    for at in 1..head.len() {
        if matches!(head[at], b' ' | b'\t') && head[at - 1] == b'\n' {
            head[at - 1] = b' ';
            if at >= 2 && head[at - 2] == b'\r' {
                head[at - 2] = b' ';
            }
        }
    }
}

/// The entries of a list, of one value or the values of several lines (RFC 9110, section 5.6.1):
/// trimmed, without empty ones. A comma within quotes divides nothing.
pub fn entries<'a>(values: impl IntoIterator<Item = &'a [u8]>) -> impl Iterator<Item = &'a [u8]> {
    values.into_iter().flat_map(|value| {
        let (mut quoted, mut escaped) = (false, false);
        value
            .split(move |&b| {
                let divides = b == b',' && !quoted;
                quoted ^= b == b'"' && !escaped;
                escaped = quoted && b == b'\\' && !escaped;
                divides
            })
            .map(trim)
            .filter(|entry| !entry.is_empty())
    })
}

/// Whether a list of tokens has this one; tokens have no case.
pub fn has_token<'a>(values: impl IntoIterator<Item = &'a [u8]>, token: &[u8]) -> bool {
    entries(values).any(|entry| entry.eq_ignore_ascii_case(token))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines() {
        let head = b"GET / HTTP/1.1\r\nA: 1\nB:\t2 \r\n: x\r\nno colon\r\nC:\r\n\r\nD: 4\r\n";
        let found: Vec<_> = fields(head).map(|h| [h.name, b"=", h.value].concat()).collect();
        assert_eq!(found, [&b"A=1"[..], b"B=2", b"C="]);
        for head in [&b""[..], b"GET", b"GET\r\n", b"GET\r\n\r\n", b"GET\r\nA: b", b"\n\n"] {
            assert_eq!(fields(head).count(), 0, "{head:?}");
        }
        assert_eq!(field_at(head, 1 << 40), None);
    }

    #[test]
    fn unfolded() {
        let mut head = *b"HTTP/1.1 200 OK\r\nA: 1,\r\n 2\nB: 3\n\t4\r\n  5\r\n\r\n";
        unfold(&mut head);
        assert_eq!(&head[..], b"HTTP/1.1 200 OK\r\nA: 1,   2\nB: 3 \t4    5\r\n\r\n");
        unfold(&mut []);
        unfold(&mut [b' ']);
    }

    #[test]
    fn lists() {
        let list = |values: &[&'static str]| -> Vec<String> {
            let values: Vec<&[u8]> = values.iter().map(|v| v.as_bytes()).collect();
            entries(values).map(|e| String::from_utf8(e.to_vec()).unwrap()).collect()
        };
        assert_eq!(list(&["a, b", "", " ,c ,,"]), ["a", "b", "c"]);
        assert_eq!(list(&["\"a,b\", c"]), ["\"a,b\"", "c"]);
        assert_eq!(list(&["x=\"a\\\",b\", c", "\"open, d"]), ["x=\"a\\\",b\"", "c", "\"open, d"]);
        assert!(has_token([&b"keep-alive"[..], b"UPGRADE"], b"upgrade"));
        assert!(!has_token([&b"upgrades"[..], b""], b"upgrade"));
    }
}
