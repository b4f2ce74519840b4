//! What is due when: pings, the ends of closing handshakes, messages that do not become complete.

use super::config::Config;
use super::state::WsState;
use super::{receive, send};
use crate::abi::flag;
use crate::codec::ws;
use crate::net::event_loop::clock::millis;
use crate::net::event_loop::conn::{self, queue, runs_engine};
use crate::net::event_loop::deadline;
use crate::net::event_loop::handle::Conn;
use crate::net::event_loop::progress::{self, GRACE};
use crate::net::event_loop::sys;

/// How long a connection that this side ended continues to discard what the peer still sends. Closing
/// at once would answer that with a reset, which may overtake the CLOSE frame.
const LINGER_MS: u64 = 1000;

/// When something is due on a connection.
pub fn next(c: Conn, now: u64) -> Option<u64> {
    let state = WsState::of(c).filter(|_| runs_engine(c))?;
    let config = Config::of(c);
    if !c.has(flag::WEBSOCKET) {
        return awaited(c, state, &config, now);
    }
    if state.unread.get() {
        return Some(0);
    }
    let due = state.clock.next(&config, state.close_sent.get());
    [due, progress(c, state, &config, now)].into_iter().flatten().min()
}

/// When the response that a client waits for has to be there.
fn awaited(c: Conn, state: &WsState, config: &Config, now: u64) -> Option<u64> {
    let limit = config.handshake_timeout().filter(|_| c.has(flag::CLIENT) && !c.has(flag::TLS_HS))?;
    if state.clock.begun.get() == 0 {
        state.clock.begun.set(now);
    }
    Some(state.clock.begun.get().saturating_add(limit))
}

/// When the message that is being collected is too late.
fn progress(c: Conn, state: &WsState, config: &Config, now: u64) -> Option<u64> {
    let rate = config.message_rate().filter(|_| state.clock.begun.get() > 0)?;
    if c.has(flag::FULL) {
        // The program is slow, not its peer. Nothing tells when it is ready again.
        state.clock.begun.set(now.saturating_add(GRACE));
    }
    let received = state.gathered.get() + c.recv().len().saturating_sub(receive::kept(c));
    Some(progress::due(state.clock.begun.get(), received as u64, rate))
}

/// Does what is due.
pub fn on_time(c: Conn, state: &WsState, now: u64) {
    let clock = &state.clock;
    let is_due = next(c, now).is_some_and(|at| at <= now);
    if !is_due || c.has(flag::CLOSING) {
    } else if !c.has(flag::WEBSOCKET) {
        conn::error(c, b"WS handshake timeout");
    } else if progress(c, state, &Config::of(c), now).is_some_and(|at| at <= now) {
        // The rest may be among what this side has not read yet.
        if !conn::has_unread(c) {
            conn::error(c, b"WS message timeout");
        }
    } else {
        if clock.end_by.get() > 0 && clock.end_by.get() <= now {
            c.set(flag::CLOSING);
            queue(c);
        } else if clock.pinged.get() == 0 {
            clock.pinged.set(now);
            send::send(c, b"", ws::PING);
        } else if conn::has_unread(c) {
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
/// False when the connection can be closed after the CLOSE frame.
pub fn linger(c: Conn, state: &WsState, more_comes: bool) -> bool {
    if !(more_comes || sys::has_input(c.fd())) {
        return false;
    }
    state.half_close.set(!c.has(flag::TLS));
    state.clock.end_by.set(millis().saturating_add(LINGER_MS));
    deadline::rearm(c);
    true
}
