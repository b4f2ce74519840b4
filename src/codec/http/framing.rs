//! A parsed head, and what it says about the body that follows.

#![forbid(unsafe_code)]

use super::error::{Fault, HeadError};

/// A header: views of the parsed buffer, the value without surrounding spaces and tabs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Header<'a> {
    /// Name as sent, never empty.
    pub name: &'a [u8],
    /// Value as sent, may be empty.
    pub value: &'a [u8],
}

/// What the token list of `Connection` contains.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Connection {
    /// The sender closes after this message.
    pub close: bool,
    /// The sender asks to keep the connection.
    pub keep_alive: bool,
    /// The sender asks for another protocol.
    pub upgrade: bool,
}

/// The head of a request or response. Slices point into the parsed buffer.
///
/// Everything that framing and connection handling need is found during the one pass over the
/// head, also in header lines for which the caller had no slot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Head<'a> {
    /// Bytes of the head, with its blank line; the body starts here.
    pub len: usize,
    /// The start line is that of a response.
    pub is_response: bool,
    /// Method; the version of a response.
    pub method: &'a [u8],
    /// Target before the first `?`; the status of a response.
    pub uri: &'a [u8],
    /// What follows the first `?`.
    pub query: Option<&'a [u8]>,
    /// `HTTP/d.d`; the reason phrase of a response.
    pub proto: &'a [u8],
    /// Major and minor version; `(0, 0)` when a response names none of the form `HTTP/d.d`.
    pub version: (u8, u8),
    /// Status of a response when it is three digits, else 0.
    pub status: u16,
    /// Header lines in all; more than were stored when the caller had fewer slots.
    pub headers: usize,
    /// Two parts of the start line are not separated by exactly one space.
    pub odd_space: bool,
    /// The name of a header is no token as RFC 9110 defines it.
    pub odd_name: bool,
    /// `Host` lines.
    pub hosts: usize,
    /// Value of the first `Host` line.
    pub host: Option<&'a [u8]>,
    /// Value of `Content-Length`.
    pub content_length: Option<usize>,
    /// Value of `Transfer-Encoding`.
    pub transfer_encoding: Option<&'a [u8]>,
    /// Tokens of `Connection`.
    pub connection: Connection,
    /// `Expect: 100-continue` was sent.
    pub expect_continue: bool,
}

/// How the end of a body is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// There is no body.
    Empty,
    /// So many bytes.
    Length(usize),
    /// Chunks, see [`super::chunked`].
    Chunked,
    /// All that comes until the connection closes.
    UntilClose,
}

impl Head<'_> {
    /// `body.len` of the C message: the announced length; `None` is "not known".
    pub fn announced_len(&self) -> Option<usize> {
        match self.content_length {
            Some(n) => Some(n),
            None if !self.is_response || self.uri == b"204" => Some(0),
            None => None,
        }
    }

    /// How the end of the body is found (RFC 9112, section 6.3). The reply to `HEAD`, which never
    /// has a body, is for the caller to know.
    ///
    /// # Errors
    /// [`Fault::Coding`] for a transfer coding other than `chunked`, [`Fault::CodingInOldRequest`]
    /// for any in a request older than HTTP/1.1, where a sender cannot have meant it.
    pub fn framing(&self) -> Result<Framing, HeadError> {
        if self.is_response && (matches!(self.status, 100 | 102..=199 | 204 | 304)) {
            return Ok(Framing::Empty);
        }
        if let Some(coding) = self.transfer_encoding {
            if !self.is_response && self.version < (1, 1) {
                return Err(HeadError { fault: Fault::CodingInOldRequest, at: 0 });
            }
            if !coding.eq_ignore_ascii_case(b"chunked") {
                return Err(HeadError { fault: Fault::Coding, at: 0 });
            }
            return Ok(Framing::Chunked);
        }
        Ok(match self.content_length {
            Some(0) => Framing::Empty,
            Some(n) => Framing::Length(n),
            None if self.is_response => Framing::UntilClose,
            None => Framing::Empty,
        })
    }

    /// Whether the sender wants the connection kept after this message (RFC 9112, section 9.3).
    pub fn keeps_alive(&self) -> bool {
        !self.connection.close && (self.version >= (1, 1) || self.connection.keep_alive)
    }
}
