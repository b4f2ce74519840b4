//! Flags of [`ConnState`](super::state::ConnState), which programs do not see.

/// Bits of `ConnState::ready`: what the poller announced and has not been used up yet.
pub mod ready {
    /// Bytes, end of stream, or a connection to accept.
    pub const READ: u8 = 1;
    /// Room to send.
    pub const WRITE: u8 = 2;
    /// The peer will send no more: read on until the end of the stream.
    pub const HANGUP: u8 = 4;
    /// The socket has an error.
    pub const ERROR: u8 = 8;
}

/// Bits of `ConnState::is`.
pub mod is {
    /// Gives each name a bit of its own, in order.
    macro_rules! bits {
        (@from $bit:expr;) => {};
        (@from $bit:expr; $(#[$doc:meta])* $name:ident, $($rest:tt)*) => {
            $(#[$doc])*
            pub const $name: u32 = 1 << $bit;
            bits! { @from $bit + 1; $($rest)* }
        };
    }
    bits! { @from 0;
        /// In the list for the next turn.
        QUEUED,
        /// In the list of connections with fresh output.
        OUTPUT,
        /// Closed: unlinked, CLOSE was fired; the memory waits to be released.
        CLOSED,
        /// Registered with the poller.
        REGISTERED,
        /// The descriptor is not a socket: `read` and `write`.
        PLAIN_FD,
        /// An accept or a receive failed: try again at each poll, which waits as usual; log once.
        RETRY,
        /// The descriptor is the library's to close.
        OWNS_FD,
        /// The handlers of CLOSE have returned: there are no more events.
        ENDED,
        /// The program's own socket, which may block: accepting from it must not.
        WRAPPED,
        /// A read may leave room although more waits: lines of a terminal, messages of a socket.
        PIECEWISE,
        /// The high-water mark was reported and `send` has not been below it since.
        ABOVE_MARK,
        /// Drained, and kept by its engine nevertheless.
        LINGERING,
        /// A source is attached.
        SOURCE,
        /// The current message announces too much, see `oversize`.
        OVERSIZE,
        /// A listener that somebody else has bound: its socket file stays.
        INHERITED,
        /// Not read for lack of memory, see `memory`.
        STARVED,
        /// A listener whose connections have `TCP_NODELAY` from it.
        NODELAY,
        /// A listener whose connections have `SO_KEEPALIVE` from it.
        KEEPALIVE,
        /// The program's handler gets no `MG_EV_POLL`: the setting, where a walk finds it.
        NO_POLL,
        /// In the list of connections whose handlers are at work at `MG_EV_POLL`.
        ACTIVE,
        /// A header of the PROXY protocol is to come first, see `proxied`.
        PROXIED,
        /// The connection ends, and its program has not asked for that.
        LOST,
    }
}
