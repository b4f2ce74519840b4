//! DNS packets.

use super::slice;
use crate::abi::{Addr, DnsMessage, DnsRecord};
use crate::codec::dns::{self, Message, Name};
use crate::fence;
use core::ffi::c_char;

/// Longest packet that is read: that of DNS over UDP without extensions.
const PACKET_MAX: usize = 512;

/// A packet that is not too long.
///
/// # Safety
/// As for [`slice::raw`].
unsafe fn packet<'a>(buf: *const u8, len: usize) -> Option<&'a [u8]> {
    // SAFETY: as for the caller.
    Some(unsafe { slice::raw(buf, len) }).filter(|packet| packet.len() <= PACKET_MAX)
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
    fence!("mg_dns_parse_rr");
    // SAFETY: the caller passes len bytes at buf.
    let packet = unsafe { packet(buf, len) }.filter(|packet| packet.len() >= dns::HEADER_LEN);
    let record = packet.and_then(|packet| dns::Record::parse(packet, ofs, is_question, &mut Name::default()));
    // SAFETY: the caller passes a record or NULL.
    if let Some(rr) = unsafe { rr.as_mut() } {
        *rr =
            record.as_ref().map_or(DnsRecord { nlen: 0, atype: 0, aclass: 0, alen: 0 }, |record| DnsRecord {
                // A packet has 512 bytes at most.
                nlen: record.name_len as u16,
                atype: record.kind,
                aclass: record.class,
                alen: record.data.len() as u16,
            });
    }
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
    fence!("mg_dns_parse");
    let mut message = Message::default();
    // SAFETY: the caller passes len bytes at buf.
    let valid = unsafe { packet(buf, len) }.is_some_and(|packet| message.parse(packet));
    // SAFETY: the caller passes a message or NULL.
    if let Some(dm) = unsafe { dm.as_mut() } {
        *dm = DnsMessage {
            txnid: message.id,
            resolved: message.address.is_some(),
            addr: message.address.map_or(Addr::ZERO, Addr::from_parsed),
            name: [0; 256],
        };
        // The array is longer than any name, so there is a NUL at the end.
        for (to, byte) in dm.name.iter_mut().zip(message.name.iter()) {
            *to = *byte as c_char;
        }
    }
    valid
}
