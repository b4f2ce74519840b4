//! SNTP client (RFC 4330): one question, one answer, then the connection closes.

use super::event_loop::conn::{self, call};
use super::event_loop::connect::connect;
use super::event_loop::handle::{Conn, Mgr};
use super::event_loop::listen::Handlers;
use super::event_loop::state::ConnState;
use super::event_loop::{clock, deadline, log, mem, sys};
use crate::abi::{Connection, MG_EV_CONNECT, MG_EV_READ, MG_EV_SNTP_TIME, flag};
use crate::codec::sntp::{self, Answer};
use crate::net::event_loop::arg;
use core::cell::Cell;
use core::ffi::{CStr, c_int, c_void};
use core::ptr;

/// Milliseconds for everything, resolving included.
const TIMEOUT: u64 = 3000;

unsafe extern "C" {
    static mut mg_boot_timestamp_ms: u64;
}

/// Requests of one connection that may still be answered.
const REQUESTS: usize = 4;

/// A request.
#[derive(Clone, Copy)]
struct Sent {
    /// The transmit time stamp: random, so that an answer cannot be guessed.
    stamp: [u8; 8],
    /// When it was sent, in `mg_millis` time.
    at: u64,
}

/// The newest requests, newest first.
#[derive(Default)]
pub struct SntpState(Cell<[Option<Sent>; REQUESTS]>);

impl SntpState {
    fn add(&self, sent: Sent) {
        let mut all = self.0.get();
        all.rotate_right(1);
        all[0] = Some(sent);
        self.0.set(all);
    }

    /// The request that a packet answers.
    fn answered_by(&self, packet: &[u8]) -> Option<Sent> {
        let origin = sntp::origin(packet)?;
        self.0.get().into_iter().flatten().find(|sent| sent.stamp == origin)
    }
}

/// Opens a connection to a time server and asks it.
pub fn start<'g>(m: Mgr<'g>, url: &CStr, handlers: Handlers) -> Option<Conn<'g>> {
    let c = connect(m, url, handlers, Some(on_event), ptr::null_mut())?;
    // Not at OPEN: the program's clock may close the connection, which the program does not know until
    // then.
    deadline::close_at(c, clock::millis().saturating_add(TIMEOUT));
    Some(c).filter(|c| !conn::is_closed(*c))
}

/// Sends a request, unless the server's address is not known yet.
pub fn request(c: Conn) {
    let Some(state) = ConnState::of(c) else { return };
    if c.has(flag::RESOLVING) || c.fd() < 0 {
        log::error(format_args!("{} wait until resolved", c.id()));
        return;
    }
    let Some(stamp) = mem::random() else { return };
    let Some(sent) = state.extension::<SntpState>() else { return conn::error(c, b"OOM") };
    sent.add(Sent { stamp, at: clock::millis() });
    let packet = sntp::request(stamp);
    if c.has(flag::UDP) {
        conn::send_datagram(c, &packet);
    } else {
        // SAFETY: readable bytes.
        unsafe { conn::send(c, packet.as_ptr(), packet.len()) };
    }
}

/// The protocol handler of SNTP connections.
unsafe extern "C" fn on_event(c: *mut Connection, ev: c_int, _ev_data: *mut c_void) {
    crate::fence!("SNTP protocol handler", c: arg::conn);
    let Some(guard) = c else { return };
    let c = guard.conn();
    let Some(state) = ConnState::of(c) else { return };
    match ev {
        MG_EV_CONNECT => {
            if c.has(flag::UDP) {
                // The kernel then drops what others send to this socket.
                let _ = sys::connect(c.fd(), &c.rem().to_socket().into());
            }
            request(c);
        }
        MG_EV_READ => take_answer(c, state),
        _ => {}
    }
}

/// A good answer sets the clock. What does not repeat one of our time stamps is not from the server:
/// the connection waits on. Everything else ends it, a "kiss of death" too.
fn take_answer(c: Conn, state: &ConnState) {
    // SAFETY: the slice is used before a handler runs.
    let packet = unsafe { c.recv().bytes() };
    let sent = state.extensions.get::<SntpState>();
    let Some(sent) = sent.and_then(|sent| sent.answered_by(packet)) else {
        c.recv().set_len(0);
        return;
    };
    if let Some(answer) = Answer::parse(packet)
        && answer.leap != 3
        && answer.stratum <= 15
        && answer.sent != 0
    {
        let now = clock::millis();
        let mut time = answer.time(sent.at as i64, now as i64);
        if time > 0 {
            // SAFETY: exported data, a plain number that any thread may read.
            unsafe { mg_boot_timestamp_ms = (time as u64).wrapping_sub(now) };
            call(c, MG_EV_SNTP_TIME, (&raw mut time).cast());
        }
    }
    c.set(flag::CLOSING);
}
