//! What the WebSocket engine goes by: limits, pings, timeouts, compression. Off by default, so that
//! programs written for the original see what they know.

use crate::abi::Setting;
use crate::codec::ws::extension::Wish;
use crate::net::event_loop::handle::Conn;
use crate::net::event_loop::settings::Settings;

/// What the WebSocket engine goes by on one connection.
pub struct Config(Settings);

impl Config {
    /// The configuration of a connection.
    pub fn of(c: Conn) -> Config {
        Config(c.state().map_or_else(Settings::default, |state| state.settings.borrow().clone()))
    }

    /// Bytes that `recv` may hold.
    pub fn recv_limit(&self) -> usize {
        self.0.size(Setting::MG_SET_RECV_LIMIT)
    }

    /// Longest message, decompressed.
    pub fn message_limit(&self) -> usize {
        match self.0.size(Setting::MG_SET_WS_MESSAGE_LIMIT) {
            0 => self.recv_limit(),
            limit => limit,
        }
    }

    /// Milliseconds without a byte from the peer, then a ping.
    pub fn ping(&self) -> Option<u64> {
        self.0.time(Setting::MG_SET_WS_PING)
    }

    /// Milliseconds without a byte from the peer after a ping, then the end.
    pub fn pong_timeout(&self) -> u64 {
        self.0.time(Setting::MG_SET_WS_PONG_TIMEOUT).or(self.ping()).unwrap_or(0)
    }

    /// Milliseconds for the answer to a CLOSE frame.
    pub fn close_timeout(&self) -> Option<u64> {
        self.0.time(Setting::MG_SET_WS_CLOSE_TIMEOUT)
    }

    /// Milliseconds for the response that a client waits for.
    pub fn handshake_timeout(&self) -> Option<u64> {
        self.0.time(Setting::MG_SET_HANDSHAKE_TIMEOUT)
    }

    /// Bytes per second of a message.
    pub fn message_rate(&self) -> Option<u64> {
        self.0.time(Setting::MG_SET_MESSAGE_RATE)
    }

    /// The compression to agree on, if any.
    pub fn deflate(&self) -> Option<Wish> {
        let bits = u8::try_from(self.0.get(Setting::MG_SET_WS_DEFLATE)).ok().filter(|bits| *bits > 0)?;
        Some(Wish { bits, keep: self.0.is_on(Setting::MG_SET_WS_DEFLATE_CONTEXT) })
    }
}
