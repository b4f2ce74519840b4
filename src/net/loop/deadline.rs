//! The time limits of connections: one number each, before which nothing is due.
//!
//! It is found anew after each turn of a connection, and whenever something else changes it. `due`
//! orders connections by it.

use super::clock::millis;
use super::handle::Conn;
use super::memory;
use super::state::{ConnState, is};
use crate::abi::{Setting, flag};

/// What happens at the end of a connection's time.
#[derive(Clone, Copy)]
pub enum Limit {
    /// It fails with this text.
    Fail(&'static [u8]),
    /// Its engine says what happens.
    Engine,
    /// It closes silently.
    Close,
    /// It tries another address of the same name.
    NextAddress,
    /// It asks for memory once more.
    Starved,
}

/// When a connection's time is up, and what happens then. Runs no code of the program.
pub fn next(c: Conn, state: &ConnState, now: u64) -> Option<(u64, Limit)> {
    let flags = c.flags();
    if flags & flag::LISTENING != 0 {
        return None;
    }
    if state.close_at.get() > 0 {
        return Some((state.close_at.get(), Limit::Close));
    }
    if flags & (flag::RESOLVING | flag::CONNECTING) != 0 {
        let attempt = Some(state.next_attempt.get()).filter(|at| *at > 0);
        if let Some(at) = attempt.filter(|_| is_detached(c)) {
            return Some((at, Limit::Engine));
        }
        let limit = state.settings.borrow().time(Setting::MG_SET_CONNECT_TIMEOUT);
        return match (limit.map(|limit| state.last_io.get() + limit), attempt) {
            (Some(end), attempt) if attempt.is_none_or(|at| end <= at) => {
                Some((end, Limit::Fail(b"connect timeout")))
            }
            (_, attempt) => attempt.map(|at| (at, Limit::NextAddress)),
        };
    }
    let engine = state.engine().and_then(|engine| engine.deadline(c, now));
    if state.settings.borrow().are_defaults() && !state.is(is::STARVED) {
        return engine.map(|at| (at, Limit::Engine));
    }
    let idle = state.settings.borrow().time(Setting::MG_SET_IDLE_TIMEOUT);
    let idle = idle.map(|limit| (state.last_io.get() + limit, Limit::Fail(b"idle timeout")));
    let starved = state.is(is::STARVED).then(|| (memory::retry_at(now), Limit::Starved));
    let rest = soonest(soonest(handshake(c, state), idle), starved);
    soonest(engine.map(|at| (at, Limit::Engine)), rest)
}

/// True for a connection without a socket that waits until its engine connects it again.
pub fn is_detached(c: Conn) -> bool {
    c.has(flag::RESOLVING) && c.fd() < 0 && c.state().is_some_and(|state| state.next_attempt.get() > 0)
}

/// When the time for a TLS handshake is up: `last_io` does not change until it is done.
fn handshake(c: Conn, state: &ConnState) -> Option<(u64, Limit)> {
    if !c.has(flag::TLS_HS) {
        return None;
    }
    let limit = state.settings.borrow().time(Setting::MG_SET_HANDSHAKE_TIMEOUT)?;
    Some((state.last_io.get() + limit, Limit::Fail(b"TLS handshake timeout")))
}

/// The first of two; of two at the same time, `a`.
fn soonest(a: Option<(u64, Limit)>, b: Option<(u64, Limit)>) -> Option<(u64, Limit)> {
    match (a, b) {
        (Some(a), Some(b)) => Some(if a.0 <= b.0 { a } else { b }),
        (a, b) => a.or(b),
    }
}

/// Something that a connection's time depends on has changed.
pub fn rearm(c: Conn) {
    rearm_at(c, millis());
}

/// As [`rearm`], for callers that know the time.
#[inline]
pub fn rearm_at(c: Conn, now: u64) {
    if let Some(state) = c.state() {
        deadline_changed(state, next(c, state, now).map_or(u64::MAX, |(at, _)| at));
    }
}

/// Lets a connection close silently at a time; 0: no more.
pub fn close_at(c: Conn, at: u64) {
    if let Some(state) = c.state() {
        state.close_at.set(at);
        rearm(c);
    }
}

/// Nothing is due on a connection before `at`.
#[inline]
fn deadline_changed(state: &ConnState, at: u64) {
    state.deadline.set(at);
    // A later time is found when the entry comes up.
    if at < state.scheduled.get()
        && let Some(root) = state.root()
    {
        root.deadlines.enter(state);
    }
}
