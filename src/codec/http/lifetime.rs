//! How long caches may keep a reply (RFC 9111).

#![forbid(unsafe_code)]

use super::scan::trim;
use crate::codec::{glob, number};

/// Seconds that `path` may be kept, by `list`: `PATTERN=SECONDS` pairs separated by commas, of which
/// the first that matches counts.
pub fn seconds(list: &[u8], path: &[u8]) -> Option<u64> {
    list.split(|b| *b == b',').find_map(|pair| {
        // The pattern may contain a `=`, the number cannot.
        let at = memchr::memrchr(b'=', pair)?;
        let seconds = number::parse(trim(&pair[at + 1..]), 10, u64::from(u32::MAX))?;
        glob::matches(path, trim(&pair[..at]), |_| ()).then_some(seconds)
    })
}

#[cfg(test)]
mod tests {
    use super::seconds;

    #[test]
    fn lists() {
        for (list, path, expected) in [
            ("/assets/#=31536000,#.html=0", "/assets/a.css", Some(31_536_000)),
            ("/assets/#=31536000,#.html=0", "/assets/a.html", Some(31_536_000)),
            ("#.html=0,/assets/#=31536000", "/assets/a.html", Some(0)),
            ("#.html=0", "/a.css", None),
            ("#.html=0, # = 60", "/a.css", Some(60)),
            ("/a=b=5", "/a=b", Some(5)),
            ("#=x,#=-1,#=,#,#=7", "/a", Some(7)),
            ("", "/a", None),
        ] {
            assert_eq!(seconds(list.as_bytes(), path.as_bytes()), expected, "{list} {path}");
        }
    }
}
