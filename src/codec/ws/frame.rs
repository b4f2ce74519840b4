//! A frame's header (RFC 6455, section 5.2).

#![forbid(unsafe_code)]

use super::{
    BINARY, CLOSE, CONTINUE, FIN, Fault, MAX_CONTROL, MAX_HEADER, OPCODE, PING, PONG, RSV, RSV1, TEXT,
};

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

/// What decides whether a frame may come now.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rules {
    /// A client sends it.
    pub from_client: bool,
    /// A fragmented message is unfinished.
    pub open: bool,
    /// Messages may be compressed.
    pub deflate: bool,
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

    /// What the first two bytes say, for [`Header::check`] before the rest of the header has arrived.
    /// A length that follows counts as 0, which breaks no rule.
    pub fn start(buf: &[u8]) -> Option<Header> {
        let &[first, second] = buf.first_chunk()?;
        let mask = (second & 0x80 != 0).then_some([0; 4]);
        let payload = Some(second & 0x7f).filter(|n| *n < 126).unwrap_or(0);
        Some(Header { first, mask, len: 2, payload: u64::from(payload) })
    }

    /// The opcode.
    pub fn opcode(&self) -> u8 {
        self.first & OPCODE
    }

    /// This frame ends its message.
    pub fn fin(&self) -> bool {
        self.first & FIN != 0
    }

    /// A close, ping or pong.
    pub fn is_control(&self) -> bool {
        self.opcode() >= CLOSE
    }

    /// Checks what can be checked without the payload. What the first two bytes show comes first, so
    /// that it does not matter how the header is cut.
    ///
    /// An empty last continuation of nothing is harmless and passes.
    ///
    /// # Errors
    /// The rule that the frame breaks.
    pub fn check(&self, rules: Rules) -> Result<(), Fault> {
        let opcode = self.opcode();
        if !matches!(opcode, CONTINUE | TEXT | BINARY | CLOSE | PING | PONG) {
            return Err(Fault::Opcode(opcode));
        }
        // The first frame of a message says that all of it is compressed.
        let meant = if rules.deflate && matches!(opcode, TEXT | BINARY) { RSV1 } else { 0 };
        if self.first & RSV & !meant != 0 {
            return Err(Fault::ReservedBits);
        }
        if self.mask.is_some() != rules.from_client {
            return Err(Fault::Masking);
        }
        if self.is_control() {
            let fits = self.fin() && self.payload <= MAX_CONTROL as u64;
            return if fits { Ok(()) } else { Err(Fault::Control) };
        }
        match (opcode, rules.open) {
            (CONTINUE, false) if self.payload > 0 || !self.fin() => Err(Fault::NothingToContinue),
            (TEXT | BINARY, true) => Err(Fault::Interrupted),
            _ if self.payload >> 63 != 0 => Err(Fault::Length),
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
