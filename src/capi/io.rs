//! Low-level input and output, and helpers for multicast and local addresses.

use super::arg;
use crate::abi::{Addr, Connection, MG_IO_ERR, MG_IO_WAIT};
use crate::fence;
use crate::net::event_loop::{self, conn, multicast};
use core::ffi::{c_char, c_long, c_void};
use socket2::{Domain, Socket, Type};
use std::net::Ipv4Addr;

/// One attempt to send on the connection's socket, past `c->send`; UDP sends to `c->rem`.
///
/// # Returns
/// How many bytes were sent, `MG_IO_WAIT` when the socket is busy, else `MG_IO_ERR`.
///
/// # Threads
/// The polling thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_io_send(c: *mut Connection, buf: *const c_void, len: usize) -> c_long {
    fence!("mg_io_send", c: arg::conn, buf[len]: arg::data);
    let Some(guard) = c else { return MG_IO_ERR };
    match event_loop::io::send_once(guard.conn(), buf, false) {
        Ok(n) if n > 0 => n as c_long,
        Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => MG_IO_WAIT,
        _ => MG_IO_ERR,
    }
}

/// Takes up to `len` bytes out of `c->rtls`: bytes that came in and were not decrypted.
///
/// # Returns
/// How many bytes were taken; `MG_IO_WAIT` when there are none.
///
/// # Threads
/// The polling thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_io_recv(c: *mut Connection, buf: *mut c_void, len: usize) -> c_long {
    fence!("mg_io_recv", c: arg::conn, buf[len]: arg::room);
    let Some(guard) = c else { return MG_IO_ERR };
    let waiting = guard.conn().rtls();
    let n = buf.len().min(waiting.len());
    if n == 0 {
        return MG_IO_WAIT;
    }
    // SAFETY: no handler runs while the bytes are copied.
    buf[..n].copy_from_slice(unsafe { &waiting.bytes()[..n] });
    waiting.consume(n);
    n as c_long
}

/// Joins the IPv4 group `ip` (dotted text) on the connection's socket, on the interface that the
/// system chooses; without a route to the group, on the first one that is up. Failures are logged.
///
/// # Threads
/// The polling thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_multicast_add(c: *mut Connection, ip: *mut c_char) {
    fence!("mg_multicast_add", c: arg::conn, ip: arg::text);
    let Some(guard) = c else { return };
    let c = guard.conn();
    let text = String::from_utf8_lossy(ip);
    let group = text.parse::<Ipv4Addr>().map_err(std::io::Error::other);
    let joined = group.and_then(|group| multicast::join(c, group));
    if let Err(e) = joined {
        crate::net::event_loop::log::error(format_args!("{} cannot join {text}: {e}", c.id()));
    }
}

/// Finds the local address that the system would use to reach `to`, without sending anything.
///
/// # Errors
/// `MG_EV_ERROR` on `c`, "socket(): ERRNO" or "connect: ERRNO"; `addr` is then left alone.
///
/// # Threads
/// The polling thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_getlocaddr(c: *mut Connection, to: *mut Addr, addr: *mut Addr) {
    fence!("mg_getlocaddr", c: arg::conn, to: arg::shared, addr: arg::out);
    let Some(to) = to.filter(|_| addr.is_wanted()) else { return };
    let fail = |step: &str, e: std::io::Error| {
        if let Some(guard) = &c {
            conn::error_fmt(guard.conn(), format_args!("{step}: {}", e.raw_os_error().unwrap_or(0)));
        }
    };
    let target = Addr::to_socket(to);
    let probe = match Socket::new(Domain::for_address(target), Type::DGRAM.cloexec(), None) {
        Ok(probe) => probe,
        Err(e) => return fail("socket()", e),
    };
    match probe.connect(&target.into()).and_then(|()| probe.local_addr()) {
        Ok(local) => addr.set(Addr::from_kernel(&local)),
        Err(e) => fail("connect", e),
    }
}
