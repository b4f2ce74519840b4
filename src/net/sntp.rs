//! SNTP client (RFC 4330): one question, one answer, then the connection closes.

use super::conn::{self, call};
use super::connect::connect;
use super::handle::{Conn, Mgr};
use super::listen::Handlers;
use super::state::ConnState;
use super::{log, mem, poll, sys};
use crate::abi::{Connection, MG_EV_CONNECT, MG_EV_OPEN, MG_EV_READ, MG_EV_SNTP_TIME, flag};
use crate::codec::sntp::{self, Answer};
use core::cell::Cell;
use core::ffi::{CStr, c_int, c_void};
use core::ptr;

/// Milliseconds for everything, resolving included.
const TIMEOUT: u64 = 3000;

unsafe extern "C" {
    static mut mg_boot_timestamp_ms: u64;
}

/// What is remembered of the request.
#[derive(Default)]
pub struct SntpState {
    /// The transmit time stamp that was sent: random, so that nobody can guess an answer.
    sent: Cell<[u8; 8]>,
    /// When it was sent, in `mg_millis` time.
    at: Cell<u64>,
}

/// Opens a connection to a time server and asks it.
pub fn start(m: Mgr, url: &CStr, handlers: Handlers) -> Option<Conn> {
    connect(m, url, handlers, Some(on_event), ptr::null_mut())
}

/// Sends a request, unless the server's address is not known yet.
pub fn request(c: Conn) {
    let Some(state) = ConnState::of(c) else { return };
    if c.has(flag::RESOLVING) {
        log::error(format_args!("{} wait until resolved", c.id()));
        return;
    }
    let Some(stamp) = mem::random() else { return };
    state.sntp.sent.set(stamp);
    state.sntp.at.set(poll::millis());
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
    crate::fence!("SNTP protocol handler");
    // SAFETY: called with a live connection.
    let Some(c) = (unsafe { Conn::new(c) }) else { return };
    let Some(state) = ConnState::of(c) else { return };
    match ev {
        MG_EV_OPEN => state.expires.set(poll::millis().saturating_add(TIMEOUT)),
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

/// A good answer sets the clock. One that does not repeat what was sent is not for us: the
/// connection waits on; every other one ends it.
fn take_answer(c: Conn, state: &ConnState) {
    // SAFETY: the slice is used before a handler runs.
    let answer = Answer::parse(unsafe { c.recv().bytes() });
    if let Some(answer) = answer {
        if answer.origin != state.sntp.sent.get() {
            c.recv().set_len(0);
            return;
        }
        if answer.leap != 3 && answer.stratum <= 15 && answer.sent != 0 {
            let now = poll::millis();
            let mut time = answer.time(state.sntp.at.get() as i64, now as i64);
            if time > 0 {
                // SAFETY: exported data, a plain number that any thread may read.
                unsafe { mg_boot_timestamp_ms = (time as u64).wrapping_sub(now) };
                call(c, MG_EV_SNTP_TIME, (&raw mut time).cast());
            }
        }
    }
    c.set(flag::CLOSING);
}
