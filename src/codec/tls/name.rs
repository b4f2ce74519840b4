//! The name of a server (RFC 6125).
#![forbid(unsafe_code)]

use core::net::IpAddr;

/// The name of a server that a client wants to talk to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Name {
    /// A host name.
    Host(String),
    /// An address.
    Ip(IpAddr),
    /// Nothing that a certificate could carry.
    Impossible,
}

impl Name {
    /// Reads a name; brackets around an address are not part of it.
    pub fn new(text: &[u8]) -> Name {
        let Ok(text) = str::from_utf8(text) else { return Name::Impossible };
        let bare = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')).unwrap_or(text);
        if let Ok(ip) = bare.parse() {
            return Name::Ip(ip);
        }
        let host = text.strip_suffix('.').unwrap_or(text);
        if is_host(host) { Name::Host(host.to_ascii_lowercase()) } else { Name::Impossible }
    }
}

fn is_host(text: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= 253 && text.split('.').all(is_label)
}

/// True for what a certificate may have for the name of a host, or of all hosts of a domain.
pub fn is_pattern(text: &[u8]) -> bool {
    let text = text.strip_prefix(b"*.").unwrap_or(text);
    str::from_utf8(text).is_ok_and(is_host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_of_names() {
        assert_eq!(Name::new(b"Example.COM."), Name::Host("example.com".into()));
        assert_eq!(Name::new(b"127.0.0.1"), Name::Ip([127, 0, 0, 1].into()));
        assert_eq!(Name::new(b"[::1]"), Name::new(b"::1"));
        let long = [b'a'; 260];
        for wrong in [&b""[..], b"bad name", b"a..b", b"\xff", &long, b"[localhost]"] {
            assert_eq!(Name::new(wrong), Name::Impossible, "{wrong:?}");
        }
    }

    #[test]
    fn patterns() {
        for (text, expected) in [
            ("localhost", true),
            ("*.example.com", true),
            ("*", false),
            ("a*.example.com", false),
            ("Test Client", false),
            ("", false),
        ] {
            assert_eq!(is_pattern(text.as_bytes()), expected, "{text}");
        }
    }
}
