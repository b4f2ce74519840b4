//! How HTTP connections end: drained, rejected, and kept for a while after the last reply.

use super::body::Refusal;
use super::config::Config;
use super::state::HttpState;
use crate::abi::flag;
use crate::net::event_loop::conn::{self, output_queued, queue, runs_engine};
use crate::net::event_loop::handle::Conn;
use crate::net::event_loop::{clock, log, sys};

/// What one step of the engine came to.
pub enum Step {
    /// A message was delivered: look for the next one.
    Next,
    /// Nothing more to do until more bytes arrive.
    Wait,
    /// The engine is done with what is in `recv`, or with the connection.
    Stop,
}

/// How long a connection that was refused reads on, in milliseconds. Closed with bytes unread, it
/// would be reset, and the peer, which is still sending, might never see the reply (RFC 9112,
/// section 9.6).
const LINGER_MS: u64 = 2000;

/// Whether a connection reads on after its last reply.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub enum Linger {
    /// It closes.
    #[default]
    No,
    /// It will, when the reply has been sent.
    Wanted,
    /// It does, until then.
    Until(u64),
}

/// Closes after the queued output; what waits in `recv`, and what still comes, is not answered.
pub fn drain(c: Conn) {
    c.set(flag::DRAINING);
    c.recv().set_len(0);
    if let Some(state) = HttpState::of(c) {
        state.forget();
        state.stopped.set(true);
        state.seen.set(0);
    }
    queue(c);
}

/// A head that cannot be: ERROR with the reason. Replies to earlier requests still go out, and one
/// with `code` after them if such replies are wanted.
pub fn fail(c: Conn, reason: &'static str, code: u16) -> Step {
    log::error(format_args!("{} {} {reason}", c.id(), c.fd()));
    if Config::of(c).reply_error(c, code) && code != 408 {
        linger(c);
    }
    drain(c);
    conn::report(c, reason.as_bytes());
    Step::Stop
}

/// The program has refused a request with a reply of its own; `coming`: its body is incomplete.
pub fn reject(c: Conn, coming: bool) {
    if coming && Config::of(c).replies() {
        linger(c);
    }
    drain(c);
}

/// The connection will read on after its last reply.
fn linger(c: Conn) {
    if let Some(state) = HttpState::of(c).filter(|_| !c.has(flag::TLS)) {
        state.linger.set(Linger::Wanted);
    }
}

/// A body that cannot be: as [`fail`], and at once when no reply waits to go out.
pub fn fail_body(c: Conn, Refusal { reason, code }: Refusal) -> Step {
    if c.send().len() > 0 || Config::of(c).replies() {
        return fail(c, reason, code);
    }
    c.recv().set_len(0);
    if let Some(state) = HttpState::of(c) {
        state.forget();
    }
    conn::error(c, reason.as_bytes());
    Step::Stop
}

/// The receive buffer is full. True when the engine has answered that.
pub fn refuse_excess(c: Conn) -> bool {
    let answers = c.has(flag::ACCEPTED) && runs_engine(c) && Config::of(c).replies();
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

/// A drained connection has sent everything. True when it stays for a while to read what the peer sends.
pub fn lingers(c: Conn) -> bool {
    let Some(state) = HttpState::of(c) else { return false };
    match state.linger.get() {
        Linger::No if !cuts_stream(c, state) => false,
        Linger::No | Linger::Wanted => {
            sys::shut_output(c.fd());
            state.linger.set(Linger::Until(clock::millis() + LINGER_MS));
            true
        }
        Linger::Until(_) => true,
    }
}

/// True when a program, or an upload, that took a body over drains before all of it has come.
fn cuts_stream(c: Conn, http: &HttpState) -> bool {
    http.has_request()
        && http.body_rate.is_coming()
        && !http.stopped.get()
        && c.protocol().is_none()
        && c.has(flag::ACCEPTED)
        && !c.has(flag::TLS | flag::WEBSOCKET)
        && Config::of(c).replies()
}
