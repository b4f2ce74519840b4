//! What an HTTP server allows and insists on: limits, timeouts, strictness. Off by default, so that
//! programs written for the original see what they know.

use crate::abi::{Setting, flag};
use crate::codec::http::{Fault, Head, HeadError, MAX_HEAD_BYTES, status};
use crate::net::event_loop::conn::output_queued;
use crate::net::event_loop::handle::Conn;
use crate::net::event_loop::settings::{store, store_bool};
use crate::net::event_loop::state::ConnState;
use core::ffi::CStr;

/// Milliseconds before the rate of a body counts.
const GRACE: u64 = 5000;

/// Settings of the HTTP engine on one connection.
#[derive(Clone, Copy)]
pub struct Policy {
    strict: bool,
    replies: bool,
    sends_continue: bool,
    closes_http10: bool,
    max_head: usize,
    max_body: u64,
    max_requests: u32,
    head_timeout: u32,
    body_rate: u32,
    idle_timeout: u32,
    send_timeout: u32,
}

impl Default for Policy {
    fn default() -> Policy {
        Policy {
            strict: false,
            replies: false,
            sends_continue: false,
            closes_http10: false,
            max_head: MAX_HEAD_BYTES,
            max_body: 0,
            max_requests: 0,
            head_timeout: 0,
            body_rate: 0,
            idle_timeout: 0,
            send_timeout: 0,
        }
    }
}

/// The policy of a connection.
pub fn of(c: Conn) -> Policy {
    ConnState::of(c).map_or_else(Policy::default, |s| s.policy.get())
}

impl Policy {
    /// Changes one setting; false when there is no such one here, or the value makes no sense.
    pub fn set(&mut self, setting: Setting, value: i64) -> bool {
        let u32_range = 0..=i64::from(u32::MAX);
        match setting {
            Setting::MG_SET_HTTP_STRICT => store_bool(&mut self.strict, value),
            Setting::MG_SET_HTTP_ERROR_REPLIES => store_bool(&mut self.replies, value),
            Setting::MG_SET_HTTP_CONTINUE => store_bool(&mut self.sends_continue, value),
            Setting::MG_SET_HTTP10_CLOSE => store_bool(&mut self.closes_http10, value),
            Setting::MG_SET_HTTP_MAX_HEAD => store(&mut self.max_head, value, 1..=i64::MAX),
            Setting::MG_SET_HTTP_MAX_BODY => store(&mut self.max_body, value, 0..=i64::MAX),
            Setting::MG_SET_HTTP_MAX_REQUESTS => store(&mut self.max_requests, value, u32_range),
            Setting::MG_SET_HTTP_HEAD_TIMEOUT => store(&mut self.head_timeout, value, u32_range),
            Setting::MG_SET_HTTP_BODY_RATE => store(&mut self.body_rate, value, u32_range),
            Setting::MG_SET_HTTP_IDLE_TIMEOUT => store(&mut self.idle_timeout, value, u32_range),
            Setting::MG_SET_HTTP_SEND_TIMEOUT => store(&mut self.send_timeout, value, u32_range),
            _ => false,
        }
    }

    /// Checks a head as strictly as asked for.
    ///
    /// # Errors
    /// The rule that it breaks.
    pub fn check(&self, head: &Head<'_>, server: bool) -> Result<(), HeadError> {
        if !self.strict {
            return Ok(());
        }
        if head.is_response == server {
            return Err(HeadError { fault: Fault::WrongWay, at: 0 });
        }
        head.check()
    }

    /// True when a head of `len` bytes, complete or not, is too long.
    pub fn is_head_too_long(&self, len: usize) -> bool {
        len > self.max_head
    }

    /// True when the first line of `bytes` is longer than a head may be.
    pub fn is_line_too_long(&self, bytes: &[u8]) -> bool {
        !bytes[..self.max_head.min(bytes.len())].contains(&b'\n')
    }

    /// True when a body of `len` bytes is too long.
    pub fn is_body_too_long(&self, len: usize) -> bool {
        self.max_body > 0 && len as u64 > self.max_body
    }

    /// True when the connection closes after the reply to this request, its `count`th.
    pub fn closes_after(&self, head: &Head<'_>, count: u32) -> bool {
        head.connection.close
            || (self.closes_http10 && !head.keeps_alive())
            || (self.max_requests > 0 && count >= self.max_requests)
    }

    /// The `Connection` line that the reply to this request, the connection's `count`th, has to have.
    pub fn connection_line(&self, head: &Head<'_>, count: u32) -> &'static CStr {
        if self.max_requests > 0 && count >= self.max_requests {
            // Nothing that the client knows says so.
            c"Connection: close\r\n"
        } else if self.closes_http10 && head.version < (1, 1) && head.keeps_alive() {
            // RFC 9112, appendix C.2.2: such a client waits for the end without it.
            c"Connection: keep-alive\r\n"
        } else {
            c""
        }
    }

    /// Queues the interim reply that a client waits for before it sends its body.
    pub fn invite_body(&self, c: Conn) {
        if self.sends_continue {
            c.send().append(INVITATION);
            output_queued(c);
        }
    }

    /// Queues the reply to a request that cannot be served. False when such replies are not wanted.
    pub fn reply_error(&self, c: Conn, code: u16) -> bool {
        let wanted = self.replies && c.has(flag::ACCEPTED) && !c.has(flag::CLOSING);
        if wanted {
            c.send().append(&error_reply(code));
            output_queued(c);
        }
        wanted
    }

    /// True when requests that cannot be served are answered.
    pub fn replies(&self) -> bool {
        self.replies
    }

    /// True when anything is limited in time.
    #[inline]
    pub fn has_timeouts(&self) -> bool {
        self.head_timeout | self.body_rate | self.idle_timeout | self.send_timeout != 0
    }

    /// When the time for what the connection does is up, and the status of the reply then (0: none).
    pub fn deadline(&self, phase: Phase) -> Option<(u64, u16)> {
        match phase {
            Phase::Busy => None,
            Phase::Sending { since } => {
                (self.send_timeout > 0).then(|| (since.saturating_add(self.send_timeout.into()), 0))
            }
            Phase::Idle { since } => {
                (self.idle_timeout > 0).then(|| (since.saturating_add(self.idle_timeout.into()), 0))
            }
            Phase::Head { since } => {
                (self.head_timeout > 0).then(|| (since.saturating_add(self.head_timeout.into()), 408))
            }
            Phase::Body { since, received } => (self.body_rate > 0).then(|| {
                let earned = received.saturating_mul(1000) / u64::from(self.body_rate);
                (since.saturating_add(GRACE).saturating_add(earned), 408)
            }),
        }
    }
}

const INVITATION: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// True when `bytes` are nothing but an interim reply.
pub fn is_invitation(bytes: &[u8]) -> bool {
    bytes == INVITATION
}

/// Takes an interim reply back that has not left when the body is complete: the client did not
/// wait for it, and programs look for their own reply at the front of `send`.
pub fn withdraw_invitation(c: Conn) {
    // SAFETY: the slice is gone when the buffer changes.
    if unsafe { c.send().bytes() } == INVITATION {
        c.send().set_len(0);
    }
}

/// What a server's connection waits for.
#[derive(Clone, Copy)]
pub enum Phase {
    /// Nothing: a response is being produced.
    Busy,
    /// The client, to take what waits to be sent.
    Sending {
        /// When it took the last byte, or the first one began to wait.
        since: u64,
    },
    /// The first byte of a request.
    Idle {
        /// When the last byte came or went.
        since: u64,
    },
    /// The rest of a head.
    Head {
        /// When its first byte came.
        since: u64,
    },
    /// The rest of a body.
    Body {
        /// When its head was complete, or the program was ready for more.
        since: u64,
        /// Bytes of it since then.
        received: u64,
    },
}

/// A whole reply for an error; the connection closes behind it.
pub fn error_reply(code: u16) -> Vec<u8> {
    let line = status::Line::new(code.into());
    [line.bytes(), b"Connection: close\r\nContent-Length: 0\r\n\r\n"].concat()
}
