//! Memory that crosses the C boundary, and random bytes: `mg_calloc`, `mg_free`, `mg_random` and the
//! like, by their exported names, so that a program's own definitions win.

use core::ffi::{c_char, c_void};
use core::ptr;

unsafe extern "C" {
    fn mg_calloc(count: usize, size: usize) -> *mut c_void;
    fn mg_free(ptr: *mut c_void);
    fn mg_random(buf: *mut c_void, len: usize) -> bool;
    fn mg_random_str(buf: *mut c_char, len: usize) -> *mut c_char;
}

/// `size` zeroed bytes, or NULL.
pub fn alloc(size: usize) -> *mut u8 {
    // SAFETY: mg_calloc takes any count and size.
    unsafe { mg_calloc(1, size) }.cast()
}

/// A copy of bytes, with a NUL after them; NULL without memory, and for no bytes.
pub fn copy(bytes: &[u8]) -> *mut u8 {
    let Some(size) = bytes.len().checked_add(1).filter(|&size| size > 1) else { return ptr::null_mut() };
    let copy = alloc(size);
    if !copy.is_null() {
        // SAFETY: fresh memory, zeroed, and one byte longer than what is copied.
        unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), copy, bytes.len()) };
    }
    copy
}

/// Releases what [`alloc`] returned; NULL is fine.
///
/// # Safety
/// `ptr` is NULL or came from [`alloc`] and is not used afterwards.
pub unsafe fn release(ptr: *mut u8) {
    // SAFETY: the caller vouches for ptr.
    unsafe { mg_free(ptr.cast()) }
}

/// Random bytes; `None` when the system has none.
pub fn random<const N: usize>() -> Option<[u8; N]> {
    let mut bytes = [0; N];
    // SAFETY: N writable bytes.
    unsafe { mg_random(bytes.as_mut_ptr().cast(), N) }.then_some(bytes)
}

/// Random letters and digits, with a NUL after them.
pub fn random_text<const N: usize>() -> [u8; N] {
    let mut text = [0; N];
    // SAFETY: N writable bytes.
    unsafe { mg_random_str(text.as_mut_ptr().cast(), N) };
    text
}
