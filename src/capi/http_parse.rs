//! HTTP: heads of messages

use super::arg;
use super::kept::keep_view;
use super::slice::{bytes, raw};
use crate::abi::{HttpHeader, HttpMessage, Str, layout};
use crate::codec::http::{Head, head_len, status};
use crate::fence;
use crate::net::http;
use crate::net::http::headers::Headers;
use core::ffi::{c_char, c_int, c_uchar};
use core::ptr;

/// Parses the head of an HTTP request or response (RFC 9112).
///
/// Fills `hm`, which is zeroed first, with views of `s`; nothing is copied or decoded, so `hm` is
/// of use as long as the bytes at `s` are. The body need not be there: `hm->body.len` is the length
/// that the head announces, `(size_t) -1` for a response that announces none. Headers for which
/// `hm->headers` has no room are examined and left out.
///
/// # Returns
/// Length of the head: start line, headers and blank line, without the body. 0 when it is not
/// complete. -1 when it is malformed, or when it cannot be told where its body ends: a repeated
/// `Content-Length`, one that is not a number, one beside `Transfer-Encoding`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_http_parse(s: *const c_char, len: usize, hm: *mut HttpMessage) -> c_int {
    fence!("mg_http_parse");
    if hm.is_null() {
        return -1;
    }
    let mut head = Head::default();
    // SAFETY: s is NULL or valid for len bytes; hm is valid for writes, and all zeros is a value.
    let complete = unsafe {
        hm.cast::<u8>().write_bytes(0, HttpMessage::size());
        http::message::parse(raw(s.cast(), len), hm, &mut head)
    };
    match complete {
        Ok(true) => head.len.try_into().unwrap_or(-1),
        Ok(false) => {
            // SAFETY: as above. Headers may have been stored before the head came to its early end.
            unsafe { hm.cast::<u8>().write_bytes(0, HttpMessage::size()) };
            0
        }
        Err(_) => -1,
    }
}

/// Searches the end of an HTTP head.
///
/// # Returns
/// Length of the head with its blank line; 0 when the blank line is not there yet; -1 when a
/// control byte precedes it, so this is not HTTP.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_http_get_request_len(buf: *const c_uchar, buf_len: usize) -> c_int {
    fence!("mg_http_get_request_len", buf[buf_len]: arg::data);
    match head_len(buf, 0) {
        Ok(Some(n)) => n.try_into().unwrap_or(-1),
        Ok(None) => 0,
        Err(_) => -1,
    }
}

/// Reads the status of a response.
///
/// # Returns
/// The number at the start of `hm->uri`; 0 when there is none, as in a request.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_http_status(hm: *const HttpMessage) -> c_int {
    fence!("mg_http_status");
    if hm.is_null() {
        return 0;
    }
    // SAFETY: hm is a message whose views are valid.
    status::number(unsafe { bytes((*hm).uri) })
}

/// Where the value of the first header called `name` is, ignoring case.
///
/// # Safety
/// `hm` is a message whose views are valid.
unsafe fn value_of(hm: *mut HttpMessage, name: &[u8]) -> Option<*mut Str> {
    for i in 0..layout::headers() {
        // SAFETY: hm is a message; the slot lies within it.
        let header = unsafe { HttpMessage::headers_at(hm).add(i) };
        // SAFETY: as above, and the name of a slot in use is a valid view.
        let found = unsafe { bytes((*header).name) };
        if found.is_empty() {
            return None;
        }
        if found.eq_ignore_ascii_case(name) {
            // SAFETY: as above.
            return Some(unsafe { &raw mut (*header).value });
        }
    }
    // SAFETY: the caller vouches for the message.
    let mut beyond = unsafe { Headers::new(hm) }.beyond();
    let (_, value) = beyond.find(|(found, _)| found.eq_ignore_ascii_case(name))?;
    Some(keep_view(Str::from(value)))
}

/// Finds a header by its name, ignoring case.
///
/// # Returns
/// The value of the first such header, in `hm->headers`, where it may be changed; NULL when there
/// is none. Of a header for which `hm->headers` had no room, a view that the library keeps until the same
/// thread has asked for 64 others of this kind.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_http_get_header(hm: *mut HttpMessage, name: *const c_char) -> *mut Str {
    fence!("mg_http_get_header", name: arg::text);
    if hm.is_null() {
        return ptr::null_mut();
    }
    // SAFETY: the caller passes a message whose views are readable.
    unsafe { value_of(hm, name) }.unwrap_or(ptr::null_mut())
}

/// Steps through all headers of a message, those included for which `hm->headers` had no room. An
/// addition of this library.
///
/// Start with a position of 0, and pass on what the function returns until that is 0. `header` is filled
/// with views of the message.
///
/// # Returns
/// Position for the next call; 0 when there is no further header, then `header` is empty.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_http_next_header(
    hm: *const HttpMessage,
    position: usize,
    header: *mut HttpHeader,
) -> usize {
    fence!("mg_http_next_header", hm: arg::headers, header: arg::out);
    let Some((name, value, next)) = hm.and_then(|headers| headers.at(position)) else {
        header.set(HttpHeader { name: Str::NULL, value: Str::NULL });
        return 0;
    };
    header.set(HttpHeader { name: Str::from(name), value: Str::from(value) });
    next
}
