//! Content types by file name extension.

#![forbid(unsafe_code)]

use super::scan::trim;

/// The type of files whose extension is not known, or that have none.
pub const DEFAULT: &[u8] = b"text/plain; charset=utf-8";

/// Types that browsers, feeds, players and installers have to be told, because they do not guess. Where a
/// name is used for several things, the list goes with what web servers commonly say.
const TYPES: &[(&str, &str)] = &[
    ("text/html; charset=utf-8", "html htm shtml"),
    ("text/css; charset=utf-8", "css"),
    ("text/javascript; charset=utf-8", "js mjs cjs"),
    ("text/plain; charset=utf-8", "txt text log conf ini"),
    ("text/markdown; charset=utf-8", "md markdown"),
    ("text/csv", "csv"),
    ("text/calendar; charset=utf-8", "ics"),
    ("text/vtt; charset=utf-8", "vtt"),
    ("text/mathml", "mml"),
    ("text/vnd.sun.j2me.app-descriptor", "jad"),
    ("text/vnd.wap.wml", "wml"),
    ("text/x-component", "htc"),
    ("image/gif", "gif"),
    ("image/png", "png"),
    ("image/apng", "apng"),
    ("image/jpeg", "jpg jpeg"),
    ("image/svg+xml", "svg svgz"),
    ("image/webp", "webp"),
    ("image/avif", "avif"),
    ("image/jxl", "jxl"),
    ("image/heic", "heic"),
    ("image/tiff", "tif tiff"),
    ("image/vnd.wap.wbmp", "wbmp"),
    ("image/x-icon", "ico"),
    ("image/x-jng", "jng"),
    ("image/bmp", "bmp"),
    ("font/woff", "woff"),
    ("font/woff2", "woff2"),
    ("font/ttf", "ttf"),
    ("font/otf", "otf"),
    ("font/collection", "ttc"),
    ("application/json", "json map"),
    ("application/ld+json", "jsonld"),
    ("application/geo+json", "geojson"),
    ("application/manifest+json", "webmanifest"),
    ("application/wasm", "wasm"),
    ("application/xml", "xml"),
    ("application/xhtml+xml", "xhtml"),
    ("application/xslt+xml", "xsl xslt"),
    ("application/atom+xml", "atom"),
    ("application/rss+xml", "rss"),
    ("application/xspf+xml", "xspf"),
    ("application/dash+xml", "mpd"),
    ("application/pdf", "pdf"),
    ("application/epub+zip", "epub"),
    ("application/rtf", "rtf"),
    ("application/postscript", "ps eps ai"),
    ("application/msword", "doc"),
    ("application/vnd.ms-excel", "xls"),
    ("application/vnd.ms-powerpoint", "ppt"),
    ("application/vnd.ms-fontobject", "eot"),
    ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", "docx"),
    ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx"),
    ("application/vnd.openxmlformats-officedocument.presentationml.presentation", "pptx"),
    ("application/vnd.oasis.opendocument.graphics", "odg"),
    ("application/vnd.oasis.opendocument.presentation", "odp"),
    ("application/vnd.oasis.opendocument.spreadsheet", "ods"),
    ("application/vnd.oasis.opendocument.text", "odt"),
    ("application/vnd.apple.mpegurl", "m3u8"),
    ("application/vnd.google-earth.kml+xml", "kml"),
    ("application/vnd.google-earth.kmz", "kmz"),
    ("application/vnd.wap.wmlc", "wmlc"),
    ("application/vnd.android.package-archive", "apk"),
    ("application/java-archive", "jar war ear"),
    ("application/mac-binhex40", "hqx"),
    ("application/gzip", "gz"),
    ("application/tar-gz", "tgz"),
    ("application/x-tar", "tar"),
    ("application/x-bzip2", "bz2"),
    ("application/x-xz", "xz"),
    ("application/zstd", "zst"),
    ("application/zip", "zip"),
    ("application/x-7z-compressed", "7z"),
    ("application/x-rar-compressed", "rar"),
    ("application/x-cocoa", "cco"),
    ("application/x-java-archive-diff", "jardiff"),
    ("application/x-java-jnlp-file", "jnlp"),
    ("application/x-makeself", "run"),
    ("application/x-perl", "pl pm"),
    ("application/x-pilot", "prc pdb"),
    ("application/x-redhat-package-manager", "rpm"),
    ("application/x-sea", "sea"),
    ("application/x-shockwave-flash", "swf"),
    ("application/x-stuffit", "sit"),
    ("application/x-tcl", "tcl tk"),
    ("application/x-x509-ca-cert", "der pem crt"),
    ("application/x-xpinstall", "xpi"),
    ("application/octet-stream", "exe bin dll deb dmg iso img msi msp msm"),
    ("audio/midi", "mid midi kar"),
    ("audio/mpeg", "mp3"),
    ("audio/mp4", "m4a"),
    ("audio/aac", "aac"),
    ("audio/ogg", "ogg oga opus"),
    ("audio/flac", "flac"),
    ("audio/wav", "wav"),
    ("audio/x-realaudio", "ra"),
    ("video/3gpp", "3gp 3gpp"),
    ("video/mp2t", "ts"),
    ("video/mp4", "mp4 m4s"),
    ("video/mpeg", "mpeg mpg"),
    ("video/ogg", "ogv"),
    ("video/quicktime", "mov"),
    ("video/webm", "webm"),
    ("video/x-flv", "flv"),
    ("video/x-m4v", "m4v"),
    ("video/x-matroska", "mkv"),
    ("video/x-mng", "mng"),
    ("video/x-ms-asf", "asx asf"),
    ("video/x-ms-wmv", "wmv"),
    ("video/x-msvideo", "avi"),
];

/// What a file holds, as its name says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Content<'a> {
    /// The content type.
    pub kind: &'a [u8],
    /// The content coding that the file itself is in: what has this type is inside.
    pub coding: Option<&'static str>,
}

/// What the file at `path` holds.
///
/// `overrides` are pairs `ext=type`, separated by commas, that come first, from left to right; `*`
/// stands for every file. Extensions have no case.
pub fn content<'a>(path: &[u8], overrides: &'a [u8]) -> Content<'a> {
    let extension = memchr::memrchr(b'.', path).map(|at| &path[at + 1..]);
    let is = |key: &[u8]| extension.is_some_and(|extension| extension.eq_ignore_ascii_case(key));
    for pair in overrides.split(|b| *b == b',') {
        let Some(at) = memchr::memchr(b'=', pair) else { continue };
        let (key, value) = (trim(&pair[..at]), trim(&pair[at + 1..]));
        if !value.is_empty() && (key == b"*" || is(key)) {
            return Content { kind: value, coding: None };
        }
    }
    let known = TYPES.iter().find(|(_, keys)| keys.split(' ').any(|key| is(key.as_bytes())));
    let kind = known.map_or(DEFAULT, |(value, _)| value.as_bytes());
    Content { kind, coding: is(b"svgz").then_some("gzip") }
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
            let found = content(path.as_bytes(), overrides.as_bytes());
            assert_eq!(found, Content { kind: expected.as_bytes(), coding: None }, "{path} {overrides}");
        }
    }

    #[test]
    fn types_that_browsers_have_to_be_told() {
        for (path, expected) in [
            ("a.wasm", "application/wasm"),
            ("a.WebM", "video/webm"),
            ("a.md", "text/markdown; charset=utf-8"),
            ("a.mjs", "text/javascript; charset=utf-8"),
            ("a.jxl", "image/jxl"),
            ("a.avif", "image/avif"),
            ("a.webmanifest", "application/manifest+json"),
            ("a.m3u8", "application/vnd.apple.mpegurl"),
            ("a.7z", "application/x-7z-compressed"),
            ("a.b", "text/plain; charset=utf-8"),
        ] {
            assert_eq!(content(path.as_bytes(), b"").kind, expected.as_bytes(), "{path}");
            assert_eq!(content(path.as_bytes(), b"*=x/y").kind, b"x/y");
        }
    }

    #[test]
    fn a_compressed_picture_has_a_coding() {
        assert_eq!(content(b"a.SVGZ", b""), Content { kind: b"image/svg+xml", coding: Some("gzip") });
        assert_eq!(content(b"a.svgz", b"svgz=application/gzip").coding, None);
        assert_eq!(content(b"a.svg", b"").coding, None);
        assert_eq!(content(b"svgz", b"").coding, None);
    }

    #[test]
    fn extensions_are_unique_and_in_lower_case() {
        let all: Vec<_> = TYPES.iter().flat_map(|(_, keys)| keys.split(' ')).collect();
        for (i, key) in all.iter().enumerate() {
            assert_eq!(key.to_lowercase(), *key);
            assert!(!all[..i].contains(key), "{key}");
        }
    }
}
