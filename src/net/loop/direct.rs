//! Large output straight from the program's memory.
//!
//! What a program sends is copied to `c->send`, and from there to the kernel. Where nothing is queued, a
//! large body goes to the kernel at once; only what the socket does not take is copied, and the end of it:
//! programs look at `c->send` to see whether something was sent. That end goes out in the connection's
//! turn, and its `MG_EV_WRITE` counts what went before.

use super::handle::Conn;
use super::state::{ConnState, is, ready};
use super::sys;
use crate::abi::{Setting, flag};
use std::io::ErrorKind;

/// Bytes from which on a body is large.
pub const LARGE: usize = 32 * 1024;
/// Bytes of its end that are queued.
const END: usize = 1024;

/// Sends `head` and `body`, as far as the socket takes them now. Returns how many bytes that was, which is
/// less than all; 0 where the body is small, or has to be queued. Runs no code of the program.
pub fn send(c: Conn, head: &[u8], body: &[u8]) -> usize {
    let Some(state) = c.state() else { return 0 };
    if body.len() < LARGE || !may_send(c, state) {
        return 0;
    }
    let body = &body[..body.len() - END];
    match sys::send_pieces(c.fd(), [head, body]) {
        Ok(n) => {
            if n < head.len() + body.len() {
                state.used_up(ready::WRITE);
            }
            state.sent_early.set(state.sent_early.get().saturating_add(n));
            note_sent(c, state, head, n);
            n
        }
        Err(e) => {
            if e.kind() == ErrorKind::WouldBlock {
                state.used_up(ready::WRITE);
            }
            0 // The connection's turn finds out what is wrong.
        }
    }
}

/// True when nobody can tell whether bytes went through `c->send`: on accepted TCP connections without TLS
/// where nothing is queued, and nothing counts or shows what is.
fn may_send(c: Conn, state: &ConnState) -> bool {
    const UNFIT: u32 = flag::CLOSING
        | flag::RESOLVING
        | flag::CONNECTING
        | flag::TLS
        | flag::TLS_HS
        | flag::UDP
        | flag::LISTENING
        | flag::HEXDUMPING;
    c.flags() & (UNFIT | flag::ACCEPTED) == flag::ACCEPTED
        && c.send().len() == 0
        && !state.has_source()
        && state.can(ready::WRITE)
        && !state.is(is::CLOSED | is::PLAIN_FD)
        && state.is(is::OWNS_FD)
        && state.size_setting(Setting::MG_SET_HIGH_WATER) == 0
}

/// Notes that `n` of the bytes `offered` went out.
pub fn note_sent(c: Conn, state: &ConnState, offered: &[u8], n: usize) {
    if let Some(root) = state.root() {
        state.last_io.set(root.now.get());
    }
    if let Some(engine) = state.engine() {
        engine.sent(c, offered, n);
    }
}
