//! The body behind a head: a file that goes out while the connection drains.
//!
//! A short file goes into the send buffer at once. A longer one is attached to the connection, and
//! the loop asks for the next piece whenever the send buffer is empty: so memory stays bounded,
//! however long the file and however slow its reader. Meanwhile `c->pfn` is [`on_event`], and
//! `c->is_resp` is 1.

use crate::abi::{Connection, MG_EV_CLOSE, MG_IO_SIZE, flag};
use crate::fence;
use crate::net::conn::{self, has_protocol, output_queued};
use crate::net::fs::File;
use crate::net::handle::Conn;
use crate::net::state::{ConnState, is};
use crate::net::{http, log, sys};
use core::cell::Cell;
use core::ffi::{c_int, c_void};
use core::ptr;

/// What a connection has to send behind its send buffer.
#[derive(Default)]
pub struct BodyState(Cell<Option<Box<Body>>>);

struct Body {
    file: File,
    /// Where the next piece starts, if the kernel copies it.
    at: Option<u64>,
    /// Bytes to send.
    left: u64,
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
    if !c.send().append(head) {
        return conn::error(c, b"OOM");
    }
    output_queued(c);
    if len == 0 || c.has(flag::CLOSING) {
        c.clear(flag::RESP);
        return;
    }
    let is_short = len <= MG_IO_SIZE.saturating_sub(c.send().len()) as u64;
    let copies = !is_short && kernel_copies(c, &file);
    if !copies && !usize::try_from(start).is_ok_and(|start| start == 0 || file.seek(start)) {
        return broken(c);
    }
    let mut body = Body { file, at: copies.then_some(start), left: len };
    if is_short {
        c.clear(flag::RESP);
        if !body.queue(c) {
            broken(c);
        }
        return;
    }
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

/// Whether the kernel can copy the file to the socket, without waiting for it.
fn kernel_copies(c: Conn, file: &File) -> bool {
    file.descriptor().is_some()
        && !c.has(flag::TLS | flag::UDP | flag::HEXDUMPING)
        && ConnState::of(c).is_some_and(|state| !state.is(is::PLAIN_FD))
        && sys::is_nonblocking(c.fd())
}

impl Body {
    /// Puts the next piece into the send buffer. False when the file is shorter than it was.
    fn queue(&mut self, c: Conn) -> bool {
        let room = MG_IO_SIZE.saturating_sub(c.send().len());
        let wanted = usize::try_from(self.left).unwrap_or(room).min(room);
        let got = self.file.append_to(c.send(), wanted);
        self.left -= got as u64;
        got == wanted
    }
}

/// The next piece of what is attached to a connection whose send buffer is empty.
pub fn next_piece(c: Conn) -> Piece {
    let Some(state) = ConnState::of(c) else { return Piece::None };
    let Some(mut body) = state.body.0.take() else { return Piece::None };
    if !has_protocol(c, on_event) {
        // The program took the connection over.
        return Piece::None;
    }
    if let Some((fd, at)) = body.file.descriptor().zip(body.at) {
        let len = body.left;
        state.body.0.set(Some(body));
        return Piece::Copy { fd, at, len };
    }
    let whole = body.queue(c);
    if !whole {
        drop(body);
        broken(c);
    } else if body.left > 0 {
        state.body.0.set(Some(body));
    } else {
        drop(body);
        done(c);
    }
    Piece::Queued
}

/// The kernel has copied `n` bytes; none when the file is shorter than it was.
pub fn copied(c: Conn, n: usize) {
    let Some(state) = ConnState::of(c) else { return };
    let Some(mut body) = state.body.0.take() else { return };
    body.left = body.left.saturating_sub(n as u64);
    body.at = body.at.map(|at| at + n as u64);
    if n == 0 {
        drop(body);
        broken(c);
    } else if body.left > 0 {
        state.body.0.set(Some(body));
    } else {
        drop(body);
        done(c);
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
    log::error(format_args!("{} {} file is shorter than it was", c.id(), c.fd()));
    c.set(flag::DRAINING);
}

/// The protocol handler of a connection with a file attached.
unsafe extern "C" fn on_event(c: *mut Connection, ev: c_int, _ev_data: *mut c_void) {
    fence!("file sender");
    // SAFETY: the loop passes a live connection.
    if let Some(c) = unsafe { Conn::new(c) }
        && ev == MG_EV_CLOSE
        && let Some(state) = ConnState::of(c)
    {
        drop(state.body.0.take());
    }
}
