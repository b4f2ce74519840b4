//! SNTP packets.

use super::slice;
use super::time::{mg_millis, set_boot_timestamp};
use crate::codec::sntp::{self, Answer};
use crate::fence;

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
    fence!("mg_sntp_parse");
    // SAFETY: the caller passes len bytes at buf.
    let Some(answer) = Answer::parse(unsafe { slice::raw(buf, len) }) else { return -1 };
    // SAFETY: no arguments.
    let now = unsafe { mg_millis() };
    let time = answer.time(sntp::milliseconds(answer.origin), now as i64);
    if time != -1 {
        set_boot_timestamp((time as u64).wrapping_sub(now));
    }
    time
}
