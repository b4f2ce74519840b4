//! Bytes that handlers may take away.

use super::handle::Conn;
use super::view;

/// Bytes that the program passed, which may lie in the connection's receive buffer. They become a
/// slice only between calls of the program's code, which may free or replace that buffer.
pub struct RawSlice<'g> {
    c: Conn<'g>,
    at: *const u8,
    len: usize,
    /// The receive buffer, if the bytes lie in it.
    buffer: Option<(*const u8, usize)>,
}

impl<'g> RawSlice<'g> {
    /// `len` bytes at `at`.
    ///
    /// # Safety
    /// They are readable until the slice is dropped, or those in the receive buffer of `c` until the
    /// program replaces that.
    pub unsafe fn new(c: Conn<'g>, at: *const u8, len: usize) -> RawSlice<'g> {
        let extent = c.recv().extent();
        let is_inside = (at as usize).wrapping_sub(extent.0 as usize) < extent.1;
        RawSlice { c, at, len, buffer: is_inside.then_some(extent) }
    }

    /// How many bytes there were.
    pub fn len(&self) -> usize {
        self.len
    }

    /// The bytes, to be used before code of the program runs; `None` when it has taken them away.
    pub fn get(&self) -> Option<&[u8]> {
        if self.buffer.is_some_and(|buffer| buffer != self.c.recv().extent()) {
            return None;
        }
        // SAFETY: whoever made the slice vouched for the bytes, and the buffer is the same.
        Some(unsafe { view::raw(self.at, self.len) })
    }
}
