//! SNTP packets.

use super::arg;
use super::conn::pointer;
use super::time::set_boot_timestamp;
use crate::abi::{Connection, EventHandler, Manager};
use crate::codec::sntp::{self, Answer};
use crate::fence;
use crate::net::event_loop::clock;
use crate::net::event_loop::listen::Handlers;
use core::ffi::{c_char, c_void};
use core::ptr;

/// Asks a time server; `url` is `udp://host:port`, NULL for `udp://time.google.com:123`.
///
/// A good answer sets `mg_boot_timestamp_ms` and fires `MG_EV_SNTP_TIME`; then the connection
/// closes, after three seconds at the latest. An answer must come from the server and repeat what
/// was sent (RFC 4330, section 5). `fn` may be NULL; the event's data is an `int64_t *`, milliseconds
/// since 1970.
///
/// # Returns
/// The connection, or NULL for an empty URL or without memory.
///
/// # Threads
/// The polling thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_sntp_connect(
    mgr: *mut Manager,
    url: *const c_char,
    r#fn: EventHandler,
    fn_data: *mut c_void,
) -> *mut Connection {
    fence!("mg_sntp_connect", mgr: arg::mgr, url: arg::c_str);
    let Some(guard) = mgr else { return ptr::null_mut() };
    let url = url.unwrap_or(c"udp://time.google.com:123");
    if url.is_empty() {
        return ptr::null_mut();
    }
    pointer(crate::net::sntp::start(guard.mgr(), url, Handlers { handler: r#fn, data: fn_data }))
}

/// Sends one more request on a connection of `mg_sntp_connect`; does nothing while the server's
/// name is being resolved.
///
/// # Threads
/// The polling thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_sntp_request(c: *mut Connection) {
    fence!("mg_sntp_request", c: arg::conn);
    if let Some(guard) = c {
        crate::net::sntp::request(guard.conn());
    }
}

/// Reads an SNTP answer (RFC 4330), and sets `mg_boot_timestamp_ms` by it.
///
/// The answer is one to a request whose transmit time stamp was `mg_millis()`, as those of
/// `mg_sntp_request` are.
///
/// # Returns
/// Milliseconds since 1970, half of the round trip included. -1, and the clock stays as it is, for
/// a packet that is too short, not of a server, of stratum 0 (a "kiss of death"), or of a version
/// other than 3 and 4.
///
/// # Threads
/// Any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_sntp_parse(buf: *const u8, len: usize) -> i64 {
    fence!("mg_sntp_parse", buf[len]: arg::data);
    let Some(answer) = Answer::parse(buf) else { return -1 };
    let now = clock::millis();
    let time = answer.time(sntp::milliseconds(answer.origin), now as i64);
    if time != -1 {
        set_boot_timestamp((time as u64).wrapping_sub(now));
    }
    time
}
