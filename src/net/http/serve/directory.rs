//! Directories: redirects, index files, listings.

use super::body::{self, Page};
use super::{Files, Task, reply};
use crate::abi::{MG_HTTP_INDEX, Setting};
use crate::codec::autoindex::{self, Entry};
use crate::codec::docroot::RootedPath;
use crate::codec::http::percent;
use crate::codec::http::vars::has_line;
use crate::net::event_loop::state::Root;
use crate::net::event_loop::sys;
use crate::net::fs::{Found, PATH_MAX, Stat};
use crate::net::http::{self, date};
use std::io::Write;
use std::rc::Rc;

impl Task<'_> {
    /// Answers by the directory at `place`.
    pub(super) fn serve_directory(&self, place: &RootedPath, uri: &[u8]) {
        if !uri.ends_with(b"/") {
            return self.redirect(uri);
        }
        if let Some((index, found)) = self.index(place) {
            return self.serve_found(index, found);
        }
        if self.options.web.hides_listings() {
            return self.serve_content(place.clone(), Found::Nothing);
        }
        if self.request.is_foreign() {
            return self.not_allowed();
        }
        if !self.is_on(Setting::MG_SET_HTTP_DIRLIST) {
            return self.forbidden();
        }
        self.list(place, uri);
    }

    /// Answers by a root directory that the file system knows nothing about, as some do: its index
    /// file may exist all the same.
    pub(super) fn serve_root(&self, place: &RootedPath) {
        match self.index(place) {
            Some((index, found)) => self.serve_found(index, found),
            None => self.serve_content(place.clone(), Found::Nothing),
        }
    }

    /// The index file of a directory. Compressed ones are there only for clients that take
    /// them.
    fn index(&self, place: &RootedPath) -> Option<(RootedPath, Found)> {
        let index = self.index_name();
        let child = |name: &[u8]| place.child(name, self.path_max).ok();
        for name in [&*index, b"index.shtml"] {
            let Some(file) = child(name) else { continue };
            let found = self.options.files.open(&file);
            if let Found::File(..) = found {
                return Some((file, found));
            }
        }
        let compressed = self.options.web.codings().iter().any(|(_, suffix)| {
            let file = child(&[&*index, suffix.as_bytes()].concat());
            file.is_some_and(|file| matches!(self.options.files.open(&file), Found::File(..)))
        });
        if compressed { child(&index).map(|index| (index, Found::Nothing)) } else { None }
    }

    /// The name of the index file of a directory.
    fn index_name(&self) -> Rc<[u8]> {
        let root = self.c.mgr().and_then(Root::of);
        root.map_or_else(
            || MG_HTTP_INDEX.as_bytes().into(),
            |root| root.with(|inner| inner.http_index.clone()),
        )
    }

    /// Sends the client to the same place with a slash appended, so that relative links work. The query
    /// goes along.
    ///
    /// More than one leading slash, or a backslash, would lead to another host.
    fn redirect(&self, uri: &[u8]) {
        let start = uri.iter().position(|b| *b != b'/').unwrap_or(uri.len());
        let mut out = b"HTTP/1.1 301 Moved\r\nLocation: /".to_vec();
        for b in &uri[start..] {
            match b {
                b'\\' => out.extend_from_slice(b"%5C"),
                b => out.push(*b),
            }
        }
        out.push(b'/');
        if let Some(query) = self.request.query {
            out.push(b'?');
            out.extend_from_slice(query);
        }
        out.extend_from_slice(b"\r\nContent-Length: 0\r\n");
        out.extend_from_slice(&self.lines);
        out.extend_from_slice(&self.ends());
        out.extend_from_slice(b"\r\n");
        reply::finish(self.c, &out);
    }

    /// Header lines that the connection asks for.
    fn ends(&self) -> Vec<u8> {
        let date = date::line_for(self.c).filter(|_| !has_line(self.options.headers, b"Date"));
        let date = date.as_ref().map_or(&b""[..], |line| line);
        [http::connection_line(self.c).to_bytes(), date].concat()
    }

    /// Sends a page with the contents of a directory: long ones as they are made, in chunks.
    fn list(&self, place: &RootedPath, uri: &[u8]) {
        let mut listing =
            Listing::new(self.options.files, place, uri, self.is_on(Setting::MG_SET_HTTP_LOCAL_TIMES));
        let mut head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n".to_vec();
        let ends = self.ends();
        for lines in [self.options.headers, &self.lines, self.options.web.listing_lines(), &ends] {
            head.extend_from_slice(lines);
        }
        if listing.names.len() > LONG && self.request.knows_chunks() {
            head.extend_from_slice(b"Transfer-Encoding: chunked\r\n\r\n");
            if self.request.is_head() {
                return reply::finish(self.c, &head);
            }
            return body::send_page(self.c, &head, Box::new(listing));
        }
        let mut page = Vec::new();
        while listing.append(&mut page) {}
        // Writing to a Vec cannot fail.
        let _ = write!(head, "Content-Length: {:<8}\r\n\r\n", page.len());
        if !self.request.is_head() {
            head.append(&mut page);
        }
        reply::finish(self.c, &head);
    }
}

/// Entries from which on a page is not made in memory.
const LONG: usize = 1000;

/// The page of a directory, as far as it is not made yet.
struct Listing {
    files: Files,
    place: RootedPath,
    /// Decoded path of the request, until the page has begun.
    title: Option<Vec<u8>>,
    /// In order.
    names: std::vec::IntoIter<Box<[u8]>>,
    file_count: usize,
    dir_count: usize,
    /// Times are local.
    is_local: bool,
}

impl Listing {
    fn new(files: Files, place: &RootedPath, uri: &[u8], is_local: bool) -> Self {
        let mut title = vec![0; uri.len() + 1];
        let len = percent::decode(uri, &mut title, false).unwrap_or(0);
        title.truncate(len);
        Listing {
            files,
            place: place.clone(),
            title: Some(title),
            names: files.names(place).into_iter(),
            file_count: 0,
            dir_count: 0,
            is_local,
        }
    }
}

impl Page for Listing {
    fn append(&mut self, out: &mut Vec<u8>) -> bool {
        if let Some(title) = self.title.take() {
            autoindex::start(out, &title, self.is_local);
            return true;
        }
        let Some(name) = self.names.next() else {
            autoindex::end(out, self.file_count, self.dir_count);
            return false;
        };
        // What vanished meanwhile, or leads out of the root, is left out.
        let known = self.place.child(&name, PATH_MAX).ok().and_then(|file| self.files.stat(&file));
        if let Some(Stat { size, mtime, is_dir }) = known {
            *if is_dir { &mut self.dir_count } else { &mut self.file_count } += 1;
            let local = if self.is_local { sys::local_time(mtime) } else { None };
            let (local, size) = (local.as_deref(), size as u64);
            autoindex::row(out, &Entry { name: &name, is_dir, size, mtime, local });
        }
        true
    }
}
