//! CRC-32.

use super::arg;
use crate::codec::crc32;
use crate::fence;
use core::ffi::c_char;

/// Continues a CRC-32 (that of zlib, Ethernet and PNG) over `len` bytes at `buf`.
///
/// Start with `crc` 0, and pass the last result on to continue. `buf` may be NULL if `len` is 0.
///
/// # Returns
/// The new CRC; `crc` itself if `len` is 0.
///
/// # Threads
/// Any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_crc32(crc: u32, buf: *const c_char, len: usize) -> u32 {
    fence!("mg_crc32", buf[len]: arg::data);
    crc32::update(crc, buf)
}
