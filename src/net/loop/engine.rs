//! What the loop asks of a protocol: an [`Engine`]; and of a body that goes out when the send buffer
//! is empty: a [`Source`].

use super::handle::Conn;
use crate::abi::{Connection, MG_EV_CLOSE, MG_EV_POLL, MG_EV_READ, MG_EV_WRITE};
use core::ffi::{c_int, c_long, c_void};

/// A protocol handler, without its `Option`.
pub type Handler = unsafe extern "C" fn(*mut Connection, c_int, *mut c_void);

/// An event that an engine deals with.
#[derive(Clone, Copy)]
pub enum Event {
    /// So many bytes were appended to `c->recv`; `None`: that is not known.
    Read(Option<usize>),
    /// So many bytes were sent.
    Write(usize),
    /// A turn of the loop.
    Poll,
    /// The connection is closed.
    Close,
}

impl Event {
    /// The event with the number `ev`; `None` for those that concern no engine.
    ///
    /// # Safety
    /// `data` belongs to the event, or is NULL.
    #[inline]
    pub unsafe fn of(ev: c_int, data: *mut c_void) -> Option<Event> {
        // SAFETY: the data of READ and WRITE is a long; the caller vouches for it.
        let count = || unsafe { data.cast::<c_long>().as_ref() }.and_then(|n| usize::try_from(*n).ok());
        match ev {
            MG_EV_READ => Some(Event::Read(count())),
            MG_EV_WRITE => Some(Event::Write(count().unwrap_or(0))),
            MG_EV_POLL => Some(Event::Poll),
            MG_EV_CLOSE => Some(Event::Close),
            _ => None,
        }
    }
}

/// A protocol. Only its handler, and what that does, are needed; everything else is for those that limit their peers in time,
/// watch what goes in and out, or end a connection in their own way.
///
/// An engine is set on its connection and stays there when a program puts a function of its own into
/// `c->pfn`: timeouts hold whichever function handles the protocol.
pub trait Engine: Sync {
    /// The protocol handler, for `c->pfn`.
    fn handler(&self) -> Handler;

    /// What the handler does. The loop calls it in place of the handler, which has to find the
    /// connection's state first.
    fn on_event(&self, c: Conn, event: Event);

    /// A connection has been accepted. What the engine keeps for as long as it is open is best allocated
    /// here: beside the connection, not between buffers that are given back when it is idle.
    fn accepted(&self, _c: Conn) {}

    /// What TLS connections agree on (RFC 7301), the best first and with commas between.
    fn alpn(&self, _is_client: bool) -> &'static [u8] {
        b""
    }

    /// True when the handler has something to do at `MG_EV_POLL` although the program wants no such
    /// event.
    fn wants_poll(&self, _c: Conn) -> bool {
        false
    }

    /// True while nothing more is to be read. Asked for often, and during walks over all
    /// connections: it runs no code of the program.
    fn holds_back(&self, _c: Conn) -> bool {
        false
    }

    /// When the time for what the connection does is up, in `mg_millis` time. The loop asks again
    /// after each turn of the connection, and when somebody calls `deadline::rearm`.
    fn deadline(&self, _c: Conn, _now: u64) -> Option<u64> {
        None
    }

    /// A time that [`Engine::deadline`] gave has come. It may be an earlier answer.
    fn on_deadline(&self, _c: Conn, _now: u64) {}

    /// So many bytes were appended to `c->recv`; `MG_EV_READ` follows.
    fn received(&self, _c: Conn, _n: usize) {}

    /// `bytes`, all of `c->send`, are offered to the socket.
    fn sending(&self, _c: Conn, _bytes: &[u8]) {}

    /// The socket has taken `n` bytes: of `offered`, or of a file if that is empty.
    fn sent(&self, _c: Conn, _offered: &[u8], _n: usize) {}

    /// The peer sends no more.
    fn ended(&self, _c: Conn) {}

    /// The last piece of a [`Source`] was handed to the socket.
    fn source_done(&self, _c: Conn) {}

    /// The size for a full receive buffer, while a message is collected in it; `None`: one `step` more.
    fn recv_size(&self, _c: Conn, _step: usize) -> Option<usize> {
        None
    }

    /// The receive buffer is full, and more bytes wait. True when the engine has dealt with that; else
    /// the connection fails with `MG_MAX_RECV_SIZE`.
    fn on_overflow(&self, _c: Conn) -> bool {
        false
    }

    /// A draining connection has sent everything. True while it stays nevertheless.
    fn lingers(&self, _c: Conn) -> bool {
        false
    }

    /// A connection ends whose program has not asked for that. True when the engine opens it again: then
    /// it has called `connect::detach`.
    fn on_lost(&self, _c: Conn) -> bool {
        false
    }

    /// What to send to a client that is one too many, before its connection is closed.
    fn rejection(&self, _listener: Conn, _status: u16) -> Option<Vec<u8>> {
        None
    }
}

/// A body, of which the loop asks for the next piece whenever the send buffer is empty: so memory stays
/// bounded, however long the body and however slow its reader.
pub trait Source {
    /// Puts the next piece into the send buffer, or says what the kernel is to copy.
    fn next(&mut self, c: Conn) -> Piece;

    /// The kernel has copied `n` bytes; none when the file is shorter than it was.
    fn copied(&mut self, n: usize) -> Piece;

    /// There are no more pieces; `whole`: that was all of them.
    fn end(self: Box<Self>, c: Conn, whole: bool);
}

/// What became of a [`Source`] with its newest piece.
pub enum Piece {
    /// There is more.
    More,
    /// It was the last.
    Last,
    /// The kernel is to copy up to `len` bytes at `at` of descriptor `fd`.
    Copy {
        /// The file.
        fd: c_int,
        /// Position in it.
        at: u64,
        /// Bytes left.
        len: u64,
    },
    /// The rest cannot be had.
    Broken,
    /// It is no longer wanted.
    Unwanted,
}
