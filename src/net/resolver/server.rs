//! The connections to DNS servers: ordinary connections in the manager's list, which all lookups
//! share, and what comes in on them.

use super::lookup::Lookup;
use super::{Resolver, system};
use crate::abi::{Addr, Connection, Dns, MG_EV_CLOSE, MG_EV_CONNECT, MG_EV_READ, flag};
use crate::codec::dns::{self, Header, Name, Record};
use crate::net::event_loop::addr::literal;
use crate::net::event_loop::arg;
use crate::net::event_loop::conn;
use crate::net::event_loop::connect::connect;
use crate::net::event_loop::handle::{Conn, Mgr};
use crate::net::event_loop::listen::Handlers;
use crate::net::event_loop::state::{ConnState, Root, Token};
use crate::net::event_loop::{log, sys};
use core::ffi::{CStr, c_int, c_void};
use core::ptr;
use std::ffi::CString;
use std::rc::Rc;

/// The server of `mgr->dns4` after `mg_mgr_init`.
pub const DEFAULT4: &CStr = c"udp://8.8.8.8:53";
/// The server of `mgr->dns6` after `mg_mgr_init`.
pub const DEFAULT6: &CStr = c"udp://[2001:4860:4860::8888]:53";

/// Longest query: any name fits.
const QUERY: usize = 512;
/// Who is asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Server {
    /// `mgr->dns4`.
    Dns4,
    /// `mgr->dns6`.
    Dns6,
    /// One of the system's, by its place among them.
    System(usize),
    /// The group of multicast DNS.
    Mdns,
}

/// What is remembered of the connections that are in no field of the manager.
#[derive(Default)]
pub struct Servers {
    /// By the URL that they were made for.
    open: Vec<(CString, Token)>,
    /// Streams that were connected.
    up: Vec<Token>,
}

fn dns_field(m: Mgr, server: Server) -> *mut Dns {
    // SAFETY: a handle points to a live manager.
    unsafe {
        match server {
            Server::Dns6 => &raw mut (*m.as_ptr()).dns6,
            _ => &raw mut (*m.as_ptr()).dns4,
        }
    }
}

/// Whether the program has named servers of its own: `mgr->dns4`, `mgr->dns6`.
fn own(m: Mgr) -> (bool, bool) {
    if m.is_freed() {
        return (false, false);
    }
    // SAFETY: fields of a manager that is not freed.
    unsafe { (!is_url(dns_field(m, Server::Dns4), DEFAULT4), !is_url(dns_field(m, Server::Dns6), DEFAULT6)) }
}

/// True while the program has not named servers of its own.
pub(super) fn uses_system(m: Mgr) -> bool {
    own(m) == (false, false)
}

/// Which of the program's servers is asked for a type. One that it has not named is none.
pub(super) fn own_server(m: Mgr, kind: u16) -> Server {
    match own(m) {
        (true, false) => Server::Dns4,
        (false, true) => Server::Dns6,
        _ if kind == dns::TYPE_AAAA => Server::Dns6,
        _ => Server::Dns4,
    }
}

/// The URLs of the system's servers; those of the library where it has none.
pub(super) fn system_servers(config: &system::Config) -> Rc<[CString]> {
    if config.servers.is_empty() { [DEFAULT4.into(), DEFAULT6.into()].into() } else { config.servers.clone() }
}

/// # Safety
/// `dns` points to a valid struct, whose URL is NULL or a C string.
unsafe fn is_url(dns: *const Dns, text: &CStr) -> bool {
    // SAFETY: the caller vouches for dns.
    unsafe { !(*dns).url.is_null() && CStr::from_ptr((*dns).url) == text }
}

/// The connection to the server that a lookup asks now, opened if need be.
pub(super) fn connection<'g>(m: Mgr<'g>, root: &'g Root, lookup: &Lookup) -> Option<Conn<'g>> {
    if m.is_freed() {
        return None;
    }
    let datagrams = match lookup.server {
        // SAFETY: a field of a manager that is not freed.
        Server::Dns4 | Server::Dns6 => unsafe { open(m, dns_field(m, lookup.server)) },
        Server::System(at) => system(m, root, lookup.servers.get(at)?),
        Server::Mdns => None,
    }?;
    if !lookup.stream || !datagrams.has(flag::UDP) {
        return Some(datagrams);
    }
    shared(m, root, &url_of("tcp", &datagrams.rem())?)
}

/// The connection to one of the system's servers. Programs see the first one as that of `dns4`.
fn system<'g>(m: Mgr<'g>, root: &'g Root, url: &CStr) -> Option<Conn<'g>> {
    let c = shared(m, root, url).filter(|_| !m.is_freed())?;
    let dns = dns_field(m, Server::Dns4);
    // SAFETY: a field of a live manager.
    unsafe {
        if (*dns).c.is_null() {
            (*dns).c = c.as_ptr();
        }
    }
    Some(c)
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
        let is_default = is_url(dns, DEFAULT4) || is_url(dns, DEFAULT6);
        let c = if is_default && uses_system(m) {
            shared(m, Root::of(m)?, system_servers(&system::Config::read()).first()?)?
        } else {
            connect_server(m, CStr::from_ptr((*dns).url))?
        };
        if m.is_freed() {
            return None;
        }
        (*dns).c = c.as_ptr();
        Some(c)
    }
}

/// The connection for a URL that all lookups share.
fn shared<'g>(m: Mgr<'g>, root: &'g Root, url: &CStr) -> Option<Conn<'g>> {
    let existing = super::with(root, |resolver| {
        let open = &resolver.servers.open;
        Some(open.iter().find(|(known, _)| known.as_c_str() == url)?.1)
    });
    if let Some(c) = existing.and_then(|token| root.find(token)).filter(|c| !c.has(flag::CLOSING)) {
        return Some(c);
    }
    let c = connect_server(m, url)?;
    super::with(root, |resolver| {
        let open = &mut resolver.servers.open;
        open.retain(|(known, _)| known.as_c_str() != url);
        open.push((url.into(), token(c)));
    });
    Some(c)
}

fn connect_server<'g>(m: Mgr<'g>, url: &CStr) -> Option<Conn<'g>> {
    if m.is_freed() {
        return None;
    }
    // To find a server by its name would take that server.
    if url.is_empty() || literal(url.to_bytes()).is_none() {
        log::error(format_args!("no address in the URL of the DNS server: {}", url.to_string_lossy()));
        return None;
    }
    let handlers = Handlers { handler: None, data: ptr::null_mut() };
    connect(m, url, handlers, Some(on_event), ptr::null_mut())
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
    crate::fence!("DNS protocol handler", c: arg::conn);
    let Some(guard) = c else { return };
    let c = guard.conn();
    let Some((m, root)) = c.mgr().and_then(|m| Some((m, Root::of(m)?))) else { return };
    match ev {
        // The kernel then drops what others send to this socket.
        MG_EV_CONNECT if c.has(flag::UDP) => {
            let _ = sys::connect(c.fd(), &c.rem().to_socket().into());
        }
        MG_EV_CONNECT => super::with(root, |resolver| resolver.servers.up.push(token(c))),
        MG_EV_READ => take_input(m, root, c),
        MG_EV_CLOSE => closed(m, root, c),
        _ => {}
    }
}

fn closed(m: Mgr, root: &Root, c: Conn) {
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
    let was_up = super::with(root, |resolver| {
        resolver.servers.open.retain(|(_, open)| *open != token);
        let up = &mut resolver.servers.up;
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
    if let Some(answer) = super::with(root, |resolver| match_answer(resolver, via, packet)) {
        super::take_answer(m, root, answer);
    }
}

/// What an answer says to the lookup that waits for it.
pub(super) struct Answer {
    pub lookup: Lookup,
    pub addresses: Vec<Addr>,
    pub header: Header,
}

/// Takes the lookup that a packet answers out of the list: id, connection and question must match.
fn match_answer(resolver: &mut Resolver, via: Token, packet: &[u8]) -> Option<Answer> {
    let header = Header::parse(packet).filter(|h| h.is_response() && h.opcode() == 0 && h.questions <= 1)?;
    let index = resolver.lookups.iter().position(|l| l.id == header.id && l.was_asked(via))?;
    let lookup = &resolver.lookups[index];
    if header.questions == 1 {
        let mut name = Name::default();
        let question = Record::parse(packet, dns::HEADER_LEN, true, &mut name)?;
        let repeats = question.kind == lookup.kind && question.class == dns::CLASS_IN;
        if !repeats || !name.eq_ignore_ascii_case(&lookup.name) {
            return None;
        }
    }
    let addresses = dns::addresses(packet, &header, &lookup.name)?;
    // Some servers leave the question out of a negative answer.
    if header.questions == 0 && !addresses.is_empty() {
        return None;
    }
    let mut lookup = resolver.lookups.swap_remove(index);
    lookup.answered_by(via);
    Some(Answer { lookup, addresses: addresses.into_iter().map(Addr::from_parsed).collect(), header })
}
