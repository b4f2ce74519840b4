//! TLS on connections.

use super::{arg, slice};
use crate::abi::{Connection, MG_IO_ERR, MG_IO_WAIT, Manager, Str, TlsConfig, TlsInfo, TlsOpts, flag};
use crate::fence;
use crate::net::event_loop::state::ConnState;
use crate::net::tls::{self, Options, Pair};
use core::ffi::{CStr, c_char, c_long, c_void};
use core::ptr;

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
/// A session that the connection has is dropped. On a listener it is for connections that inherit
/// it (`MG_SET_TLS_INHERIT`): later options replace the earlier ones if they are right; else those
/// stay, and `MG_EV_ERROR` says what is wrong (the listener does not close). Everything is copied; NULL is the same as options that are all
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
    fence!("mg_tls_init", c: arg::conn, opts: arg::shared);
    let Some(guard) = c else { return };
    // SAFETY: the caller passes options whose views are of readable bytes.
    let options = opts.map_or_else(Options::default, |opts| unsafe { common(opts) });
    tls::init(guard.conn(), &options);
}

/// The options that all functions take.
///
/// # Safety
/// The fields of `opts` are readable for as long as the result is used.
unsafe fn common(opts: &TlsOpts) -> Options<'_> {
    // SAFETY: the caller vouches for the fields.
    unsafe {
        Options {
            ca: given(opts.ca),
            cert: given(opts.cert),
            key: given(opts.key),
            name: given(opts.name),
            skip_verification: opts.skip_verification,
            ..Options::default()
        }
    }
}

/// Begins TLS like `mg_tls_init`, with more options, and says what is wrong with them. An addition
/// of this library.
///
/// A listener that has a certificate is given another in this way: connections that it accepts from
/// now on use it (with `MG_SET_TLS_INHERIT`). Connections of a manager that begin with equal options
/// share what was read from them. Everything is copied. RFC 7301 for `alpn`, RFC 6066 for names
/// and `ocsp`, RFC 5280 for `crl`.
///
/// # Returns
/// NULL, or what is wrong, a text that stays: then nothing has changed, and there is no event.
///
/// # Threads
/// The polling thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_tls_start(c: *mut Connection, config: *const TlsConfig) -> *const c_char {
    fence!("mg_tls_start", c: arg::conn, config: arg::shared);
    let (Some(guard), Some(config)) = (c, config) else {
        return c"no connection, or no options".as_ptr();
    };
    // SAFETY: the caller passes options whose views are of readable bytes; num_pairs pairs of such views
    // are at pairs, unless that is NULL.
    unsafe {
        let count = if config.pairs.is_null() { 0 } else { config.num_pairs };
        let pairs = (0..count).map(|at| &*config.pairs.add(at));
        let pairs: Vec<_> = pairs.map(|p| Pair { cert: given(p.cert), key: given(p.key) }).collect();
        let options = Options {
            pairs: &pairs,
            alpn: given(config.alpn),
            crl: given(config.crl),
            ocsp: given(config.ocsp),
            ..common(&config.opts)
        };
        tls::start(guard.conn(), &options).map_or(ptr::null(), CStr::as_ptr)
    }
}

/// Tells what the two sides of a TLS connection have agreed on, and who the peer says it is: it was
/// verified if this side has `ca`. The texts stay until TLS begins anew or the connection closes;
/// they do not end in NUL. An addition of this library.
///
/// # Returns
/// false without TLS or before `MG_EV_TLS_HS`; everything is empty then.
///
/// # Threads
/// The polling thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_tls_get_info(c: *mut Connection, info: *mut TlsInfo) -> bool {
    fence!("mg_tls_get_info", c: arg::conn, info: arg::out);
    let fill = |found: &tls::Info| TlsInfo {
        version: Str::from(found.version.as_bytes()),
        cipher: Str::from(found.cipher.as_bytes()),
        group: Str::from(found.group.as_bytes()),
        alpn: Str::from(&found.alpn[..]),
        name: Str::from(found.name.as_bytes()),
        peer_subject: Str::from(found.peer_subject.as_bytes()),
        peer_names: Str::from(found.peer_names.as_bytes()),
        peer_cert: Str::from(&found.peer_cert[..]),
        resumed: found.resumed,
    };
    let found = c.and_then(|guard| tls::with_info(guard.conn(), fill));
    info.set(found.unwrap_or_else(|| fill(&tls::Info::default())));
    found.is_some()
}

/// Drops a connection's TLS session; `c->tls` becomes NULL. The loop does that after
/// `MG_EV_CLOSE`. A connection that loses its session while it is open closes.
///
/// # Threads
/// The polling thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_tls_free(c: *mut Connection) {
    fence!("mg_tls_free", c: arg::conn);
    if let Some(guard) = c {
        tls::free(guard.conn());
    }
}

/// Goes on with the handshake, as the poll does by itself. May fire `MG_EV_TLS_HS` or
/// `MG_EV_ERROR`.
///
/// # Threads
/// The polling thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_tls_handshake(c: *mut Connection) {
    fence!("mg_tls_handshake", c: arg::conn);
    let Some(guard) = c else { return };
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
    fence!("mg_tls_recv", c: arg::conn, buf[len]: arg::room);
    let Some(guard) = c else { return 0 };
    match tls::take(guard.conn(), buf) {
        Ok(Some(n)) => n as c_long,
        Ok(None) => MG_IO_WAIT,
        Err(()) if buf.is_empty() => 0,
        Err(()) => MG_IO_ERR,
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
    fence!("mg_tls_send", c: arg::conn, buf[len]: arg::data);
    let Some(guard) = c.filter(|_| !buf.is_empty()) else { return 0 };
    let c = guard.conn();
    let Some(state) = ConnState::of(c).filter(|_| !c.tls_ptr().is_null()) else { return MG_IO_ERR };
    if c.has(flag::TLS_HS) {
        return MG_IO_WAIT;
    }
    match tls::send(c, state, buf) {
        Ok(n) => n as c_long,
        Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => MG_IO_WAIT,
        Err(_) => MG_IO_ERR,
    }
}

/// Tells how many decrypted bytes wait to be delivered.
///
/// # Threads
/// The polling thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_tls_pending(c: *mut Connection) -> usize {
    fence!("mg_tls_pending", c: arg::conn);
    c.map_or(0, |guard| tls::pending(guard.conn()))
}

/// Sends encrypted bytes that the socket has not taken yet, as the poll does by itself.
///
/// # Threads
/// The polling thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_tls_flush(c: *mut Connection) {
    fence!("mg_tls_flush", c: arg::conn);
    let Some(guard) = c else { return };
    let c = guard.conn();
    if let Some(state) = c.state().filter(|state| tls::has_output(state)) {
        tls::flush(c, state);
    }
}

/// Does nothing: what connections share is in the manager.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_tls_ctx_init(_mgr: *mut Manager) {
    fence!("mg_tls_ctx_init");
}

/// Does nothing: what connections share is in the manager.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_tls_ctx_free(_mgr: *mut Manager) {
    fence!("mg_tls_ctx_free");
}
