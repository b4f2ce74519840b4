//! Multicast DNS (RFC 6762, IPv4): a responder that the program's handler directs, and queries.

use super::event_loop::conn::{self, call};
use super::event_loop::handle::{Conn, Mgr};
use super::event_loop::listen::{Handlers, listen};
use super::event_loop::{log, multicast, sys, view};
use super::resolver;
use crate::abi::{
    Addr, Connection, DnsRecord, MG_EV_CLOSE, MG_EV_MDNS_REQ, MG_EV_MDNS_RESP, MG_EV_READ, MdnsRequest,
    MdnsResponse, Str,
};
use crate::codec::addr::Address;
use crate::codec::dns::{self, Header, Name, Record, Service, Subject};
use crate::net::event_loop::arg;
use core::ffi::{CStr, c_char, c_int, c_void};
use core::ptr;
use std::net::Ipv4Addr;

const URL: &[u8] = b"udp://224.0.0.251:5353";
const GROUP: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 251);
const PORT: u16 = 5353;
/// Longest packet that is looked at.
const PACKET: usize = 512;
/// Longest answer.
const ANSWER: usize = 282;
/// Class, without the bit that asks for a unicast answer or flushes caches.
const CLASS: u16 = 0x7fff;

/// Listens on the multicast group; one listener for each manager.
pub fn start(m: Mgr, handlers: Handlers) -> Option<Conn> {
    let c = listen(m, URL, handlers)?;
    join(c);
    c.set_protocol(Some(on_event));
    if m.is_freed() {
        return None; // By the handler, or by the program's log.
    }
    // SAFETY: the manager's struct stays until it is freed.
    unsafe { (*m.as_ptr()).mdns = c.as_ptr() };
    Some(c)
}

fn join(c: Conn) {
    if let Err(e) = multicast::join_all(c, GROUP) {
        log::error(format_args!("{} cannot join {GROUP}: {e}", c.id()));
    }
    // RFC 6762, section 11: old responders drop what passed a router.
    let _ = sys::with_socket(c.fd(), |s| s.set_multicast_ttl_v4(255).and_then(|()| s.set_ttl_v4(255)));
}

/// The manager's listener.
pub fn listener(m: Mgr) -> Option<Conn> {
    // SAFETY: a field of a live manager.
    m.known(unsafe { (*m.as_ptr()).mdns })
}

/// Asks the group for a name.
pub fn query(c: Conn, name: &[u8], kind: u16) -> bool {
    let mut packet = [0; PACKET];
    let Some(len) = dns::query(0, 0, name, kind, &mut packet) else { return false };
    multicast::send(c, &packet[..len], None)
}

/// The protocol handler of the listener.
unsafe extern "C" fn on_event(c: *mut Connection, ev: c_int, _ev_data: *mut c_void) {
    crate::fence!("mDNS protocol handler", c: arg::conn);
    let Some(guard) = c else { return };
    let c = guard.conn();
    match ev {
        MG_EV_READ => {
            // SAFETY: the bytes are copied before anything else happens.
            let packet = unsafe { c.recv().bytes() }.to_vec();
            c.recv().set_len(0);
            take_packet(c, &packet);
        }
        MG_EV_CLOSE => {
            if let Some(m) = c.mgr().filter(|m| listener(*m) == Some(c)) {
                // SAFETY: a handle points to a live manager.
                unsafe { (*m.as_ptr()).mdns = ptr::null_mut() };
                resolver::mdns_gone(m);
            }
        }
        _ => {}
    }
}

fn take_packet(c: Conn, packet: &[u8]) {
    if packet.len() <= dns::HEADER_LEN || packet.len() > PACKET {
        return;
    }
    let Some(header) = Header::parse(packet).filter(|h| h.opcode() == 0) else { return };
    if header.is_response() {
        if c.rem().port() == PORT {
            take_response(c, packet, &header);
        }
    } else {
        take_query(c, packet, &header);
    }
}

/// Reports each address of an answer, to lookups that wait for it first.
fn take_response(c: Conn, packet: &[u8], header: &Header) {
    let mut name = Name::default();
    let mut at = dns::HEADER_LEN;
    for _ in 0..header.questions {
        let Some(record) = Record::parse(packet, at, true, &mut name) else { return };
        at = record.end;
    }
    for _ in 0..header.answers {
        let Some(record) = Record::parse(packet, at, false, &mut name) else { return };
        at = record.end;
        let is_address = record.kind == dns::TYPE_A && record.class & CLASS == dns::CLASS_IN;
        let Some(found) = record.address(packet).filter(|_| is_address).map(Addr::from_parsed) else {
            continue;
        };
        if let Some(m) = c.mgr() {
            resolver::mdns_found(m, &name, &found);
        }
        let mut rr = c_record(&record, record.class);
        let mut response = zeroed!(MdnsResponse { rr: &raw mut rr, name: view(&name), addr: found });
        call(c, MG_EV_MDNS_RESP, response.as_mut_ptr().cast());
        if conn::is_closed(c) {
            return;
        }
    }
    // The handler may have changed the buffer that the packet was in: what is left is a copy.
    for service in dns::discover(packet, header) {
        report_service(c, packet, &service);
        if conn::is_closed(c) {
            return;
        }
    }
}

/// Reports an instance of a service that an answer names.
fn report_service(c: Conn, packet: &[u8], service: &dns::Found) {
    let mut rr = c_record(&service.record, service.record.class);
    let text = service.text.clone().and_then(|text| packet.get(text));
    let mut addr = Addr::from_parsed(Address::V4(service.address));
    addr.port = service.port.to_be();
    let mut response = zeroed!(MdnsResponse { rr: &raw mut rr, name: view(&service.name), addr: addr });
    // SAFETY: the memory is this function's own.
    unsafe {
        let sd = &raw mut (*response.as_mut_ptr()).sd;
        (*sd).srvcproto = view(&service.service);
        (*sd).txt = text.map_or(Str::NULL, view);
        (*sd).port = service.port;
    }
    call(c, MG_EV_MDNS_RESP, response.as_mut_ptr().cast());
}

fn c_record(record: &Record, class: u16) -> DnsRecord {
    DnsRecord {
        nlen: record.name_len as u16,
        atype: record.kind,
        aclass: class,
        alen: record.data.len() as u16,
    }
}

fn view(bytes: &[u8]) -> Str {
    Str { buf: bytes.as_ptr().cast_mut().cast(), len: bytes.len() }
}

/// Lets the handler answer each question of a query.
fn take_query(c: Conn, packet: &[u8], header: &Header) {
    let from = c.rem();
    let mut at = dns::HEADER_LEN;
    for _ in 0..header.questions {
        let mut name = Name::default();
        let start = at;
        let Some(record) = Record::parse(packet, at, true, &mut name) else { return };
        at = record.end;
        let asked = Question { id: header.id, bytes: &packet[start..at], record, name: &name, from };
        take_question(c, &asked);
        if conn::is_closed(c) {
            return;
        }
    }
}

/// A question of a query.
struct Question<'a> {
    id: u16,
    bytes: &'a [u8],
    record: Record,
    name: &'a [u8],
    from: Addr,
}

/// The host name that the program gave to its listener.
fn own_name(c: Conn) -> Option<&'static [u8]> {
    let text: *const c_char = c.handler_data().cast_const().cast();
    // SAFETY: the data of an mDNS listener is NULL or a C string that outlives it.
    (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) }.to_bytes())
}

/// What of the name the program is asked for; `None`: the question is not for this host.
fn requested<'a>(question: &Question<'a>, host: Option<&[u8]>) -> Option<&'a [u8]> {
    let (stem, local) = question.name.split_at_checked(question.name.len().checked_sub(6)?)?;
    if stem.is_empty() || !local.eq_ignore_ascii_case(b".local") {
        return None;
    }
    match (question.record.kind, host) {
        (dns::TYPE_A, Some(host)) if !stem.eq_ignore_ascii_case(host) => None,
        (dns::TYPE_A | dns::TYPE_PTR, _) => Some(stem),
        (dns::TYPE_SRV | dns::TYPE_TXT, None) => Some(stem),
        (dns::TYPE_SRV | dns::TYPE_TXT, Some(host)) => {
            let (instance, rest) = stem.split_at_checked(host.len())?;
            let rest = rest.strip_prefix(b".")?;
            instance.eq_ignore_ascii_case(host).then_some(rest)
        }
        _ => None,
    }
}

fn take_question(c: Conn, question: &Question<'_>) {
    let class = question.record.class & CLASS;
    if !matches!(class, dns::CLASS_IN | 255) {
        return;
    }
    let host = own_name(c);
    let Some(wanted) = requested(question, host) else { return };
    let is_address = question.record.kind == dns::TYPE_A;
    let mut rr = c_record(&question.record, class);
    let mut request = zeroed!(MdnsRequest {
        rr: &raw mut rr,
        reqname: view(wanted),
        is_listing: question.record.kind == dns::TYPE_PTR
            && wanted.eq_ignore_ascii_case(b"_services._dns-sd._udp"),
        is_resp: is_address && host.is_some(),
        is_unicast: question.record.class & !CLASS != 0,
    });
    call(c, MG_EV_MDNS_REQ, request.as_mut_ptr().cast());
    // SAFETY: all zeros is a value of each field that was not set; a handler sets valid ones.
    let request = unsafe { request.assume_init() };
    if conn::is_closed(c) || !request.is_resp || request.is_listing {
        return;
    }
    // SAFETY: what the handler set points to valid memory until this function returns.
    unsafe { respond(c, question, &request, host) };
}

/// Sends the answer that the handler asked for.
///
/// # Safety
/// The pointers in `request` are NULL or valid.
unsafe fn respond(c: Conn, question: &Question<'_>, request: &MdnsRequest, host: Option<&[u8]>) {
    // SAFETY: the caller vouches for the pointers.
    let (name, given, service) = unsafe {
        let name = if request.respname.len > 0 { Some(view::bytes(request.respname)) } else { host };
        let given = request.addr.as_ref().map(|a| a.bytes()[..4].try_into().unwrap_or_default());
        let service = request.r.as_ref().map(|r| Service {
            kind: view::bytes(r.srvcproto),
            text: view::bytes(r.txt),
            port: r.port,
        });
        (name, given, service)
    };
    let subject = match (question.record.kind, service) {
        (dns::TYPE_A, _) => Some(Subject::Host),
        (dns::TYPE_PTR, Some(service)) => Some(Subject::Instances(service)),
        (dns::TYPE_SRV, Some(service)) => Some(Subject::Location(service)),
        (dns::TYPE_TXT, Some(service)) => Some(Subject::Text(service)),
        _ => None,
    };
    let local = multicast::local_address(&question.from);
    let address = match subject {
        // The one answer without an address.
        Some(Subject::Text(_)) => Some([0; 4]),
        _ => given.or(local.map(|ip| ip.octets())),
    };
    let (Some(subject), Some(name), Some(address)) = (subject, name, address) else { return };
    let legacy = question.from.port() != PORT;
    let to_asker = request.is_unicast || legacy;
    let id = if to_asker { question.id } else { 0 };
    let repeated = legacy.then_some(question.bytes);
    let mut packet = [0; ANSWER];
    let Some(len) = dns::answer(id, repeated, subject, name, address, &mut packet) else { return };
    if to_asker {
        c.set_rem(question.from);
        multicast::send_datagram(c, &packet[..len]);
    } else {
        multicast::send(c, &packet[..len], local);
    }
}
