//! Bytes that C structs point to, as slices. For arguments of functions there is [`arg`](super::arg).

use crate::abi::Str;
use core::ffi::{CStr, c_char};

/// The bytes of a view; empty for a NULL `buf`.
///
/// # Safety
/// As for [`core::slice::from_raw_parts`] unless `buf` is NULL.
pub unsafe fn bytes<'a>(s: Str) -> &'a [u8] {
    // SAFETY: the caller vouches for buf and len.
    unsafe { raw(s.buf.cast(), s.len) }
}

/// `len` bytes at `p`; empty for NULL or a length of 0, and for one that was a negative number.
///
/// # Safety
/// As for [`core::slice::from_raw_parts`] unless the result is empty.
pub unsafe fn raw<'a>(p: *const u8, len: usize) -> &'a [u8] {
    if p.is_null() || len.cast_signed() <= 0 {
        return &[];
    }
    // SAFETY: p is not NULL, and len at most isize::MAX; the caller vouches for the bytes.
    unsafe { core::slice::from_raw_parts(p, len) }
}

/// `len` writable bytes at `p`; empty as for [`raw`].
///
/// # Safety
/// As for [`core::slice::from_raw_parts_mut`] unless the result is empty.
pub unsafe fn raw_mut<'a>(p: *mut u8, len: usize) -> &'a mut [u8] {
    if p.is_null() || len.cast_signed() <= 0 {
        return &mut [];
    }
    // SAFETY: p is not NULL, and len at most isize::MAX; the caller vouches for the bytes.
    unsafe { core::slice::from_raw_parts_mut(p, len) }
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
