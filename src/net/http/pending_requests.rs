//! What an HTTP client has asked for: the response to `HEAD` has no body, whatever its head says
//! (RFC 9112, section 6.3). The requests are the program's own bytes, so they are read on their way
//! out.

use crate::codec::http::chunked::Chunked;
use crate::codec::http::{Framing, parse_head};
use core::cell::Cell;

/// The requests of a client that wait for their response.
#[derive(Default)]
pub struct PendingRequests {
    /// Bytes at the front of `send` that were read before.
    read: Cell<usize>,
    place: Cell<Position>,
    /// The methods of requests without response, oldest first: a bit is set for `HEAD`.
    heads: Cell<u64>,
    /// How many bits of `heads` are in use.
    count: Cell<u32>,
}

/// The position of the reader of outgoing bytes.
#[derive(Default)]
enum Position {
    /// Before a head.
    #[default]
    Head,
    /// In a body, of which so much is left.
    Body(usize),
    /// In a chunked body.
    Chunks(Chunked),
    /// Out of step: no response counts as one to `HEAD`.
    Lost,
}

impl PendingRequests {
    /// Reads what is about to leave: all of `send`.
    pub fn read(&self, send: &[u8]) {
        let mut at = self.read.get().min(send.len());
        while at < send.len() {
            let (used, place) = self.step(&send[at..]);
            at += used;
            self.place.set(place);
        }
        self.read.set(at);
    }

    fn step(&self, bytes: &[u8]) -> (usize, Position) {
        match self.place.take() {
            Position::Head => match parse_head(bytes, &mut []) {
                Ok(Some(head)) if !head.is_response && self.count.get() < u64::BITS => {
                    let bit = u64::from(head.method == b"HEAD") << self.count.get();
                    self.heads.set(self.heads.get() | bit);
                    self.count.set(self.count.get() + 1);
                    match head.framing() {
                        Ok(Framing::Length(n)) => (head.len, Position::Body(n)),
                        Ok(Framing::Chunked) => (head.len, Position::Chunks(Chunked::new())),
                        Ok(_) if head.method != b"CONNECT" && !head.connection.upgrade => {
                            (head.len, Position::Head)
                        }
                        _ => (bytes.len(), Position::Lost),
                    }
                }
                _ => (bytes.len(), Position::Lost),
            },
            Position::Body(left) if left > bytes.len() => (bytes.len(), Position::Body(left - bytes.len())),
            Position::Body(left) => (left, Position::Head),
            Position::Chunks(mut chunks) => match chunks.scan(bytes) {
                Ok(Some(n)) => (n, Position::Head),
                Ok(None) => {
                    chunks.rebase(bytes.len());
                    (bytes.len(), Position::Chunks(chunks))
                }
                Err(_) => (bytes.len(), Position::Lost),
            },
            Position::Lost => (bytes.len(), Position::Lost),
        }
    }

    /// `n` bytes have left `send`.
    pub fn sent(&self, n: usize) {
        self.read.set(self.read.get().saturating_sub(n));
    }

    /// True when the next final response is one to `HEAD`.
    pub fn is_head(&self) -> bool {
        self.heads.get() & 1 != 0
    }

    /// A final response has come.
    pub fn answered(&self) {
        self.heads.set(self.heads.get() >> 1);
        self.count.set(self.count.get().saturating_sub(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The requests in `bytes`, sent in pieces of `step`: `H` for HEAD.
    fn asked(bytes: &[u8], step: usize) -> String {
        let asked = PendingRequests::default();
        let mut send = Vec::new();
        for piece in bytes.chunks(step) {
            send.extend_from_slice(piece);
            asked.read(&send);
            // The socket takes half of it.
            let n = send.len().div_ceil(2);
            send.drain(..n);
            asked.sent(n);
        }
        let mut methods = String::new();
        while asked.count.get() > 0 {
            methods.push(if asked.is_head() { 'H' } else { '-' });
            asked.answered();
        }
        methods
    }

    #[test]
    fn methods_are_found_after_bodies() {
        for (bytes, methods) in [
            (&b"HEAD / HTTP/1.1\r\n\r\n"[..], "H"),
            (b"GET / HTTP/1.1\r\n\r\nHEAD / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n", "-H-"),
            (b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nHEAD HEAD / HTTP/1.1\r\n\r\n", "-H"),
            (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nHEAD \r\n0\r\n\r\nHEAD / HTTP/1.1\r\n\r\n", "-H"),
            // Out of step: what cannot be read is not HEAD.
            (b"nonsense\r\n\r\nHEAD / HTTP/1.1\r\n\r\n", ""),
            (b"CONNECT h:1 HTTP/1.1\r\n\r\nHEAD / HTTP/1.1\r\n\r\n", "-"),
            (b"HEAD / HTTP/1.1\r\n", ""),
        ] {
            assert_eq!(asked(bytes, bytes.len()), methods, "{bytes:?}");
        }
        // A body may leave in pieces.
        let mut request = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
        request.extend(b"1\r\nx\r\n".repeat(20));
        request.extend(b"0\r\n\r\n");
        let asked = PendingRequests::default();
        asked.read(&request[..47]);
        for at in 47..request.len() {
            asked.sent(if at == 47 { 47 } else { 1 });
            asked.read(&request[at..=at]);
        }
        asked.sent(1);
        asked.read(b"HEAD / HTTP/1.1\r\n\r\n");
        asked.answered();
        assert!(asked.is_head());
    }

    #[test]
    fn more_requests_than_bits_are_not_followed() {
        let many = b"HEAD / HTTP/1.1\r\n\r\n".repeat(100);
        assert_eq!(asked(&many, many.len()), "H".repeat(64));
    }
}
