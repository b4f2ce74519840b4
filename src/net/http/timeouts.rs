//! How HTTP connections come to their end: drained, refused, timed out.

use super::body::Refusal;
use super::config::{Config, Phase};
use super::{Step, on_event};
use crate::abi::flag;
use crate::net::event_loop::conn::{self, has_protocol, output_queued, queue};
use crate::net::event_loop::handle::Conn;
use crate::net::event_loop::state::ConnState;
use crate::net::event_loop::{clock, io, log, sys};

/// How long a connection that was refused reads on, in milliseconds. Closed with bytes unread, it
/// would be reset, and the peer, which is still sending, might never see the reply (RFC 9112,
/// section 9.6).
const LINGER_MS: u64 = 2000;

/// Whether a connection reads on behind its last reply.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub enum Linger {
    /// It closes.
    #[default]
    No,
    /// It will, when the reply has gone out.
    Wanted,
    /// It does, until then.
    Until(u64),
}

/// Closes after the queued output; what waits in `recv`, and what still comes, is not answered.
pub fn drain(c: Conn) {
    c.set(flag::DRAINING);
    c.recv().set_len(0);
    if let Some(state) = ConnState::of(c) {
        state.http.forget();
        state.http.stopped.set(true);
        state.http.seen.set(0);
    }
    queue(c);
}

/// A head that cannot be: ERROR with the reason. Replies to earlier requests still go out, and one
/// with `code` behind them if such replies are wanted.
pub fn fail(c: Conn, reason: &'static str, code: u16) -> Step {
    log::error(format_args!("{} {} {reason}", c.id(), c.fd()));
    if Config::of(c).reply_error(c, code) && code != 408 {
        linger(c);
    }
    drain(c);
    conn::report(c, reason.as_bytes());
    Step::Stop
}

/// A request takes too long to arrive.
fn give_up(c: Conn, code: u16) {
    const REASON: &str = "HTTP timeout";
    if has_protocol(c, on_event) {
        fail(c, REASON, code);
        return;
    }
    // Whoever streams the body may have something to say.
    let queued = c.send().len();
    conn::report(c, REASON.as_bytes());
    if c.send().len() == queued {
        Config::of(c).reply_error(c, code);
    }
    drain(c);
}

/// The program has refused a request with a reply of its own; `coming`: its body is incomplete.
pub fn turn_down(c: Conn, coming: bool) {
    if coming && Config::of(c).replies() {
        linger(c);
    }
    drain(c);
}

/// The connection will read on behind its last reply.
fn linger(c: Conn) {
    if let Some(state) = ConnState::of(c).filter(|_| !c.has(flag::TLS)) {
        state.http.linger.set(Linger::Wanted);
    }
}

/// A body that cannot be: as [`fail`], and at once when no reply waits to go out.
pub fn fail_body(c: Conn, Refusal { reason, code }: Refusal) -> Step {
    if c.send().len() > 0 || Config::of(c).replies() {
        return fail(c, reason, code);
    }
    c.recv().set_len(0);
    if let Some(state) = ConnState::of(c) {
        state.http.forget();
    }
    conn::error(c, reason.as_bytes());
    Step::Stop
}

/// The receive buffer is full. True when the engine has answered that.
pub fn refuse_excess(c: Conn) -> bool {
    let answers = c.has(flag::ACCEPTED) && has_protocol(c, on_event) && Config::of(c).replies();
    if answers {
        fail(c, "MG_MAX_RECV_SIZE", 413);
    }
    answers
}

/// Somebody sent a response to a server: one 411, then close.
pub fn refuse_response(c: Conn) -> Step {
    c.send().append(b"HTTP/1.1 411 Length Required\r\nContent-Length: 0          \r\n\r\n");
    output_queued(c);
    drain(c);
    Step::Stop
}

/// A drained connection has sent everything. True when it stays for a while to hear the peer out.
pub fn lingers(c: Conn, state: &ConnState) -> bool {
    match state.http.linger.get() {
        Linger::No if !cuts_stream(c, state) => false,
        Linger::No | Linger::Wanted => {
            sys::shut_output(c.fd());
            state.http.linger.set(Linger::Until(clock::millis() + LINGER_MS));
            true
        }
        Linger::Until(_) => true,
    }
}

/// True when a program, or an upload, that took a body over drains before all of it has come.
fn cuts_stream(c: Conn, state: &ConnState) -> bool {
    let http = &state.http;
    http.has_request()
        && http.stream.is_coming()
        && !http.stopped.get()
        && c.protocol().is_none()
        && c.has(flag::ACCEPTED)
        && !c.has(flag::TLS | flag::WEBSOCKET)
        && Config::of(c).replies()
}

/// True when a drained connection only hears its peer out.
pub fn is_lingering(state: &ConnState) -> bool {
    matches!(state.http.linger.get(), Linger::Until(_))
}

/// What a server's connection waits for, for its timeouts.
fn phase(c: Conn, state: &ConnState, now: u64) -> Phase {
    let http = &state.http;
    let speaks_http = has_protocol(c, on_event) || http.has_request();
    if !speaks_http || c.has(flag::WEBSOCKET) {
        return Phase::Busy;
    }
    if io::has_output(c, state) {
        if http.stalled.get() == 0 {
            http.stalled.set(now);
        }
        return Phase::Sending { since: http.stalled.get() };
    }
    http.stalled.set(0);
    if c.has(flag::RESP | flag::DRAINING) {
        return Phase::Busy;
    }
    if !has_protocol(c, on_event) {
        // An upload keeps less than a block in `recv`; a program, what it has not looked at.
        let waits = state.upload.is_some() || c.recv().len() == 0;
        return http.stream.phase(!waits || c.has(flag::FULL));
    }
    let partial = http.partial.take();
    let received = partial.as_ref().map(|p| c.recv().len().saturating_sub(p.head) as u64);
    http.partial.set(partial);
    match received {
        Some(received) => Phase::Body { since: http.since.get(), received },
        None if http.searched.get() > 0 => Phase::Head { since: http.since.get() },
        None => Phase::Idle { since: state.last_io.get() },
    }
}

/// When the time for what a server's connection does is up. Runs no code of the program.
pub fn deadline(c: Conn, state: &ConnState, now: u64) -> Option<u64> {
    if let Linger::Until(at) = state.http.linger.get() {
        return Some(at);
    }
    let config = Config::of(c);
    if !config.has_timeouts() || !c.has(flag::ACCEPTED) {
        return None;
    }
    config.deadline(phase(c, state, now)).map(|(at, _)| at)
}

/// The time of a server's connection is up: answers with 408 or closes silently.
pub fn time_out(c: Conn, state: &ConnState) {
    if is_lingering(state) {
        c.set(flag::CLOSING);
        return;
    }
    let phase = phase(c, state, clock::millis());
    match (phase, Config::of(c).deadline(phase)) {
        (Phase::Sending { .. }, _) => conn::error(c, b"HTTP send timeout"),
        (_, Some((_, code))) if code != 0 => give_up(c, code),
        _ => drain(c),
    }
}
