//! One connection's turn: accept, connect, read, write, close.

use super::conn::{close, error, fire_count, has_protocol, learn_local, output_queued, queue, socket_error};
use super::handle::{Buf, Conn};
use super::state::{ConnState, Root, is, ready};
use super::{connect, listen, log, oversize, sys, wakeup};
use crate::abi::{Addr, MG_EV_READ, MG_EV_WRITE, Setting, flag};
use crate::net::http::serve::body::{self, Piece};
use crate::net::{http, tls};
use core::ffi::c_int;
use std::io::{self, ErrorKind};

/// Reads of one connection in one turn; what is left waits for the next poll, so that one busy
/// peer does not starve the others.
const READS_PER_TURN: usize = 8;

/// Pieces of a file that one connection sends in one turn, for the same reason.
const PIECES_PER_TURN: usize = 8;

/// Largest piece of a file that the kernel copies at once.
const COPY: usize = 1 << 20;

/// Largest datagram.
const DATAGRAM: usize = 65536;

/// Gives a connection its turn in this poll, at the time `now`.
pub fn turn(root: &Root, c: Conn, now: u64) {
    let Some(state) = ConnState::of(c) else { return };
    if state.is(is::CLOSED | is::OVERSIZE) {
        if state.is(is::CLOSED) {
            return;
        }
        oversize::judge(c, state);
    }
    if state.in_handler.get() > 0 {
        // A nested poll: the outer one goes on with this connection.
        queue(c);
        return;
    }
    root.with(|inner| inner.current = state.token.get());
    if !c.has(flag::CLOSING | flag::RESOLVING) {
        transfer(root, c, now);
    }
    root.with(|inner| inner.current = Default::default());
    if is_live(c) {
        if has_output(c, state) && state.can(ready::WRITE) {
            // A handler of WRITE queued more: that goes out with the others' output.
            output_queued(c);
        }
        settle(c);
    }
}

/// Writes a connection's fresh output, then applies its flags.
pub fn flush(c: Conn) {
    if !c.has(flag::CLOSING) {
        write(c);
    }
    if is_live(c) {
        settle(c);
    }
}

/// Applies what the program asked for with flags: a drained or closing connection is closed.
fn settle(c: Conn) {
    let Some(state) = ConnState::of(c) else { return };
    if c.has(flag::DRAINING) && !has_output(c, state) && !http::timeouts::lingers(c, state) {
        c.set(flag::CLOSING);
    }
    if c.has(flag::CLOSING) && state.in_handler.get() == 0 {
        close(c);
    }
}

/// True when the end of the stream is behind requests that wait for a response in progress, and
/// nothing of that response waits to be sent. As for fewer requests, whose end is read, that is the
/// end of the connection; a peer that is gone must not be kept for as long as a program waits.
pub fn is_abandoned(c: Conn, state: &ConnState) -> bool {
    state.can(ready::HANGUP) && http::is_held_back(c, state) && !has_output(c, state)
}

/// True when something is to be sent, from the send buffer or behind it.
pub fn has_output(c: Conn, state: &ConnState) -> bool {
    c.send().len() > 0 || state.body.is_some() || (c.has(flag::TLS) && state.tls.has_output())
}

/// True when something may be read, from the socket or from what TLS holds.
pub fn has_input(c: Conn, state: &ConnState) -> bool {
    state.can(ready::READ | ready::ERROR) || (c.has(flag::TLS) && state.tls.has_input())
}

fn transfer(root: &Root, c: Conn, now: u64) {
    let Some(state) = ConnState::of(c) else { return };
    if c.has(flag::LISTENING) && !c.has(flag::UDP) {
        if state.can(ready::READ) && !c.has(flag::FULL) {
            listen::accept(c);
        }
        if is_live(c) && state.can(ready::READ) && !state.is(is::RETRY) && !c.has(flag::FULL) {
            queue(c);
        }
        return;
    }
    if c.has(flag::CONNECTING) {
        if state.can(ready::WRITE | ready::ERROR | ready::HANGUP) {
            connect::finish(c);
        }
        if !is_live(c) || c.has(flag::CLOSING | flag::CONNECTING) {
            return;
        }
    }
    if wakeup::is_channel(root, c) {
        if state.can(ready::READ) {
            state.used_up(ready::READ);
            wakeup::deliver(root);
        }
        return;
    }
    if c.has(flag::TLS) && !tls::is_up(c, state, now) {
        return;
    }
    if (has_input(c, state) || state.can(ready::HANGUP))
        && !c.has(flag::FULL)
        && !http::is_held_back(c, state)
    {
        state.last_io.set(now);
        read(c);
    } else if state.can(ready::ERROR) {
        socket_error(c, sys::take_error(c.fd()));
    } else if is_abandoned(c, state) {
        end_of_stream(c);
    }
    // A peer that closed its side still gets what is queued (see `end_of_stream`); what a program
    // closes is dropped.
    if is_live(c) && !c.has(flag::CLOSING) {
        write(c);
    }
}

/// True unless the connection was closed for good.
fn is_live(c: Conn) -> bool {
    ConnState::of(c).is_some_and(|s| !s.is(is::CLOSED))
}

/// Reads what the socket has, as far as one turn goes.
fn read(c: Conn) {
    for attempt in 1..=READS_PER_TURN {
        let Some(state) = ConnState::of(c) else { return };
        if state.is(is::CLOSED | is::OVERSIZE) {
            if state.is(is::CLOSED) {
                return;
            }
            oversize::judge(c, state);
        }
        if c.has(flag::CLOSING | flag::FULL)
            || http::is_held_back(c, state)
            || !(has_input(c, state) || state.can(ready::HANGUP))
        {
            return;
        }
        if c.has(flag::TLS_HS) {
            break; // A handler of READ began a handshake.
        }
        let Some(room) = make_room(c) else { return };
        match receive(c, room) {
            Ok(0) if c.has(flag::UDP) => {} // An empty datagram is no event.
            Ok(0) => {
                end_of_stream(c);
                return;
            }
            Ok(n) => {
                let buf = c.recv();
                if c.has(flag::HEXDUMPING) {
                    hexdump(c, buf.len(), n, "<-");
                }
                buf.set_len(buf.len() + n);
                state.unmark(is::RETRY);
                state.http.stream.count(n);
                // A read that leaves room has drained the socket, unless the end of the stream or an
                // error is announced: then read on to it. Datagrams never fill the room.
                let drained = n < room && !c.has(flag::UDP | flag::TLS) && !state.is(is::PIECEWISE);
                if drained && !state.can(ready::HANGUP | ready::ERROR) {
                    state.used_up(ready::READ);
                }
                fire_count(c, MG_EV_READ, n);
            }
            Err(e) if e.kind() == ErrorKind::WouldBlock => {
                state.used_up(ready::READ | ready::HANGUP);
                state.unmark(is::RETRY);
                if state.can(ready::ERROR) {
                    socket_error(c, sys::take_error(c.fd()));
                }
                return;
            }
            Err(e) if c.has(flag::UDP) && !is_fatal(&e) => {
                // ICMP errors of earlier datagrams: nothing is wrong with the socket.
                log::debug(format_args!("{} {} recv: {e}", c.id(), c.fd()));
                if attempt == READS_PER_TURN {
                    state.mark(is::RETRY);
                    return;
                }
            }
            Err(e) => {
                read_failed(c, &e);
                return;
            }
        }
    }
    queue(c);
}

/// Room for a read, by the contract's growth rule; `None` when the connection failed.
fn make_room(c: Conn) -> Option<usize> {
    let buf = c.recv();
    let state = ConnState::of(c)?;
    let limit = state.size_setting(Setting::MG_SET_RECV_LIMIT);
    if c.has(flag::UDP) {
        // A datagram that does not fit is cut by the kernel: make room for any.
        let limit = limit.max(buf.size());
        if buf.len() >= limit {
            error(c, b"MG_MAX_RECV_SIZE");
            return None;
        }
        let wanted = (buf.len() + DATAGRAM).min(limit);
        if buf.size() < wanted && !buf.resize(wanted) {
            error(c, b"OOM");
            return None;
        }
        return Some(buf.size() - buf.len());
    }
    if buf.len() >= limit {
        // The readiness may be stale: only bytes that really wait are too many.
        if state.is(is::PLAIN_FD) || (c.has(flag::TLS) && state.tls.has_input()) || sys::has_input(c.fd()) {
            if !http::timeouts::refuse_excess(c) {
                error(c, b"MG_MAX_RECV_SIZE");
            }
        } else {
            state.used_up(ready::READ);
        }
        return None;
    }
    let step = state.size_setting(Setting::MG_SET_READ_SIZE);
    if buf.len() >= buf.size() {
        let wanted = http::body::size_for_body(c, step).unwrap_or(buf.size() + step);
        if !buf.resize(wanted.min(limit)) {
            error(c, b"OOM");
            return None;
        }
    }
    let room = (buf.size() - buf.len()).min(limit - buf.len());
    // Bodies arrive in the usual steps, whatever room was made for them.
    Some(if room > step && http::body::is_collecting(state) { step - buf.len() % step } else { room })
}

fn receive(c: Conn, room: usize) -> io::Result<usize> {
    if c.has(flag::UDP) {
        let (n, from) = sys::recv_from(c.fd(), c.recv(), room)?;
        if n > 0 {
            c.set_rem(Addr::from_kernel(&from));
        }
        return Ok(n);
    }
    if c.has(flag::TLS) {
        return tls::receive(c, room);
    }
    receive_into(c, c.recv(), room)
}

/// Reads from the socket, behind the bytes in use of a buffer with `room` for more.
pub fn receive_into(c: Conn, buf: Buf, room: usize) -> io::Result<usize> {
    if ConnState::of(c).is_some_and(|s| s.is(is::PLAIN_FD)) {
        return sys::read(c.fd(), buf, room);
    }
    sys::recv(c.fd(), buf, room)
}

/// One attempt to send for a connection, whatever its descriptor is. `more`: see [`sys::send`].
pub fn send_once(c: Conn, bytes: &[u8], more: bool) -> io::Result<usize> {
    if c.has(flag::UDP) {
        sys::send_to(c.fd(), bytes, &c.rem().to_socket().into())
    } else if ConnState::of(c).is_some_and(|s| s.is(is::PLAIN_FD)) {
        sys::write(c.fd(), bytes)
    } else {
        sys::send(c.fd(), bytes, more)
    }
}

/// True for an error after which a datagram socket is of no more use.
fn is_fatal(e: &io::Error) -> bool {
    matches!(e.raw_os_error(), Some(libc::EBADF | libc::ENOTSOCK))
}

/// A read from the socket failed: ERROR if the peer or the network is to blame, and the end.
pub fn read_failed(c: Conn, e: &io::Error) {
    let errno = e.raw_os_error().unwrap_or(0);
    match errno {
        libc::ECONNRESET | libc::ETIMEDOUT | libc::EHOSTUNREACH | libc::ENETUNREACH | libc::ECONNREFUSED => {
            socket_error(c, errno);
        }
        _ => {
            log::debug(format_args!("{} {} recv: {e}", c.id(), c.fd()));
            c.set(flag::CLOSING);
        }
    }
}

/// The peer sends no more. With output pending, that still goes out; then the connection closes.
fn end_of_stream(c: Conn) {
    let Some(state) = ConnState::of(c) else { return };
    state.used_up(ready::READ | ready::HANGUP);
    state.http.stream.finish();
    if has_output(c, state) {
        c.set(flag::DRAINING);
    } else {
        c.set(flag::CLOSING);
    }
}

/// Sends what is queued, as far as the socket takes it.
fn write(c: Conn) {
    let Some(state) = ConnState::of(c) else { return };
    if !has_output(c, state) || !state.can(ready::WRITE) || c.has(flag::TLS_HS) || c.is_pending() {
        return;
    }
    mark_writable(c);
    if c.has(flag::TLS) && !tls::flush(c, state) {
        return;
    }
    if c.has(flag::UDP) {
        write_datagram(c);
        return;
    }
    if c.send().len() > 0 {
        write_buffer(c, state);
    }
    if state.body.is_some() {
        write_body(c, state);
    }
}

/// Sends the body behind an empty send buffer, as far as one turn goes.
fn write_body(c: Conn, state: &ConnState) {
    for _ in 0..PIECES_PER_TURN {
        if c.has(flag::CLOSING) || c.send().len() > 0 || !state.can(ready::WRITE) {
            return;
        }
        match body::next_piece(c) {
            Piece::Queued => write_buffer(c, state),
            Piece::Copy { fd, at, len } => copy_piece(c, state, fd, at, len),
            Piece::None => return,
        }
        if !state.body.is_some() && !state.is(is::CLOSED) {
            http::response_done(c);
            return;
        }
    }
    queue(c);
}

/// Lets the kernel send a piece of a file.
fn copy_piece(c: Conn, state: &ConnState, file: c_int, at: u64, len: u64) {
    match sys::sendfile(c.fd(), file, at, usize::try_from(len).map_or(COPY, |len| len.min(COPY))) {
        Ok(n) => {
            touch(c, state);
            body::copied(c, n);
            if n > 0 {
                fire_count(c, MG_EV_WRITE, n);
            }
        }
        // Less than asked for may mean a full socket or a file that was cut: the next call tells.
        Err(e) if e.kind() == ErrorKind::WouldBlock => state.used_up(ready::WRITE),
        Err(e) => {
            log::debug(format_args!("{} {} sendfile: {e}", c.id(), c.fd()));
            c.set(flag::CLOSING);
        }
    }
}

/// Notes that bytes went out.
fn touch(c: Conn, state: &ConnState) {
    state.http.stalled.set(0);
    state.last_io.set(c.mgr().and_then(Root::of).map_or(0, |root| root.with(|inner| inner.now)));
}

/// Sends from the send buffer.
fn write_buffer(c: Conn, state: &ConnState) {
    let buf = c.send();
    // SAFETY: no handler runs and nothing changes the buffer until the call returns.
    let bytes = unsafe { buf.bytes() };
    let is_http_client = c.has(flag::CLIENT) && has_protocol(c, http::on_event);
    if is_http_client {
        state.http.asked.read(bytes);
    }
    let sent =
        if c.has(flag::TLS) { tls::send(c, state, bytes) } else { send_once(c, bytes, state.body.is_some()) };
    match sent {
        Ok(n) if n > 0 => {
            if is_http_client {
                state.http.asked.sent(n);
            }
            touch(c, state);
            state.http.stream.sent(bytes);
            if n < bytes.len() && !state.is(is::PLAIN_FD) && !c.has(flag::TLS) {
                state.used_up(ready::WRITE);
            }
            if c.has(flag::HEXDUMPING) {
                hexdump(c, 0, n, "->");
            }
            buf.consume(n);
            fire_count(c, MG_EV_WRITE, n);
        }
        Err(e) if e.kind() == ErrorKind::WouldBlock => state.used_up(ready::WRITE),
        Ok(_) => c.set(flag::CLOSING),
        Err(e) => {
            log::debug(format_args!("{} {} send: {e}", c.id(), c.fd()));
            c.set(flag::CLOSING);
        }
    }
}

/// What was formatted onto a UDP connection leaves as one datagram.
fn write_datagram(c: Conn) {
    let buf = c.send();
    // SAFETY: no handler runs and nothing changes the buffer until the call returns.
    let bytes = unsafe { buf.bytes() };
    match sys::send_to(c.fd(), bytes, &c.rem().to_socket().into()) {
        Ok(n) => {
            learn_local(c);
            buf.consume(n);
            fire_count(c, MG_EV_WRITE, n);
        }
        Err(e) if e.kind() == ErrorKind::WouldBlock => {
            if let Some(state) = ConnState::of(c) {
                state.used_up(ready::WRITE);
            }
        }
        Err(e) => {
            log::debug(format_args!("{} {} sendto {}: {e}", c.id(), c.fd(), c.rem()));
            c.set(flag::CLOSING);
        }
    }
}

/// Sets WRITABLE as programs see it; the next poll clears it.
fn mark_writable(c: Conn) {
    c.set(flag::WRITABLE);
    let (Some(root), Some(state)) = (c.mgr().and_then(Root::of), ConnState::of(c)) else { return };
    root.with(|inner| {
        // A connection that has its turn is unmarked with all that had one.
        if inner.current != state.token.get() {
            inner.marked.push(state.token.get());
        }
    });
}

/// Logs what was read (behind the bytes in use) or is about to leave (from the front).
fn hexdump(c: Conn, from: usize, n: usize, arrow: &str) {
    let buf = if arrow == "<-" { c.recv() } else { c.send() };
    log::info(format_args!("\n-- {} {} {arrow} {} {n}", c.id(), c.loc(), c.rem()));
    // SAFETY: from + n bytes of the buffer are allocated and initialised.
    log::hexdump(unsafe { core::slice::from_raw_parts(buf.base().add(from), n) });
}
