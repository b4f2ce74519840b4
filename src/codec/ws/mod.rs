//! WebSocket frames (RFC 6455): headers, masks, close payloads, and the handshake's accept value.

#![forbid(unsafe_code)]

pub mod handshake;
mod mask;

pub use mask::{mask, mask_key};

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

/// Longest header of a frame.
pub const MAX_HEADER: usize = 14;
/// Longest payload of a control frame.
pub const MAX_CONTROL: usize = 125;

/// A frame's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The first byte: FIN, extension bits, opcode.
    pub first: u8,
    /// The masking key, when the payload is masked.
    pub mask: Option<[u8; 4]>,
    /// Bytes of the header.
    pub len: usize,
    /// Bytes of the payload.
    pub payload: u64,
}

/// What is wrong with a frame, and the code of the close frame that answers it (RFC 6455, 7.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// An opcode that means nothing.
    Opcode(u8),
    /// Extension bits without an extension.
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
}

impl Fault {
    /// The code of the close frame to send.
    pub fn close_code(self) -> u16 {
        match self {
            Fault::TooBig => 1009,
            Fault::Utf8 => 1007,
            _ => 1002,
        }
    }

    /// A short text for logs and `MG_EV_ERROR`; [`Fault::Opcode`] wants its number added.
    pub fn reason(self) -> &'static str {
        match self {
            Fault::Opcode(_) => "unknown WS op",
            Fault::ReservedBits => "WS reserved bits",
            Fault::Masking => "WS masking",
            Fault::Control => "WS control frame",
            Fault::Length => "WS frame length",
            Fault::Interrupted => "WS message inside a message",
            Fault::NothingToContinue => "WS continuation of nothing",
            Fault::TooBig => "WS message too big",
            Fault::Utf8 => "WS text is not UTF-8",
            Fault::ClosePayload => "WS close payload",
        }
    }
}

impl Header {
    /// Reads the header at the start of `buf`; `None` while it is incomplete.
    pub fn parse(buf: &[u8]) -> Option<Header> {
        let (&first, rest) = buf.split_first()?;
        let (&second, rest) = rest.split_first()?;
        let (payload, rest) = match second & 0x7f {
            126 => rest.split_first_chunk().map(|(n, rest)| (u64::from(u16::from_be_bytes(*n)), rest))?,
            127 => rest.split_first_chunk().map(|(n, rest)| (u64::from_be_bytes(*n), rest))?,
            n => (u64::from(n), rest),
        };
        let (mask, rest) = if second & 0x80 == 0 {
            (None, rest)
        } else {
            rest.split_first_chunk().map(|(key, rest)| (Some(*key), rest))?
        };
        Some(Header { first, mask, len: buf.len() - rest.len(), payload })
    }

    /// The opcode.
    pub fn opcode(&self) -> u8 {
        self.first & 0x0f
    }

    /// This frame ends its message.
    pub fn fin(&self) -> bool {
        self.first & FIN != 0
    }

    /// A close, ping or pong.
    pub fn is_control(&self) -> bool {
        self.opcode() >= CLOSE
    }

    /// Checks what can be checked without the payload. `from_client`: who sent the frame;
    /// `open`: a fragmented message is unfinished.
    ///
    /// An empty last continuation of nothing is harmless and passes.
    ///
    /// # Errors
    /// The rule that the frame breaks.
    pub fn check(&self, from_client: bool, open: bool) -> Result<(), Fault> {
        let opcode = self.opcode();
        if !matches!(opcode, CONTINUE | TEXT | BINARY | CLOSE | PING | PONG) {
            return Err(Fault::Opcode(opcode));
        }
        if self.first & RSV != 0 {
            return Err(Fault::ReservedBits);
        }
        if self.mask.is_some() != from_client {
            return Err(Fault::Masking);
        }
        if self.payload >> 63 != 0 {
            return Err(Fault::Length);
        }
        if self.is_control() {
            return if self.fin() && self.payload <= MAX_CONTROL as u64 {
                Ok(())
            } else {
                Err(Fault::Control)
            };
        }
        match (opcode, open) {
            (CONTINUE, false) if self.payload > 0 || !self.fin() => Err(Fault::NothingToContinue),
            (TEXT | BINARY, true) => Err(Fault::Interrupted),
            _ => Ok(()),
        }
    }

    /// Writes a header in its shortest form; returns how many bytes of `out` it takes.
    pub fn write(first: u8, payload: u64, mask: Option<[u8; 4]>, out: &mut [u8; MAX_HEADER]) -> usize {
        out[0] = first;
        let flag = if mask.is_some() { 0x80 } else { 0 };
        let mut len = 2;
        if payload < 126 {
            out[1] = flag | payload as u8;
        } else if let Ok(short) = u16::try_from(payload) {
            out[1] = flag | 126;
            out[2..4].copy_from_slice(&short.to_be_bytes());
            len = 4;
        } else {
            out[1] = flag | 127;
            out[2..10].copy_from_slice(&payload.to_be_bytes());
            len = 10;
        }
        if let Some(key) = mask {
            out[len..len + 4].copy_from_slice(&key);
            len += 4;
        }
        len
    }
}

/// Checks the payload of a close frame: nothing, or a code that may be sent and a reason in UTF-8.
///
/// # Errors
/// [`Fault::ClosePayload`] or [`Fault::Utf8`].
pub fn check_close(payload: &[u8]) -> Result<(), Fault> {
    match payload {
        [] => Ok(()),
        [a, b, reason @ ..] => {
            let code = u16::from_be_bytes([*a, *b]);
            if !matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999) {
                return Err(Fault::ClosePayload);
            }
            core::str::from_utf8(reason).map(|_| ()).map_err(|_| Fault::Utf8)
        }
        _ => Err(Fault::ClosePayload),
    }
}

/// Checks a piece of text whose start up to `from` was found to be UTF-8 before. `last`: no more
/// comes. Returns up to where the text is known to be right.
///
/// # Errors
/// [`Fault::Utf8`].
pub fn check_text(text: &[u8], from: usize, last: bool) -> Result<usize, Fault> {
    match core::str::from_utf8(&text[from..]) {
        Ok(_) => Ok(text.len()),
        // A character that is cut short may be completed by the next fragment.
        Err(e) if e.error_len().is_none() && !last => Ok(from + e.valid_up_to()),
        Err(_) => Err(Fault::Utf8),
    }
}

#[cfg(test)]
mod tests;
