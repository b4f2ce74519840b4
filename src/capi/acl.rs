//! Access lists.

use super::arg;
use crate::abi::{Addr, Str};
use crate::codec::acl::{self, Error};
use crate::fence;
use crate::net::event_loop::addr::zone;
use core::ffi::c_int;

/// Checks an address against an access list.
///
/// `acl` is a list of networks with commas between them, each with `+` (allow) or `-` (deny) before
/// it: `-0.0.0.0/0,+10.0.0.0/8,+192.168.1.7,+fd00::/8`. The last one that matches decides. A network
/// has to be written with its host bits zero: `+1.2.3.4/24` matches nobody. IPv4 networks match IPv4
/// addresses, IPv6 networks (without brackets) IPv6 ones. An IPv4-mapped address, which a listener
/// for both families sees, counts as the IPv4 address. A network with a zone (`fe80::%eth0/64`)
/// matches in that zone only. Blanks may surround a network.
///
/// # Returns
/// 1: allowed; also for an empty list. 0: denied; also if nothing matches. -1: an entry starts
/// with neither `+` nor `-`, or `remote_ip` is NULL. -2: a network is malformed, or its zone is not
/// that of an interface.
///
/// # Threads
/// Any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_check_ip_acl(acl: Str, remote_ip: *mut Addr) -> c_int {
    fence!("mg_check_ip_acl", acl: arg::bytes, remote_ip: arg::shared);
    let Some(remote) = remote_ip else { return -1 };
    match acl::allows(acl, remote.parsed(), zone) {
        Ok(allowed) => c_int::from(allowed),
        Err(Error::Entry) => -1,
        Err(Error::Network) => -2,
    }
}
