//! IPv4 multicast: which interfaces there are, joining groups, sending to them.

use super::conn;
use super::handle::Conn;
use super::sys;
use crate::abi::{Addr, flag};
use socket2::{Domain, Socket, Type};
use std::io;
use std::net::Ipv4Addr;

/// Joins a group on the interface that the system chooses; without a route to the group, on the
/// first one there is.
pub fn join(c: Conn, group: Ipv4Addr) -> io::Result<()> {
    let on = |interface| sys::with_socket(c.fd(), |s| s.join_multicast_v4(&group, &interface));
    on(Ipv4Addr::UNSPECIFIED).or_else(|e| match sys::multicast_interfaces().first() {
        Some(first) => on(*first),
        None => Err(e),
    })
}

/// Joins a group on all interfaces; an error if not even one does.
pub fn join_all(c: Conn, group: Ipv4Addr) -> io::Result<()> {
    let on = |interface| sys::with_socket(c.fd(), |s| s.join_multicast_v4(&group, &interface)).is_ok();
    match sys::multicast_interfaces().into_iter().filter(|interface| on(*interface)).count() {
        0 => join(c, group),
        _ => Ok(()),
    }
}

/// Sends a datagram to the group at `c->loc` on the interface that has the address `from`; without
/// one, on the interface that the system chooses, or on all if it knows no way.
pub fn send(c: Conn, packet: &[u8], from: Option<Ipv4Addr>) -> bool {
    c.set_rem(c.loc());
    let on = |interface: Ipv4Addr| {
        let chosen = sys::with_socket(c.fd(), |s| s.set_multicast_if_v4(&interface)).is_ok();
        chosen && send_datagram(c, packet)
    };
    if on(from.unwrap_or(Ipv4Addr::UNSPECIFIED)) {
        return true;
    }
    from.is_none() && sys::multicast_interfaces().into_iter().filter(|interface| on(*interface)).count() > 0
}

/// Sends a datagram to `c->rem`. That it cannot be sent now, for want of a route say, does not end
/// a listener.
pub fn send_datagram(c: Conn, packet: &[u8]) -> bool {
    let was_closing = c.has(flag::CLOSING);
    let sent = conn::send_datagram(c, packet);
    if !sent && !was_closing && !conn::is_closed(c) {
        c.clear(flag::CLOSING);
    }
    sent
}

/// This machine's IPv4 address towards a peer.
pub fn local_address(peer: &Addr) -> Option<Ipv4Addr> {
    let to = peer.to_socket();
    let probe = Socket::new(Domain::for_address(to), Type::DGRAM.cloexec(), None).ok()?;
    probe.connect(&to.into()).ok()?;
    Some(*probe.local_addr().ok()?.as_socket_ipv4()?.ip())
}
