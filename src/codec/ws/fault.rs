//! What a peer can do wrong.

#![forbid(unsafe_code)]

use core::fmt;

/// What is wrong with a frame or message. Displayed, it names the rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// An opcode that means nothing.
    Opcode(u8),
    /// Extension bits without an extension that gives them a meaning.
    ReservedBits,
    /// A client's frame that is not masked, or a server's that is.
    Masking,
    /// A control frame in fragments, or longer than 125 bytes.
    Control,
    /// A length with the top bit set.
    Length,
    /// A new message inside a fragmented one.
    Interrupted,
    /// The continuation of nothing.
    NothingToContinue,
    /// A message that is longer than the receiver allows.
    TooBig,
    /// Text that is not UTF-8.
    Utf8,
    /// A close frame whose payload is malformed.
    ClosePayload,
    /// Compressed data that cannot be decompressed.
    Compression,
    /// The receiver has no memory for the message.
    Memory,
}

impl Fault {
    /// The code of the close frame that answers it (RFC 6455, section 7.4.1).
    pub fn close_code(self) -> u16 {
        match self {
            Fault::TooBig => 1009,
            Fault::Utf8 | Fault::Compression => 1007,
            Fault::Memory => 1011,
            _ => 1002,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Fault::Opcode(number) => return write!(f, "unknown WS op {number}"),
            Fault::ReservedBits => "WS reserved bits",
            Fault::Masking => "WS masking",
            Fault::Control => "WS control frame in fragments or too long",
            Fault::Length => "WS frame length",
            Fault::Interrupted => "WS message inside a message",
            Fault::NothingToContinue => "WS continuation of nothing",
            Fault::TooBig => "WS message too big",
            Fault::Utf8 => "WS text is not UTF-8",
            Fault::ClosePayload => "WS close payload",
            Fault::Compression => "WS compressed data",
            Fault::Memory => "OOM",
        })
    }
}
