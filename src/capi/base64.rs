//! Base64 (RFC 4648): the standard alphabet with padding, and that for URLs without.

use super::arg;
use super::slice::raw_mut;
use crate::codec::{base64, base64url};
use crate::fence;
use core::ffi::{c_char, c_uchar};

/// Appends one byte to a base64 text that grows byte by byte.
///
/// `len` is what the last call returned, 0 at the start. The buffer, which holds state after
/// `len`, needs `4 * ceil(n / 3) + 1` bytes for `n` bytes of input; nothing is checked.
///
/// # Returns
/// The new length of the text. Close it with `mg_base64_final`.
///
/// # Threads
/// Any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_base64_update(input_byte: c_uchar, buf: *mut c_char, len: usize) -> usize {
    fence!("mg_base64_update");
    if buf.is_null() {
        return len;
    }
    // SAFETY: the caller passes a buffer with room for the character and the state after it.
    base64::update(input_byte, len, unsafe { raw_mut(buf.add(len).cast(), 2) })
}

/// Closes a text of `mg_base64_update`: last character, padding, NUL.
///
/// # Returns
/// The length of the text without the NUL.
///
/// # Threads
/// Any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_base64_final(buf: *mut c_char, len: usize) -> usize {
    fence!("mg_base64_final");
    if buf.is_null() {
        return 0;
    }
    // SAFETY: the caller passes a buffer with room for whole groups of four and a NUL.
    base64::finish(len, unsafe { raw_mut(buf.add(len).cast(), base64::missing(len) + 1) })
}

/// Encodes `n` bytes into `dl` bytes at `buf`, NUL included: `dl` has to be
/// `4 * ceil(n / 3) + 1` at least.
///
/// # Returns
/// The length of the text; 0, with an empty string in `buf`, when there is too little room.
///
/// # Threads
/// Any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_base64_encode(p: *const c_uchar, n: usize, buf: *mut c_char, dl: usize) -> usize {
    fence!("mg_base64_encode", p[n]: arg::data, buf[dl]: arg::room);
    let len = base64::encoded_len(p.len()).filter(|&len| len < buf.len());
    if let Some(text) = len.and_then(|len| buf.get_mut(..len)) {
        base64::encode(p, text);
    }
    let len = len.unwrap_or(0);
    if let Some(end) = buf.get_mut(len) {
        *end = 0;
    }
    len
}

/// Decodes `n` characters into `dl` bytes at `dst`, NUL included: `dl` has to be
/// `3 * (n / 4) + 1` at least, whatever the padding.
///
/// Up to three characters at the end that make no group of four are ignored. Padding ends a group,
/// not the text.
///
/// # Returns
/// The number of bytes; 0, with an empty string in `dst`, when there is too little room or a
/// character is not base64.
///
/// # Threads
/// Any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_base64_decode(
    src: *const c_char,
    n: usize,
    dst: *mut c_char,
    dl: usize,
) -> usize {
    fence!("mg_base64_decode", src[n]: arg::data, dst[dl]: arg::room);
    let len = match dst.split_last_mut() {
        Some((_, room)) if base64::decoded_room(src.len()) <= room.len() => base64::decode(src, room),
        _ => None,
    };
    let len = len.unwrap_or(0);
    if let Some(end) = dst.get_mut(len) {
        *end = 0;
    }
    len
}

/// As `mg_base64_encode` with the alphabet for URLs (RFC 4648, section 5), without padding: `dl` has to
/// be the length of the text + 1, which is `4 * ceil(n / 3) + 1` at most. An addition of this library.
///
/// # Returns
/// The length of the text; 0, with an empty string in `buf`, when there is too little room.
///
/// # Threads
/// Any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_base64url_encode(
    p: *const c_uchar,
    n: usize,
    buf: *mut c_char,
    dl: usize,
) -> usize {
    fence!("mg_base64url_encode", p[n]: arg::data, buf[dl]: arg::room);
    let mut text = Vec::new();
    if base64url::encoded_len(p.len()).is_some_and(|len| len < buf.len()) {
        base64url::encode(p, &mut text);
    }
    store(&text, buf)
}

/// Decodes `n` characters of the alphabet for URLs into `dl` bytes at `dst`: `dl` has to be the number
/// of bytes + 1. Padding may be there or not; bits left over at the end do not count. `dst` may be
/// `src`. An addition of this library.
///
/// # Returns
/// The number of bytes, after which there is a NUL; 0, with an empty string in `dst`, when there is too
/// little room or this is not base64url.
///
/// # Threads
/// Any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_base64url_decode(
    src: *const c_char,
    n: usize,
    dst: *mut c_char,
    dl: usize,
) -> usize {
    fence!("mg_base64url_decode", src[n]: arg::data);
    let bytes = base64url::decode(src).unwrap_or_default();
    // SAFETY: the caller passes dl writable bytes, which may be those of src; that is not used any more.
    store(&bytes, unsafe { raw_mut(dst.cast(), dl) })
}

/// Writes `bytes` and a NUL to `room`: nothing but the NUL when that is too small.
fn store(bytes: &[u8], room: &mut [u8]) -> usize {
    let bytes = if bytes.len() < room.len() { bytes } else { &[] };
    if let Some(place) = room.get_mut(..=bytes.len()) {
        place[..bytes.len()].copy_from_slice(bytes);
        place[bytes.len()] = 0;
    }
    bytes.len()
}
