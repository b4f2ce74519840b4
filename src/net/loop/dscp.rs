//! Marks of Differentiated Services (RFC 2474) on what a connection sends.

use super::handle::Conn;
use super::state::ConnState;
use super::sys;
use crate::abi::{Setting, flag};
use core::ffi::c_int;
use socket2::Domain;

/// Marks what a connection sends from now on, or when it has a socket. False when it has one of
/// another family than IP, or the system refuses: then nothing has changed.
pub fn set(c: Conn, dscp: u8) -> bool {
    let Some(state) = ConnState::of(c).filter(|_| i64::from(dscp) <= Setting::MG_SET_DSCP.limits().max)
    else {
        return false;
    };
    let has_socket = c.fd() >= 0 && !c.has(flag::RESOLVING);
    if has_socket && !mark(c.fd(), dscp) {
        return false;
    }
    let done = state.settings.borrow_mut().set(Setting::MG_SET_DSCP, dscp.into());
    show(c, dscp);
    done
}

/// Gives a new socket the mark of its connection.
pub fn apply(c: Conn) {
    let dscp = ConnState::of(c).map_or(0, |state| state.setting(Setting::MG_SET_DSCP)) as u8;
    if dscp > 0 && mark(c.fd(), dscp) {
        show(c, dscp);
    }
}

/// The bits that programs read as `c->dscp`.
fn show(c: Conn, dscp: u8) {
    c.clear(flag::DSCP);
    c.set(u32::from(dscp) << flag::DSCP.trailing_zeros());
}

/// Both options on an IPv6 socket: packets to IPv4 peers go by the older one.
fn mark(fd: c_int, dscp: u8) -> bool {
    let value = c_int::from(dscp) << 2;
    match sys::local_addr(fd).map(|addr| Domain::from(c_int::from(addr.family()))) {
        Ok(Domain::IPV4) => sys::try_option(fd, libc::IPPROTO_IP, libc::IP_TOS, value),
        Ok(Domain::IPV6) => {
            let old = sys::try_option(fd, libc::IPPROTO_IP, libc::IP_TOS, value);
            sys::try_option(fd, libc::IPPROTO_IPV6, libc::IPV6_TCLASS, value) && old
        }
        _ => false,
    }
}
