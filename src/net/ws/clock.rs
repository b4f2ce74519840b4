//! What is due when: pings, the ends of closing handshakes.

use super::config::Config;
use super::send;
use super::state::WsState;
use crate::abi::flag;
use crate::codec::ws;
use crate::net::event_loop::clock::millis;
use crate::net::event_loop::conn::{self, queue, runs_engine};
use crate::net::event_loop::deadline;
use crate::net::event_loop::handle::Conn;
use crate::net::event_loop::sys;

/// How long a connection that this side ended goes on to discard what the peer still sends. Closing
/// at once would answer that with a reset, which may overtake the CLOSE frame.
const LINGER_MS: u64 = 1000;

/// When something is due on a connection.
pub fn next(c: Conn) -> Option<u64> {
    let state = WsState::of(c).filter(|_| c.has(flag::WEBSOCKET) && runs_engine(c))?;
    let due = state.clock.next(&Config::of(c), state.close_sent.get());
    if state.unread.get() { Some(0) } else { due }
}

/// Does what is due.
pub fn on_time(c: Conn, state: &WsState, now: u64) {
    let clock = &state.clock;
    let is_due = next(c).is_some_and(|at| at <= now);
    if is_due && c.has(flag::WEBSOCKET) && !c.has(flag::CLOSING) {
        if clock.end_by.get() > 0 && clock.end_by.get() <= now {
            c.set(flag::CLOSING);
            queue(c);
        } else if clock.pinged.get() == 0 {
            clock.pinged.set(now);
            send::send(c, b"", ws::PING);
        } else if sys::has_input(c.fd()) {
            // The answer may be among what this side has not read yet.
            clock.pinged.set(now);
        } else {
            conn::error(c, b"WS pong timeout");
        }
    }
}

/// This side has sent a CLOSE frame: the peer has a limited time to answer it, or to read it if it
/// is the answer, if the settings say so.
pub fn close_sent(c: Conn, state: &WsState) {
    if let Some(timeout) = Config::of(c).close_timeout() {
        state.clock.end_by.set(millis().saturating_add(timeout));
    }
    deadline::rearm(c);
}

/// Keeps a connection that this side ends for a while, if the peer is still sending: its CLOSE frame
/// goes out, then the write side is shut down, and what comes is discarded.
///
/// False when the connection can be closed behind the CLOSE frame.
pub fn linger(c: Conn, state: &WsState, more_comes: bool) -> bool {
    if !(more_comes || sys::has_input(c.fd())) {
        return false;
    }
    state.half_close.set(!c.has(flag::TLS));
    state.clock.end_by.set(millis().saturating_add(LINGER_MS));
    deadline::rearm(c);
    true
}
