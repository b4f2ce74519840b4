//! `MG_EV_POLL`, and what is due on connections.
//!
//! Programs use the event as a clock, and to go on with what they do: so how often a connection gets it
//! depends on what it does, see [`Pace`].

use super::conn::{self, To, queue};
use super::deadline::{self, Limit};
use super::handle::{Conn, Mgr};
use super::state::{ConnState, Inner, Root, is};
use super::work::has_work;
use super::{memory, race};
use crate::abi::{MG_DATA_SIZE, MG_EV_POLL, MG_EV_READ, Setting, flag};
use core::mem::size_of;

/// Up to so many connections all get `MG_EV_POLL` in each poll: to walk them costs little, and
/// many programs count polls.
const FEW: usize = 32;
/// Beyond so many connections, walks are never exact and never less than [`WALK_MS`] apart.
const MANY: usize = 1000;
/// How far apart walks over many connections are, in milliseconds.
const WALK_MS: u64 = 10;
/// How far ahead a walk over many connections fetches memory.
const PREFETCH_AHEAD: usize = 8;
/// Bytes of buffers that are worth telling the system.
const TRIM_BYTES: usize = 4 << 20;

/// How often all connections are walked: in each poll without I/O, and, while the loop is busy, after so
/// many milliseconds.
pub struct Pace {
    ms: u64,
    is_crowded: bool,
}

impl Pace {
    /// The pace of a manager.
    #[inline]
    pub fn of(inner: &Inner) -> Pace {
        let count = inner.table.len();
        if count <= FEW {
            return Pace { ms: 0, is_crowded: false };
        }
        let ms = inner.settings.time(Setting::MG_SET_POLL_INTERVAL).unwrap_or(0);
        let is_crowded = count > MANY;
        Pace { ms: if is_crowded { ms.max(WALK_MS) } else { ms }, is_crowded }
    }

    /// True when all connections are walked in each poll.
    #[inline]
    pub fn is_exact(&self) -> bool {
        self.ms == 0
    }

    /// True when even a loop that was idle looks for events before it walks.
    #[inline]
    pub fn is_crowded(&self) -> bool {
        self.is_crowded
    }

    /// Milliseconds between two walks.
    #[inline]
    pub fn ms(&self) -> u64 {
        self.ms
    }

    /// True when it is time for a walk.
    #[inline]
    pub fn is_due(&self, root: &Root, now: u64) -> bool {
        now.saturating_sub(root.last_walk.get()) >= self.ms
    }
}

/// Fires `MG_EV_POLL` on all connections, newest first, and finds what its handlers changed.
pub fn fire_poll(m: Mgr, root: &Root, now: u64, pace: &Pace) {
    root.last_walk.set(now);
    root.with(|inner| {
        let Inner { active, table, .. } = inner;
        for state in active.drain(..).filter_map(|token| table.get(token)?.state()) {
            state.unmark(is::ACTIVE);
        }
    });
    let trim = now.saturating_sub(root.last_trim.get()) >= memory::IDLE_MS;
    let walk = Walk { now, trim, follow: !pace.is_exact() };
    if trim {
        root.last_trim.set(now);
    }
    if root.with(|inner| inner.table.len()) <= MANY {
        let mut at = super::poll::first(m);
        while let Some(c) = at {
            // The successor is read before the handler runs; should the handler close it, its
            // memory and its link stay until this poll is over.
            at = root.next(m, c);
            walk_past(root, c, &walk);
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
                walk_past(root, c, &walk);
            }
        }
    }
    if trim {
        release_memory(root);
    }
}

/// Fires `MG_EV_POLL` between two walks: on the connections that have a turn in this poll, and on those
/// whose handlers did something at the last one.
pub fn fire_some(root: &Root, now: u64) {
    let mut active = root.with(|inner| core::mem::take(&mut inner.active));
    // A handler that polls takes the queue away.
    let mut at = 0;
    let turns = root.with(|inner| inner.queue.len());
    while let Some(token) = root.with(|inner| inner.queue.get(at).copied()).filter(|_| at < turns) {
        at += 1;
        if let Some((c, state)) = root.find(token).and_then(|c| Some((c, c.state()?)))
            && !state.is(is::ACTIVE)
        {
            poll_one(root, c, state, now, true);
        }
    }
    for token in active.drain(..) {
        if let Some((c, state)) = root.find(token).and_then(|c| Some((c, c.state()?))) {
            state.unmark(is::ACTIVE);
            poll_one(root, c, state, now, true);
        }
    }
    root.with(|inner| {
        if inner.active.is_empty() {
            inner.active = active;
        }
    });
}

/// Does what is due on connections, unless a walk has done it.
#[inline]
pub fn time_out(root: &Root, now: u64, walked: bool) {
    if root.with(|inner| root.deadlines.soonest(&inner.table)) <= now {
        time_out_due(root, now, walked);
    }
}

#[cold]
fn time_out_due(root: &Root, now: u64, walked: bool) {
    let take = || root.with(|inner| root.deadlines.take_due(&inner.table, now));
    // All are taken before handlers run: what is due again then waits for the next poll.
    let due: Vec<_> = core::iter::from_fn(take).collect();
    for token in due {
        let Some((c, state)) = root.find(token).and_then(|c| Some((c, c.state()?))) else { continue };
        let is_due = !walked && now >= state.deadline.get();
        if is_due && !state.is(is::CLOSED) && state.in_handler.get() == 0 {
            expire(c, state, now);
            find_changes(c, state);
        }
        if !state.is(is::CLOSED) {
            root.deadlines.keep(state);
        }
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

/// A walk over all connections.
struct Walk {
    now: u64,
    /// Give back idle buffers.
    trim: bool,
    /// Note whose handlers do something: the next poll may make no walk.
    follow: bool,
}

/// A walk has come to a connection.
fn walk_past(root: &Root, c: Conn, walk: &Walk) {
    let Some(state) = c.state() else { return };
    let now = walk.now;
    poll_one(root, c, state, now, walk.follow);
    if walk.trim
        && !state.is(is::CLOSED)
        && state.in_handler.get() == 0
        && now.saturating_sub(state.last_io.get()) >= memory::IDLE_MS
    {
        root.shrunk.set(root.shrunk.get() + memory::shrink(c));
    }
}

/// Fires `MG_EV_POLL` on one connection, at the handlers that have something to do at it.
#[inline]
fn poll_one(root: &Root, c: Conn, state: &ConnState, now: u64, follow: bool) {
    if state.is(is::CLOSED) || state.in_handler.get() > 0 {
        return;
    }
    if now >= state.deadline.get() && expire(c, state, now) {
        // The event that tells it was fired.
        find_changes(c, state);
        return;
    }
    let mut time = now;
    let to = match (wants_poll(c, state), program_wants_poll(c, state)) {
        (true, true) => To::Both,
        (true, false) => To::Protocol,
        (false, true) => To::Program,
        (false, false) => return find_changes(c, state),
    };
    let was_resp = c.has(flag::RESP);
    let before = follow.then(|| Looks::of(c));
    conn::fire(c, MG_EV_POLL, (&raw mut time).cast(), to);
    if state.is(is::CLOSED) {
        return;
    }
    if was_resp && !c.has(flag::RESP) {
        conn::fire_count(c, MG_EV_READ, 0);
    }
    if before.is_some_and(|before| before != Looks::of(c)) {
        keep_active(root, state);
    }
    find_changes(c, state);
}

/// What the program did to a connection that its handler has nothing more to do with.
#[inline]
fn find_changes(c: Conn, state: &ConnState) {
    if !state.is(is::CLOSED | is::QUEUED) && (state.is(is::RETRY) || has_work(c, state)) {
        queue(c);
    }
}

/// What a handler that does something changes of its connection.
#[derive(PartialEq, Eq)]
struct Looks {
    flags: u32,
    recv: usize,
    send: usize,
    /// Programs count in it.
    data: [u64; MG_DATA_SIZE / size_of::<u64>()],
}

impl Looks {
    #[inline]
    fn of(c: Conn) -> Looks {
        Looks { flags: c.flags(), recv: c.recv().len(), send: c.send().len(), data: c.data_words() }
    }
}

/// The next poll fires `MG_EV_POLL` on the connection too.
fn keep_active(root: &Root, state: &ConnState) {
    if !state.is(is::ACTIVE | is::CLOSED) {
        state.mark(is::ACTIVE);
        root.with(|inner| inner.active.push(state.token.get()));
    }
}

/// True when the program listens to `MG_EV_POLL`.
#[inline]
fn program_wants_poll(c: Conn, state: &ConnState) -> bool {
    !state.is(is::NO_POLL) && c.handler().is_some()
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
