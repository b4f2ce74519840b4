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

use crate::abi::Setting;
use crate::codec::docroot::{self, Place, Refusal};
use crate::codec::glob;
use crate::codec::http::conditional::{self, Etag};
use crate::codec::http::range::{self, Selection};
use crate::codec::http::status::Line;
use crate::codec::http::{accept, mime};
use crate::net::event_loop::handle::Conn;
use crate::net::event_loop::state::ConnState;
use crate::net::fs::{self, File, Found, Stat};
use crate::net::http;
use core::ffi::CStr;
use std::io::Write;

/// How files are served: `struct mg_http_serve_opts`, and what browsers want beside.
#[derive(Clone, Copy)]
pub struct Options<'a> {
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
    options: &'a Options<'a>,
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
pub fn serve_dir(c: Conn, request: &Request<'_>, options: &Options<'_>) {
    if let Some(reply) = options.web.preflight(c, request) {
        return reply::finish(c, &reply);
    }
    Task::new(c, request, options).serve_dir();
}

/// Answers a request by one file, which the program chose.
pub fn serve_file(c: Conn, request: &Request<'_>, options: &Options<'_>, path: &CStr) {
    if let Some(reply) = options.web.preflight(c, request) {
        return reply::finish(c, &reply);
    }
    let options = Options { files: Files::all(options.files.fs), ..*options };
    let found = fs::open_to_serve(options.files.fs, path);
    Task::new(c, request, &options).serve_content(Place::of_file(path.to_bytes()), found);
}

/// The value of a setting of a connection; of a program's own struct, the default.
fn setting(c: Conn, setting: Setting) -> i64 {
    ConnState::of(c).map_or(setting.limits().default, |state| state.setting(setting))
}

impl<'a> Task<'a> {
    fn new(c: Conn<'a>, request: &'a Request<'a>, options: &'a Options<'a>) -> Self {
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
            Err(Refusal::Invalid) => return self.text(400, &self.lines, b"Invalid path"),
            Err(Refusal::RootTooLong) => return self.text(400, &self.lines, b"Exceeded path size"),
            Err(Refusal::Nowhere) => return self.not_found(),
        };
        match files.open(&place) {
            Found::Dir => self.serve_directory(&place, uri),
            Found::Nothing if uri == b"/" => self.serve_root(&place),
            found => self.serve_found(place, found),
        }
    }

    /// Answers by a file of a directory, which may have includes.
    fn serve_found(&self, place: Place, found: Found) {
        match found {
            Found::File(..) if self.request.is_foreign() => self.not_allowed(),
            Found::File(file, _) if self.has_includes(&place) => self.serve_includes(&place, file),
            found => self.serve_content(place, found),
        }
    }

    fn has_includes(&self, place: &Place) -> bool {
        self.is_on(Setting::MG_SET_HTTP_SSI)
            && self.options.ssi_pattern.is_some_and(|pattern| glob::matches(&place.path, pattern, |_| ()))
    }

    /// Answers by a file, its compressed variant, or what stands for missing files.
    fn serve_content(&self, place: Place, found: Found) {
        match self.compressed(&place).or_else(|| self.plain(place, found)) {
            Some(content) => self.send(content),
            None => self.not_found(),
        }
    }

    /// The compressed variant of a file that the client likes best.
    fn compressed(&self, place: &Place) -> Option<Content> {
        let accepted = self.request.header(b"Accept-Encoding")?;
        let mut codings = self.options.web.codings().to_vec();
        loop {
            let names: Vec<&[u8]> = codings.iter().map(|(name, _)| name.as_bytes()).collect();
            let best = accept::choose(accepted, &names)?;
            let at = names.iter().position(|name| *name == best)?;
            let (coding, suffix) = codings.remove(at);
            let variant = Place { path: [&place.path, suffix.as_bytes()].concat(), root: place.root };
            if let Found::File(file, stat) = self.options.files.open(&variant) {
                let path = place.path.clone();
                return Some(Content { file, stat, path, coding: Some(coding), is_fallback: false });
            }
        }
    }

    fn plain(&self, place: Place, found: Found) -> Option<Content> {
        if let Found::File(file, stat) = found {
            return Some(Content { file, stat, path: place.path, coding: None, is_fallback: false });
        }
        let path = self.options.page404?;
        let Found::File(file, stat) = fs::open_to_serve(self.options.files.fs, path) else { return None };
        Some(Content { file, stat, path: path.to_bytes().to_vec(), coding: None, is_fallback: true })
    }

    /// Sends a file, a part of it, or that the client has it already.
    fn send(&self, content: Content) {
        let size = content.stat.size as u64;
        let etag = Etag::new(content.stat.mtime, size);
        let etag = etag.as_bytes();
        let headers = if content.is_fallback {
            [self.options.headers, &self.lines].concat()
        } else {
            [self.options.headers, &self.lines, &self.options.web.file_lines(self.request.uri)].concat()
        };
        if self.request.header(b"If-None-Match").is_some_and(|tags| conditional::none_match(tags, etag)) {
            return self.text(304, &[b"Etag: ", etag, b"\r\n", &headers].concat(), b"");
        }
        let selection = self.selection(&content, etag);
        let (status, start, len) = match &selection {
            Selection::Whole => (200, 0, size),
            Selection::Part(part) => (206, *part.start(), part.end() - part.start() + 1),
            Selection::Unsatisfiable => (416, 0, 0),
        };
        let mut head = Vec::with_capacity(256 + headers.len());
        head.extend_from_slice(Line::new(status).bytes());
        head.extend_from_slice(b"Content-Type: ");
        let modern = self.options.web.forbids_guessing();
        head.extend_from_slice(mime::content_type(&content.path, self.options.mime_types, modern));
        head.extend_from_slice(b"\r\nEtag: ");
        head.extend_from_slice(etag);
        // Writing to a Vec cannot fail.
        let _ = write!(head, "\r\nContent-Length: {len}\r\n");
        if let Some(coding) = content.coding {
            let _ = write!(head, "Content-Encoding: {coding}\r\n");
        }
        let _ = match selection {
            Selection::Whole => Ok(()),
            Selection::Part(part) => {
                write!(head, "Content-Range: bytes {}-{}/{size}\r\n", part.start(), part.end())
            }
            Selection::Unsatisfiable => write!(head, "Content-Range: bytes */{size}\r\n"),
        };
        head.extend_from_slice(&headers);
        head.extend_from_slice(http::connection_line(self.c).to_bytes());
        head.extend_from_slice(b"\r\n");
        let len = if self.request.is_head() { 0 } else { len };
        body::send(self.c, &head, content.file, start, len);
    }

    /// Which part of a file is asked for.
    fn selection(&self, content: &Content, etag: &[u8]) -> Selection {
        let Some(range) = self.request.header(b"Range") else { return Selection::Whole };
        let is_current =
            || self.request.header(b"If-Range").is_none_or(|tag| conditional::if_range(tag, etag));
        if content.is_fallback || !self.request.is_get() || !is_current() {
            return Selection::Whole;
        }
        range::select(range, content.stat.size as u64)
    }

    fn not_found(&self) {
        self.text(404, &[self.options.headers, &self.lines].concat(), b"Not found\n");
    }

    /// Nobody may see what a directory has.
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
