//! The forms of a request target (RFC 9112, section 3.2), and hosts.

#![forbid(unsafe_code)]

use memchr::{memchr, memrchr};

/// What a request target, without its query, asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target<'a> {
    /// `/path`.
    Path(&'a [u8]),
    /// `http://host:80/path`: as a proxy gets it, and every server has to take it.
    Url {
        /// `host:80`.
        authority: &'a [u8],
        /// `/path`; `/` when the URL ends with the authority.
        path: &'a [u8],
    },
    /// `host:80`, of CONNECT.
    Authority(&'a [u8]),
    /// `*`, of OPTIONS.
    Asterisk,
}

impl<'a> Target<'a> {
    /// Tells the form of a target; `None` when it has none of them.
    pub fn new(uri: &'a [u8]) -> Option<Self> {
        if uri.starts_with(b"/") {
            return Some(Target::Path(uri));
        }
        if uri == b"*" {
            return Some(Target::Asterisk);
        }
        if let Some(rest) = scheme(uri) {
            let end = memchr(b'/', rest).unwrap_or(rest.len());
            let (authority, path) = rest.split_at(end);
            let path = if path.is_empty() { b"/" } else { path };
            return (!authority.is_empty() && is_host(authority)).then_some(Target::Url { authority, path });
        }
        let at = memrchr(b':', uri)?;
        (at > 0 && at + 1 < uri.len() && is_host(uri)).then_some(Target::Authority(uri))
    }

    /// The path, when the target has one.
    pub fn path(self) -> Option<&'a [u8]> {
        match self {
            Target::Path(path) | Target::Url { path, .. } => Some(path),
            Target::Authority(_) | Target::Asterisk => None,
        }
    }
}

/// What follows `http://` or `https://`.
fn scheme(uri: &[u8]) -> Option<&[u8]> {
    [&b"http://"[..], b"https://"].iter().find_map(|scheme| {
        let (head, rest) = uri.split_at_checked(scheme.len())?;
        head.eq_ignore_ascii_case(scheme).then_some(rest)
    })
}

/// `s` is a host with or without a port (RFC 3986, section 3.2.2), or empty.
pub fn is_host(s: &[u8]) -> bool {
    let (host_is_good, rest) = if let Some(literal) = s.strip_prefix(b"[") {
        let Some(end) = memchr(b']', literal) else { return false };
        let address = &literal[..end];
        let allowed = |b: &u8| b.is_ascii_alphanumeric() || b":.%-_~".contains(b);
        (!address.is_empty() && address.iter().all(allowed), &literal[end + 1..])
    } else {
        let end = memchr(b':', s).unwrap_or(s.len());
        let allowed = |b: &u8| b.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=".contains(b);
        (s[..end].iter().all(allowed), &s[end..])
    };
    host_is_good
        && match rest {
            [] => true,
            [b':', port @ ..] => port.iter().all(u8::is_ascii_digit),
            _ => false,
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        let url = |authority: &'static str, path: &'static str| {
            Some(Target::Url { authority: authority.as_bytes(), path: path.as_bytes() })
        };
        for (uri, expected) in [
            ("/", Some(Target::Path(b"/"))),
            ("//a/b", Some(Target::Path(b"//a/b"))),
            ("*", Some(Target::Asterisk)),
            ("http://h/x", url("h", "/x")),
            ("HTTPS://h:1", url("h:1", "/")),
            ("http://[::1]:80/", url("[::1]:80", "/")),
            ("h:443", Some(Target::Authority(b"h:443"))),
            ("[::1]:443", Some(Target::Authority(b"[::1]:443"))),
            ("http://", None),
            ("http:///x", None),
            ("http://u@h/", None),
            ("ftp://h/", None),
            ("h", None),
            ("h:", None),
            (":80", None),
            ("h:x", None),
            ("x/y", None),
            ("**", None),
            ("", None),
        ] {
            assert_eq!(Target::new(uri.as_bytes()), expected, "{uri}");
        }
        assert_eq!(Target::new(b"http://h").and_then(Target::path), Some(&b"/"[..]));
        assert_eq!(Target::new(b"*").and_then(Target::path), None);
    }

    #[test]
    fn hosts() {
        for good in ["", "h", "h:", "h:80", "a-b.c_d", "1.2.3.4:80", "[::1]", "[fe80::1%25eth0]:1", "%41"] {
            assert!(is_host(good.as_bytes()), "{good}");
        }
        for bad in ["h h", "h/x", "u@h", "h:80:80", "h:8a", "[::1", "[]", "[::1]x", "a[b]", "h\t", "h\"", "é"]
        {
            assert!(!is_host(bad.as_bytes()), "{bad}");
        }
    }
}
