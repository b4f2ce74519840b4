//! The body behind a head: a file, or a page, that goes out while the connection drains.
//!
//! A short file goes into the send buffer at once. A longer one, or a page, is attached to the connection, and
//! the loop asks for the next piece whenever the send buffer is empty: so memory stays bounded,
//! however long the body and however slow its reader. Meanwhile `c->pfn` is [`on_event`], and
//! `c->is_resp` is 1.

use crate::abi::{Connection, MG_EV_CLOSE, MG_IO_SIZE, flag};
use crate::fence;
use crate::net::event_loop::conn::{self, has_protocol, output_queued};
use crate::net::event_loop::guard::ConnGuard;
use crate::net::event_loop::handle::Conn;
use crate::net::event_loop::state::{ConnState, is};
use crate::net::event_loop::{log, sys};
use crate::net::fs::File;
use crate::net::http;
use core::cell::Cell;
use core::ffi::{c_int, c_void};
use core::ptr;

/// What a connection has to send behind its send buffer.
#[derive(Default)]
pub struct BodyState(Cell<Option<Box<Body>>>);

enum Body {
    /// `left` bytes, read from a file into the send buffer.
    File {
        /// At the next byte.
        file: File,
        left: u64,
    },
    /// `left` bytes, copied by the kernel.
    Copy { file: File, fd: c_int, at: u64, left: u64 },
    /// Chunks.
    Page(Box<dyn Page>),
}

/// A page whose parts are made as they are needed.
pub trait Page {
    /// Appends the next part. False when it was the last one.
    fn append(&mut self, out: &mut Vec<u8>) -> bool;
}

impl BodyState {
    /// True while something is attached.
    pub fn is_some(&self) -> bool {
        let body = self.0.take();
        let is_some = body.is_some();
        self.0.set(body);
        is_some
    }
}

/// The next piece of a body.
pub enum Piece {
    /// It stands in the send buffer.
    Queued,
    /// The kernel is to copy up to `len` bytes at `at` of descriptor `fd`; see [`copied`].
    Copy {
        /// The file.
        fd: c_int,
        /// Position in it.
        at: u64,
        /// Bytes left.
        len: u64,
    },
    /// There is none.
    None,
}

/// Sends `head` and `len` bytes of `file` from `start` on.
pub fn send(c: Conn, head: &[u8], mut file: File, start: u64, len: u64) {
    if !queue_head(c, head, len == 0) {
        return;
    }
    let is_short = len <= MG_IO_SIZE.saturating_sub(c.send().len()) as u64;
    let body = match file.descriptor() {
        Some(fd) if !is_short && kernel_copies(c) => Body::Copy { file, fd, at: start, left: len },
        _ => {
            if !usize::try_from(start).is_ok_and(|start| start == 0 || file.seek(start)) {
                return broken(c);
            }
            Body::File { file, left: len }
        }
    };
    if is_short {
        c.clear(flag::RESP);
        if let Outcome::Broken = queue_piece(c, body) {
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
            state.body.0.set(Some(Box::new(body)));
            c.set_protocol(Some(on_event));
            c.set_protocol_data(ptr::null_mut());
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

/// What became of a body.
enum Outcome {
    /// There is more.
    More(Body),
    /// It is complete, in the send buffer at least.
    Complete,
    /// The file is shorter than it was.
    Broken,
}

/// Puts the next piece of a body into the send buffer, which takes up to `MG_IO_SIZE` bytes.
fn queue_piece(c: Conn, body: Body) -> Outcome {
    /// What a chunk needs beside its data.
    const FRAMING: usize = 32;
    let room = MG_IO_SIZE.saturating_sub(c.send().len());
    match body {
        Body::File { mut file, left } => {
            let wanted = usize::try_from(left).unwrap_or(room).min(room);
            let got = file.append_to(c.send(), wanted);
            match left - got as u64 {
                _ if got < wanted => Outcome::Broken,
                0 => Outcome::Complete,
                left => Outcome::More(Body::File { file, left }),
            }
        }
        Body::Page(mut page) => {
            let mut part = Vec::new();
            let mut more = true;
            // An empty chunk would be the last one, however small MG_IO_SIZE is.
            while more && (part.is_empty() || part.len() + FRAMING < room / 2) {
                more = page.append(&mut part);
            }
            let size = format!("{:x}\r\n", part.len());
            let end: &[u8] = if more { b"\r\n" } else { b"\r\n0\r\n\r\n" };
            if !c.send().append(&[size.as_bytes(), &part, end].concat()) {
                return Outcome::Broken;
            }
            if more { Outcome::More(Body::Page(page)) } else { Outcome::Complete }
        }
        Body::Copy { .. } => Outcome::More(body),
    }
}

/// The next piece of what is attached to a connection whose send buffer is empty.
pub fn next_piece(c: Conn) -> Piece {
    let Some(state) = ConnState::of(c) else { return Piece::None };
    let Some(body) = state.body.0.take() else { return Piece::None };
    if !has_protocol(c, on_event) {
        // The program took the connection over.
        return Piece::None;
    }
    if let Body::Copy { fd, at, left, .. } = *body {
        state.body.0.set(Some(body));
        return Piece::Copy { fd, at, len: left };
    }
    go_on(c, queue_piece(c, *body));
    Piece::Queued
}

/// The kernel has copied `n` bytes; none when the file is shorter than it was.
pub fn copied(c: Conn, n: usize) {
    let Some(body) = ConnState::of(c).and_then(|state| state.body.0.take()) else { return };
    let outcome = match *body {
        _ if n == 0 => Outcome::Broken,
        Body::Copy { left, .. } if left <= n as u64 => Outcome::Complete,
        Body::Copy { file, fd, at, left } => {
            Outcome::More(Body::Copy { file, fd, at: at + n as u64, left: left - n as u64 })
        }
        other => Outcome::More(other),
    };
    go_on(c, outcome);
}

fn go_on(c: Conn, outcome: Outcome) {
    match outcome {
        Outcome::More(body) => {
            if let Some(state) = ConnState::of(c) {
                state.body.0.set(Some(Box::new(body)));
            }
        }
        Outcome::Complete => done(c),
        Outcome::Broken => broken(c),
    }
}

/// The response is complete, in the send buffer at least.
fn done(c: Conn) {
    c.set_protocol(Some(http::on_event));
    c.set_protocol_data(ptr::null_mut());
    c.clear(flag::RESP);
}

/// The announced length cannot be kept: only the end of the connection tells the peer.
fn broken(c: Conn) {
    log::error(format_args!("{} {} body cut short", c.id(), c.fd()));
    c.set(flag::DRAINING);
}

/// The protocol handler of a connection with a body attached.
unsafe extern "C" fn on_event(c: *mut Connection, ev: c_int, _ev_data: *mut c_void) {
    fence!("body sender");
    // SAFETY: the loop passes a live connection.
    if let Some(guard) = unsafe { ConnGuard::new(c) }
        && ev == MG_EV_CLOSE
        && let Some(state) = guard.conn().state()
    {
        drop(state.body.0.take());
    }
}
