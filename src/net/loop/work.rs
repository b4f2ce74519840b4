//! What a connection has to do without any event from the network: what a program set by hand, and what
//! was ready before it could be used.

use super::handle::Conn;
use super::state::{ConnState, ready};
use super::{io, state::is};
use crate::abi::flag;

/// True when a connection has something to do. Most have nothing, which takes few looks.
#[inline]
pub fn has_work(c: Conn, state: &ConnState) -> bool {
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
