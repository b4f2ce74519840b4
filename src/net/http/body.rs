//! Where a message in `recv` ends.

use super::config::Config;
use crate::codec::http::chunked::{self, Chunked};
use crate::codec::http::{Framing, Head};
use crate::net::event_loop::handle::Conn;

/// A message whose head is complete.
#[derive(Clone)]
pub struct Partial {
    /// Bytes of the head.
    pub head: usize,
    /// How the end of the body is found.
    pub framing: Framing,
    /// Where a chunked body has been read to.
    chunked: Chunked,
    is_response: bool,
    /// The connection closes after the response to it.
    pub closes: bool,
    /// The client asked for that, also if it becomes a WebSocket.
    pub asks_to_close: bool,
    /// It is the final response to a request.
    pub answers: bool,
}

/// Why a message is refused, and the status that says so.
#[derive(Clone, Copy)]
pub struct Refusal {
    /// The text of `MG_EV_ERROR`.
    pub reason: &'static str,
    /// The status of a reply.
    pub code: u16,
}

impl Refusal {
    /// True when nothing is wrong with the body but its length.
    pub fn is_of_length(&self) -> bool {
        self.code == 413
    }
}

/// Where a message ends.
#[derive(Clone, Copy)]
pub struct End {
    /// Bytes of the body, decoded.
    pub body: usize,
    /// Bytes of the message in `recv`, head included.
    pub total: usize,
    /// The body has chunk framing to be removed.
    pub chunked: bool,
}

/// What is known about the receiving side.
#[derive(Clone, Copy)]
pub struct Receiver {
    /// An accepted connection.
    pub server: bool,
    /// No more bytes will come.
    pub at_close: bool,
}

impl Partial {
    /// Before the body of `head`.
    pub fn new(head: &Head<'_>, strict: bool) -> Partial {
        Partial {
            head: head.len,
            framing: Framing::Empty,
            chunked: if strict { Chunked::strict() } else { decoder(head.is_response) },
            is_response: head.is_response,
            closes: false,
            asks_to_close: false,
            answers: head.is_response && !matches!(head.status, 100 | 102..=199),
        }
    }

    /// Looks whether the body is complete. `bytes` starts at the head.
    ///
    /// # Errors
    /// The body cannot be, or is too long.
    pub fn end(&mut self, bytes: &[u8], to: Receiver, config: &Config) -> Result<Option<End>, Refusal> {
        let have = bytes.len() - self.head.min(bytes.len());
        let end = |body: usize| Ok(Some(End { body, total: self.head + body, chunked: false }));
        match self.framing {
            Framing::Length(n) if to.server && config.is_body_too_long(n) => Err(TOO_LONG),
            Framing::Empty => end(0),
            Framing::Length(n) if have >= n => end(n),
            // A client gets what has arrived; a server has no peer left to reply to.
            Framing::Length(_) | Framing::UntilClose if to.at_close && !to.server => end(have),
            Framing::Length(n) if n.saturating_add(self.head) > config.recv_limit() => Err(NO_ROOM),
            Framing::Length(_) | Framing::UntilClose => Ok(None),
            Framing::Chunked => {
                let scanned = self.chunked.scan(&bytes[self.head..]);
                let found = scanned.map_err(|e| Refusal { reason: e.reason(), code: 400 })?;
                let body = self.chunked.body_len();
                if to.server && config.is_body_too_long(body) {
                    return Err(TOO_LONG);
                }
                Ok(found.map(|n| End { body, total: self.head + n, chunked: true }))
            }
        }
    }

    /// True when a client has to be told that the end of the connection has cut a response: chunks without
    /// the last one (`unfinished`), or a body without a length whose stream did not end as TLS has it
    /// (RFC 9112, sections 8 and 9.8). `peer_ended`: the peer ended it; true if it did so without notice.
    pub fn is_cut(&self, unfinished: bool, peer_ended: Option<bool>) -> bool {
        match self.framing {
            Framing::Chunked => unfinished && peer_ended.is_some(),
            Framing::UntilClose => peer_ended == Some(true),
            Framing::Empty | Framing::Length(_) => false,
        }
    }

    /// Bytes of `recv` that the whole message takes, as far as it says.
    pub fn announced(&self) -> usize {
        match self.framing {
            Framing::Empty => self.head,
            Framing::Length(n) => self.head.saturating_add(n),
            Framing::Chunked | Framing::UntilClose => usize::MAX,
        }
    }
}

const NO_ROOM: Refusal = Refusal { reason: "MG_MAX_RECV_SIZE", code: 413 };
/// A decoder at the start of a chunked body.
fn decoder(is_response: bool) -> Chunked {
    if is_response { Chunked::forgiving() } else { Chunked::new() }
}

const TOO_LONG: Refusal = Refusal { reason: "HTTP body too large", code: 413 };

/// Removes the chunk framing of a message at `ofs` in place.
pub fn compact(c: Conn, ofs: usize, partial: &Partial) {
    // SAFETY: no handler runs meanwhile, and no other slice of the buffer is in use.
    let bytes = unsafe { c.recv().bytes_mut() };
    chunked::compact(&mut bytes[ofs + partial.head..], decoder(partial.is_response));
}
