//! URLs and percent coding.

use super::arg;
use super::kept::keep_text;
use crate::abi::Str;
use crate::codec::http::percent;
use crate::codec::url::Url;
use crate::fence;
use core::ffi::{c_char, c_int, c_ushort};

/// Finds the port of a URL.
///
/// # Returns
/// The number after the host; else the default of the scheme (`http`, `ws`: 80, `https`, `wss`:
/// 443, `mqtt`: 1883, `mqtts`: 8883); else 0. A number above 65535 counts as 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_url_port(url: *const c_char) -> c_ushort {
    fence!("mg_url_port", url: arg::text);
    Url::new(url).port()
}

/// Tells whether the scheme of a URL means TLS: `https`, `wss`, `mqtts`, `ssl`, `tls` or `tcps`. Schemes
/// have no case (RFC 3986, section 3.1).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_url_is_ssl(url: *const c_char) -> bool {
    fence!("mg_url_is_ssl", url: arg::text);
    Url::new(url).is_tls()
}

/// Finds the host of a URL: a name or an address, IPv6 with its brackets.
///
/// # Returns
/// A view of `url`, not NUL-terminated; empty when there is no host.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_url_host(url: *const c_char) -> Str {
    fence!("mg_url_host", url: arg::text);
    Str::from(Url::new(url).host)
}

/// Finds the user name of a URL, `http://USER:pass@host`.
///
/// # Returns
/// A view of `url`, not decoded, not NUL-terminated; empty when there is none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_url_user(url: *const c_char) -> Str {
    fence!("mg_url_user", url: arg::text);
    Str::from(Url::new(url).user)
}

/// Finds the password of a URL, `http://user:PASS@host`.
///
/// # Returns
/// A view of `url`, not decoded, not NUL-terminated; empty when there is none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_url_pass(url: *const c_char) -> Str {
    fence!("mg_url_pass", url: arg::text);
    Str::from(Url::new(url).pass)
}

/// Finds the path of a URL with its query: what a request line needs. The fragment is left out, as it is
/// never sent (RFC 9110, section 4.2.5).
///
/// # Returns
/// A pointer into `url`, so the rest of that string; or the constant `"/"` when there is neither path nor
/// query. For a URL with a fragment, or with a query and no path (`/?QUERY`), a C string of the library,
/// which holds until the same thread has called this function sixteen times more. `"/"` without memory.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_url_uri(url: *const c_char) -> *const c_char {
    fence!("mg_url_uri", url: arg::text);
    let (slash, rest) = Url::new(url).target();
    match (slash, rest) {
        (_, []) => c"/".as_ptr(),
        // The rest of a C string is one too.
        ([], rest) if rest.as_ptr_range().end == url.as_ptr_range().end => rest.as_ptr().cast(),
        (slash, rest) => keep_text(&[slash, rest]).unwrap_or(c"/".as_ptr()),
    }
}

/// Decodes `%XX` escapes, and `+` to a space when `is_form_url_encoded` is not 0.
///
/// Writes the text and a NUL to `dst`, which has room for `dst_len` bytes and may be `src` itself.
///
/// # Returns
/// Length of the text; it may contain NUL bytes. -1 when `%` is not followed by two hex digits
/// within the `src_len` bytes, or `dst` is too small; then `dst` holds the text so far.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_url_decode(
    src: *const c_char,
    src_len: usize,
    dst: *mut c_char,
    dst_len: usize,
    is_form_url_encoded: c_int,
) -> c_int {
    fence!("mg_url_decode", src[src_len]: arg::cells, dst[dst_len]: arg::cells);
    percent::decode_cells(src, dst, is_form_url_encoded != 0).and_then(|n| n.try_into().ok()).unwrap_or(-1)
}

/// Writes all bytes but letters, digits and `. _ - ~` as `%xx`, with lower-case digits.
///
/// Writes the text and a NUL to `dst`, which has room for `dst_len` bytes and does not overlap
/// `src`. Give it three times the input and five bytes more.
///
/// # Returns
/// Length of the text; 0 when fewer than five bytes are free before any byte of `src`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_url_encode(
    src: *const c_char,
    src_len: usize,
    dst: *mut c_char,
    dst_len: usize,
) -> usize {
    fence!("mg_url_encode", src[src_len]: arg::data, dst[dst_len]: arg::room);
    percent::encode(src, dst).unwrap_or_else(|| {
        if let Some(first) = dst.first_mut() {
            *first = 0;
        }
        0
    })
}
