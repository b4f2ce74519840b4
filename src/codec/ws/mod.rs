//! WebSocket (RFC 6455): frames, masks, payloads, the handshake, and compression (RFC 7692).

#![forbid(unsafe_code)]

pub mod deflate;
pub mod extension;
mod fault;
mod frame;
pub mod handshake;
mod mask;
mod payload;

pub use fault::Fault;
pub use frame::{Header, Rules};
pub use mask::mask;
pub use payload::{check_close, check_text, close_code, close_payload};

/// Opcode of a frame that continues a message.
pub const CONTINUE: u8 = 0;
/// Opcode of a text message.
pub const TEXT: u8 = 1;
/// Opcode of a binary message.
pub const BINARY: u8 = 2;
/// Opcode of the frame that ends a connection.
pub const CLOSE: u8 = 8;
/// Opcode of a ping.
pub const PING: u8 = 9;
/// Opcode of a pong.
pub const PONG: u8 = 10;

/// First byte: this frame ends its message.
pub const FIN: u8 = 0x80;
/// First byte: bits for extensions.
pub const RSV: u8 = 0x70;
/// First byte: the message is compressed (RFC 7692, section 6).
pub const RSV1: u8 = 0x40;
/// First byte: the opcode.
pub const OPCODE: u8 = 0x0f;

/// Longest header of a frame.
pub const MAX_HEADER: usize = 14;
/// Longest payload of a control frame.
pub const MAX_CONTROL: usize = 125;
/// Longest reason in a close frame: two bytes are the code.
pub const MAX_REASON: usize = MAX_CONTROL - 2;

#[cfg(test)]
mod tests;
