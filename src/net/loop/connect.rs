//! Outgoing connections: resolve, connect, finish.

use super::addr::{literal, transport_flags};
use super::conn::{self, alloc, call, error_fmt, is_closed, link, register, socket_error};
use super::handle::{Conn, Mgr};
use super::listen::{Handlers, tune_stream};
use super::state::{ConnState, Root, is};
use super::{clock, log, sys, unix};
use crate::abi::{Addr, EventHandler, MG_EV_CONNECT, MG_EV_OPEN, MG_EV_RESOLVE, flag};
use crate::codec::url::Url;
use core::ffi::{CStr, c_int, c_void};
use core::ptr;
use socket2::{Domain, SockAddr, Socket, Type};
use std::io;
use std::os::fd::IntoRawFd;

/// Milliseconds for an address that neither accepts nor refuses, while the name has others. Enough
/// for a second SYN, should the first be lost.
const ATTEMPT: u64 = 2500;

/// Opens an outgoing connection. Fails with `None` only for lack of memory: everything else is
/// reported by ERROR and CLOSE, maybe before this returns.
pub fn connect<'g>(
    m: Mgr<'g>,
    text: &CStr,
    handlers: Handlers,
    protocol: EventHandler,
    protocol_data: *mut c_void,
) -> Option<Conn<'g>> {
    let Some(c) = alloc(m) else {
        log::error(format_args!("OOM {}", text.to_string_lossy()));
        return None;
    };
    let bytes = text.to_bytes();
    c.set_fd(-1);
    link(m, c);
    c.set(flag::CLIENT | transport_flags(bytes));
    if c.has(flag::TLS) {
        crate::net::tls::remember_host(c, Url::new(bytes).host);
    }
    c.set_handler(handlers.handler);
    c.set_handler_data(handlers.data);
    c.set_protocol(protocol);
    c.set_protocol_data(protocol_data);
    log::debug(format_args!("{} {} {}", c.id(), c.fd(), text.to_string_lossy()));
    call(c, MG_EV_OPEN, text.as_ptr().cast_mut().cast());
    resolve(c, bytes);
    Some(c).filter(|c| !is_closed(*c))
}

/// Finds the address of `text`, then connects.
pub fn resolve(c: Conn, text: &[u8]) {
    let port = Url::new(text).port();
    let mut rem = c.rem();
    rem.port = port.to_be();
    c.set_rem(rem);
    if let Some(path) = unix::path(text) {
        match unix::address(path) {
            Ok(to) => connect_to(c, &to),
            Err(e) => error_fmt(c, format_args!("connect: {}", e.raw_os_error().unwrap_or(libc::EINVAL))),
        }
        return;
    }
    match literal(text) {
        Some(mut found) => {
            found.port = port.to_be();
            c.set_rem(found);
            connect_resolved(c);
        }
        None => crate::net::resolver::start(c, Url::new(text).host),
    }
}

/// `c->rem` holds the address: makes the socket and starts to connect.
pub fn connect_resolved(c: Conn) {
    connect_to(c, &c.rem().to_socket().into());
}

/// Makes the socket and starts to connect. A connection that has a socket already only learns the
/// address: it keeps what it has.
fn connect_to(c: Conn, to: &SockAddr) {
    let Some(state) = ConnState::of(c).filter(|s| !s.is(is::CLOSED)) else { return };
    c.clear(flag::RESOLVING);
    if state.is(is::OWNS_FD) {
        call(c, MG_EV_RESOLVE, ptr::null_mut());
        return;
    }
    let kind = if c.has(flag::UDP) { Type::DGRAM } else { Type::STREAM };
    let domain = Domain::from(c_int::from(to.family()));
    let socket = match Socket::new(domain, kind.nonblocking().cloexec(), None) {
        Ok(socket) => socket,
        Err(e) => {
            error_fmt(c, format_args!("socket(): {}", e.raw_os_error().unwrap_or(0)));
            return;
        }
    };
    if c.has(flag::UDP) {
        if let Ok(local) = socket.local_addr() {
            c.set_loc(Addr::from_kernel(&local));
        }
        c.set_fd(socket.into_raw_fd());
        register(c, true);
        call(c, MG_EV_RESOLVE, ptr::null_mut());
        call(c, MG_EV_CONNECT, ptr::null_mut());
        return;
    }
    let fd = socket.into_raw_fd();
    c.set_fd(fd);
    tune_stream(fd, &c.mgr().map_or_else(Default::default, conn::settings_of));
    call(c, MG_EV_RESOLVE, ptr::null_mut());
    if state.is(is::CLOSED) {
        sys::close(fd);
        return;
    }
    let failed = sys::connect(fd, to).err().filter(|e| e.raw_os_error() != Some(libc::EINPROGRESS));
    c.set(flag::CONNECTING);
    register(c, false);
    limit_attempt(state);
    if let Some(e) = failed
        && !try_next_address(c)
    {
        c.clear(flag::CONNECTING);
        error_fmt(c, format_args!("connect: {}", e.raw_os_error().unwrap_or(0)));
    }
}

/// The poller says that a pending connect is over: CONNECT, or an error.
pub fn finish(c: Conn) {
    let errno = match sys::take_error(c.fd()) {
        0 => sys::peer_error(c.fd()).err().and_then(|e: io::Error| e.raw_os_error()).unwrap_or(0),
        errno => errno,
    };
    if errno != 0 {
        if !try_next_address(c) {
            socket_error(c, errno);
        }
        return;
    }
    if let Ok(local) = sys::local_addr(c.fd()) {
        c.set_loc(Addr::from_kernel(&local));
    }
    c.clear(flag::CONNECTING);
    if let Some(state) = ConnState::of(c) {
        state.alternatives.take();
    }
    call(c, MG_EV_CONNECT, ptr::null_mut());
    plain_unless_handshake(c);
}

/// Remembers when the next address is tried, if there is one.
fn limit_attempt(state: &ConnState) {
    let others = state.alternatives.take();
    let at = if others.is_empty() { 0 } else { clock::millis().saturating_add(ATTEMPT) };
    state.alternatives.set(others);
    state.next_attempt.set(at);
}

/// The name has another address: connects there. The program does not notice.
pub fn try_next_address(c: Conn) -> bool {
    let (Some(state), Some(root)) = (ConnState::of(c), c.mgr().and_then(Root::of)) else { return false };
    let mut rest = state.alternatives.take().into_iter();
    let connected = rest.find_map(|next| {
        let to: SockAddr = next.to_socket().into();
        let domain = Domain::from(c_int::from(to.family()));
        let socket = Socket::new(domain, Type::STREAM.nonblocking().cloexec(), None).ok()?;
        match socket.connect(&to) {
            Err(e) if e.raw_os_error() != Some(libc::EINPROGRESS) => None,
            _ => Some((next, socket)),
        }
    });
    state.alternatives.set(rest.collect());
    limit_attempt(state);
    let Some((next, socket)) = connected else { return false };
    conn::drop_fd(root, c, state);
    c.set_rem(next);
    c.set_fd(socket.into_raw_fd());
    tune_stream(c.fd(), &c.mgr().map_or_else(Default::default, conn::settings_of));
    register(c, false);
    true
}

/// A program that did not call `mg_tls_init` in its CONNECT handler gets plain TCP.
fn plain_unless_handshake(c: Conn) {
    if c.has(flag::TLS) && !c.has(flag::TLS_HS) {
        c.clear(flag::TLS);
    }
}
