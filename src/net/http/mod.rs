//! The HTTP engine: the protocol handler (`c->pfn`) that turns bytes in `c->recv` into
//! `MG_EV_HTTP_HDRS` and `MG_EV_HTTP_MSG`, for servers and clients alike.
//!
//! What it remembers about a half-received message is in [`HttpState`], so no byte is looked at
//! twice. Programs may consume `recv` themselves at any time; then the memory is dropped and the
//! next byte starts a fresh message.

pub mod body;
mod body_rate;
pub mod config;
pub mod message;
mod pending_requests;
pub mod serve;
pub mod timeouts;
pub mod upload;

use self::body::{End, Partial, Receiver, Refusal};
use self::body_rate::Stream;
use self::config::Config;
use self::pending_requests::Asked;
use self::timeouts::{Linger, drain, fail, fail_body, refuse_response};
use super::event_loop::clock::millis;
use super::event_loop::conn::{self, call, has_protocol};
use super::event_loop::guard::ConnGuard;
use super::event_loop::handle::{Conn, Mgr};
use super::event_loop::listen::{Handlers, listen};
use super::event_loop::oversize;
use super::event_loop::state::ConnState;
use super::ws;
use crate::abi::{
    Connection, HttpMessage, MG_EV_CLOSE, MG_EV_HTTP_HDRS, MG_EV_HTTP_MSG, MG_EV_POLL, MG_EV_READ,
    MG_EV_WRITE, Setting, flag,
};
use crate::codec::http::{self, Framing, Head};
use core::cell::Cell;
use core::ffi::{CStr, c_int, c_long, c_void};
use core::mem::MaybeUninit;
use core::ptr;

/// What the engine remembers about a connection between events.
#[derive(Default)]
pub struct HttpState {
    /// Bytes at the front of `recv` that were searched for the end of a head without result.
    pub(in crate::net) searched: Cell<usize>,
    /// The message whose head is complete and whose body is not.
    pub(in crate::net) partial: Cell<Option<Partial>>,
    /// `recv.len` when the engine last looked; a smaller one means that the program consumed.
    pub(in crate::net) seen: Cell<usize>,
    /// The connection closes after the response.
    close_wish: Cell<bool>,
    /// Requests so far.
    requests: Cell<u32>,
    /// When the first byte of the head came that is incomplete, or the head of the body that is.
    pub(in crate::net) since: Cell<u64>,
    /// The `Connection` line that the reply to the newest request has to have.
    connection_line: Cell<&'static CStr>,
    /// The body that the program, or an upload, takes out of `recv` as it comes.
    pub(in crate::net) stream: Stream,
    /// When output began to wait, or last moved; 0: nothing waits, or nobody has looked since.
    pub(in crate::net) stalled: Cell<u64>,
    /// Requests wait until replies have left.
    backlogged: Cell<bool>,
    /// The engine runs: a handler that closes the connection for good leads back to it.
    busy: Cell<bool>,
    /// There are no more messages: the program closed the connection at MG_EV_HTTP_HDRS, or the
    /// engine drains it. Ends when the program takes the flag back.
    pub(in crate::net) stopped: Cell<bool>,
    /// How the connection closes.
    pub(in crate::net) linger: Cell<Linger>,
    /// What a client has asked for.
    pub(in crate::net) asked: Asked,
}

/// Listens for HTTP.
pub fn listen_http<'g>(m: Mgr<'g>, url: &[u8], handlers: Handlers) -> Option<Conn<'g>> {
    let c = listen(m, url, handlers)?;
    c.set_protocol(Some(on_event));
    Some(c)
}

/// Connects for HTTP. Sends nothing: the program writes the request.
pub fn connect_http<'g>(m: Mgr<'g>, url: &CStr, handlers: Handlers) -> Option<Conn<'g>> {
    super::event_loop::connect::connect(m, url, handlers, Some(on_event), ptr::null_mut())
}

/// True when the engine has something to do at `MG_EV_POLL`: input that waits for the end of a
/// response, or a connection to close behind one.
pub fn wants_poll(c: Conn) -> bool {
    if !c.has(flag::ACCEPTED) || c.has(flag::RESP | flag::DRAINING) {
        // Another protocol handler may want anything.
        return c.protocol().is_some() && !has_protocol(c, on_event);
    }
    match ConnState::of(c) {
        Some(state) if has_protocol(c, on_event) => c.recv().len() > 0 || state.http.close_wish.get(),
        _ => c.protocol().is_some(),
    }
}

/// The protocol handler of HTTP connections.
///
/// # Safety
/// `c` is a live connection; `ev_data` belongs to `ev`, or is NULL when a program calls by hand.
pub unsafe extern "C" fn on_event(c: *mut Connection, ev: c_int, ev_data: *mut c_void) {
    crate::fence!("http protocol handler");
    // SAFETY: the caller vouches for c.
    let Some(guard) = (unsafe { ConnGuard::new(c) }) else { return };
    let c = guard.conn();
    match ev {
        MG_EV_READ => {
            let added = if ev_data.is_null() {
                None
            } else {
                // SAFETY: the data of READ is a long.
                usize::try_from(unsafe { *ev_data.cast::<c_long>() }).ok()
            };
            notice_consumption(c, added);
            go_on(c);
            // A client may send frames right behind the request that upgrades.
            if has_protocol(c, ws::on_event) {
                // SAFETY: c is live; the handler needs no data.
                unsafe { ws::on_event(c.as_ptr(), MG_EV_READ, ptr::null_mut()) };
            }
        }
        MG_EV_POLL if c.has(flag::ACCEPTED) && !c.has(flag::DRAINING | flag::RESP) => {
            notice_consumption(c, Some(0));
            go_on(c);
        }
        // There may be room for the replies to requests that wait.
        MG_EV_WRITE if ConnState::of(c).is_some_and(|s| s.http.backlogged.get()) => {
            notice_consumption(c, Some(0));
            go_on(c);
        }
        // What a server has not read by now was sent to nobody.
        MG_EV_CLOSE if !c.has(flag::ACCEPTED) => {
            notice_consumption(c, None);
            run(c, true);
        }
        _ => {}
    }
}

/// Forgets a half-received message when the program removed bytes of it.
fn notice_consumption(c: Conn, added: Option<usize>) {
    let Some(state) = ConnState::of(c) else { return };
    let len = c.recv().len();
    let seen = state.http.seen.get();
    if len < seen || added.is_some_and(|n| len != seen + n) {
        state.http.forget();
    }
}

impl HttpState {
    /// True when the connection has had a request, whoever goes on with it.
    pub(in crate::net) fn has_request(&self) -> bool {
        self.requests.get() > 0
    }

    /// Forgets a half-received message.
    pub(in crate::net) fn forget(&self) {
        self.partial.set(None);
        self.searched.set(0);
    }
}

/// Closes behind a response that ends the connection, or else delivers what there is.
fn go_on(c: Conn) {
    if !c.has(flag::RESP) && ConnState::of(c).is_some_and(|s| s.http.close_wish.get()) {
        drain(c);
    } else {
        run(c, false);
    }
}

/// What one step of the engine came to.
pub enum Step {
    /// A message was delivered: look for the next one.
    Next,
    /// Nothing more to do until more bytes arrive.
    Wait,
    /// The engine is done with what is in `recv`, or with the connection.
    Stop,
}

/// Delivers the messages that `recv` holds.
fn run(c: Conn, at_close: bool) {
    let state = ConnState::of(c);
    if let Some(state) = state {
        let ends = state.http.stopped.get() && c.has(flag::CLOSING | flag::DRAINING);
        state.http.stopped.set(ends);
        if ends && c.has(flag::DRAINING) {
            // What follows the last message is no request, whatever it says.
            c.recv().set_len(0);
        }
        if ends || state.http.busy.replace(true) {
            return;
        }
        state.http.backlogged.set(false);
    }
    let mut ofs = 0;
    loop {
        // What holds requests back does not count at the end.
        if c.has(flag::RESP) || (c.has(flag::CLOSING) && !at_close) || c.recv().len() <= ofs {
            break;
        }
        if let Some(state) = state
            && is_backlogged(c, state)
        {
            state.http.backlogged.set(true);
            break;
        }
        match step(c, &mut ofs, at_close) {
            Step::Next => {}
            Step::Wait => break,
            Step::Stop => {
                ofs = 0;
                break;
            }
        }
    }
    c.recv().consume(ofs);
    if let Some(state) = state {
        state.http.seen.set(c.recv().len());
        state.http.busy.set(false);
    }
}

/// Looks at the message at `ofs` of `recv`.
fn step(c: Conn, ofs: &mut usize, at_close: bool) -> Step {
    let buf = c.recv();
    // SAFETY: the slice is used before handlers run, and made anew afterwards.
    let bytes = &unsafe { buf.bytes() }[*ofs..];
    let config = Config::of(c);
    let to = Receiver { server: c.has(flag::ACCEPTED), at_close };
    if let Some(state) = ConnState::of(c) {
        if let Some(mut partial) = state.http.partial.take() {
            return match partial.end(bytes, to, &config) {
                Ok(Some(end)) => {
                    config::withdraw_invitation(c);
                    deliver(c, ofs, &partial, end)
                }
                Ok(None) => {
                    state.http.partial.set(Some(partial));
                    Step::Wait
                }
                Err(refusal) if refusal.is_of_length() && c.has(flag::FULL) => {
                    state.http.partial.set(Some(partial));
                    Step::Wait
                }
                Err(refusal) => fail_body(c, refusal),
            };
        }
        if state.http.searched.get() > 0 {
            match http::head_len(bytes, state.http.searched.get()) {
                Ok(None) if !config.is_head_too_long(bytes.len()) => {
                    state.http.searched.set(bytes.len());
                    return Step::Wait;
                }
                _ => state.http.searched.set(0),
            }
        }
    }
    let mut hm = MaybeUninit::<HttpMessage>::uninit();
    // SAFETY: hm is valid for writes.
    let parsed = match unsafe { message::parse(bytes, hm.as_mut_ptr()) } {
        Ok(parsed) => parsed,
        Err(e) => return fail(c, e.fault.reason(), e.fault.status()),
    };
    if config.is_head_too_long(parsed.map_or(bytes.len(), |head| head.len)) {
        // When its first line alone is too long, it is the target that is.
        let code = if config.is_line_too_long(bytes) { 414 } else { 431 };
        return fail(c, "HTTP head too large", code);
    }
    if let Some(head) = parsed {
        return start_message(c, ofs, hm.as_mut_ptr(), &head, bytes, to, &config);
    }
    if let Some(state) = ConnState::of(c)
        && state.http.searched.replace(bytes.len()) == 0
    {
        state.http.since.set(millis());
    }
    Step::Wait
}

/// A head is complete: fires HDRS, then MSG if the body is there.
fn start_message(
    c: Conn,
    ofs: &mut usize,
    hm: *mut HttpMessage,
    head: &Head<'_>,
    bytes: &[u8],
    to: Receiver,
    config: &Config,
) -> Step {
    if let Err(e) = config.check(head, to.server) {
        return fail(c, e.fault.reason(), e.fault.status());
    }
    let state = ConnState::of(c);
    let mut partial = Partial::new(head);
    // Everything that needs the bytes is decided before a handler runs.
    let framing = match state {
        Some(state) if partial.answers && state.http.asked.is_head() => Ok(Framing::Empty),
        _ => head.framing(),
    };
    let outcome = match framing {
        Ok(framing) => {
            partial.framing = framing;
            partial.end(bytes, to, config)
        }
        Err(e) => Err(Refusal { reason: e.fault.reason(), code: e.fault.status() }),
    };
    if *ofs > 0 && !matches!(outcome, Ok(Some(_))) {
        // Handlers that take over a stream expect their message at the start of `recv`.
        c.recv().consume(*ofs);
        *ofs = 0;
        return Step::Next;
    }
    let refused = head.is_response && to.server && !matches!(head.status, 100..=199 | 204 | 304);
    let count = state.map_or(0, |s| s.http.requests.get()) + 1;
    partial.closes = to.server && config.closes_after(head, count);
    partial.asks_to_close = head.connection.close;
    let waits = to.server && head.expect_continue && head.version >= (1, 1) && bytes.len() == head.len;

    if let Some(state) = state {
        state.http.requests.set(count);
        state.http.connection_line.set(config.connection_line(head, count));
        state.http.stream.prepare(partial.framing, bytes.len() - head.len);
    }

    let (len, base, queued) = (c.recv().len(), c.recv().base(), c.send().len());
    call(c, MG_EV_HTTP_HDRS, hm.cast());
    if c.recv().len() != len {
        // The program takes the stream from here on.
        c.recv().consume(*ofs);
        c.set_protocol(None);
        if let Some(state) = state.filter(|_| to.server) {
            state.http.stream.begin();
        }
        if waits && c.send().len() == queued && !c.has(flag::CLOSING | flag::DRAINING) {
            config.invite_body(c);
        }
        return Step::Stop;
    }
    if c.has(flag::CLOSING) && !to.at_close {
        if let Some(state) = state {
            state.http.stopped.set(true);
        }
        return Step::Wait;
    }
    let replied = c.send().len() > queued;
    if c.has(flag::DRAINING) && replied && to.server {
        // Refused with a reply of the program's: that was the answer.
        timeouts::turn_down(c, matches!(outcome, Ok(None)));
        return Step::Stop;
    }
    let (end, is_too_long) = match outcome {
        Ok(end) => (end, false),
        Err(_) if !has_protocol(c, on_event) => return Step::Wait,
        Err(refusal) if refusal.is_of_length() && state.is_some() => (None, true),
        Err(refusal) => return fail_body(c, refusal),
    };
    if to.server && partial.framing == Framing::UntilClose {
        return if refused { refuse_response(c) } else { fail(c, "HTTP response sent to a server", 400) };
    }
    if let Some(end) = end {
        if c.recv().base() != base {
            // The program made room: the message in hand is stale.
            return deliver(c, ofs, &partial, end);
        }
        if end.chunked {
            body::compact(c, *ofs + partial.head);
        }
        finish_message(hm, &partial, end);
        return fire_message(c, ofs, &partial, end, hm);
    }
    let Some(state) = state.filter(|_| has_protocol(c, on_event)) else { return Step::Wait };
    state.http.since.set(millis());
    state.http.partial.set(Some(partial));
    if is_too_long {
        oversize::note(c, state);
    } else if waits && !replied {
        config.invite_body(c);
    }
    Step::Wait
}

/// The body of a message whose HDRS was fired before is complete: parses the head again and fires
/// MSG.
fn deliver(c: Conn, ofs: &mut usize, partial: &Partial, end: End) -> Step {
    if end.chunked {
        body::compact(c, *ofs + partial.head);
    }
    let mut hm = MaybeUninit::<HttpMessage>::uninit();
    // SAFETY: the slice is used before handlers run; hm is valid for writes.
    let parsed = unsafe { message::parse(&c.recv().bytes()[*ofs..], hm.as_mut_ptr()) };
    match parsed {
        Ok(Some(_)) => {
            finish_message(hm.as_mut_ptr(), partial, end);
            fire_message(c, ofs, partial, end, hm.as_mut_ptr())
        }
        // The program edited the head under us.
        _ => fail(c, "HTTP head changed", 400),
    }
}

/// The body is there: its real length.
fn finish_message(hm: *mut HttpMessage, partial: &Partial, end: End) {
    // SAFETY: a parsed message in the caller's frame.
    unsafe {
        (*hm).body.len = end.body;
        (*hm).message.len = partial.head + end.body;
    }
}

fn fire_message(c: Conn, ofs: &mut usize, partial: &Partial, end: End, hm: *mut HttpMessage) -> Step {
    let server = c.has(flag::ACCEPTED);
    if server {
        c.set(flag::RESP);
    }
    if let Some(state) = ConnState::of(c) {
        state.http.close_wish.set(partial.closes);
        if partial.answers {
            state.http.asked.answered();
        }
    }
    let before = c.recv().len();
    call(c, MG_EV_HTTP_MSG, hm.cast());
    // What the program removed itself is not removed a second time.
    let removed = before.saturating_sub(c.recv().len());
    *ofs = (*ofs + end.total.saturating_sub(removed)).min(c.recv().len());
    let upgraded = has_protocol(c, ws::on_event);
    if !has_protocol(c, on_event) && !upgraded {
        return Step::Wait;
    }
    // A limit of requests is none of a WebSocket.
    let closes = partial.closes && (!upgraded || partial.asks_to_close);
    if server && !c.has(flag::RESP) && closes {
        drain(c);
        return Step::Stop;
    }
    if upgraded { Step::Wait } else { Step::Next }
}

/// The `Connection` line, with its line end, that a reply on this connection has to have; mostly none.
pub fn connection_line(c: Conn) -> &'static CStr {
    ConnState::of(c).map_or(c"", |s| s.http.connection_line.get())
}

/// A response that took longer than its MG_EV_HTTP_MSG is complete: goes on with the next request.
pub fn response_done(c: Conn) {
    if ConnState::of(c).is_some_and(|s| s.http.close_wish.get()) {
        drain(c);
    } else if c.recv().len() > 0 {
        conn::fire_count(c, MG_EV_READ, 0);
    }
}

/// Bytes of requests at which a server stops reading while they wait. Taking each request out of `recv`
/// moves what stands behind it, so that must not be without bound.
const HELD_BACK: usize = 16 * 1024;

/// Bytes of replies in `send` from which on further requests wait. A client that sends requests and
/// reads no replies would take any amount of memory.
const BACKLOG: usize = 256 * 1024;

/// True when a server's next request has to wait until replies have left. One whose head has been
/// delivered goes on.
fn is_backlogged(c: Conn, state: &ConnState) -> bool {
    c.send().len() >= BACKLOG && c.has(flag::ACCEPTED) && !body::is_collecting(state)
}

/// True when enough requests wait: for the end of the response in progress, or for replies to leave.
pub fn is_held_back(c: Conn, state: &ConnState) -> bool {
    (c.has(flag::RESP) || is_backlogged(c, state))
        && c.has(flag::ACCEPTED)
        && c.recv().len() >= HELD_BACK.min(state.size_setting(Setting::MG_SET_RECV_LIMIT))
        && (has_protocol(c, on_event) || state.body.is_some())
}
