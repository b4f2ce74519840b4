//! Messages that announce more bytes than a limit allows.
//!
//! A program may take such a message out of `c->recv` itself, piece by piece, and some only do so
//! when they get `MG_EV_READ`, which is after the protocol engine has looked at the bytes. So an
//! engine does not refuse a message when it sees what it announces: it calls [`note`], and is
//! called again after the program's handler has returned. What is still in `recv` then is the
//! engine's, and is refused.

use super::conn;
use super::handle::Conn;
use super::state::{ConnState, is};
use crate::abi::{MG_EV_READ, flag};
use core::ffi::c_long;

/// The current message announces too much.
pub fn note(c: Conn) {
    if let Some(state) = c.state() {
        state.mark(is::OVERSIZE);
    }
    conn::queue(c);
}

/// True between [`note`] and the end of [`judge`].
pub fn is_noted(c: Conn) -> bool {
    c.state().is_some_and(|state| state.is(is::OVERSIZE))
}

/// Lets the engine refuse what the program has left. A program that has set `is_full` is not done.
pub fn judge(c: Conn, state: &ConnState) {
    if c.has(flag::FULL) {
        return;
    }
    if conn::runs_engine(c) {
        let mut added: c_long = 0;
        conn::call_protocol(c, MG_EV_READ, (&raw mut added).cast());
    }
    state.unmark(is::OVERSIZE);
}
