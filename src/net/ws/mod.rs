//! The WebSocket engine: the protocol handler that turns bytes in `c->recv` into events.
//!
//! * this file: the handshake, and what happens at which event;
//! * `receive`: frames to events;
//! * `send`: messages to frames;
//! * `clock`: what is due when: pings, ends of closing handshakes.

use super::event_loop::clock::millis;
use super::event_loop::conn::{self, call, has_protocol};
use super::event_loop::deadline;
use super::event_loop::engine::{Engine, Event, Handler};
use super::event_loop::guard::ConnGuard;
use super::event_loop::handle::Conn;
use crate::abi::{Connection, HttpMessage, HttpMessageSpace, MG_EV_WS_OPEN, flag};
use crate::codec::http::fields::{entries, has_token};
use crate::codec::http::{self, head_len};
use crate::codec::ws::deflate::Deflate;
use crate::codec::ws::extension::{self, Agreement, Wish};
use crate::codec::ws::handshake;
use config::Config;
use core::ffi::{c_int, c_void};
use core::ptr;
pub use state::Offer;
use state::{Awaited, WsState};

mod clock;
mod config;
mod early;
mod receive;
mod send;
mod state;

pub use send::{broadcast, close, send, send_frame, wrap};

/// The engine of WebSocket connections.
struct Ws;

impl Engine for Ws {
    fn handler(&self) -> Handler {
        on_event
    }

    fn on_event(&self, c: Conn, event: Event) {
        let Some(state) = WsState::attach(c) else { return };
        match event {
            Event::Read(added) => {
                heard(c, state, added.unwrap_or(0));
                read(c, state);
            }
            Event::Write(_) if c.send().len() == 0 => send::drained(c, state),
            Event::Close => c.set_protocol_data(ptr::null_mut()),
            _ => {}
        }
    }

    fn deadline(&self, c: Conn, now: u64) -> Option<u64> {
        clock::next(c, now)
    }

    fn on_deadline(&self, c: Conn, now: u64) {
        if let Some(state) = WsState::of(c).filter(|_| has_protocol(c, on_event)) {
            state.unread.set(false);
            read(c, state);
            clock::on_time(c, state, now);
        }
    }
}

/// The compression that a connection's settings ask for.
pub fn wish(c: Conn) -> Option<Wish> {
    c.state()?;
    Config::of(c).deflate()
}

/// Starts the client side: the response to a request with `key` and this offer is expected next.
pub fn start_client(c: Conn, key: &[u8], offer: Offer) {
    if let Some(state) = WsState::attach(c) {
        let awaited = Awaited { accept: handshake::accept(key), offer, searched: 0 };
        state.awaited.set(Some(Box::new(awaited)));
    }
    take_over(c);
}

/// Makes this engine the protocol handler.
pub fn take_over(c: Conn) {
    conn::set_engine(c, &Ws);
}

/// The server's side of the handshake is done: tells the program.
pub fn open(c: Conn, hm: *mut HttpMessage, agreed: Option<Agreement>) {
    begin(c, agreed);
    c.clear(flag::RESP);
    call(c, MG_EV_WS_OPEN, hm.cast());
}

/// From here on there are frames.
fn begin(c: Conn, agreed: Option<Agreement>) {
    c.set(flag::WEBSOCKET);
    if let Some(state) = WsState::attach(c) {
        *state.deflate.borrow_mut() = agreed.map(|agreed| Box::new(Deflate::new(agreed)));
        state.clock.start();
        state.clock.begun.set(0);
        // Frames may have come with the request, and nothing else may announce them.
        state.unread.set(true);
        deadline::rearm(c);
    }
}

/// The protocol handler of WebSocket connections.
///
/// # Safety
/// `c` is a live connection; `ev_data` belongs to `ev`, or is NULL.
pub unsafe extern "C" fn on_event(c: *mut Connection, ev: c_int, ev_data: *mut c_void) {
    crate::fence!("WebSocket protocol handler");
    // SAFETY: who calls a protocol handler passes a connection that is not released yet, and the event's data.
    if let (Some(event), Some(guard)) = unsafe { (Event::of(ev, ev_data), ConnGuard::new(c)) } {
        Ws.on_event(guard.conn(), event);
    }
}

/// Bytes have come. Notices when the program has removed earlier ones, an unfinished message too.
fn heard(c: Conn, state: &WsState, added: usize) {
    if Config::of(c).ping().is_some() && state.clock.heard(millis()) {
        deadline::rearm(c);
    }
    if added > 0 && c.recv().len().saturating_sub(added) < state.seen.get() {
        c.set_protocol_data(ptr::null_mut());
    }
}

/// Looks at what is in `recv`.
fn read(c: Conn, state: &WsState) {
    if c.has(flag::CLOSING) {
        return;
    }
    if c.has(flag::CLIENT) && !c.has(flag::WEBSOCKET) && !state.ended.get() {
        finish_handshake(c, state);
    }
    if c.has(flag::WEBSOCKET) && has_protocol(c, on_event) {
        receive::take_frames(c, state);
    }
    let left = c.recv().len();
    state.seen.set(left);
    if c.has(flag::WEBSOCKET) && (left == 0) != (state.clock.begun.get() == 0) {
        state.clock.begun.set(if left == 0 { 0 } else { millis() });
    }
}

/// The client's side of the handshake: looks at the response, and passes over interim ones (RFC 9110,
/// section 15.2).
fn finish_handshake(c: Conn, state: &WsState) {
    let mut awaited = state.awaited.take();
    loop {
        // SAFETY: the slice is used before a handler runs.
        let bytes = unsafe { c.recv().bytes_mut() };
        let blank = http::blank_lines(bytes);
        if blank > 0 {
            c.recv().consume(blank);
            continue;
        }
        let searched = awaited.as_ref().map_or(0, |a| a.searched.min(bytes.len()));
        let len = match head_len(bytes, searched) {
            Ok(Some(len)) => len,
            Ok(None) if bytes.len() > http::MAX_HEAD_BYTES => return refuse(c, b"ws handshake error"),
            Ok(None) => {
                if let Some(awaited) = &mut awaited {
                    awaited.searched = bytes.len();
                }
                state.awaited.set(awaited);
                return;
            }
            Err(_) => return refuse(c, b"not http"),
        };
        http::fields::unfold(&mut bytes[..len]);
        let mut hm = HttpMessageSpace::uninit();
        let mut head = http::Head::default();
        // SAFETY: hm is valid for writes.
        let complete = unsafe { super::http::message::parse(bytes, hm.as_mut_ptr(), &mut head) };
        let accepted = match complete {
            Ok(true) if matches!(head.status, 100 | 102..=199) => {
                if let Some(awaited) = &mut awaited {
                    awaited.searched = 0;
                }
                c.recv().consume(len);
                continue;
            }
            Ok(true) if head.method.starts_with(b"HTTP/1.") && head.uri == b"101" => {
                check_response(&bytes[..len], awaited.as_deref())
            }
            _ => None,
        };
        let Some(agreed) = accepted else { return refuse(c, b"ws handshake error") };
        begin(c, agreed);
        let done = receive::with_front(c, len, || call(c, MG_EV_WS_OPEN, hm.as_mut_ptr().cast()));
        c.recv().consume(done);
        return;
    }
}

/// Checks the headers of a response that says 101 (RFC 6455, section 4.1); `None` when they are wrong.
/// What is missing passes.
fn check_response(head: &[u8], awaited: Option<&Awaited>) -> Option<Option<Agreement>> {
    let Some(Awaited { accept, offer, .. }) = awaited else { return Some(None) };
    let values = |name: &'static [u8]| {
        http::fields::fields(head).filter(move |h| h.name.eq_ignore_ascii_case(name)).map(|h| h.value)
    };
    let says = |name, token| values(name).next().is_none() || has_token(values(name), token);
    // A header that is present must be present only once.
    let is_once = |name| values(name).nth(1).is_none();
    let right = says(b"Upgrade", b"websocket")
        && says(b"Connection", b"upgrade")
        && values(b"Sec-WebSocket-Accept").all(|value| value == accept)
        && is_once(b"Sec-WebSocket-Accept")
        && values(b"Sec-WebSocket-Protocol").all(|value| offer.protocols.iter().any(|p| **p == *value))
        && is_once(b"Sec-WebSocket-Protocol");
    let extensions = || values(b"Sec-WebSocket-Extensions");
    match offer.deflate {
        _ if !right => None,
        Some(wish) => extension::confirm(extensions(), wish).ok(),
        // What the program has offered in a header of its own is its business.
        None if offer.own_extensions => Some(None),
        None => entries(extensions()).next().is_none().then_some(None),
    }
}

fn refuse(c: Conn, text: &[u8]) {
    c.recv().set_len(0);
    conn::error(c, text);
}
