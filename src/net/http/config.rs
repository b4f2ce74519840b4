//! What an HTTP server allows and insists on: limits, timeouts, strictness. Off by default, so that
//! programs written for the original see what they know.

use super::date;
use super::message::Strict;
use crate::abi::{Setting, flag};
use crate::codec::http::strict::Allow;
use crate::codec::http::{Fault, Head, HeadError, MAX_HEAD_BYTES, MAX_HEADER_LINES, status};
use crate::net::event_loop::conn::output_queued;
use crate::net::event_loop::handle::Conn;
use crate::net::event_loop::progress::{self, GRACE};
use crate::net::event_loop::settings::Settings;
use crate::net::event_loop::state::ConnState;
use core::ffi::CStr;

const _: () = assert!(
    Setting::MG_SET_HTTP_MAX_HEAD.limits().default == MAX_HEAD_BYTES as i64,
    "a head is as long as the parser takes, unless a program sets less"
);

const _: () = assert!(
    Setting::MG_SET_HTTP_MAX_HEADERS.limits().default == MAX_HEADER_LINES as i64,
    "a head has as many lines as the parser takes, unless a program sets less"
);

/// What the HTTP engine goes by on one connection.
pub struct Config(Settings);

impl Config {
    /// The configuration of a connection.
    #[inline]
    pub fn of(c: Conn) -> Config {
        Config(ConnState::of(c).map_or_else(Settings::default, |s| s.settings.borrow().clone()))
    }

    /// Checks a head as strictly as asked for. A request that names several hosts is refused in any case:
    /// two servers could take it for different ones (RFC 9112, section 3.2).
    ///
    /// # Errors
    /// The rule that it breaks.
    pub fn check(&self, head: &Head<'_>, server: bool) -> Result<(), HeadError> {
        if server && head.hosts > 1 {
            return Err(HeadError { fault: Fault::Host, at: 0 });
        }
        if server && head.headers > self.0.size(Setting::MG_SET_HTTP_MAX_HEADERS) {
            return Err(HeadError { fault: Fault::TooManyHeaders, at: 0 });
        }
        if server && self.0.is_on(Setting::MG_SET_HTTP_KNOWN_METHODS) && !head.has_known_method() {
            return Err(HeadError { fault: Fault::UnknownMethod, at: 0 });
        }
        if !self.0.is_on(Setting::MG_SET_HTTP_STRICT) {
            return Ok(());
        }
        if head.is_response == server {
            return Err(HeadError { fault: Fault::WrongWay, at: 0 });
        }
        head.check(self.allow())
    }

    /// How requests are read, on a server that is strict.
    #[inline]
    pub fn strict(&self, server: bool) -> Option<Strict> {
        if !server || !self.0.is_on(Setting::MG_SET_HTTP_STRICT) {
            return None;
        }
        Some(Strict { lines: self.0.size(Setting::MG_SET_HTTP_MAX_HEADERS), allow: self.allow() })
    }

    fn allow(&self) -> Allow {
        Allow {
            no_host: self.0.is_on(Setting::MG_SET_HTTP_ALLOW_NO_HOST),
            bare_lf: self.0.is_on(Setting::MG_SET_HTTP_ALLOW_LF),
            raw_target: self.0.is_on(Setting::MG_SET_HTTP_ALLOW_RAW_TARGET),
        }
    }

    /// True when a head of `len` bytes, complete or not, is too long.
    pub fn is_head_too_long(&self, len: usize) -> bool {
        len > self.0.size(Setting::MG_SET_HTTP_MAX_HEAD)
    }

    /// True when the first line of `bytes` is longer than a head may be.
    pub fn is_line_too_long(&self, bytes: &[u8]) -> bool {
        !bytes[..self.0.size(Setting::MG_SET_HTTP_MAX_HEAD).min(bytes.len())].contains(&b'\n')
    }

    /// Most bytes in `recv`.
    pub fn recv_limit(&self) -> usize {
        self.0.size(Setting::MG_SET_RECV_LIMIT)
    }

    /// True when a body of `len` bytes is too long.
    pub fn is_body_too_long(&self, len: usize) -> bool {
        let max = self.0.size(Setting::MG_SET_HTTP_MAX_BODY);
        max > 0 && len > max
    }

    /// True when the connection closes after the reply to this request, its `count`th.
    pub fn closes_after(&self, head: &Head<'_>, count: u32) -> bool {
        head.connection.close || (self.closes_http10() && !head.keeps_alive()) || self.is_last(count)
    }

    /// The `Connection` line that the reply to this request, the connection's `count`th, has to have.
    pub fn connection_line(&self, head: &Head<'_>, count: u32) -> &'static CStr {
        if self.is_last(count) || (self.announces_close() && self.closes_after(head, count)) {
            // Nothing that the client knows says so.
            c"Connection: close\r\n"
        } else if self.closes_http10() && head.version < (1, 1) && head.keeps_alive() {
            // RFC 9112, appendix C.2.2: such a client waits for the end without it.
            c"Connection: keep-alive\r\n"
        } else {
            c""
        }
    }

    /// Queues the interim reply that a client waits for before it sends its body.
    pub fn invite_body(&self, c: Conn) {
        if self.0.is_on(Setting::MG_SET_HTTP_CONTINUE) {
            c.send().append(INVITATION);
            output_queued(c);
        }
    }

    /// Queues the reply to a request that cannot be served. False when such replies are not wanted.
    pub fn reply_error(&self, c: Conn, code: u16) -> bool {
        let wanted = self.replies() && c.has(flag::ACCEPTED) && !c.has(flag::CLOSING);
        if wanted {
            c.send().append(&error_reply(c, code));
            output_queued(c);
        }
        wanted
    }

    /// True when requests that cannot be served are answered.
    pub fn replies(&self) -> bool {
        self.0.is_on(Setting::MG_SET_HTTP_ERROR_REPLIES)
    }

    /// The shortest time that anything is limited to.
    pub fn shortest_timeout(&self) -> Option<u64> {
        let grace = self.0.time(Setting::MG_SET_HTTP_BODY_RATE).map(|_| GRACE);
        let times = TIMEOUTS.into_iter().filter(|s| *s != Setting::MG_SET_HTTP_BODY_RATE);
        times.filter_map(|setting| self.0.time(setting)).chain(grace).min()
    }

    /// True when a reply says that the connection closes after it.
    pub fn announces_close(&self) -> bool {
        self.0.is_on(Setting::MG_SET_HTTP_CLOSE_HEADER)
    }

    /// When the time for what the connection does is up, and the status of the reply then (0: none).
    pub fn deadline(&self, phase: Phase) -> Option<(u64, u16)> {
        let after =
            |since: u64, setting, code| self.0.time(setting).map(|limit| (since.saturating_add(limit), code));
        match phase {
            Phase::Busy => None,
            Phase::Sending { since } => after(since, Setting::MG_SET_HTTP_SEND_TIMEOUT, 0),
            Phase::Idle { since } => after(since, Setting::MG_SET_HTTP_IDLE_TIMEOUT, 0),
            Phase::Head { since } => after(since, Setting::MG_SET_HTTP_HEAD_TIMEOUT, 408),
            Phase::Body { since, received } => self
                .0
                .time(Setting::MG_SET_HTTP_BODY_RATE)
                .map(|rate| (progress::due(since, received, rate), 408)),
        }
    }

    fn closes_http10(&self) -> bool {
        self.0.is_on(Setting::MG_SET_HTTP10_CLOSE)
    }

    /// True for the last request that a connection may have.
    fn is_last(&self, count: u32) -> bool {
        self.0.get(Setting::MG_SET_HTTP_MAX_REQUESTS) > 0
            && i64::from(count) >= self.0.get(Setting::MG_SET_HTTP_MAX_REQUESTS)
    }
}

/// True when a setting of the connection is on.
#[inline]
pub fn is_on(c: Conn, setting: Setting) -> bool {
    c.state().map_or_else(|| Settings::default().is_on(setting), |state| state.setting(setting) != 0)
}

/// True when anything is limited in time on a connection of the manager.
#[inline]
pub fn has_timeouts(c: Conn) -> bool {
    c.state().is_some_and(|state| {
        let settings = state.settings.borrow();
        !settings.are_defaults() && TIMEOUTS.into_iter().any(|setting| settings.is_on(setting))
    })
}

/// The settings that limit an HTTP connection in time.
const TIMEOUTS: [Setting; 4] = [
    Setting::MG_SET_HTTP_HEAD_TIMEOUT,
    Setting::MG_SET_HTTP_BODY_RATE,
    Setting::MG_SET_HTTP_IDLE_TIMEOUT,
    Setting::MG_SET_HTTP_SEND_TIMEOUT,
];

const INVITATION: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// True when `bytes` are nothing but an interim reply.
pub fn is_invitation(bytes: &[u8]) -> bool {
    bytes == INVITATION
}

/// Takes an interim reply back that has not left when the body is complete: the client did not
/// wait for it, and programs look for their own reply at the front of `send`.
pub fn withdraw_invitation(c: Conn) {
    // SAFETY: the slice is no longer used when the buffer changes.
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

/// A whole reply for an error, by the settings of `c`; the connection closes after it.
pub fn error_reply(c: Conn, code: u16) -> Vec<u8> {
    let line = status::Line::new(code.into());
    let date = date::line_for(c);
    let date = date.as_ref().map_or(&b""[..], |date| date);
    [line.bytes(), b"Connection: close\r\n", date, b"Content-Length: 0\r\n\r\n"].concat()
}
