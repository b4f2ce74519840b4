//! Listening, accepting, and taking over descriptors.

use super::addr::{literal, transport_flags};
use super::admission::{enter, excess};
use super::conn::{self, alloc, call, link, register};
use super::handle::{Conn, Mgr};
use super::settings::Settings;
use super::state::{ConnState, Root, is, ready};
use super::{deadline, dscp, log, proxied, sys, unix};
use crate::abi::{Addr, EventHandler, MG_EV_ACCEPT, MG_EV_OPEN, Setting, flag};
use crate::codec::url::Url;
use core::ffi::{c_int, c_void};
use core::ptr;
use socket2::{Domain, SockAddr, Socket, Type};
use std::io;
use std::os::fd::{AsRawFd, IntoRawFd};

/// How many connections one listener accepts in one poll.
const ACCEPTS_PER_TURN: usize = 64;

/// What the program wants to be called with.
#[derive(Clone, Copy)]
pub struct Handlers {
    /// The program's handler.
    pub handler: EventHandler,
    /// Its data.
    pub data: *mut c_void,
}

/// Listens at `text`; `None`, with a line in the log, when that fails.
pub fn listen<'g>(m: Mgr<'g>, text: &[u8], handlers: Handlers) -> Option<Conn<'g>> {
    let Some(c) = alloc(m) else {
        log::error(format_args!("OOM {}", String::from_utf8_lossy(text)));
        return None;
    };
    if !open_listener(c, text) || m.is_freed() {
        log::error(format_args!("Failed: {}", String::from_utf8_lossy(text)));
        discard(c);
        return None;
    }
    c.set(flag::LISTENING);
    c.set(transport_flags(text));
    c.set_handler(handlers.handler);
    c.set_handler_data(handlers.data);
    link(m, c);
    call(c, MG_EV_OPEN, ptr::null_mut());
    log::debug(format_args!("{} {} {}", c.id(), c.fd(), String::from_utf8_lossy(text)));
    Some(c).filter(|c| !conn::is_closed(*c))
}

/// Frees a connection that no handler has seen.
fn discard(c: Conn) {
    c.set_handler(None);
    c.set_protocol(None);
    conn::close(c);
}

/// Binds a socket for `text`, and listens on it unless it is UDP: fills `c->loc` and `c->fd`.
pub fn open_listener(c: Conn, text: &[u8]) -> bool {
    if let Some(number) = text.strip_prefix(b"fd://") {
        return inherit_listener(c, number);
    }
    let is_udp = transport_flags(text) & flag::UDP != 0;
    let kind = if is_udp { Type::DGRAM } else { Type::STREAM };
    let Some(addr) = bind_address(text) else {
        log::error(format_args!("invalid listening URL: {}", String::from_utf8_lossy(text)));
        return false;
    };
    if let Some(path) = unix::path(text) {
        unix::remove_stale(path, &addr);
    }
    let settings = c.mgr().map_or_else(Default::default, conn::settings_of);
    match bind(&addr, kind, &settings) {
        Ok(socket) => {
            if kind == Type::STREAM {
                tune_listener(socket.as_raw_fd(), c, &settings);
            }
            if let Ok(local) = socket.local_addr() {
                c.set_loc(Addr::from_kernel(&local));
            }
            c.set_fd(socket.into_raw_fd());
            dscp::apply(c);
            register(c, kind == Type::DGRAM)
        }
        Err((step, e)) => {
            log::error(format_args!("{step}: {e}"));
            false
        }
    }
}

/// Takes over a socket that somebody else has bound, and if it is one for streams, listens: that of
/// systemd, a parent process, or the program itself.
fn inherit_listener(c: Conn, number: &[u8]) -> bool {
    let fd = str::from_utf8(number).ok().and_then(|text| text.parse::<c_int>().ok()).filter(|fd| *fd >= 0);
    let kind = fd.and_then(sys::socket_type);
    let (Some(fd), Some(libc::SOCK_STREAM | libc::SOCK_DGRAM)) = (fd, kind) else {
        log::error(format_args!("no socket: fd://{}", String::from_utf8_lossy(number)));
        return false;
    };
    if kind == Some(libc::SOCK_STREAM) && !sys::is_listening(fd) {
        log::error(format_args!("fd://{fd}: the socket does not listen"));
        return false;
    }
    if let Some(state) = ConnState::of(c) {
        state.mark(is::INHERITED);
    }
    sys::set_nonblocking(fd);
    sys::set_close_on_exec(fd);
    if let Ok(local) = sys::local_addr(fd) {
        c.set_loc(Addr::from_kernel(&local));
    }
    c.set_fd(fd);
    if kind == Some(libc::SOCK_DGRAM) {
        c.set(flag::UDP);
    }
    dscp::apply(c);
    register(c, kind == Some(libc::SOCK_DGRAM))
}

/// What a listening URL says to bind to.
fn bind_address(text: &[u8]) -> Option<SockAddr> {
    if let Some(path) = unix::path(text) {
        return unix::address(path).ok();
    }
    let mut addr = literal(text)?;
    addr.port = Url::new(text).possible_port()?.to_be();
    Some(addr.to_socket().into())
}

fn bind(addr: &SockAddr, kind: Type, settings: &Settings) -> Result<Socket, (&'static str, io::Error)> {
    let domain = Domain::from(c_int::from(addr.family()));
    let socket = Socket::new(domain, kind.nonblocking().cloexec(), None).map_err(|e| ("socket", e))?;
    socket.set_reuse_address(true).map_err(|e| ("setsockopt", e))?;
    if settings.is_on(Setting::MG_SET_REUSEPORT) && domain != Domain::UNIX {
        socket.set_reuse_port(true).map_err(|e| ("setsockopt", e))?;
    }
    if domain == Domain::IPV6 && settings.is_on(Setting::MG_SET_IPV6_ONLY) {
        socket.set_only_v6(true).map_err(|e| ("setsockopt", e))?;
    }
    socket.bind(addr).map_err(|e| ("bind", e))?;
    if kind == Type::STREAM {
        socket.listen(settings.get(Setting::MG_SET_BACKLOG) as c_int).map_err(|e| ("listen", e))?;
    }
    Ok(socket)
}

/// Accepts what waits at a listener: OPEN and ACCEPT on each new connection.
pub fn accept(listener: Conn) {
    for attempt in 1..=ACCEPTS_PER_TURN {
        let Some(state) = ConnState::of(listener) else { return };
        if state.is(is::CLOSED) || listener.has(flag::CLOSING | flag::FULL) || !listener.has(flag::LISTENING)
        {
            return;
        }
        if state.is(is::WRAPPED) {
            // The program's own socket may block, and accept has no flag against it.
            sys::set_nonblocking(listener.fd());
            state.unmark(is::WRAPPED);
        }
        match sys::accept(listener.fd()) {
            Ok((fd, peer)) => {
                state.unmark(is::RETRY);
                match excess(listener, &peer) {
                    Some(code) => turn_away(listener, fd, code),
                    None => adopt(listener, fd, &peer),
                }
            }
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                state.used_up(ready::READ);
                state.unmark(is::RETRY);
                return;
            }
            // The peer has disconnected already; another may be waiting.
            Err(e) if e.kind() == io::ErrorKind::ConnectionAborted && attempt < ACCEPTS_PER_TURN => {}
            Err(e) => {
                if !state.is(is::RETRY) {
                    let errno = e.raw_os_error().unwrap_or(0);
                    log::error(format_args!("{} accept failed, errno {errno}", listener.id()));
                }
                state.mark(is::RETRY);
                return;
            }
        }
    }
}

/// Closes a socket that was accepted for nothing; the client may learn why.
fn turn_away(listener: Conn, fd: c_int, code: u16) {
    let engine = listener.state().and_then(ConnState::engine);
    if let Some(reply) = engine.and_then(|engine| engine.rejection(listener, code)) {
        let _ = sys::send(fd, &reply, false);
        sys::shut_output(fd);
        // Closed with a request unread, the connection would be reset, and the reply lost with it.
        sys::discard_input(fd);
    }
    log::debug(format_args!("{} {fd} turned away", listener.id()));
    sys::close(fd);
}

/// Makes the connection for an accepted socket.
fn adopt(listener: Conn, fd: c_int, peer: &SockAddr) {
    let Some((m, c)) = listener.mgr().and_then(|m| Some((m, alloc(m)?))) else {
        log::error(format_args!("{} OOM", listener.id()));
        sys::close(fd);
        return;
    };
    c.set_fd(fd);
    c.set_rem(Addr::from_kernel(peer));
    let bound = listener.loc();
    // Somebody else's listener may take connections for other addresses (IP_TRANSPARENT).
    if bound.is_one_host() && !listener.state().is_some_and(|state| state.is(is::INHERITED)) {
        c.set_loc(bound);
    } else if let Ok(local) = sys::local_addr(fd) {
        c.set_loc(Addr::from_kernel(&local));
    }
    tune_stream(fd, &conn::settings_of(m), listener.state());
    if let Some(state) = ConnState::of(listener) {
        conn::give_settings(c, state.settings.borrow().clone());
        if let (Some(accepted), Some(engine)) = (c.state(), state.engine()) {
            accepted.set_engine(Some(engine));
            engine.accepted(c);
        }
    }
    if let Some(root) = Root::of(m) {
        enter(root, c);
    }
    dscp::apply(c);
    c.set(flag::ACCEPTED | (listener.flags() & (flag::HEXDUMPING | flag::TLS)));
    c.set_handler(listener.handler());
    c.set_handler_data(listener.handler_data());
    c.set_protocol(listener.protocol());
    c.set_protocol_data(listener.protocol_data());
    link(m, c);
    register(c, true);
    call(c, MG_EV_OPEN, ptr::null_mut());
    log::debug(format_args!("{} {fd} accepted {} -> {}", c.id(), c.rem(), c.loc()));
    call(c, MG_EV_ACCEPT, ptr::null_mut());
    proxied::expect(c);
    if let Some(root) = Root::of(m) {
        root.services.transport.accepted(listener, c);
    }
    deadline::rearm(c);
}

/// Options of every TCP connection: the setting, the option, and the mark of a listener that has it.
const OPTIONS: [(Setting, c_int, c_int, u32); 2] = [
    (Setting::MG_SET_NODELAY, libc::IPPROTO_TCP, libc::TCP_NODELAY, is::NODELAY),
    (Setting::MG_SET_KEEPALIVE, libc::SOL_SOCKET, libc::SO_KEEPALIVE, is::KEEPALIVE),
];

/// Sets the options of a TCP connection, except those that it has from its listener.
pub fn tune_stream(fd: c_int, settings: &Settings, listener: Option<&ConnState>) {
    for (setting, level, option, mark) in OPTIONS {
        let wanted = settings.is_on(setting);
        if wanted != listener.is_some_and(|listener| listener.is(mark)) {
            sys::set_option(fd, level, option, wanted.into());
        }
    }
}

/// Sets the same options of a listener: the kernel hands them on to each connection that it accepts.
fn tune_listener(fd: c_int, c: Conn, settings: &Settings) {
    for (setting, level, option, mark) in OPTIONS {
        if settings.is_on(setting) && sys::set_option(fd, level, option, 1) {
            c.state().inspect(|state| state.mark(mark));
        }
    }
}

/// Takes over a descriptor that the program opened. OPEN fires before the connection is linked.
pub fn wrap(m: Mgr<'_>, fd: c_int, handlers: Handlers) -> Option<Conn<'_>> {
    let c = alloc(m)?;
    c.set_fd(fd);
    c.set_handler(handlers.handler);
    c.set_handler_data(handlers.data);
    let kind = match sys::socket_type(fd) {
        Some(libc::SOCK_STREAM) => is::WRAPPED,
        Some(_) => is::WRAPPED | is::PIECEWISE,
        None => is::PLAIN_FD | is::PIECEWISE,
    };
    ConnState::of(c)?.mark(kind | is::OWNS_FD);
    call(c, MG_EV_OPEN, ptr::null_mut());
    if m.is_freed() {
        // Its manager could not close it: it is in no list yet.
        conn::close(c);
    }
    if conn::is_closed(c) {
        return None;
    }
    link(m, c);
    register(c, true);
    Some(c).filter(|c| !conn::is_closed(*c))
}
