//! Serving files: from a request to a reply, by the options of the program.

mod directory;
mod files;
mod request;
mod ssi;
mod web;

pub mod body;
pub mod reply;

pub use files::Files;
pub use request::Request;
pub use ssi::serve_ssi;
pub use web::Web;

use self::body::Parts;
use super::date;
use crate::abi::Setting;
use crate::codec::date::HttpDate;
use crate::codec::docroot::{self, PathError, RootedPath};
use crate::codec::glob;
use crate::codec::http::conditional::{self, Conditions, Etag, Outcome, Validators};
use crate::codec::http::range::{self, Selection};
use crate::codec::http::status::Line;
use crate::codec::http::vars::has_line;
use crate::codec::http::{accept, mime};
use crate::net::event_loop::handle::Conn;
use crate::net::event_loop::mem;
use crate::net::event_loop::state::ConnState;
use crate::net::fs::{self, File, Found, Stat};
use crate::net::http;
use core::ffi::CStr;
use core::fmt::Display;
use std::io::Write;

/// How files are served: `struct mg_http_serve_opts`, and what browsers want beside.
#[derive(Clone, Copy)]
pub struct ServeOptions<'a> {
    /// Directories; see [`docroot::locate`].
    pub roots: &'a [u8],
    /// Files whose path matches are searched for includes.
    pub ssi_pattern: Option<&'a [u8]>,
    /// Header lines for replies with a file or page, each with its line end.
    pub headers: &'a [u8],
    /// Content types that come before the built-in ones.
    pub mime_types: &'a [u8],
    /// Path of the page for files that are missing.
    pub page404: Option<&'a CStr>,
    /// Where the files are.
    pub files: Files,
    /// For browsers.
    pub web: Web<'a>,
}

/// A request that is being answered.
struct Task<'a> {
    c: Conn<'a>,
    request: &'a Request<'a>,
    options: &'a ServeOptions<'a>,
    /// Header lines for browsers, of every reply.
    lines: Vec<u8>,
    /// Bytes of a path, with its NUL.
    path_max: usize,
}

/// What is sent, and as what.
struct Content {
    file: File,
    stat: Stat,
    /// The path that decides about the type.
    path: Vec<u8>,
    /// `Content-Encoding`.
    coding: Option<&'static str>,
    /// The page for missing files, which has no parts.
    is_fallback: bool,
}

/// Answers a request by a file or directory below the roots.
pub fn serve_dir(c: Conn, request: &Request<'_>, options: &ServeOptions<'_>) {
    if let Some(reply) = options.web.preflight(c, request) {
        return reply::finish(c, &reply);
    }
    Task::new(c, request, options).serve_dir();
}

/// Answers a request by one file, which the program chose.
pub fn serve_file(c: Conn, request: &Request<'_>, options: &ServeOptions<'_>, path: &CStr) {
    if let Some(reply) = options.web.preflight(c, request) {
        return reply::finish(c, &reply);
    }
    let options = ServeOptions { files: Files::all(options.files.fs), ..*options };
    let found = fs::open_to_serve(options.files.fs, path);
    Task::new(c, request, &options).serve_content(RootedPath::of_file(path.to_bytes()), found);
}

/// The value of a setting of a connection; of a program's own struct, the default.
fn setting(c: Conn, setting: Setting) -> i64 {
    ConnState::of(c).map_or(setting.limits().default, |state| state.setting(setting))
}

impl<'a> Task<'a> {
    fn new(c: Conn<'a>, request: &'a Request<'a>, options: &'a ServeOptions<'a>) -> Self {
        let path_max = setting(c, Setting::MG_SET_PATH_MAX) as usize;
        Task { c, request, options, lines: options.web.lines(c, request), path_max }
    }

    fn is_on(&self, wanted: Setting) -> bool {
        setting(self.c, wanted) != 0
    }

    fn serve_dir(&self) {
        let files = &self.options.files;
        let located =
            docroot::locate(self.request.uri, self.options.roots, files.may_be_whole(), self.path_max);
        let (place, uri) = match located {
            Ok(located) => located,
            Err(PathError::Invalid) => return self.text(400, &self.lines, b"Invalid path"),
            Err(PathError::RootTooLong) => return self.text(400, &self.lines, b"Exceeded path size"),
            Err(PathError::Nowhere) => return self.not_found(),
        };
        match files.open(&place) {
            Found::Dir => self.serve_directory(&place, uri),
            Found::Nothing if uri == b"/" => self.serve_root(&place),
            found => self.serve_found(place, found),
        }
    }

    /// Answers by a file of a directory, which may have includes.
    fn serve_found(&self, place: RootedPath, found: Found) {
        match found {
            Found::File(..) if self.request.is_foreign() => self.not_allowed(),
            Found::File(file, _) if self.has_includes(&place) => self.serve_includes(&place, file),
            found => self.serve_content(place, found),
        }
    }

    fn has_includes(&self, place: &RootedPath) -> bool {
        self.is_on(Setting::MG_SET_HTTP_SSI)
            && self.options.ssi_pattern.is_some_and(|pattern| glob::matches(&place.path, pattern, |_| ()))
    }

    /// Answers by a file, its compressed variant, or the page for missing files.
    fn serve_content(&self, place: RootedPath, found: Found) {
        match self.compressed(&place).or_else(|| self.plain(place, found)) {
            Some(content) => self.send(content),
            None => self.not_found(),
        }
    }

    /// The compressed variant of a file that the client likes best.
    fn compressed(&self, place: &RootedPath) -> Option<Content> {
        if mime::content(&place.path, self.options.mime_types).coding.is_some() {
            return None;
        }
        let accepted = self.request.headers.list(b"Accept-Encoding")?;
        let mut codings = self.options.web.codings().to_vec();
        loop {
            let names: Vec<&[u8]> = codings.iter().map(|(name, _)| name.as_bytes()).collect();
            let best = accept::choose(&accepted, &names)?;
            let at = names.iter().position(|name| *name == best)?;
            let (coding, suffix) = codings.remove(at);
            let variant = RootedPath { path: [&place.path, suffix.as_bytes()].concat(), root: place.root };
            if let Found::File(file, stat) = self.options.files.open(&variant) {
                let path = place.path.clone();
                return Some(Content { file, stat, path, coding: Some(coding), is_fallback: false });
            }
        }
    }

    fn plain(&self, place: RootedPath, found: Found) -> Option<Content> {
        if let Found::File(file, stat) = found {
            return Some(Content { file, stat, path: place.path, coding: None, is_fallback: false });
        }
        let path = self.options.page404?;
        let Found::File(file, stat) = fs::open_to_serve(self.options.files.fs, path) else { return None };
        Some(Content { file, stat, path: path.to_bytes().to_vec(), coding: None, is_fallback: true })
    }

    /// Sends a file, parts of it, or that the client has it already (RFC 9110, sections 13 and 14).
    fn send(&self, content: Content) {
        let (size, mtime, now) = (content.stat.size as u64, content.stat.mtime, date::now());
        let etag = Etag::new(mtime, size);
        let file = Validators { etag: etag.as_bytes(), modified: mtime };
        let reads = self.request.is_get() || self.request.is_head();
        let headers = &self.request.headers;
        let (matches, none_match) = (headers.list(b"If-Match"), headers.list(b"If-None-Match"));
        let conditions = Conditions {
            matches: matches.as_deref(),
            unmodified_since: headers.single(b"If-Unmodified-Since"),
            none_match: none_match.as_deref(),
            modified_since: headers.single(b"If-Modified-Since"),
        };
        let lines = self.lines_for(&content, file, now);
        match conditions.evaluate(file, reads, now) {
            Outcome::Serve => {}
            Outcome::NotModified => {
                return self.text(304, &[b"Etag: ", file.etag, b"\r\n", &lines].concat(), b"");
            }
            Outcome::Failed => return self.text(412, &lines, b"Precondition failed\n"),
        }
        let kind = mime::content(&content.path, self.options.mime_types);
        let mut kind_sent = kind.kind.to_vec();
        let (status, body, range) = match self.selection(&content, file, now) {
            Selection::Whole => (200, Parts::whole(size), String::new()),
            Selection::Unsatisfiable => (416, Parts::default(), format!("Content-Range: bytes */{size}\r\n")),
            Selection::Parts(parts) => match &parts[..] {
                [part] => {
                    let range = format!("Content-Range: bytes {}-{}/{size}\r\n", part.start(), part.end());
                    (206, Parts::one(part.clone()), range)
                }
                parts => {
                    let boundary = String::from_utf8_lossy(&mem::random_text::<25>()[..24]).into_owned();
                    kind_sent = [b"multipart/byteranges; boundary=", boundary.as_bytes()].concat();
                    (206, Parts::several(parts, &boundary, kind.kind, size), String::new())
                }
            },
        };
        let mut head = Vec::with_capacity(256 + lines.len());
        head.extend_from_slice(Line::new(status).bytes());
        head.extend_from_slice(b"Content-Type: ");
        head.extend_from_slice(&kind_sent);
        head.extend_from_slice(b"\r\nEtag: ");
        head.extend_from_slice(file.etag);
        // Writing to a Vec cannot fail.
        let _ = write!(head, "\r\nContent-Length: {}\r\n", body.len());
        if let Some(coding) = content.coding.or(kind.coding) {
            let _ = write!(head, "Content-Encoding: {coding}\r\n");
        }
        head.extend_from_slice(range.as_bytes());
        head.extend_from_slice(&lines);
        head.extend_from_slice(http::connection_line(self.c).to_bytes());
        head.extend_from_slice(b"\r\n");
        let body = if self.request.is_head() { Parts::default() } else { body };
        body::send(self.c, &head, content.file, body);
    }

    /// Header lines of a reply with, or about, a file: those of the program, and what they lack.
    fn lines_for(&self, content: &Content, file: Validators<'_>, now: i64) -> Vec<u8> {
        let mut lines = Vec::new();
        let own = self.options.headers;
        let mut add = |name: &str, value: &dyn Display| {
            if !has_line(own, name.as_bytes()) {
                // Writing to a Vec cannot fail.
                let _ = write!(lines, "{name}: {value}\r\n");
            }
        };
        if !content.is_fallback {
            if file.modified > 0 {
                // Not later than the reply (RFC 9110, section 8.8.2.1).
                add("Last-Modified", &HttpDate(file.modified.min(now)));
            }
            add("Accept-Ranges", &"bytes");
        }
        if !has_line(own, b"Date") {
            lines.extend_from_slice(&date::line());
        }
        lines.extend_from_slice(own);
        lines.extend_from_slice(&self.lines);
        if !content.is_fallback {
            lines.extend_from_slice(&self.options.web.file_lines(self.request.uri));
        }
        lines
    }

    /// Which parts of a file are asked for.
    fn selection(&self, content: &Content, file: Validators<'_>, now: i64) -> Selection {
        let Some(range) = self.request.headers.single(b"Range") else { return Selection::Whole };
        let mut versions = self.request.headers.all(b"If-Range");
        let is_current = versions.all(|version| conditional::if_range(version, file, now));
        if content.is_fallback || !self.request.is_get() || !is_current {
            return Selection::Whole;
        }
        range::select(range, content.stat.size as u64)
    }

    fn not_found(&self) {
        self.text(404, &[self.options.headers, &self.lines].concat(), b"Not found\n");
    }

    /// Listing the directory is forbidden.
    fn forbidden(&self) {
        self.text(403, &[self.options.headers, &self.lines].concat(), b"Forbidden\n");
    }

    /// The method makes no sense for a file.
    fn not_allowed(&self) {
        let headers = [b"Allow: GET, HEAD, POST\r\n", &self.lines[..]].concat();
        self.text(405, &headers, b"Method not allowed\n");
    }

    /// Sends a short text, in the form of `mg_http_reply`.
    fn text(&self, code: i32, headers: &[u8], body: &[u8]) {
        reply::whole(self.c, code, headers, body, !self.request.is_head());
    }
}
