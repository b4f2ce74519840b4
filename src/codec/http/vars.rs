//! Named values in query strings and forms, and in header lines of a program.

#![forbid(unsafe_code)]

/// The raw value of variable `name` in a query string or form body, ignoring case; the first one
/// counts. A name without `=` has an empty value.
pub fn var<'a>(buf: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    if buf.is_empty() {
        return None;
    }
    buf.split(|b| *b == b'&').find_map(|item| {
        let (key, value) = match memchr::memchr(b'=', item) {
            Some(at) => (&item[..at], &item[at + 1..]),
            None => (item, &item[item.len()..]),
        };
        key.eq_ignore_ascii_case(name).then_some(value)
    })
}

/// True when one of these header lines has that name, in any case.
pub fn has_line(lines: &[u8], name: &[u8]) -> bool {
    line_values(lines, name).next().is_some()
}

/// The values of those of these header lines that have that name, in any case.
pub fn line_values<'a>(lines: &'a [u8], name: &[u8]) -> impl Iterator<Item = &'a [u8]> {
    lines.split(|b| *b == b'\n').filter_map(move |line| {
        let (start, rest) = line.split_at_checked(name.len())?;
        let value = rest.strip_prefix(b":").filter(|_| start.eq_ignore_ascii_case(name))?;
        Some(value.trim_ascii())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables() {
        for (buf, name, expected) in [
            ("key1=value1&key2=value2", "key1", Some("value1")),
            ("key1=value1&key2=value2", "KEY2", Some("value2")),
            ("key1=value1&key2=value2", "key", None),
            ("a=1&b=2&a=3", "a", Some("1")),
            ("a", "a", Some("")),
            ("a=", "a", Some("")),
            ("a=&b", "b", Some("")),
            ("a=b=c", "a", Some("b=c")),
            ("%61=1", "a", None),
            ("a=1;b=2", "b", None),
            ("&&&kEy=%", "key", Some("%")),
            ("", "", None),
            ("", "a", None),
        ] {
            assert_eq!(var(buf.as_bytes(), name.as_bytes()), expected.map(str::as_bytes), "{buf} {name}");
        }
    }

    #[test]
    fn header_lines_are_searched_by_whole_names() {
        let lines = b"X: y\r\nsec-websocket-protocol:  a \r\nZ:\r\n";
        for (name, found) in [("Sec-WebSocket-Protocol", true), ("z", true), ("Sec", false), ("y", false)] {
            assert_eq!(has_line(lines, name.as_bytes()), found, "{name}");
        }
        assert_eq!(line_values(lines, b"Sec-WebSocket-Protocol").next(), Some(&b"a"[..]));
    }
}
