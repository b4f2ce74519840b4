//! Several addresses of one name: attempts to connect that overlap, of which the first to succeed
//! becomes the connection (RFC 8305).

use super::conn::{self, register};
use super::handle::Conn;
use super::listen::tune_stream;
use super::state::{ConnState, Root, ready};
use super::{clock, deadline, sys};
use crate::abi::Addr;
use core::cell::Cell;
use core::ffi::c_int;
use mio::unix::SourceFd;
use socket2::{Domain, SockAddr, Socket, Type};
use std::collections::VecDeque;
use std::os::fd::{AsRawFd, FromRawFd, IntoRawFd, OwnedFd};

/// Milliseconds until the next attempt starts while the last one has not failed (RFC 8305, section
/// 5).
const ATTEMPT_DELAY: u64 = 250;

/// What is left of a name's addresses.
#[derive(Default)]
pub struct Race {
    /// Addresses that were not tried yet.
    waiting: VecDeque<Addr>,
    /// Earlier attempts that continue beside that of `c->fd`.
    earlier: Vec<(OwnedFd, Addr)>,
    /// The name, when it may have addresses of the other family, which are asked for if all of
    /// these fail.
    pub host: Option<Box<[u8]>>,
}

/// The state of a race.
pub enum RaceOutcome {
    /// `c->fd` is connected.
    Won,
    /// Attempts are open.
    Open,
    /// The last attempt failed with this error.
    Lost(c_int),
}

/// What is left to try, taken out of its place.
type Slot = Cell<Option<Box<Race>>>;

/// Takes what is left to try from its connection.
pub fn take(state: &ConnState) -> Option<Box<Race>> {
    state.extensions.get::<Slot>()?.take()
}

/// Puts it back. Without memory there are no further attempts.
fn put(state: &ConnState, race: Box<Race>) {
    if let Some(slot) = state.extension::<Slot>() {
        slot.set(Some(race));
    }
}

/// Prepares attempts for the addresses that follow the first one.
pub fn prepare(state: &ConnState, others: VecDeque<Addr>, host: Option<Box<[u8]>>) {
    let race = Race { waiting: others, earlier: Vec::new(), host };
    let is_empty = race.waiting.is_empty() && race.host.is_none();
    drop(take(state));
    if !is_empty {
        put(state, Box::new(race));
    }
}

/// The attempt of `c->fd` has started: plans the next one.
pub fn plan(c: Conn, state: &ConnState) {
    let race = take(state);
    let more = race.as_ref().is_some_and(|race| !race.waiting.is_empty());
    state.next_attempt.set(if more { clock::millis().saturating_add(ATTEMPT_DELAY) } else { 0 });
    if let Some(race) = race {
        put(state, race);
    }
    deadline::rearm(c);
}

/// The last attempt takes its time: starts the next one beside it.
pub fn start_next(c: Conn) {
    let Some(state) = ConnState::of(c) else { return };
    let Some(mut race) = take(state) else { return state.next_attempt.set(0) };
    if let Some((socket, addr)) = open(&mut race.waiting) {
        // SAFETY: the connection owned the descriptor, and gets another one in its place.
        let earlier = unsafe { OwnedFd::from_raw_fd(c.fd()) };
        race.earlier.push((earlier, c.rem()));
        enter(c, socket.into(), addr);
    }
    put(state, race);
    plan(c, state);
}

/// Looks at all attempts, after one of their sockets had an event.
pub fn judge(c: Conn) -> RaceOutcome {
    let (Some(state), Some(root)) = (ConnState::of(c), c.mgr().and_then(Root::of)) else {
        return RaceOutcome::Lost(libc::ECONNABORTED);
    };
    let Some(mut race) = take(state) else { return single(c) };
    let alone = race.earlier.is_empty();
    let outcome = match attempt(c.fd()) {
        RaceOutcome::Open if alone => RaceOutcome::Lost(libc::ENOTCONN),
        outcome => outcome,
    };
    if let RaceOutcome::Won = outcome {
        return outcome;
    }
    let mut winner = None;
    race.earlier = race
        .earlier
        .drain(..)
        .filter_map(|(fd, addr)| match attempt(fd.as_raw_fd()) {
            RaceOutcome::Won if winner.is_none() => {
                winner = Some((fd, addr));
                None
            }
            RaceOutcome::Lost(_) => None,
            _ => Some((fd, addr)),
        })
        .collect();
    let outcome = if let Some((fd, addr)) = winner {
        conn::drop_fd(root, c, state);
        leave(root, &fd);
        enter(c, fd, addr);
        return RaceOutcome::Won;
    } else if let RaceOutcome::Lost(_) = outcome
        && let Some((fd, addr)) = next(&mut race, root)
    {
        conn::drop_fd(root, c, state);
        enter(c, fd, addr);
        RaceOutcome::Open
    } else {
        outcome
    };
    state.used_up(ready::READ | ready::WRITE | ready::HANGUP | ready::ERROR);
    put(state, race);
    plan(c, state);
    outcome
}

/// Connecting to the address of `c->fd` failed at once: continues with the next one.
pub fn give_up(c: Conn) -> RaceOutcome {
    let (Some(state), Some(root)) = (ConnState::of(c), c.mgr().and_then(Root::of)) else {
        return RaceOutcome::Lost(libc::ECONNABORTED);
    };
    let Some(mut race) = take(state) else { return RaceOutcome::Lost(0) };
    let outcome = match open(&mut race.waiting) {
        Some((socket, addr)) => {
            conn::drop_fd(root, c, state);
            enter(c, socket.into(), addr);
            RaceOutcome::Open
        }
        None => RaceOutcome::Lost(0),
    };
    put(state, race);
    plan(c, state);
    outcome
}

/// Starts with the prepared addresses on a connection that has no socket any more.
pub fn restart(c: Conn) -> RaceOutcome {
    let Some(state) = ConnState::of(c) else { return RaceOutcome::Lost(libc::ECONNABORTED) };
    let Some(mut race) = take(state) else { return RaceOutcome::Lost(libc::EHOSTUNREACH) };
    let outcome = match open(&mut race.waiting) {
        Some((socket, addr)) => {
            enter(c, socket.into(), addr);
            RaceOutcome::Open
        }
        None => RaceOutcome::Lost(libc::EHOSTUNREACH),
    };
    put(state, race);
    plan(c, state);
    outcome
}

/// Nothing beside `c->fd`.
fn single(c: Conn) -> RaceOutcome {
    match attempt(c.fd()) {
        RaceOutcome::Open => RaceOutcome::Lost(libc::ENOTCONN),
        outcome => outcome,
    }
}

/// What takes the place of an attempt that failed: the next address, or an earlier attempt.
fn next(race: &mut Race, root: &Root) -> Option<(OwnedFd, Addr)> {
    if let Some((socket, addr)) = open(&mut race.waiting) {
        return Some((socket.into(), addr));
    }
    race.earlier.pop().inspect(|(fd, _)| leave(root, fd))
}

fn attempt(fd: c_int) -> RaceOutcome {
    match sys::take_error(fd) {
        0 => match sys::peer_error(fd).err().and_then(|e| e.raw_os_error()) {
            None => RaceOutcome::Won,
            Some(libc::ENOTCONN) => RaceOutcome::Open,
            Some(errno) => RaceOutcome::Lost(errno),
        },
        errno => RaceOutcome::Lost(errno),
    }
}

/// Starts to connect to the first address that the system does not refuse at once.
fn open(waiting: &mut VecDeque<Addr>) -> Option<(Socket, Addr)> {
    while let Some(addr) = waiting.pop_front() {
        let to: SockAddr = addr.to_socket().into();
        let domain = Domain::from(c_int::from(to.family()));
        let Ok(socket) = Socket::new(domain, Type::STREAM.nonblocking().cloexec(), None) else { continue };
        match socket.connect(&to) {
            Err(e) if e.raw_os_error() != Some(libc::EINPROGRESS) => {}
            _ => return Some((socket, addr)),
        }
    }
    None
}

/// Makes an attempt that of `c->fd`.
fn enter(c: Conn, fd: OwnedFd, addr: Addr) {
    c.set_rem(addr);
    c.set_fd(fd.into_raw_fd());
    tune_stream(c.fd(), &c.mgr().map_or_else(Default::default, conn::settings_of), None);
    super::dscp::apply(c);
    register(c, false);
}

/// An earlier attempt is still known to the poller.
fn leave(root: &Root, fd: &OwnedFd) {
    root.with(|inner| {
        if let Some(poll) = inner.poll.as_ref().filter(|_| !inner.was_forked()) {
            let _ = poll.registry().deregister(&mut SourceFd(&fd.as_raw_fd()));
        }
    });
}
