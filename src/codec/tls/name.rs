//! Does a certificate carry the name that was asked for (RFC 6125)?
#![forbid(unsafe_code)]

use super::x509::{Certificate, GeneralName};
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

    /// True when `certificate` is for this name. Its common name counts only when it has no DNS names.
    pub fn is_on(&self, certificate: &Certificate<'_>) -> bool {
        let names = || certificate.alternative_names();
        match self {
            Name::Impossible => false,
            Name::Ip(IpAddr::V4(ip)) => names().any(|name| name == GeneralName::Ip(&ip.octets())),
            Name::Ip(IpAddr::V6(ip)) => names().any(|name| name == GeneralName::Ip(&ip.octets())),
            Name::Host(host) => {
                let mut dns = names().filter_map(|name| match name {
                    GeneralName::Dns(pattern) => Some(pattern),
                    _ => None,
                });
                match dns.next() {
                    Some(first) => covers(first, host) || dns.any(|pattern| covers(pattern, host)),
                    None => certificate.common_name().is_some_and(|pattern| covers(pattern, host)),
                }
            }
        }
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

/// A name in a certificate may have `*` as its whole first label, for exactly one label.
fn covers(pattern: &[u8], host: &str) -> bool {
    let pattern = pattern.strip_suffix(b".").unwrap_or(pattern);
    if let Some(parent) = pattern.strip_prefix(b"*.") {
        return parent.contains(&b'.')
            && host.split_once('.').is_some_and(|(_, rest)| rest.as_bytes().eq_ignore_ascii_case(parent));
    }
    host.as_bytes().eq_ignore_ascii_case(pattern)
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
    fn wildcards_stand_for_one_label() {
        for (pattern, host, expected) in [
            ("localhost", "localhost", true),
            ("LocalHost", "localhost", true),
            ("*.example.com", "a.example.com", true),
            ("*.Example.com", "a.example.com", true),
            ("*.example.com", "a.b.example.com", false),
            ("*.example.com", "example.com", false),
            ("*.com", "example.com", false),
            ("*", "localhost", false),
            ("a*.example.com", "ab.example.com", false),
            ("", "localhost", false),
        ] {
            assert_eq!(covers(pattern.as_bytes(), host), expected, "{pattern} {host}");
        }
    }
}
