//! What the system says about names: `/etc/hosts` and `/etc/resolv.conf`.

use crate::abi::Addr;
use std::ffi::CString;
use std::fs;
use std::rc::Rc;

/// Servers that are asked, as in the C library.
const SERVERS: usize = 3;
/// Suffixes that are tried.
const SUFFIXES: usize = 6;
/// The highest `ndots`.
const NDOTS: usize = 15;

/// The address of a host in `/etc/hosts`; an IPv4 one if there is one.
pub fn host(name: &[u8]) -> Option<Addr> {
    find_host(&fs::read("/etc/hosts").ok()?, name)
}

/// What `/etc/resolv.conf` says.
#[derive(Debug, PartialEq)]
pub struct Config {
    /// URLs of the servers, in order of preference; none if the file names none.
    pub servers: Rc<[CString]>,
    /// Each lookup begins with another server.
    pub rotate: bool,
    search: Vec<Vec<u8>>,
    ndots: usize,
}

impl Config {
    /// Reads the file.
    pub fn read() -> Config {
        Config::parse(&fs::read("/etc/resolv.conf").unwrap_or_default())
    }

    fn parse(text: &[u8]) -> Config {
        let mut servers = Vec::new();
        let mut config = Config { servers: Rc::new([]), rotate: false, search: Vec::new(), ndots: 1 };
        for mut fields in lines(text) {
            match fields.next() {
                Some(b"nameserver") if servers.len() < SERVERS => servers.extend(fields.next().and_then(url)),
                // The last one counts.
                Some(b"search") => config.search = fields.take(SUFFIXES).filter_map(suffix).collect(),
                Some(b"domain") => config.search = fields.take(1).filter_map(suffix).collect(),
                Some(b"options") => fields.for_each(|option| config.option(option)),
                _ => {}
            }
        }
        config.servers = servers.into();
        config
    }

    fn option(&mut self, option: &[u8]) {
        if option == b"rotate" {
            self.rotate = true;
        } else if let Some(digits) = option.strip_prefix(b"ndots:")
            && let Some(ndots) = str::from_utf8(digits).ok().and_then(|digits| digits.parse::<usize>().ok())
        {
            self.ndots = ndots.min(NDOTS);
        }
    }

    /// The full names that `name` may stand for, in the order in which they are asked for. A name
    /// with a dot at its end is one itself.
    pub fn candidates(&self, name: &[u8]) -> Vec<Vec<u8>> {
        if let Some(name) = name.strip_suffix(b".") {
            return vec![name.to_vec()];
        }
        let mut names: Vec<_> = self.search.iter().map(|suffix| [name, b".", suffix].concat()).collect();
        let has_dots = name.iter().filter(|b| **b == b'.').count() >= self.ndots;
        names.insert(if has_dots { 0 } else { names.len() }, name.to_vec());
        names
    }
}

/// The URL of a server.
fn url(text: &[u8]) -> Option<CString> {
    Addr::from_text(text)?;
    let (open, close): (&[u8], &[u8]) = if text.contains(&b':') { (b"[", b"]") } else { (b"", b"") };
    CString::new([b"udp://", open, text, close, b":53"].concat()).ok()
}

/// A suffix without dots around it.
fn suffix(text: &[u8]) -> Option<Vec<u8>> {
    let text = text.strip_prefix(b".").unwrap_or(text);
    let text = text.strip_suffix(b".").unwrap_or(text);
    (!text.is_empty()).then(|| text.to_vec())
}

/// Lines of fields without comments.
fn lines(text: &[u8]) -> impl Iterator<Item = impl Iterator<Item = &[u8]>> {
    text.split(|b| *b == b'\n').map(|line| {
        let end = line.iter().position(|b| matches!(b, b'#' | b';')).unwrap_or(line.len());
        line[..end].split(u8::is_ascii_whitespace).filter(|field| !field.is_empty())
    })
}

fn find_host(text: &[u8], name: &[u8]) -> Option<Addr> {
    let mut fallback = None;
    for mut fields in lines(text) {
        let Some(found) = fields.next().and_then(Addr::from_text) else { continue };
        if fields.any(|field| field.eq_ignore_ascii_case(name)) {
            if !found.is_ip6 {
                return Some(found);
            }
            fallback.get_or_insert(found);
        }
    }
    fallback
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts() {
        let text = b"# comment\n127.0.0.1\tlocalhost  me # x other\n::1 six\n10.0.0.1 Six me\nbad line\n";
        let find = |name: &str| find_host(text, name.as_bytes()).map(|a| a.to_string());
        assert_eq!(find("ME").as_deref(), Some("127.0.0.1:0"));
        assert_eq!(find("six").as_deref(), Some("10.0.0.1:0"));
        assert_eq!(find("other"), None);
        assert_eq!(find("line"), None);
        assert_eq!(find_host(b"::1 six", b"six").map(|a| a.is_ip6), Some(true));
    }

    #[test]
    fn servers() {
        let servers = |text: &str| {
            let config = Config::parse(text.as_bytes());
            let urls = config.servers.iter().map(|s| s.to_str().expect("ASCII").to_string());
            urls.collect::<Vec<_>>().join(" ")
        };
        assert_eq!(
            servers("search x\n;nameserver 1.1.1.1\nnameserver 9.9.9.9\nnameserver 8.8.8.8"),
            "udp://9.9.9.9:53 udp://8.8.8.8:53"
        );
        assert_eq!(servers("nameserver ::1\nnameserver fe80::1%lo"), "udp://[::1]:53 udp://[fe80::1%lo]:53");
        assert_eq!(servers("nameserver fe80::1%2"), "udp://[fe80::1%2]:53");
        assert_eq!(servers("nameserver\nnameserver x\n"), "");
        assert_eq!(servers(&"nameserver 1.1.1.1\n".repeat(5)).split(' ').count(), SERVERS);
    }

    #[test]
    fn names_to_ask_for() {
        let names = |conf: &str, name: &str| {
            let names = Config::parse(conf.as_bytes()).candidates(name.as_bytes());
            names.iter().map(|n| String::from_utf8_lossy(n).into_owned()).collect::<Vec<_>>().join(" ")
        };
        for (conf, name, want) in [
            ("", "host", "host"),
            ("search a.b c", "host", "host.a.b host.c host"),
            ("search a.b c", "host.", "host"),
            ("search a.b c", "host.x", "host.x host.x.a.b host.x.c"),
            ("search a.b\noptions ndots:2", "host.x", "host.x.a.b host.x"),
            ("search a.b\noptions ndots:0", "host", "host host.a.b"),
            ("search a.b\noptions ndots:x rotate", "host", "host.a.b host"),
            ("search a\nsearch .b. .", "host", "host.b host"),
            ("search a b\ndomain c d", "host", "host.c host"),
            ("search 1 2 3 4 5 6 7 8", "h", "h.1 h.2 h.3 h.4 h.5 h.6 h"),
        ] {
            assert_eq!(names(conf, name), want, "{conf:?} {name}");
        }
        assert!(Config::parse(b"options rotate").rotate);
    }
}
