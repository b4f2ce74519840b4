//! Text to IP address.

use super::arg;
use crate::abi::{Addr, Str};
use crate::fence;

/// Parses an IP address.
///
/// Accepts IPv4 (`127.0.0.1`, leading zeros are decimal), IPv6 (RFC 4291) with or without brackets
/// and with a zone (RFC 4007): a number up to 255 or the name of an interface with such an index
/// (`[fe80::1%3]`, `fe80::1%eth0`); the last 32 bits may be dotted (`64:ff9b::1.2.3.4`). Also
/// `localhost` in any case (127.0.0.1), and the empty text (0.0.0.0). No port, prefix length or
/// blanks.
///
/// On success `addr`, `is_ip6` and `scope_id` are set. `port` stays.
///
/// # Returns
/// true on success. false otherwise; then `*addr` is unchanged.
///
/// # Threads
/// Any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_aton(str: Str, addr: *mut Addr) -> bool {
    fence!("mg_aton", str: arg::bytes, addr: arg::exclusive);
    let (Some(parsed), Some(to)) = (Addr::from_text(str), addr) else { return false };
    *to = Addr { port: to.port, ..parsed };
    true
}
