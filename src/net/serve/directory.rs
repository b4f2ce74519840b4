//! Directories: redirects, index files, listings.

use super::body::{self, Page};
use super::{Options, Request, reply, serve_found};
use crate::abi::MG_HTTP_INDEX;
use crate::codec::http::percent;
use crate::codec::listing::{self, Entry};
use crate::codec::webroot;
use crate::net::fs::{self, Found, Fs, PATH_MAX, Stat};
use crate::net::handle::Conn;
use core::ffi::CStr;
use std::ffi::CString;
use std::io::Write;

/// Answers a request for the directory at `path`.
pub fn serve(c: Conn, request: &Request<'_>, options: &Options<'_>, path: &CStr, uri: &[u8]) {
    if !uri.ends_with(b"/") {
        return redirect(c, uri);
    }
    if let Some((index, found)) = index(options, path) {
        return serve_found(c, request, options, index, found);
    }
    if request.is_foreign() {
        return reply::not_allowed(c, request);
    }
    list(c, request, options, path, uri);
}

/// Answers a request for a root directory that the file system knows nothing about, as some do:
/// its index file may exist all the same.
pub fn serve_index(c: Conn, request: &Request<'_>, options: &Options<'_>, path: &CStr) {
    match index(options, path) {
        Some((index, found)) => serve_found(c, request, options, index, found),
        None => super::serve_content(c, request, options, path.into(), Found::Nothing),
    }
}

/// The file that stands for a directory. The last one is there only for clients that take it
/// compressed.
fn index(options: &Options<'_>, path: &CStr) -> Option<(CString, Found)> {
    let compressed = [MG_HTTP_INDEX, ".gz"].concat();
    for name in [MG_HTTP_INDEX, "index.shtml", &compressed] {
        let Some(file) = child(path, name.as_bytes()) else { continue };
        match fs::open_to_serve(options.fs, &file) {
            Found::File(..) if name == compressed => {
                return child(path, MG_HTTP_INDEX.as_bytes()).map(|index| (index, Found::Nothing));
            }
            found @ Found::File(..) => return Some((file, found)),
            _ => {}
        }
    }
    None
}

fn child(dir: &CStr, name: &[u8]) -> Option<CString> {
    CString::new(webroot::join(dir.to_bytes(), name, PATH_MAX).ok()?).ok()
}

/// Sends the client to the same place with a slash behind, so that relative links work.
///
/// More than one slash in front, or a backslash, would lead to another host.
fn redirect(c: Conn, uri: &[u8]) {
    let start = uri.iter().position(|b| *b != b'/').unwrap_or(uri.len());
    let mut out = b"HTTP/1.1 301 Moved\r\nLocation: /".to_vec();
    for b in &uri[start..] {
        match b {
            b'\\' => out.extend_from_slice(b"%5C"),
            b => out.push(*b),
        }
    }
    out.extend_from_slice(b"/\r\nContent-Length: 0\r\n\r\n");
    reply::finish(c, &out);
}

/// Sends a page with the contents of a directory: long ones as they are made, in chunks.
fn list(c: Conn, request: &Request<'_>, options: &Options<'_>, path: &CStr, uri: &[u8]) {
    let mut listing = Listing::new(options.fs, path, uri);
    let mut head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n".to_vec();
    head.extend_from_slice(options.headers);
    if listing.names.len() > LONG && request.knows_chunks() {
        head.extend_from_slice(b"Transfer-Encoding: chunked\r\n\r\n");
        if request.is_head() {
            return reply::finish(c, &head);
        }
        return body::send_page(c, &head, Box::new(listing));
    }
    let mut page = Vec::new();
    while listing.append(&mut page) {}
    // Writing to a Vec cannot fail.
    let _ = write!(head, "Content-Length: {:<8}\r\n\r\n", page.len());
    if !request.is_head() {
        head.append(&mut page);
    }
    reply::finish(c, &head);
}

/// Entries from which on a page is not made in memory.
const LONG: usize = 1000;

/// The page of a directory, as far as it is not made yet.
struct Listing {
    fs: Fs,
    path: CString,
    /// Decoded path of the request, until the page has begun.
    title: Option<Vec<u8>>,
    /// In order.
    names: std::vec::IntoIter<Box<[u8]>>,
    files: usize,
    dirs: usize,
}

impl Listing {
    fn new(fs: Fs, path: &CStr, uri: &[u8]) -> Self {
        let mut title = vec![0; uri.len() + 1];
        let len = percent::decode(uri, &mut title, false).unwrap_or(0);
        title.truncate(len);
        let mut names: Vec<Box<[u8]>> = Vec::new();
        fs.list(path, &mut |name| names.push(name.to_bytes().into()));
        names.sort_unstable();
        Listing { fs, path: path.into(), title: Some(title), names: names.into_iter(), files: 0, dirs: 0 }
    }
}

impl Page for Listing {
    fn append(&mut self, out: &mut Vec<u8>) -> bool {
        if let Some(title) = self.title.take() {
            listing::start(out, &title);
            return true;
        }
        let Some(name) = self.names.next() else {
            listing::end(out, self.files, self.dirs);
            return false;
        };
        // What vanished meanwhile is left out.
        if let Some(stat) = child(&self.path, &name).and_then(|file| self.fs.stat(&file)) {
            let Stat { size, mtime, is_dir } = stat;
            *if is_dir { &mut self.dirs } else { &mut self.files } += 1;
            listing::row(out, &Entry { name: &name, is_dir, size: size as u64, mtime });
        }
        true
    }
}
