//! How many bytes the connections of a manager hold, and what happens at `MG_SET_MEMORY_LIMIT`.
//!
//! What counts is the capacity of `recv`, `send` and `rtls`, and what protocols hold beside. It is
//! compared with what was counted before at the end of each turn, so it costs next to nothing while it
//! stays the same.
//!
//! At the limit a receive buffer does not grow: its connection is starved, and is not read. At the end of
//! the poll others make room: empty buffers first, then connections that have waited for their peers
//! for the longest time. A handler never runs while somebody asks for memory.

use super::conn::{self, queue};
use super::handle::{Conn, Mgr};
use super::state::{ConnState, Root, Token, is};
use crate::abi::{Setting, flag};

/// Milliseconds in which a connection that was neither read nor written has become idle: then its empty
/// buffers are given back.
pub const IDLE_MS: u64 = 1000;
/// Milliseconds after which a starved connection tries again, and after which those that hold the most
/// make room, idle or not.
const RETRY_MS: u64 = 100;
/// Starved connections that try again when memory was released.
const WAKE: usize = 64;

/// What a connection holds.
fn holds(c: Conn, state: &ConnState) -> usize {
    let buffers = c.recv().size().wrapping_add(c.send().size()).wrapping_add(c.rtls().size());
    buffers.wrapping_add(state.beside.get())
}

/// Counts what a connection holds now.
#[inline]
pub fn settle(c: Conn, state: &ConnState) {
    let now = holds(c, state);
    if now != state.held.get() {
        changed(state, now);
    }
}

/// A connection holds `now` bytes.
#[cold]
fn changed(state: &ConnState, now: usize) {
    let before = state.held.replace(now);
    let Some(root) = state.root() else { return };
    let woken = root.with(|inner| {
        let limit = inner.settings.size(Setting::MG_SET_MEMORY_LIMIT);
        let memory = &mut inner.memory;
        memory.held = memory.held.wrapping_sub(before).wrapping_add(now);
        root.is_full.set(limit > 0 && memory.held >= limit);
        let is_room = now < before && !memory.starved.is_empty() && !root.is_full.get();
        if is_room {
            let n = memory.starved.len().min(WAKE);
            memory.starved.drain(..n).collect()
        } else {
            Vec::new()
        }
    });
    for token in woken {
        if let Some(c) = root.find(token) {
            queue(c);
        }
    }
}

/// The limit of a manager is another one.
pub fn limit_changed(root: &Root) {
    root.with(|inner| {
        let limit = inner.settings.size(Setting::MG_SET_MEMORY_LIMIT);
        root.is_full.set(limit > 0 && inner.memory.held >= limit);
    });
}

/// A closed connection holds nothing.
pub fn leave(state: &ConnState) {
    if state.held.get() != 0 {
        changed(state, 0);
    }
}

/// A protocol holds so many bytes beside the buffers of its connection.
pub fn hold_beside(c: Conn, bytes: usize) {
    if let Some(state) = c.state().filter(|state| state.beside.get() != bytes && !state.is(is::CLOSED)) {
        state.beside.set(bytes);
        settle(c, state);
    }
}

/// Whether a receive buffer may grow by `more` bytes, or with 0 be filled. If not, its connection waits
/// until others have made room.
pub fn admit(c: Conn, state: &ConnState, more: usize) -> bool {
    let Some(root) = state.root() else { return true };
    let limit = root.with(|inner| inner.settings.size(Setting::MG_SET_MEMORY_LIMIT));
    if limit == 0 {
        state.unmark(is::STARVED);
        return true;
    }
    settle(c, state);
    root.with(|inner| {
        let memory = &mut inner.memory;
        let is_room = if more == 0 { memory.held < limit } else { memory.held.saturating_add(more) <= limit };
        if is_room {
            state.unmark(is::STARVED);
            return true;
        }
        memory.wanted = memory.wanted.max(more).max(1);
        if !state.is(is::STARVED) {
            state.mark(is::STARVED);
            memory.starved.push(state.token.get());
        }
        false
    })
}

/// When a starved connection tries again.
pub fn retry_at(now: u64) -> u64 {
    now.saturating_add(RETRY_MS)
}

/// Makes a full receive buffer larger for a message of `whole` bytes, as far as that is allowed. Without
/// memory the next read says so.
pub fn grow(c: Conn, whole: usize) {
    let (buf, Some(state)) = (c.recv(), c.state()) else { return };
    let size = whole.min(buf.size().saturating_mul(2));
    if buf.len() >= buf.size() && size > buf.size() && admit(c, state, size - buf.size()) {
        buf.resize(size);
        settle(c, state);
    }
}

/// Makes room for starved connections. Outside of all turns: connections fail and close.
#[inline]
pub fn relieve(root: &Root, now: u64) {
    if root.is_full.get() || root.with(|inner| inner.memory.wanted) > 0 {
        make_room(root, now);
    }
}

#[cold]
fn make_room(root: &Root, now: u64) {
    if now < root.with(|inner| inner.memory.again) {
        return;
    }
    let (mut need, waited) = root.with(|inner| {
        let limit = inner.settings.size(Setting::MG_SET_MEMORY_LIMIT);
        let memory = &mut inner.memory;
        let wanted = core::mem::take(&mut memory.wanted);
        if memory.since == 0 {
            memory.since = now.max(1);
        }
        let waited = now.saturating_sub(memory.since);
        // Some more than is wanted, so that this is not done for each read.
        let goal = limit.saturating_sub(wanted.max(limit / 8));
        (memory.held.saturating_sub(goal), waited)
    });
    let mut idle: Vec<_> = root
        .conns()
        .filter_map(|c| Some((c, c.state()?)))
        .filter(|(c, state)| holds(*c, state) > 0 && may_go(*c, state))
        .map(|(_, state)| (state.last_io.get(), state.token.get()))
        .collect();
    idle.sort_unstable_by_key(|(since, _)| *since);
    let in_turn = |need: &mut usize, tokens: &[(u64, Token)], act: fn(Conn, &ConnState)| {
        for (_, token) in tokens {
            if *need == 0 || root.is_freed() {
                return;
            }
            let Some(c) = root.find(*token) else { continue };
            let Some(state) = c.state().filter(|state| may_go(c, state)) else { continue };
            let before = holds(c, state);
            act(c, state);
            *need = need.saturating_sub(before.saturating_sub(state.held.get()));
        }
    };
    in_turn(&mut need, &idle, free_empty_buffers);
    let ripe = idle.partition_point(|(since, _)| since.saturating_add(IDLE_MS) <= now);
    in_turn(&mut need, &idle[..ripe], give_up);
    if waited >= RETRY_MS && need > 0 {
        // All are busy, and none makes progress: those that hold the most.
        let size = |token: &Token| root.find(*token).and_then(|c| Some(holds(c, c.state()?))).unwrap_or(0);
        let mut rest: Vec<_> = idle[ripe..].to_vec();
        rest.sort_by_cached_key(|(_, token)| core::cmp::Reverse(size(token)));
        in_turn(&mut need, &rest, give_up);
    }
    if !root.is_freed() {
        root.with(|inner| {
            if need == 0 {
                inner.memory.since = 0;
            } else {
                // A walk over all connections is not made for each poll.
                inner.memory.again = now.saturating_add(RETRY_MS / 2);
            }
        });
    }
}

/// True unless a handler of the connection runs, or the program is at work on it: what is not waiting for
/// a peer is left alone.
fn may_go(c: Conn, state: &ConnState) -> bool {
    let program_is_behind = c.has(flag::FULL) || (c.has(flag::RESP) && c.send().len() == 0);
    !state.is(is::CLOSED) && state.in_handler.get() == 0 && !c.has(flag::LISTENING) && !program_is_behind
}

/// Releases the buffers of a connection that hold nothing. Returns how many bytes.
pub fn shrink(c: Conn) -> usize {
    let mut bytes = 0;
    for buf in [c.recv(), c.send(), c.rtls()] {
        if buf.len() == 0 && buf.size() > 0 {
            bytes += buf.size();
            buf.free();
        }
    }
    if let Some(state) = c.state().filter(|_| bytes > 0) {
        settle(c, state);
    }
    bytes
}

fn free_empty_buffers(c: Conn, _: &ConnState) {
    shrink(c);
}

/// Ends a connection that waits for its peer, unless its handler wants to keep it.
fn give_up(c: Conn, state: &ConnState) {
    let waits = c.recv().len() > 0 || c.send().len() > 0 || c.rtls().len() > 0 || state.beside.get() > 0;
    if waits && !c.has(flag::CLOSING) {
        conn::error(c, b"memory limit");
        if c.has(flag::CLOSING) {
            conn::end(c, state);
        }
    }
}

/// How many bytes the connections of a manager hold.
pub fn held(m: Mgr) -> usize {
    let Some(root) = Root::of(m) else { return 0 };
    for c in root.conns() {
        if let Some(state) = c.state() {
            settle(c, state);
        }
    }
    root.with(|inner| inner.memory.held)
}
