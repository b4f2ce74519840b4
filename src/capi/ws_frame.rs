//! WebSocket: fragments, closing, broadcast. Additions of this library.

use super::{arg, slice};
use crate::abi::{Connection, Manager, Str, WsMessage};
use crate::codec::ws::{self as codec, CLOSE, FIN};
use crate::fence;
use crate::net::event_loop::handle::Conn;
use crate::net::ws;
use core::ffi::{c_char, c_int, c_void};

/// Appends one frame of a message that is sent in several: the first with its opcode, the others with
/// `WEBSOCKET_OP_CONTINUE`, the last with `fin`. Only control frames may come in between. Such a
/// message is not compressed. RFC 6455, section 5.4. An addition of this library.
///
/// # Returns
/// Bytes of the frame, header included; 0, with nothing appended, without memory.
///
/// # Threads
/// The polling thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_ws_send_frame(
    c: *mut Connection,
    buf: *const c_void,
    len: usize,
    op: c_int,
    fin: bool,
) -> usize {
    fence!("mg_ws_send_frame", c: arg::conn, buf[len]: arg::data);
    let Some(guard) = c else { return 0 };
    let first = op as u8 & !FIN | if fin { FIN } else { 0 };
    ws::send_frame(guard.conn(), buf, first).unwrap_or(0)
}

/// Starts to close a WebSocket: appends a close frame with a code and a reason. The connection closes
/// when the peer has answered; `MG_SET_WS_CLOSE_TIMEOUT` limits how long that may take. An addition of
/// this library.
///
/// `code` is one that RFC 6455, section 7.4, allows to be sent (1000: done; 1001: going away; 4000
/// to 4999: the program's own), or 0 for a frame without code and reason. `reason` is UTF-8, or
/// NULL; what exceeds 123 bytes is cut off.
///
/// # Returns
/// false, with nothing appended, when a close frame was sent before, for a code or reason that may
/// not be sent, and without memory.
///
/// # Threads
/// The polling thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_ws_close(c: *mut Connection, code: c_int, reason: *const c_char) -> bool {
    fence!("mg_ws_close", c: arg::conn, reason: arg::text);
    c.zip(u16::try_from(code).ok()).is_some_and(|(guard, code)| ws::close(guard.conn(), code, reason))
}

/// Reads the code, and the reason if `reason` is not NULL, of a close frame at `MG_EV_WS_CTL`. The
/// reason is a view into the message, empty when there is none. An addition of this library.
///
/// # Returns
/// The code; 1005 for a close frame without one (RFC 6455, section 7.1.5); 0 for any other message.
///
/// # Threads
/// The polling thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_ws_close_code(wm: *const WsMessage, reason: *mut Str) -> c_int {
    fence!("mg_ws_close_code", wm: arg::shared, reason: arg::out);
    const NO_CODE: u16 = 1005;
    let message = wm.filter(|wm| wm.flags & codec::OPCODE == CLOSE);
    // SAFETY: the caller passes a message of an event, whose payload is readable.
    let payload = message.map_or(&[][..], |wm| unsafe { slice::bytes(wm.data) });
    let (code, text) = codec::close_code(payload).unwrap_or((NO_CODE, &[]));
    reason.set(Str::from(text));
    message.map_or(0, |_| c_int::from(code))
}

/// Sends a message to all open WebSocket connections of a manager that `filter` (NULL: all) returns
/// true for. The frame is made once; connections that need their own, clients and those that compress,
/// get their own. An addition of this library.
///
/// `filter` may change and close connections. `op` is `WEBSOCKET_OP_*`. Connections that are
/// closing or draining, or that a close frame was sent on, are left out.
///
/// # Returns
/// The number of connections that the message was queued for.
///
/// # Threads
/// The polling thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_ws_broadcast(
    mgr: *mut Manager,
    buf: *const c_void,
    len: usize,
    op: c_int,
    filter: Option<unsafe extern "C" fn(c: *mut Connection, arg: *mut c_void) -> bool>,
    arg: *mut c_void,
) -> usize {
    fence!("mg_ws_broadcast", mgr: arg::mgr, buf[len]: arg::data);
    let Some(guard) = mgr else { return 0 };
    // SAFETY: the caller passes a function that takes a connection and this argument.
    let wanted = |c: Conn| filter.is_none_or(|filter| unsafe { filter(c.as_ptr(), arg) });
    ws::broadcast(guard.mgr(), buf, op as u8, wanted)
}
