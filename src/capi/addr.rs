//! Text to IP address.

use super::slice;
use crate::abi::{Addr, Str};
use crate::codec::addr;
use crate::fence;

/// Parses an IP address.
///
/// Accepts IPv4 (`127.0.0.1`, leading zeros are decimal), IPv6 (RFC 4291) with or without brackets
/// and with a numeric zone up to 255 (`[fe80::1%3]`), `::ffff:1.2.3.4`, `localhost` in any case
/// (127.0.0.1), and the empty text (0.0.0.0). No port, prefix length, blanks or interface names.
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
    fence!("mg_aton");
    // SAFETY: the caller passes a valid view.
    let parsed = addr::parse(unsafe { slice::bytes(str) });
    // SAFETY: the caller passes an address or NULL.
    let (Some(parsed), Some(to)) = (parsed, unsafe { addr.as_mut() }) else { return false };
    *to = Addr { port: to.port, ..Addr::from_parsed(parsed) };
    true
}
