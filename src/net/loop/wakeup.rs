//! Messages from other threads to connections.
//!
//! Messages wait in a queue in memory; an eventfd ends the wait of the poll. The eventfd is the
//! descriptor of an ordinary connection in the manager's list, the wakeup connection.

use super::conn;
use super::handle::{Conn, Mgr};
use super::mailbox::{Block, Letter, Mailbox};
use super::state::{Activity, ConnState, Root, Token};
use super::{log, sys};
use crate::abi::{Connection, MG_EV_WAKEUP, Str};
use core::ffi::{c_int, c_void};
use core::sync::atomic::{AtomicI32, Ordering};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The channel of one manager.
pub struct Wakeup {
    /// The eventfd; -1 while the channel is closed.
    fd: AtomicI32,
    mailbox: Mutex<Mailbox>,
}

impl Wakeup {
    /// A channel that is closed.
    pub fn new() -> Wakeup {
        Wakeup { fd: AtomicI32::new(-1), mailbox: Mutex::default() }
    }

    /// Queues a message and ends the wait of the poll. Any thread.
    ///
    /// False when the channel is closed or memory is exhausted.
    pub fn send(&self, id: u64, data: &[u8]) -> bool {
        if id == 0 {
            return false;
        }
        let Some(letter) = Letter::new(id, data) else { return false };
        // The lock covers the descriptor too: `close` takes it, so the number cannot be reused.
        let mut mailbox = self.lock();
        let fd = self.fd.load(Ordering::Relaxed);
        if fd == -1 || !mailbox.post(letter) {
            return false;
        }
        // One signal is enough for all messages that wait.
        mailbox.len() > 1 || sys::signal(fd)
    }

    fn lock(&self) -> MutexGuard<'_, Mailbox> {
        self.mailbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Closes the channel if `fd` is its descriptor: later messages are refused.
    pub fn close(&self, fd: c_int) -> bool {
        let mut mailbox = self.lock();
        let ours = fd != -1 && self.fd.compare_exchange(fd, -1, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        if ours {
            *mailbox = Mailbox::default();
        }
        ours
    }
}

/// Opens the channel of a manager: makes the wakeup connection. False when it is open already.
pub fn open(m: Mgr) -> bool {
    let Some(root) = Root::of(m) else { return false };
    if root.wakeup.fd.load(Ordering::Relaxed) != -1 {
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
    root.wakeup.fd.store(fd, Ordering::Relaxed);
    m.set_pipe_fd(fd);
    true
}

/// The wakeup connection's own handler. Its events need nothing.
unsafe extern "C" fn on_event(_c: *mut Connection, _ev: c_int, _ev_data: *mut c_void) {}

/// True when `c` is the wakeup connection.
pub fn is_channel(root: &Root, c: Conn) -> bool {
    let fd = root.wakeup.fd.load(Ordering::Relaxed);
    fd != -1 && fd == c.fd()
}

/// After a fork: an eventfd of this process's own for the wakeup connection.
pub fn renew(root: &Root, m: Mgr, c: Conn) {
    if !is_channel(root, c) {
        return;
    }
    if let Ok(fd) = sys::eventfd() {
        root.wakeup.fd.store(fd, Ordering::Relaxed);
        sys::close(c.fd());
        c.set_fd(fd);
        m.set_pipe_fd(fd);
    }
}

/// Delivers all messages that wait, in order.
pub fn deliver(root: &Root) {
    let _activity = Activity::start(root);
    sys::drain_eventfd(root.wakeup.fd.load(Ordering::Relaxed));
    let (count, blocks) = {
        let mut mailbox = root.wakeup.lock();
        (mailbox.len(), mailbox.take())
    };
    let index = (count > FEW).then(|| index_by_id(root));
    for block in blocks {
        deliver_block(root, index.as_ref(), &block);
        root.wakeup.lock().reuse(block);
    }
}

fn deliver_block(root: &Root, index: Option<&HashMap<u64, Token>>, block: &Block) {
    for (id, data) in block.messages() {
        let target = match index {
            Some(index) => index.get(&id).and_then(|&token| root.with(|i| i.table.get(token))),
            None => root.with(|inner| inner.table.iter().find(|c| c.id() == id)),
        };
        if let Some(c) = target {
            let mut text = Str { buf: data.as_ptr().cast_mut().cast(), len: data.len() };
            conn::call(c, MG_EV_WAKEUP, (&raw mut text).cast());
        }
    }
}

/// Up to so many messages, each searches all connections for its target.
const FEW: usize = 8;

/// Tokens by connection id. Connections made later cannot be the target of messages sent before.
fn index_by_id(root: &Root) -> HashMap<u64, Token> {
    root.with(|inner| {
        inner.table.iter().filter_map(|c| Some((c.id(), ConnState::of(c)?.token.get()))).collect()
    })
}
