//! A TLS session: rustls with the options of a program.

use super::alert;
pub use super::config::{Cache, Config};
use super::hello::{Hello, Opening, while_hidden};
use super::info::Info;
use super::inspect::inspect;
use super::verify;
use crate::net::event_loop::buf::Buf;
use rustls::{ClientConnection, Connection, Error, HandshakeKind, ProtocolVersion, ServerConnection};
use std::io::{self, BufRead, Write};

/// What is logged as the TLS implementation.
pub const NAME: &str = "rustls";
/// Whether there can be sessions.
pub const ENABLED: bool = true;

/// One end of a TLS connection.
pub struct Session {
    tls: Connection,
    /// A server's, until the client has said what it wants.
    opening: Option<Opening>,
    /// What the opening found in the ClientHello.
    hello: Hello,
    /// What goes out last: the alert, and what was before it.
    last_words: Vec<u8>,
    /// Decrypted bytes that have not been read.
    waiting: usize,
    failure: Option<Error>,
    has_failed: bool,
    /// The peer said that it sends no more.
    ended: bool,
    /// The connection knows that.
    end_was_told: bool,
}

impl Session {
    /// Begins a session.
    pub fn new(config: &Config) -> Result<Session, String> {
        let tls = match config {
            Config::Client(config, name) => {
                ClientConnection::new(config.clone(), name.clone()).map(Connection::Client)
            }
            Config::Server(config) => ServerConnection::new(config.clone()).map(Connection::Server),
        };
        let mut tls = tls.map_err(|e| e.to_string())?;
        // Only as much is encrypted as is sent at once: see `super::send`.
        tls.set_buffer_limit(None);
        Ok(Session {
            opening: matches!(tls, Connection::Server(_)).then(Opening::default),
            tls,
            hello: Hello::default(),
            last_words: Vec::new(),
            waiting: 0,
            failure: None,
            has_failed: false,
            ended: false,
            end_was_told: false,
        })
    }

    /// What was agreed on.
    pub fn info(&self) -> Info {
        inspect(&self.tls)
    }

    /// The handshake is not complete.
    pub fn is_handshaking(&self) -> bool {
        self.tls.is_handshaking()
    }

    /// Encrypted bytes wait for the socket.
    pub fn has_output(&self) -> bool {
        self.tls.wants_write() || !self.last_words.is_empty()
    }

    /// Decrypted bytes wait, or an event that has not been reported.
    pub fn has_input(&self) -> bool {
        self.waiting > 0 || self.failure.is_some() || (self.ended && !self.end_was_told)
    }

    /// The peer said that it sends no more.
    pub fn has_ended(&mut self) -> bool {
        self.end_was_told = self.ended;
        self.ended
    }

    /// There is no way on.
    pub fn has_failed(&self) -> bool {
        self.has_failed
    }

    /// Why there is no way on, once.
    pub fn take_failure(&mut self) -> Option<String> {
        self.failure.take().map(|e| verify::reason(&e))
    }

    /// Why there was no handshake, once.
    pub fn take_refusal(&mut self) -> Option<String> {
        self.failure.take().map(|e| verify::failure(&e))
    }

    /// How many decrypted bytes wait.
    pub fn pending(&self) -> usize {
        self.waiting
    }

    /// The first decrypted bytes that wait; they stay until [`Session::consume`].
    pub fn plain(&mut self) -> &[u8] {
        if self.waiting == 0 {
            return &[];
        }
        self.tls.reader().into_first_chunk().unwrap_or_default()
    }

    /// Takes decrypted bytes away.
    pub fn consume(&mut self, n: usize) {
        self.tls.reader().consume(n);
        self.waiting = self.waiting.saturating_sub(n);
        if self.waiting == 0 && self.has_failed {
            self.waiting = self.first_chunk();
        }
    }

    fn first_chunk(&mut self) -> usize {
        self.tls.reader().into_first_chunk().map_or(0, <[u8]>::len)
    }

    /// Decrypts what was received until there is something to take, and takes away what was used.
    pub fn decrypt(&mut self, received: Buf) {
        // SAFETY: no handler runs and nothing changes the buffer until it is consumed below.
        let mut rest = unsafe { received.bytes() };
        while !rest.is_empty() && self.waiting == 0 && !self.has_failed && !self.ended {
            match &mut self.opening {
                None => self.read(&mut rest),
                Some(opening) => {
                    if let Some(record) = opening.collect(&mut rest) {
                        self.open(&record);
                    }
                }
            }
        }
        let used = received.len() - rest.len();
        received.consume(if self.has_failed || self.ended { received.len() } else { used });
    }

    /// Handles one of the first records.
    fn open(&mut self, record: &[u8]) {
        self.hello = self.opening.as_ref().map_or(self.hello, |opening| opening.hello);
        let mut rest = record;
        while !rest.is_empty() && !self.has_failed {
            self.read(&mut rest);
        }
        let asks_again = self.tls.handshake_kind() == Some(HandshakeKind::FullWithHelloRetryRequest);
        self.opening = self.opening.take().filter(|opening| opening.goes_on(record, asks_again));
    }

    fn read(&mut self, received: &mut &[u8]) {
        match self.tls.read_tls(received) {
            Ok(n) if n > 0 => self.process(),
            // Messages that are longer than any may be.
            _ => self.fail(Error::General("too much".into())),
        }
    }

    fn process(&mut self) {
        match while_hidden(self.hello.hidden, || self.tls.process_new_packets()) {
            Ok(state) => {
                self.waiting = state.plaintext_bytes_to_read();
                self.ended = state.peer_has_closed();
            }
            Err(e) => self.fail(e),
        }
    }

    fn fail(&mut self, error: Error) {
        // What was decrypted before is good. Its length is only known by taking it.
        self.waiting = self.first_chunk();
        let is_tls12 = self.tls.protocol_version() == Some(ProtocolVersion::TLSv1_2);
        if let Some(alert) = alert::demanded(&error, self.hello.lacks_extension, is_tls12) {
            self.take_output();
            let is_plain = self.tls.negotiated_cipher_suite().is_none();
            alert::put(&mut self.last_words, alert, is_plain);
        }
        self.failure = Some(error);
        self.has_failed = true;
    }

    fn take_output(&mut self) {
        while self.tls.wants_write() {
            // Writing to memory does not fail.
            let _ = self.tls.write_tls(&mut self.last_words);
        }
    }

    /// Encrypts.
    pub fn encrypt(&mut self, bytes: &[u8]) {
        // It cannot fail: there is no limit, and nothing to do with a socket.
        let _ = self.tls.writer().write_all(bytes);
    }

    /// Says that this side sends no more.
    pub fn close(&mut self) {
        self.tls.send_close_notify();
    }

    /// Hands encrypted bytes to the socket.
    pub fn write_to(&mut self, socket: &mut dyn Write) -> io::Result<usize> {
        if self.last_words.is_empty() {
            return self.tls.write_tls(socket);
        }
        let n = socket.write(&self.last_words)?;
        self.last_words.drain(..n);
        Ok(n)
    }
}
