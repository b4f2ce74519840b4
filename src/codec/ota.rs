//! Firmware updates over the air: what is asked of a server, and what it says.

#![forbid(unsafe_code)]

use super::json;
use super::url::Url;
use std::io::Write;

/// Longest version, in bytes.
const VERSION_MAX: usize = 63;
/// Longest URL, in bytes.
const URL_MAX: usize = 255;

/// What there is to install.
#[derive(Debug, PartialEq, Eq)]
pub struct Metadata {
    /// Its version.
    pub version: Vec<u8>,
    /// Where it is.
    pub url: Vec<u8>,
    /// Its size in bytes, not 0.
    pub size: usize,
}

impl Metadata {
    /// Reads `{"version": "...", "url": "...", "size": ...}`; `None` when something is missing.
    pub fn parse(body: &[u8]) -> Option<Metadata> {
        if json::find(body, b"$").ok()?.start != 0 {
            return None;
        }
        let size = &body[json::find(body, b"$.size").ok()?];
        let size = if json::is_number(size) { json::to_f64(size) } else { 0.0 };
        // Beyond 2^53 a number of JSON is no size.
        let is_size = (1.0..9e15).contains(&size);
        Some(Metadata {
            version: string(body, b"$.version", VERSION_MAX)?,
            url: string(body, b"$.url", URL_MAX)?,
            size: is_size.then_some(size as usize)?,
        })
    }
}

fn string(body: &[u8], path: &[u8], max: usize) -> Option<Vec<u8>> {
    let text = json::string_body(&body[json::find(body, path).ok()?])?;
    let mut out = vec![0; text.len()];
    let len = json::unescape_utf8(text, &mut out)?;
    out.truncate(len);
    (len <= max).then_some(out)
}

/// The request for metadata of a device.
pub fn metadata_request(url: &[u8], version: &[u8], id: &[u8], interval: u32) -> Vec<u8> {
    let mut target = target(url);
    let sep = if target.contains(&b'?') { "&" } else { "?" };
    let mut query = Vec::new();
    // Writing to a Vec cannot fail.
    let _ = write!(query, "{sep}arch=1&version=");
    query.extend_from_slice(&[version, b"&id=", id].concat());
    let _ = write!(query, "&interval={interval}&boot=0");
    target.append(&mut query);
    get(url, &target)
}

/// The request for what is at `url`.
pub fn request(url: &[u8]) -> Vec<u8> {
    get(url, &target(url))
}

fn target(url: &[u8]) -> Vec<u8> {
    let (slash, rest) = Url::new(url).target();
    [slash, rest].concat()
}

fn get(url: &[u8], target: &[u8]) -> Vec<u8> {
    // What came as JSON may hold anything; a line end in it would start another header.
    let clean = |text: &[u8]| text.iter().copied().filter(|b| !b.is_ascii_control()).collect::<Vec<u8>>();
    let (target, host) = (clean(target), clean(Url::new(url).host));
    [b"GET ", &target[..], b" HTTP/1.1\r\nHost: ", &host[..], b"\r\nConnection: close\r\n\r\n"].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata() {
        let good = br#"{"version":"1.2.3", "url": "http:\/\/h\/f.bin", "size": 1e3}"#;
        let expected = Metadata { version: b"1.2.3".to_vec(), url: b"http://h/f.bin".to_vec(), size: 1000 };
        assert_eq!(Metadata::parse(good), Some(expected));
        let long = |n: usize| format!(r#"{{"version":"{}","url":"u","size":1}}"#, "v".repeat(n));
        assert!(Metadata::parse(long(63).as_bytes()).is_some());
        for bad in [
            "",
            "x",
            "{}",
            r#" {"version":"1","url":"u","size":1}"#,
            r#"{"version":1,"url":"u","size":1}"#,
            r#"{"version":"1","size":1}"#,
            r#"{"version":"1","url":"u","size":0}"#,
            r#"{"version":"1","url":"u","size":-5}"#,
            r#"{"version":"1","url":"u","size":"5"}"#,
            r#"{"version":"1","url":"u","size":1e300}"#,
            &long(64),
        ] {
            assert_eq!(Metadata::parse(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn requests() {
        let metadata = |url: &str| {
            String::from_utf8(metadata_request(url.as_bytes(), b"1.0.0", b"0", 60)).unwrap_or_default()
        };
        assert_eq!(
            metadata("http://h:81/a/b"),
            "GET /a/b?arch=1&version=1.0.0&id=0&interval=60&boot=0 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
        );
        assert!(metadata("http://h/a?x=1").starts_with("GET /a?x=1&arch=1&version=1.0.0&id=0"));
        assert!(metadata("http://h").starts_with("GET /?arch=1&"));
        assert!(metadata("http://h?x#y").starts_with("GET /?x&arch=1&"));
        let sly = b"http://h/\r\nX: y";
        assert_eq!(request(sly), b"GET /X: y HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    }
}
