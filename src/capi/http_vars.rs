//! HTTP: variables of forms, parameters of header values

use super::arg;
use super::kept::text;
use super::slice::bytes;
use crate::abi::Str;
use crate::codec::http::{params, percent, vars};
use crate::fence;
use core::ffi::{c_char, c_int};

/// Finds a variable in a query string or form body such as `a=1&b=2`, ignoring case.
///
/// # Returns
/// A view of the value within `buf`, not decoded; `{NULL, 0}` when there is no such variable. The
/// first one counts; a name without `=` has an empty value.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_http_var(buf: Str, name: Str) -> Str {
    fence!("mg_http_var", buf: arg::bytes, name: arg::bytes);
    vars::var(buf, name).map_or(Str::NULL, Str::from)
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
    fence!("mg_http_get_var", buf: arg::shared, name: arg::c_str, dst[dst_len]: arg::room);
    let Some(first) = dst.first_mut() else { return -2 };
    *first = 0;
    // SAFETY: the caller passes a view of readable bytes.
    let Some(buf) = buf.map(|buf| unsafe { bytes(*buf) }).filter(|buf| !buf.is_empty()) else { return -1 };
    let Some(name) = name else { return -1 };
    let Some(value) = vars::var(buf, name.to_bytes()) else { return -4 };
    percent::decode(value, dst, true).and_then(|n| n.try_into().ok()).unwrap_or(-3)
}

/// Finds a parameter in a header value such as `form-data; name="a b"; filename=c`.
///
/// The name is compared with its case, as for cookies; see `mg_http_header_param`. It has to be a whole
/// name outside of quoted values, followed by `=`. A quote that is never closed, or is within a
/// value, is a character like others (RFC 6265).
///
/// # Returns
/// A view of the value within `s`, without its quotes; `{NULL, 0}` when there is no such parameter.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_http_get_header_var(s: Str, v: Str) -> Str {
    fence!("mg_http_get_header_var", s: arg::bytes, v: arg::bytes);
    params::header_var(s, v).map_or(Str::NULL, Str::from)
}

/// Finds a parameter of a header such as `Content-Type` or `Content-Disposition`, whose names have no
/// case (RFC 9110, section 5.6.6). Blanks and line folds may surround the `=`, and `\"` is a quote within
/// a quoted value. An addition of this library.
///
/// # Returns
/// The value without its quotes; `{NULL, 0}` when there is no such parameter. A view of `s`; where a
/// backslash had to be taken out, a text that the library keeps until the same thread has got sixteen
/// others, of at most 4096 bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_http_header_param(s: Str, name: Str) -> Str {
    fence!("mg_http_header_param", s: arg::bytes, name: arg::bytes);
    params::param(s, name).map_or(Str::NULL, text)
}
