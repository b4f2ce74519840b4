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
mod deliver;
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

use self::body::Receiver;
use self::config::Config;
use self::lingering::{Step, drain, fail};
use self::state::HttpState;
use super::event_loop::clock::millis;
use super::event_loop::conn::{self, has_protocol};
use super::event_loop::engine::{Engine, Event};
use super::event_loop::guard::ConnGuard;
use super::event_loop::handle::{Conn, Mgr};
use super::event_loop::listen::{Handlers, listen};
use crate::abi::{Connection, HttpMessageSpace, MG_EV_READ, Setting, flag};
use crate::codec::http::{self, Fault, Head};
use core::ffi::{CStr, c_int, c_void};
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
    let state = c.state()?;
    state.set_engine(Some(&engine::Http));
    // Made here, since its requests are read while they are sent, when no code of the program may run.
    // Without memory the first response fails.
    state.extension::<HttpState>();
    Some(c)
}

/// The protocol handler of HTTP connections.
///
/// # Safety
/// `c` is a live connection; `ev_data` belongs to `ev`, or is NULL when a program calls by hand.
pub unsafe extern "C" fn on_event(c: *mut Connection, ev: c_int, ev_data: *mut c_void) {
    crate::fence!("http protocol handler");
    // SAFETY: who calls a protocol handler passes a connection that is not released yet, and the event's data.
    let (Some(event), Some(guard)) = (unsafe { (Event::of(ev, ev_data), ConnGuard::new(c)) }) else { return };
    let c = guard.conn();
    if matches!(event, Event::Read(_)) && c.state().is_some_and(|state| state.engine().is_none()) {
        speak(c); // The program made it the protocol by hand.
    }
    handle(c, event);
}

/// What the protocol handler does.
fn handle(c: Conn, event: Event) {
    match event {
        Event::Read(added) => {
            let http = HttpState::attach(c);
            if http.is_none() && c.state().is_some() {
                return conn::error(c, b"OOM");
            }
            notice_consumption(c, http, added);
            resume(c, http);
            // A client may send bytes of another protocol right after the request that upgrades.
            if let Some(engine) = upgraded(c) {
                engine.on_event(c, Event::Read(None));
            }
        }
        Event::Poll => {
            if has_waiting_input(c) {
                let http = HttpState::of(c);
                notice_consumption(c, http, Some(0));
                resume(c, http);
            }
        }
        // There may be room for the replies to requests that wait.
        Event::Write(_) => {
            if let Some(http) = HttpState::of(c).filter(|http| http.backlogged.get()) {
                notice_consumption(c, Some(http), Some(0));
                resume(c, Some(http));
            }
        }
        // What a server has not read by now is dropped.
        Event::Close => {
            if !c.has(flag::ACCEPTED) {
                let http = HttpState::of(c);
                notice_consumption(c, http, None);
                run(c, http, true);
            }
        }
    }
}

/// True when a server's input, or a connection that closes after a response, may have waited for the
/// end of that response. False when there is nothing to look at, and was nothing before.
fn has_waiting_input(c: Conn) -> bool {
    let flags = c.flags();
    flags & flag::ACCEPTED != 0
        && flags & (flag::DRAINING | flag::RESP) == 0
        && (c.recv().len() > 0
            || HttpState::of(c).is_some_and(|http| http.seen.get() > 0 || http.close_wish.get()))
}

/// The engine that has taken the connection over from this one.
fn upgraded(c: Conn) -> Option<&'static dyn Engine> {
    if has_protocol(c, on_event) { None } else { conn::running_engine(c) }
}

/// Forgets a half-received message when the program removed bytes of it.
fn notice_consumption(c: Conn, http: Option<&HttpState>, added: Option<usize>) {
    let Some(http) = http else { return };
    let len = c.recv().len();
    let seen = http.seen.get();
    if len < seen || added.is_some_and(|n| len != seen + n) {
        http.forget();
    }
}

/// Closes after a response that ends the connection, or else delivers what there is.
fn resume(c: Conn, http: Option<&HttpState>) {
    if !c.has(flag::RESP) && http.is_some_and(|http| http.close_wish.get()) {
        drain(c);
    } else {
        run(c, http, false);
    }
}

/// Delivers the messages that `recv` holds.
fn run(c: Conn, http: Option<&HttpState>, at_close: bool) {
    if let Some(http) = http {
        let ends = http.stopped.get() && c.has(flag::CLOSING | flag::DRAINING);
        http.stopped.set(ends);
        if ends && c.has(flag::DRAINING) {
            // What follows the last message is no request, whatever it says.
            c.recv().set_len(0);
        }
        if ends || http.busy.replace(true) {
            return;
        }
        http.backlogged.set(false);
    }
    let mut ofs = 0;
    loop {
        // What holds requests back does not count at the end.
        let flags = c.flags();
        if flags & flag::RESP != 0 || (flags & flag::CLOSING != 0 && !at_close) || c.recv().len() <= ofs {
            break;
        }
        if let Some(http) = http
            && is_backlogged(c, http)
        {
            http.backlogged.set(true);
            break;
        }
        match step(c, http, &mut ofs, at_close) {
            Step::Next => {}
            Step::Wait => break,
            Step::Stop => {
                ofs = 0;
                break;
            }
        }
    }
    c.recv().consume(ofs);
    if let Some(http) = http {
        http.seen.set(c.recv().len());
        http.busy.set(false);
    }
}

/// Looks at the message at `ofs` of `recv`.
fn step(c: Conn, http: Option<&HttpState>, ofs: &mut usize, at_close: bool) -> Step {
    // SAFETY: the slice is used before handlers run, and made anew afterwards.
    let bytes = &unsafe { c.recv().bytes() }[*ofs..];
    let config = Config::of(c);
    let to = Receiver { server: c.has(flag::ACCEPTED), at_close };
    if let Some(http) = http {
        if http.is_collecting() {
            let ended = http.look_for_end(bytes, to, &config);
            return deliver::go_on(c, http, ofs, ended, to);
        }
        let blank = http::blank_lines(bytes);
        if blank > 0 {
            if config.strict(to.server).is_some_and(|strict| !strict.allow.bare_lf)
                && http::strict::has_bare_lf(&bytes[..blank])
            {
                return fail(c, Fault::BareLf.reason(), Fault::BareLf.status());
            }
            http.searched.set(0);
            *ofs += blank;
            return Step::Next;
        }
        if http.searched.get() > 0 {
            match http::head_len(bytes, http.searched.get()) {
                Ok(None) if !config.is_head_too_long(bytes.len()) => {
                    http.searched.set(bytes.len());
                    return Step::Wait;
                }
                _ => http.searched.set(0),
            }
        }
    }
    let mut hm = HttpMessageSpace::uninit();
    let mut head = Head::default();
    // SAFETY: hm is valid for writes.
    let complete =
        match unsafe { message::parse_as(bytes, hm.as_mut_ptr(), &mut head, config.strict(to.server)) } {
            Ok(complete) => complete,
            Err(_) if !to.server && unfold(c, *ofs) => return Step::Next,
            Err(e) => return fail(c, e.fault.reason(), e.fault.status()),
        };
    if config.is_head_too_long(if complete { head.len } else { bytes.len() }) {
        // When its first line alone is too long, it is the target that is.
        let code = if config.is_line_too_long(bytes) { 414 } else { 431 };
        return fail(c, "HTTP head too large", code);
    }
    if complete {
        return match deliver::decide(&head, bytes, to, &config, http) {
            Ok(plan) => deliver::start_message(c, http, ofs, hm.as_mut_ptr(), &plan, to),
            Err(e) => fail(c, e.fault.reason(), e.fault.status()),
        };
    }
    if let Some(http) = http
        && http.searched.replace(bytes.len()) == 0
    {
        http.since.set(millis());
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

/// The `Connection` line, with its line end, that a reply on this connection has to have; mostly none.
pub fn connection_line(c: Conn) -> &'static CStr {
    let Some(state) = HttpState::of(c) else { return c"" };
    if c.has(flag::DRAINING) && c.has(flag::ACCEPTED) && config::is_on(c, Setting::MG_SET_HTTP_CLOSE_HEADER) {
        return c"Connection: close\r\n";
    }
    state.connection_line.get()
}

/// A response that took longer than its MG_EV_HTTP_MSG is complete: continues with the next request.
pub fn response_done(c: Conn) {
    if HttpState::of(c).is_some_and(|s| s.close_wish.get()) {
        drain(c);
    } else if c.recv().len() > 0 {
        conn::fire_count(c, MG_EV_READ, 0);
    }
}

/// Bytes of requests at which a server stops reading while they wait. Taking each request out of `recv`
/// moves what follows it, so there must be a bound.
const HELD_BACK: usize = 16 * 1024;

/// Bytes of replies in `send` from which on further requests wait. A client that sends requests and
/// reads no replies would take any amount of memory.
const BACKLOG: usize = 256 * 1024;

/// True when a server's next request has to wait until replies have left. One whose head has been
/// delivered continues.
#[inline]
fn is_backlogged(c: Conn, http: &HttpState) -> bool {
    c.send().len() >= BACKLOG && c.has(flag::ACCEPTED) && !http.is_collecting()
}

/// True when enough requests wait: for the end of the response in progress, or for replies to leave.
fn is_held_back(c: Conn) -> bool {
    let flags = c.flags();
    if flags & flag::ACCEPTED == 0 || (flags & flag::RESP == 0 && c.send().len() < BACKLOG) {
        return false;
    }
    let Some(state) = c.state() else { return false };
    c.recv().len() >= HELD_BACK.min(state.size_setting(Setting::MG_SET_RECV_LIMIT))
        && (flags & flag::RESP != 0 || HttpState::of(c).is_none_or(|http| is_backlogged(c, http)))
        && (has_protocol(c, on_event) || state.has_source())
}
