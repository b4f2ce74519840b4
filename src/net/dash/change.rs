//! Telling users about changes.

use super::session::{self, DashState, Id};
use super::set::Set;
use crate::abi::{WEBSOCKET_OP_TEXT, flag};
use crate::codec::dash::value;
use crate::codec::fmt::Sink;
use crate::net::event_loop::conn;
use crate::net::event_loop::handle::{Conn, Mgr};
use crate::net::event_loop::state::Root;
use crate::net::fs::Fs;
use crate::net::ws;

/// The close code for users who are no longer allowed here (RFC 6455, section 7.4.1).
const POLICY_VIOLATION: u16 = 1008;

/// Maximum of bytes that are queued for a client that does not read.
const WAITING_MAX: usize = 1024 * 1024;

/// Calls `f` with each open WebSocket connection that belongs to a dashboard. It may close any.
fn for_each_watcher(m: Mgr, mut f: impl FnMut(Conn, &DashState)) {
    let mut link = m.conns_ptr();
    while let Some(c) = m.linked(link) {
        // Closed connections keep their links while the caller's guard exists.
        link = c.next_ptr();
        if let Some(state) = DashState::of(c).filter(|state| state.watcher.get().is_some())
            && is_open(c)
        {
            f(c, state);
        }
    }
}

fn is_open(c: Conn) -> bool {
    c.has(flag::WEBSOCKET) && !c.has(flag::CLOSING | flag::DRAINING)
}

/// Sends the values of a set, or of the element at its index, or with a negative index its size, to
/// everybody who may see them.
pub fn send(m: Mgr, set: Set, posix: Fs) {
    let _index = set.keep_index();
    let index = set.index();
    for_each_watcher(m, |c, state| {
        let Some(watcher) = state.watcher.get() else { return };
        if c.send().len() > WAITING_MAX {
            conn::error(c, b"dashboard user does not read");
            return conn::queue(c);
        }
        // The session first: without one, the dashboard may have been freed.
        let user = Root::of(m).and_then(|root| session::with(root, |sessions| sessions.user(watcher))?);
        let Some(user) = user.filter(|_| watcher.board.sets().any(|s| s == set)) else { return };
        let mut out = Vec::new();
        match index {
            Some(index) if index < 0 => {
                let Some(count) = set.count(&user, posix) else { return };
                value::change(set.name(), None, &mut out, |out| {
                    out.put(itoa::Buffer::new().format(count).as_bytes());
                });
            }
            Some(index) => {
                if !set.load_element(index, &user, posix) {
                    return;
                }
                value::change(set.name(), Some(index), &mut out, |out| set.put_fields(out));
            }
            None => {
                if !set.read(&user, posix) {
                    return;
                }
                value::change(set.name(), None, &mut out, |out| set.put_fields(out));
            }
        }
        // The program's function may have closed the connection.
        if is_open(c) {
            ws::send(c, &out, WEBSOCKET_OP_TEXT as u8);
        }
    });
}

/// Sends the size of an array.
pub fn send_size(m: Mgr, set: Set, posix: Fs) {
    let _index = set.keep_index();
    set.set_index(-1);
    send(m, set, posix);
}

/// Closes the WebSocket connections of sessions that have ended.
pub fn close_watchers(m: Mgr, ended: &[Id], reason: &[u8]) {
    if ended.is_empty() {
        return;
    }
    for_each_watcher(m, |c, state| {
        if state.watcher.get().is_some_and(|watcher| ended.contains(&watcher.session)) {
            state.watcher.set(None);
            ws::close(c, POLICY_VIOLATION, reason);
            c.set(flag::DRAINING);
            conn::queue(c);
        }
    });
}
