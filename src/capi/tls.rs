//! TLS on connections.

use super::slice;
use crate::abi::{Connection, MG_IO_ERR, MG_IO_WAIT, Manager, Str, TlsOpts, flag};
use crate::fence;
use crate::net::event_loop::guard::ConnGuard;
use crate::net::event_loop::state::ConnState;
use crate::net::tls::{self, Options};
use core::ffi::{c_long, c_void};

/// A field of the options; what is empty or starts with NUL is not set.
///
/// # Safety
/// As for [`slice::bytes`].
unsafe fn given<'a>(field: Str) -> &'a [u8] {
    // SAFETY: the caller vouches for the field.
    let bytes = unsafe { slice::bytes(field) };
    if bytes.first() == Some(&0) { &[] } else { bytes }
}

/// Begins TLS on a connection, as a client if `c->is_client`, else as a server.
///
/// To be called in `MG_EV_CONNECT` or right after `mg_connect`, in `MG_EV_ACCEPT`, or later on a
/// connection whose protocol turns to TLS. The handshake runs in the poll and ends with
/// `MG_EV_TLS_HS`. What is in `c->send`, and what is queued meanwhile, is sent encrypted after it.
/// A session that the connection has is dropped. On a listener it has no effect on the
/// connections that it accepts. Everything is copied; NULL is the same as options that are all
/// empty.
///
/// Without `ca` a client believes any server that carries `name`, if that is given; with it, and
/// without `skip_verification`, the certificate must lead to one in `ca`, be valid now, and carry
/// `name`, or without that the host of the connection's URL if its scheme means TLS. `name` `*` is
/// any name. A server with `ca` demands a certificate of its clients. RFC 5280, RFC 6125.
///
/// # Errors
/// `MG_EV_ERROR`, and the connection closes: what is wrong in words when certificate or key cannot
/// be read or do not belong together, "TLS is not enabled" in a library without TLS; later
/// "tls hs: REASON" when the handshake fails, "failed to verify hostname" when only the name was
/// asked for and is another.
///
/// # Threads
/// The polling thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_tls_init(c: *mut Connection, opts: *const TlsOpts) {
    fence!("mg_tls_init");
    // SAFETY: the caller passes a connection, and NULL or options whose fields are readable.
    unsafe {
        let Some(guard) = ConnGuard::new(c) else { return };
        let c = guard.conn();
        let options = opts.as_ref().map_or_else(Options::default, |opts| Options {
            ca: given(opts.ca),
            cert: given(opts.cert),
            key: given(opts.key),
            name: given(opts.name),
            skip_verification: opts.skip_verification,
            ..Options::default()
        });
        tls::init(c, &options);
    }
}

/// Drops a connection's TLS session; `c->tls` becomes NULL. The loop does that after
/// `MG_EV_CLOSE`. A connection that loses its session while it is open closes.
///
/// # Threads
/// The polling thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_tls_free(c: *mut Connection) {
    fence!("mg_tls_free");
    // SAFETY: the caller passes a connection or NULL.
    if let Some(guard) = unsafe { ConnGuard::new(c) } {
        let c = guard.conn();
        tls::free(c);
    }
}

/// Goes on with the handshake, as the poll does by itself. May fire `MG_EV_TLS_HS` or
/// `MG_EV_ERROR`.
///
/// # Threads
/// The polling thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_tls_handshake(c: *mut Connection) {
    fence!("mg_tls_handshake");
    // SAFETY: the caller passes a connection or NULL.
    let Some(guard) = (unsafe { ConnGuard::new(c) }) else { return };
    let c = guard.conn();
    if let Some(state) = c.state() {
        tls::handshake(c, state);
    }
}

/// Takes up to `len` decrypted bytes, past `c->recv`. Does not read from the socket.
///
/// # Returns
/// How many; `MG_IO_WAIT` when there are none yet; `MG_IO_ERR` when there will be no more.
///
/// # Threads
/// The polling thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_tls_recv(c: *mut Connection, buf: *mut c_void, len: usize) -> c_long {
    fence!("mg_tls_recv");
    // SAFETY: the caller passes a connection and len writable bytes at buf.
    unsafe {
        let room = slice::raw_mut(buf.cast(), len);
        let Some(guard) = ConnGuard::new(c) else { return 0 };
        let c = guard.conn();
        match tls::take(c, room) {
            Ok(Some(n)) => n as c_long,
            Ok(None) => MG_IO_WAIT,
            Err(()) if room.is_empty() => 0,
            Err(()) => MG_IO_ERR,
        }
    }
}

/// Encrypts and sends bytes, past `c->send`.
///
/// # Returns
/// How many were taken; `MG_IO_WAIT` during the handshake and when the socket is busy; else
/// `MG_IO_ERR`.
///
/// # Threads
/// The polling thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_tls_send(c: *mut Connection, buf: *const c_void, len: usize) -> c_long {
    fence!("mg_tls_send");
    // SAFETY: the caller passes a connection and len readable bytes at buf.
    unsafe {
        let bytes = slice::raw(buf.cast(), len);
        let Some(guard) = ConnGuard::new(c) else { return 0 };
        let c = guard.conn();
        if bytes.is_empty() {
            return 0;
        }
        let Some(state) = ConnState::of(c).filter(|_| !c.tls_ptr().is_null()) else { return MG_IO_ERR };
        if c.has(flag::TLS_HS) {
            return MG_IO_WAIT;
        }
        match tls::send(c, state, bytes) {
            Ok(n) => n as c_long,
            Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => MG_IO_WAIT,
            Err(_) => MG_IO_ERR,
        }
    }
}

/// Tells how many decrypted bytes wait to be delivered.
///
/// # Threads
/// The polling thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_tls_pending(c: *mut Connection) -> usize {
    fence!("mg_tls_pending");
    // SAFETY: the caller passes a connection or NULL.
    unsafe { ConnGuard::new(c) }.map_or(0, |guard| tls::pending(guard.conn()))
}

/// Sends encrypted bytes that the socket has not taken yet, as the poll does by itself.
///
/// # Threads
/// The polling thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_tls_flush(c: *mut Connection) {
    fence!("mg_tls_flush");
    // SAFETY: the caller passes a connection or NULL.
    let Some(guard) = (unsafe { ConnGuard::new(c) }) else { return };
    let c = guard.conn();
    if let Some(state) = c.state().filter(|state| tls::has_output(state)) {
        tls::flush(c, state);
    }
}

/// Does nothing: connections share no TLS state.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_tls_ctx_init(_mgr: *mut Manager) {
    fence!("mg_tls_ctx_init");
}

/// Does nothing: connections share no TLS state.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_tls_ctx_free(_mgr: *mut Manager) {
    fence!("mg_tls_ctx_free");
}
