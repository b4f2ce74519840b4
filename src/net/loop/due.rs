//! Which connections are due when: a heap of entries, so that no turn looks at connections that wait.
//!
//! Most deadlines move later, at each turn of their connection. Such an entry stays where it is until it
//! comes up; only a deadline that moves to before its entry gets a new one.

use super::state::{ConnState, Table, Token, is};
use core::cell::RefCell;
use core::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;

/// Entries for each connection from which on old ones are looked for.
const ENTRIES_MAX: usize = 4;
/// Entries that need no such search.
const ENTRIES_FEW: usize = 64;

/// Connections by their deadlines. An entry counts if its time is its connection's
/// [`scheduled`](ConnState::scheduled).
#[derive(Default)]
pub struct Deadlines(RefCell<BinaryHeap<Reverse<(u64, Token)>>>);

impl Deadlines {
    /// Makes an entry for a connection whose deadline is before the one that it has.
    #[cold]
    pub fn enter(&self, state: &ConnState) {
        let at = state.deadline.get();
        state.scheduled.set(at);
        self.0.borrow_mut().push(Reverse((at, state.token.get())));
    }

    /// The first deadline; `u64::MAX`: there is none.
    #[inline]
    pub fn soonest(&self, table: &Table) -> u64 {
        self.first(table).map_or(u64::MAX, |(at, _)| at)
    }

    /// Takes a connection out whose deadline has come. Its next deadline, or [`Deadlines::keep`], makes a
    /// new entry.
    #[inline]
    pub fn take_due(&self, table: &Table, now: u64) -> Option<Token> {
        let (_, token) = self.first(table).filter(|(at, _)| *at <= now)?;
        self.0.borrow_mut().pop();
        if let Some(state) = table.get(token).and_then(|c| c.state()) {
            state.scheduled.set(u64::MAX);
        }
        Some(token)
    }

    /// Makes an entry for a connection that was taken out and still has its deadline.
    pub fn keep(&self, state: &ConnState) {
        if state.deadline.get() < state.scheduled.get() {
            self.enter(state);
        }
    }

    /// The first entry, after those that have become wrong were put right.
    fn first(&self, table: &Table) -> Option<(u64, Token)> {
        let mut heap = self.0.borrow_mut();
        if heap.len() > ENTRIES_FEW + ENTRIES_MAX * table.len() {
            heap.retain(|Reverse((at, token))| counts(table, *at, *token).is_some());
        }
        loop {
            let mut first = heap.peek_mut()?;
            let Reverse((at, token)) = *first;
            match counts(table, at, token) {
                Some(state) if state.deadline.get() == at => return Some((at, token)),
                Some(state) => {
                    let at = state.deadline.get();
                    state.scheduled.set(at);
                    if at < u64::MAX {
                        *first = Reverse((at, token));
                    } else {
                        PeekMut::pop(first);
                    }
                }
                None => {
                    PeekMut::pop(first);
                }
            }
        }
    }
}

/// The connection of an entry that counts.
fn counts(table: &Table, at: u64, token: Token) -> Option<&ConnState> {
    let state = table.get(token)?.state()?;
    (state.scheduled.get() == at && !state.is(is::CLOSED)).then_some(state)
}
