//! URLs as the functions of the C API take them: a host, perhaps more around it.
//!
//! No validation and no decoding. `scheme://user:pass@host:port/path`, and anything that is left
//! of it when parts are missing.

#![forbid(unsafe_code)]

/// The parts of a URL, as views of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Url<'a> {
    url: &'a [u8],
    /// Before `:` or `@`; empty when there is none.
    pub user: &'a [u8],
    /// Between `:` and `@`; empty when there is none.
    pub pass: &'a [u8],
    /// Name or address; an IPv6 address keeps its brackets.
    pub host: &'a [u8],
    /// What follows the colon after the host.
    port: Option<&'a [u8]>,
    /// What follows the authority, up to the fragment: a path, a query, both or neither.
    rest: &'a [u8],
}

const DEFAULT_PORTS: [(&[u8], u16); 6] =
    [(b"http", 80), (b"https", 443), (b"ws", 80), (b"wss", 443), (b"mqtt", 1883), (b"mqtts", 8883)];

const TLS: [&[u8]; 6] = [b"wss", b"https", b"mqtts", b"ssl", b"tls", b"tcps"];

/// The URL has this scheme, which has no case (RFC 3986, section 3.1).
pub fn has_scheme(url: &[u8], scheme: &[u8]) -> bool {
    after_scheme(url, scheme).is_some()
}

/// What follows the colon of this scheme.
pub fn after_scheme<'a>(url: &'a [u8], scheme: &[u8]) -> Option<&'a [u8]> {
    let (start, rest) = url.split_at_checked(scheme.len())?;
    rest.strip_prefix(b":").filter(|_| start.eq_ignore_ascii_case(scheme))
}

impl<'a> Url<'a> {
    /// Takes a URL apart.
    pub fn new(url: &'a [u8]) -> Self {
        let slashes = memchr::memmem::find(url, b"//");
        let rest = &url[slashes.map_or(0, |at| at + 2)..];
        // A slash ends the authority only where one is marked as such, by `//` or `@`: `a/b` is a host.
        let authority = match slashes {
            Some(_) => &rest[..end(rest, b"/?#")],
            None => &rest[..end(rest, b"?#")],
        };
        let (login, host_at) = match memchr::memchr(b'@', authority) {
            Some(at) => (Some(&authority[..at]), at + 1),
            None => (None, 0),
        };
        let marked = slashes.is_some() || login.is_some();
        let rest = &rest[host_at..];
        let authority = &rest[..end(rest, if marked { b"/?#" } else { b"?#" })];
        let (host, port) = split(authority);
        let (user, pass) = login.map_or((&url[..0], None), split);
        Url {
            url,
            // Without `//`, what precedes the first colon is treated as a scheme.
            user: if slashes.is_some() { user } else { &url[..0] },
            pass: pass.unwrap_or(&url[..0]),
            host,
            port,
            rest: if marked { &rest[authority.len()..end(rest, b"#")] } else { &url[..0] },
        }
    }

    /// What a request line needs: path and query, without the fragment, which is never sent (RFC 9110,
    /// section 4.2.5). The two parts follow one another: the first is a slash where the URL has
    /// no path, else empty.
    pub fn target(&self) -> (&'static [u8], &'a [u8]) {
        if self.rest.starts_with(b"/") { (b"", self.rest) } else { (b"/", self.rest) }
    }

    /// The port; that of the scheme when the URL has none; 0 when unknown, or above 65535.
    pub fn port(&self) -> u16 {
        self.possible_port().unwrap_or(0)
    }

    /// The port as above; `None` when it is above 65535.
    pub fn possible_port(&self) -> Option<u16> {
        match self.port {
            Some(text) => {
                let mut digits = text.iter().take_while(|b| b.is_ascii_digit());
                digits.try_fold(0u16, |n, b| n.checked_mul(10)?.checked_add(u16::from(b - b'0')))
            }
            None => {
                Some(DEFAULT_PORTS.iter().find(|(s, _)| has_scheme(self.url, s)).map_or(0, |(_, port)| *port))
            }
        }
    }

    /// The port when it is not the one that the scheme implies.
    pub fn unusual_port(&self) -> Option<u16> {
        let implied = Url { port: None, ..*self }.port();
        (self.port.is_some() && self.port() != implied).then(|| self.port())
    }

    /// The scheme means TLS.
    pub fn is_tls(&self) -> bool {
        TLS.iter().any(|scheme| has_scheme(self.url, scheme))
    }
}

/// Position of the first of `marks`, or the length.
fn end(s: &[u8], marks: &[u8]) -> usize {
    s.iter().position(|b| marks.contains(b)).unwrap_or(s.len())
}

/// `s` before and after its first colon that no closing bracket follows.
fn split(s: &[u8]) -> (&[u8], Option<&[u8]>) {
    let from = memchr::memrchr(b']', s).map_or(0, |at| at + 1);
    match memchr::memchr(b':', &s[from..]) {
        Some(at) => (&s[..from + at], Some(&s[from + at + 1..])),
        None => (s, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `url host port user pass rest`, `-` for empty.
    const ROWS: &str = "
        foo                               foo       0    -  -   -
        //foo                             foo       0    -  -   -
        p://foo                           foo       0    -  -   -
        p://foo/                          foo       0    -  -   /
        foo:1234                          foo       1234 -  -   -
        //foo:1234                        foo       1234 -  -   -
        :1234                             -         1234 -  -   -
        p://foo/x                         foo       0    -  -   /x
        p://foo//x                        foo       0    -  -   //x
        p://foo///x//                     foo       0    -  -   ///x//
        p://foo/x:y/z                     foo       0    -  -   /x:y/z
        p://bar:1234/a:b                  bar       1234 -  -   /a:b
        p://u@bar:1234/a                  bar       1234 u  -   /a
        p://u:p@bar:1234/a                bar       1234 u  p   /a
        p://u:p@[::1]:1234/a              [::1]     1234 u  p   /a
        p://u:p@[1:2::3]:1234/a           [1:2::3]  1234 u  p   /a
        http://u:p@[::1]:2121/abc/cd:ef   [::1]     2121 u  p   /abc/cd:ef
        http://[::1]                      [::1]     80   -  -   -
        http://u:p@[::1]/abc              [::1]     80   u  p   /abc
        [::1]:80                          [::1]     80   -  -   -
        p://:@foo                         foo       0    -  -   -
        p://u:@foo                        foo       0    u  -   -
        p://:p@foo                        foo       0    -  p   -
        p://u:p@foo//a@b                  foo       0    u  p   //a@b
        p://foo/q?mail=a@b.c              foo       0    -  -   /q?mail=a@b.c
        http://u:p:q@h/                   h         80   u  p:q /
        http://u@v@h/                     v@h       80   u  -   /
        http://a:                         a         0    -  -   -
        http://a:0/                       a         0    -  -   /
        http://a:12ab/                    a         12   -  -   /
        http://a:80:90/                   a         80   -  -   /
        http://a:65535/                   a         65535 - -   /
        http://                           -         80   -  -   -
        /x                                /x        0    -  -   -
        a/b                               a/b       0    -  -   -
        udp://time.google.com:123         time.google.com 123 - - -
        mailto:a@b                        b         0    -  a   -
        http://a:b@[fe80::1%25eth0]:8080/q [fe80::1%25eth0] 8080 a b /q
        unix:///tmp/x                     -         0    -  -   /tmp/x
        http:/x                           http      0    -  -   -
        p@1.2.3.4:43402/7                 1.2.3.4   43402 - -   /7
        i:g@1.2.3.4:44596/a               1.2.3.4   44596 - g   /a
        wss://v:5u@[:                     [         0    v  5u  -
        2e:3434/                          2e        3434 -  -   -
        http://a:65536/                   a         0    -  -   /
        http://a:99999999999999999999/    a         0    -  -   /
        http://a?q=1                      a         80   -  -   ?q=1
        http://a?x=/y                     a         80   -  -   ?x=/y
        http://a?x=/y#z/                  a         80   -  -   ?x=/y
        http://a/b#c?d                    a         80   -  -   /b
        http://a/b?c#d                    a         80   -  -   /b?c
        http://a#/b                       a         80   -  -   -
        HTTPS://u:p@a/                    a         443  u  p   /
        Ws://a?t                          a         80   -  -   ?t
        http://a#x                        a         80   -  -   -
        http://a:8?q                      a         8    -  -   ?q
        http://a?m=b@c                    a         80   -  -   ?m=b@c
        a?b                               a         0    -  -   -
        a/b?c                             a/b       0    -  -   -
        http://a/?q=1                     a         80   -  -   /?q=1
    ";

    #[test]
    fn table() {
        for row in ROWS.lines().map(str::trim).filter(|row| !row.is_empty()) {
            let columns: Vec<_> =
                row.split_whitespace().map(|s| if s == "-" { "" } else { s }.as_bytes()).collect();
            let [url, host, port, user, pass, path] = columns[..] else { panic!("{row}") };
            let parsed = Url::new(url);
            assert_eq!((parsed.host, parsed.user, parsed.pass), (host, user, pass), "{row}");
            assert_eq!(parsed.port().to_string().as_bytes(), port, "{row}");
            assert_eq!(parsed.rest, path, "{row}");
            let expected = if path.starts_with(b"/") { path.to_vec() } else { [b"/", path].concat() };
            assert_eq!([parsed.target().0, parsed.target().1].concat(), expected, "{row}");
        }
        assert_eq!(Url::new(b"").host, b"");
    }

    #[test]
    fn schemes() {
        for (url, port, tls) in [
            ("http://a", 80, false),
            ("https://a", 443, true),
            ("ws://a", 80, false),
            ("wss://a", 443, true),
            ("mqtt://a", 1883, false),
            ("mqtts://a", 8883, true),
            ("ssl://a", 0, true),
            ("tls://a", 0, true),
            ("tcps://a", 0, true),
            ("tcp://a", 0, false),
            ("udp://a", 0, false),
            ("sntp://a", 0, false),
            ("HTTP://a", 80, false),
            ("HTTPS://a", 443, true),
            ("WSS://a", 443, true),
            ("Mqtts://a", 8883, true),
            ("tCPs://a", 0, true),
            ("httpsx://a", 0, false),
            ("https", 0, false),
        ] {
            let url = Url::new(url.as_bytes());
            assert_eq!((url.port(), url.is_tls()), (port, tls), "{url:?}");
        }
    }
}
