//! The event loop: one call of `mg_mgr_poll`.
//!
//! A poll waits, runs timers, fires `MG_EV_POLL`, and gives a turn to each connection that has work.
//! Its cost grows with the number of sockets that are ready: all connections are walked (before the wait,
//! for what programs changed by hand, and for `MG_EV_POLL`) as often as their [`Pace`] says.

use super::clock::millis;
use super::conn::{self, close};
use super::handle::{Conn, Mgr};
use super::poll_event::{Pace, fire_poll, fire_some, time_out};
use super::state::{ConnState, Inner, Root, Token, is, ready};
use super::work::has_work;
use super::{io, log, memory, timer};
use crate::abi::flag;
use core::ffi::c_int;
use mio::event::Event;
use std::time::Duration;

/// Rounds of writing output that handlers of WRITE queue in turn.
const OUTPUT_ROUNDS: usize = 4;

/// Runs one turn of the loop, waiting at most `ms` milliseconds (negative: without limit).
pub fn poll(m: Mgr, ms: c_int) {
    let Some(root) = Root::of(m) else {
        super::sys::sleep_ms(ms);
        return;
    };
    let (forked, pace) = root.with(|inner| (inner.was_forked(), Pace::of(inner)));
    if forked {
        renew_poller(m, root);
    }
    let Some(waited) = await_work(m, root, ms, &pace) else { return };
    let now = waited.now;
    root.now.set(now);
    root.was_idle.set(waited.was_idle && !waited.had_work);

    if !root.is_freed() && !m.timers().is_null() {
        // SAFETY: the manager's list is valid; timers on it are the program's or ours.
        unsafe { timer::poll(m.timers_head(), now, || !root.is_freed()) };
    }
    if !root.is_freed() {
        let walks = waited.was_idle || pace.is_due(root, now);
        if walks {
            fire_poll(m, root, now, &pace);
        } else {
            fire_some(root, now);
        }
        time_out(root, now, walks);
    }
    dispatch(root, now);
    memory::relieve(root, now);
    // An answer that this poll brought comes before its deadline.
    if now >= root.names_due.get() && !root.is_freed() {
        root.services.names.expire(m, root, now);
    }
}

/// What became of a wait.
#[derive(Clone, Copy, PartialEq, Eq)]
enum WaitEnd {
    Events,
    Timeout,
    /// By a signal: the program wants to look at what that has set.
    Interrupted,
}

/// How a poll has waited.
struct Waited {
    /// The time afterwards.
    now: u64,
    /// Without I/O, and not because the program only looked for events.
    was_idle: bool,
    /// There was work before the wait.
    had_work: bool,
}

/// Waits for I/O, a timer, a deadline, or `ms` milliseconds. `None`: the manager was freed.
///
/// All connections are searched for work before a wait, or, while the loop is busy, once a short wait
/// has brought nothing.
fn await_work(m: Mgr, root: &Root, mut ms: c_int, pace: &Pace) -> Option<Waited> {
    let mut search = pace.is_exact() || (root.was_idle.get() && !pace.is_crowded());
    loop {
        let (had_work, deadline) = root.with(|inner| {
            if search {
                find_work(inner);
            }
            (!inner.queue.is_empty() || !inner.output.is_empty(), root.deadlines.soonest(&inner.table))
        });
        let soonest = deadline.min(root.names_due.get());
        // The clock is code of the program: it is asked when the wait depends on it.
        let is_timed =
            !search || soonest < u64::MAX || !m.timers().is_null() || root.before_wait.get().is_some();
        let before = if is_timed { millis() } else { 0 };
        if root.is_freed() {
            return None;
        }
        let whole = if had_work { Some(0) } else { wait_limit(m, ms, before, soonest) };
        let is_short = !search && whole.is_none_or(|ms| ms > pace.ms());
        let limit = if is_short { Some(pace.ms()) } else { whole };
        let chosen = before_wait(m, root, limit);
        if root.is_freed() {
            return None;
        }
        let outcome = wait(root, chosen);
        let now = millis();
        let passed = now.saturating_sub(before);
        let is_over = chosen == limit || limit.is_some_and(|limit| passed >= limit);
        if outcome == WaitEnd::Timeout && is_short && is_over && !root.is_freed() {
            search = true;
            if ms > 0 {
                let passed = passed.max(pace.ms());
                ms = c_int::try_from(passed).map_or(0, |passed| (ms - passed).max(0));
            }
            continue;
        }
        // A program that waits by itself may only have looked for events.
        let only_looked = chosen == Some(0) && !search && !is_over;
        return Some(Waited { now, was_idle: outcome != WaitEnd::Events && !only_looked, had_work });
    }
}

/// How long to wait: not beyond `ms`, the next timer, or the `soonest` deadline.
fn wait_limit(m: Mgr, ms: c_int, now: u64, soonest: u64) -> Option<u64> {
    let mut limit = u64::try_from(ms).ok();
    let mut lower = |to: u64| limit = Some(limit.map_or(to, |l| l.min(to)));
    if let Some(due) = timer::next_due(m, now) {
        lower(due);
    }
    if soonest < u64::MAX {
        lower(soonest.saturating_sub(now));
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

/// Waits for I/O and notes what became ready.
fn wait(root: &Root, limit: Option<u64>) -> WaitEnd {
    let outcome = root.with(|inner| {
        unmark(inner);
        let poll = inner.poll.as_mut()?;
        let outcome = poll.poll(&mut inner.events, limit.map(Duration::from_millis));
        Some(outcome.map(|()| take_events(inner)))
    });
    match outcome {
        Some(Ok(true)) => WaitEnd::Events,
        Some(Ok(false)) => WaitEnd::Timeout,
        Some(Err(e)) if e.kind() == std::io::ErrorKind::Interrupted => WaitEnd::Interrupted,
        // Without a poller there is no I/O, but the program's loop must not spin.
        failed => {
            if let Some(Err(e)) = failed {
                log::error(format_args!("epoll_wait: {e}"));
            }
            super::sys::sleep_ms(limit.map_or(BLIND_WAIT_MS, |l| l.min(BLIND_WAIT_MS)) as c_int);
            WaitEnd::Timeout
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
fn find_work(inner: &mut Inner) {
    let Inner { table, queue, .. } = inner;
    for c in table.iter() {
        let Some(state) = c.state() else { continue };
        if has_work(c, state) && state.in_handler.get() == 0 && !state.is(is::QUEUED) {
            state.mark(is::QUEUED);
            queue.push(state.token.get());
        }
    }
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
        let pace = root.with(|inner| Pace::of(inner));
        fire_poll(m, root, millis(), &pace);
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

/// The newest connection. A handler may have freed the manager.
pub(super) fn first(m: Mgr<'_>) -> Option<Conn<'_>> {
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
