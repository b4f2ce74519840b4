//! Messages from other threads to connections.
//!
//! Messages wait in a queue in memory; an eventfd ends the wait of the poll. The eventfd is the
//! descriptor of an ordinary connection in the manager's list, the wakeup connection.

use super::conn;
use super::handle::{Conn, Mgr};
use super::mailbox::Block;
use super::state::{ConnState, Root, Token};
use super::{log, sys};
use crate::abi::{Connection, MG_EV_WAKEUP, Str, flag};
use core::ffi::{c_int, c_void};
use std::collections::HashMap;

/// Opens the channel of a manager: makes the wakeup connection. False when it is open already.
pub fn open(m: Mgr) -> bool {
    let Some(root) = Root::of(m) else { return false };
    if root.wakeup.fd() != -1 {
        return false;
    }
    let fd = match sys::eventfd() {
        Ok(fd) => fd,
        Err(e) => {
            log::error(format_args!("Cannot create socket pair: {e}"));
            return false;
        }
    };
    let Some(c) = conn::alloc(m) else {
        sys::close(fd);
        return false;
    };
    c.set_fd(fd);
    c.set_handler(Some(on_event));
    conn::link(m, c);
    if !conn::register(c, true) {
        conn::close(c);
        return false;
    }
    root.wakeup.set_fd(fd);
    m.set_pipe_fd(fd);
    true
}

/// The wakeup connection's own handler. Its events need nothing.
unsafe extern "C" fn on_event(_c: *mut Connection, _ev: c_int, _ev_data: *mut c_void) {}

/// True when `c` is the wakeup connection.
pub fn is_channel(root: &Root, c: Conn) -> bool {
    let fd = root.wakeup.fd();
    fd != -1 && fd == c.fd()
}

/// After a fork: an eventfd of this process's own for the wakeup connection.
pub fn renew(root: &Root, m: Mgr, c: Conn) {
    if !is_channel(root, c) {
        return;
    }
    if let Ok(fd) = sys::eventfd() {
        root.wakeup.set_fd(fd);
        sys::close(c.fd());
        c.set_fd(fd);
        m.set_pipe_fd(fd);
    }
}

/// Delivers all messages that wait, in order.
pub fn deliver(root: &Root) {
    sys::drain_eventfd(root.wakeup.fd());
    let (count, blocks) = {
        let mut mailbox = root.wakeup.lock();
        (mailbox.len(), mailbox.take())
    };
    let index = (count > SEARCHES_MAX).then(|| index_by_id(root));
    for block in blocks {
        deliver_block(root, index.as_ref(), &block);
        root.wakeup.lock().reuse(block);
    }
}

fn deliver_block(root: &Root, index: Option<&HashMap<usize, Token>>, block: &Block) {
    for (id, data) in block.messages() {
        let target = match index {
            Some(index) => index.get(&id).and_then(|&token| root.find(token)),
            None => root.conns().find(|c| c.id() as usize == id),
        };
        if let Some(c) = target {
            let mut text = Str { buf: data.as_ptr().cast_mut().cast(), len: data.len() };
            conn::call(c, MG_EV_WAKEUP, (&raw mut text).cast());
            if c.has(flag::CLOSING | flag::DRAINING) {
                conn::queue(c); // A busy loop does not walk to it at once.
            }
        }
    }
}

/// Up to so many messages, each searches all connections for its target.
const SEARCHES_MAX: usize = 8;

/// Tokens by connection id. Connections made later cannot be the target of messages sent before.
fn index_by_id(root: &Root) -> HashMap<usize, Token> {
    root.with(|inner| {
        inner.table.iter().filter_map(|c| Some((c.id() as usize, ConnState::of(c)?.token.get()))).collect()
    })
}
