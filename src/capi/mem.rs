//! Memory.

use super::arg;
use crate::fence;
use core::ffi::c_void;
use zeroize::Zeroize;

unsafe extern "C" {
    /// Allocates `count` times `size` zeroed bytes: `calloc`, unless the program defines its own.
    ///
    /// All memory that the library hands to the program comes from here. A program that defines
    /// `mg_calloc` and `mg_free` itself replaces both for the library too.
    ///
    /// # Returns
    /// NULL when out of memory.
    ///
    /// # Threads
    /// Any, unless the program's own says otherwise.
    pub fn mg_calloc(count: usize, size: usize) -> *mut c_void;

    /// Releases what `mg_calloc` returned: `free`, unless the program defines its own.
    ///
    /// `ptr` may be NULL.
    ///
    /// # Threads
    /// Any, unless the program's own says otherwise.
    pub fn mg_free(ptr: *mut c_void);
}

/// `volatile unsigned char` in C.
type VolatileByte = u8;

/// Overwrites `len` bytes at `buf` with zeros, in a way that compilers do not remove.
///
/// For secrets that are not needed any more. `buf` may be NULL.
///
/// # Threads
/// Any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_bzero(buf: *mut VolatileByte, len: usize) {
    fence!("mg_bzero", buf[len]: arg::room);
    buf.zeroize();
}
