//! What the WebSocket engine goes by: limits, pings, timeouts, compression. Off by default, so that
//! programs written for the original see what they know.

use crate::abi::Setting;
use crate::codec::ws::extension::Wish;
use crate::net::event_loop::settings::{store, store_bool};

/// Settings of the WebSocket engine on one connection.
#[derive(Clone, Copy)]
pub struct Policy {
    /// Longest message; 0: no limit but that of the receive buffer.
    message_limit: usize,
    /// Milliseconds of silence before a ping; 0: never.
    ping: u32,
    /// Milliseconds of silence after it; 0: as for the ping.
    pong_timeout: u32,
    /// Milliseconds for the answer to a close frame; 0: no limit.
    close_timeout: u32,
    /// Window of permessage-deflate, in bits; 0: no compression.
    deflate_bits: u8,
    /// Compressed messages may refer to earlier ones.
    deflate_context: bool,
}

impl Default for Policy {
    fn default() -> Policy {
        Policy {
            message_limit: 0,
            ping: 0,
            pong_timeout: 0,
            close_timeout: 0,
            deflate_bits: 0,
            deflate_context: true,
        }
    }
}

impl Policy {
    /// Changes one setting; false when there is no such one here, or the value makes no sense.
    pub fn set(&mut self, setting: Setting, value: i64) -> bool {
        let time = 0..=i64::from(u32::MAX);
        match setting {
            Setting::MG_SET_WS_MESSAGE_LIMIT => store(&mut self.message_limit, value, 0..=i64::MAX),
            Setting::MG_SET_WS_PING => store(&mut self.ping, value, time),
            Setting::MG_SET_WS_PONG_TIMEOUT => store(&mut self.pong_timeout, value, time),
            Setting::MG_SET_WS_CLOSE_TIMEOUT => store(&mut self.close_timeout, value, time),
            Setting::MG_SET_WS_DEFLATE if value == 0 => store(&mut self.deflate_bits, value, 0..=0),
            Setting::MG_SET_WS_DEFLATE => store(&mut self.deflate_bits, value, 9..=15),
            Setting::MG_SET_WS_DEFLATE_CONTEXT => store_bool(&mut self.deflate_context, value),
            _ => false,
        }
    }

    /// Longest message, decompressed, where `recv` may hold `recv_limit` bytes.
    pub fn message_limit(&self, recv_limit: usize) -> usize {
        if self.message_limit > 0 { self.message_limit } else { recv_limit }
    }

    /// Milliseconds without a byte from the peer, then a ping.
    pub fn ping(&self) -> Option<u64> {
        Some(u64::from(self.ping)).filter(|ms| *ms > 0)
    }

    /// Milliseconds without a byte from the peer after a ping, then the end.
    pub fn pong_timeout(&self) -> u64 {
        u64::from(if self.pong_timeout > 0 { self.pong_timeout } else { self.ping })
    }

    /// Milliseconds for the answer to a CLOSE frame.
    pub fn close_timeout(&self) -> Option<u64> {
        Some(u64::from(self.close_timeout)).filter(|ms| *ms > 0)
    }

    /// The compression to agree on, if any.
    pub fn deflate(&self) -> Option<Wish> {
        (self.deflate_bits > 0).then_some(Wish { bits: self.deflate_bits, keep: self.deflate_context })
    }
}
