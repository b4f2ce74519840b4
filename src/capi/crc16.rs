//! CRC-16, and comparing secrets.

use super::arg;
use crate::codec::crc16;
use crate::fence;
use core::ffi::{c_char, c_void};

/// Continues a CRC-16/X-25 (that of HDLC and PPP) over `len` bytes at `buf`. An addition of this
/// library.
///
/// Start with `crc` 0, and pass the last result on to continue. `buf` may be NULL if `len` is 0.
///
/// # Returns
/// The new CRC; `crc` itself if `len` is 0.
///
/// # Threads
/// Any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_crc16(crc: u16, buf: *const c_char, len: usize) -> u16 {
    fence!("mg_crc16", buf[len]: arg::data);
    crc16::update(crc, buf)
}

/// Compares `n` bytes, in a time that depends on `n` only: for secrets. `n` 0: equal. An addition of
/// this library.
///
/// # Returns
/// true when they are equal.
///
/// # Threads
/// Any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_memeq(a: *const c_void, b: *const c_void, n: usize) -> bool {
    fence!("mg_memeq", a[n]: arg::data, b[n]: arg::data);
    a.len() == n && b.len() == n && differing_bits(a, b) == 0
}

/// The bits in which bytes of the same number differ, all looked at.
pub fn differing_bits(a: &[u8], b: &[u8]) -> u8 {
    // Seen through the barrier, no step is one that could be left out.
    a.iter().zip(b).fold(0, |bits, (a, b)| core::hint::black_box(bits | (a ^ b)))
}
