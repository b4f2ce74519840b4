//! Where arguments of the program become slices, and nowhere else.

use crate::abi::Str;
pub use crate::net::event_loop::view::{bytes, raw};
use core::cell::Cell;
use core::ffi::{CStr, c_char};

/// `len` writable bytes at `p`; empty for NULL or a length of 0.
///
/// # Safety
/// As for [`core::slice::from_raw_parts_mut`] unless `p` is NULL or `len` is 0.
pub unsafe fn raw_mut<'a>(p: *mut u8, len: usize) -> &'a mut [u8] {
    if p.is_null() || len == 0 {
        return &mut [];
    }
    // SAFETY: p is not NULL; the caller vouches for p and len.
    unsafe { core::slice::from_raw_parts_mut(p, len) }
}

/// `len` bytes at `p` that another slice may share; empty for NULL or a length of 0. Nothing is
/// written unless the caller writes, so `p` may be read-only memory.
///
/// # Safety
/// As for [`core::slice::from_raw_parts`] unless `p` is NULL or `len` is 0; and only this thread
/// uses the bytes.
pub unsafe fn cells<'a>(p: *const u8, len: usize) -> &'a [Cell<u8>] {
    if p.is_null() || len == 0 {
        return &[];
    }
    // SAFETY: p is not NULL; the caller vouches for p and len.
    unsafe { core::slice::from_raw_parts(p.cast(), len) }
}

/// The bytes of a C string without its NUL; empty for NULL.
///
/// # Safety
/// As for [`CStr::from_ptr`] unless `p` is NULL.
pub unsafe fn cstr<'a>(p: *const c_char) -> &'a [u8] {
    if p.is_null() {
        return &[];
    }
    // SAFETY: p is not NULL; the caller vouches for the terminating NUL.
    unsafe { CStr::from_ptr(p) }.to_bytes()
}

/// A view of `b` for C.
pub fn view(b: &[u8]) -> Str {
    b.into()
}

/// The bytes of a string without its NUL, at most `limit` of them: no byte behind is read. Empty
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
