//! TLS on a connection: between its socket and `c->recv` and `c->send`, which hold plain text.
//!
//! What comes from the socket waits in `c->rtls` until the session takes it; what the session has
//! decrypted waits in the session until `c->recv` has room. What it has encrypted and the socket
//! has not taken waits in the session, too. The loop asks [`Transport`] about both, because no event
//! of the socket announces them.
//!
//! The session lies in a cell and is taken out for each step. No handler runs while it is out, so a
//! handler may free it or begin another at any time.

#[cfg(feature = "tls")]
mod alert;
#[cfg(feature = "tls")]
mod chain;
#[cfg(feature = "tls")]
mod config;
#[cfg(feature = "tls")]
mod hello;
#[cfg(feature = "tls")]
mod identity;
mod info;
#[cfg(feature = "tls")]
mod inspect;
mod options;
#[cfg(feature = "tls")]
mod provider;
#[cfg(feature = "tls")]
mod session;
#[cfg(feature = "tls")]
mod verify;

#[cfg(not(feature = "tls"))]
#[path = "none.rs"]
mod session;

pub use info::Info;
pub use options::{Options, Pair};
pub use session::NAME;

use super::event_loop::conn::{self, call, is_closed, queue};
use super::event_loop::handle::Conn;
use super::event_loop::services::Transport;
use super::event_loop::state::{ConnState, is, ready};
use super::event_loop::take_cell::TakeCell;
use super::event_loop::{clock, io, log, memory, sys};
use crate::abi::{MG_EV_ERROR, MG_EV_TLS_HS, MG_IO_SIZE, Setting, flag};
use core::cell::{Cell, RefCell};
use core::ffi::CStr;
use core::ptr;
use session::{Cache, Config, Session};
use socket2::MsgHdr;
use std::io::{ErrorKind, IoSlice, Write};

/// Plain text that is encrypted at once, before the socket is asked to take it.
const CHUNK: usize = 65536;

/// Plain text of one connection that is sent in one turn; what is left waits for the next.
const SENT_PER_TURN: usize = 8 * CHUNK;

/// Reads from the socket for one handshake in one turn.
const READS_PER_TURN: usize = 64;

/// What a connection keeps for TLS.
#[derive(Default)]
pub struct TlsState {
    /// A client's: the host of its URL.
    host: Cell<Vec<u8>>,
    /// A client's: what it began with, for when it connects again.
    begun: Cell<Option<Config>>,
    session: TakeCell<Session>,
    output: Cell<bool>,
    input: Cell<bool>,
    /// A listener's: what accepted connections may begin with, or what is wrong with it.
    offer: TakeCell<Result<Config, &'static CStr>>,
    /// What was agreed on, once somebody has asked.
    info: TakeCell<Info>,
    /// A listener's: the log has the line that its connections are plain.
    is_plain: Cell<bool>,
}

impl TlsState {
    /// One step of the session; `None` without a session. `f` must not call handlers.
    fn with<R>(&self, c: Conn, f: impl FnOnce(&mut Session) -> R) -> Option<R> {
        self.session.with(|session| {
            let result = f(session);
            self.output.set(session.has_output());
            self.input.set(session.has_input() || c.rtls().len() > 0);
            result
        })
    }

    fn clear(&self) {
        drop(self.session.take());
        drop(self.offer.take());
        drop(self.info.take());
        self.output.set(false);
        self.input.set(false);
    }
}

/// Keeps the host of a URL for the session to come.
fn remember_host(c: Conn, host: &[u8]) {
    if let Some(tls) = c.state().and_then(ConnState::extension::<TlsState>) {
        tls.host.set(host.to_vec());
    }
}

/// One step of a connection's session; `None` without a session. `f` must not call handlers.
fn with_session<R>(c: Conn, state: &ConnState, f: impl FnOnce(&mut Session) -> R) -> Option<R> {
    state.extensions.get::<TlsState>()?.with(c, f)
}

/// True when encrypted bytes wait for the socket.
pub fn has_output(state: &ConnState) -> bool {
    state.extensions.get::<TlsState>().is_some_and(|tls| tls.output.get())
}

/// TLS as the loop sees it.
pub struct Tls;

impl Transport for Tls {
    fn connecting(&self, c: Conn, host: &[u8]) {
        remember_host(c, host);
        let Some(state) = c.state() else { return };
        let begun = |state: &ConnState| state.extensions.get::<TlsState>().and_then(|tls| tls.begun.take());
        if let Some(config) = begun(state) {
            begin(c, state, Ok(&config));
            keep(state, config);
        }
    }

    fn has_output(&self, c: Conn) -> bool {
        c.state().is_some_and(has_output)
    }

    fn has_input(&self, c: Conn) -> bool {
        c.state().and_then(|s| s.extensions.get::<TlsState>()).is_some_and(|tls| tls.input.get())
    }

    fn drive(&self, c: Conn, now: u64) -> bool {
        c.state().is_some_and(|state| drive_handshake(c, state, now))
    }

    fn receive(&self, c: Conn, room: usize) -> std::io::Result<usize> {
        receive(c, room)
    }

    fn flush(&self, c: Conn) -> bool {
        c.state().is_some_and(|state| flush(c, state))
    }

    fn send(&self, c: Conn, bytes: &[u8]) -> std::io::Result<usize> {
        let state = c.state().ok_or(ErrorKind::NotConnected)?;
        send(c, state, bytes)
    }

    fn accepted(&self, listener: Conn, c: Conn) {
        accepted(listener, c);
    }

    fn closing(&self, c: Conn) {
        if let Some(state) = c.state() {
            send_close_notify(c, state);
        }
    }

    fn closed(&self, c: Conn) {
        free(c);
    }
}

/// Begins TLS on a connection: a new session, in place of the one it may have. Failures are
/// reported by ERROR.
///
/// A listener has no session. It keeps the options, for connections that are to inherit them; if
/// they are wrong, those that it had.
pub fn init(c: Conn, options: &Options<'_>) {
    let Some(text) = start(c, options) else { return };
    let Some(state) = ConnState::of(c).filter(|s| !s.is(is::CLOSED)) else { return };
    let tls = state.extension::<TlsState>().filter(|_| c.has(flag::LISTENING) && session::ENABLED);
    let Some(tls) = tls else {
        free(c);
        return conn::error(c, text.to_bytes());
    };
    log::error(format_args!("{} {} {}", c.id(), c.fd(), text.to_string_lossy()));
    if tls.offer.with(|offer| offer.is_ok()) == Some(true) {
        call(c, MG_EV_ERROR, text.as_ptr().cast_mut().cast());
    } else {
        tls.offer.set(Err(text));
        mark(c, tls);
    }
}

/// The same, but says what is wrong with the options instead of changing anything.
pub fn start(c: Conn, options: &Options<'_>) -> Option<&'static CStr> {
    let state = ConnState::of(c).filter(|s| !s.is(is::CLOSED))?;
    let (tls, root) = (state.extension::<TlsState>(), state.root()?);
    let (Some(tls), Some(cache)) = (tls, root.extensions.get_or_init::<RefCell<Cache>>()) else {
        return Some(c"TLS OOM");
    };
    let host = tls.host.take();
    let is_on = |setting| state.setting(setting) != 0;
    let alpn = match (options.alpn, state.engine()) {
        (b"", Some(engine)) => engine.alpn(c.has(flag::CLIENT)),
        (given, _) => given,
    };
    let options = Options {
        host: &host,
        alpn,
        tickets: is_on(Setting::MG_SET_TLS_TICKETS),
        key_log: is_on(Setting::MG_SET_TLS_KEY_LOG),
        ..*options
    };
    let config = Config::new(&mut cache.borrow_mut(), c.has(flag::CLIENT), &options, c.rem().to_socket());
    tls.host.set(host);
    let (config, doubt) = match config {
        Ok(found) => found,
        Err(text) => return Some(text),
    };
    if let Some(doubt) = doubt {
        log::error(format_args!("{} {} {doubt}", c.id(), c.fd()));
    }
    if c.has(flag::LISTENING) {
        tls.offer.set(Ok(config));
        mark(c, tls);
    } else {
        free(c);
        begin(c, state, Ok(&config));
        if c.has(flag::CLIENT) {
            keep(state, config);
        }
    }
    None
}

/// Keeps what a client began with.
fn keep(state: &ConnState, config: Config) {
    if let Some(tls) = state.extensions.get::<TlsState>() {
        tls.begun.set(Some(config));
    }
}

/// What the two sides have agreed on, once they have; `f` must not call handlers.
pub fn with_info<R>(c: Conn, f: impl FnOnce(&Info) -> R) -> Option<R> {
    let state = ConnState::of(c).filter(|_| !c.has(flag::TLS_HS))?;
    let tls = state.extensions.get::<TlsState>()?;
    if !tls.info.is_some() {
        tls.info.set(tls.with(c, |session| session.info())?);
    }
    tls.info.with(|info| f(info))
}

/// Marks a connection as one with TLS.
fn mark(c: Conn, tls: &TlsState) {
    c.set(flag::TLS | flag::TLS_HS);
    // Programs only ask whether it is NULL.
    c.set_tls_ptr(ptr::from_ref(tls).cast_mut().cast());
}

fn begin(c: Conn, state: &ConnState, config: Result<&Config, &&'static CStr>) {
    let config = config.map_err(|text| text.to_string_lossy().into_owned());
    match config.and_then(Session::new) {
        Err(text) => conn::error(c, text.as_bytes()),
        Ok(session) => {
            let Some(tls) = state.extension::<TlsState>() else { return conn::error(c, b"OOM") };
            tls.session.set(session);
            mark(c, tls);
            if !c.is_pending() {
                state.last_io.set(clock::millis());
                queue(c);
            }
        }
    }
}

/// The program's handlers know of an accepted connection. One that did not begin TLS does so with
/// what its listener was given, if that is wanted; else it is plain.
fn accepted(listener: Conn, c: Conn) {
    if !c.has(flag::TLS) || c.has(flag::TLS_HS) {
        return;
    }
    let (Some(state), Some(offering)) = (ConnState::of(c), ConnState::of(listener)) else { return };
    let Some(offering) = offering.extension::<TlsState>() else { return c.clear(flag::TLS) };
    let inherits = state.setting(Setting::MG_SET_TLS_INHERIT) != 0;
    // A handler of ERROR may give the listener another offer, which then stays, or none.
    let begun = inherits.then(|| offering.offer.with(|offer| begin(c, state, offer.as_ref()))).flatten();
    if begun.is_some() {
        if listener.tls_ptr().is_null() {
            drop(offering.offer.take());
        }
    } else {
        c.clear(flag::TLS);
        if !offering.is_plain.replace(true) {
            log::info(format_args!("{} {} plain connections on a TLS URL", listener.id(), listener.fd()));
        }
    }
}

/// Drops the session, if there is one. The flags stay.
pub fn free(c: Conn) {
    c.set_tls_ptr(ptr::null_mut());
    if let Some(state) = ConnState::of(c) {
        if let Some(tls) = state.extensions.get::<TlsState>() {
            tls.clear();
        }
        c.rtls().set_len(0);
        c.clear(flag::TLS_THROTTLED);
        if c.has(flag::TLS) {
            queue(c); // It is of no more use without a session.
        }
    }
}

/// True when plain text can go both ways. Else continues with the handshake, and closes a connection
/// that has lost its session.
fn drive_handshake(c: Conn, state: &ConnState, now: u64) -> bool {
    if with_session(c, state, |_| ()).is_none() || c.tls_ptr().is_null() {
        c.set(flag::CLOSING);
        return false;
    }
    if c.has(flag::TLS_HS) {
        handshake(c, state);
        if !c.has(flag::TLS_HS) {
            state.last_io.set(now);
        }
    }
    !c.has(flag::TLS_HS | flag::CLOSING) && !is_closed(c)
}

/// Continues the handshake as far as it can without waiting for the peer.
pub fn handshake(c: Conn, state: &ConnState) {
    if !c.has(flag::TLS_HS) || c.has(flag::CLOSING) || c.is_pending() || is_closed(c) {
        return;
    }
    for _ in 0..READS_PER_TURN {
        let step = with_session(c, state, |session| {
            session.decrypt(c.rtls());
            (session.take_refusal(), session.is_handshaking())
        });
        let Some((failure, goes_on)) = step else { return };
        // The peer may have closed the connection because of what is to be read now.
        let sent = flush_now(c, state);
        if let Some(reason) = failure {
            conn::error(c, reason.as_bytes());
            return;
        }
        if !goes_on {
            c.clear(flag::TLS_HS);
            call(c, MG_EV_TLS_HS, ptr::null_mut());
            return;
        }
        match fill(c, state) {
            Ok(0) => return c.set(flag::CLOSING),
            Ok(_) => {}
            Err(e) if e.kind() == ErrorKind::WouldBlock => {
                if sent.is_err() {
                    c.set(flag::CLOSING);
                }
                return;
            }
            Err(e) => return io::read_failed(c, &e),
        }
    }
    queue(c);
}

/// Reads what the socket has into `c->rtls`. 0 is the end of the stream.
fn fill(c: Conn, state: &ConnState) -> std::io::Result<usize> {
    if !state.can(ready::READ | ready::ERROR | ready::HANGUP) {
        return Err(ErrorKind::WouldBlock.into());
    }
    let buf = c.rtls();
    if buf.size() < MG_IO_SIZE {
        if !memory::admit(c, state, MG_IO_SIZE - buf.size()) {
            return Err(ErrorKind::WouldBlock.into());
        }
        if !buf.resize(MG_IO_SIZE) {
            return Err(ErrorKind::OutOfMemory.into());
        }
        memory::settle(c, state);
    }
    let room = buf.size() - buf.len();
    let n = io::receive_into(c, buf, room).inspect_err(|e| {
        if e.kind() == ErrorKind::WouldBlock {
            state.used_up(ready::READ);
        }
    })?;
    buf.set_len(buf.len() + n);
    // As for plain text: a read that leaves room has drained the socket.
    if n < room && !state.is(is::PIECEWISE) && !state.can(ready::HANGUP | ready::ERROR) {
        state.used_up(ready::READ);
    }
    Ok(n)
}

/// What one step of a session brought.
enum Received {
    Bytes(usize),
    Failed(String),
    Ended,
    Starved,
}

/// Puts decrypted bytes after the bytes in use of `c->recv`, which has `room` for them; their
/// length stays. 0 is the end of the stream.
fn receive(c: Conn, room: usize) -> std::io::Result<usize> {
    let Some(state) = ConnState::of(c) else { return Err(ErrorKind::NotConnected.into()) };
    loop {
        let step = with_session(c, state, |session| {
            let mut taken = 0;
            loop {
                session.decrypt(c.rtls());
                let bytes = session.plain();
                let n = bytes.len().min(room - taken);
                if n == 0 {
                    break;
                }
                c.recv().place(taken, &bytes[..n]);
                session.consume(n);
                taken += n;
            }
            match taken {
                n if n > 0 => Received::Bytes(n),
                _ if room == 0 => Received::Starved,
                _ => match session.take_failure() {
                    Some(reason) => Received::Failed(reason),
                    None if session.has_ended() => Received::Ended,
                    None => Received::Starved,
                },
            }
        });
        match step {
            None => return Err(ErrorKind::NotConnected.into()),
            Some(Received::Bytes(n)) => return Ok(n),
            Some(Received::Ended) => return Ok(0),
            Some(Received::Failed(reason)) => {
                let _ = flush_now(c, state); // The alert.
                conn::error(c, format!("tls: {reason}").as_bytes());
                return Err(ErrorKind::ConnectionAborted.into());
            }
            Some(Received::Starved) => {
                if fill(c, state)? == 0 {
                    return Ok(0);
                }
            }
        }
    }
}

/// True when the peer ended the stream without saying so in TLS (RFC 8446, section 6.1): somebody else may
/// have done that.
pub fn is_cut(c: Conn) -> bool {
    c.has(flag::TLS)
        && ConnState::of(c).is_some_and(|state| with_session(c, state, |s| s.has_ended()) == Some(false))
}

/// Encrypts and sends, as far as the socket takes it. Returns how many of `bytes` are taken care of.
pub fn send(c: Conn, state: &ConnState, bytes: &[u8]) -> std::io::Result<usize> {
    let mut taken = 0;
    for chunk in bytes[..bytes.len().min(SENT_PER_TURN)].chunks(CHUNK) {
        if !flush_now(c, state)? {
            break;
        }
        with_session(c, state, |session| session.encrypt(chunk)).ok_or(ErrorKind::NotConnected)?;
        taken += chunk.len();
    }
    flush_now(c, state)?;
    if taken == 0 { Err(ErrorKind::WouldBlock.into()) } else { Ok(taken) }
}

/// Sends encrypted bytes that wait. True when none is left; a broken connection closes.
pub fn flush(c: Conn, state: &ConnState) -> bool {
    flush_now(c, state).unwrap_or_else(|e| {
        log::debug(format_args!("{} {} send: {e}", c.id(), c.fd()));
        c.set(flag::CLOSING);
        false
    })
}

fn flush_now(c: Conn, state: &ConnState) -> std::io::Result<bool> {
    let result = with_session(c, state, |session| {
        while session.has_output() {
            match session.write_to(&mut Socket(c)) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(_) => {}
                Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(e) => return Err(e),
            }
        }
        Ok(true)
    });
    let all_sent = result.unwrap_or_else(|| Err(ErrorKind::NotConnected.into()))?;
    if all_sent {
        c.clear(flag::TLS_THROTTLED);
    } else {
        c.set(flag::TLS_THROTTLED);
        state.used_up(ready::WRITE);
    }
    Ok(all_sent)
}

/// Before the socket is closed: tells the peer that nothing is missing, if that is so and the socket
/// has room.
fn send_close_notify(c: Conn, state: &ConnState) {
    let is_all = c.send().len() == 0 && !state.has_source();
    // In a forked child the session is the parent's.
    let is_ours =
        state.is(is::OWNS_FD) && state.root().is_some_and(|root| !root.with(|inner| inner.was_forked()));
    if is_all && is_ours && !c.has(flag::TLS_HS) {
        with_session(c, state, Session::close);
        let _ = flush_now(c, state);
    }
}

/// How many decrypted bytes wait.
pub fn pending(c: Conn) -> usize {
    let waiting = |state: &ConnState| with_session(c, state, |session| session.pending());
    ConnState::of(c).and_then(waiting).unwrap_or(0)
}

/// Takes decrypted bytes, without asking the socket. `Ok(None)`: there are none yet.
pub fn take(c: Conn, room: &mut [u8]) -> Result<Option<usize>, ()> {
    let state = ConnState::of(c).ok_or(())?;
    let step = with_session(c, state, |session| {
        session.decrypt(c.rtls());
        let bytes = session.plain();
        let n = bytes.len().min(room.len());
        room[..n].copy_from_slice(&bytes[..n]);
        session.consume(n);
        if n > 0 || room.is_empty() { Ok(Some(n)) } else { Err(session.has_ended() || session.has_failed()) }
    });
    match step {
        Some(Ok(n)) => Ok(n),
        Some(Err(false)) => Ok(None),
        None | Some(Err(true)) => Err(()),
    }
}

/// The socket of a connection, for a session to write to.
struct Socket<'g>(Conn<'g>);

impl Write for Socket<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        io::send_once(self.0, bytes, false)
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> std::io::Result<usize> {
        match slices {
            [one] => self.write(one),
            _ if ConnState::of(self.0).is_some_and(|s| s.is(is::PLAIN_FD)) => {
                slices.iter().find(|s| !s.is_empty()).map_or(Ok(0), |one| self.write(one))
            }
            _ => sys::with_socket(self.0.fd(), |socket| {
                let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
                socket.sendmsg(&MsgHdr::new().with_buffers(slices), flags)
            }),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
