//! WebSocket messages.

use super::core::Str;
use core::ffi::c_int;

/// Continuation of a fragmented message.
pub const WEBSOCKET_OP_CONTINUE: c_int = 0;
/// Text, in UTF-8.
pub const WEBSOCKET_OP_TEXT: c_int = 1;
/// Bytes.
pub const WEBSOCKET_OP_BINARY: c_int = 2;
/// Close.
pub const WEBSOCKET_OP_CLOSE: c_int = 8;
/// Ping.
pub const WEBSOCKET_OP_PING: c_int = 9;
/// Pong.
pub const WEBSOCKET_OP_PONG: c_int = 10;

/// A WebSocket message: a view into the receive buffer, valid during the event only.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct WsMessage {
    /// The payload.
    pub data: Str,
    /// First byte of the frame; `flags & 15` is the opcode, `WEBSOCKET_OP_*`.
    pub flags: u8,
}
