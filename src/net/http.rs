//! The HTTP engine: the protocol handler (`c->pfn`) that turns bytes in `c->recv` into
//! `MG_EV_HTTP_HDRS` and `MG_EV_HTTP_MSG`, for servers and clients alike.
//!
//! What it remembers about a half-received message is in [`HttpState`], so no byte is looked at
//! twice. Programs may consume `recv` themselves at any time; then the memory is dropped and the
//! next byte starts a fresh message.

use super::conn::{self, call, has_protocol, output_queued, queue};
use super::handle::{Conn, Mgr};
use super::http_message;
use super::http_policy::{self, Phase};
use super::listen::{Handlers, listen};
use super::state::ConnState;
use super::{log, poll, ws};
use crate::abi::{
    Connection, HttpMessage, MG_EV_CLOSE, MG_EV_HTTP_HDRS, MG_EV_HTTP_MSG, MG_EV_POLL, MG_EV_READ, flag,
};
use crate::codec::http::chunked::{self, Chunked};
use crate::codec::http::{self, Framing, Head};
use core::cell::Cell;
use core::ffi::{CStr, c_int, c_long, c_void};
use core::mem::MaybeUninit;
use core::ptr;

/// What the engine remembers about a connection between events.
#[derive(Default)]
pub struct HttpState {
    /// Bytes at the front of `recv` that were searched for the end of a head without result.
    searched: Cell<usize>,
    /// The message whose head is complete and whose body is not.
    partial: Cell<Option<Partial>>,
    /// `recv.len` when the engine last looked; a smaller one means that the program consumed.
    seen: Cell<usize>,
    /// The connection closes after the response.
    close_wish: Cell<bool>,
    /// Requests so far.
    requests: Cell<u32>,
    /// When the first byte of the head came that is incomplete, or the head of the body that is.
    since: Cell<u64>,
    /// The engine runs: a handler that closes the connection for good leads back to it.
    busy: Cell<bool>,
    /// There are no more messages: the program closed the connection at MG_EV_HTTP_HDRS, or the
    /// engine drains it. Ends when the program takes the flag back.
    stopped: Cell<bool>,
}

/// A message whose MG_EV_HTTP_HDRS has been fired and whose body is incomplete.
struct Partial {
    head: usize,
    framing: Framing,
    chunked: Chunked,
}

/// Listens for HTTP.
pub fn listen_http(m: Mgr, url: &[u8], handlers: Handlers) -> Option<Conn> {
    let c = listen(m, url, handlers)?;
    c.set_protocol(Some(on_event));
    Some(c)
}

/// Connects for HTTP. Sends nothing: the program writes the request.
pub fn connect_http(m: Mgr, url: &CStr, handlers: Handlers) -> Option<Conn> {
    super::connect::connect(m, url, handlers, Some(on_event), ptr::null_mut())
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
    let Some(c) = (unsafe { Conn::new(c) }) else { return };
    let _held = conn::hold(c);
    match ev {
        MG_EV_READ => {
            let added = if ev_data.is_null() {
                None
            } else {
                // SAFETY: the data of READ is a long.
                usize::try_from(unsafe { *ev_data.cast::<c_long>() }).ok()
            };
            notice_consumption(c, added);
            run(c, false);
            // A client may send frames right behind the request that upgrades.
            if has_protocol(c, ws::on_event) {
                // SAFETY: c is live; the handler needs no data.
                unsafe { ws::on_event(c.as_ptr(), MG_EV_READ, ptr::null_mut()) };
            }
        }
        MG_EV_POLL if c.has(flag::ACCEPTED) && !c.has(flag::DRAINING | flag::RESP) => {
            if ConnState::of(c).is_some_and(|s| s.http.close_wish.get()) {
                drain(c);
            } else if c.recv().len() > 0 {
                notice_consumption(c, Some(0));
                run(c, false);
            }
        }
        MG_EV_CLOSE => {
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
        reset(c);
    }
}

fn reset(c: Conn) {
    if let Some(state) = ConnState::of(c) {
        state.http.partial.set(None);
        state.http.searched.set(0);
    }
}

/// What one step of the engine came to.
enum Step {
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
    }
    let mut ofs = 0;
    loop {
        // A response in progress holds later requests back, but not at the end.
        if c.has(flag::RESP) || c.recv().len() <= ofs {
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
    if let Some(state) = ConnState::of(c) {
        if let Some(mut partial) = state.http.partial.take() {
            return match continue_body(&mut partial, bytes, at_close, c.has(flag::ACCEPTED)) {
                Ok(Some(end)) => deliver(c, ofs, &partial, end),
                Ok(None) => {
                    state.http.partial.set(Some(partial));
                    Step::Wait
                }
                Err(refusal) => fail_body(c, refusal),
            };
        }
        if state.http.searched.get() > 0 {
            match http::head_len(bytes, state.http.searched.get()) {
                Ok(None) if !state.policy.get().is_head_too_long(bytes.len()) => {
                    state.http.searched.set(bytes.len());
                    return Step::Wait;
                }
                _ => state.http.searched.set(0),
            }
        }
    }
    let mut hm = MaybeUninit::<HttpMessage>::uninit();
    // SAFETY: hm is valid for writes.
    let head = match unsafe { http_message::parse(bytes, hm.as_mut_ptr()) } {
        Ok(Some(head)) => head,
        Ok(None) if http_policy::of(c).is_head_too_long(bytes.len()) => {
            // Without the end of a line, it is the target that is too long.
            let code = if bytes.contains(&b'\n') { 431 } else { 414 };
            return fail(c, "HTTP head too large", code);
        }
        Ok(None) => {
            if let Some(state) = ConnState::of(c)
                && state.http.searched.replace(bytes.len()) == 0
            {
                state.http.since.set(poll::millis());
            }
            return Step::Wait;
        }
        Err(e) => return fail(c, e.fault.reason(), e.fault.status()),
    };
    start_message(c, ofs, hm.as_mut_ptr(), &head, bytes, at_close)
}

/// A head is complete: fires HDRS, then MSG if the body is there.
fn start_message(
    c: Conn,
    ofs: &mut usize,
    hm: *mut HttpMessage,
    head: &Head<'_>,
    bytes: &[u8],
    at_close: bool,
) -> Step {
    let server = c.has(flag::ACCEPTED);
    let mut partial = Partial { head: head.len, framing: Framing::Empty, chunked: Chunked::new() };
    // Everything that needs the bytes is decided before a handler runs.
    let outcome = match head.framing() {
        Ok(framing) => {
            partial.framing = framing;
            continue_body(&mut partial, bytes, at_close, server)
        }
        Err(e) => Err(Refusal { reason: e.fault.reason(), code: e.fault.status() }),
    };
    let policy = http_policy::of(c);
    if server && let Err(e) = policy.check(head) {
        return fail(c, e.fault.reason(), e.fault.status());
    }
    if *ofs > 0 && !matches!(outcome, Ok(Some(_))) {
        // Handlers that take over a stream expect their message at the start of `recv`.
        c.recv().consume(*ofs);
        *ofs = 0;
        return Step::Next;
    }
    let refused = head.is_response && server && !matches!(head.status, 100..=199 | 204 | 304);
    let count = ConnState::of(c).map_or(0, |s| s.http.requests.get()) + 1;
    let close_wish = server && policy.closes_after(head, count);
    let invite = server && head.expect_continue && head.version >= (1, 1);

    let (len, base) = (c.recv().len(), c.recv().base());
    call(c, MG_EV_HTTP_HDRS, hm.cast());
    if c.recv().len() != len {
        // The program takes the stream from here on.
        c.recv().consume(*ofs);
        c.set_protocol(None);
        return Step::Stop;
    }
    if c.has(flag::CLOSING) && !at_close {
        stop(c);
        return Step::Stop;
    }
    if c.recv().base() != base {
        // Same bytes at another place: the message in hand is stale.
        return Step::Wait;
    }
    let end = match outcome {
        Ok(end) => end,
        Err(refusal) => return fail_body(c, refusal),
    };
    if server && partial.framing == Framing::UntilClose {
        return if refused { refuse_response(c) } else { fail(c, "HTTP response sent to a server", 400) };
    }
    if let Some(state) = ConnState::of(c) {
        state.http.close_wish.set(close_wish);
        state.http.requests.set(count);
    }
    if let Some(end) = end {
        if end.chunked {
            compact(c, *ofs + partial.head);
        }
        finish_message(hm, &partial, end);
        return fire_message(c, ofs, end, hm);
    }
    if !has_protocol(c, on_event) {
        return Step::Wait;
    }
    let Some(state) = ConnState::of(c) else { return Step::Wait };
    if let Framing::Length(n) = partial.framing {
        if n.saturating_add(partial.head) > state.settings.get().recv_limit {
            return fail_body(c, Refusal { reason: "MG_MAX_RECV_SIZE", code: 413 });
        }
        if server && policy.is_body_too_long(n) {
            return fail_body(c, Refusal { reason: "HTTP body too large", code: 413 });
        }
    }
    state.http.since.set(poll::millis());
    state.http.partial.set(Some(partial));
    if invite {
        policy.invite_body(c);
    }
    Step::Wait
}

/// Why a message is refused, and the status that says so.
struct Refusal {
    reason: &'static str,
    code: u16,
}

/// Where a message ends.
#[derive(Clone, Copy)]
struct End {
    /// Bytes of the body, decoded.
    body: usize,
    /// Bytes of the message in `recv`, head included.
    total: usize,
    /// The body has chunk framing to be removed.
    chunked: bool,
}

/// Looks whether the body is complete. `bytes` starts at the head.
fn continue_body(
    partial: &mut Partial,
    bytes: &[u8],
    at_close: bool,
    server: bool,
) -> Result<Option<End>, Refusal> {
    let have = bytes.len() - partial.head.min(bytes.len());
    let end = |body: usize| Ok(Some(End { body, total: partial.head + body, chunked: false }));
    match partial.framing {
        Framing::Empty => end(0),
        Framing::Length(n) if have >= n => end(n),
        // A client gets what came; nobody could read a server's reply.
        Framing::Length(_) | Framing::UntilClose if at_close && !server => end(have),
        Framing::Length(_) | Framing::UntilClose => Ok(None),
        Framing::Chunked => {
            let scanned = partial.chunked.scan(&bytes[partial.head..]);
            let found = scanned.map_err(|e| Refusal { reason: e.reason(), code: 400 })?;
            Ok(found.map(|n| End {
                body: partial.chunked.body_len(),
                total: partial.head + n,
                chunked: true,
            }))
        }
    }
}

/// The body of a message whose HDRS was fired before is complete: parses the head again and fires
/// MSG.
fn deliver(c: Conn, ofs: &mut usize, partial: &Partial, end: End) -> Step {
    if end.chunked {
        compact(c, *ofs + partial.head);
    }
    let mut hm = MaybeUninit::<HttpMessage>::uninit();
    // SAFETY: the slice is used before handlers run; hm is valid for writes.
    let parsed = unsafe { http_message::parse(&c.recv().bytes()[*ofs..], hm.as_mut_ptr()) };
    match parsed {
        Ok(Some(_)) => {
            finish_message(hm.as_mut_ptr(), partial, end);
            fire_message(c, ofs, end, hm.as_mut_ptr())
        }
        // The program edited the head under us.
        _ => fail(c, "HTTP head changed", 400),
    }
}

/// Removes chunk framing in place.
fn compact(c: Conn, body_at: usize) {
    let buf = c.recv();
    // SAFETY: no handler runs meanwhile; body_at is inside the bytes in use.
    let bytes = unsafe { core::slice::from_raw_parts_mut(buf.base(), buf.len()) };
    chunked::compact(&mut bytes[body_at..]);
}

/// The body is there: its real length.
fn finish_message(hm: *mut HttpMessage, partial: &Partial, end: End) {
    // SAFETY: a parsed message in the caller's frame.
    unsafe {
        (*hm).body.len = end.body;
        (*hm).message.len = partial.head + end.body;
    }
}

fn fire_message(c: Conn, ofs: &mut usize, end: End, hm: *mut HttpMessage) -> Step {
    let server = c.has(flag::ACCEPTED);
    if server {
        c.set(flag::RESP);
    }
    let before = c.recv().len();
    call(c, MG_EV_HTTP_MSG, hm.cast());
    // What the program removed itself is not removed a second time.
    let removed = before.saturating_sub(c.recv().len());
    *ofs = (*ofs + end.total.saturating_sub(removed)).min(c.recv().len());
    if server && !c.has(flag::RESP) && ConnState::of(c).is_some_and(|s| s.http.close_wish.get()) {
        drain(c);
        return Step::Stop;
    }
    if has_protocol(c, on_event) { Step::Next } else { Step::Wait }
}

/// A response that took longer than its MG_EV_HTTP_MSG is complete: goes on with the next request.
pub fn response_done(c: Conn) {
    if ConnState::of(c).is_some_and(|s| s.http.close_wish.get()) {
        drain(c);
    } else if c.recv().len() > 0 {
        conn::fire_count(c, MG_EV_READ, 0);
    }
}

/// Closes after the queued output; what waits in `recv`, or comes until then, is not answered.
fn drain(c: Conn) {
    c.set(flag::DRAINING);
    c.recv().set_len(0);
    reset(c);
    stop(c);
    queue(c);
}

/// Ends the messages of a connection that has just been marked as closing or draining.
fn stop(c: Conn) {
    if let Some(state) = ConnState::of(c) {
        state.http.stopped.set(true);
    }
}

/// A head that cannot be: ERROR with the reason. Replies to earlier requests still go out, and one
/// with `code` behind them if such replies are wanted.
fn fail(c: Conn, reason: &'static str, code: u16) -> Step {
    log::error(format_args!("{} {} {reason}", c.id(), c.fd()));
    http_policy::of(c).reply_error(c, code);
    drain(c);
    conn::report(c, reason.as_bytes());
    Step::Stop
}

/// A body that cannot be: as [`fail`], and at once when no reply waits to go out.
fn fail_body(c: Conn, Refusal { reason, code }: Refusal) -> Step {
    if c.send().len() > 0 || http_policy::of(c).replies() {
        return fail(c, reason, code);
    }
    c.recv().set_len(0);
    conn::error(c, reason.as_bytes());
    Step::Stop
}

/// What a server's connection waits for, for its timeouts.
fn phase(c: Conn, state: &ConnState) -> Phase {
    let http = &state.http;
    if c.has(flag::RESP | flag::DRAINING) || c.send().len() > 0 || !has_protocol(c, on_event) {
        return Phase::Busy;
    }
    let partial = http.partial.take();
    let received = partial.as_ref().map(|p| c.recv().len().saturating_sub(p.head));
    http.partial.set(partial);
    match received {
        Some(received) => Phase::Body { since: http.since.get(), received },
        None if http.searched.get() > 0 => Phase::Head { since: http.since.get() },
        None => Phase::Idle { since: state.last_io.get() },
    }
}

/// When the time for what a server's connection does is up.
pub fn deadline(c: Conn, state: &ConnState) -> Option<u64> {
    let policy = state.policy.get();
    if !policy.has_timeouts() || !c.has(flag::ACCEPTED) {
        return None;
    }
    policy.deadline(phase(c, state)).map(|(at, _)| at)
}

/// The time of a server's connection is up: answers with 408 or closes silently.
pub fn time_out(c: Conn, state: &ConnState) {
    match state.policy.get().deadline(phase(c, state)) {
        Some((_, 0)) | None => drain(c),
        Some((_, code)) => {
            fail(c, "HTTP timeout", code);
        }
    }
}

/// Somebody sent a response to a server: one 411, then close.
fn refuse_response(c: Conn) -> Step {
    c.send().append(b"HTTP/1.1 411 Length Required\r\nContent-Length: 0          \r\n\r\n");
    output_queued(c);
    drain(c);
    Step::Stop
}
