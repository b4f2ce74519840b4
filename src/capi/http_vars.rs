//! HTTP: variables of forms, parameters of header values

use super::slice::{bytes, cstr, raw_mut, view};
use crate::abi::Str;
use crate::codec::http::{percent, vars};
use crate::fence;
use core::ffi::{c_char, c_int};

/// Finds a variable in a query string or form body such as `a=1&b=2`, ignoring case.
///
/// # Returns
/// A view of the value within `buf`, not decoded; `{NULL, 0}` when there is no such variable. The
/// first one counts; a name without `=` has an empty value.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_http_var(buf: Str, name: Str) -> Str {
    fence!("mg_http_var");
    // SAFETY: both are views that the caller vouches for.
    let (buf, name) = unsafe { (bytes(buf), bytes(name)) };
    vars::var(buf, name).map_or(Str::NULL, view)
}

/// Finds a variable in a query string or form body, and decodes it into `dst`.
///
/// `+` becomes a space, `%XX` a byte. `dst` has room for `dst_len` bytes, the NUL included.
///
/// # Returns
/// Length of the value; it may contain NUL bytes. -1: `buf` is empty, or `name` is NULL. -2: `dst`
/// is NULL or `dst_len` is 0. -3: bad `%` escape, or `dst` too small. -4: no such variable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_http_get_var(
    buf: *const Str,
    name: *const c_char,
    dst: *mut c_char,
    dst_len: usize,
) -> c_int {
    fence!("mg_http_get_var");
    // SAFETY: dst is NULL or valid for dst_len bytes.
    let dst = unsafe { raw_mut(dst.cast(), dst_len) };
    let Some(first) = dst.first_mut() else { return -2 };
    *first = 0;
    // SAFETY: buf is NULL or a valid view.
    let buf = if buf.is_null() { &[] } else { unsafe { bytes(*buf) } };
    if buf.is_empty() || name.is_null() {
        return -1;
    }
    // SAFETY: name is a C string.
    let Some(value) = vars::var(buf, unsafe { cstr(name) }) else { return -4 };
    percent::decode(value, dst, true).and_then(|n| n.try_into().ok()).unwrap_or(-3)
}

/// Finds a parameter in a header value such as `form-data; name="a b"; filename=c`.
///
/// The name is compared with its case. It has to be a whole name outside of quotes, directly
/// followed by `=`.
///
/// # Returns
/// A view of the value within `s`, without its quotes; `{NULL, 0}` when there is no such parameter.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_http_get_header_var(s: Str, v: Str) -> Str {
    fence!("mg_http_get_header_var");
    // SAFETY: both are views that the caller vouches for.
    let (s, v) = unsafe { (bytes(s), bytes(v)) };
    vars::header_var(s, v).map_or(Str::NULL, view)
}
