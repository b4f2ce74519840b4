//! The time limits of HTTP servers.

use super::config::{self, Config, Phase};
use super::lingering::{Linger, drain, fail};
use super::state::HttpState;
use super::upload;
use crate::abi::flag;
use crate::net::event_loop::conn::{self, runs_engine};
use crate::net::event_loop::handle::Conn;
use crate::net::event_loop::io;

/// What a server's connection waits for, for its timeouts; `None` when HTTP has no say in it.
fn phase(c: Conn, http: Option<&HttpState>, now: u64) -> Option<Phase> {
    let speaks_http = runs_engine(c) || http.is_some_and(HttpState::has_request);
    if !speaks_http || c.has(flag::WEBSOCKET) {
        return None;
    }
    let state = c.state()?;
    if io::has_output(c, state) {
        let http = http.or_else(|| HttpState::attach(c))?;
        // A program that takes its output back, and then has other output, begins anew.
        let queued = c.send().len();
        let before = http.queued.replace(queued);
        if http.stalled.get() == 0 || queued < before {
            http.stalled.set(now);
        }
        return Some(Phase::Sending { since: http.stalled.get() });
    }
    let idle = Phase::Idle { since: state.last_io.get() };
    let Some(http) = http else { return Some(if c.has(flag::DRAINING) { Phase::Busy } else { idle }) };
    http.stalled.set(0);
    if c.has(flag::RESP | flag::DRAINING) {
        return Some(Phase::Busy);
    }
    if !runs_engine(c) {
        // An upload keeps less than a block in `recv`; a program, what it has not looked at.
        let waits = upload::stream::is_receiving(c) || c.recv().len() == 0;
        return Some(http.body_rate.phase(!waits || c.has(flag::FULL), now));
    }
    let received = http.partial.borrow().as_ref().map(|p| c.recv().len().saturating_sub(p.head) as u64);
    Some(match received {
        Some(received) => Phase::Body { since: http.since.get(), received },
        None if http.searched.get() > 0 => Phase::Head { since: http.since.get() },
        None => idle,
    })
}

/// When the time for what a server's connection does is up, or should be looked at again: what keeps it
/// busy may end without anybody telling.
pub fn deadline(c: Conn, now: u64) -> Option<u64> {
    let http = HttpState::of(c);
    if let Some(Linger::Until(at)) = http.map(|http| http.linger.get()) {
        return Some(at);
    }
    if !c.has(flag::ACCEPTED) || !config::has_timeouts(c) {
        return None;
    }
    let config = Config::of(c);
    match phase(c, http, now)? {
        Phase::Busy => config.shortest_timeout().map(|ms| now.saturating_add(ms)),
        phase => config.deadline(phase).map(|(at, _)| at),
    }
}

/// The time of a server's connection may be up: then answers with 408 or closes silently.
pub fn on_deadline(c: Conn, now: u64) {
    let http = HttpState::of(c);
    if let Some(Linger::Until(at)) = http.map(|http| http.linger.get()) {
        if now >= at {
            c.set(flag::CLOSING);
        }
        return;
    }
    let Some(phase) = phase(c, http, now) else { return };
    match (phase, Config::of(c).deadline(phase).filter(|(at, _)| now >= *at)) {
        (_, None) => {}
        (Phase::Sending { .. }, _) => conn::error(c, b"HTTP send timeout"),
        (_, Some((_, code))) if code != 0 => give_up(c, code),
        _ => drain(c),
    }
}

/// A request takes too long to arrive.
fn give_up(c: Conn, code: u16) {
    const REASON: &str = "HTTP timeout";
    if runs_engine(c) {
        fail(c, REASON, code);
        return;
    }
    // The handler that streams the body may send a reply.
    let queued = c.send().len();
    conn::report(c, REASON.as_bytes());
    if c.send().len() == queued {
        Config::of(c).reply_error(c, code);
    }
    drain(c);
}
