//! Pages with server-side includes.

use super::{Files, Task, reply, setting};
use crate::abi::Setting;
use crate::codec::docroot::{self, RootedPath};
use crate::codec::ssi::{self, Segment};
use crate::net::event_loop::handle::Conn;
use crate::net::fs::{File, Found, Fs, PATH_MAX};
use core::ffi::CStr;

/// Includes of one page, in all: files that include each other many times grow fast.
const MOST: usize = 4096;
/// Longest page.
const LONGEST: usize = 64 << 20;

const TYPE: &[u8] = b"Content-Type: text/html; charset=utf-8\r\n";

/// A page that is put together, and where its includes are looked for.
struct SsiPage<'a> {
    roots: &'a [u8],
    files: Files,
    text: Vec<u8>,
    /// Includes so far.
    includes: usize,
}

impl Task<'_> {
    /// Answers by the open page at `place`.
    pub(super) fn serve_includes(&self, place: &RootedPath, file: File) {
        let page = SsiPage::new(self.options.roots, self.options.files);
        let headers = [TYPE, self.options.headers, &self.lines].concat();
        send(self.c, page, place, file, &headers, !self.request.is_head());
    }
}

/// Sends the page at `path`, whose `virtual` includes are below `root`; 404 without it.
pub fn serve_ssi(c: Conn, fs: Fs, root: &[u8], path: &CStr) {
    let place = RootedPath::of_file(path.to_bytes());
    let files = Files::all(fs);
    match files.open(&place) {
        Found::File(file, _) => send(c, SsiPage::new(root, files), &place, file, TYPE, true),
        _ => reply::whole(c, 404, b"", b"Not found\n", true),
    }
}

fn send(c: Conn, mut page: SsiPage<'_>, place: &RootedPath, file: File, headers: &[u8], with_body: bool) {
    // The page itself, and so many more.
    let nested = setting(c, Setting::MG_SET_HTTP_SSI_DEPTH) as usize;
    page.expand(place, file, nested);
    if page.is_full() {
        return reply::whole(c, 500, b"", b"SsiPage too large\n", with_body);
    }
    reply::whole(c, 200, headers, &page.text, with_body);
}

impl<'a> SsiPage<'a> {
    fn new(roots: &'a [u8], files: Files) -> Self {
        SsiPage { roots, files, text: Vec::new(), includes: 0 }
    }

    fn is_full(&self) -> bool {
        self.includes > MOST || self.text.len() > LONGEST
    }

    /// Appends the contents of a file, with its includes in place.
    fn expand(&mut self, place: &RootedPath, mut file: File, nested: usize) {
        let text = file.read_to_end(LONGEST + 1);
        drop(file);
        let whole = self.files.may_be_whole();
        for piece in ssi::pieces(&text) {
            if self.is_full() {
                return;
            }
            let included = match piece {
                Segment::Text(text) => {
                    self.text.extend_from_slice(text);
                    continue;
                }
                Segment::File(name) => place.parent().child(name, PATH_MAX),
                Segment::Virtual(path) => docroot::locate_plain(path, self.roots, whole, PATH_MAX),
            };
            self.includes += 1;
            // What is missing, or would leave its place, or is too deep, expands to nothing.
            if let Some(nested) = nested.checked_sub(1)
                && let Ok(place) = included
                && let Found::File(file, _) = self.files.open(&place)
            {
                self.expand(&place, file, nested);
            }
        }
    }
}
