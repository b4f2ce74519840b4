//! Names to addresses, without blocking: `/etc/hosts`, DNS over UDP or TCP, multicast DNS.
//!
//! A lookup belongs to a connection. Queries of all lookups share the manager's DNS connections,
//! which are ordinary connections in its list. The files of the system are used while `dns4.url`
//! and `dns6.url` hold the library's own defaults; a program that sets them gets its servers only.

use super::conn::{self, error_fmt};
use super::connect::{connect, connect_resolved};
use super::handle::{Conn, Mgr};
use super::listen::Handlers;
use super::state::{ConnState, Root, Token, is};
use super::{log, mem, poll, sys, system_names};
use crate::abi::{Addr, Connection, Dns, MG_EV_CLOSE, MG_EV_CONNECT, MG_EV_READ, flag};
use crate::codec::dns::{self, Header, Name, Record};
use core::ffi::{CStr, c_int, c_void};
use core::ptr;
use std::ffi::CString;

/// The server of `mgr->dns4` after `mg_mgr_init`.
pub const DEFAULT4: &CStr = c"udp://8.8.8.8:53";
/// The server of `mgr->dns6` after `mg_mgr_init`.
pub const DEFAULT6: &CStr = c"udp://[2001:4860:4860::8888]:53";

/// Longest packet that is sent or taken over UDP.
const PACKET: usize = 512;
/// Addresses of one answer that are tried one after the other.
const ADDRESSES: usize = 8;
/// Milliseconds for a lookup by multicast DNS.
const MDNS_TIMEOUT: u64 = 500;

/// Who is asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Server {
    /// `mgr->dns4`.
    Dns4,
    /// `mgr->dns6`.
    Dns6,
    /// The same server over TCP, after a truncated answer.
    Tcp,
    /// The group of multicast DNS.
    Mdns,
}

/// A name that a connection waits for.
struct Lookup {
    conn: Token,
    server: Server,
    id: u16,
    kind: u16,
    name: Vec<u8>,
    deadline: u64,
    /// When the query is repeated, once.
    repeat: Option<u64>,
}

/// The lookups of a manager.
#[derive(Default)]
pub struct Resolver {
    lookups: Vec<Lookup>,
    /// The connection for truncated answers.
    tcp: Token,
}

/// Finds the address of a host for a connection, whose port is set already.
pub fn start(c: Conn, host: &[u8]) {
    let Some(m) = c.mgr() else { return };
    let name = host.strip_suffix(b".").unwrap_or(host);
    let mut wire = [0; dns::NAME_MAX];
    if name.is_empty() || dns::encode_name(name, true, &mut wire).is_none() {
        return fail(c, format_args!("{} DNS lookup failed", String::from_utf8_lossy(host)));
    }
    if is_local(name) {
        return start_mdns(m, c, name);
    }
    if uses_system(m)
        && let Some(addr) = system_names::host(name)
    {
        return finish(c, &[addr]);
    }
    let (server, kind) =
        if use_dns6(m) { (Server::Dns6, dns::TYPE_AAAA) } else { (Server::Dns4, dns::TYPE_A) };
    ask(m, c, name, server, kind);
}

/// `something.local`, in any case.
fn is_local(name: &[u8]) -> bool {
    name.len() > 6 && name[name.len() - 6..].eq_ignore_ascii_case(b".local")
}

/// Sends the query and adds the lookup.
fn ask(m: Mgr, c: Conn, name: &[u8], server: Server, kind: u16) {
    let (Some(root), Some(state)) = (Root::of(m), ConnState::of(c)) else { return };
    let Some(connection) = connection_to(m, root, server) else {
        return fail(c, format_args!("resolver"));
    };
    let Some(id) = fresh_id(root) else {
        return fail(c, format_args!("resolver"));
    };
    if !state.is(is::OWNS_FD) {
        c.set(flag::RESOLVING);
    }
    let now = poll::millis();
    let timeout = timeout_of(m);
    let lookup = Lookup {
        conn: state.token.get(),
        server,
        id,
        kind,
        name: name.to_vec(),
        deadline: now.saturating_add(timeout),
        repeat: connection.has(flag::UDP).then(|| now.saturating_add(timeout / 2)),
    };
    let query = Query { id, kind, name: &lookup.name };
    let sent = query.send(connection);
    root.with(|inner| inner.resolver.lookups.push(lookup));
    show_activity(m, root);
    if !sent {
        conn::error(connection, b"DNS send");
    }
}

struct Query<'a> {
    id: u16,
    kind: u16,
    name: &'a [u8],
}

impl Query<'_> {
    fn send(&self, to: Conn) -> bool {
        let mut packet = [0; PACKET + 2];
        let (prefix, body) = packet.split_at_mut(2);
        let Some(len) = dns::query(self.id, 0x0100, self.name, self.kind, body) else { return false };
        if to.has(flag::UDP) {
            return conn::send_datagram(to, &body[..len]);
        }
        prefix.copy_from_slice(&(len as u16).to_be_bytes());
        // SAFETY: a slice of readable bytes.
        unsafe { conn::send(to, packet.as_ptr(), len + 2) }
    }
}

/// A random id that no open lookup has.
fn fresh_id(root: &Root) -> Option<u16> {
    loop {
        let id = u16::from_ne_bytes(mem::random()?);
        if root.with(|inner| inner.resolver.lookups.iter().all(|l| l.id != id)) {
            return Some(id);
        }
    }
}

fn timeout_of(m: Mgr) -> u64 {
    // SAFETY: a handle points to a live manager.
    u64::try_from(unsafe { (*m.as_ptr()).dnstimeout }).unwrap_or(0)
}

fn use_dns6(m: Mgr) -> bool {
    // SAFETY: a handle points to a live manager.
    unsafe { (*m.as_ptr()).use_dns6 }
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

/// True while the program has not named servers of its own.
fn uses_system(m: Mgr) -> bool {
    // SAFETY: the URLs are NULL or C strings that outlive the manager.
    let is = |server, default: &CStr| unsafe {
        let url = (*dns_field(m, server)).url;
        !url.is_null() && CStr::from_ptr(url) == default
    };
    is(Server::Dns4, DEFAULT4) && is(Server::Dns6, DEFAULT6)
}

/// The connection to a server, opened if need be.
fn connection_to(m: Mgr, root: &Root, server: Server) -> Option<Conn> {
    match server {
        Server::Dns4 | Server::Dns6 => {
            // SAFETY: a field of a live manager.
            unsafe { open(m, dns_field(m, server)) }
        }
        Server::Tcp => {
            let token = root.with(|inner| inner.resolver.tcp);
            root.with(|inner| inner.table.get(token)).or_else(|| open_tcp(m, root))
        }
        Server::Mdns => super::mdns::listener(m),
    }
}

/// Makes sure that `dns->c` exists.
///
/// # Safety
/// `dns` points to a valid struct.
pub unsafe fn open(m: Mgr, dns: *mut Dns) -> Option<Conn> {
    // SAFETY: the caller vouches for dns, whose URL is NULL or a C string.
    unsafe {
        if let Some(c) = Conn::new((*dns).c) {
            return Some(c);
        }
        if (*dns).url.is_null() {
            log::error(format_args!("DNS server URL is NULL. Call mg_mgr_init()"));
            return None;
        }
        let own = CStr::from_ptr((*dns).url);
        let system = if uses_system(m) { system_names::server() } else { None };
        let url = system.as_deref().unwrap_or(own);
        if url.is_empty() {
            return None;
        }
        let c = connect_server(m, url)?;
        (*dns).c = c.as_ptr();
        Some(c)
    }
}

fn connect_server(m: Mgr, url: &CStr) -> Option<Conn> {
    let handlers = Handlers { handler: None, data: ptr::null_mut() };
    connect(m, url, handlers, Some(on_event), ptr::null_mut())
}

/// Opens the TCP twin of the connection that gave a truncated answer.
fn open_tcp(m: Mgr, root: &Root) -> Option<Conn> {
    let server = [Server::Dns4, Server::Dns6].into_iter().find_map(|s| {
        // SAFETY: a field of a live manager.
        unsafe { Conn::new((*dns_field(m, s)).c) }
    })?;
    let url = CString::new(format!("tcp://{}", server.rem())).ok()?;
    let c = connect_server(m, &url)?;
    root.with(|inner| inner.resolver.tcp = ConnState::of(c).map_or(Token::default(), |s| s.token.get()));
    Some(c)
}

/// The protocol handler of DNS connections.
unsafe extern "C" fn on_event(c: *mut Connection, ev: c_int, _ev_data: *mut c_void) {
    crate::fence!("DNS protocol handler");
    // SAFETY: called with a live connection.
    let Some(c) = (unsafe { Conn::new(c) }) else { return };
    let Some((m, root)) = c.mgr().and_then(|m| Some((m, Root::of(m)?))) else { return };
    match ev {
        // The kernel then drops what others send to this socket.
        MG_EV_CONNECT if c.has(flag::UDP) => {
            let _ = sys::connect(c.fd(), &c.rem().to_socket().into());
        }
        MG_EV_READ => take_answers(m, root, c),
        MG_EV_CLOSE => server_gone(m, root, c),
        _ => {}
    }
}

/// Looks at what a server sent: one datagram, or packets with their lengths.
fn take_answers(m: Mgr, root: &Root, c: Conn) {
    if c.has(flag::UDP) {
        // SAFETY: the bytes are copied before anything else happens.
        let packet = unsafe { c.recv().bytes() }.to_vec();
        c.recv().set_len(0);
        take_answer(m, root, c, &packet);
        return;
    }
    loop {
        // SAFETY: as above.
        let bytes = unsafe { c.recv().bytes() };
        let Some((len, rest)) = bytes.split_first_chunk::<2>() else { return };
        let len = usize::from(u16::from_be_bytes(*len));
        let Some(packet) = rest.get(..len).map(<[u8]>::to_vec) else { return };
        c.recv().consume(len + 2);
        take_answer(m, root, c, &packet);
        if conn::is_closed(c) {
            return;
        }
    }
}

/// What an answer says to the lookup that waits for it.
struct Answer {
    lookup: Lookup,
    addresses: Vec<Addr>,
    truncated: bool,
}

fn take_answer(m: Mgr, root: &Root, from: Conn, packet: &[u8]) {
    let Some(answer) = match_answer(m, root, from, packet) else { return };
    show_activity(m, root);
    let Some(c) = root.with(|inner| inner.table.get(answer.lookup.conn)) else { return };
    let Answer { lookup, addresses, truncated } = answer;
    if !addresses.is_empty() {
        finish(c, &addresses);
    } else if truncated && lookup.server != Server::Tcp {
        ask(m, c, &lookup.name, Server::Tcp, lookup.kind);
    } else if lookup.kind == dns::TYPE_A && !use_dns6(m) {
        ask(m, c, &lookup.name, Server::Dns6, dns::TYPE_AAAA);
    } else {
        fail(c, format_args!("{} DNS lookup failed", String::from_utf8_lossy(&lookup.name)));
    }
}

/// Takes the lookup that a packet answers out of the list: id, server and question must match.
fn match_answer(m: Mgr, root: &Root, from: Conn, packet: &[u8]) -> Option<Answer> {
    let header = Header::parse(packet).filter(|h| h.is_response() && h.opcode() == 0 && h.questions <= 1)?;
    let mut name = Name::default();
    let mut at = dns::HEADER_LEN;
    let mut question = None;
    if header.questions == 1 {
        let record = Record::parse(packet, at, true, &mut name)?;
        at = record.end;
        question = Some((record.kind, record.class));
    }
    let mut addresses = Vec::new();
    let mut owner = Name::default();
    for _ in 0..header.answers {
        let Some(record) = Record::parse(packet, at, false, &mut owner) else { break };
        at = record.end;
        if record.class == dns::CLASS_IN
            && let Some(found) = record.address(packet)
        {
            addresses.push(Addr::from_parsed(found));
        }
        if addresses.len() == ADDRESSES {
            break;
        }
    }
    let source = source_of(m, root, from)?;
    root.with(|inner| {
        let lookups = &mut inner.resolver.lookups;
        let index = lookups.iter().position(|l| {
            let repeats = match question {
                Some((kind, class)) => {
                    kind == l.kind && class == dns::CLASS_IN && name.eq_ignore_ascii_case(&l.name)
                }
                // Some servers leave the question out of a negative answer.
                None => addresses.is_empty(),
            };
            l.id == header.id && source.contains(&l.server) && repeats
        })?;
        Some(Answer { lookup: lookups.swap_remove(index), addresses, truncated: header.is_truncated() })
    })
}

/// Which servers a connection speaks for: with one URL for both, it is still one of them.
fn source_of(m: Mgr, root: &Root, c: Conn) -> Option<Vec<Server>> {
    // SAFETY: fields of a live manager.
    let is = |server| unsafe { (*dns_field(m, server)).c == c.as_ptr() };
    let tcp = root.with(|inner| inner.table.get(inner.resolver.tcp)) == Some(c);
    let servers: Vec<Server> = [Server::Dns4, Server::Dns6]
        .into_iter()
        .filter(|s| is(*s))
        .chain(tcp.then_some(Server::Tcp))
        .collect();
    (!servers.is_empty()).then_some(servers)
}

/// The address is known: goes on to connect. Further addresses are for the case that it fails.
fn finish(c: Conn, addresses: &[Addr]) {
    let Some(state) = ConnState::of(c) else { return };
    let port = c.rem().port;
    let mut all = addresses.iter().map(|a| Addr { port, ..*a });
    let Some(first) = all.next() else { return };
    state.alternatives.set(all.collect());
    c.set_rem(first);
    connect_resolved(c);
}

/// A lookup failed. A connection that has a socket of its own goes on with it.
fn fail(c: Conn, text: core::fmt::Arguments<'_>) {
    c.clear(flag::RESOLVING);
    if ConnState::of(c).is_some_and(|s| s.is(is::OWNS_FD)) {
        log::error(format_args!("{} {} {text}", c.id(), c.fd()));
        conn::report(c, text.to_string().as_bytes());
    } else {
        error_fmt(c, text);
    }
}

fn start_mdns(m: Mgr, c: Conn, name: &[u8]) {
    let (Some(root), Some(state)) = (Root::of(m), ConnState::of(c)) else { return };
    let Some(listener) = super::mdns::listener(m) else {
        return fail(c, format_args!("no mDNS listener, see mg_mdns_listen()"));
    };
    if !super::mdns::query(listener, name, dns::TYPE_A) {
        return fail(c, format_args!("mDNS send"));
    }
    if !state.is(is::OWNS_FD) {
        c.set(flag::RESOLVING);
    }
    let deadline = poll::millis().saturating_add(MDNS_TIMEOUT);
    let lookup = Lookup {
        conn: state.token.get(),
        server: Server::Mdns,
        id: 0,
        kind: dns::TYPE_A,
        name: name.to_vec(),
        deadline,
        repeat: None,
    };
    root.with(|inner| inner.resolver.lookups.push(lookup));
    show_activity(m, root);
}

/// A multicast answer names a host: connections that wait for it go on.
pub fn mdns_found(m: Mgr, name: &[u8], addr: &Addr) {
    let Some(root) = Root::of(m) else { return };
    let waiting = take(root, |l| l.server == Server::Mdns && l.name.eq_ignore_ascii_case(name));
    show_activity(m, root);
    for lookup in waiting {
        if let Some(c) = root.with(|inner| inner.table.get(lookup.conn)) {
            finish(c, core::slice::from_ref(addr));
        }
    }
}

/// The multicast listener closed: what waits for it fails.
pub fn mdns_gone(m: Mgr) {
    let Some(root) = Root::of(m) else { return };
    fail_all(m, root, |l| l.server == Server::Mdns, "mDNS listener error");
}

/// A DNS connection closed: what waits for it fails.
fn server_gone(m: Mgr, root: &Root, c: Conn) {
    let Some(servers) = source_of(m, root, c) else { return };
    for server in [Server::Dns4, Server::Dns6] {
        let dns = dns_field(m, server);
        // SAFETY: fields of a live manager.
        unsafe {
            if (*dns).c == c.as_ptr() {
                (*dns).c = ptr::null_mut();
            }
        }
    }
    fail_all(m, root, |l| servers.contains(&l.server), "DNS error");
}

fn fail_all(m: Mgr, root: &Root, which: impl Fn(&Lookup) -> bool, text: &str) {
    let failed = take(root, which);
    show_activity(m, root);
    for lookup in failed {
        if let Some(c) = root.with(|inner| inner.table.get(lookup.conn)) {
            fail(c, format_args!("{text}"));
        }
    }
}

/// Takes lookups out of the list.
fn take(root: &Root, which: impl Fn(&Lookup) -> bool) -> Vec<Lookup> {
    root.with(|inner| {
        let (taken, kept) = core::mem::take(&mut inner.resolver.lookups).into_iter().partition(which);
        inner.resolver.lookups = kept;
        taken
    })
}

/// Forgets the lookups of a connection.
pub fn cancel(c: Conn) {
    let Some((m, root, state)) = c.mgr().and_then(|m| Some((m, Root::of(m)?, ConnState::of(c)?))) else {
        return;
    };
    if root.with(|inner| inner.resolver.lookups.is_empty()) {
        return;
    }
    let token = state.token.get();
    if !take(root, |l| l.conn == token).is_empty() {
        c.clear(flag::RESOLVING);
        show_activity(m, root);
    }
}

/// Programs look whether lookups are open.
fn show_activity(m: Mgr, root: &Root) {
    let (dns, mdns) = root.with(|inner| {
        let lookups = &inner.resolver.lookups;
        let any = |mdns| lookups.iter().any(|l| (l.server == Server::Mdns) == mdns);
        (any(false), any(true))
    });
    let mark = |active: bool| if active { ptr::from_ref(root).cast_mut().cast() } else { ptr::null_mut() };
    // SAFETY: fields of a live manager; nobody follows these pointers.
    unsafe {
        (*m.as_ptr()).active_dns_requests = mark(dns);
        (*m.as_ptr()).active_mdns_requests = mark(mdns);
    }
}

/// When a poll has to look at the lookups again.
pub fn next_deadline(root: &Root) -> Option<u64> {
    root.with(|inner| {
        let times = inner.resolver.lookups.iter().map(|l| l.repeat.unwrap_or(l.deadline).min(l.deadline));
        // A lookup is late when the time is beyond its deadline.
        times.min().map(|t| t.saturating_add(1))
    })
}

/// Repeats queries that were not answered, and fails lookups whose time is up.
pub fn expire(m: Mgr, root: &Root, now: u64) {
    if root.with(|inner| inner.resolver.lookups.is_empty()) {
        return;
    }
    fail_all(m, root, |l| l.server == Server::Mdns && now > l.deadline, "mDNS timeout");
    fail_all(m, root, |l| now > l.deadline, "DNS timeout");
    let due: Vec<(Server, u16, u16, Vec<u8>)> = root.with(|inner| {
        let late = inner.resolver.lookups.iter_mut().filter(|l| l.repeat.is_some_and(|at| now > at));
        late.map(|l| {
            l.repeat = None;
            (l.server, l.id, l.kind, l.name.clone())
        })
        .collect()
    });
    for (server, id, kind, name) in due {
        if let Some(c) = connection_to(m, root, server) {
            Query { id, kind, name: &name }.send(c);
        }
    }
}
