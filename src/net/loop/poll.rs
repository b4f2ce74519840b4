//! The event loop: one call of `mg_mgr_poll`.
//!
//! A poll waits, runs timers, fires `MG_EV_POLL`, and gives a turn to each connection that has work.
//! Its cost grows with the number of sockets that are ready. The two walks over all connections
//! (before the wait, for what programs changed by hand, and for `MG_EV_POLL`) are exact up to
//! [`EXACT_WALKS_MAX`] connections; beyond, they are done every [`WALK_MS`] milliseconds under load.

use super::clock::millis;
use super::conn::{self, To, close, queue};
use super::deadline::{self, Limit};
use super::handle::{Conn, Mgr};
use super::state::{ConnState, Inner, Root, Token, is, ready};
use super::{io, log, memory, race, timer};
use crate::abi::{MG_EV_POLL, MG_EV_READ, Setting, flag};
use core::ffi::c_int;
use core::mem::size_of;
use mio::event::Event;
use std::time::Duration;

/// Number of connections beyond which the walks are rationed under load.
const EXACT_WALKS_MAX: usize = 1000;
/// How far apart rationed walks are, in milliseconds.
const WALK_MS: u64 = 10;
/// How far ahead a walk over many connections fetches memory.
const PREFETCH_AHEAD: usize = 8;
/// Bytes of buffers that are worth telling the system.
const TRIM_BYTES: usize = 4 << 20;
/// Idle buffers are given back after this many milliseconds.
const IDLE_MS: u64 = 1000;
/// Rounds of writing output that handlers of WRITE queue in turn.
const OUTPUT_ROUNDS: usize = 4;

/// Runs one turn of the loop, waiting at most `ms` milliseconds (negative: without limit).
pub fn poll(m: Mgr, ms: c_int) {
    let Some(root) = Root::of(m) else {
        super::sys::sleep_ms(ms);
        return;
    };
    let (forked, few) = root.with(|inner| (inner.was_forked(), inner.table.len() <= EXACT_WALKS_MAX));
    if forked {
        renew_poller(m, root);
    }
    let search = few || root.was_idle.get();
    let (deadline, had_work) = root.with(|inner| {
        let deadline = if search { find_work(inner) } else { u64::MAX };
        (deadline, !inner.queue.is_empty() || !inner.output.is_empty())
    });
    let soonest = deadline.min(root.names_due.get());
    // The clock is code of the program: it is asked when the wait depends on it.
    let is_timed = soonest < u64::MAX || !m.timers().is_null() || root.before_wait.get().is_some();
    let before = if is_timed { millis() } else { 0 };
    if root.is_freed() {
        return;
    }
    let limit = if had_work { Some(0) } else { wait_limit(m, ms, before, search, soonest) };
    let chosen = before_wait(m, root, limit);
    if root.is_freed() {
        return;
    }
    let got_events = wait(root, chosen);
    let now = millis();
    // A program that waits by itself may only have looked for events: then this was no idle turn.
    let only_looked =
        chosen == Some(0) && limit.is_none_or(|limit| now.saturating_sub(before) < limit) && !search;
    let was_idle = !got_events && !only_looked;
    root.now.set(now);
    root.was_idle.set(was_idle && !had_work);
    let walk = search || was_idle || now.saturating_sub(root.last_walk.get()) >= WALK_MS;

    if !root.is_freed() && !m.timers().is_null() {
        // SAFETY: the manager's list is valid; timers on it are the program's or ours.
        unsafe { timer::poll(m.timers_head(), now, || !root.is_freed()) };
    }
    if walk && !root.is_freed() {
        fire_poll(m, root, now);
    }
    dispatch(root, now);
    memory::relieve(root, now);
    // An answer that this poll brought comes before its deadline.
    if now >= root.names_due.get() && !root.is_freed() {
        root.services.names.expire(m, root, now);
    }
}

/// How long to wait: not beyond `ms`, the next timer, the `soonest` deadline, or the next rationed walk.
fn wait_limit(m: Mgr, ms: c_int, now: u64, searched: bool, soonest: u64) -> Option<u64> {
    let mut limit = u64::try_from(ms).ok();
    let mut lower = |to: u64| limit = Some(limit.map_or(to, |l| l.min(to)));
    if let Some(due) = timer::next_due(m, now) {
        lower(due);
    }
    if soonest < u64::MAX {
        lower(soonest.saturating_sub(now));
    }
    if !searched {
        lower(WALK_MS);
    }
    limit
}

/// Lets the program's function have its say about a wait that is not 0.
fn before_wait(m: Mgr, root: &Root, limit: Option<u64>) -> Option<u64> {
    if limit == Some(0) {
        return limit;
    }
    let Some((f, arg)) = root.before_wait.get() else { return limit };
    let ms = limit.map_or(-1, |l| c_int::try_from(l).unwrap_or(c_int::MAX));
    // SAFETY: the program vouches for the function and its argument; no reference is held.
    u64::try_from(unsafe { f(m.as_ptr(), ms, arg) }).ok()
}

/// Longest wait without a poller, in milliseconds.
const BLIND_WAIT_MS: u64 = 1000;

/// Waits for I/O and notes what became ready. True when there was any.
fn wait(root: &Root, limit: Option<u64>) -> bool {
    let outcome = root.with(|inner| {
        unmark(inner);
        let poll = inner.poll.as_mut()?;
        let outcome = poll.poll(&mut inner.events, limit.map(Duration::from_millis));
        Some(outcome.map(|()| take_events(inner)))
    });
    match outcome {
        Some(Ok(any)) => any,
        // A signal ends the wait as if the time were over.
        Some(Err(e)) if e.kind() == std::io::ErrorKind::Interrupted => false,
        // Without a poller there is no I/O, but the program's loop must not spin.
        failed => {
            if let Some(Err(e)) = failed {
                log::error(format_args!("epoll_wait: {e}"));
            }
            super::sys::sleep_ms(limit.map_or(BLIND_WAIT_MS, |l| l.min(BLIND_WAIT_MS)) as c_int);
            false
        }
    }
}

/// Queues the connections that became ready. True when there was an event.
fn take_events(inner: &mut Inner) -> bool {
    let Inner { events, table, queue, .. } = inner;
    for event in events.iter() {
        let token = Token(event.token().0 as u64);
        if let Some((c, state)) = table.get(token).and_then(|c| Some((c, c.state()?))) {
            note(c, state, event);
            if !state.is(is::QUEUED) {
                state.mark(is::QUEUED);
                queue.push(token);
            }
        }
    }
    !events.is_empty()
}

/// Notes an event in the connection's state and in the bits that programs look at.
fn note(c: Conn, state: &ConnState, event: &Event) {
    if event.is_readable() {
        state.announce(ready::READ);
    }
    if event.is_writable() {
        state.announce(ready::WRITE);
    }
    if event.is_read_closed() {
        state.announce(ready::READ | ready::HANGUP);
    }
    if event.is_error() {
        state.announce(ready::READ | ready::ERROR);
    }
    if state.can(ready::READ) && !c.has(flag::FULL) {
        c.set(flag::READABLE);
    }
    if state.can(ready::WRITE) && (c.has(flag::CONNECTING) || c.send().len() > 0) {
        c.set(flag::WRITABLE);
    }
}

/// Clears the READABLE and WRITABLE bits that the previous poll set.
fn unmark(inner: &mut Inner) {
    let Inner { marked, table, .. } = inner;
    for token in marked.drain(..) {
        if let Some(c) = table.get(token) {
            c.clear(flag::READABLE | flag::WRITABLE);
        }
    }
}

/// Walks all connections for work that needs no network event: flags and output that the program
/// set by hand, readiness that could not be used before.
///
/// Returns when the first connection's time is up.
fn find_work(inner: &mut Inner) -> u64 {
    let Inner { table, queue, .. } = inner;
    let mut soonest = u64::MAX;
    for c in table.iter() {
        let Some(state) = c.state() else { continue };
        soonest = soonest.min(state.deadline.get());
        if has_work(c, state) && state.in_handler.get() == 0 && !state.is(is::QUEUED) {
            state.mark(is::QUEUED);
            queue.push(state.token.get());
        }
    }
    soonest
}

/// True when a connection has something to do. Most have nothing, which takes few looks.
#[inline]
fn has_work(c: Conn, state: &ConnState) -> bool {
    let flags = c.flags();
    let is_quiet = flags & (flag::CLOSING | flag::DRAINING | flag::TLS) == 0
        && c.send().len() == 0
        && !state.can(ready::READ | ready::ERROR | ready::HANGUP)
        && !state.has_source();
    !is_quiet && has_work_at(c, state, flags)
}

fn has_work_at(c: Conn, state: &ConnState, flags: u32) -> bool {
    if flags & flag::CLOSING != 0 {
        return true;
    }
    let output = io::has_output(c, state);
    if flags & flag::DRAINING != 0 && !output && !state.is(is::LINGERING) {
        return true;
    }
    if flags & flag::RESOLVING != 0 {
        return false;
    }
    if io::has_input(c, state)
        && flags & (flag::FULL | flag::CONNECTING) == 0
        && !state.is(is::RETRY | is::STARVED)
        && !io::is_held_back(c, state)
    {
        return true;
    }
    if io::is_abandoned(c, state) {
        return true;
    }
    output && state.can(ready::WRITE) && flags & (flag::CONNECTING | flag::TLS_HS) == 0
}

/// Fires `MG_EV_POLL` on all connections, newest first, and finds what its handlers changed.
fn fire_poll(m: Mgr, root: &Root, now: u64) {
    root.last_walk.set(now);
    let trim = now.saturating_sub(root.last_trim.get()) >= IDLE_MS;
    if trim {
        root.last_trim.set(now);
    }
    if root.with(|inner| inner.table.len()) <= EXACT_WALKS_MAX {
        let mut at = first(m);
        while let Some(c) = at {
            // The successor is read before the handler runs; should the handler close it, its
            // memory and its link stay until this poll is over.
            at = root.next(m, c);
            poll_one(root, c, now, trim);
        }
    } else {
        // With many connections the order of the list is not worth a cache miss for each link.
        let newest = m.next_id();
        let slots = root.with(|inner| inner.table.slots());
        for slot in (0..slots).rev() {
            let (c, ahead) = (root.in_slot(slot), root.in_slot(slot.wrapping_sub(PREFETCH_AHEAD)));
            if let Some(ahead) = ahead {
                ahead.prefetch(size_of::<ConnState>());
            }
            // Connections that handlers make now get their first event in the next poll.
            if let Some(c) = c.filter(|c| c.id() <= newest) {
                poll_one(root, c, now, trim);
            }
        }
    }
    if trim {
        release_memory(root);
    }
}

/// Lets the system have the memory of buffers that were given back. They lie between connections that
/// stay open, so the allocator would keep it.
fn release_memory(root: &Root) {
    if root.shrunk.get() >= TRIM_BYTES {
        root.shrunk.set(0);
        super::sys::release_free_memory();
    }
}

/// Fires `MG_EV_POLL` on one connection, at the handlers that have something to do at it.
fn poll_one(root: &Root, c: Conn, now: u64, trim: bool) {
    let Some(state) = c.state() else { return };
    if state.is(is::CLOSED) || state.in_handler.get() > 0 {
        return;
    }
    let was_resp = c.has(flag::RESP);
    let mut time = now;
    if now >= state.deadline.get() && expire(c, state, now) {
        // The event that tells it was fired.
    } else {
        let program = c.handler().is_some() && state.setting(Setting::MG_SET_POLL_EVENTS) != 0;
        let to = match (wants_poll(c, state), program) {
            (true, true) => Some(To::Both),
            (true, false) => Some(To::Protocol),
            (false, true) => Some(To::Program),
            (false, false) => None,
        };
        if let Some(to) = to {
            conn::fire(c, MG_EV_POLL, (&raw mut time).cast(), to);
        }
    }
    if was_resp && !c.has(flag::RESP) && !state.is(is::CLOSED) {
        conn::fire_count(c, MG_EV_READ, 0);
    }
    if state.is(is::CLOSED) {
        return;
    }
    if state.is(is::RETRY) || has_work(c, state) {
        queue(c);
    }
    if trim && now.saturating_sub(state.last_io.get()) >= IDLE_MS {
        root.shrunk.set(root.shrunk.get() + memory::shrink(c));
    }
}

/// True when a protocol handler has something to do at `MG_EV_POLL`. One that is not the engine's may
/// want anything.
#[inline]
fn wants_poll(c: Conn, state: &ConnState) -> bool {
    match c.protocol() {
        Some(protocol) => state.engine_of(protocol).is_none_or(|engine| engine.wants_poll(c)),
        None => false,
    }
}

/// Does what is due on a connection. True when that is its end.
fn expire(c: Conn, state: &ConnState, now: u64) -> bool {
    const ENDING: u32 = flag::CLOSING | flag::DRAINING;
    let before = c.flags() & ENDING;
    if state.is(is::STARVED) {
        queue(c);
    }
    match deadline::next(c, state, now) {
        Some((at, limit)) if now >= at && !c.has(flag::CLOSING) => match limit {
            Limit::Fail(reason) => conn::error(c, reason),
            Limit::Close => c.set(flag::CLOSING),
            Limit::Engine => {
                if let Some(engine) = state.engine() {
                    engine.on_deadline(c, now);
                }
            }
            Limit::NextAddress => race::start_next(c),
            Limit::Starved => {}
        },
        _ => {}
    }
    deadline::rearm_at(c, now);
    c.flags() & ENDING != before
}

/// Gives each queued connection its turn, then writes what handlers queued on other connections.
fn dispatch(root: &Root, now: u64) {
    // The three lists change roles, so that none is allocated anew: what had a turn is what the
    // next poll unmarks, and the list that was unmarked takes the next turns.
    let turns = root.with(|inner| core::mem::replace(&mut inner.queue, core::mem::take(&mut inner.marked)));
    for &token in &turns {
        if let Some((c, state)) = find(root, token) {
            state.unmark(is::QUEUED);
            io::turn(root, c, state, now);
        }
    }
    root.with(|inner| {
        let mut marked = turns;
        marked.append(&mut inner.marked);
        inner.marked = marked;
    });
    for _ in 0..OUTPUT_ROUNDS {
        if root.with(|inner| inner.output.is_empty()) {
            break;
        }
        let mut output = root.with(|inner| core::mem::take(&mut inner.output));
        for token in output.drain(..) {
            if let Some((c, state)) = find(root, token) {
                state.unmark(is::OUTPUT);
                if state.in_handler.get() > 0 {
                    conn::output_queued(c);
                } else {
                    io::flush(c, state, now);
                }
            }
        }
        root.with(|inner| recycle(&mut inner.output, output));
    }
}

/// Keeps the memory of a list that was worked off for the next poll.
fn recycle(list: &mut Vec<Token>, spare: Vec<Token>) {
    if list.is_empty() {
        *list = spare;
    }
}

fn find(root: &Root, token: Token) -> Option<(Conn<'_>, &ConnState)> {
    let c = root.find(token)?;
    Some((c, c.state()?))
}

/// After a fork: a poller of this process's own, with all connections registered.
fn renew_poller(m: Mgr, root: &Root) {
    root.with(Inner::renew_poller);
    m.set_epoll_fd(root.with(|inner| inner.poll.as_ref().map_or(-1, std::os::fd::AsRawFd::as_raw_fd)));
    let mut link = m.conns_ptr();
    while let Some(c) = m.linked(link) {
        link = c.next_ptr();
        if let Some(state) = ConnState::of(c).filter(|s| s.is(is::REGISTERED)) {
            state.unmark(is::REGISTERED);
            super::wakeup::renew(root, m, c);
            conn::register(c, false);
        }
    }
}

/// Frees a manager: all timers, then all connections with CLOSE, also those that handlers of CLOSE
/// make, then the poller.
pub fn free(m: Mgr) {
    /// Rounds after which connections that CLOSE handlers keep making are closed silently.
    const ROUNDS: usize = 100;
    timer::free_all(m);
    if let Some(root) = Root::of(m) {
        mark_all_closing(m);
        fire_poll(m, root, millis());
        for _ in 0..ROUNDS {
            mark_all_closing(m);
            close_all(m);
        }
        while let Some(c) = first(m) {
            c.set_handler(None);
            c.set_protocol(None);
            close(c);
        }
        timer::free_all(m);
    }
    Root::detach(m);
}

/// The newest connection. A handler of CLOSE may have freed the manager once more.
fn first(m: Mgr<'_>) -> Option<Conn<'_>> {
    if m.is_freed() { None } else { m.linked(m.conns_ptr()) }
}

fn mark_all_closing(m: Mgr) {
    let mut at = first(m);
    while let Some(c) = at {
        c.set(flag::CLOSING);
        at = m.linked(c.next_ptr());
    }
}

fn close_all(m: Mgr) {
    let mut at = first(m);
    while let Some(c) = at {
        at = m.linked(c.next_ptr());
        close(c);
    }
}
