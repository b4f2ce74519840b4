//! WebSocket: connecting, upgrading, sending.

use super::arg;
use super::conn::pointer;
use super::fmt::Draft;
use super::output::ToBuffer;
use crate::abi::{ArgList, Connection, EventHandler, HttpMessage, Manager, flag};
use crate::codec::fmt::Sink;
use crate::codec::http::fields::{entries, has_token};
use crate::codec::http::vars::{has_line, line_values};
use crate::codec::url::Url;
use crate::codec::ws::{extension, handshake};
use crate::fence;
use crate::net::event_loop::handle::Conn;
use crate::net::event_loop::listen::Handlers;
use crate::net::event_loop::{conn, connect, log, mem};
use crate::net::http::serve::Request;
use crate::net::http::snapshot::Snapshot;
use crate::net::http::{self, date};
use crate::net::ws;
use crate::net::ws::Offer;
use core::ffi::{CStr, c_char, c_int, c_void};
use core::ptr;

/// As `mg_ws_connect`, with a `va_list`. An addition of this library.
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
    fence!("mg_ws_vconnect", mgr: arg::mgr, url: arg::c_str, fmt[ap]: arg::format);
    let Some(guard) = mgr else { return ptr::null_mut() };
    let m = guard.mgr();
    let is_usable =
        |url: &&CStr| !url.is_empty() && !url.to_bytes().iter().any(|b| matches!(b, b'\r' | b'\n'));
    let Some(url) = url.filter(is_usable) else {
        log::error(format_args!("WebSocket URL is empty or has line breaks"));
        return ptr::null_mut();
    };
    let handlers = Handlers { handler: r#fn, data: fn_data };
    let connected = connect::connect(m, url, handlers, None, ptr::null_mut());
    let Some(c) = connected else { return ptr::null_mut() };
    let Some(random) = mem::random() else {
        conn::error(c, b"no random bytes");
        return pointer(Some(c));
    };
    let key = handshake::key(random);
    let deflate = ws::wish(c);
    let parts = Url::new(url.to_bytes());
    let draft = Draft::new(c);
    let mut text = Text::new(&draft);
    text.put(b"GET ");
    let (slash, rest) = parts.target();
    text.put(slash);
    text.put(rest);
    text.put(b" HTTP/1.1\r\nUpgrade: websocket\r\nHost: ");
    text.put(parts.host);
    if let Some(number) = parts.unusual_port() {
        text.put(b":");
        text.put(itoa::Buffer::new().format(number).as_bytes());
    }
    text.put(b"\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ");
    text.put(&key);
    text.put(b"\r\n");
    if let Some(wish) = deflate {
        text.header(EXTENSIONS, extension::offer(wish).as_bytes());
    }
    let own = draft.appended();
    text.count += fmt.print(draft.output());
    let formatted = draft.appended().saturating_sub(own);
    // SAFETY: no handler runs while the lines are looked at.
    let lines = unsafe { &c.send().bytes()[c.send().len() - formatted..] };
    let offer = Offer {
        deflate,
        own_extensions: has_line(lines, EXTENSIONS.as_bytes()),
        protocols: entries(line_values(lines, PROTOCOL.as_bytes())).map(Box::from).collect(),
    };
    text.put(b"\r\n");
    let count = text.count;
    draft.finish(|appended| appended == count);
    ws::start_client(c, &key, offer);
    pointer(Some(c))
}

/// As `mg_ws_upgrade`, with a `va_list`. An addition of this library.
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
    fence!("mg_ws_vupgrade", c: arg::conn, fmt[ap]: arg::format);
    let Some(guard) = c else { return };
    let c = guard.conn();
    // A printer may take away what the message points to.
    // SAFETY: the caller passes a message whose views are readable now.
    let copy = (!hm.is_null()).then(|| unsafe { Snapshot::new(hm) });
    ws::take_over(c);
    let (request, key) = match key_of(copy.as_ref()) {
        Ok(found) => found,
        Err(reply) => return reject(c, reply),
    };
    let draft = Draft::new(c);
    let mut text = Text::new(&draft);
    text.put(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n");
    text.header("Sec-WebSocket-Accept", &handshake::accept(key));
    let own = draft.appended();
    text.count += fmt.print(draft.output());
    let formatted = draft.appended().saturating_sub(own);
    // The lines of the program, which are looked at before anything else is appended.
    let has = |name: &str| {
        // SAFETY: no handler runs while the lines are looked at.
        let lines = unsafe { &c.send().bytes()[c.send().len() - formatted..] };
        has_line(lines, name.as_bytes())
    };
    let (has_extensions, has_protocol) = (has(EXTENSIONS), has(PROTOCOL));
    let agreed = ws::wish(c)
        .filter(|_| !has_extensions)
        .and_then(|wish| extension::accept(request.headers.all(EXTENSIONS.as_bytes()), wish));
    if let Some((_, answer)) = &agreed {
        text.header(EXTENSIONS, answer.as_bytes());
    }
    if let Some(protocol) = entries(request.headers.all(PROTOCOL.as_bytes())).next()
        && !has_protocol
    {
        text.header(PROTOCOL, protocol);
    }
    text.put(b"\r\n");
    let count = text.count;
    if draft.finish(|appended| appended == count) {
        ws::open(c, hm, agreed.map(|(agreed, _)| agreed));
    }
}

const EXTENSIONS: &str = "Sec-WebSocket-Extensions";
const PROTOCOL: &str = "Sec-WebSocket-Protocol";

/// The text of a handshake, appended to a draft and counted.
struct Text {
    out: ToBuffer,
    count: usize,
}

impl Text {
    fn new(draft: &Draft) -> Text {
        Text { out: draft.output(), count: 0 }
    }

    fn put(&mut self, bytes: &[u8]) {
        self.count += bytes.len();
        self.out.put(bytes);
    }

    fn header(&mut self, name: &str, value: &[u8]) {
        for part in [name.as_bytes(), b": ", value, b"\r\n"] {
            self.put(part);
        }
    }
}

/// An upgrade request and its key; or the reply that says what is wrong with it.
fn key_of(hm: Option<&Snapshot>) -> Result<(Request<'_>, &[u8]), &'static [u8]> {
    let request = hm.ok_or(NO_KEY)?.request();
    let headers = request.headers;
    if headers.first(b"Sec-WebSocket-Key").is_none() {
        return Err(NO_KEY);
    }
    if !request.is_get() {
        return Err(NOT_GET);
    }
    let asks = has_token(headers.all(b"Upgrade"), b"websocket")
        && has_token(headers.all(b"Connection"), b"upgrade")
        && request.proto.get(5..).is_some_and(|version| version > &b"1.0"[..]);
    if !asks {
        return Err(NO_UPGRADE);
    }
    if headers.all(b"Sec-WebSocket-Version").any(|version| version != b"13") {
        return Err(OTHER_VERSION);
    }
    let key = headers.single(b"Sec-WebSocket-Key").filter(|key| handshake::is_key(key)).ok_or(BAD_KEY)?;
    Ok((request, key))
}

const NO_KEY: &[u8] =
    b"HTTP/1.1 426 Upgrade Required\r\nContent-Length: 20         \r\n\r\nWS upgrade expected\n";
const NO_UPGRADE: &[u8] = b"HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Content-Length: 20         \r\n\r\nWS upgrade expected\n";
const OTHER_VERSION: &[u8] = b"HTTP/1.1 426 Upgrade Required\r\nSec-WebSocket-Version: 13\r\n\
    Upgrade: websocket\r\nContent-Length: 20         \r\n\r\nWS upgrade expected\n";
const NOT_GET: &[u8] =
    b"HTTP/1.1 405 Method Not Allowed\r\nAllow: GET\r\nContent-Length: 0          \r\n\r\n";
const BAD_KEY: &[u8] = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0          \r\n\r\n";

/// Answers a request that cannot be upgraded, and closes.
fn reject(c: Conn, reply: &[u8]) {
    c.set(flag::DRAINING);
    let (line, rest) = reply.split_at(memchr::memchr(b'\n', reply).map_or(0, |at| at + 1));
    let date = date::line_for(c);
    let date = date.as_ref().map_or(&b""[..], |date| date);
    c.send().append(&[line, http::connection_line(c).to_bytes(), date, rest].concat());
    conn::output_queued(c);
    c.clear(flag::RESP);
}

/// Appends a frame with `len` bytes at `buf` to `c->send`.
///
/// `op` is `WEBSOCKET_OP_*`; the frame is whole (FIN). Clients mask. Programs that send a message in
/// fragments use `mg_ws_send_frame`, or clear FIN by writing the opcode over the frame's first byte:
/// `c->send.buf[old_len] = op`. The latter does not go with `MG_SET_WS_DEFLATE`.
///
/// # Returns
/// Bytes of the frame, header included; 0, with nothing appended, without memory.
///
/// # Threads
/// The polling thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_ws_send(c: *mut Connection, buf: *const c_void, len: usize, op: c_int) -> usize {
    fence!("mg_ws_send", c: arg::conn, buf[len]: arg::data);
    let Some(guard) = c else { return 0 };
    ws::send(guard.conn(), buf, op as u8).unwrap_or(0)
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
    fence!("mg_ws_wrap", c: arg::conn);
    let Some(guard) = c else { return 0 };
    let c = guard.conn();
    if ws::wrap(c, len, op as u8) { c.send().len() } else { 0 }
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
    fence!("mg_ws_vprintf", c: arg::conn, fmt[ap]: arg::format);
    let Some(guard) = c else { return 0 };
    let c = guard.conn();
    let before = c.send().len();
    let draft = Draft::new(c);
    let count = fmt.print(draft.output());
    if draft.appended() == count && ws::wrap(c, count, op as u8) {
        return count;
    }
    c.send().set_len(before.min(c.send().len()));
    0
}

unsafe extern "C" {
    /// Connects as a WebSocket client: `mg_connect`, and queues the upgrade request.
    ///
    /// `fmt` produces further header lines, each with CR LF; NULL for none. `MG_EV_WS_OPEN` fires
    /// when the server has accepted, `MG_EV_ERROR` "ws handshake error" when not, or when it chose a
    /// sub-protocol or an extension that `fmt` did not offer. For `wss://` the
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
    /// sub-protocol, the first one that the client offers is taken. A request that is no upgrade (`GET`,
    /// HTTP/1.1, `Connection: upgrade`, `Upgrade: websocket`, a key) is answered with 426, 405 or 400, and
    /// the connection closes. RFC 6455, section 4.2.
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
