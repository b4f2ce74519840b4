//! Rules of RFC 9112 that the grammar of [`super::parse_head`] leaves out, because C programs have
//! come to rely on that. A server that has no such past asks for them.

#![forbid(unsafe_code)]

use super::error::{Fault, HeadError};
use super::framing::Head;
use super::scan::is_token;
use super::strict::Allow;
use super::target::{Target, is_host};

/// Methods that somebody knows: of RFC 9110, PATCH, QUERY, and those of WebDAV and its extensions.
const METHODS: [&[u8]; 28] = [
    b"GET",
    b"HEAD",
    b"POST",
    b"PUT",
    b"DELETE",
    b"CONNECT",
    b"OPTIONS",
    b"TRACE",
    b"PATCH",
    b"QUERY",
    b"PROPFIND",
    b"PROPPATCH",
    b"MKCOL",
    b"COPY",
    b"MOVE",
    b"LOCK",
    b"UNLOCK",
    b"SEARCH",
    b"REPORT",
    b"MKCALENDAR",
    b"ACL",
    b"BIND",
    b"UNBIND",
    b"REBIND",
    b"VERSION-CONTROL",
    b"CHECKOUT",
    b"CHECKIN",
    b"MERGE",
];

impl Head<'_> {
    /// True for a request with a method that somebody knows.
    pub fn has_known_method(&self) -> bool {
        METHODS.contains(&self.method)
    }

    /// Checks a head: header names are tokens, single spaces divide the start line, the version is
    /// 1.x. The method of a request is a token, its target has a form that fits the method, and there
    /// is one `Host` (none will do before HTTP/1.1, or where that is allowed). The status of a response is a number of three
    /// digits.
    ///
    /// # Errors
    /// The first rule that is broken; where does not matter.
    pub fn check(&self, allow: Allow) -> Result<(), HeadError> {
        let fault = |fault| Err(HeadError { fault, at: 0 });
        let version = if self.is_response { self.method } else { self.proto };
        if !self.is_response && !is_token(self.method) {
            return fault(Fault::Method);
        }
        if self.odd_space {
            return fault(Fault::OddSpace);
        }
        if self.version.0 != 1 || !version.starts_with(b"HTTP/") {
            return fault(Fault::UnknownVersion);
        }
        if self.odd_name {
            return fault(Fault::HeaderName);
        }
        if self.is_response {
            let is_status = self.status >= 100 && self.query.is_none();
            return if is_status { Ok(()) } else { fault(Fault::Status) };
        }
        let form = match (Target::new(self.uri), self.method) {
            (Some(Target::Authority(_)), b"CONNECT") => self.query.is_none(),
            (Some(Target::Asterisk), b"OPTIONS") => self.query.is_none(),
            (Some(Target::Path(_) | Target::Url { .. }), method) => method != b"CONNECT",
            _ => false,
        };
        let fragment = |text: &[u8]| memchr::memchr(b'#', text).is_some();
        if !form || fragment(self.uri) || self.query.is_some_and(fragment) {
            return fault(Fault::Target);
        }
        match (self.hosts, self.host) {
            (0, _) if self.version == (1, 0) || allow.no_host => Ok(()),
            (1, Some(host)) if is_host(host) => Ok(()),
            _ => fault(Fault::Host),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse_head;
    use super::*;

    #[test]
    fn table() {
        for (head, expected) in [
            ("GET / HTTP/1.1\nHost: h\n\n", Ok(())),
            ("GET /київ?a HTTP/1.1\nHost: h:80\n\n", Ok(())),
            ("GET / HTTP/1.1\nHost:\n\n", Ok(())),
            ("GET / HTTP/1.0\n\n", Ok(())),
            ("GET http://h/ HTTP/1.1\nHost: h\n\n", Ok(())),
            ("OPTIONS * HTTP/1.1\nHost: h\n\n", Ok(())),
            ("CONNECT h:443 HTTP/1.1\nHost: h\n\n", Ok(())),
            ("HTTP/1.1 200 OK\nn: x\n\n", Ok(())),
            ("HTTP/1.0 999\n\n", Ok(())),
            ("G@T / HTTP/1.1\nHost: h\n\n", Err(Fault::Method)),
            ("ґєт / HTTP/1.1\nHost: h\n\n", Err(Fault::Method)),
            ("GET  / HTTP/1.1\nHost: h\n\n", Err(Fault::OddSpace)),
            ("GET /  HTTP/1.1\nHost: h\n\n", Err(Fault::OddSpace)),
            ("GET / HTTP/2.0\nHost: h\n\n", Err(Fault::UnknownVersion)),
            ("GET / HTTP/0.9\nHost: h\n\n", Err(Fault::UnknownVersion)),
            ("GET / http/1.1\nHost: h\n\n", Err(Fault::UnknownVersion)),
            ("GET * HTTP/1.1\nHost: h\n\n", Err(Fault::Target)),
            ("GET h:443 HTTP/1.1\nHost: h\n\n", Err(Fault::Target)),
            ("CONNECT / HTTP/1.1\nHost: h\n\n", Err(Fault::Target)),
            ("CONNECT h:443?x HTTP/1.1\nHost: h\n\n", Err(Fault::Target)),
            ("GET x HTTP/1.1\nHost: h\n\n", Err(Fault::Target)),
            ("GET /#x HTTP/1.1\nHost: h\n\n", Err(Fault::Target)),
            ("GET /?x#y HTTP/1.1\nHost: h\n\n", Err(Fault::Target)),
            ("GET / HTTP/1.1\nHost: h\nA(b): c\n\n", Err(Fault::HeaderName)),
            ("GET / HTTP/1.1\nHost: h\nмісто: c\n\n", Err(Fault::HeaderName)),
            ("HTTP/1.1 200 OK\nn(): x\n\n", Err(Fault::HeaderName)),
            ("HTTP/1.1 200  OK\n\n", Ok(())),
            ("HTTP/1.1  200 OK\n\n", Err(Fault::OddSpace)),
            ("HTTP/1.1 200\x7fOK\n\n", Err(Fault::OddSpace)),
            ("HTTP/2.0 200 OK\n\n", Err(Fault::UnknownVersion)),
            ("http/1.1 200 OK\n\n", Err(Fault::UnknownVersion)),
            ("HTTP/1 200 OK\n\n", Err(Fault::UnknownVersion)),
            ("HTTP/1.1 20 OK\n\n", Err(Fault::Status)),
            ("HTTP/1.1 099 OK\n\n", Err(Fault::Status)),
            ("HTTP/1.1 200?a OK\n\n", Err(Fault::Status)),
            ("HTTP/1.1 ok OK\n\n", Err(Fault::Status)),
            ("GET / HTTP/1.1\n\n", Err(Fault::Host)),
            ("GET / HTTP/1.1\nHost: h\nhost: h\n\n", Err(Fault::Host)),
            ("GET / HTTP/1.0\nHost: h\nhost: h\n\n", Err(Fault::Host)),
            ("GET / HTTP/1.1\nHost: h/x\n\n", Err(Fault::Host)),
        ] {
            let parsed = parse_head(head.as_bytes(), &mut []).expect("good").expect("complete");
            assert_eq!(parsed.check(Allow::default()).map_err(|e| e.fault), expected, "{head}");
        }
    }

    #[test]
    fn statuses() {
        assert_eq!(Fault::UnknownVersion.status(), 505);
        assert_eq!(Fault::Host.status(), 400);
        assert_eq!(Fault::Coding.status(), 501);
    }
}
