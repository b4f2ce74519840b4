//! How many connections are accepted at once: in all, and from one address.

use super::handle::Conn;
use super::state::Root;
use crate::abi::{Addr, Setting, flag};
use socket2::SockAddr;

/// The status for a connection that is one too many.
pub fn excess(listener: Conn, peer: &SockAddr) -> Option<u16> {
    let root = listener.mgr().and_then(Root::of)?;
    root.with(|inner| {
        let total = inner.settings.size(Setting::MG_SET_MAX_CONNECTIONS);
        let per_address = inner.settings.get(Setting::MG_SET_MAX_PER_ADDRESS);
        if total > 0 && inner.accepted >= total {
            return Some(503);
        }
        let count = inner.by_address.get(&Addr::from_kernel(peer).bytes()).copied().unwrap_or(0);
        (per_address > 0 && i64::from(count) >= per_address).then_some(429)
    })
}

/// Counts an accepted connection.
pub fn enter(root: &Root, c: Conn) {
    root.with(|inner| {
        inner.accepted += 1;
        if inner.settings.is_on(Setting::MG_SET_MAX_PER_ADDRESS) {
            *inner.by_address.entry(c.rem().bytes()).or_default() += 1;
        }
    });
}

/// A connection turns out to be another client's. False when that one has too many.
pub fn replace(root: &Root, c: Conn, client: Addr) -> bool {
    let per_address = root.with(|inner| inner.settings.get(Setting::MG_SET_MAX_PER_ADDRESS));
    let count = root.with(|inner| {
        let before = c.rem().bytes();
        let Some(count) = inner.by_address.get_mut(&before) else { return 0 };
        *count -= 1;
        if *count == 0 {
            inner.by_address.remove(&before);
        }
        let count = inner.by_address.entry(client.bytes()).or_default();
        *count += 1;
        *count
    });
    c.set_rem(client);
    per_address == 0 || i64::from(count) <= per_address
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
