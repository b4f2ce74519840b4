//! One connection's turn: accept, connect, read, write, close.

use super::buf::Buf;
use super::conn::{self, error, fire_count, learn_local, lose, output_queued, queue, socket_error};
use super::deadline::rearm_at;
use super::direct::note_sent;
use super::engine::{Piece, Source};
use super::handle::Conn;
use super::services::Transport;
use super::state::{ConnState, Root, is, ready};
use super::{connect, listen, log, memory, oversize, proxied, sys, wakeup};
use crate::abi::{Addr, MG_EV_READ, MG_EV_WRITE, Setting, flag};
use core::ffi::c_int;
use std::io::{self, ErrorKind};

/// Reads of one connection in one turn; what is left waits for the next poll, so that one busy
/// peer does not starve the others.
const READS_PER_TURN: usize = 8;

/// Pieces of a source that one connection sends in one turn, for the same reason.
const PIECES_PER_TURN: usize = 8;

/// Largest piece of a file that the kernel copies at once.
const COPY: usize = 1 << 20;

/// Largest datagram.
const DATAGRAM: usize = 65536;

/// Gives a connection its turn in this poll, at the time `now`.
pub fn turn(root: &Root, c: Conn, state: &ConnState, now: u64) {
    if state.is(is::CLOSED | is::OVERSIZE) {
        if state.is(is::CLOSED) {
            return;
        }
        oversize::judge(c, state);
    }
    if state.in_handler.get() > 0 {
        // A nested poll: the outer one continues with this connection.
        queue(c);
        return;
    }
    root.current.set(state.token.get());
    if !c.has(flag::CLOSING | flag::RESOLVING) {
        transfer(root, c, state, now);
    }
    root.current.set(Default::default());
    if !state.is(is::CLOSED) {
        if has_output(c, state) && state.can(ready::WRITE) {
            // A handler of WRITE queued more: that goes out with the others' output.
            output_queued(c);
        }
        apply_close_flags(c, state, now);
    }
}

/// Writes a connection's fresh output, then applies its flags.
pub fn flush(c: Conn, state: &ConnState, now: u64) {
    if !c.has(flag::CLOSING) {
        write(c, state);
    }
    if !state.is(is::CLOSED) {
        apply_close_flags(c, state, now);
    }
}

/// The end of a connection's life begins here: applies what the program, or the peer, asked for. A
/// closing connection is closed, and so is a draining one that has sent everything, unless its engine
/// keeps it. Others learn their next deadline.
fn apply_close_flags(c: Conn, state: &ConnState, now: u64) {
    memory::settle(c, state);
    if c.has(flag::DRAINING) && !has_output(c, state) {
        if state.engine().is_some_and(|engine| engine.lingers(c)) {
            state.mark(is::LINGERING);
        } else {
            c.set(flag::CLOSING);
        }
    }
    if c.has(flag::CLOSING) && state.in_handler.get() == 0 {
        conn::end(c, state);
    } else {
        rearm_at(c, now);
    }
}

/// True when nothing more is to be read, says the connection's engine.
#[inline]
pub fn is_held_back(c: Conn, state: &ConnState) -> bool {
    state.engine().is_some_and(|engine| engine.holds_back(c))
}

/// What encrypts a connection; `None` when nothing does.
#[inline]
fn transport(c: Conn, state: &ConnState) -> Option<&'static dyn Transport> {
    if c.has(flag::TLS) { state.root().map(|root| root.services.transport) } else { None }
}

/// True when the end of the stream follows requests that wait for a response in progress, and
/// nothing of that response waits to be sent. As for fewer requests, whose end is read, that is the
/// end of the connection; a disconnected peer must not be kept for as long as a program waits.
pub fn is_abandoned(c: Conn, state: &ConnState) -> bool {
    state.can(ready::HANGUP) && is_held_back(c, state) && !has_output(c, state)
}

/// True when something is to be sent, from the send buffer or after it.
#[inline]
pub fn has_output(c: Conn, state: &ConnState) -> bool {
    c.send().len() > 0 || state.has_source() || transport(c, state).is_some_and(|tls| tls.has_output(c))
}

/// True when something may be read, from the socket or from what TLS holds.
#[inline]
pub fn has_input(c: Conn, state: &ConnState) -> bool {
    state.can(ready::READ | ready::ERROR) || transport(c, state).is_some_and(|tls| tls.has_input(c))
}

fn transfer(root: &Root, c: Conn, state: &ConnState, now: u64) {
    if c.has(flag::LISTENING) && !c.has(flag::UDP) {
        if state.can(ready::READ) && !c.has(flag::FULL) {
            listen::accept(c);
        }
        if !state.is(is::CLOSED) && state.can(ready::READ) && !state.is(is::RETRY) && !c.has(flag::FULL) {
            queue(c);
        }
        return;
    }
    if c.has(flag::CONNECTING) {
        if state.can(ready::WRITE | ready::ERROR | ready::HANGUP) {
            connect::finish(c);
        }
        if state.is(is::CLOSED) || c.has(flag::CLOSING | flag::CONNECTING) {
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
    if state.is(is::PROXIED) && !proxied::take_header(root, c, state) {
        return;
    }
    if transport(c, state).is_some_and(|tls| !tls.drive(c, now)) {
        return;
    }
    if (has_input(c, state) || state.can(ready::HANGUP)) && !c.has(flag::FULL) && !is_held_back(c, state) {
        if !root.is_full.get() || memory::admit(c, state, 0) {
            state.last_io.set(now);
            read(c, state);
        }
    } else if state.can(ready::ERROR) {
        socket_error(c, sys::take_error(c.fd()));
    } else if is_abandoned(c, state) {
        end_of_stream(c, state);
    }
    // A peer that closed its side still gets what is queued (see `end_of_stream`); what a program
    // closes is dropped.
    if !state.is(is::CLOSED) && !c.has(flag::CLOSING) {
        write(c, state);
    }
}

/// Reads what the socket has, as far as one turn goes.
fn read(c: Conn, state: &ConnState) {
    for attempt in 1..=READS_PER_TURN {
        if state.is(is::CLOSED | is::OVERSIZE) {
            if state.is(is::CLOSED) {
                return;
            }
            oversize::judge(c, state);
        }
        if !(has_input(c, state) || state.can(ready::HANGUP))
            || c.has(flag::CLOSING | flag::FULL)
            || is_held_back(c, state)
        {
            return;
        }
        if c.has(flag::TLS_HS) {
            break; // A handler of READ began a handshake.
        }
        let Some(room) = make_room(c, state) else { return };
        match receive(c, state, room) {
            Ok(0) if c.has(flag::UDP) => {} // An empty datagram is no event.
            Ok(0) => {
                end_of_stream(c, state);
                return;
            }
            Ok(n) => {
                let buf = c.recv();
                if c.has(flag::HEXDUMPING) {
                    hexdump(c, buf.len(), n, "<-");
                }
                buf.set_len(buf.len() + n);
                state.unmark(is::RETRY);
                if let Some(engine) = state.engine() {
                    engine.received(c, n);
                }
                // A read that leaves room has drained the socket, unless the end of the stream or an
                // error is announced: then read on to it. Datagrams never fill the room.
                let drained = n < room && !c.has(flag::UDP | flag::TLS) && !state.is(is::PIECEWISE);
                if drained && !state.can(ready::HANGUP | ready::ERROR) {
                    state.used_up(ready::READ);
                }
                fire_count(c, MG_EV_READ, n);
            }
            Err(e) if e.kind() == ErrorKind::WouldBlock => {
                if state.is(is::STARVED) {
                    return; // TLS has no room: what the socket has is still there.
                }
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
fn make_room(c: Conn, state: &ConnState) -> Option<usize> {
    let buf = c.recv();
    let limit = state.size_setting(Setting::MG_SET_RECV_LIMIT);
    if c.has(flag::UDP) {
        // A datagram that does not fit is cut by the kernel: make room for any.
        let limit = limit.max(buf.size());
        if buf.len() >= limit {
            error(c, b"MG_MAX_RECV_SIZE");
            return None;
        }
        let wanted = (buf.len() + DATAGRAM).min(limit);
        if buf.size() < wanted && !enlarge(c, state, wanted) {
            return None;
        }
        return Some(buf.size() - buf.len());
    }
    if buf.len() >= limit {
        // The readiness may be stale: only bytes that really wait are too many.
        if state.is(is::PLAIN_FD)
            || transport(c, state).is_some_and(|tls| tls.has_input(c))
            || sys::has_input(c.fd())
        {
            if !state.engine().is_some_and(|engine| engine.on_overflow(c)) {
                error(c, b"MG_MAX_RECV_SIZE");
            }
        } else {
            state.used_up(ready::READ);
        }
        return None;
    }
    let step = state.size_setting(Setting::MG_SET_READ_SIZE);
    let collected = || state.engine().and_then(|engine| engine.recv_size(c, step));
    if buf.len() >= buf.size() {
        let wanted = collected().unwrap_or(buf.size() + step);
        if !enlarge(c, state, wanted.min(limit)) {
            return None;
        }
    }
    let room = (buf.size() - buf.len()).min(limit - buf.len());
    // Long messages arrive in the usual steps, whatever room was made for them.
    Some(if room > step && collected().is_some() { step - buf.len() % step } else { room })
}

/// Makes the receive buffer larger. False when it may not be, or when the connection failed.
#[cold]
fn enlarge(c: Conn, state: &ConnState, size: usize) -> bool {
    let buf = c.recv();
    if !memory::admit(c, state, size.saturating_sub(buf.size())) {
        return false;
    }
    if !buf.resize(size) {
        error(c, b"OOM");
        return false;
    }
    memory::settle(c, state);
    true
}

fn receive(c: Conn, state: &ConnState, room: usize) -> io::Result<usize> {
    if c.has(flag::UDP) {
        let (n, from) = sys::recv_from(c.fd(), c.recv(), room)?;
        if n > 0 {
            c.set_rem(Addr::from_kernel(&from));
        }
        return Ok(n);
    }
    if let Some(tls) = transport(c, state) {
        return tls.receive(c, room);
    }
    receive_into(c, c.recv(), room)
}

/// Reads from the socket, after the bytes in use of a buffer with `room` for more.
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
            lose(c);
        }
    }
}

/// The peer sends no more. With output pending, that still goes out; then the connection closes.
fn end_of_stream(c: Conn, state: &ConnState) {
    state.used_up(ready::READ | ready::HANGUP);
    if let Some(engine) = state.engine() {
        engine.ended(c);
    }
    conn::mark_lost(c);
    if has_output(c, state) {
        c.set(flag::DRAINING);
    } else {
        c.set(flag::CLOSING);
    }
}

/// Sends what is queued, as far as the socket takes it.
fn write(c: Conn, state: &ConnState) {
    if state.sent_early.get() > 0 && !state.can(ready::WRITE) {
        fire_count(c, MG_EV_WRITE, state.sent_early.take());
        return;
    }
    if !has_output(c, state) || !state.can(ready::WRITE) || c.has(flag::TLS_HS) || c.is_pending() {
        return;
    }
    mark_writable(c, state);
    if transport(c, state).is_some_and(|tls| !tls.flush(c)) {
        return;
    }
    if c.has(flag::UDP) {
        write_datagram(c, state);
        return;
    }
    if c.send().len() > 0 {
        write_buffer(c, state);
    }
    if state.has_source() {
        write_source(c, state);
    }
}

/// Sends what a source has, as far as one turn goes.
fn write_source(c: Conn, state: &ConnState) {
    for _ in 0..PIECES_PER_TURN {
        if c.has(flag::CLOSING) || c.send().len() > 0 || !state.can(ready::WRITE) {
            return;
        }
        let Some(mut source) = state.take_source() else { return };
        let sent = match source.next(c) {
            Piece::Unwanted => return,
            Piece::Copy { fd, at, len } => {
                let Some((piece, n)) = copy_piece(c, state, &mut *source, fd, at, len) else {
                    state.set_source(Some(source));
                    continue;
                };
                keep(c, state, source, &piece);
                if n > 0 {
                    fire_count(c, MG_EV_WRITE, n);
                }
                piece
            }
            piece => {
                keep(c, state, source, &piece);
                write_buffer(c, state);
                piece
            }
        };
        if matches!(sent, Piece::Last | Piece::Broken) {
            if let Some(engine) = state.engine().filter(|_| !state.is(is::CLOSED)) {
                engine.source_done(c);
            }
            return;
        }
    }
    queue(c);
}

/// Keeps a source that has more, and ends another.
fn keep(c: Conn, state: &ConnState, source: Box<dyn Source>, piece: &Piece) {
    match piece {
        Piece::Last => source.end(c, true),
        Piece::Broken => source.end(c, false),
        _ if state.is(is::CLOSED) => {}
        _ => state.set_source(Some(source)),
    }
}

/// Lets the kernel send a piece of a file. Returns what its source says, and how many bytes it was;
/// `None` when the socket takes none now, or never again.
fn copy_piece(
    c: Conn,
    state: &ConnState,
    source: &mut dyn Source,
    file: c_int,
    at: u64,
    len: u64,
) -> Option<(Piece, usize)> {
    match sys::sendfile(c.fd(), file, at, usize::try_from(len).map_or(COPY, |len| len.min(COPY))) {
        Ok(n) => {
            note_sent(c, state, &[], n);
            return Some((source.copied(n), n));
        }
        // Less than asked for may mean a full socket or a file that was cut: the next call tells.
        Err(e) if e.kind() == ErrorKind::WouldBlock => state.used_up(ready::WRITE),
        Err(e) => {
            log::debug(format_args!("{} {} sendfile: {e}", c.id(), c.fd()));
            lose(c);
        }
    }
    None
}

/// Sends from the send buffer.
fn write_buffer(c: Conn, state: &ConnState) {
    let buf = c.send();
    // SAFETY: no handler runs and nothing changes the buffer until the call returns.
    let bytes = unsafe { buf.bytes() };
    if let Some(engine) = state.engine() {
        engine.sending(c, bytes);
    }
    let taken = match transport(c, state) {
        Some(tls) => tls.send(c, bytes),
        None => send_once(c, bytes, state.has_source()),
    };
    match taken {
        Ok(n) if n > 0 => {
            note_sent(c, state, bytes, n);
            if n < bytes.len() && !state.is(is::PLAIN_FD) && !c.has(flag::TLS) {
                state.used_up(ready::WRITE);
            }
            if c.has(flag::HEXDUMPING) {
                hexdump(c, 0, n, "->");
            }
            buf.drop_front(n);
            fire_count(c, MG_EV_WRITE, n.saturating_add(state.sent_early.take()));
        }
        Err(e) if e.kind() == ErrorKind::WouldBlock => state.used_up(ready::WRITE),
        Ok(_) => lose(c),
        Err(e) => {
            log::debug(format_args!("{} {} send: {e}", c.id(), c.fd()));
            lose(c);
        }
    }
}

/// What was formatted onto a UDP connection leaves as one datagram.
fn write_datagram(c: Conn, state: &ConnState) {
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
            state.used_up(ready::WRITE);
        }
        Err(e) => {
            log::debug(format_args!("{} {} sendto {}: {e}", c.id(), c.fd(), c.rem()));
            c.set(flag::CLOSING);
        }
    }
}

/// Sets WRITABLE as programs see it; the next poll clears it.
fn mark_writable(c: Conn, state: &ConnState) {
    c.set(flag::WRITABLE);
    // A connection that has its turn is unmarked with all that had one.
    if let Some(root) = state.root()
        && root.current.get() != state.token.get()
    {
        root.with(|inner| inner.marked.push(state.token.get()));
    }
}

/// Logs what was read (after the bytes in use) or is about to leave (from the front).
fn hexdump(c: Conn, from: usize, n: usize, arrow: &str) {
    let buf = if arrow == "<-" { c.recv() } else { c.send() };
    log::info(format_args!("\n-- {} {} {arrow} {} {n}", c.id(), c.loc(), c.rem()));
    // SAFETY: from + n bytes of the buffer are allocated and initialised.
    log::hexdump(unsafe { core::slice::from_raw_parts(buf.base().add(from), n) });
}
