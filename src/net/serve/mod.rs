//! Serving files: from a request to a reply, by the options of the program.

mod directory;
mod includes;
mod request;

pub mod body;
pub mod reply;

pub use includes::serve_ssi;
pub use request::Request;

use super::fs::{self, File, Found, Fs, PATH_MAX, Stat};
use super::handle::Conn;
use crate::codec::http::accept;
use crate::codec::http::conditional::{self, Etag};
use crate::codec::http::mime;
use crate::codec::http::range::{self, Selection};
use crate::codec::http::status::Line;
use crate::codec::matcher;
use crate::codec::webroot::{self, Refusal};
use std::ffi::CString;
use std::io::Write;

/// How files are served: `struct mg_http_serve_opts`.
#[derive(Clone, Copy)]
pub struct Options<'a> {
    /// Directories; see [`webroot::locate`].
    pub roots: &'a [u8],
    /// Files whose path matches are searched for includes.
    pub ssi_pattern: Option<&'a [u8]>,
    /// Header lines for replies with a file or page, each with its line end.
    pub headers: &'a [u8],
    /// Content types that come before the built-in ones.
    pub mime_types: &'a [u8],
    /// Path of the page for files that are missing.
    pub page404: Option<&'a core::ffi::CStr>,
    /// Where the files are.
    pub fs: Fs,
}

impl Options<'_> {
    /// Whether an empty root may stand for the whole file system. Not for the machine's: nobody
    /// means that.
    fn may_serve_all(&self) -> bool {
        !self.fs.has_descriptors()
    }
}

/// What is sent, and as what.
struct Content {
    file: File,
    stat: Stat,
    /// The path that decides about the type.
    path: CString,
    /// `Content-Encoding`.
    coding: Option<&'static str>,
    /// The page for missing files, which has no parts.
    is_fallback: bool,
}

/// Answers a request by a file or directory below the roots.
pub fn serve_dir(c: Conn, request: &Request<'_>, options: &Options<'_>) {
    let place = webroot::locate(request.uri, options.roots, options.may_serve_all(), PATH_MAX);
    let place = match place {
        Ok(place) => place,
        Err(Refusal::Invalid) => return reply::text(c, request, 400, b"", b"Invalid path"),
        Err(Refusal::RootTooLong) => return reply::text(c, request, 400, b"", b"Exceeded path size"),
        Err(Refusal::Nowhere) => return not_found(c, request, options),
    };
    // The path has no NUL inside: that was refused.
    let Ok(path) = CString::new(place.path) else { return not_found(c, request, options) };
    match fs::open_to_serve(options.fs, &path) {
        Found::Dir => directory::serve(c, request, options, &path, place.uri),
        Found::Nothing if place.uri == b"/" => directory::serve_index(c, request, options, &path),
        found => serve_found(c, request, options, path, found),
    }
}

/// Answers a request by one file.
pub fn serve_file(c: Conn, request: &Request<'_>, options: &Options<'_>, path: &core::ffi::CStr) {
    let found = fs::open_to_serve(options.fs, path);
    serve_content(c, request, options, path.into(), found);
}

/// Answers by a file of a directory, which may have includes.
fn serve_found(c: Conn, request: &Request<'_>, options: &Options<'_>, path: CString, found: Found) {
    if matches!(found, Found::File(..)) && request.is_foreign() {
        return reply::not_allowed(c, request);
    }
    match found {
        Found::File(file, _) if has_includes(options, &path) => {
            includes::serve(c, request, options, &path, file);
        }
        found => serve_content(c, request, options, path, found),
    }
}

fn has_includes(options: &Options<'_>, path: &core::ffi::CStr) -> bool {
    options.ssi_pattern.is_some_and(|pattern| matcher::matches(path.to_bytes(), pattern, |_| ()))
}

/// Answers by a file, its compressed variant, or what stands for missing files.
fn serve_content(c: Conn, request: &Request<'_>, options: &Options<'_>, path: CString, found: Found) {
    match compressed(request, options, &path).or_else(|| plain(options, path, found)) {
        Some(content) => send(c, request, options, content),
        None => not_found(c, request, options),
    }
}

/// The file at `path.gz`, for clients that take it.
fn compressed(request: &Request<'_>, options: &Options<'_>, path: &core::ffi::CStr) -> Option<Content> {
    accept::choose(request.header(b"Accept-Encoding")?, &[b"gzip"])?;
    let variant = CString::new([path.to_bytes(), b".gz"].concat()).ok()?;
    match fs::open_to_serve(options.fs, &variant) {
        Found::File(file, stat) => {
            Some(Content { file, stat, path: path.into(), coding: Some("gzip"), is_fallback: false })
        }
        _ => None,
    }
}

fn plain(options: &Options<'_>, path: CString, found: Found) -> Option<Content> {
    if let Found::File(file, stat) = found {
        return Some(Content { file, stat, path, coding: None, is_fallback: false });
    }
    let path = options.page404?;
    match fs::open_to_serve(options.fs, path) {
        Found::File(file, stat) => {
            Some(Content { file, stat, path: path.into(), coding: None, is_fallback: true })
        }
        _ => None,
    }
}

fn not_found(c: Conn, request: &Request<'_>, options: &Options<'_>) {
    reply::text(c, request, 404, options.headers, b"Not found\n");
}

/// Sends a file, a part of it, or that the client has it already.
fn send(c: Conn, request: &Request<'_>, options: &Options<'_>, content: Content) {
    let size = content.stat.size as u64;
    let etag = Etag::new(content.stat.mtime, size);
    let etag = etag.as_bytes();
    if request.header(b"If-None-Match").is_some_and(|tags| conditional::none_match(tags, etag)) {
        let headers = [b"Etag: ", etag, b"\r\n", options.headers].concat();
        return reply::text(c, request, 304, &headers, b"");
    }
    let selection = match request.header(b"Range") {
        Some(range)
            if request.is_get()
                && !content.is_fallback
                && request.header(b"If-Range").is_none_or(|tag| conditional::if_range(tag, etag)) =>
        {
            range::select(range, size)
        }
        _ => Selection::Whole,
    };
    let (status, start, len) = match &selection {
        Selection::Whole => (200, 0, size),
        Selection::Part(part) => (206, *part.start(), part.end() - part.start() + 1),
        Selection::Unsatisfiable => (416, 0, 0),
    };
    let mut head = Vec::with_capacity(256 + options.headers.len());
    head.extend_from_slice(Line::new(status).bytes());
    head.extend_from_slice(b"Content-Type: ");
    head.extend_from_slice(mime::content_type(content.path.to_bytes(), options.mime_types));
    head.extend_from_slice(b"\r\nEtag: ");
    head.extend_from_slice(etag);
    // Writing to a Vec cannot fail.
    let _ = write!(head, "\r\nContent-Length: {len}\r\n");
    if let Some(coding) = content.coding {
        let _ = write!(head, "Content-Encoding: {coding}\r\n");
    }
    match selection {
        Selection::Whole => {}
        Selection::Part(part) => {
            let _ = write!(head, "Content-Range: bytes {}-{}/{size}\r\n", part.start(), part.end());
        }
        Selection::Unsatisfiable => {
            let _ = write!(head, "Content-Range: bytes */{size}\r\n");
        }
    }
    head.extend_from_slice(options.headers);
    head.extend_from_slice(b"\r\n");
    let len = if request.is_head() { 0 } else { len };
    body::send(c, &head, content.file, start, len);
}
