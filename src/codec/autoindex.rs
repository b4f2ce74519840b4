//! The page that shows a directory.
//!
//! It is complete in itself: one inline stylesheet, no script, nothing from elsewhere. Names are
//! escaped everywhere. All functions append to a page, which allocates.
#![forbid(unsafe_code)]

use super::date::Date;
use super::http::percent;
use std::io::Write;

/// A file or directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Name, as the file system has it.
    pub name: &'a [u8],
    /// A directory.
    pub is_dir: bool,
    /// Bytes, of a file.
    pub size: u64,
    /// When it was changed last, in seconds since 1970; 0 when unknown.
    pub mtime: i64,
    /// The same as text, if it is not to be UTC.
    pub local: Option<&'a str>,
}

const STYLE: &str = "\
:root{color-scheme:light dark}\
body{font:15px/1.6 system-ui,sans-serif;max-width:60em;margin:2em auto;padding:0 1em}\
h1{font-size:1.3em;font-weight:600;overflow-wrap:anywhere}\
table{width:100%;border-collapse:collapse;font-variant-numeric:tabular-nums}\
th,td{text-align:left;padding:.3em .6em;border-bottom:1px solid #8883;white-space:nowrap}\
th{font-weight:600;color:#777}\
th:last-child,td:last-child{text-align:right}\
td:first-child{white-space:normal;overflow-wrap:anywhere;width:99%}\
tr:hover td{background:#8881}\
a{text-decoration:none;color:#06c}a:hover{text-decoration:underline}\
td+td,footer{color:#777}\
@media(prefers-color-scheme:dark){a{color:#6bf}}";

/// The page up to the first entry. `uri` is decoded; `is_local`: times are not UTC.
pub fn start(page: &mut Vec<u8>, uri: &[u8], is_local: bool) {
    page.extend_from_slice(
        b"<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
          <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n<title>Index of ",
    );
    escape(page, uri);
    page.extend_from_slice(b"</title>\n<style>");
    page.extend_from_slice(STYLE.as_bytes());
    page.extend_from_slice(b"</style></head>\n<body><h1>Index of ");
    escape(page, uri);
    page.extend_from_slice(b"</h1>\n<table><thead><tr><th>Name</th><th>Modified");
    page.extend_from_slice(if is_local { b"" } else { b" (UTC)" });
    page.extend_from_slice(
        b"</th><th>Size</th></tr></thead><tbody>\n\
          <tr><td><a href=\"..\">..</a></td><td></td><td>[DIR]</td></tr>\n",
    );
}

/// One entry.
pub fn row(page: &mut Vec<u8>, entry: &Entry<'_>) {
    page.extend_from_slice(b"<tr><td><a href=\"");
    let mut name = vec![0; percent::room_for(entry.name)];
    let len = percent::encode(entry.name, &mut name).unwrap_or(0);
    page.extend_from_slice(&name[..len]);
    let slash: &[u8] = if entry.is_dir { b"/" } else { b"" };
    page.extend_from_slice(slash);
    page.extend_from_slice(b"\">");
    escape(page, entry.name);
    page.extend_from_slice(slash);
    page.extend_from_slice(b"</a></td><td>");
    if let Some(local) = entry.local {
        escape(page, local.as_bytes());
    } else if entry.mtime != 0 {
        append(page, format_args!("{}", Date::from_unix(entry.mtime)));
    }
    page.extend_from_slice(b"</td><td>");
    if entry.is_dir {
        page.extend_from_slice(b"[DIR]");
    } else {
        append(page, format_args!("<span title=\"{} bytes\">", entry.size));
        size(page, entry.size);
        page.extend_from_slice(b"</span>");
    }
    page.extend_from_slice(b"</td></tr>\n");
}

/// What follows the last entry.
pub fn end(page: &mut Vec<u8>, files: usize, dirs: usize) {
    let plural = |n: usize| if n == 1 { "" } else { "s" };
    append(
        page,
        format_args!(
            "</tbody></table>\n<footer><p>{files} file{}, {dirs} folder{}</p></footer></body></html>\n",
            plural(files),
            plural(dirs)
        ),
    );
}

/// Text as HTML, also inside quotes.
pub fn escape(page: &mut Vec<u8>, text: &[u8]) {
    for b in text {
        match b {
            b'&' => page.extend_from_slice(b"&amp;"),
            b'<' => page.extend_from_slice(b"&lt;"),
            b'>' => page.extend_from_slice(b"&gt;"),
            b'"' => page.extend_from_slice(b"&quot;"),
            b'\'' => page.extend_from_slice(b"&#39;"),
            b => page.push(*b),
        }
    }
}

/// A size for people: three digits at least, four at most.
fn size(page: &mut Vec<u8>, bytes: u64) {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1024 {
        return append(page, format_args!("{bytes} B"));
    }
    let unit = (bytes.ilog2() / 10 - 1) as usize;
    let value = bytes as f64 / f64::powi(1024.0, unit as i32 + 1);
    let decimals = usize::from(value < 99.95);
    append(page, format_args!("{value:.decimals$} {}", UNITS[unit.min(5)]));
}

fn append(page: &mut Vec<u8>, text: core::fmt::Arguments<'_>) {
    // Writing to a Vec cannot fail.
    let _ = page.write_fmt(text);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &str, is_dir: bool, size: u64, mtime: i64) -> Entry<'_> {
        Entry { name: name.as_bytes(), is_dir, size, mtime, local: None }
    }

    fn shown(f: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut page = Vec::new();
        f(&mut page);
        String::from_utf8(page).unwrap()
    }

    #[test]
    fn rows() {
        assert_eq!(
            shown(|p| row(p, &entry("a<b&c>.txt", false, 5, 1_700_000_000))),
            "<tr><td><a href=\"a%3cb%26c%3e.txt\">a&lt;b&amp;c&gt;.txt</a></td><td>2023-11-14 22:13</td>\
             <td><span title=\"5 bytes\">5 B</span></td></tr>\n"
        );
        assert_eq!(
            shown(|p| row(p, &entry("d", true, 4096, 0))),
            "<tr><td><a href=\"d/\">d/</a></td><td></td><td>[DIR]</td></tr>\n"
        );
    }

    /// A file's name is the one thing here that a stranger may choose: it cannot leave its element
    /// or attribute, and it is no URL of another scheme.
    #[test]
    fn names_stay_text() {
        for name in [
            "<script>alert(1)</script>",
            "\"><img src=x onerror=alert(1)>",
            "' onmouseover='x",
            "javascript:alert(1)",
            "//evil.example",
            "\\\\evil",
            "&lt;",
            "a\nb\0c",
        ] {
            let html = shown(|p| row(p, &entry(name, false, 1, 0)));
            let (href, rest) = html.strip_prefix("<tr><td><a href=\"").unwrap().split_once("\">").unwrap();
            assert!(href.bytes().all(|b| b.is_ascii_alphanumeric() || b"%._-~".contains(&b)), "{html}");
            let text = rest.split_once("</a>").unwrap().0;
            assert!(!text.contains(['<', '>', '"', '\'']), "{html}");
            let title = shown(|p| start(p, name.as_bytes(), false));
            assert!(!title.contains(name) || !name.contains(['<', '"', '\'']), "{title}");
        }
        assert!(shown(|p| start(p, b"/dirtest/", true)).contains(">Index of /dirtest/<"));
    }

    #[test]
    fn sizes() {
        for (bytes, expected) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1536, "1.5 KiB"),
            (102_400, "100 KiB"),
            (1 << 20, "1.0 MiB"),
            (1 << 30, "1.0 GiB"),
            (u64::MAX, "16.0 EiB"),
        ] {
            assert_eq!(shown(|p| size(p, bytes)), expected);
        }
    }
}
