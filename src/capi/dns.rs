//! DNS packets.

use super::arg;
use super::conn::pointer;
use crate::abi::{Addr, Connection, Dns, DnsMessage, DnsRecord, EventHandler, Manager};
use crate::codec::dns::{self, Message, Name};
use crate::fence;
use crate::net::event_loop::connect;
use crate::net::event_loop::listen::Handlers;
use crate::net::{mdns, resolver};
use core::ffi::{c_char, c_uint, c_void};

/// Longest packet that is read: that of DNS over UDP without extensions.
const PACKET_MAX: usize = 512;

/// A packet, unless it is too long for one.
fn packet(bytes: &[u8]) -> Option<&[u8]> {
    Some(bytes).filter(|packet| packet.len() <= PACKET_MAX)
}

/// Reads the question or resource record at `ofs` of a DNS packet (RFC 1035).
///
/// `*rr` gets the numbers in host byte order, or zeros on error; for questions `alen` is 0. The
/// data of a record are the `rr->alen` bytes before the end of what was read.
///
/// # Returns
/// The bytes of the record; 0 if `len` is less than 12 or more than 512, or on a malformed record.
///
/// # Threads
/// Any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_dns_parse_rr(
    buf: *const u8,
    len: usize,
    ofs: usize,
    is_question: bool,
    rr: *mut DnsRecord,
) -> usize {
    fence!("mg_dns_parse_rr", buf[len]: arg::data, rr: arg::out);
    let packet = packet(buf).filter(|packet| packet.len() >= dns::HEADER_LEN);
    let record = packet.and_then(|packet| dns::Record::parse(packet, ofs, is_question, &mut Name::default()));
    const NONE: DnsRecord = DnsRecord { nlen: 0, atype: 0, aclass: 0, alen: 0 };
    rr.set(record.as_ref().map_or(NONE, |record| DnsRecord {
        // A packet has 512 bytes at most.
        nlen: record.name_len as u16,
        atype: record.kind,
        aclass: record.class,
        alen: record.data.len() as u16,
    }));
    record.map_or(0, |record| record.end - ofs)
}

/// Reads a DNS packet (RFC 1035): the name in it and, of an answer, the first address.
///
/// `*dm` is filled: `txnid` and `name` always, `addr` if `resolved`. Up to ten answers are looked
/// at. A query and an answer without an address are fine, with `resolved` false; the response code
/// is not looked at.
///
/// # Returns
/// false if the packet is malformed, shorter than 12 or longer than 512 bytes, or has more than
/// one question.
///
/// # Threads
/// Any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_dns_parse(buf: *const u8, len: usize, dm: *mut DnsMessage) -> bool {
    fence!("mg_dns_parse", buf[len]: arg::data);
    let mut message = Message::default();
    let valid = packet(buf).is_some_and(|packet| message.parse(packet));
    if !dm.is_null() {
        // SAFETY: the caller passes memory for a message; all zeros is a value.
        unsafe { dm.write_bytes(0, 1) };
    }
    // SAFETY: the caller passes NULL or memory for a message, which the lines above have initialised.
    if let Some(dm) = unsafe { dm.as_mut() } {
        dm.txnid = message.id;
        dm.resolved = message.address.is_some();
        dm.addr = message.address.map_or(Addr::ZERO, Addr::from_parsed);
        // The array is longer than any name, so there is a NUL at the end.
        for (to, byte) in dm.name.iter_mut().zip(message.name.iter()) {
            *to = *byte as c_char;
        }
    }
    valid
}

/// Makes sure that the connection to a DNS server exists: opens `dns->url` if `dns->c` is NULL.
///
/// # Returns
/// false when the connection cannot be made.
///
/// # Threads
/// The polling thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_dnsc_init(mgr: *mut Manager, dnsc: *mut Dns) -> bool {
    fence!("mg_dnsc_init", mgr: arg::mgr);
    let Some(guard) = mgr.filter(|_| !dnsc.is_null()) else { return false };
    // SAFETY: the caller passes one of the manager's DNS servers.
    unsafe { resolver::open(guard.mgr(), dnsc) }.is_some()
}

/// Looks up the host of a URL for a connection, as `mg_connect` does: `MG_EV_RESOLVE` with the
/// address in `c->rem`, then it connects. A connection that has a socket already, such as a
/// listener, only learns the address, or the error.
///
/// Addresses, `localhost` and an empty host need no lookup: `MG_EV_RESOLVE` fires before this
/// returns; so it does for names in `localhost` (RFC 6761). Names in `.local` are asked for by
/// multicast DNS, all others at `mgr->dns4` (type A), and if that has none, at `mgr->dns6` (type
/// AAAA); with `mgr->use_dns6` only there. A program that sets only one of the two has no other server
/// asked. While both URLs are the defaults, `/etc/hosts` and `/etc/resolv.conf` (`nameserver`,
/// `search`, `domain`, `options ndots rotate`) count instead.
///
/// Of several addresses the next one is tried when connecting fails or has taken 250 milliseconds;
/// the first to succeed counts (RFC 8305). When all of type A fail, those of type AAAA are asked for.
///
/// # Errors
/// `MG_EV_ERROR` with one of: "DNS timeout" (`mgr->dnstimeout` milliseconds), "NAME DNS lookup
/// failed", "resolver" (the URL of the server has no address), "DNS error" (the connection to the
/// server closed); "mDNS timeout" (500 milliseconds), "mDNS send", "mDNS listener error", "no mDNS
/// listener, see mg_mdns_listen()".
///
/// # Threads
/// The polling thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_resolve(c: *mut Connection, url: *const c_char) {
    fence!("mg_resolve", c: arg::conn, url: arg::text);
    if let Some(guard) = c {
        connect::resolve(guard.conn(), url);
    }
}

/// Forgets the lookups of a connection; no event fires.
///
/// # Threads
/// The polling thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_resolve_cancel(c: *mut Connection) {
    fence!("mg_resolve_cancel", c: arg::conn);
    if let Some(guard) = c {
        resolver::cancel(guard.conn());
    }
}

/// Listens for multicast DNS on 224.0.0.251:5353, and answers for the host name `fn_data` (a C
/// string without `.local`, which outlives the listener; NULL for none).
///
/// `fn` may be NULL; it gets `MG_EV_MDNS_REQ`, where it may fill in the answer, and
/// `MG_EV_MDNS_RESP` for each address in a response. Without it, queries for the host's address are
/// answered with the address of the interface they came in on. Names that end in `.local` are looked
/// up through the newest listener, `mgr->mdns`. RFC 6762, RFC 6763.
///
/// # Returns
/// The listener, or NULL: then the log says why.
///
/// # Threads
/// The polling thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_mdns_listen(
    mgr: *mut Manager,
    r#fn: EventHandler,
    fn_data: *mut c_void,
) -> *mut Connection {
    fence!("mg_mdns_listen", mgr: arg::mgr);
    let Some(guard) = mgr else { return core::ptr::null_mut() };
    pointer(mdns::start(guard.mgr(), Handlers { handler: r#fn, data: fn_data }))
}

/// Sends a query for `name` (with `.local`) of type `rtype` (`MG_DNS_RTYPE_*`) to the multicast
/// group; `c` is the connection of `mg_mdns_listen`.
///
/// # Returns
/// Whether it was sent.
///
/// # Threads
/// The polling thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_mdns_query(c: *mut Connection, name: *const c_char, rtype: c_uint) -> bool {
    fence!("mg_mdns_query", c: arg::conn, name: arg::text);
    c.zip(u16::try_from(rtype).ok()).is_some_and(|(guard, kind)| mdns::query(guard.conn(), name, kind))
}
