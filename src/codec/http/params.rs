//! Parameters of header values (RFC 9110, section 5.6.6), and cookies (RFC 6265).

#![forbid(unsafe_code)]

use super::percent;
use super::scan::trim;
use std::borrow::Cow;

/// The value of parameter `name` (the case counts) in a header value such as
/// `form-data; name="a b"; filename=c`.
///
/// The name is at the start or after a space, tab, `;` or `,`, outside of quoted values; `=`
/// follows, maybe after blanks, and the value at once. A quoted value ends at the next quote, another
/// one at `;`, `,`, space or the end. A quote that is never closed, or does not begin a value, hides
/// nothing: it is a character like others, as in cookies.
pub fn header_var<'a>(s: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let value = find(s, |start| {
        let rest = start.strip_prefix(name)?;
        let value = trim_start(rest).strip_prefix(b"=")?;
        (!is_blank(value.first()) || rest.first() == Some(&b'=')).then_some(value)
    });
    value.filter(|_| !name.is_empty()).map(|value| match value {
        [b'"', quoted @ ..] => memchr::memchr(b'"', quoted).map_or(value, |end| &quoted[..end]),
        _ => token(value),
    })
}

/// The value of parameter `name` of a header such as `Content-Type` or `Content-Disposition`: as
/// [`header_var`], but names have no case, blanks and folds may surround the `=`, and `\"` does not end a
/// quoted value, which is returned without that backslash.
pub fn param<'a>(s: &'a [u8], name: &[u8]) -> Option<Cow<'a, [u8]>> {
    let value = find(s, |start| {
        let (found, rest) = start.split_at_checked(name.len())?;
        let value = trim_start(rest).strip_prefix(b"=")?;
        found.eq_ignore_ascii_case(name).then(|| trim_start(value))
    })?;
    let Some(len) = quoted_len(value) else { return Some(Cow::Borrowed(token(value))) };
    let quoted = &value[1..len - 1];
    if memchr::memmem::find(quoted, b"\\\"").is_none() {
        return Some(Cow::Borrowed(quoted));
    }
    // Browsers send a backslash as it is, so only one before a quote is an escape.
    let kept = quoted.iter().enumerate().filter(|(i, b)| **b != b'\\' || quoted.get(i + 1) != Some(&b'"'));
    Some(Cow::Owned(kept.map(|(_, b)| *b).collect()))
}

/// The value of an extended parameter such as `filename*=UTF-8''a%20b`, decoded to UTF-8 (RFC 8187).
pub fn extended_param(s: &[u8], name: &[u8]) -> Option<Vec<u8>> {
    let value = param(s, &[name, b"*"].concat())?;
    let mut parts = value.splitn(3, |b| *b == b'\'');
    let (charset, text) = (parts.next()?, parts.nth(1)?);
    let mut decoded = vec![0; text.len() + 1];
    let len = percent::decode(text, &mut decoded, false)?;
    decoded.truncate(len);
    if charset.eq_ignore_ascii_case(b"UTF-8") {
        core::str::from_utf8(&decoded).is_ok().then_some(decoded)
    } else if charset.eq_ignore_ascii_case(b"ISO-8859-1") {
        Some(decoded.iter().map(|b| char::from(*b)).collect::<String>().into_bytes())
    } else {
        None
    }
}

/// The value of a cookie (the case of its name counts) in a `Cookie` header: all up to the next `;`,
/// without quotes around it.
pub fn cookie<'a>(header: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    header.split(|b| *b == b';').find_map(|pair| {
        let at = memchr::memchr(b'=', pair)?;
        let value = trim(&pair[at + 1..]);
        let inner = value.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\""));
        (trim(&pair[..at]) == name).then_some(inner.unwrap_or(value))
    })
}

/// What `value` returns for the first place where a name may begin and it returns something.
fn find<'a>(s: &'a [u8], value: impl Fn(&'a [u8]) -> Option<&'a [u8]>) -> Option<&'a [u8]> {
    let mut at = 0;
    let (mut starts, mut is_value) = (true, false);
    while let Some(&b) = s.get(at) {
        let rest = &s[at..];
        if starts && let Some(value) = value(rest) {
            return Some(value);
        }
        let quoted = if is_value { quoted_len(rest) } else { None };
        starts = is_blank(Some(&b)) || matches!(b, b';' | b',');
        is_value = b == b'=' || (is_value && is_blank(Some(&b)));
        at += quoted.unwrap_or(1);
    }
    None
}

/// Length of the quoted text at the start of `s`, quotes included; `None` when there is none, or its
/// quote is never closed. A backslash before the last quote of all is no escape.
fn quoted_len(s: &[u8]) -> Option<usize> {
    let inner = s.strip_prefix(b"\"")?;
    let ends = || memchr::memchr_iter(b'"', inner);
    let end = ends().find(|end| !inner[..*end].ends_with(b"\\")).or_else(|| ends().next())?;
    Some(end + 2)
}

fn token(s: &[u8]) -> &[u8] {
    let end = s.iter().position(|b| matches!(b, b';' | b' ' | b',' | b'\r' | b'\n'));
    &s[..end.unwrap_or(s.len())]
}

fn is_blank(b: Option<&u8>) -> bool {
    matches!(b, Some(b' ' | b'\t' | b'\r' | b'\n'))
}

fn trim_start(s: &[u8]) -> &[u8] {
    &s[s.iter().take_while(|b| is_blank(Some(b))).count()..]
}

#[cfg(test)]
mod tests {
    use super::*;

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
            ("x=1; a =12", "a", Some("12")),
            ("x=1;\t a\t=12", "a", Some("12")),
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
            (r#"form-data; filename="x\"; name=evil"; name="a""#, "name", Some("a")),
            (r#"filename="name=evil"#, "name", None),
            ("a=1", "a", Some("1")),
            ("a=", "a", Some("")),
            ("b=1,a=2", "a", Some("2")),
            ("b=1\ta=2", "a", Some("2")),
            ("b=1:a=2", "a", None),
            (r#""x"a=2"#, "a", None),
            ("aa=2", "a", None),
            ("a a=2", "a", Some("2")),
            // A lone quote hides nothing (RFC 6265, section 4.1.1).
            (r#"x=a"b; token=T"#, "token", Some("T")),
            (r#"x="ab; token=T"#, "token", Some("T")),
            (r#"x="a"b"; token=T"#, "token", Some("T")),
            (r#""; token=T"#, "token", Some("T")),
            (r#"x=a"b; y=c"d; token=T"#, "token", Some("T")),
        ] {
            let found = header_var(s.as_bytes(), name.as_bytes());
            assert_eq!(found, expected.map(str::as_bytes), "{s} {name}");
        }
    }

    #[test]
    fn parameters_have_no_case() {
        for (s, name, expected) in [
            ("Multipart/Form-Data; Boundary=B", "boundary", Some("B")),
            ("multipart/form-data; BOUNDARY = \"a b\"", "boundary", Some("a b")),
            ("form-data;\r\n\tname=\"f\"", "name", Some("f")),
            ("form-data; name\r\n =\r\n f\r\n", "name", Some("f")),
            (r#"form-data; filename="a\"b.txt"; name=f"#, "filename", Some("a\"b.txt")),
            (r#"form-data; filename="a\"b.txt"; name=f"#, "name", Some("f")),
            (r#"form-data; filename="C:\dir\a.txt""#, "filename", Some(r"C:\dir\a.txt")),
            (r#"form-data; name="a"; filename="a\""#, "filename", Some("a\\")),
            (r#"x; a="; b=2"#, "b", Some("2")),
            (r#"x; a="#, "a", Some("")),
            ("x; a", "a", None),
            ("x; filename=1", "name", None),
        ] {
            let found = param(s.as_bytes(), name.as_bytes());
            assert_eq!(found.as_deref(), expected.map(str::as_bytes), "{s} {name}");
        }
    }

    #[test]
    fn extended_parameters() {
        for (s, expected) in [
            ("form-data; filename*=UTF-8''na%C3%AFve%20a.txt", Some("naïve a.txt")),
            ("x; filename*=utf-8'en'a.txt; filename=b", Some("a.txt")),
            ("x; Filename*=iso-8859-1''na%EFve", Some("naïve")),
            ("x; filename*=UTF-8''%ff", None),
            ("x; filename*=UTF-8''%f", None),
            ("x; filename*=koi8-r''a", None),
            ("x; filename*=a.txt", None),
            ("x; filename=a", None),
        ] {
            let found = extended_param(s.as_bytes(), b"filename");
            assert_eq!(found.as_deref(), expected.map(str::as_bytes), "{s}");
        }
    }

    #[test]
    fn cookies() {
        for (header, expected) in [
            ("t=1", Some("1")),
            ("a=b; t=1", Some("1")),
            ("a=b;t=1;t=2", Some("1")),
            (" t = 1 ", Some("1")),
            ("a=\"x; t=1", Some("1")),
            ("a=x\"y; b=\"; t=1; c=\"", Some("1")),
            ("t=\"1\"", Some("1")),
            ("t=\"", Some("\"")),
            ("t=a b,c=d", Some("a b,c=d")),
            ("t=", Some("")),
            ("t", None),
            ("T=1; tt=1; =t", None),
            ("a=t=1", None),
            ("", None),
        ] {
            assert_eq!(cookie(header.as_bytes(), b"t"), expected.map(str::as_bytes), "{header}");
        }
    }
}
