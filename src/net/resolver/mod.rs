//! Names to addresses, without blocking: `/etc/hosts`, DNS over UDP or TCP, multicast DNS.
//!
//! A lookup belongs to a connection. The files of the system are used while `dns4.url` and
//! `dns6.url` hold the library's own defaults; a program that sets them gets its servers only.

mod server;
mod system;

pub use server::{DEFAULT4, DEFAULT6, open};

use super::event_loop::conn;
use super::event_loop::connect::connect_resolved;
use super::event_loop::handle::{Conn, Mgr};
use super::event_loop::state::{ConnState, Root, Token, is};
use super::event_loop::{clock, log, mem};
use crate::abi::{Addr, flag};
use crate::codec::dns;
use core::ptr;
use server::{Answer, Server};

/// Milliseconds for a lookup by multicast DNS.
const MDNS_TIMEOUT: u64 = 500;

/// A name that a connection waits for.
struct Lookup {
    conn: Token,
    server: Server,
    /// The connection that carried the query: the answer must come back on it.
    via: Token,
    id: u16,
    kind: u16,
    name: Vec<u8>,
    deadline: u64,
    /// When the query is repeated, once.
    repeat: Option<u64>,
    /// It was sent once more because a server had closed its connection.
    moved: bool,
}

/// The lookups of a manager.
#[derive(Default)]
pub struct Resolver {
    lookups: Vec<Lookup>,
    servers: server::Servers,
}

/// What became of a query.
enum Sent<'g> {
    Out,
    /// The connection to the server does not work.
    Lost(Conn<'g>),
    /// There is no connection to a server.
    Nowhere,
}

/// Finds the address of a host for a connection, whose port is set already.
pub fn start(c: Conn, host: &[u8]) {
    let (Some(m), Some(state)) = (c.mgr(), ConnState::of(c).filter(|s| !s.is(is::CLOSED))) else { return };
    let Some(root) = Root::of(m) else { return };
    let name = host.strip_suffix(b".").unwrap_or(host);
    let mut wire = [0; dns::NAME_MAX];
    if dns::encode_name(name, true, &mut wire).is_none() {
        return fail_lookup(c, host);
    }
    if is_local(name) {
        return start_mdns(m, root, c, state, name);
    }
    if server::uses_system(m)
        && let Some(addr) = system::host(name)
    {
        return finish(c, &[addr]);
    }
    let (server, kind) =
        if use_dns6(m) { (Server::Dns6, dns::TYPE_AAAA) } else { (Server::Dns4, dns::TYPE_A) };
    let mut lookup = Lookup::new(state, server, kind, name);
    match lookup.send(m, root) {
        Sent::Nowhere => fail(c, b"resolver"),
        sent => {
            if !state.is(is::OWNS_FD) {
                c.set(flag::RESOLVING);
            }
            add(m, root, lookup);
            if let Sent::Lost(server) = sent {
                // It closes, and then the lookup fails with all others that wait for it.
                conn::error(server, b"DNS send");
            }
        }
    }
}

/// `something.local`, in any case.
fn is_local(name: &[u8]) -> bool {
    name.len() > 6 && name[name.len() - 6..].eq_ignore_ascii_case(b".local")
}

impl Lookup {
    fn new(state: &ConnState, server: Server, kind: u16, name: &[u8]) -> Lookup {
        Lookup {
            conn: state.token.get(),
            server,
            via: Token::default(),
            id: 0,
            kind,
            name: name.to_vec(),
            deadline: 0,
            repeat: None,
            moved: false,
        }
    }

    /// Sends the query, with a new id and a fresh deadline.
    fn send<'g>(&mut self, m: Mgr<'g>, root: &'g Root) -> Sent<'g> {
        let (now, timeout) = (clock::millis(), timeout_of(m));
        self.deadline = now.saturating_add(timeout);
        let sent = self.send_again(m, root);
        if let Sent::Out = sent {
            let may_be_lost = matches!(self.server, Server::Dns4 | Server::Dns6)
                && root.find(self.via).is_some_and(|via| via.has(flag::UDP));
            self.repeat = may_be_lost.then(|| now.saturating_add(timeout / 2));
        }
        sent
    }

    /// Sends the query, with a new id.
    fn send_again<'g>(&mut self, m: Mgr<'g>, root: &'g Root) -> Sent<'g> {
        let Some((via, id)) = server::connection(m, root, self.server).zip(fresh_id(root)) else {
            return Sent::Nowhere;
        };
        self.via = ConnState::of(via).map_or(Token::default(), |s| s.token.get());
        self.id = id;
        if server::send_query(via, id, self.kind, &self.name) { Sent::Out } else { Sent::Lost(via) }
    }
}

fn add(m: Mgr, root: &Root, lookup: Lookup) {
    root.with(|inner| inner.resolver.lookups.push(lookup));
    show_activity(m, root);
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

/// Goes on with what a server answered.
fn take_answer(m: Mgr, root: &Root, answer: Answer) {
    show_activity(m, root);
    let Answer { mut lookup, addresses, truncated } = answer;
    let Some(c) = root.find(lookup.conn) else { return };
    if !addresses.is_empty() {
        return finish(c, &addresses);
    }
    if truncated && let Some(stream) = lookup.server.stream() {
        lookup.server = stream;
    } else if lookup.kind == dns::TYPE_A && !use_dns6(m) {
        (lookup.server, lookup.kind) = (Server::Dns6, dns::TYPE_AAAA);
    } else {
        return fail_lookup(c, &lookup.name);
    }
    match lookup.send(m, root) {
        Sent::Out => add(m, root, lookup),
        sent => {
            if let Sent::Lost(server) = sent {
                conn::error(server, b"DNS send");
            }
            // There is nobody else to ask: the answer stands.
            fail_lookup(c, &lookup.name);
        }
    }
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

fn fail_lookup(c: Conn, name: &[u8]) {
    fail(c, &[name, b" DNS lookup failed"].concat());
}

/// A lookup failed. A connection that has a socket of its own goes on with it.
fn fail(c: Conn, text: &[u8]) {
    c.clear(flag::RESOLVING);
    if ConnState::of(c).is_some_and(|s| s.is(is::OWNS_FD)) {
        log::error(format_args!("{} {} {}", c.id(), c.fd(), String::from_utf8_lossy(text)));
        conn::report(c, text);
    } else {
        conn::error(c, text);
    }
}

fn start_mdns(m: Mgr, root: &Root, c: Conn, state: &ConnState, name: &[u8]) {
    let Some(listener) = super::mdns::listener(m) else {
        return fail(c, b"no mDNS listener, see mg_mdns_listen()");
    };
    if !super::mdns::query(listener, name, dns::TYPE_A) {
        return fail(c, b"mDNS send");
    }
    if !state.is(is::OWNS_FD) {
        c.set(flag::RESOLVING);
    }
    let mut lookup = Lookup::new(state, Server::Mdns, dns::TYPE_A, name);
    lookup.deadline = clock::millis().saturating_add(MDNS_TIMEOUT);
    add(m, root, lookup);
}

/// A multicast answer names a host: connections that wait for it go on.
pub fn mdns_found(m: Mgr, name: &[u8], addr: &Addr) {
    let Some(root) = Root::of(m) else { return };
    let waiting = take(m, root, |l| l.server == Server::Mdns && l.name.eq_ignore_ascii_case(name));
    for lookup in waiting {
        if let Some(c) = root.find(lookup.conn) {
            finish(c, core::slice::from_ref(addr));
        }
    }
}

/// The multicast listener closed: what waits for it fails.
pub fn mdns_gone(m: Mgr) {
    let Some(root) = Root::of(m) else { return };
    fail_all(m, root, |l| l.server == Server::Mdns, b"mDNS listener error");
}

/// A connection to a server closed. A server may end an idle one while a query is on its way, which
/// `was_up` tells from one that refuses connections: then the query goes out once more.
fn server_gone(m: Mgr, root: &Root, via: Token, was_up: bool) {
    for mut lookup in take(m, root, |l| l.via == via) {
        let Some(c) = root.find(lookup.conn) else { continue };
        let again = was_up && !lookup.moved && !c.has(flag::CLOSING);
        lookup.moved = true;
        if again && matches!(lookup.send_again(m, root), Sent::Out) {
            add(m, root, lookup);
        } else {
            fail(c, b"DNS error");
        }
    }
}

fn fail_all(m: Mgr, root: &Root, which: impl Fn(&Lookup) -> bool, text: &[u8]) {
    for lookup in take(m, root, which) {
        if let Some(c) = root.find(lookup.conn) {
            fail(c, text);
        }
    }
}

/// Takes lookups out of the list.
fn take(m: Mgr, root: &Root, which: impl Fn(&Lookup) -> bool) -> Vec<Lookup> {
    let taken: Vec<Lookup> =
        root.with(|inner| inner.resolver.lookups.extract_if(.., |lookup| which(lookup)).collect());
    if !taken.is_empty() {
        show_activity(m, root);
    }
    taken
}

/// Forgets the lookups of a connection.
pub fn cancel(c: Conn) {
    let Some((m, root, state)) = c.mgr().and_then(|m| Some((m, Root::of(m)?, ConnState::of(c)?))) else {
        return;
    };
    let token = state.token.get();
    if !take(m, root, |l| l.conn == token).is_empty() {
        c.clear(flag::RESOLVING);
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
    fail_all(m, root, |l| l.server == Server::Mdns && now > l.deadline, b"mDNS timeout");
    fail_all(m, root, |l| now > l.deadline, b"DNS timeout");
    for mut lookup in take(m, root, |l| l.repeat.is_some_and(|at| now > at)) {
        lookup.repeat = None;
        // The same id: an answer to the first query is as good.
        let via = root.find(lookup.via);
        if via.is_some_and(|via| !server::send_query(via, lookup.id, lookup.kind, &lookup.name)) {
            log::debug(format_args!("cannot repeat a query for {}", String::from_utf8_lossy(&lookup.name)));
        }
        add(m, root, lookup);
    }
}
