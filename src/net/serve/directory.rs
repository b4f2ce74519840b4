//! Directories: redirects, index files, listings.

use super::{Options, Request, reply, serve_found};
use crate::abi::MG_HTTP_INDEX;
use crate::codec::http::percent;
use crate::codec::listing::{self, Entry};
use crate::codec::webroot;
use crate::net::fs::{self, Found, PATH_MAX};
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

/// Sends a page with the contents of a directory.
fn list(c: Conn, request: &Request<'_>, options: &Options<'_>, path: &CStr, uri: &[u8]) {
    let mut decoded = vec![0; uri.len() + 1];
    let len = percent::decode(uri, &mut decoded, false).unwrap_or(0);
    let mut page = Vec::new();
    listing::start(&mut page, &decoded[..len]);
    let entries = entries(options, path);
    for entry in &entries {
        listing::row(&mut page, entry);
    }
    let dirs = entries.iter().filter(|entry| entry.is_dir).count();
    listing::end(&mut page, entries.len() - dirs, dirs);

    let mut out = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n".to_vec();
    out.extend_from_slice(options.headers);
    // Writing to a Vec cannot fail.
    let _ = write!(out, "Content-Length: {:<8}\r\n\r\n", page.len());
    if !request.is_head() {
        out.append(&mut page);
    }
    reply::finish(c, &out);
}

fn entries(options: &Options<'_>, path: &CStr) -> Vec<Entry> {
    let mut names: Vec<Vec<u8>> = Vec::new();
    options.fs.list(path, &mut |name| names.push(name.to_bytes().to_vec()));
    let known = names.into_iter().filter_map(|name| {
        let stat = options.fs.stat(&child(path, &name)?)?;
        Some(Entry { name, is_dir: stat.is_dir, size: stat.size as u64, mtime: stat.mtime })
    });
    let mut entries: Vec<Entry> = known.collect();
    entries.sort_unstable_by(listing::order);
    entries
}
