//! What the WebSocket engine remembers.

use super::config::Config;
use crate::codec::ws::deflate::Deflate;
use crate::codec::ws::extension::Wish;
use crate::codec::ws::handshake;
use crate::net::event_loop::clock::millis;
use crate::net::event_loop::conn;
use crate::net::event_loop::handle::Conn;
use core::cell::{Cell, RefCell};

/// What a client has offered.
pub struct Offer {
    /// Compression, by the settings of the connection.
    pub deflate: Option<Wish>,
    /// Extensions in a header of the program's own.
    pub own_extensions: bool,
    /// Sub-protocols.
    pub protocols: Box<[Box<[u8]>]>,
}

/// What the engine remembers beside the public struct.
#[derive(Default)]
pub struct WsState {
    /// What a client expects of the server's response, while it waits for that.
    pub awaited: Cell<Option<Box<Awaited>>>,
    /// Bytes of the unfinished text message that are known to be UTF-8.
    pub checked: Cell<usize>,
    /// Payload bytes of the current frame, which is not complete, that are known to be UTF-8.
    pub early: Cell<usize>,
    /// Payload of the unfinished message's fragments.
    pub gathered: Cell<usize>,
    /// `recv.len` when the engine last looked; a smaller one means that the program consumed.
    pub seen: Cell<usize>,
    /// Frames may be in `recv` that no event announces.
    pub unread: Cell<bool>,
    /// Frames are being taken off `recv`: a handler that fires READ by hand must not start anew.
    pub busy: Cell<bool>,
    /// A CLOSE frame was sent by this side.
    pub close_sent: Cell<bool>,
    /// The peer's CLOSE frame has come, or a broken rule: what follows is discarded.
    pub ended: Cell<bool>,
    /// The write side is to be shut down as soon as everything is sent.
    pub half_close: Cell<bool>,
    /// Bytes of PONG frames queued since `send` was last empty.
    pub pongs: Cell<u32>,
    /// The newest ping that has to wait for its answer until `send` is empty.
    pub late_pong: Cell<Option<Box<[u8]>>>,
    /// Both directions of permessage-deflate, when that was agreed on.
    pub deflate: RefCell<Option<Box<Deflate>>>,
    pub clock: Clock,
}

impl WsState {
    pub fn of(c: Conn<'_>) -> Option<&WsState> {
        c.state()?.extensions.get()
    }

    /// As [`WsState::of`], made now if need be; without memory the connection fails.
    pub fn attach(c: Conn<'_>) -> Option<&WsState> {
        let state = c.state()?.extension();
        if state.is_none() {
            conn::error(c, b"OOM");
        }
        state
    }
}

/// What a client expects of the server's response.
pub struct Awaited {
    pub accept: [u8; handshake::ACCEPT],
    pub offer: Offer,
    /// Bytes of the response that were searched for the end of its head without result.
    pub searched: usize,
}

/// Times, as of `mg_millis`.
#[derive(Default)]
pub struct Clock {
    /// When something last came from the peer.
    pub heard: Cell<u64>,
    /// When the ping was sent that is not answered yet; 0: there is none.
    pub pinged: Cell<u64>,
    /// When the connection closes, whatever the peer does; 0: not set.
    pub end_by: Cell<u64>,
    /// When the handshake began, or the message that is not complete; 0: there is none.
    pub begun: Cell<u64>,
}

impl Clock {
    /// The connection is open.
    pub fn start(&self) {
        self.heard(millis());
    }

    /// Something came from the peer. True when that answers a ping: then the next time is another.
    pub fn heard(&self, now: u64) -> bool {
        self.heard.set(now);
        self.pinged.replace(0) > 0
    }

    /// The next time at which something is due.
    pub fn next(&self, config: &Config, close_sent: bool) -> Option<u64> {
        let end = Some(self.end_by.get()).filter(|at| *at > 0);
        let ping = config.ping().filter(|_| !close_sent).map(|ping| match self.pinged.get() {
            0 => self.heard.get().saturating_add(ping),
            sent => sent.saturating_add(config.pong_timeout()),
        });
        [end, ping].into_iter().flatten().min()
    }
}
