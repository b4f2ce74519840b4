//! DNS messages, and multicast DNS.

use super::core::{Addr, Str};
use core::ffi::c_char;

/// IPv4 address.
pub const MG_DNS_RTYPE_A: u16 = 1;
/// Pointer to another name.
pub const MG_DNS_RTYPE_PTR: u16 = 12;
/// Text.
pub const MG_DNS_RTYPE_TXT: u16 = 16;
/// IPv6 address.
pub const MG_DNS_RTYPE_AAAA: u16 = 28;
/// Service: host and port.
pub const MG_DNS_RTYPE_SRV: u16 = 33;

/// What `mg_dns_parse` finds in a DNS answer.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct DnsMessage {
    /// Transaction id, in host byte order.
    pub txnid: u16,
    /// `addr` is set.
    pub resolved: bool,
    /// The address.
    pub addr: Addr,
    /// The name, NUL-terminated.
    pub name: [c_char; 256],
}

/// Header of a DNS packet. All numbers are in network byte order.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct DnsHeader {
    /// Transaction id.
    pub txnid: u16,
    /// Flags.
    pub flags: u16,
    /// Number of questions.
    pub num_questions: u16,
    /// Number of answers.
    pub num_answers: u16,
    /// Number of authority records.
    pub num_authority_prs: u16,
    /// Number of additional records.
    pub num_other_prs: u16,
}

/// A question or resource record of a DNS packet. All numbers are in host byte order.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct DnsRecord {
    /// Bytes of the name.
    pub nlen: u16,
    /// `MG_DNS_RTYPE_*`.
    pub atype: u16,
    /// Class.
    pub aclass: u16,
    /// Bytes of data.
    pub alen: u16,
}

/// A service that multicast DNS announces.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct DnssdRecord {
    /// Service and protocol, for example `_http._tcp`.
    pub srvcproto: Str,
    /// TXT data, verbatim: strings with a length byte each.
    pub txt: Str,
    /// Port, in host byte order.
    pub port: u16,
}

/// A multicast DNS query. The handler of `MG_EV_MDNS_REQ` fills in the answer.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct MdnsRequest {
    /// The question.
    pub rr: *mut DnsRecord,
    /// To be set by the handler for PTR, SRV and TXT.
    pub r: *mut DnssdRecord,
    /// The name asked for.
    pub reqname: Str,
    /// May be set by the handler: the host name to answer with.
    pub respname: Str,
    /// May be set by the handler: the address to answer with.
    pub addr: *mut Addr,
    /// All services are asked for.
    pub is_listing: bool,
    /// Send an answer; the handler may change it.
    pub is_resp: bool,
    /// The answer goes to the asker alone.
    pub is_unicast: bool,
}

/// A multicast DNS answer.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct MdnsResponse {
    /// The record.
    pub rr: *mut DnsRecord,
    /// The name it is about.
    pub name: Str,
    /// The address; for a service the host's, or 0.0.0.0 when that is not known, with the service's port.
    pub addr: Addr,
    /// The service, of an event whose record is PTR, SRV or TXT; else zeros. `txt` is valid during the
    /// handler.
    pub sd: DnssdRecord,
}
