//! HTTP: entity tags

use super::slice::raw_mut;
use crate::codec::http::conditional::Etag;
use crate::fence;
use crate::net::event_loop::sys::seconds;
use core::ffi::c_char;

/// Writes the entity tag of a file, `"MTIME.SIZE"` with the quotes, and a NUL to `buf`, which has
/// room for `len` bytes; what is longer is cut.
///
/// File serving sends this as `Etag`, and answers 304 to a request whose `If-None-Match` names it.
///
/// # Returns
/// `buf`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_http_etag(
    buf: *mut c_char,
    len: usize,
    size: usize,
    mtime: libc::time_t,
) -> *mut c_char {
    fence!("mg_http_etag");
    // SAFETY: buf is NULL or valid for len bytes.
    let room = unsafe { raw_mut(buf.cast(), len) };
    if let Some((last, text)) = room.split_last_mut() {
        let etag = Etag::new(seconds(mtime), size as u64);
        let n = etag.as_bytes().len().min(text.len());
        text[..n].copy_from_slice(&etag.as_bytes()[..n]);
        *text.get_mut(n).unwrap_or(last) = 0;
    }
    buf
}
