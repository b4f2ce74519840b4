//! Outgoing connections: resolve, connect, finish.

use super::addr::{literal, transport_flags};
use super::conn::{self, alloc, call, error_fmt, is_closed, link, register, socket_error};
use super::handle::{Conn, Mgr};
use super::listen::{Handlers, tune_stream};
use super::state::{ConnState, Root, is};
use super::{deadline, dscp, log, memory, race, sys, unix};
use crate::abi::{Addr, EventHandler, MG_EV_CONNECT, MG_EV_OPEN, MG_EV_RESOLVE, flag};
use crate::codec::url::Url;
use core::ffi::{CStr, c_int, c_void};
use core::ptr;
use socket2::{Domain, SockAddr, Socket, Type};
use std::os::fd::IntoRawFd;

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
    if c.has(flag::TLS)
        && let Some(root) = Root::of(m)
    {
        root.services.transport.connecting(c, Url::new(bytes).host);
    }
    c.set_handler(handlers.handler);
    c.set_handler_data(handlers.data);
    c.set_protocol(protocol);
    c.set_protocol_data(protocol_data);
    call(c, MG_EV_OPEN, text.as_ptr().cast_mut().cast());
    log::debug(format_args!("{} {} {}", c.id(), c.fd(), text.to_string_lossy()));
    if !is_closed(c) {
        resolve(c, bytes);
    }
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
        None => {
            if let Some(root) = c.mgr().and_then(Root::of) {
                root.services.names.start(c, Url::new(text).host);
            }
        }
    }
    deadline::rearm(c);
}

/// `c->rem` holds the address: makes the socket and starts to connect.
pub fn connect_resolved(c: Conn) {
    connect_to(c, &c.rem().to_socket().into());
    deadline::rearm(c);
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
            log::error(format_args!("{} socket: {e}", c.id()));
            error_fmt(c, format_args!("socket(): {}", e.raw_os_error().unwrap_or(0)));
            return;
        }
    };
    if c.has(flag::UDP) {
        if let Ok(local) = socket.local_addr() {
            c.set_loc(Addr::from_kernel(&local));
        }
        c.set_fd(socket.into_raw_fd());
        dscp::apply(c);
        register(c, true);
        call(c, MG_EV_RESOLVE, ptr::null_mut());
        call(c, MG_EV_CONNECT, ptr::null_mut());
        return;
    }
    let fd = socket.into_raw_fd();
    c.set_fd(fd);
    tune_stream(fd, &c.mgr().map_or_else(Default::default, conn::settings_of), None);
    call(c, MG_EV_RESOLVE, ptr::null_mut());
    if state.is(is::CLOSED) {
        sys::close(fd);
        return;
    }
    dscp::apply(c);
    let failed = sys::connect(fd, to).err().filter(|e| e.raw_os_error() != Some(libc::EINPROGRESS));
    c.set(flag::CONNECTING);
    register(c, false);
    race::plan(c, state);
    if let Some(e) = failed
        && let race::RaceOutcome::Lost(_) = race::give_up(c)
    {
        log::error(format_args!("{} connect {}: {e}", c.id(), c.rem()));
        let text = format!("connect: {}", e.raw_os_error().unwrap_or(0));
        if !ask_for_more(c, text.as_bytes()) {
            c.clear(flag::CONNECTING);
            conn::error(c, text.as_bytes());
        }
    }
}

/// All addresses failed. The name may have others, of the other family: the connection waits for
/// them. If there are none, it fails with `error`.
fn ask_for_more(c: Conn, error: &[u8]) -> bool {
    let Some(state) = ConnState::of(c) else { return false };
    let Some(host) = race::take(state).and_then(|race| race.host) else { return false };
    let Some(root) = c.mgr().and_then(Root::of) else { return false };
    if !root.services.names.ask_for_more(c, &host, error) {
        return false;
    }
    conn::drop_fd(root, c, state);
    c.set_fd(-1);
    state.next_attempt.set(0);
    c.clear(flag::CONNECTING);
    c.set(flag::RESOLVING);
    true
}

/// The poller says something about a pending connect: it may be over.
pub fn finish(c: Conn) {
    match race::judge(c) {
        race::RaceOutcome::Won => {}
        race::RaceOutcome::Open => return,
        race::RaceOutcome::Lost(errno) => {
            if !ask_for_more(c, b"socket error") {
                socket_error(c, errno);
            }
            return;
        }
    }
    if let Ok(local) = sys::local_addr(c.fd()) {
        c.set_loc(Addr::from_kernel(&local));
    }
    c.clear(flag::CONNECTING);
    if let Some(state) = ConnState::of(c) {
        // Closes the attempts that were slower.
        race::take(state);
        state.next_attempt.set(0);
        state.last_io.set(super::clock::millis());
    }
    call(c, MG_EV_CONNECT, ptr::null_mut());
    plain_unless_handshake(c);
}

/// Addresses of the other family are known, after all others failed: connects to the first one. The
/// program does not notice.
pub fn resume(c: Conn) {
    c.clear(flag::RESOLVING);
    c.set(flag::CONNECTING);
    if let race::RaceOutcome::Lost(errno) = race::restart(c) {
        c.clear(flag::CONNECTING);
        socket_error(c, errno);
    }
    deadline::rearm(c);
}

/// Lets go of a lost connection's socket, and of all that belonged to it. From `at` on its engine may call
/// [`again`]; until then programs see a connection that is being resolved.
pub fn detach(c: Conn, at: u64) {
    let Some((state, root)) = c.state().and_then(|state| Some((state, state.root()?))) else { return };
    root.services.names.cancel(c);
    if c.has(flag::TLS) {
        root.services.transport.closing(c);
    }
    conn::drop_fd(root, c, state);
    c.set_fd(-1);
    c.set_flags((c.flags() & (flag::CLIENT | flag::HEXDUMPING)) | flag::RESOLVING);
    root.services.transport.closed(c);
    drop(race::take(state));
    state.set_source(None);
    for buf in [c.recv(), c.send(), c.rtls()] {
        buf.free();
    }
    state.unmark(
        is::LOST
            | is::PLAIN_FD
            | is::RETRY
            | is::PIECEWISE
            | is::ABOVE_MARK
            | is::LINGERING
            | is::OVERSIZE
            | is::STARVED,
    );
    state.close_at.set(0);
    state.next_attempt.set(at.max(1));
    memory::settle(c, state);
    deadline::rearm(c);
}

/// Connects a detached connection to `text`, with what its engine has queued.
pub fn again(c: Conn, text: &[u8]) {
    let Some((state, root)) = c.state().and_then(|state| Some((state, state.root()?))) else { return };
    state.next_attempt.set(0);
    state.last_io.set(super::clock::millis());
    c.set(transport_flags(text));
    if c.has(flag::TLS) {
        root.services.transport.connecting(c, Url::new(text).host);
    }
    c.clear(flag::RESOLVING);
    if !c.has(flag::CLOSING) {
        resolve(c, text);
    }
}

/// A program that did not call `mg_tls_init` in its CONNECT handler gets plain TCP.
fn plain_unless_handshake(c: Conn) {
    if c.has(flag::TLS) && !c.has(flag::TLS_HS) {
        c.clear(flag::TLS);
    }
}
