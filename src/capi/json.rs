//! JSON access by path.
//!
//! A path is `$`, then any sequence of `.name` and `[index]`: `$.users[2].name`. Names are compared
//! with the raw text between a key's quotes. The text is read once, up to the wanted token; what
//! follows is not checked. Nothing is modified, and only the functions that return `char *`
//! allocate. `path` may be NULL, which finds nothing.
//!
//! Any thread may call these functions, on any text that nobody changes meanwhile.

use super::arg::{self, Out};
use super::slice;
use crate::abi::{MG_JSON_INVALID, MG_JSON_NOT_FOUND, MG_JSON_TOO_DEEP, Str};
use crate::codec::base64;
use crate::codec::json::{self, End, Error};
use crate::fence;
use crate::net::event_loop::{mem, process};
use core::ffi::{c_char, c_int, c_long};
use core::ops::Range;
use core::ptr;

/// The token at `path`. Offsets are `int` in the C API, so longer texts are refused.
fn locate(text: &[u8], path: &[u8]) -> Result<Range<usize>, Error> {
    if c_int::try_from(text.len()).is_err() {
        return Err(Error::Invalid);
    }
    json::find_within(text, path, process::json_depth())
}

/// The token at a path.
fn token<'a>(text: &'a [u8], path: &[u8]) -> Option<&'a [u8]> {
    locate(text, path).ok().map(|range| &text[range])
}

/// The text between the quotes of the string at a path.
fn string<'a>(text: &'a [u8], path: &[u8]) -> Option<&'a [u8]> {
    json::string_body(token(text, path)?)
}

/// Zeroed memory for a text that C gets, and the bytes before its NUL; `None` without memory.
fn text_block<'a>(len: usize) -> Option<(*mut c_char, &'a mut [u8])> {
    let block = mem::alloc(len.checked_add(1)?);
    if block.is_null() {
        return None;
    }
    // SAFETY: the block is ours, zeroed, and longer than len.
    Some((block.cast(), unsafe { slice::raw_mut(block, len) }))
}

/// Finds the token at `path`.
///
/// `toklen` (may be NULL) gets its length, or 0 on error. A string token includes both quotes, a
/// container both brackets. Leading white space is skipped.
///
/// # Returns
/// The offset of the token in `json.buf`, 0 or greater. `MG_JSON_NOT_FOUND`: no such member or
/// element, or the text ends too early. `MG_JSON_INVALID`: a syntax error before the end of the
/// token, a path that does not start with `$`, or a text longer than `INT_MAX`.
/// `MG_JSON_TOO_DEEP`: more than `MG_JSON_MAX_DEPTH` open containers (`MG_SET_JSON_DEPTH`) before the end of the
/// token.
///
/// # Threads
/// Any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_json_get(json: Str, path: *const c_char, toklen: *mut c_int) -> c_int {
    fence!("mg_json_get", json: arg::bytes, path: arg::text, toklen: arg::out);
    let (result, len) = match locate(json, path) {
        // The text is no longer than INT_MAX, so neither cast cuts.
        Ok(range) => (range.start as c_int, range.len() as c_int),
        Err(Error::TooDeep) => (MG_JSON_TOO_DEEP, 0),
        Err(Error::Invalid) => (MG_JSON_INVALID, 0),
        Err(Error::NotFound) => (MG_JSON_NOT_FOUND, 0),
    };
    toklen.set(len);
    result
}

/// Returns the raw token at `path`: strings with their quotes and escapes.
///
/// # Returns
/// A view into `json`; `{NULL, 0}` if there is no such token (see `mg_json_get`).
///
/// # Threads
/// Any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_json_get_tok(json: Str, path: *const c_char) -> Str {
    fence!("mg_json_get_tok", json: arg::bytes, path: arg::text);
    token(json, path).map_or(Str::NULL, Str::from)
}

/// Reads the number at `path`.
///
/// `*v` is set if there is one, else left alone; `v` may be NULL. The value is correctly rounded
/// and finite: an overflowing one is cut to about 1e308. A number in quotes is not a number.
///
/// # Returns
/// true if the token is a number.
///
/// # Threads
/// Any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_json_get_num(json: Str, path: *const c_char, v: *mut f64) -> bool {
    fence!("mg_json_get_num", json: arg::bytes, path: arg::text, v: arg::out);
    let number = token(json, path).filter(|token| json::is_number(token));
    number.map(|number| v.set(json::to_f64(number))).is_some()
}

/// Reads the boolean at `path`.
///
/// `*v` is set if there is one, else left alone; `v` may be NULL. Only `true` and `false` count.
///
/// # Returns
/// true if the token is a boolean, whichever it is.
///
/// # Threads
/// Any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_json_get_bool(json: Str, path: *const c_char, v: *mut bool) -> bool {
    fence!("mg_json_get_bool", json: arg::bytes, path: arg::text, v: arg::out);
    let value = match token(json, path) {
        Some(b"true") => true,
        Some(b"false") => false,
        _ => return false,
    };
    v.set(value);
    true
}

/// Reads the number at `path` as an integer, cut towards zero.
///
/// Integers are exact; what is outside the range of `long` becomes `LONG_MIN` or `LONG_MAX`.
///
/// # Returns
/// The value, or `dflt` if the token is not a number.
///
/// # Threads
/// Any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_json_get_long(json: Str, path: *const c_char, dflt: c_long) -> c_long {
    fence!("mg_json_get_long", json: arg::bytes, path: arg::text);
    match token(json, path) {
        Some(number) if json::is_number(number) => {
            let value = json::to_i64(number);
            c_long::try_from(value).unwrap_or(if value < 0 { c_long::MIN } else { c_long::MAX })
        }
        _ => dflt,
    }
}

/// Returns a decoded copy of the string at `path`.
///
/// Escapes are decoded as by `mg_json_unescape`: `\u00XX` to one byte, and the text ends at the
/// first code unit above U+00FF. For all of Unicode see `mg_json_get_text`.
///
/// # Returns
/// NUL-terminated text to be released by `mg_free`. NULL if the token is not a string, has a wrong
/// escape, begins with a code unit above U+00FF, or when out of memory.
///
/// # Threads
/// Any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_json_get_str(json: Str, path: *const c_char) -> *mut c_char {
    fence!("mg_json_get_str", json: arg::bytes, path: arg::text);
    let Some(body) = string(json, path) else { return ptr::null_mut() };
    let Some((block, out)) = text_block(body.len()) else { return ptr::null_mut() };
    let decoded = json::unescape(body, out);
    let usable = match decoded.end {
        End::Complete => true,
        End::Stopped => decoded.len > 0,
        End::BadEscape | End::NoRoom => false,
    };
    finish(block, usable)
}

/// Returns the string at `path` as UTF-8. An addition of this library.
///
/// All of `\uXXXX` is decoded, surrogate pairs included; an
/// unpaired surrogate becomes U+FFFD. Bytes that are not escaped are copied as they are, so the
/// result is valid UTF-8 if the document is. `*len` (may be NULL) gets the length without the NUL;
/// the text may hold NUL bytes.
///
/// # Returns
/// NUL-terminated text to be released by `mg_free`. NULL, and `*len` untouched, if the token is not
/// a string, has a wrong escape, or when out of memory.
///
/// # Threads
/// Any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_json_get_text(json: Str, path: *const c_char, len: *mut usize) -> *mut c_char {
    fence!("mg_json_get_text", json: arg::bytes, path: arg::text, len: arg::out);
    let Some(body) = string(json, path) else { return ptr::null_mut() };
    let Some((block, out)) = text_block(body.len()) else { return ptr::null_mut() };
    let decoded = json::unescape_utf8(body, out).inspect(|decoded| len.set(*decoded));
    finish(block, decoded.is_some())
}

/// The block, or NULL if it is not usable.
fn finish(block: *mut c_char, usable: bool) -> *mut c_char {
    if usable {
        return block;
    }
    // SAFETY: the block is one of `text_block`, and nobody has it yet.
    unsafe { mem::release(block.cast()) };
    ptr::null_mut()
}

/// Decodes the string of hexadecimal digit pairs at `path`.
///
/// `*len` (may be NULL) gets the number of bytes.
///
/// # Returns
/// The bytes with a NUL after them, to be released by `mg_free`. NULL, and `*len` untouched, if
/// the token is not a string, if its length is odd, if it has a character that is no hexadecimal
/// digit, or when out of memory.
///
/// # Threads
/// Any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_json_get_hex(json: Str, path: *const c_char, len: *mut c_int) -> *mut c_char {
    fence!("mg_json_get_hex", json: arg::bytes, path: arg::text, len: arg::out);
    bytes_at(json, path, len, json::hex_pairs)
}

/// Decodes the string of base64 text at `path` (standard alphabet, RFC 4648 section 4).
///
/// `*len` (may be NULL) gets the number of bytes: 0 if there is a character outside the alphabet.
/// Up to three characters at the end that make no group of four are ignored.
///
/// # Returns
/// The bytes with a NUL after them, to be released by `mg_free`. NULL, and `*len` untouched, if
/// the token is not a string or when out of memory.
///
/// # Threads
/// Any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_json_get_b64(json: Str, path: *const c_char, len: *mut c_int) -> *mut c_char {
    fence!("mg_json_get_b64", json: arg::bytes, path: arg::text, len: arg::out);
    bytes_at(json, path, len, |body, out| Some(base64::decode(body, out).unwrap_or(0)))
}

/// The decoded string at a path, in memory of the program's; NULL when there is none.
fn bytes_at(
    text: &[u8],
    path: &[u8],
    len: Out<c_int>,
    decode: impl FnOnce(&[u8], &mut [u8]) -> Option<usize>,
) -> *mut c_char {
    let Some(body) = string(text, path) else { return ptr::null_mut() };
    let Some((block, out)) = text_block(body.len()) else { return ptr::null_mut() };
    // No longer than the text, which is no longer than INT_MAX.
    let decoded = decode(body, out).inspect(|decoded| len.set(*decoded as c_int));
    finish(block, decoded.is_some())
}

/// Decodes the string at `path` into the `n` bytes at `to`.
///
/// `\b \f \n \r \t \\ \" \/` become their character, `\u00XX` the single byte XX (also 0). The text
/// ends at the first `\u` escape above U+00FF or without four hexadecimal digits.
///
/// # Returns
/// The number of bytes without the NUL after them. 0 if the token is not a string (then `to` is
/// untouched), if the text is empty or has a wrong escape, or if it does not fit: then `to` holds
/// what was decoded, and a NUL if `n` is not 0.
///
/// # Threads
/// Any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_json_unescape(
    json: Str,
    path: *const c_char,
    to: *mut c_char,
    n: usize,
) -> usize {
    fence!("mg_json_unescape", json: arg::bytes, path: arg::text, to[n]: arg::room);
    let Some(body) = string(json, path) else { return 0 };
    let Some((last, out)) = to.split_last_mut() else { return 0 };
    let decoded = json::unescape(body, out);
    *out.get_mut(decoded.len).unwrap_or(last) = 0;
    match decoded.end {
        End::Complete | End::Stopped => decoded.len,
        End::BadEscape | End::NoRoom => 0,
    }
}

/// Steps through the members of an object or the elements of an array.
///
/// `obj` starts with `{` or `[`. Start with `ofs` 0, pass the result back, stop at 0. `*key` gets
/// the raw key with its quotes (`{NULL, 0}` in an array), `*val` the raw value; either may be NULL.
///
/// # Returns
/// The offset after the value, white space and one comma. 0 at the end, on a syntax error, or if
/// `obj` is no container.
///
/// # Threads
/// Any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_json_next(obj: Str, ofs: usize, key: *mut Str, val: *mut Str) -> usize {
    fence!("mg_json_next", obj: arg::bytes, key: arg::out, val: arg::out);
    let Some(member) = json::next(obj, ofs) else { return 0 };
    key.set(member.key.map_or(Str::NULL, |range| Str::from(&obj[range])));
    val.set(Str::from(&obj[member.value]));
    member.next
}
