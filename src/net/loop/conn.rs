//! The life of a connection: made, linked, called, failed, closed.

use super::engine::{Engine, Event, Handler};
use super::handle::{Conn, Mgr};
use super::settings::Settings;
use super::state::{ConnState, Root, Token, is, ready};
use super::{deadline, direct, log, memory, sys, unix, view};
use crate::abi::{
    Addr, MG_EV_CLOSE, MG_EV_ERROR, MG_EV_HIGH_WATER, MG_EV_WRITE, MG_GET_ACCEPTED, MG_GET_MEMORY,
    MG_IO_SIZE, Scope, Setting, flag,
};
use core::ffi::{c_int, c_long, c_void};
use core::ptr::{self, NonNull};
use mio::unix::SourceFd;
use mio::{Interest, Registry};

/// A new connection: zeroed, with its manager, id and buffer steps; in no list, no event.
pub fn alloc(m: Mgr<'_>) -> Option<Conn<'_>> {
    let root = Root::of(m)?;
    let now = super::clock::millis();
    if m.is_freed() {
        return None;
    }
    let c = root.allocate(m.extra_size())?;
    let id = m.next_id() + 1;
    m.set_next_id(id);
    c.set_mgr_ptr(m.as_ptr());
    c.set_id(id);
    for buf in [c.recv(), c.send(), c.rtls()] {
        buf.set_align(MG_IO_SIZE);
    }
    let settings = root.with(|inner| inner.settings.clone());
    if let Some(state) = c.state() {
        state.last_io.set(now);
    }
    give_settings(c, settings);
    deadline::rearm_at(c, now);
    Some(c)
}

/// The settings of a manager.
pub fn settings_of(m: Mgr) -> Settings {
    Root::of(m).map_or_else(Settings::default, |root| root.with(|inner| inner.settings.clone()))
}

/// Changes a setting of a manager: holds for connections made from now on. False when the value
/// makes no sense.
pub fn set_default(m: Mgr, setting: Setting, value: i64) -> bool {
    if setting.is_text() {
        return false;
    }
    Root::of(m).is_some_and(|root| {
        let done = root.with(|inner| inner.settings.set(setting, value));
        if setting == Setting::MG_SET_MEMORY_LIMIT {
            memory::limit_changed(root);
        }
        done
    })
}

/// A setting of a manager, or a count. `None` when there is none with that number.
pub fn get(m: Mgr, what: c_int) -> Option<i64> {
    let root = Root::of(m)?;
    let count = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
    match what {
        MG_GET_MEMORY => Some(count(memory::held(m))),
        MG_GET_ACCEPTED => Some(count(root.with(|inner| inner.accepted))),
        _ => {
            let setting = Setting::from_c(what)?;
            let is_here = setting.limits().scope != Scope::Process && !setting.is_text();
            is_here.then(|| root.with(|inner| inner.settings.get(setting)))
        }
    }
}

/// Changes a setting of one connection; a listener's accepted connections inherit it. False when
/// connections have no such setting, or the value makes no sense.
pub fn set(c: Conn, setting: Setting, value: i64) -> bool {
    let Some(state) = ConnState::of(c).filter(|_| setting.limits().scope == Scope::Connection) else {
        return false;
    };
    let mut settings = state.settings.take();
    let done = settings.set(setting, value);
    give_settings(c, settings);
    deadline::rearm(c);
    done
}

/// Gives a connection its settings.
pub fn give_settings(c: Conn, settings: Settings) {
    if let Some(state) = ConnState::of(c) {
        c.recv().set_align(settings.size(Setting::MG_SET_READ_SIZE));
        if settings.is_on(Setting::MG_SET_POLL_EVENTS) {
            state.unmark(is::NO_POLL);
        } else {
            state.mark(is::NO_POLL);
        }
        state.settings.replace(settings);
    }
}

/// Puts a connection at the head of its manager's list.
pub fn link(m: Mgr, c: Conn) {
    let head = m.linked(m.conns_ptr());
    c.set_next_ptr(m.conns_ptr());
    if let (Some(state), Some(head)) = (ConnState::of(c), head.and_then(ConnState::of)) {
        head.prev.set(state.token.get());
        state.successor.set(NonNull::new(m.conns_ptr()));
    }
    m.set_conns_ptr(c.as_ptr());
}

/// Takes a connection out of its manager's list. Its `next` stays, for walks that have reached it.
fn unlink(m: Mgr, root: &Root, c: Conn) {
    let prev = ConnState::of(c).map_or(Token::default(), |s| s.prev.get());
    let before = root.find(prev);
    let next = m.linked(c.next_ptr()).and_then(|next| Some((next, next.state()?)));
    if let Some(before) = before.and_then(ConnState::of) {
        before.successor.set(next.and_then(|(next, _)| NonNull::new(next.as_ptr())));
    }
    let mut before = before.filter(|p| p.next_ptr() == c.as_ptr());
    let is_first = m.conns_ptr() == c.as_ptr();
    if before.is_none() && !is_first {
        // A program linked connections by hand: search.
        before = m.linked(m.conns_ptr());
        while let Some(p) = before.filter(|p| p.next_ptr() != c.as_ptr()) {
            before = m.linked(p.next_ptr());
        }
    }
    match before {
        Some(p) => p.set_next_ptr(c.next_ptr()),
        None if is_first => m.set_conns_ptr(c.next_ptr()),
        None => return,
    }
    if let Some((_, next)) = next {
        next.prev.set(before.and_then(ConnState::of).map_or(Token::default(), |s| s.token.get()));
    }
}

/// Registers a connection's descriptor with the poller: once, edge-triggered, both directions.
///
/// `assume_writable` saves the first round trip: a fresh socket has room to send. False when the
/// kernel refuses: then the connection fails in its next turn.
pub fn register(c: Conn, assume_writable: bool) -> bool {
    let Some(root) = c.mgr().and_then(Root::of) else { return false };
    let Some(state) = ConnState::of(c) else { return false };
    state.mark(is::OWNS_FD);
    if assume_writable {
        state.announce(ready::WRITE);
    }
    let registered = root.with(|inner| match &inner.poll {
        // In a forked child the poller is the parent's; the first poll makes a new one.
        _ if inner.was_forked() => Ok(()),
        Some(poll) => {
            let token = mio::Token(state.token.get().0 as usize);
            let interest = Interest::READABLE | Interest::WRITABLE;
            poll.registry().register(&mut SourceFd(&c.fd()), token, interest)
        }
        None => Err(std::io::ErrorKind::Unsupported.into()),
    });
    match registered {
        Ok(()) => state.mark(is::REGISTERED),
        Err(e) if e.kind() == std::io::ErrorKind::PermissionDenied => {
            // Regular files cannot be polled: they count as ready always, for what they are open for.
            if sys::may_read(c.fd()) {
                state.announce(ready::READ | ready::HANGUP);
            }
            state.announce(ready::WRITE);
            queue(c);
        }
        Err(e) => {
            log::error(format_args!("{} {} epoll_ctl: {e}", c.id(), c.fd()));
            state.announce(ready::ERROR);
            queue(c);
            return false;
        }
    }
    true
}

/// Takes a connection's descriptor out of the poller.
pub fn deregister(registry: &Registry, c: Conn) {
    if let Some(state) = ConnState::of(c).filter(|s| s.is(is::REGISTERED)) {
        state.unmark(is::REGISTERED);
        let _ = registry.deregister(&mut SourceFd(&c.fd()));
    }
}

/// Gives a connection a turn in the current poll, or else in the next one, which will not wait.
pub fn queue(c: Conn) {
    let (Some(root), Some(state)) = (c.mgr().and_then(Root::of), ConnState::of(c)) else { return };
    if !state.is(is::QUEUED | is::CLOSED) {
        state.mark(is::QUEUED);
        root.with(|inner| inner.queue.push(state.token.get()));
    }
}

/// Tells the loop that a connection has fresh output, so that it is written in this turn. May fire
/// an event: callers do not touch the connection afterwards.
#[inline]
pub fn output_queued(c: Conn) {
    let Some(state) = ConnState::of(c) else { return };
    // The connection that has its turn is written at the end of it.
    if !state.is(is::OUTPUT)
        && let Some(root) = state.root()
        && root.current.get() != state.token.get()
    {
        state.mark(is::OUTPUT);
        root.with(|inner| inner.output.push(state.token.get()));
    }
    let mark = state.size_setting(Setting::MG_SET_HIGH_WATER);
    if mark > 0 {
        watch_mark(c, state, mark);
    }
}

/// Reports, once, that the send buffer has reached its high-water mark.
fn watch_mark(c: Conn, state: &ConnState, mark: usize) {
    let mut queued = c.send().len();
    if queued < mark {
        state.unmark(is::ABOVE_MARK);
    } else if !state.is(is::ABOVE_MARK) {
        state.mark(is::ABOVE_MARK);
        call(c, MG_EV_HIGH_WATER, (&raw mut queued).cast());
    }
}

/// Who gets an event.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum To {
    /// The protocol handler, then the program's, which is read anew.
    Both,
    /// The protocol handler only.
    Protocol,
    /// The program's handler only.
    Program,
}

/// Fires an event at both handlers. Nothing happens after CLOSE.
pub fn call(c: Conn, ev: c_int, data: *mut c_void) {
    fire(c, ev, data, To::Both);
}

/// Fires an event at the protocol handler only.
pub fn call_protocol(c: Conn, ev: c_int, data: *mut c_void) {
    fire(c, ev, data, To::Protocol);
}

/// Fires an event.
#[inline]
pub fn fire(c: Conn, ev: c_int, data: *mut c_void, to: To) {
    let Some(state) = c.state() else {
        if let Some(protocol) = c.protocol().filter(|_| to != To::Program) {
            // SAFETY: the program set the handler; c is a live connection.
            unsafe { protocol(c.as_ptr(), ev, data) };
        }
        if to != To::Protocol {
            call_program(c, ev, data);
        }
        return;
    };
    if state.is(is::ENDED) {
        return;
    }
    state.in_handler.set(state.in_handler.get() + 1);
    let mut goes_on = to != To::Protocol;
    if to != To::Program {
        // A handler may close its connection for good; then CLOSE was its last event.
        let closed_before = state.is(is::CLOSED);
        run_protocol(c, state, ev, data);
        goes_on &= closed_before || !state.is(is::CLOSED);
    }
    if goes_on {
        call_program(c, ev, data);
    }
    state.in_handler.set(state.in_handler.get() - 1);
}

/// Hands an event to the protocol: to an engine directly, without the way through C.
#[inline]
fn run_protocol(c: Conn, state: &ConnState, ev: c_int, data: *mut c_void) {
    let Some(protocol) = c.protocol() else { return };
    match state.engine_of(protocol) {
        Some(engine) => {
            // SAFETY: whoever fires an event passes its data.
            if let Some(event) = unsafe { Event::of(ev, data) } {
                engine.on_event(c, event);
            }
        }
        // SAFETY: the program set the handler; c is a live connection.
        None => unsafe { protocol(c.as_ptr(), ev, data) },
    }
}

/// Calls the program's handler.
#[inline]
fn call_program(c: Conn, ev: c_int, data: *mut c_void) {
    if let Some(handler) = c.handler() {
        // SAFETY: the program set the handler; c is a live connection.
        unsafe { handler(c.as_ptr(), ev, data) };
    }
}

/// Longest text of `MG_EV_ERROR`, without the NUL.
pub const ERROR_TEXT: usize = 63;

/// Fails a connection: logs, marks it closing, fires `MG_EV_ERROR`. The handler may clear
/// `is_closing` to keep the connection. Texts are cut to [`ERROR_TEXT`] bytes.
pub fn error(c: Conn, text: &[u8]) {
    let text = &text[..text.len().min(ERROR_TEXT)];
    log::error(format_args!("{} {} {}", c.id(), c.fd(), String::from_utf8_lossy(text)));
    fail(c, text);
}

/// As [`error`], for callers that have written the log line.
pub fn fail(c: Conn, text: &[u8]) {
    lose(c);
    report(c, text);
    if let Some(state) = c.state().filter(|_| !c.has(flag::CLOSING)) {
        state.unmark(is::LOST);
    }
}

/// Notes that a connection ends, if its program has not asked for that.
pub fn mark_lost(c: Conn) {
    if let Some(state) = c.state().filter(|_| !c.has(flag::CLOSING | flag::DRAINING)) {
        state.mark(is::LOST);
    }
}

/// Ends a connection whose program has not asked for that.
pub fn lose(c: Conn) {
    mark_lost(c);
    c.set(flag::CLOSING);
}

/// Fires `MG_EV_ERROR` and nothing else.
pub fn report(c: Conn, text: &[u8]) {
    let mut buf = [0u8; ERROR_TEXT + 1];
    let n = text.len().min(ERROR_TEXT);
    buf[..n].copy_from_slice(&text[..n]);
    call(c, MG_EV_ERROR, buf.as_mut_ptr().cast());
}

/// As [`error`], with a formatted text.
pub fn error_fmt(c: Conn, args: core::fmt::Arguments<'_>) {
    error(c, args.to_string().as_bytes());
}

/// The socket has an error: ERROR "socket error", once, and not on a connection that closes anyway.
pub fn socket_error(c: Conn, errno: c_int) {
    if let Some(state) = ConnState::of(c) {
        state.used_up(ready::ERROR);
    }
    if !c.has(flag::CLOSING) {
        let cause = std::io::Error::from_raw_os_error(errno);
        log::error(format_args!("{} {} socket error: {cause}", c.id(), c.fd()));
        fail(c, b"socket error");
    }
}

/// Queues bytes (TCP), or sends them as one datagram at once (UDP).
///
/// False when memory is exhausted, when a datagram could not be sent, or on a closed connection.
///
/// # Safety
/// `len` readable bytes at `data`, which may lie in the connection's receive buffer.
pub unsafe fn send(c: Conn, data: *const u8, len: usize) -> bool {
    if c.has(flag::UDP) {
        // SAFETY: the caller vouches for data.
        return send_datagram(c, unsafe { view::raw(data, len) });
    }
    if len == 0 {
        return true;
    }
    if len < direct::LARGE || c.has(flag::WEBSOCKET) {
        // A program may make a frame of what it has queued.
        // SAFETY: the caller vouches for data.
        let queued = unsafe { super::iobuf::append(c.send().as_ptr(), data, len) };
        if queued {
            output_queued(c);
        }
        return queued;
    }
    // SAFETY: as above.
    let body = unsafe { view::raw(data, len) };
    queue_rest(c, &[], body, direct::send(c, &[], body))
}

/// Queues what of `head` and `body` comes after the first `sent` bytes. False when memory is exhausted; if
/// some were sent, the connection fails.
pub fn queue_rest(c: Conn, head: &[u8], body: &[u8], sent: usize) -> bool {
    let of_head = sent.min(head.len());
    let queued = c.send().append(&head[of_head..]) && c.send().append(&body[sent - of_head..]);
    if queued {
        output_queued(c);
    } else if sent > 0 {
        error(c, b"OOM");
    }
    queued
}

/// The first datagram of a socket that was not bound gives it an address.
pub fn learn_local(c: Conn) {
    if c.loc().port == 0
        && let Ok(local) = sys::local_addr(c.fd())
    {
        c.set_loc(Addr::from_kernel(&local));
    }
}

/// Sends one datagram to `c->rem`.
pub fn send_datagram(c: Conn, data: &[u8]) -> bool {
    let Some(state) = ConnState::of(c) else { return false };
    if state.is(is::CLOSED) || c.has(flag::RESOLVING) || c.fd() < 0 {
        c.set(flag::CLOSING);
        return false;
    }
    match sys::send_to(c.fd(), data, &c.rem().to_socket().into()) {
        Ok(n) => {
            learn_local(c);
            if n > 0 {
                fire_count(c, MG_EV_WRITE, n);
            }
            true
        }
        Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => false,
        Err(e) => {
            log::debug(format_args!("{} {} sendto {}: {e}", c.id(), c.fd(), c.rem()));
            c.set(flag::CLOSING);
            false
        }
    }
}

/// Fires READ or WRITE with a number of bytes.
pub fn fire_count(c: Conn, ev: c_int, n: usize) {
    let mut count = n as c_long;
    call(c, ev, (&raw mut count).cast());
}

/// The end of a closing connection: it closes, unless it was lost and its engine opens it again.
pub fn end(c: Conn, state: &ConnState) {
    if !(state.is(is::LOST) && state.engine().is_some_and(|engine| engine.on_lost(c))) {
        close(c);
    }
}

/// Closes a connection for good: unlinks it, closes its descriptor, fires CLOSE, releases it.
///
/// Works inside the connection's own handlers: its memory stays until they have returned.
pub fn close(c: Conn) {
    let Some((state, root)) = c.state().and_then(|state| Some((state, state.root()?))) else { return };
    if state.is(is::CLOSED) {
        return;
    }
    state.mark(is::CLOSED);
    c.set(flag::CLOSING);
    // A connection that is being made may see its manager freed.
    if let Some(m) = c.mgr() {
        unlink(m, root, c);
        if root.wakeup.close(c.fd()) {
            m.set_pipe_fd(-1);
        }
    }
    super::admission::leave(root, c);
    root.services.names.cancel(c);
    let is_ours = state.is(is::OWNS_FD) && !state.is(is::INHERITED);
    if c.has(flag::LISTENING) && is_ours && !root.with(|inner| inner.was_forked()) {
        unix::remove_file_of(c.fd());
    }
    if c.has(flag::TLS) {
        root.services.transport.closing(c);
    }
    drop_fd(root, c, state);
    log::debug(format_args!("{} {} closed", c.id(), c.fd()));
    call(c, MG_EV_CLOSE, ptr::null_mut());
    state.mark(is::ENDED);
    root.services.transport.closed(c);
    state.set_source(None);
    for buf in c.buffers() {
        buf.free();
    }
    memory::leave(state);
    root.defer_release(c, state);
}

/// Closes a connection's descriptor, if it is the library's; the number stays in `c->fd`.
pub fn drop_fd(root: &Root, c: Conn, state: &ConnState) {
    // Closing takes an accepted socket out of the poller by itself. (Where a child process still has it,
    // events may come that concern nobody; they come once.)
    if !(c.has(flag::ACCEPTED) && state.is(is::OWNS_FD)) {
        root.with(|inner| {
            // In a forked child the poller is the parent's.
            if let Some(poll) = inner.poll.as_ref().filter(|_| !inner.was_forked()) {
                deregister(poll.registry(), c);
            }
        });
    }
    if state.is(is::OWNS_FD) {
        state.unmark(is::OWNS_FD);
        sys::close(c.fd());
    }
    state.used_up(ready::READ | ready::WRITE | ready::HANGUP | ready::ERROR);
}

/// True when the socket has bytes that this side has not read, and is about to: a busy loop must not take
/// a peer for silent.
pub fn has_unread(c: Conn) -> bool {
    !c.has(flag::FULL) && !c.state().is_some_and(|state| state.is(is::RETRY)) && sys::has_input(c.fd())
}

/// True when the connection was closed for good, maybe because its manager was freed.
pub fn is_closed(c: Conn) -> bool {
    c.state().is_some_and(|state| state.is(is::CLOSED))
}

/// Makes `engine` the connection's protocol.
pub fn set_engine(c: Conn, engine: &'static dyn Engine) {
    c.set_protocol(Some(engine.handler()));
    c.set_protocol_data(ptr::null_mut());
    if let Some(state) = c.state() {
        state.set_engine(Some(engine));
    }
}

/// True while the protocol handler is that of the connection's engine: no program has put one of its own
/// there.
#[inline]
pub fn runs_engine(c: Conn) -> bool {
    running_engine(c).is_some()
}

/// The connection's engine, while the protocol handler is its handler.
#[inline]
pub fn running_engine(c: Conn) -> Option<&'static dyn Engine> {
    c.state()?.engine_of(c.protocol()?)
}

/// True when `c`'s protocol handler is `f`.
#[inline]
pub fn has_protocol(c: Conn, f: Handler) -> bool {
    c.protocol().is_some_and(|p| ptr::fn_addr_eq(p, f))
}
