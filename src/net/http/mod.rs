//! The HTTP engine: the protocol handler (`c->pfn`) that turns bytes in `c->recv` into
//! `MG_EV_HTTP_HDRS` and `MG_EV_HTTP_MSG`, for servers and clients alike.
//!
//! What it remembers about a half-received message is in [`HttpState`], so no byte is looked at
//! twice. Programs may consume `recv` themselves at any time; then the memory is dropped and the
//! next byte starts a fresh message.

pub mod body;
mod body_rate;
pub mod config;
pub mod date;
mod engine;
pub mod headers;
mod lingering;
pub mod message;
mod pending_requests;
pub mod serve;
pub mod snapshot;
mod state;
mod timeouts;
pub mod upload;

use self::body::{End, Partial, Receiver, Refusal};
use self::config::Config;
use self::lingering::{Step, drain, fail, fail_body, refuse_response};
use self::state::HttpState;
use super::event_loop::clock::millis;
use super::event_loop::conn::{self, call, has_protocol};
use super::event_loop::engine::Handler;
use super::event_loop::guard::ConnGuard;
use super::event_loop::handle::{Conn, Mgr};
use super::event_loop::listen::{Handlers, listen};
use super::event_loop::oversize;
use crate::abi::{
    Connection, HttpMessage, HttpMessageSpace, MG_EV_CLOSE, MG_EV_HTTP_HDRS, MG_EV_HTTP_MSG, MG_EV_POLL,
    MG_EV_READ, MG_EV_WRITE, Setting, flag,
};
use crate::codec::http::{self, Framing, Head};
use core::ffi::{CStr, c_int, c_long, c_void};
use core::ptr;

/// Listens for HTTP.
pub fn listen_http<'g>(m: Mgr<'g>, url: &[u8], handlers: Handlers) -> Option<Conn<'g>> {
    let c = listen(m, url, handlers)?;
    speak(c);
    Some(c)
}

/// Makes HTTP the protocol of a connection.
pub fn speak(c: Conn) {
    conn::set_engine(c, &engine::Http);
}

/// Connects for HTTP. Sends nothing: the program writes the request.
pub fn connect_http<'g>(m: Mgr<'g>, url: &CStr, handlers: Handlers) -> Option<Conn<'g>> {
    let c = super::event_loop::connect::connect(m, url, handlers, Some(on_event), ptr::null_mut())?;
    c.state()?.engine.set(Some(&engine::Http));
    Some(c)
}

/// The protocol handler of HTTP connections.
///
/// # Safety
/// `c` is a live connection; `ev_data` belongs to `ev`, or is NULL when a program calls by hand.
pub unsafe extern "C" fn on_event(c: *mut Connection, ev: c_int, ev_data: *mut c_void) {
    crate::fence!("http protocol handler");
    if !matches!(ev, MG_EV_READ | MG_EV_WRITE | MG_EV_POLL | MG_EV_CLOSE) {
        return;
    }
    // SAFETY: who calls a protocol handler passes a connection that is not released yet.
    let Some(guard) = (unsafe { ConnGuard::new(c) }) else { return };
    let c = guard.conn();
    match ev {
        MG_EV_READ => {
            if c.state().is_some_and(|state| state.extension::<HttpState>().is_none()) {
                return conn::error(c, b"OOM");
            }
            if c.state().is_some_and(|state| state.engine.get().is_none()) {
                speak(c); // The program made it the protocol by hand.
            }
            let added = if ev_data.is_null() {
                None
            } else {
                // SAFETY: the data of READ is a long.
                usize::try_from(unsafe { *ev_data.cast::<c_long>() }).ok()
            };
            notice_consumption(c, added);
            resume(c);
            // A client may send bytes of another protocol right after the request that upgrades.
            if let Some(handler) = upgraded(c) {
                // SAFETY: c is live; the handler needs no data.
                unsafe { handler(c.as_ptr(), MG_EV_READ, ptr::null_mut()) };
            }
        }
        MG_EV_POLL if c.has(flag::ACCEPTED) && !c.has(flag::DRAINING | flag::RESP) && has_input(c) => {
            notice_consumption(c, Some(0));
            resume(c);
        }
        // There may be room for the replies to requests that wait.
        MG_EV_WRITE if HttpState::of(c).is_some_and(|s| s.backlogged.get()) => {
            notice_consumption(c, Some(0));
            resume(c);
        }
        // What a server has not read by now was sent to nobody.
        MG_EV_CLOSE if !c.has(flag::ACCEPTED) => {
            notice_consumption(c, None);
            run(c, true);
        }
        _ => {}
    }
}

/// True unless there is nothing to look at, and was nothing before.
fn has_input(c: Conn) -> bool {
    c.recv().len() > 0 || HttpState::of(c).is_some_and(|http| http.seen.get() > 0 || http.close_wish.get())
}

/// The handler of the engine that has taken the connection over from this one.
fn upgraded(c: Conn) -> Option<Handler> {
    let handler = c.state()?.engine.get()?.handler();
    (!has_protocol(c, on_event) && has_protocol(c, handler)).then_some(handler)
}

/// Forgets a half-received message when the program removed bytes of it.
fn notice_consumption(c: Conn, added: Option<usize>) {
    let Some(state) = HttpState::of(c) else { return };
    let len = c.recv().len();
    let seen = state.seen.get();
    if len < seen || added.is_some_and(|n| len != seen + n) {
        state.forget();
    }
}

/// Closes behind a response that ends the connection, or else delivers what there is.
fn resume(c: Conn) {
    if !c.has(flag::RESP) && HttpState::of(c).is_some_and(|s| s.close_wish.get()) {
        drain(c);
    } else {
        run(c, false);
    }
}

/// Delivers the messages that `recv` holds.
fn run(c: Conn, at_close: bool) {
    let state = HttpState::of(c);
    if let Some(state) = state {
        let ends = state.stopped.get() && c.has(flag::CLOSING | flag::DRAINING);
        state.stopped.set(ends);
        if ends && c.has(flag::DRAINING) {
            // What follows the last message is no request, whatever it says.
            c.recv().set_len(0);
        }
        if ends || state.busy.replace(true) {
            return;
        }
        state.backlogged.set(false);
    }
    let mut ofs = 0;
    loop {
        // What holds requests back does not count at the end.
        if c.has(flag::RESP) || (c.has(flag::CLOSING) && !at_close) || c.recv().len() <= ofs {
            break;
        }
        if let Some(state) = state
            && is_backlogged(c)
        {
            state.backlogged.set(true);
            break;
        }
        match step(c, state, &mut ofs, at_close) {
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
        state.seen.set(c.recv().len());
        state.busy.set(false);
    }
}

/// Looks at the message at `ofs` of `recv`.
fn step(c: Conn, state: Option<&HttpState>, ofs: &mut usize, at_close: bool) -> Step {
    let buf = c.recv();
    // SAFETY: the slice is used before handlers run, and made anew afterwards.
    let bytes = &unsafe { buf.bytes() }[*ofs..];
    let config = Config::of(c);
    let to = Receiver { server: c.has(flag::ACCEPTED), at_close };
    if let Some(state) = state {
        if let Some(mut partial) = state.partial.take() {
            let ended = partial.end(bytes, to, &config);
            if to.at_close && partial.is_cut(matches!(ended, Ok(None)), state.peer_ended.get()) {
                conn::report(c, b"HTTP response cut short");
            }
            return match ended {
                Ok(Some(end)) => {
                    config::withdraw_invitation(c);
                    deliver(c, ofs, &partial, end)
                }
                Ok(None) => {
                    state.partial.set(Some(partial));
                    Step::Wait
                }
                Err(refusal) if refusal.is_of_length() && c.has(flag::FULL) => {
                    state.partial.set(Some(partial));
                    Step::Wait
                }
                Err(refusal) => fail_body(c, refusal),
            };
        }
        let blank = http::blank_lines(bytes);
        if blank > 0 {
            state.searched.set(0);
            *ofs += blank;
            return Step::Next;
        }
        if state.searched.get() > 0 {
            match http::head_len(bytes, state.searched.get()) {
                Ok(None) if !config.is_head_too_long(bytes.len()) => {
                    state.searched.set(bytes.len());
                    return Step::Wait;
                }
                _ => state.searched.set(0),
            }
        }
    }
    let mut hm = HttpMessageSpace::uninit();
    // SAFETY: hm is valid for writes.
    let parsed = match unsafe { message::parse(bytes, hm.as_mut_ptr()) } {
        Ok(parsed) => parsed,
        Err(_) if !to.server && unfold(c, *ofs) => return Step::Next,
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
    if let Some(state) = state
        && state.searched.replace(bytes.len()) == 0
    {
        state.since.set(millis());
    }
    Step::Wait
}

/// Makes one line of each folded header line of the response at `ofs` (RFC 9112, section 5.2). False when
/// there is nothing to do.
#[cold]
fn unfold(c: Conn, ofs: usize) -> bool {
    // SAFETY: no handler runs meanwhile, and no other slice of the buffer is in use any more.
    let bytes = &mut unsafe { c.recv().bytes_mut() }[ofs..];
    match http::head_len(bytes, 0) {
        Ok(Some(len)) if bytes[..len].windows(2).any(|pair| matches!(pair, b"\n " | b"\n\t")) => {
            http::fields::unfold(&mut bytes[..len]);
            true
        }
        _ => false,
    }
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
    let state = HttpState::of(c);
    let mut partial = Partial::new(head);
    // Everything that needs the bytes is decided before a handler runs.
    let framing = match state {
        Some(state) if partial.answers && state.pending.is_head() => Ok(Framing::Empty),
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
    let count = state.map_or(0, |s| s.requests.get()) + 1;
    partial.closes = to.server && config.closes_after(head, count);
    partial.asks_to_close = head.connection.close;
    let waits = to.server && head.expect_continue && head.version >= (1, 1) && bytes.len() == head.len;

    if let Some(state) = state {
        state.requests.set(count);
        state.connection_line.set(config.connection_line(head, count));
        state.body_rate.prepare(partial.framing, bytes.len() - head.len);
    }

    let (len, base, queued) = (c.recv().len(), c.recv().base(), c.send().len());
    call(c, MG_EV_HTTP_HDRS, hm.cast());
    if c.recv().len() != len {
        // The program takes the stream from here on.
        c.recv().consume(*ofs);
        c.set_protocol(None);
        if let Some(state) = state.filter(|_| to.server) {
            state.body_rate.begin();
        }
        if waits && c.send().len() == queued && !c.has(flag::CLOSING | flag::DRAINING) {
            config.invite_body(c);
        }
        return Step::Stop;
    }
    if c.has(flag::CLOSING) && !to.at_close {
        if let Some(state) = state {
            state.stopped.set(true);
        }
        return Step::Wait;
    }
    let replied = c.send().len() > queued;
    if c.has(flag::DRAINING) && replied && to.server {
        // Refused with a reply of the program's: that was the answer.
        lingering::reject(c, matches!(outcome, Ok(None)));
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
            body::compact(c, *ofs, &partial);
        }
        finish_message(hm, &partial, end);
        return fire_message(c, ofs, &partial, end, hm);
    }
    let Some(state) = state.filter(|_| has_protocol(c, on_event)) else { return Step::Wait };
    state.since.set(millis());
    state.partial.set(Some(partial));
    if is_too_long {
        oversize::note(c);
    } else if waits && !replied {
        config.invite_body(c);
    }
    Step::Wait
}

/// The body of a message whose HDRS was fired before is complete: parses the head again and fires
/// MSG.
fn deliver(c: Conn, ofs: &mut usize, partial: &Partial, end: End) -> Step {
    if end.chunked {
        body::compact(c, *ofs, partial);
    }
    let mut hm = HttpMessageSpace::uninit();
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
        (*HttpMessage::body_at(hm)).len = end.body;
        (*HttpMessage::message_at(hm)).len = partial.head + end.body;
    }
}

fn fire_message(c: Conn, ofs: &mut usize, partial: &Partial, end: End, hm: *mut HttpMessage) -> Step {
    let server = c.has(flag::ACCEPTED);
    if server {
        c.set(flag::RESP);
    }
    if let Some(state) = HttpState::of(c) {
        state.close_wish.set(partial.closes);
        if partial.answers {
            state.pending.answered();
        }
    }
    let before = c.recv().len();
    call(c, MG_EV_HTTP_MSG, hm.cast());
    // What the program removed itself is not removed a second time.
    let removed = before.saturating_sub(c.recv().len());
    *ofs = (*ofs + end.total.saturating_sub(removed)).min(c.recv().len());
    let upgraded = upgraded(c).is_some();
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
    let Some(state) = HttpState::of(c) else { return c"" };
    if c.has(flag::DRAINING) && c.has(flag::ACCEPTED) && Config::of(c).announces_close() {
        return c"Connection: close\r\n";
    }
    state.connection_line.get()
}

/// A response that took longer than its MG_EV_HTTP_MSG is complete: goes on with the next request.
pub fn response_done(c: Conn) {
    if HttpState::of(c).is_some_and(|s| s.close_wish.get()) {
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
fn is_backlogged(c: Conn) -> bool {
    c.send().len() >= BACKLOG && c.has(flag::ACCEPTED) && !state::is_collecting(c)
}

/// True when enough requests wait: for the end of the response in progress, or for replies to leave.
fn is_held_back(c: Conn) -> bool {
    let Some(state) = c.state() else { return false };
    (c.has(flag::RESP) || is_backlogged(c))
        && c.has(flag::ACCEPTED)
        && c.recv().len() >= HELD_BACK.min(state.size_setting(Setting::MG_SET_RECV_LIMIT))
        && (has_protocol(c, on_event) || state.has_source())
}
