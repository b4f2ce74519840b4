//! Access lists.

use super::slice;
use crate::abi::{Addr, Str};
use crate::codec::acl::{self, Error};
use crate::fence;
use core::ffi::c_int;

/// Checks an IPv4 address against an access list.
///
/// `acl` is a list of networks with commas between them, each with `+` (allow) or `-` (deny) before
/// it: `-0.0.0.0/0,+10.0.0.0/8,+192.168.1.7`. The last one that matches decides. A network has to
/// be written with its host bits zero: `+1.2.3.4/24` matches nobody. Blanks may surround a network.
///
/// # Returns
/// 1: allowed; also for an empty list. 0: denied; also if nothing matches. -1: an entry starts
/// with neither `+` nor `-`, or `remote_ip` is NULL or an IPv6 address. -2: a network is malformed.
///
/// # Threads
/// Any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_check_ip_acl(acl: Str, remote_ip: *mut Addr) -> c_int {
    fence!("mg_check_ip_acl");
    // SAFETY: the caller passes an address or NULL.
    let Some(remote) = (unsafe { remote_ip.as_ref() }).filter(|a| !a.is_ip6) else { return -1 };
    // SAFETY: the caller passes a valid view; any bytes are an IPv4 address.
    let (list, address) = unsafe { (slice::bytes(acl), remote.addr.ip4) };
    match acl::allows(list, address.to_ne_bytes()) {
        Ok(allowed) => c_int::from(allowed),
        Err(Error::Entry) => -1,
        Err(Error::Network) => -2,
    }
}
