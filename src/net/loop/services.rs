//! What the loop is given with a manager: TLS, and name lookups.

use super::handle::{Conn, Mgr};
use super::state::Root;
use std::io;

/// The services of a manager.
pub struct Services {
    /// What encrypts connections with `is_tls`.
    pub transport: &'static dyn Transport,
    /// What finds the addresses of names.
    pub names: &'static dyn Names,
}

/// What is between the socket of a connection with `is_tls` and its `recv` and `send`.
pub trait Transport: Sync {
    /// A client with `is_tls` is about to connect to a host; for the second time, begins what it began then.
    fn connecting(&self, c: Conn, host: &[u8]);

    /// True when encrypted bytes wait for the socket.
    fn has_output(&self, c: Conn) -> bool;

    /// True when received bytes, or the end of them, wait for the connection.
    fn has_input(&self, c: Conn) -> bool;

    /// Continues the handshake. True when plain text can go both ways.
    fn drive(&self, c: Conn, now: u64) -> bool;

    /// Reads up to `room` bytes after the bytes in use of `c->recv`. 0 is the end of the stream.
    ///
    /// # Errors
    /// As for a read from a socket.
    fn receive(&self, c: Conn, room: usize) -> io::Result<usize>;

    /// Sends encrypted bytes that wait. True when none is left.
    fn flush(&self, c: Conn) -> bool;

    /// Encrypts and sends, as far as the socket takes it. Returns how many bytes were taken.
    ///
    /// # Errors
    /// As for a write to a socket.
    fn send(&self, c: Conn, bytes: &[u8]) -> io::Result<usize>;

    /// The program's handlers know of a connection that `listener` has accepted.
    fn accepted(&self, listener: Conn, c: Conn);

    /// The socket is about to be closed.
    fn closing(&self, c: Conn);

    /// The handlers of CLOSE have returned.
    fn closed(&self, c: Conn);
}

/// What finds the addresses of names.
pub trait Names: Sync {
    /// Finds the address of a host for a connection, whose port is set already.
    fn start(&self, c: Conn, host: &[u8]);

    /// All addresses of a name failed. True when it may have others, which are looked up; if there are
    /// none, the connection fails with `error`.
    fn ask_for_more(&self, c: Conn, host: &[u8], error: &[u8]) -> bool;

    /// Forgets the lookups of a connection.
    fn cancel(&self, c: Conn);

    /// The time in [`Root::names_due`] has come.
    fn expire(&self, m: Mgr, root: &Root, now: u64);
}
