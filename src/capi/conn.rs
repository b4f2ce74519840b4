//! `struct mg_connection`: listening, connecting, sending, closing.

use super::arg;
use crate::abi::{Addr, Connection, EventHandler, Manager};
use crate::fence;
use crate::net::event_loop::handle::Conn;
use crate::net::event_loop::listen::{self, Handlers};
use crate::net::event_loop::{conn, connect, dscp, log};
use crate::net::http;
use core::ffi::{CStr, c_char, c_int, c_void};
use core::ptr;

/// What a function that makes a connection returns: NULL when a handler has closed it again.
pub(super) fn pointer(c: Option<Conn>) -> *mut Connection {
    c.filter(|c| !conn::is_closed(*c)).map_or(ptr::null_mut(), Conn::as_ptr)
}

/// The URL of a server. That there is none is said in the log.
pub(super) fn server_url(url: Option<&CStr>) -> Option<&CStr> {
    let url = url.filter(|url| !url.is_empty());
    if url.is_none() {
        log::error(format_args!("null url"));
    }
    url
}

/// Listens at a URL; `MG_EV_OPEN` fires before this returns.
///
/// `udp:` URLs receive datagrams on the listener itself. Port 0 takes a free port: see `c->loc`.
/// `[::]` takes IPv4 peers too. Accepted connections inherit `fn`, `fn_data`, `pfn`, `pfn_data`.
///
/// # Returns
/// The listener, or NULL: then the log says why.
///
/// # Threads
/// The polling thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_listen(
    mgr: *mut Manager,
    url: *const c_char,
    r#fn: EventHandler,
    fn_data: *mut c_void,
) -> *mut Connection {
    fence!("mg_listen", mgr: arg::mgr, url: arg::text);
    let Some(guard) = mgr else { return ptr::null_mut() };
    pointer(listen::listen(guard.mgr(), url, Handlers { handler: r#fn, data: fn_data }))
}

/// Opens an outgoing connection: `mg_connect_svc` without a protocol handler.
///
/// # Threads
/// The polling thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_connect(
    mgr: *mut Manager,
    url: *const c_char,
    r#fn: EventHandler,
    fn_data: *mut c_void,
) -> *mut Connection {
    fence!("mg_connect");
    // SAFETY: the same contract.
    unsafe { mg_connect_svc(mgr, url, r#fn, fn_data, None, ptr::null_mut()) }
}

/// Opens an outgoing connection with a protocol handler `pfn`, which runs before `fn`.
///
/// Returns at once; the connection is made during polls. `url` is needed during the call only.
/// Events: `MG_EV_OPEN` (with the URL), `MG_EV_RESOLVE`, `MG_EV_CONNECT`, or `MG_EV_ERROR` and
/// `MG_EV_CLOSE`. Some of them may fire before this returns. Data may be queued at once.
///
/// # Returns
/// The connection, or NULL for an empty URL or without memory.
///
/// # Threads
/// The polling thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_connect_svc(
    mgr: *mut Manager,
    url: *const c_char,
    r#fn: EventHandler,
    fn_data: *mut c_void,
    pfn: EventHandler,
    pfn_data: *mut c_void,
) -> *mut Connection {
    fence!("mg_connect_svc", mgr: arg::mgr, url: arg::c_str);
    let Some(guard) = mgr else { return ptr::null_mut() };
    let Some(url) = server_url(url) else { return ptr::null_mut() };
    pointer(connect::connect(guard.mgr(), url, Handlers { handler: r#fn, data: fn_data }, pfn, pfn_data))
}

/// Takes over a descriptor that the program opened; it is closed with the connection.
///
/// `MG_EV_OPEN` fires before the connection is in the manager's list. Sockets, pipes and terminals
/// work; their flags stay as they are, and nothing blocks. `is_listening = 1` afterwards makes a
/// listening socket accept.
///
/// # Returns
/// The connection, or NULL without memory.
///
/// # Threads
/// The polling thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_wrapfd(
    mgr: *mut Manager,
    fd: c_int,
    r#fn: EventHandler,
    fn_data: *mut c_void,
) -> *mut Connection {
    fence!("mg_wrapfd", mgr: arg::mgr);
    let Some(guard) = mgr else { return ptr::null_mut() };
    pointer(listen::wrap(guard.mgr(), fd, Handlers { handler: r#fn, data: fn_data }))
}

/// Makes a zeroed connection with an id, in no list and without a descriptor.
///
/// # Returns
/// The connection, to be released by `mg_close_conn`, or NULL without memory.
///
/// # Threads
/// The polling thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_alloc_conn(mgr: *mut Manager) -> *mut Connection {
    fence!("mg_alloc_conn", mgr: arg::mgr);
    let Some(guard) = mgr else { return ptr::null_mut() };
    pointer(conn::alloc(guard.mgr()))
}

/// Binds a socket for a URL, listens on it unless it is UDP, and fills `c->loc` and `c->fd`.
/// Touches no list, no flag, and fires no event.
///
/// # Returns
/// false when that failed: the log says why.
///
/// # Threads
/// The polling thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_open_listener(c: *mut Connection, url: *const c_char) -> bool {
    fence!("mg_open_listener", c: arg::conn, url: arg::text);
    c.is_some_and(|guard| listen::open_listener(guard.conn(), url))
}

/// Closes a connection now: unlinks it, closes its socket, fires `MG_EV_CLOSE`, releases it.
/// Setting `c->is_closing` does the same at the end of the connection's turn.
///
/// Works in any handler, also of the same connection: its memory stays until the handler returns.
///
/// # Threads
/// The polling thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_close_conn(c: *mut Connection) {
    fence!("mg_close_conn", c: arg::conn);
    if let Some(guard) = c {
        conn::close(guard.conn());
    }
}

/// Connects to `c->rem`, which the program has filled.
///
/// # Threads
/// The polling thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_connect_resolved(c: *mut Connection) {
    fence!("mg_connect_resolved", c: arg::conn);
    if let Some(guard) = c {
        connect::connect_resolved(guard.conn());
    }
}

/// Queues bytes to be sent (TCP), or sends them as one datagram to `c->rem` at once (UDP).
///
/// The bytes are copied and may lie in `c->recv`. Allowed in any state: what is queued before the
/// connection is up goes out when it is. On an accepted TCP connection with nothing queued, 32 KiB and
/// more go to the socket at once, as far as it takes them, and the rest, 1,024 bytes or more, to `c->send`.
/// UDP fires `MG_EV_WRITE` before this returns.
///
/// # Returns
/// false without memory (nothing was queued), and when a datagram could not be sent; unless the
/// socket was only busy, the connection then closes.
///
/// # Threads
/// The polling thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_send(c: *mut Connection, data: *const c_void, size: usize) -> bool {
    fence!("mg_send", c: arg::conn);
    // SAFETY: the caller passes size readable bytes at data, or NULL.
    c.is_some_and(|guard| unsafe { conn::send(guard.conn(), data.cast(), size) })
}

/// Fires an event on a connection: `c->pfn`, then `c->fn`. Programs use it for events from
/// `MG_EV_USER` on.
///
/// # Threads
/// The polling thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_call(c: *mut Connection, ev: c_int, ev_data: *mut c_void) {
    fence!("mg_call", c: arg::conn);
    if let Some(guard) = c {
        conn::call(guard.conn(), ev, ev_data);
    }
}

/// Restores `c->rem` from the copy of it at `from` (`sizeof(struct mg_addr)` bytes), so that the
/// next datagram goes to the group and not to the last sender.
///
/// # Threads
/// The polling thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_multicast_restore(c: *mut Connection, from: *mut u8) {
    fence!("mg_multicast_restore", c: arg::conn);
    if let Some(guard) = c.filter(|_| !from.is_null()) {
        // SAFETY: the caller passes a copy of a struct mg_addr, at any alignment.
        guard.conn().set_rem(unsafe { from.cast::<Addr>().read_unaligned() });
    }
}

/// Listens for HTTP at a URL: `mg_listen` with the HTTP protocol handler.
///
/// Accepted connections get `MG_EV_HTTP_HDRS` and `MG_EV_HTTP_MSG`.
///
/// # Returns
/// The listener, or NULL: then the log says why.
///
/// # Threads
/// The polling thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_http_listen(
    mgr: *mut Manager,
    url: *const c_char,
    r#fn: EventHandler,
    fn_data: *mut c_void,
) -> *mut Connection {
    fence!("mg_http_listen", mgr: arg::mgr, url: arg::text);
    let Some(guard) = mgr else { return ptr::null_mut() };
    pointer(http::listen_http(guard.mgr(), url, Handlers { handler: r#fn, data: fn_data }))
}

/// Connects for HTTP: `mg_connect` with the HTTP protocol handler. Sends nothing by itself: the
/// program writes the request, at once or at `MG_EV_CONNECT`.
///
/// # Returns
/// The connection, or NULL for an empty URL or without memory.
///
/// # Threads
/// The polling thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_http_connect(
    mgr: *mut Manager,
    url: *const c_char,
    r#fn: EventHandler,
    fn_data: *mut c_void,
) -> *mut Connection {
    fence!("mg_http_connect", mgr: arg::mgr, url: arg::c_str);
    let Some(guard) = mgr else { return ptr::null_mut() };
    let Some(url) = server_url(url) else { return ptr::null_mut() };
    pointer(http::connect_http(guard.mgr(), url, Handlers { handler: r#fn, data: fn_data }))
}

/// Marks what a connection sends with a code point of Differentiated Services (RFC 2474), 0 to 63:
/// `MG_DSCP_EF`, `MG_DSCP_AF(1, 1)`, `MG_DSCP_CS(5)`. An addition of this library.
///
/// A connection without a socket yet is marked when it has one, before its first packet; accepted
/// connections take their listener's mark. The same as `mg_conn_set` with `MG_SET_DSCP`.
///
/// # Returns
/// true; false when `dscp` is greater than 63 or the socket is none of IP, and nothing has changed.
///
/// # Threads
/// The polling thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_dscp(c: *mut Connection, dscp: u8) -> bool {
    fence!("mg_dscp", c: arg::conn);
    c.is_some_and(|guard| dscp::set(guard.conn(), dscp))
}
