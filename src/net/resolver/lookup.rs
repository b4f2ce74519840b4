//! A lookup: which names are asked for, of which servers, and how often.

use super::server::{self, Server};
use super::{system, use_dns6};
use crate::abi::flag;
use crate::codec::dns;
use crate::net::event_loop::handle::{Conn, Mgr};
use crate::net::event_loop::state::{ConnState, Root, Token};
use crate::net::event_loop::{clock, mem};
use std::ffi::CString;
use std::rc::Rc;
use std::vec;

/// A name that a connection waits for.
pub(super) struct Lookup {
    pub(super) conn: Token,
    pub(super) server: Server,
    /// The servers of the system, if it is they that are asked.
    pub(super) servers: Rc<[CString]>,
    /// Those of them that did not answer the question, one bit each.
    pub(super) failed: u8,
    /// Over TCP, after a truncated answer.
    pub(super) stream: bool,
    /// Who carried the query, and for which server: the answer must come from one of them.
    pub(super) asked: Vec<(Token, Server)>,
    pub(super) id: u16,
    pub(super) kind: u16,
    /// The name that is asked for now.
    pub(super) name: Vec<u8>,
    /// The names that are asked for if that one does not exist.
    pub(super) others: vec::IntoIter<Vec<u8>>,
    /// What the program asked for.
    pub(super) host: Vec<u8>,
    pub(super) deadline: u64,
    /// When the query is sent again, to the next server if there are several.
    pub(super) repeat: Option<u64>,
    /// How many times that happens, and after how long.
    pub(super) repeats: u32,
    pub(super) interval: u64,
    /// It was sent once more because a server had closed its connection.
    pub(super) moved: bool,
    /// The addresses of the first type failed with this error. The connection reports it if there are
    /// no others.
    pub(super) after: Option<Vec<u8>>,
}

/// What became of a query.
pub(super) enum Sent<'g> {
    Out,
    /// The connection to the server does not work.
    Lost(Conn<'g>),
    /// There is no connection to a server.
    Nowhere,
}

impl Lookup {
    pub(super) fn new(m: Mgr, root: &Root, state: &ConnState, kind: u16, host: &[u8]) -> Lookup {
        let name = host.strip_suffix(b".").unwrap_or(host);
        let mut lookup = Lookup {
            conn: state.token.get(),
            server: server::own_server(m, kind),
            servers: Rc::new([]),
            failed: 0,
            stream: false,
            asked: Vec::new(),
            id: 0,
            kind,
            name: name.to_vec(),
            others: Vec::new().into_iter(),
            host: name.to_vec(),
            deadline: 0,
            repeat: None,
            repeats: 0,
            interval: 0,
            moved: false,
            after: None,
        };
        if server::uses_system(m) {
            let config = system::Config::read();
            lookup.servers = server::system_servers(&config);
            let turn = super::with(root, |resolver| {
                resolver.turn = resolver.turn.wrapping_add(1);
                resolver.turn
            });
            lookup.server = Server::System(if config.rotate { turn % lookup.servers.len() } else { 0 });
            let mut names = config.candidates(host);
            names.retain(|name| dns::encode_name(name, true, &mut [0; dns::NAME_MAX]).is_some());
            lookup.others = names.into_iter();
            lookup.name = lookup.others.next().unwrap_or(lookup.name);
        }
        lookup
    }

    /// Whether there is a way to ask for more than a datagram holds.
    pub(super) fn came_as_datagram(&self, root: &Root) -> bool {
        let via = |token| root.find(token);
        self.asked.iter().any(|(token, _)| via(*token).is_some_and(|c| c.has(flag::UDP)))
    }

    pub(super) fn was_asked(&self, via: Token) -> bool {
        self.asked.iter().any(|(asked, _)| *asked == via)
    }

    /// Continues with the server that answered.
    pub(super) fn answered_by(&mut self, via: Token) {
        if let Some((_, server)) = self.asked.iter().find(|(asked, _)| *asked == via) {
            self.server = *server;
        }
    }

    /// Sends the query, with a new id and a fresh deadline.
    pub(super) fn send<'g>(&mut self, m: Mgr<'g>, root: &'g Root) -> Sent<'g> {
        let (timeout, now) = (timeout_of(m), clock::millis());
        // The allocator, the clock and the random bytes may be the program's, which may free the
        // manager.
        let Some(id) = fresh_id(root).filter(|_| !m.is_freed()) else { return Sent::Nowhere };
        self.id = id;
        self.asked.clear();
        self.moved = false;
        self.deadline = now.saturating_add(timeout);
        // Each server is asked twice; at equal intervals, since the whole has one time limit.
        self.repeats = 2 * self.servers.len().max(1) as u32;
        self.interval = timeout / u64::from(self.repeats);
        let sent = self.send_again(m, root);
        let may_be_lost = |via: Token| root.find(via).is_some_and(|c| c.has(flag::UDP));
        if !matches!(sent, Sent::Nowhere) && self.asked.iter().all(|(via, _)| may_be_lost(*via)) {
            self.plan_repeat(now);
        }
        sent
    }

    pub(super) fn plan_repeat(&mut self, now: u64) {
        self.repeats = self.repeats.saturating_sub(1);
        self.repeat = (self.repeats > 0).then(|| now.saturating_add(self.interval));
    }

    /// Sends the query once more: an answer to the first one is as good.
    pub(super) fn send_again<'g>(&mut self, m: Mgr<'g>, root: &'g Root) -> Sent<'g> {
        let via = loop {
            match server::connection(m, root, self) {
                Some(via) => break via,
                None if self.next_server() => {}
                None => return Sent::Nowhere,
            }
        };
        let token = ConnState::of(via).map_or(Token::default(), |s| s.token.get());
        if !self.was_asked(token) {
            self.asked.push((token, self.server));
        }
        if server::send_query(via, self.id, self.kind, &self.name) { Sent::Out } else { Sent::Lost(via) }
    }

    /// Notes that the server does not help. False if there is no other one that might.
    pub(super) fn next_server(&mut self) -> bool {
        if let Server::System(at) = self.server {
            self.failed |= 1 << at;
        }
        self.turn_to_next()
    }

    /// Turns to the next server of the system that has not failed.
    pub(super) fn turn_to_next(&mut self) -> bool {
        let Server::System(at) = self.server else { return false };
        let count = self.servers.len();
        let next = (1..=count).map(|step| (at + step) % count).find(|next| self.failed & 1 << next == 0);
        if let Some(next) = next {
            self.server = Server::System(next);
        }
        next.is_some()
    }

    /// Prepares the question that follows one whose answer has no address. False if there is none.
    pub(super) fn next_question(&mut self, m: Mgr, exists: bool) -> bool {
        self.stream = false;
        self.failed = 0;
        let other = if let Server::System(_) = self.server {
            self.server
        } else {
            server::own_server(m, dns::TYPE_AAAA)
        };
        // Where a name does not exist, or cannot be found, the same server need not be asked again.
        if self.kind == dns::TYPE_A && !use_dns6(m) && (exists || other != self.server) {
            self.server = other;
            self.kind = dns::TYPE_AAAA;
            return true;
        }
        let Some(name) = self.others.next() else { return false };
        self.name = name;
        self.kind = if use_dns6(m) { dns::TYPE_AAAA } else { dns::TYPE_A };
        true
    }
}

/// A random id that no open lookup has.
fn fresh_id(root: &Root) -> Option<u16> {
    loop {
        let id = u16::from_ne_bytes(mem::random()?);
        if super::with(root, |resolver| resolver.lookups.iter().all(|l| l.id != id)) {
            return Some(id);
        }
    }
}

fn timeout_of(m: Mgr) -> u64 {
    if m.is_freed() {
        return 0;
    }
    // SAFETY: the manager's struct stays until it is freed.
    u64::try_from(unsafe { (*m.as_ptr()).dnstimeout }).unwrap_or(0)
}
