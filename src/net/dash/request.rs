//! A request to a dashboard.

use super::set::Board;
use crate::abi::{Connection, HttpMessage};
use crate::codec::dash::origin;
use crate::net::event_loop::handle::Conn;
use crate::net::event_loop::raw_slice::RawSlice;
use crate::net::fs::Fs;
use crate::net::http::serve::{Request, reply};
use crate::net::http::upload::stream::OnDone;

/// Header lines of answers in JSON.
pub const JSON: &[u8] = b"Content-Type: application/json\r\nCache-Control: no-cache\r\n";

/// What the library's C functions do for dashboards.
#[derive(Clone, Copy)]
pub struct Host {
    /// The machine's files.
    pub posix: Fs,
    /// The program's packed files.
    pub packed: Fs,
    /// Makes a connection a WebSocket.
    pub upgrade: unsafe fn(c: *mut Connection, hm: *mut HttpMessage),
    /// Called at the end of an upload.
    pub uploaded: OnDone,
}

/// A request to a dashboard.
pub struct Asked<'a> {
    pub c: Conn<'a>,
    pub board: Board,
    pub request: &'a Request<'a>,
    /// A copy of the message.
    pub copy: *const HttpMessage,
    pub message: *mut HttpMessage,
    /// The head that the message's views point into.
    pub head: RawSlice<'a>,
    pub host: Host,
}

impl Asked<'_> {
    /// The message, unless a function of the program has taken away what it points to.
    pub(super) fn hm(&self) -> Option<*mut HttpMessage> {
        self.head.get().map(|_| self.message)
    }

    /// Answers in the way of the API.
    pub fn reply(&self, code: i32, body: &[u8]) {
        reply::whole(self.c, code, JSON, body, !self.request.is_head());
    }

    /// Answers that the user may not do that, or is none.
    pub fn refuse(&self) {
        self.reply(403, b"Not Authorised\n");
    }

    /// Whether a page of another site made the request.
    pub fn is_foreign(&self) -> bool {
        let header = |name| self.request.headers.first(name);
        origin::is_foreign(header(b"Host"), header(b"Origin"), header(b"Sec-Fetch-Site"))
    }
}
