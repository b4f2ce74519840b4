//! The connections to DNS servers: ordinary connections in the manager's list, which all lookups
//! share, and what comes in on them.

use super::{Lookup, Resolver, system};
use crate::abi::{Addr, Connection, Dns, MG_EV_CLOSE, MG_EV_CONNECT, MG_EV_READ, flag};
use crate::codec::dns::{self, Header, Name, Record};
use crate::net::event_loop::addr::literal;
use crate::net::event_loop::conn;
use crate::net::event_loop::connect::connect;
use crate::net::event_loop::guard::ConnGuard;
use crate::net::event_loop::handle::{Conn, Mgr};
use crate::net::event_loop::listen::Handlers;
use crate::net::event_loop::state::{ConnState, Root, Token};
use crate::net::event_loop::{log, sys};
use core::ffi::{CStr, c_int, c_void};
use core::ptr;
use std::ffi::CString;

/// The server of `mgr->dns4` after `mg_mgr_init`.
pub const DEFAULT4: &CStr = c"udp://8.8.8.8:53";
/// The server of `mgr->dns6` after `mg_mgr_init`.
pub const DEFAULT6: &CStr = c"udp://[2001:4860:4860::8888]:53";

/// Longest query: any name fits.
const QUERY: usize = 512;
/// Addresses of one answer that are tried one after the other.
const ADDRESSES: usize = 8;

/// Who is asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Server {
    /// `mgr->dns4`.
    Dns4,
    /// `mgr->dns6`.
    Dns6,
    /// The server of `mgr->dns4` over TCP, after a truncated answer.
    Stream4,
    /// The server of `mgr->dns6` over TCP, after a truncated answer.
    Stream6,
    /// The group of multicast DNS.
    Mdns,
}

impl Server {
    /// Who gives the whole of a truncated answer.
    pub(super) fn stream(self) -> Option<Server> {
        match self {
            Server::Dns4 => Some(Server::Stream4),
            Server::Dns6 => Some(Server::Stream6),
            _ => None,
        }
    }
}

/// What is remembered of the connections that are in no field of the manager.
#[derive(Default)]
pub struct Servers {
    /// To `dns4` and `dns6` over TCP, for truncated answers.
    streams: [Token; 2],
    /// Streams that were connected.
    up: Vec<Token>,
}

fn dns_field(m: Mgr, server: Server) -> *mut Dns {
    // SAFETY: a handle points to a live manager.
    unsafe {
        match server {
            Server::Dns6 | Server::Stream6 => &raw mut (*m.as_ptr()).dns6,
            _ => &raw mut (*m.as_ptr()).dns4,
        }
    }
}

/// True while the program has not named servers of its own.
pub(super) fn uses_system(m: Mgr) -> bool {
    // SAFETY: fields of a live manager.
    unsafe { is_url(dns_field(m, Server::Dns4), DEFAULT4) && is_url(dns_field(m, Server::Dns6), DEFAULT6) }
}

/// # Safety
/// `dns` points to a valid struct, whose URL is NULL or a C string.
unsafe fn is_url(dns: *const Dns, text: &CStr) -> bool {
    // SAFETY: the caller vouches for dns.
    unsafe { !(*dns).url.is_null() && CStr::from_ptr((*dns).url) == text }
}

/// The connection to a server, opened if need be.
pub(super) fn connection<'g>(m: Mgr<'g>, root: &'g Root, server: Server) -> Option<Conn<'g>> {
    match server {
        // SAFETY: a field of a live manager.
        Server::Dns4 | Server::Dns6 => unsafe { open(m, dns_field(m, server)) },
        Server::Stream4 => stream(m, root, server, 0),
        Server::Stream6 => stream(m, root, server, 1),
        Server::Mdns => None,
    }
}

/// Makes sure that `dns->c` exists.
///
/// # Safety
/// `dns` points to a valid struct.
pub unsafe fn open<'g>(m: Mgr<'g>, dns: *mut Dns) -> Option<Conn<'g>> {
    // SAFETY: the caller vouches for dns, whose URL is NULL or a C string.
    unsafe {
        if let Some(c) = m.known((*dns).c).filter(|c| !c.has(flag::CLOSING)) {
            return Some(c);
        }
        if (*dns).url.is_null() {
            log::error(format_args!("DNS server URL is NULL. Call mg_mgr_init()"));
            return None;
        }
        let own = CStr::from_ptr((*dns).url);
        let is_default = is_url(dns, DEFAULT4) || is_url(dns, DEFAULT6);
        let system = if is_default && uses_system(m) { system::server() } else { None };
        let c = connect_server(m, system.as_deref().unwrap_or(own))?;
        (*dns).c = c.as_ptr();
        Some(c)
    }
}

fn connect_server<'g>(m: Mgr<'g>, url: &CStr) -> Option<Conn<'g>> {
    // To find a server by its name would take that server.
    if url.is_empty() || literal(url.to_bytes()).is_none() {
        log::error(format_args!("no address in the URL of the DNS server: {}", url.to_string_lossy()));
        return None;
    }
    let handlers = Handlers { handler: None, data: ptr::null_mut() };
    connect(m, url, handlers, Some(on_event), ptr::null_mut())
}

/// The connection over TCP to a server that gave a truncated answer.
fn stream<'g>(m: Mgr<'g>, root: &'g Root, server: Server, index: usize) -> Option<Conn<'g>> {
    let existing = root.find(root.with(|inner| inner.resolver.servers.streams[index]));
    if let Some(c) = existing.filter(|c| !c.has(flag::CLOSING)) {
        return Some(c);
    }
    // SAFETY: a field of a live manager.
    let datagrams = m.known(unsafe { (*dns_field(m, server)).c })?;
    let c = connect_server(m, &url_of("tcp", &datagrams.rem())?)?;
    root.with(|inner| inner.resolver.servers.streams[index] = token(c));
    Some(c)
}

/// The URL of an address. Unlike the address's text it has the zone of a link-local one.
fn url_of(scheme: &str, addr: &Addr) -> Option<CString> {
    let text = addr.to_string();
    let text = match text.split_once(']') {
        Some((ip, port)) if addr.scope_id > 0 => format!("{ip}%{}]{port}", addr.scope_id),
        _ => text,
    };
    CString::new(format!("{scheme}://{text}")).ok()
}

fn token(c: Conn) -> Token {
    ConnState::of(c).map_or(Token::default(), |s| s.token.get())
}

/// Sends a query; false if that is not possible on this connection.
pub(super) fn send_query(to: Conn, id: u16, kind: u16, name: &[u8]) -> bool {
    let mut packet = [0; 2 + QUERY];
    let (prefix, body) = packet.split_at_mut(2);
    let Some(len) = dns::query(id, 0x0100, name, kind, body) else { return false };
    if !to.has(flag::UDP) {
        prefix.copy_from_slice(&(len as u16).to_be_bytes());
        // SAFETY: a slice of readable bytes.
        return unsafe { conn::send(to, packet.as_ptr(), 2 + len) };
    }
    // An ICMP error for an earlier datagram, which would make this one fail.
    sys::take_error(to.fd());
    // A socket that is only busy is no failure: the query is repeated.
    conn::send_datagram(to, &body[..len]) || !to.has(flag::CLOSING)
}

/// The protocol handler of DNS connections.
unsafe extern "C" fn on_event(c: *mut Connection, ev: c_int, _ev_data: *mut c_void) {
    crate::fence!("DNS protocol handler");
    // SAFETY: called with a live connection.
    let Some(guard) = (unsafe { ConnGuard::new(c) }) else { return };
    let c = guard.conn();
    let Some((m, root)) = c.mgr().and_then(|m| Some((m, Root::of(m)?))) else { return };
    match ev {
        // The kernel then drops what others send to this socket.
        MG_EV_CONNECT if c.has(flag::UDP) => {
            let _ = sys::connect(c.fd(), &c.rem().to_socket().into());
        }
        MG_EV_CONNECT => root.with(|inner| inner.resolver.servers.up.push(token(c))),
        MG_EV_READ => take_input(m, root, c),
        MG_EV_CLOSE => gone(m, root, c),
        _ => {}
    }
}

fn gone(m: Mgr, root: &Root, c: Conn) {
    for server in [Server::Dns4, Server::Dns6] {
        let dns = dns_field(m, server);
        // SAFETY: fields of a live manager.
        unsafe {
            if (*dns).c == c.as_ptr() {
                (*dns).c = ptr::null_mut();
            }
        }
    }
    let token = token(c);
    let was_up = root.with(|inner| {
        let up = &mut inner.resolver.servers.up;
        up.iter().position(|t| *t == token).map(|at| up.swap_remove(at)).is_some()
    });
    super::server_gone(m, root, token, was_up);
}

/// Looks at what a server sent: one datagram, or packets with their lengths.
fn take_input(m: Mgr, root: &Root, c: Conn) {
    if c.has(flag::UDP) {
        // SAFETY: the bytes are copied before anything else happens.
        let packet = unsafe { c.recv().bytes() }.to_vec();
        c.recv().set_len(0);
        take_packet(m, root, c, &packet);
        return;
    }
    loop {
        // SAFETY: as above.
        let bytes = unsafe { c.recv().bytes() };
        let Some((len, rest)) = bytes.split_first_chunk::<2>() else { return };
        let len = usize::from(u16::from_be_bytes(*len));
        let Some(packet) = rest.get(..len).map(<[u8]>::to_vec) else { return };
        c.recv().consume(len + 2);
        take_packet(m, root, c, &packet);
        if conn::is_closed(c) {
            return;
        }
    }
}

fn take_packet(m: Mgr, root: &Root, from: Conn, packet: &[u8]) {
    let via = token(from);
    if let Some(answer) = root.with(|inner| match_answer(&mut inner.resolver, via, packet)) {
        super::take_answer(m, root, answer);
    }
}

/// What an answer says to the lookup that waits for it.
pub(super) struct Answer {
    pub lookup: Lookup,
    pub addresses: Vec<Addr>,
    pub truncated: bool,
}

/// Takes the lookup that a packet answers out of the list: id, connection and question must match.
fn match_answer(resolver: &mut Resolver, via: Token, packet: &[u8]) -> Option<Answer> {
    let header = Header::parse(packet).filter(|h| h.is_response() && h.opcode() == 0 && h.questions <= 1)?;
    let mut name = Name::default();
    let mut at = dns::HEADER_LEN;
    let mut question = None;
    if header.questions == 1 {
        let record = Record::parse(packet, at, true, &mut name)?;
        at = record.end;
        question = Some((record.kind, record.class));
    }
    let addresses = addresses(packet, at, &header)?;
    let index = resolver.lookups.iter().position(|l| {
        let repeats = match question {
            Some((kind, class)) => {
                kind == l.kind && class == dns::CLASS_IN && name.eq_ignore_ascii_case(&l.name)
            }
            // Some servers leave the question out of a negative answer.
            None => addresses.is_empty(),
        };
        l.id == header.id && l.via == via && repeats
    })?;
    let lookup = resolver.lookups.swap_remove(index);
    Some(Answer { lookup, addresses, truncated: header.is_truncated() })
}

/// The addresses among the answers, up to the first malformed record. `None` if there are none for
/// that reason; only of a truncated answer the end may be missing.
fn addresses(packet: &[u8], mut at: usize, header: &Header) -> Option<Vec<Addr>> {
    let mut found = Vec::new();
    let mut owner = Name::default();
    for _ in 0..header.answers {
        let Some(record) = Record::parse(packet, at, false, &mut owner) else {
            return (header.is_truncated() || !found.is_empty()).then_some(found);
        };
        at = record.end;
        if record.class == dns::CLASS_IN
            && let Some(address) = record.address(packet)
        {
            found.push(Addr::from_parsed(address));
        }
        if found.len() == ADDRESSES {
            break;
        }
    }
    Some(found)
}
