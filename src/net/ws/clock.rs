//! What is due when: pings, the ends of closing handshakes.

use super::config::Config;
use super::{on_event, send};
use crate::abi::flag;
use crate::codec::ws;
use crate::net::event_loop::clock::millis;
use crate::net::event_loop::conn::{self, has_protocol, queue};
use crate::net::event_loop::handle::Conn;
use crate::net::event_loop::state::ConnState;
use crate::net::event_loop::sys;
use core::cell::Cell;

/// How long a connection that this side ended goes on to discard what the peer still sends. Closing
/// at once would answer that with a reset, which may overtake the CLOSE frame.
const LINGER_MS: u64 = 1000;

/// Times, as of `mg_millis`.
#[derive(Default)]
pub struct Clock {
    /// When something last came from the peer.
    heard: Cell<u64>,
    /// When the ping was sent that is not answered yet; 0: there is none.
    pinged: Cell<u64>,
    /// When the connection closes, whatever the peer does; 0: not set.
    end_by: Cell<u64>,
}

impl Clock {
    /// The connection is open.
    pub fn start(&self) {
        self.heard(millis());
    }

    /// Something came from the peer. True when that answers a ping: then the next time is another.
    pub fn heard(&self, now: u64) -> bool {
        self.heard.set(now);
        self.pinged.replace(0) > 0
    }

    /// The next time at which something is due.
    fn next(&self, config: &Config, close_sent: bool) -> Option<u64> {
        let end = Some(self.end_by.get()).filter(|at| *at > 0);
        let ping = config.ping().filter(|_| !close_sent).map(|ping| match self.pinged.get() {
            0 => self.heard.get().saturating_add(ping),
            sent => sent.saturating_add(config.pong_timeout()),
        });
        [end, ping].into_iter().flatten().min()
    }
}

/// Sets when the connection is to be woken, after a change of what that depends on.
pub fn arm(c: Conn) {
    let Some(state) = ConnState::of(c) else { return };
    if c.has(flag::WEBSOCKET) && has_protocol(c, on_event) {
        state.set_wake_at(next(state));
    }
}

fn next(state: &ConnState) -> Option<u64> {
    state.ws.clock.next(&Config::of(state), state.ws.close_sent.get())
}

/// Does what is due.
pub fn on_time(c: Conn, state: &ConnState, now: u64) {
    if !has_protocol(c, on_event) {
        // Another protocol took over.
        return state.set_wake_at(None);
    }
    let clock = &state.ws.clock;
    let is_due = next(state).is_some_and(|at| at <= now);
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
    arm(c);
}

/// This side has sent a CLOSE frame: the peer has a limited time to answer it, or to read it if it
/// is the answer, if the settings say so.
pub fn close_sent(c: Conn, state: &ConnState) {
    if let Some(timeout) = Config::of(state).close_timeout() {
        state.ws.clock.end_by.set(millis().saturating_add(timeout));
    }
    arm(c);
}

/// Keeps a connection that this side ends for a while, if the peer is still sending: its CLOSE frame
/// goes out, then the write side is shut down, and what comes is discarded.
///
/// False when the connection can be closed behind the CLOSE frame.
pub fn linger(c: Conn, state: &ConnState, more_comes: bool) -> bool {
    if !(more_comes || sys::has_input(c.fd())) {
        return false;
    }
    state.ws.half_close.set(!c.has(flag::TLS));
    state.ws.clock.end_by.set(millis().saturating_add(LINGER_MS));
    arm(c);
    true
}
