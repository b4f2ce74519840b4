//! Pages with server-side includes.

use super::{Options, Request, reply};
use crate::codec::ssi::{self, Piece};
use crate::codec::webroot;
use crate::net::fs::{self, File, Found, Fs, PATH_MAX};
use crate::net::handle::Conn;
use core::ffi::CStr;
use std::ffi::CString;

/// Files within files: the page itself, and so many more.
const NESTED: usize = 5;
/// Includes of one page, in all: files that include each other many times grow fast.
const MOST: usize = 4096;
/// Longest page.
const LONGEST: usize = 64 << 20;

const TYPE: &[u8] = b"Content-Type: text/html; charset=utf-8\r\n";

/// A page that is put together, and where its includes are looked for.
struct Page<'a> {
    roots: &'a [u8],
    whole: bool,
    fs: Fs,
    text: Vec<u8>,
    /// Includes so far.
    includes: usize,
}

/// Answers a request by the open page at `path`.
pub fn serve(c: Conn, request: &Request<'_>, options: &Options<'_>, path: &CStr, file: File) {
    let page = Page::new(options.roots, options.may_serve_all(), options.fs);
    let headers = [TYPE, options.headers].concat();
    send(c, page, path, file, &headers, !request.is_head());
}

/// Sends the page at `path`, whose `virtual` includes are below `root`; 404 without it.
pub fn serve_ssi(c: Conn, fs: Fs, root: &[u8], path: &CStr) {
    match fs::open_to_serve(fs, path) {
        Found::File(file, _) => send(c, Page::new(root, false, fs), path, file, TYPE, true),
        _ => reply::whole(c, 404, b"", b"Not found\n", true),
    }
}

fn send(c: Conn, mut page: Page<'_>, path: &CStr, file: File, headers: &[u8], with_body: bool) {
    page.expand(path, file, NESTED);
    if page.is_full() {
        return reply::whole(c, 500, b"", b"Page too large\n", with_body);
    }
    reply::whole(c, 200, headers, &page.text, with_body);
}

impl<'a> Page<'a> {
    fn new(roots: &'a [u8], whole: bool, fs: Fs) -> Self {
        Page { roots, whole, fs, text: Vec::new(), includes: 0 }
    }

    fn is_full(&self) -> bool {
        self.includes > MOST || self.text.len() > LONGEST
    }

    /// Appends the contents of a file, with its includes in place.
    fn expand(&mut self, path: &CStr, mut file: File, nested: usize) {
        let text = file.read_to_end(LONGEST + 1);
        drop(file);
        for piece in ssi::pieces(&text) {
            if self.is_full() {
                return;
            }
            let included = match piece {
                Piece::Text(text) => {
                    self.text.extend_from_slice(text);
                    continue;
                }
                Piece::File(name) => webroot::join(dir_of(path), name, PATH_MAX),
                Piece::Virtual(path) => webroot::locate_plain(path, self.roots, self.whole, PATH_MAX),
            };
            self.includes += 1;
            // What is missing, or would leave its place, or is too deep, expands to nothing.
            if let Some(nested) = nested.checked_sub(1)
                && let Ok(path) = included
                && let Ok(path) = CString::new(path)
                && let Found::File(file, _) = fs::open_to_serve(self.fs, &path)
            {
                self.expand(&path, file, nested);
            }
        }
    }
}

/// The directory of a file.
fn dir_of(path: &CStr) -> &[u8] {
    let path = path.to_bytes();
    memchr::memrchr(b'/', path).map_or(b".", |at| &path[..at])
}
