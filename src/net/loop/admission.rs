//! How many connections are accepted at once: in all, and from one address.

use super::handle::Conn;
use super::state::Root;
use crate::abi::{Addr, flag};
use socket2::SockAddr;

/// The status for a connection that is one too many.
pub fn excess(listener: Conn, peer: &SockAddr) -> Option<u16> {
    let root = listener.mgr().and_then(Root::of)?;
    root.with(|inner| {
        let (total, per_address) = (inner.settings.max_connections, inner.settings.max_per_address);
        if total > 0 && inner.accepted >= total {
            return Some(503);
        }
        let count = inner.by_address.get(&Addr::from_kernel(peer).bytes()).copied().unwrap_or(0);
        (per_address > 0 && count >= per_address).then_some(429)
    })
}

/// Counts an accepted connection.
pub fn enter(root: &Root, c: Conn) {
    root.with(|inner| {
        inner.accepted += 1;
        if inner.settings.max_per_address > 0 {
            *inner.by_address.entry(c.rem().bytes()).or_default() += 1;
        }
    });
}

/// Counts a connection that closes.
pub fn leave(root: &Root, c: Conn) {
    if !c.has(flag::ACCEPTED) {
        return;
    }
    root.with(|inner| {
        inner.accepted = inner.accepted.saturating_sub(1);
        let address = c.rem().bytes();
        if let Some(count) = inner.by_address.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                inner.by_address.remove(&address);
            }
        }
    });
}
