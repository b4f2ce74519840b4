//! Names to addresses, without blocking: `/etc/hosts`, DNS over UDP or TCP, multicast DNS.
//!
//! A lookup belongs to a connection. The files of the system are used while `dns4.url` and
//! `dns6.url` hold the library's own defaults; a program that sets one of them gets its servers only.

mod lookup;
mod server;
mod system;

pub use server::{DEFAULT4, DEFAULT6, open};

use super::event_loop::conn;
use super::event_loop::connect::connect_resolved;
use super::event_loop::handle::{Conn, Mgr};
use super::event_loop::services::Names;
use super::event_loop::state::{ConnState, Root, Token, is};
use super::event_loop::{clock, connect, log, race};
use crate::abi::{Addr, flag};
use crate::codec::dns;
use core::cell::RefCell;
use core::ptr;
use lookup::{Lookup, Sent};
use server::{Answer, Server};
use std::collections::VecDeque;

/// Milliseconds for a lookup by multicast DNS.
const MDNS_TIMEOUT: u64 = 500;

/// The lookups of a manager.
#[derive(Default)]
pub struct Resolver {
    lookups: Vec<Lookup>,
    /// Counts lookups, for servers that take turns.
    turn: usize,
    servers: server::Servers,
}

/// Access to the resolver of a manager. `f` runs no code of the program. Without memory there is none.
/// The first access allocates, by the program's allocator: that may free the manager.
fn with<R: Default>(root: &Root, f: impl FnOnce(&mut Resolver) -> R) -> R {
    let resolver = root.extensions.get_or_init::<RefCell<Resolver>>();
    resolver.map(|resolver| f(&mut resolver.borrow_mut())).unwrap_or_default()
}

/// The resolver as the loop sees it.
pub struct Lookups;

impl Names for Lookups {
    fn start(&self, c: Conn, host: &[u8]) {
        start(c, host);
    }

    fn ask_for_more(&self, c: Conn, host: &[u8], error: &[u8]) -> bool {
        ask_for_more(c, host, error)
    }

    fn cancel(&self, c: Conn) {
        cancel(c);
    }

    fn expire(&self, m: Mgr, root: &Root, now: u64) {
        expire(m, root, now);
    }
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
    if is_localhost(name) {
        let mut loopback = [Addr::from_text(b"127.0.0.1"), Addr::from_text(b"::1")];
        if use_dns6(m) {
            loopback.reverse();
        }
        let addresses: Vec<Addr> = loopback.into_iter().flatten().collect();
        return finish(c, &addresses, None);
    }
    if is_local(name) {
        return start_mdns(m, root, c, state, name);
    }
    if server::uses_system(m)
        && let Some(addr) = system::host(name)
    {
        return finish(c, &[addr], None);
    }
    let kind = if use_dns6(m) { dns::TYPE_AAAA } else { dns::TYPE_A };
    if let Err(lost) = begin(m, root, Lookup::new(m, root, state, kind, host)) {
        fail(c, lost);
    }
}

/// All addresses of a host failed with `error`: asks for those of the other type. False: there is
/// no server to ask.
fn ask_for_more(c: Conn, host: &[u8], error: &[u8]) -> bool {
    let (Some(m), Some(state)) = (c.mgr(), ConnState::of(c).filter(|s| !s.is(is::CLOSED))) else {
        return false;
    };
    let Some(root) = Root::of(m) else { return false };
    let mut lookup = Lookup::new(m, root, state, dns::TYPE_AAAA, host);
    // The name is known by now.
    lookup.name = host.to_vec();
    lookup.others = Vec::new().into_iter();
    lookup.after = Some(error.to_vec());
    begin(m, root, lookup).is_ok()
}

/// Sends the first query of a lookup.
fn begin(m: Mgr, root: &Root, mut lookup: Lookup) -> Result<(), &'static [u8]> {
    match lookup.send(m, root) {
        Sent::Nowhere => Err(b"resolver"),
        sent => {
            let c = root.find(lookup.conn);
            if let Some(c) = c.filter(|c| ConnState::of(*c).is_some_and(|s| !s.is(is::OWNS_FD))) {
                c.set(flag::RESOLVING);
            }
            if m.is_freed() {
                return Ok(());
            }
            add(m, root, lookup);
            if let Sent::Lost(server) = sent {
                // It closes, and then the lookup continues with another server, or fails.
                conn::error(server, b"DNS send");
            }
            Ok(())
        }
    }
}

/// `localhost` and all names below it are this machine, whatever servers say (RFC 6761, section
/// 6.3).
fn is_localhost(name: &[u8]) -> bool {
    let (rest, last) = name.split_at(name.len().saturating_sub(9));
    last.eq_ignore_ascii_case(b"localhost") && (rest.is_empty() || rest.ends_with(b"."))
}

/// `something.local`, in any case.
fn is_local(name: &[u8]) -> bool {
    name.len() > 6 && name[name.len() - 6..].eq_ignore_ascii_case(b".local")
}

fn add(m: Mgr, root: &Root, lookup: Lookup) {
    with(root, |resolver| resolver.lookups.push(lookup));
    lookups_changed(m, root);
}

fn use_dns6(m: Mgr) -> bool {
    // SAFETY: the manager's struct stays until it is freed.
    !m.is_freed() && unsafe { (*m.as_ptr()).use_dns6 }
}

/// Continues with what a server answered.
fn take_answer(m: Mgr, root: &Root, answer: Answer) {
    lookups_changed(m, root);
    let Answer { mut lookup, addresses, header } = answer;
    let Some(c) = root.find(lookup.conn) else { return };
    if !addresses.is_empty() {
        let may_have_more = lookup.kind == dns::TYPE_A && !use_dns6(m);
        return match lookup.after {
            Some(_) => resume(c, &addresses),
            None => finish(c, &addresses, may_have_more.then_some(lookup.name)),
        };
    }
    let code = header.code();
    let is_answer = matches!(code, dns::NO_ERROR | dns::NO_SUCH_NAME);
    let sent = if header.is_truncated() && !lookup.stream && lookup.came_as_datagram(root) {
        lookup.stream = true;
        lookup.send(m, root)
    } else if !is_answer && lookup.next_server() {
        lookup.send_again(m, root)
    } else if lookup.next_question(m, is_answer && code != dns::NO_SUCH_NAME) {
        lookup.send(m, root)
    } else {
        return fail_lookup_of(c, &lookup);
    };
    match sent {
        Sent::Out => add(m, root, lookup),
        Sent::Lost(server) if matches!(lookup.server, Server::System(_)) => {
            add(m, root, lookup);
            conn::error(server, b"DNS send");
        }
        sent => {
            if let Sent::Lost(server) = sent {
                conn::error(server, b"DNS send");
            }
            // There is no other server to ask: the answer is final.
            fail_lookup_of(c, &lookup);
        }
    }
}

/// The addresses are known: continues to connect to the first one. The others are for the case that it
/// fails or is slow; `host` is a name that may have addresses of the other type, too.
fn finish(c: Conn, addresses: &[Addr], host: Option<Vec<u8>>) {
    let Some(state) = ConnState::of(c) else { return };
    let mut all = in_turns(addresses, c.rem().port);
    let Some(first) = all.pop_front() else { return };
    if !state.is(is::OWNS_FD) && !c.has(flag::UDP) {
        race::prepare(state, all, host.map(Vec::into_boxed_slice));
    }
    c.set_rem(first);
    connect_resolved(c);
}

/// The further addresses are known.
fn resume(c: Conn, addresses: &[Addr]) {
    let Some(state) = ConnState::of(c) else { return };
    race::prepare(state, in_turns(addresses, c.rem().port), None);
    connect::resume(c);
}

/// Addresses with a port, those of both families in turns (RFC 8305, section 4).
fn in_turns(addresses: &[Addr], port: u16) -> VecDeque<Addr> {
    let all = addresses.iter().map(|a| Addr { port, ..*a });
    let first_is_ip6 = addresses.first().is_some_and(|a| a.is_ip6);
    let (same, other): (Vec<Addr>, Vec<Addr>) = all.partition(|a| a.is_ip6 == first_is_ip6);
    let (mut same, mut other) = (same.into_iter(), other.into_iter());
    core::iter::from_fn(|| Some([same.next(), other.next()]))
        .take(addresses.len())
        .flatten()
        .flatten()
        .collect()
}

/// A lookup has no result.
fn fail_lookup_of(c: Conn, lookup: &Lookup) {
    match &lookup.after {
        Some(error) => fail(c, error),
        None => fail_lookup(c, &lookup.host),
    }
}

fn fail_lookup(c: Conn, name: &[u8]) {
    fail(c, &[name, b" DNS lookup failed"].concat());
}

/// A lookup failed. A connection that has a socket of its own continues with it.
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
    let mut lookup = Lookup::new(m, root, state, dns::TYPE_A, name);
    lookup.server = Server::Mdns;
    lookup.name = name.to_vec();
    lookup.deadline = clock::millis().saturating_add(MDNS_TIMEOUT);
    add(m, root, lookup);
}

/// A multicast answer names a host: connections that wait for it continue.
pub fn mdns_found(m: Mgr, name: &[u8], addr: &Addr) {
    let Some(root) = Root::of(m) else { return };
    let waiting = take(m, root, |l| l.server == Server::Mdns && l.name.eq_ignore_ascii_case(name));
    for lookup in waiting {
        if let Some(c) = root.find(lookup.conn) {
            finish(c, core::slice::from_ref(addr), None);
        }
    }
}

/// The multicast listener closed: what waits for it fails.
pub fn mdns_gone(m: Mgr) {
    let Some(root) = Root::of(m) else { return };
    fail_all(m, root, |l| l.server == Server::Mdns, b"mDNS listener error");
}

/// A connection to a server closed. A server may end an idle one while a query is on its way, which
/// `was_up` tells from one that refuses connections: then the query goes out once more. Other servers
/// of the system are asked next.
fn server_gone(m: Mgr, root: &Root, via: Token, was_up: bool) {
    for mut lookup in take(m, root, |l| l.was_asked(via)) {
        let Some(c) = root.find(lookup.conn) else { continue };
        lookup.answered_by(via);
        lookup.asked.retain(|(asked, _)| *asked != via);
        let again = was_up && !lookup.moved && !c.has(flag::CLOSING);
        lookup.moved = true;
        let may_go_on = !c.has(flag::CLOSING) && (again || lookup.next_server());
        match if may_go_on { lookup.send_again(m, root) } else { Sent::Nowhere } {
            Sent::Out => add(m, root, lookup),
            Sent::Lost(server) => {
                add(m, root, lookup);
                conn::error(server, b"DNS send");
            }
            // Another server may answer yet.
            _ if !lookup.asked.is_empty() && may_go_on => add(m, root, lookup),
            _ => match &lookup.after {
                Some(error) => fail(c, error),
                None => fail(c, b"DNS error"),
            },
        }
    }
}

fn fail_all(m: Mgr, root: &Root, which: impl Fn(&Lookup) -> bool, text: &[u8]) {
    for lookup in take(m, root, which) {
        if let Some(c) = root.find(lookup.conn) {
            fail(c, lookup.after.as_deref().unwrap_or(text));
        }
    }
}

/// Takes lookups out of the list.
fn take(m: Mgr, root: &Root, which: impl Fn(&Lookup) -> bool) -> Vec<Lookup> {
    let taken: Vec<Lookup> =
        with(root, |resolver| resolver.lookups.extract_if(.., |lookup| which(lookup)).collect());
    if !taken.is_empty() {
        lookups_changed(m, root);
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

/// Tells the loop when to look at the lookups again, and programs whether there are any.
fn lookups_changed(m: Mgr, root: &Root) {
    let (dns, mdns, due) = with(root, |resolver| {
        let lookups = &resolver.lookups;
        let any = |mdns| lookups.iter().any(|l| (l.server == Server::Mdns) == mdns);
        // A lookup is late when the time is beyond its deadline.
        let due =
            lookups.iter().map(|l| l.repeat.unwrap_or(l.deadline).min(l.deadline).saturating_add(1)).min();
        (any(false), any(true), due)
    });
    root.names_due.set(due.unwrap_or(u64::MAX));
    if m.is_freed() {
        return;
    }
    let mark = |active: bool| if active { ptr::from_ref(root).cast_mut().cast() } else { ptr::null_mut() };
    // SAFETY: fields of a manager that is not freed; these pointers are not followed.
    unsafe {
        (*m.as_ptr()).active_dns_requests = mark(dns);
        (*m.as_ptr()).active_mdns_requests = mark(mdns);
    }
}

/// Repeats queries that were not answered, and fails lookups whose time is up.
fn expire(m: Mgr, root: &Root, now: u64) {
    fail_all(m, root, |l| l.server == Server::Mdns && now > l.deadline, b"mDNS timeout");
    fail_all(m, root, |l| now > l.deadline, b"DNS timeout");
    for mut lookup in take(m, root, |l| l.repeat.is_some_and(|at| now > at)) {
        lookup.turn_to_next();
        lookup.plan_repeat(now);
        match lookup.send_again(m, root) {
            Sent::Out => add(m, root, lookup),
            Sent::Lost(server) => {
                add(m, root, lookup);
                conn::error(server, b"DNS send");
            }
            // An answer may still come.
            Sent::Nowhere => add(m, root, lookup),
        }
    }
}
