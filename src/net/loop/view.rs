//! Bytes that C structs and arguments point to, as slices. `capi` has more of this kind for the
//! arguments of its functions.

use crate::abi::Str;

/// The bytes of a view; empty for a NULL `buf`.
///
/// # Safety
/// As for [`core::slice::from_raw_parts`] unless `buf` is NULL.
pub unsafe fn bytes<'a>(s: Str) -> &'a [u8] {
    // SAFETY: the caller vouches for buf and len.
    unsafe { raw(s.buf.cast(), s.len) }
}

/// `len` bytes at `p`; empty for NULL or a length of 0.
///
/// # Safety
/// As for [`core::slice::from_raw_parts`] unless `p` is NULL or `len` is 0.
pub unsafe fn raw<'a>(p: *const u8, len: usize) -> &'a [u8] {
    if p.is_null() || len == 0 {
        return &[];
    }
    // SAFETY: p is not NULL; the caller vouches for p and len.
    unsafe { core::slice::from_raw_parts(p, len) }
}
