//! Memory that crosses the C boundary: `mg_calloc` and `mg_free`, by their exported names.

use core::ffi::c_void;

unsafe extern "C" {
    fn mg_calloc(count: usize, size: usize) -> *mut c_void;
    fn mg_free(ptr: *mut c_void);
}

/// `size` zeroed bytes, or NULL.
pub fn alloc(size: usize) -> *mut u8 {
    // SAFETY: mg_calloc takes any count and size.
    unsafe { mg_calloc(1, size) }.cast()
}

/// Releases what [`alloc`] returned; NULL is fine.
///
/// # Safety
/// `ptr` is NULL or came from [`alloc`] and is not used afterwards.
pub unsafe fn release(ptr: *mut u8) {
    // SAFETY: the caller vouches for ptr.
    unsafe { mg_free(ptr.cast()) }
}
