//! HTTP: uploads.

use super::{arg, slice};
use crate::abi::{Connection, FileSystem, HttpMessage, Str};
use crate::fence;
use crate::net::event_loop::raw_slice::RawSlice;
use crate::net::http::upload::{piece, stream};
use core::ffi::{c_char, c_long};

/// Writes the body of a request to the file that its query names: `?file=NAME&offset=NUMBER`. Sends
/// a reply in any case: the new size of the file, or 400 and what is wrong.
///
/// Long files come in pieces, one request each. Offset 0 begins a new file; another one has to be
/// the size of the file so far. The name may have directories, which have to exist below `dir`, and
/// cannot leave it.
///
/// # Returns
/// The new size of the file; 0 for an empty body. -1: no `file`. -2: the name would leave `dir`.
/// -3: negative offset. -4: larger than `max_size`. -5: the offset is not the size of the file. -6:
/// the file cannot be opened. -7: it cannot be written, and is incomplete.
///
/// # Threads
/// The polling thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_http_upload(
    c: *mut Connection,
    hm: *mut HttpMessage,
    fs: *mut FileSystem,
    dir: *const c_char,
    max_size: usize,
) -> c_long {
    fence!("mg_http_upload", c: arg::conn, fs: arg::file_system_or_posix, dir: arg::text);
    let Some(guard) = c.filter(|_| !hm.is_null()) else { return -1 };
    let c = guard.conn();
    // SAFETY: the caller passes a message of this connection, whose views are readable; the query is
    // copied, since handlers may take it away.
    let (query, body) = unsafe {
        let body = HttpMessage::body_at(hm).read();
        (slice::bytes((*hm).query).to_vec(), RawSlice::new(c, body.buf.cast(), body.len))
    };
    piece::receive(c, &query, &body, fs, dir, max_size)
}

/// Writes the body of a request to the file `dir/name` as it arrives, whatever its length. To be
/// called at `MG_EV_HTTP_HDRS`.
///
/// From then on the connection belongs to the upload: `c->fn` gets no more events. `fn` is called
/// once, with NULL when the file is complete and closed, else with what went wrong; it sends the
/// reply and sets `c->is_draining`. NULL for `fn`: the reply is 200 or 500. When the upload cannot
/// be started (`bad name`, `open failed`), `fn` is called at once, and the connection stays as it is.
///
/// A file of that name is replaced. Of an upload that is cut off, the whole blocks of 512 bytes stay.
/// Chunked bodies are decoded. `name` cannot leave `dir`; `fs` NULL is `mg_fs_posix`, and has to
/// live until `fn` is called.
///
/// # Threads
/// The polling thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_http_start_upload(
    c: *mut Connection,
    hm: *mut HttpMessage,
    name: Str,
    dir: Str,
    fs: *mut FileSystem,
    r#fn: Option<unsafe extern "C" fn(c: *mut Connection, err: *const c_char)>,
) {
    fence!("mg_http_start_upload", c: arg::conn, name: arg::bytes, dir: arg::bytes, fs: arg::file_system_or_posix);
    if let Some(guard) = c.filter(|_| !hm.is_null()) {
        // SAFETY: the caller passes a message of this connection, whose views are readable.
        unsafe { stream::start(guard.conn(), hm, name, dir, fs, r#fn) };
    }
}

/// Updates the firmware with the body of a request, as it arrives. To be called at
/// `MG_EV_HTTP_HDRS`, with `mg_ota_begin`, `mg_ota_write` (in multiples of 512 bytes, but for the last
/// piece) and `mg_ota_end`, which on a host do nothing.
///
/// From then on the connection belongs to the update: `c->fn` gets no more events. `fn` is called
/// once, with NULL when all is written, else with what went wrong: `ota begin failed` or `OTA needs a
/// Content-Length` (at once; the connection stays as it is), `write error`, `OTA finalize failed`,
/// `connection closed`, or the text of an `MG_EV_ERROR`. NULL for `fn`: the reply is 200 or 500, and
/// the connection drains.
///
/// # Threads
/// The polling thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_http_start_ota(
    c: *mut Connection,
    hm: *mut HttpMessage,
    r#fn: Option<unsafe extern "C" fn(c: *mut Connection, err: *const c_char)>,
) {
    fence!("mg_http_start_ota", c: arg::conn);
    if let Some(guard) = c.filter(|_| !hm.is_null()) {
        // SAFETY: the caller passes a message of this connection, whose views are readable.
        unsafe { stream::start_ota(guard.conn(), hm, r#fn) };
    }
}
