//! WebSocket: connecting, upgrading, sending.

use super::fmt::{Draft, format};
use super::http_parse::mg_http_get_header;
use super::slice;
use crate::abi::{ArgList, Connection, EventHandler, HttpMessage, Manager, flag};
use crate::codec::fmt::Sink;
use crate::codec::url::Url;
use crate::codec::ws::handshake;
use crate::fence;
use crate::net::handle::{Conn, Mgr};
use crate::net::listen::Handlers;
use crate::net::{conn, connect, log, mem, ws};
use core::ffi::{CStr, c_char, c_int, c_void};
use core::ptr;

/// As `mg_ws_connect`, with a `va_list`.
///
/// # Threads
/// The polling thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_ws_vconnect(
    mgr: *mut Manager,
    url: *const c_char,
    r#fn: EventHandler,
    fn_data: *mut c_void,
    fmt: *const c_char,
    ap: *mut ArgList,
) -> *mut Connection {
    fence!("mg_ws_vconnect");
    // SAFETY: the caller passes an initialised manager, a C string, and what the format needs.
    unsafe {
        let Some(m) = Mgr::new(mgr) else { return ptr::null_mut() };
        if url.is_null() || *url == 0 || slice::cstr(url).iter().any(|b| matches!(b, b'\r' | b'\n')) {
            log::error(format_args!("WebSocket URL is empty or has line breaks"));
            return ptr::null_mut();
        }
        let handlers = Handlers { handler: r#fn, data: fn_data };
        let connected = connect::connect(m, CStr::from_ptr(url), handlers, None, ptr::null_mut());
        let Some(c) = connected else { return ptr::null_mut() };
        let Some(random) = mem::random() else {
            conn::error(c, b"no random bytes");
            return c.as_ptr();
        };
        let key = handshake::key(random);
        let parts = Url::new(slice::cstr(url));
        let draft = Draft::new(c);
        let mut out = draft.output();
        let mut port = itoa::Buffer::new();
        let mut count = 0;
        let mut put = |bytes: &[u8]| {
            count += bytes.len();
            out.put(bytes);
        };
        put(b"GET ");
        put(parts.path.unwrap_or(b"/"));
        put(b" HTTP/1.1\r\nUpgrade: websocket\r\nHost: ");
        put(parts.host);
        if let Some(number) = parts.unusual_port() {
            put(b":");
            put(port.format(number).as_bytes());
        }
        put(b"\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ");
        put(&key);
        put(b"\r\n");
        count += format(draft.output(), fmt, ap) + 2;
        draft.output().put(b"\r\n");
        draft.finish(|appended| appended >= count);
        ws::start_client(c, &key);
        c.as_ptr()
    }
}

/// As `mg_ws_upgrade`, with a `va_list`.
///
/// # Threads
/// The polling thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_ws_vupgrade(
    c: *mut Connection,
    hm: *mut HttpMessage,
    fmt: *const c_char,
    ap: *mut ArgList,
) {
    fence!("mg_ws_vupgrade");
    // SAFETY: the caller passes a connection, its message, and what the format needs.
    unsafe {
        let Some(c) = Conn::new(c) else { return };
        let header = |name: &CStr| {
            let value = if hm.is_null() { ptr::null_mut() } else { mg_http_get_header(hm, name.as_ptr()) };
            (!value.is_null()).then(|| slice::bytes(*value))
        };
        ws::take_over(c);
        let Some(key) = header(c"Sec-WebSocket-Key") else {
            return refuse(
                c,
                b"HTTP/1.1 426 Upgrade Required\r\nContent-Length: 20         \r\n\r\nWS upgrade expected\n",
            );
        };
        if header(c"Sec-WebSocket-Version").is_some_and(|v| v != b"13") {
            return refuse(
                c,
                b"HTTP/1.1 426 Upgrade Required\r\nSec-WebSocket-Version: 13\r\nUpgrade: websocket\r\n\
                  Content-Length: 20         \r\n\r\nWS upgrade expected\n",
            );
        }
        if !handshake::is_key(key) {
            return refuse(c, b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0          \r\n\r\n");
        }
        let draft = Draft::new(c);
        let mut out = draft.output();
        out.put(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ");
        out.put(&handshake::accept(key));
        out.put(b"\r\n");
        let own = draft.appended();
        let claimed = format(draft.output(), fmt, ap);
        let formatted = draft.appended().saturating_sub(own);
        if let Some(offered) = header(c"Sec-WebSocket-Protocol")
            && !names_protocol(&c.send().bytes()[c.send().len() - formatted..])
        {
            let mut out = draft.output();
            out.put(b"Sec-WebSocket-Protocol: ");
            out.put(handshake::first_protocol(offered));
            out.put(b"\r\n");
        }
        draft.output().put(b"\r\n");
        if draft.finish(|appended| appended >= own + claimed + 2) {
            ws::open(c, hm);
        }
    }
}

/// True when header lines name a sub-protocol.
fn names_protocol(lines: &[u8]) -> bool {
    const NAME: &[u8] = b"Sec-WebSocket-Protocol:";
    lines
        .split(|b| *b == b'\n')
        .any(|line| line.get(..NAME.len()).is_some_and(|n| n.eq_ignore_ascii_case(NAME)))
}

/// Answers a request that cannot be upgraded, and closes.
fn refuse(c: Conn, reply: &[u8]) {
    c.send().append(reply);
    conn::output_queued(c);
    c.clear(flag::RESP);
    c.set(flag::DRAINING);
}

/// Appends a frame with `len` bytes at `buf` to `c->send`.
///
/// `op` is `WEBSOCKET_OP_*`; the frame is whole (FIN). Clients mask. A program that sends fragments
/// clears FIN by writing the opcode over the frame's first byte: `c->send.buf[old_len] = op`.
///
/// # Returns
/// Bytes of the frame, header included; 0, with nothing appended, without memory.
///
/// # Threads
/// The polling thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_ws_send(c: *mut Connection, buf: *const c_void, len: usize, op: c_int) -> usize {
    fence!("mg_ws_send");
    // SAFETY: the caller passes a connection and len readable bytes at buf.
    unsafe {
        let Some(c) = Conn::new(c) else { return 0 };
        ws::send(c, slice::raw(buf.cast(), len), op as u8).unwrap_or(0)
    }
}

/// Turns the last `len` bytes of `c->send` into a frame: for messages whose length is not known
/// beforehand. Print first, wrap last.
///
/// # Returns
/// `c->send.len` afterwards; 0, with nothing changed, without memory or with fewer bytes queued.
///
/// # Threads
/// The polling thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_ws_wrap(c: *mut Connection, len: usize, op: c_int) -> usize {
    fence!("mg_ws_wrap");
    // SAFETY: the caller passes a connection.
    match unsafe { Conn::new(c) } {
        Some(c) if ws::wrap(c, len, op as u8) => c.send().len(),
        _ => 0,
    }
}

/// As `mg_ws_printf`, with a `va_list`.
///
/// # Threads
/// The polling thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_ws_vprintf(
    c: *mut Connection,
    op: c_int,
    fmt: *const c_char,
    ap: *mut ArgList,
) -> usize {
    fence!("mg_ws_vprintf");
    // SAFETY: the caller passes a connection and what the format needs.
    unsafe {
        let Some(c) = Conn::new(c) else { return 0 };
        let before = c.send().len();
        let draft = Draft::new(c);
        let count = format(draft.output(), fmt, ap);
        if !draft.finish(|appended| appended == count) {
            return 0;
        }
        if ws::wrap(c, count, op as u8) {
            return count;
        }
        c.send().set_len(before.min(c.send().len()));
        0
    }
}

unsafe extern "C" {
    /// Connects as a WebSocket client: `mg_connect`, and queues the upgrade request.
    ///
    /// `fmt` produces further header lines, each with CR LF; NULL for none. `MG_EV_WS_OPEN` fires
    /// when the server has accepted, `MG_EV_ERROR` "ws handshake error" when not. For `wss://` the
    /// program calls `mg_tls_init` in `MG_EV_CONNECT`. RFC 6455, section 4.1.
    ///
    /// # Returns
    /// The connection, or NULL for an empty URL, one with line breaks, or without memory.
    ///
    /// # Threads
    /// The polling thread.
    pub fn mg_ws_connect(
        mgr: *mut Manager,
        url: *const c_char,
        r#fn: EventHandler,
        fn_data: *mut c_void,
        fmt: *const c_char,
        ...
    ) -> *mut Connection;

    /// Accepts the upgrade request `hm` of a client, in `MG_EV_HTTP_MSG`; `MG_EV_WS_OPEN` fires
    /// before this returns, and from now on `MG_EV_WS_MSG` and `MG_EV_WS_CTL`.
    ///
    /// `fmt` produces further header lines, each with CR LF; NULL for none. Unless they name a
    /// sub-protocol, the first one that the client offers is taken. A request that is no upgrade is
    /// answered with 426 and the connection closes. RFC 6455, section 4.2.
    ///
    /// # Threads
    /// The polling thread.
    pub fn mg_ws_upgrade(c: *mut Connection, hm: *mut HttpMessage, fmt: *const c_char, ...);

    /// Formats a message and appends it to `c->send` as one frame; see `mg_ws_send`, `mg_printf`.
    ///
    /// # Returns
    /// Bytes of the message, without the frame's header; 0 also without memory.
    ///
    /// # Threads
    /// The polling thread.
    pub fn mg_ws_printf(c: *mut Connection, op: c_int, fmt: *const c_char, ...) -> usize;
}
