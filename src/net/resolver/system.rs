//! What the system says about names: `/etc/hosts` and `/etc/resolv.conf`.

use crate::abi::Addr;
use std::ffi::CString;
use std::fs;

/// The address of a host in `/etc/hosts`; an IPv4 one if there is one.
pub fn host(name: &[u8]) -> Option<Addr> {
    find_host(&fs::read("/etc/hosts").ok()?, name)
}

/// The URL of the first server in `/etc/resolv.conf`.
pub fn server() -> Option<CString> {
    first_server(&fs::read("/etc/resolv.conf").ok()?)
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

fn first_server(text: &[u8]) -> Option<CString> {
    for mut fields in lines(text) {
        if fields.next() == Some(b"nameserver")
            && let Some(text) = fields.next().filter(|text| Addr::from_text(text).is_some())
        {
            let (open, close): (&[u8], &[u8]) = if text.contains(&b':') { (b"[", b"]") } else { (b"", b"") };
            return CString::new([b"udp://", open, text, close, b":53"].concat()).ok();
        }
    }
    None
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
        let first = |text: &str| first_server(text.as_bytes()).map(|s| s.into_string().expect("ASCII"));
        assert_eq!(
            first("search x\n;nameserver 1.1.1.1\nnameserver 9.9.9.9\nnameserver 8.8.8.8").as_deref(),
            Some("udp://9.9.9.9:53")
        );
        assert_eq!(first("nameserver ::1").as_deref(), Some("udp://[::1]:53"));
        assert_eq!(first("nameserver fe80::1%2").as_deref(), Some("udp://[fe80::1%2]:53"));
        assert_eq!(first("nameserver\nnameserver x\n"), None);
    }
}
