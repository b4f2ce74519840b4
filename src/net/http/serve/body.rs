//! The body after a head: a file or a page that is sent while the connection drains.
//!
//! A short file goes into the send buffer at once. A longer one, or a page, is attached to the connection, and
//! the loop asks for the next piece whenever the send buffer is empty: so memory stays bounded,
//! however long the body and however slow its reader. Meanwhile `c->pfn` is [`on_event`], and
//! `c->is_resp` is 1.

use crate::abi::{Connection, MG_IO_SIZE, flag};
use crate::codec::http::range;
use crate::net::event_loop::conn::{self, has_protocol, output_queued};
use crate::net::event_loop::engine::{Piece, Source};
use crate::net::event_loop::handle::Conn;
use crate::net::event_loop::state::{ConnState, is};
use crate::net::event_loop::{log, sys};
use crate::net::fs::File;
use crate::net::http;
use core::ffi::{c_int, c_void};
use core::ops::RangeInclusive;
use core::ptr;

enum Body {
    /// Parts of a file, read into the send buffer.
    File {
        /// At the next byte.
        file: File,
        /// Bytes of the current part.
        left: u64,
        /// Parts that follow.
        parts: std::vec::IntoIter<Part>,
    },
    /// `left` bytes, copied by the kernel.
    Copy { _file: File, fd: c_int, at: u64, left: u64 },
    /// Chunks.
    Page(Box<dyn Page>),
}

/// A part of a file, and what precedes it.
struct Part {
    frame: Vec<u8>,
    start: u64,
    len: u64,
}

/// True for the start of a file that is sent as a whole, or from there on.
fn at_start(part: &Part) -> bool {
    part.start == 0 && part.frame.is_empty()
}

/// What is sent of a file. Nothing by default.
#[derive(Default)]
pub struct Parts(Vec<Part>);

impl Parts {
    /// All of it.
    pub fn whole(size: u64) -> Parts {
        Parts(vec![Part { frame: Vec::new(), start: 0, len: size }])
    }

    /// A range of its bytes.
    pub fn one(range: RangeInclusive<u64>) -> Parts {
        Parts(vec![Part { frame: Vec::new(), start: *range.start(), len: range.end() - range.start() + 1 }])
    }

    /// Ranges of its bytes, each in a frame of its own.
    pub fn several(ranges: &[RangeInclusive<u64>], boundary: &str, content_type: &[u8], size: u64) -> Parts {
        let framed = ranges.iter().enumerate().map(|(i, range)| Part {
            frame: range::part_head(boundary, i == 0, content_type, range, size),
            start: *range.start(),
            len: range.end() - range.start() + 1,
        });
        let end = Part { frame: range::parts_end(boundary), start: 0, len: 0 };
        Parts(framed.chain([end]).collect())
    }

    /// Bytes in all.
    pub fn len(&self) -> u64 {
        self.0.iter().map(|part| part.frame.len() as u64 + part.len).sum()
    }
}

/// A page whose parts are made as they are needed.
pub trait Page {
    /// Appends the next part. False when it was the last one.
    fn append(&mut self, out: &mut Vec<u8>) -> bool;
}

/// Sends `head` and `parts` of `file`.
pub fn send(c: Conn, head: &[u8], file: File, parts: Parts) {
    let len = parts.len();
    if !queue_head(c, head, len == 0) {
        return;
    }
    let is_short = len <= MG_IO_SIZE.saturating_sub(c.send().len()) as u64;
    let body = match (file.descriptor(), &parts.0[..]) {
        (Some(fd), [Part { frame, start, len }]) if !is_short && frame.is_empty() && kernel_copies(c) => {
            Body::Copy { _file: file, fd, at: *start, left: *len }
        }
        _ => Body::File { file, left: 0, parts: parts.0.into_iter() },
    };
    if is_short {
        c.clear(flag::RESP);
        if let Piece::Broken = { body }.next(c) {
            broken(c);
        }
    } else {
        attach(c, body);
    }
}

/// Sends `head`, which announces chunks, and a page.
pub fn send_page(c: Conn, head: &[u8], page: Box<dyn Page>) {
    if queue_head(c, head, false) {
        attach(c, Body::Page(page));
    }
}

/// Queues a head. False when nothing follows, and the response is done with.
fn queue_head(c: Conn, head: &[u8], is_all: bool) -> bool {
    if !c.send().append(head) {
        conn::error(c, b"OOM");
        return false;
    }
    output_queued(c);
    if is_all || c.has(flag::CLOSING) {
        c.clear(flag::RESP);
        return false;
    }
    true
}

fn attach(c: Conn, body: Body) {
    match ConnState::of(c) {
        Some(state) => {
            c.set_protocol(Some(on_event));
            c.set_protocol_data(ptr::null_mut());
            state.set_source(Some(Box::new(Attached(body))));
        }
        // The program's own struct, which no loop drains.
        None => broken(c),
    }
}

/// Whether the kernel can copy from a file to the socket, without waiting for it.
fn kernel_copies(c: Conn) -> bool {
    !c.has(flag::TLS | flag::UDP | flag::HEXDUMPING)
        && ConnState::of(c).is_some_and(|state| !state.is(is::PLAIN_FD))
        && sys::is_nonblocking(c.fd())
}

/// A body on a connection whose protocol handler is [`on_event`].
struct Attached(Body);

impl Source for Attached {
    fn next(&mut self, c: Conn) -> Piece {
        // A program that took the connection over wants to speak for itself.
        if has_protocol(c, on_event) { self.0.next(c) } else { Piece::Unwanted }
    }

    fn copied(&mut self, n: usize) -> Piece {
        self.0.copied(n)
    }

    fn end(self: Box<Self>, c: Conn, whole: bool) {
        drop(self);
        if whole {
            done(c);
        } else {
            broken(c);
        }
    }
}

impl Body {
    /// Puts up to `MG_IO_SIZE` bytes into the send buffer.
    fn next(&mut self, c: Conn) -> Piece {
        /// What a chunk needs beside its data.
        const FRAMING: usize = 32;
        let room = MG_IO_SIZE.saturating_sub(c.send().len());
        match self {
            Body::Copy { fd, at, left, .. } => Piece::Copy { fd: *fd, at: *at, len: *left },
            Body::File { file, left, parts } => loop {
                if *left == 0 {
                    let Some(part) = parts.next() else { return Piece::Last };
                    let start = usize::try_from(part.start).ok();
                    // A file is at its start, and not every file system can seek.
                    let is_there =
                        part.len == 0 || start.is_some_and(|start| at_start(&part) || file.seek(start));
                    if !c.send().append(&part.frame) || !is_there {
                        return Piece::Broken;
                    }
                    *left = part.len;
                    continue;
                }
                let room = MG_IO_SIZE.saturating_sub(c.send().len());
                if room == 0 {
                    return Piece::More;
                }
                let wanted = usize::try_from(*left).unwrap_or(room).min(room);
                let got = file.append_to(c.send(), wanted);
                *left -= got as u64;
                if got < wanted {
                    return Piece::Broken;
                }
                if *left == 0 && parts.len() == 0 {
                    return Piece::Last;
                }
            },
            Body::Page(page) => {
                let mut part = Vec::new();
                let mut more = true;
                // An empty chunk would be the last one, however small MG_IO_SIZE is.
                while more && (part.is_empty() || part.len() + FRAMING < room / 2) {
                    more = page.append(&mut part);
                }
                let size = format!("{:x}\r\n", part.len());
                let end: &[u8] = if more { b"\r\n" } else { b"\r\n0\r\n\r\n" };
                if !c.send().append(&[size.as_bytes(), &part, end].concat()) {
                    Piece::Broken
                } else if more {
                    Piece::More
                } else {
                    Piece::Last
                }
            }
        }
    }

    fn copied(&mut self, n: usize) -> Piece {
        match self {
            _ if n == 0 => Piece::Broken,
            Body::Copy { at, left, .. } => {
                *at += n as u64;
                *left = left.saturating_sub(n as u64);
                rest(*left)
            }
            _ => Piece::More,
        }
    }
}

fn rest(left: u64) -> Piece {
    if left == 0 { Piece::Last } else { Piece::More }
}

/// The response is complete, in the send buffer at least.
fn done(c: Conn) {
    http::speak(c);
    c.clear(flag::RESP);
}

/// The announced length cannot be kept: only the end of the connection tells the peer.
fn broken(c: Conn) {
    log::error(format_args!("{} {} body cut short", c.id(), c.fd()));
    c.set(flag::DRAINING);
}

/// The protocol handler of a connection with a body attached: it marks that no program has taken the
/// connection over.
unsafe extern "C" fn on_event(_c: *mut Connection, _ev: c_int, _ev_data: *mut c_void) {}
