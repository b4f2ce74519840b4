//! Pointers in the program's structs and lists of arguments become slices.

pub use crate::net::event_loop::view::{bytes, cstr, raw, raw_mut};
use core::ffi::c_char;

/// The bytes of a string without its NUL, at most `limit` of them: no byte after them is read. Empty
/// for NULL.
///
/// # Safety
/// `limit` readable bytes at `p`, or fewer up to a NUL.
pub unsafe fn cstr_within<'a>(p: *const c_char, limit: usize) -> &'a [u8] {
    if p.is_null() {
        return &[];
    }
    // SAFETY: the caller vouches for the bytes up to the NUL or the limit.
    unsafe { raw(p.cast(), libc::strnlen(p, limit)) }
}
