//! The `Date` line of replies (RFC 9110, section 6.6.1).

use super::config;
use crate::abi::Setting;
use crate::codec::date::HttpDate;
use crate::net::event_loop::handle::Conn;
use crate::net::event_loop::sys::seconds;
use core::cell::Cell;

/// Bytes of a `Date` line with its line end.
const LEN: usize = 37;

thread_local! {
    /// The newest line, and the second that it is about.
    static NEWEST: Cell<(i64, [u8; LEN])> = const { Cell::new((i64::MIN, [0; LEN])) };
}

/// Seconds since the start of 1970, by the clock of the machine.
pub fn now() -> i64 {
    // SAFETY: NULL asks for nothing but the result.
    seconds(unsafe { libc::time(core::ptr::null_mut()) })
}

/// The line for a reply that is made now.
pub fn line() -> [u8; LEN] {
    let now = now();
    let (second, line) = NEWEST.get();
    if second == now {
        return line;
    }
    let text = format!("Date: {}\r\n", HttpDate(now));
    let line = text.as_bytes().try_into().unwrap_or([b'\n'; LEN]);
    NEWEST.set((now, line));
    line
}

/// The line that a reply on this connection has to have, if any.
#[inline]
pub fn line_for(c: Conn) -> Option<[u8; LEN]> {
    config::is_on(c, Setting::MG_SET_HTTP_DATE).then(line)
}
