//! Content types by file name extension.

#![forbid(unsafe_code)]

use super::scan::trim;

/// The type of files whose extension is not known, or that have none.
pub const DEFAULT: &[u8] = b"text/plain; charset=utf-8";

const TYPES: &[(&str, &str)] = &[
    ("html", "text/html; charset=utf-8"),
    ("htm", "text/html; charset=utf-8"),
    ("shtml", "text/html; charset=utf-8"),
    ("css", "text/css; charset=utf-8"),
    ("js", "text/javascript; charset=utf-8"),
    ("mjs", "text/javascript; charset=utf-8"),
    ("txt", "text/plain; charset=utf-8"),
    ("gif", "image/gif"),
    ("png", "image/png"),
    ("jpg", "image/jpeg"),
    ("jpeg", "image/jpeg"),
    ("svg", "image/svg+xml"),
    ("webp", "image/webp"),
    ("ico", "image/x-icon"),
    ("woff", "font/woff"),
    ("ttf", "font/ttf"),
    ("json", "application/json"),
    ("csv", "text/csv"),
    ("pdf", "application/pdf"),
    ("doc", "application/msword"),
    ("exe", "application/octet-stream"),
    ("gz", "application/gzip"),
    ("tgz", "application/tar-gz"),
    ("zip", "application/zip"),
    ("avi", "video/x-msvideo"),
    ("mov", "video/quicktime"),
    ("mp4", "video/mp4"),
    ("mpeg", "video/mpeg"),
    ("3gp", "video/3gpp"),
    ("mp3", "audio/mpeg"),
    ("wav", "audio/wav"),
];

/// What browsers also have to be told, because they do not guess; programs of the original know these
/// as [`DEFAULT`].
const MODERN_TYPES: &[(&str, &str)] = &[
    ("wasm", "application/wasm"),
    ("xml", "application/xml"),
    ("webmanifest", "application/manifest+json"),
    ("map", "application/json"),
    ("woff2", "font/woff2"),
    ("otf", "font/otf"),
    ("avif", "image/avif"),
    ("webm", "video/webm"),
    ("ogv", "video/ogg"),
    ("vtt", "text/vtt; charset=utf-8"),
    ("ogg", "audio/ogg"),
    ("oga", "audio/ogg"),
    ("opus", "audio/ogg"),
    ("m4a", "audio/mp4"),
    ("flac", "audio/flac"),
];

/// The content type of the file at `path`; `modern` ones are known, too, if asked for.
///
/// `overrides` are pairs `ext=type`, separated by commas, that come first, from left to right; `*`
/// stands for every file. Extensions have no case.
pub fn content_type<'a>(path: &[u8], overrides: &'a [u8], modern: bool) -> &'a [u8] {
    let extension = memchr::memrchr(b'.', path).map(|at| &path[at + 1..]);
    let is = |key: &[u8]| extension.is_some_and(|extension| extension.eq_ignore_ascii_case(key));
    for pair in overrides.split(|b| *b == b',') {
        let Some(at) = memchr::memchr(b'=', pair) else { continue };
        let (key, value) = (trim(&pair[..at]), trim(&pair[at + 1..]));
        if !value.is_empty() && (key == b"*" || is(key)) {
            return value;
        }
    }
    let modern = if modern { MODERN_TYPES } else { &[] };
    let known = TYPES.iter().chain(modern).find(|(key, _)| is(key.as_bytes()));
    known.map_or(DEFAULT, |(_, value)| value.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table() {
        for (path, overrides, expected) in [
            ("a.html", "", "text/html; charset=utf-8"),
            ("/www/empty.js", "", "text/javascript; charset=utf-8"),
            ("UP.HTML", "", "text/html; charset=utf-8"),
            ("a.tar.gz", "", "application/gzip"),
            ("a.3gp", "", "video/3gpp"),
            ("a.nope", "", "text/plain; charset=utf-8"),
            ("html", "", "text/plain; charset=utf-8"),
            ("a.html/b", "", "text/plain; charset=utf-8"),
            ("a.", "", "text/plain; charset=utf-8"),
            ("", "", "text/plain; charset=utf-8"),
            ("a.txt", "foo=a/b,txt=c/d", "c/d"),
            ("e.js", "foo=a/b,txt=c/d", "text/javascript; charset=utf-8"),
            ("a.txt", "*=a/b,txt=c/d", "a/b"),
            ("noext", "*=a/b", "a/b"),
            ("a.TXT", "txt=c/d", "c/d"),
            ("a.txt", "txt=,txt=c/d", "c/d"),
            ("a.txt", ",,txt,txt = c/d; x=y ", "c/d; x=y"),
        ] {
            for modern in [false, true] {
                let found = content_type(path.as_bytes(), overrides.as_bytes(), modern);
                assert_eq!(found, expected.as_bytes(), "{path} {overrides}");
            }
        }
    }

    #[test]
    fn modern_types() {
        for (path, expected) in
            [("a.wasm", "application/wasm"), ("a.WebM", "video/webm"), ("a.b", "text/plain; charset=utf-8")]
        {
            assert_eq!(content_type(path.as_bytes(), b"", true), expected.as_bytes());
            assert_eq!(content_type(path.as_bytes(), b"", false), DEFAULT);
            assert_eq!(content_type(path.as_bytes(), b"*=x/y", true), b"x/y");
        }
    }

    #[test]
    fn extensions_are_unique_and_in_lower_case() {
        let all = [TYPES, MODERN_TYPES].concat();
        for (i, (key, _)) in all.iter().enumerate() {
            assert_eq!(key.to_lowercase(), *key);
            assert!(all[..i].iter().all(|(other, _)| other != key), "{key}");
        }
    }
}
