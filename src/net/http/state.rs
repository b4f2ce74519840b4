//! What the engine remembers about a connection between events.

use super::body::{End, Partial, Receiver, Refusal};
use super::body_rate::BodyRate;
use super::config::Config;
use super::lingering::Linger;
use super::pending_requests::PendingRequests;
use crate::net::event_loop::handle::Conn;
use core::cell::{Cell, RefCell};
use core::ffi::CStr;

/// What the engine remembers about a connection between events.
#[derive(Default)]
pub struct HttpState {
    /// Bytes at the front of `recv` that were searched for the end of a head without result.
    pub searched: Cell<usize>,
    /// The message whose head is complete and whose body is not.
    pub partial: RefCell<Option<Partial>>,
    /// `recv.len` when the engine last looked; a smaller one means that the program consumed.
    pub seen: Cell<usize>,
    /// The connection closes after the response.
    pub close_wish: Cell<bool>,
    /// Requests so far.
    pub requests: Cell<u32>,
    /// When the first byte of the head came that is incomplete, or the head of the body that is.
    pub since: Cell<u64>,
    /// The `Connection` line that the reply to the newest request has to have.
    pub connection_line: Cell<&'static CStr>,
    /// The body that the program, or an upload, takes out of `recv` as it comes.
    pub body_rate: BodyRate,
    /// When output began to wait, or last moved; 0: nothing waits, or it has not been checked since.
    pub stalled: Cell<u64>,
    /// `send.len` when it was last checked.
    pub queued: Cell<usize>,
    /// Requests wait until replies have left.
    pub backlogged: Cell<bool>,
    /// The engine runs: a handler that closes the connection for good leads back to it.
    pub busy: Cell<bool>,
    /// There are no more messages: the program closed the connection at MG_EV_HTTP_HDRS, or the
    /// engine drains it. Ends when the program takes the flag back.
    pub stopped: Cell<bool>,
    /// How the connection closes.
    pub linger: Cell<Linger>,
    /// What a client has asked for.
    pub pending: PendingRequests,
    /// The peer has ended its stream; true: not as TLS does, so bytes may be missing.
    pub peer_ended: Cell<Option<bool>>,
}

impl HttpState {
    /// What the engine remembers about `c`, if anything.
    #[inline]
    pub fn of(c: Conn<'_>) -> Option<&HttpState> {
        c.state()?.extensions.get()
    }

    /// As [`HttpState::of`], made now if need be. `None` for a connection of the program's own, and when
    /// memory is exhausted.
    #[inline]
    pub fn attach(c: Conn<'_>) -> Option<&HttpState> {
        c.state()?.extension()
    }

    /// True when the connection has had a request, whoever handles it now.
    pub fn has_request(&self) -> bool {
        self.requests.get() > 0
    }

    /// Forgets a half-received message.
    pub fn forget(&self) {
        self.partial.replace(None);
        self.searched.set(0);
    }

    /// True while the body of a message is collected in `recv`.
    #[inline]
    pub fn is_collecting(&self) -> bool {
        self.partial.borrow().is_some()
    }

    /// Whether the body that is collected is complete; see [`Partial::end`].
    ///
    /// # Errors
    /// The body cannot be, or is too long.
    pub fn look_for_end(&self, bytes: &[u8], to: Receiver, config: &Config) -> Result<Option<End>, Refusal> {
        self.partial.borrow_mut().as_mut().map_or(Ok(None), |partial| partial.end(bytes, to, config))
    }
}

/// The size that a full `recv` shall grow to; `None` unless a body is being collected.
///
/// Doubling copies every byte about once. Growing by one `step` each time would copy a long body
/// again and again; and taking the announced length at once would give memory for mere promises.
pub fn size_for_body(c: Conn, step: usize) -> Option<usize> {
    let announced = HttpState::of(c)?.partial.borrow().as_ref().map(Partial::announced)?;
    let size = c.recv().size();
    Some(size.saturating_mul(2).min(announced).max(size.saturating_add(step)))
}
