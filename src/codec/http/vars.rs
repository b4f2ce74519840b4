//! Named values in query strings and forms, and parameters of header values.

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

/// The value of parameter `name` (the case counts) in a header value such as
/// `form-data; name="a b"; filename=c`.
///
/// The name stands at the start or behind a space, tab, `;` or `,`, outside of quotes, and `=`
/// follows at once. A quoted value ends at the next quote, another one at `;`, `,`, space or the
/// end. The value of a quote that is never closed includes the quote and runs to the end.
pub fn header_var<'a>(s: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    if name.is_empty() {
        return None;
    }
    let mut at = 0;
    let mut starts = true;
    while let Some(&b) = s.get(at) {
        let rest = &s[at..];
        if starts && rest.starts_with(name) && rest.get(name.len()) == Some(&b'=') {
            return Some(header_value(&rest[name.len() + 1..]));
        }
        starts = matches!(b, b' ' | b'\t' | b';' | b',');
        at += match b {
            b'"' => 2 + memchr::memchr(b'"', &rest[1..]).unwrap_or(rest.len()),
            _ => 1,
        };
    }
    None
}

fn header_value(s: &[u8]) -> &[u8] {
    if let [b'"', quoted @ ..] = s {
        return match memchr::memchr(b'"', quoted) {
            Some(end) => &quoted[..end],
            None => s,
        };
    }
    let end = s.iter().position(|b| matches!(b, b';' | b' ' | b','));
    &s[..end.unwrap_or(s.len())]
}

/// True when one of these header lines has that name, in any case.
pub fn has_line(lines: &[u8], name: &[u8]) -> bool {
    lines.split(|b| *b == b'\n').any(|line| {
        line.split_at_checked(name.len())
            .is_some_and(|(start, rest)| start.eq_ignore_ascii_case(name) && rest.first() == Some(&b':'))
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
    fn header_parameters() {
        let digest = r#"Digest foo="bar", blah,boo=baz, x="yy""#;
        let upload = r#"form-data; name="a"; filename="b.txt""#;
        for (s, name, expected) in [
            (digest, "foo", Some("bar")),
            (digest, "boo", Some("baz")),
            (digest, "x", Some("yy")),
            (digest, "fooo", None),
            (digest, "fo", None),
            (digest, "blah", None),
            (digest, "", None),
            ("", "a", None),
            (r#"Digest foo="bar"#, "foo", Some("\"bar")),
            (upload, "name", Some("a")),
            (upload, "filename", Some("b.txt")),
            ("multipart/form-data; boundary=abc", "boundary", Some("abc")),
            (r#"x; a=""; b=2"#, "a", Some("")),
            (r#"a="b c";d"#, "a", Some("b c")),
            ("a=b,c=d", "a", Some("b")),
            ("a=b c", "a", Some("b")),
            (r#"a="x\"y" z"#, "a", Some("x\\")),
            ("A=12", "a", None),
            ("a = 12", "a", None),
        ] {
            let found = header_var(s.as_bytes(), name.as_bytes());
            assert_eq!(found, expected.map(str::as_bytes), "{s} {name}");
        }
    }

    #[test]
    fn a_header_parameter_is_a_whole_name_outside_of_quotes() {
        for (s, name, expected) in [
            (r#"form-data; filename="b.txt"; name="a""#, "name", Some("a")),
            ("xaccess_token=evil; access_token=good", "access_token", Some("good")),
            (r#"form-data; filename="x; name=evil"; name="a""#, "name", Some("a")),
            (r#"filename="name=evil"#, "name", None),
            ("a=1", "a", Some("1")),
            ("a=", "a", Some("")),
            ("b=1,a=2", "a", Some("2")),
            ("b=1\ta=2", "a", Some("2")),
            ("b=1:a=2", "a", None),
            (r#""x"a=2"#, "a", None),
            ("aa=2", "a", None),
            ("a a=2", "a", Some("2")),
        ] {
            let found = header_var(s.as_bytes(), name.as_bytes());
            assert_eq!(found, expected.map(str::as_bytes), "{s} {name}");
        }
    }
}
