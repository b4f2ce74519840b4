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
    /// In the list for the next turn.
    pub const QUEUED: u32 = 1;
    /// In the list of connections with fresh output.
    pub const OUTPUT: u32 = 2;
    /// Closed: unlinked, CLOSE was fired; the memory waits to be released.
    pub const CLOSED: u32 = 4;
    /// Registered with the poller.
    pub const REGISTERED: u32 = 8;
    /// The descriptor is not a socket: `read` and `write`.
    pub const PLAIN_FD: u32 = 16;
    /// An accept or a receive failed: try again at each poll, which waits as usual; log once.
    pub const RETRY: u32 = 32;
    /// The descriptor is the library's to close.
    pub const OWNS_FD: u32 = 64;
    /// The handlers of CLOSE have returned: there are no more events.
    pub const GONE: u32 = 128;
    /// The program's own socket, which may block: accepting from it must not.
    pub const WRAPPED: u32 = 256;
    /// A read may leave room although more waits: lines of a terminal, messages of a socket.
    pub const PIECEWISE: u32 = 512;
    /// The high-water mark was reported and `send` has not been below it since.
    pub const ABOVE_MARK: u32 = 1024;
    /// Drained, and kept by its engine nevertheless.
    pub const LINGERING: u32 = 2048;
    /// A source is attached.
    pub const SOURCE: u32 = 4096;
    /// The current message announces too much, see `oversize`.
    pub const OVERSIZE: u32 = 8192;
    /// A listener that somebody else has bound: its socket file stays.
    pub const INHERITED: u32 = 16384;
    /// Not read for lack of memory, see `memory`.
    pub const STARVED: u32 = 32768;
    /// A listener whose connections have `TCP_NODELAY` from it.
    pub const NODELAY: u32 = 1 << 17;
    /// A listener whose connections have `SO_KEEPALIVE` from it.
    pub const KEEPALIVE: u32 = 1 << 18;
    /// The program's handler gets no `MG_EV_POLL`: the setting, where a walk finds it.
    pub const NO_POLL: u32 = 1 << 19;
    /// In the list of connections whose handlers are at work at `MG_EV_POLL`.
    pub const ACTIVE: u32 = 65536;
    /// A header of the PROXY protocol is to come first, see `proxied`.
    pub const PROXIED: u32 = 1 << 19;
    /// The connection ends, and its program has not asked for that.
    pub const LOST: u32 = 1 << 20;
}
