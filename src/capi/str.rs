//! Strings: views, comparing, matching, splitting, numbers, paths.

use super::arg;
use crate::abi::Str;
use crate::codec::{glob, number, path, text};
use crate::fence;
use crate::net::event_loop::{mem, view};
use core::cmp::Ordering;
use core::ffi::{c_char, c_int, c_void};

/// The part of `s` from `start` on, `len` bytes long: computed on the pointer, so that an empty part
/// still says where it is.
fn part(s: Str, start: usize, len: usize) -> Str {
    Str { buf: s.buf.wrapping_add(start), len }
}

/// A view of a C string. NULL gives `{NULL, 0}`. The macro `mg_str(s)` calls this.
///
/// # Threads
/// Any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_str_s(s: *const c_char) -> Str {
    fence!("mg_str_s", s: arg::c_str);
    s.map_or(Str::NULL, |s| s.to_bytes().into())
}

/// A view of `n` bytes. Nothing is checked.
///
/// # Threads
/// Any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_str_n(s: *const c_char, n: usize) -> Str {
    fence!("mg_str_n");
    Str { buf: s.cast_mut(), len: n }
}

/// Copies a string into fresh memory, with a NUL after it that is not counted.
///
/// # Returns
/// The copy, to be released with `mg_free(result.buf)`. `{NULL, 0}` for an empty string and
/// without memory.
///
/// # Threads
/// Any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_strdup(s: Str) -> Str {
    fence!("mg_strdup", s: arg::bytes);
    let copy = mem::copy(s);
    if copy.is_null() { Str::NULL } else { Str { buf: copy.cast(), len: s.len() } }
}

fn sign(ordering: Ordering) -> c_int {
    ordering as c_int
}

/// Compares two strings byte by byte, as unsigned numbers; a string that starts another one is the
/// smaller one.
///
/// # Returns
/// -1, 0 or 1. An empty string equals `{NULL, 0}`.
///
/// # Threads
/// Any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_strcmp(str1: Str, str2: Str) -> c_int {
    fence!("mg_strcmp", str1: arg::bytes, str2: arg::bytes);
    sign(str1.cmp(str2))
}

/// Compares two strings like `mg_strcmp`, ASCII letters without regard to case.
///
/// # Returns
/// -1, 0 or 1.
///
/// # Threads
/// Any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_strcasecmp(str1: Str, str2: Str) -> c_int {
    fence!("mg_strcasecmp", str1: arg::bytes, str2: arg::bytes);
    sign(text::compare_ignore_case(str1, str2))
}

/// Compares two C strings, ASCII letters without regard to case. NULL is an empty string.
///
/// # Returns
/// The difference of the first two (lower-case) bytes that differ; 0 if none do.
///
/// # Threads
/// Any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_casecmp(s1: *const c_char, s2: *const c_char) -> c_int {
    fence!("mg_casecmp", s1: arg::text, s2: arg::text);
    text::difference_ignore_case(s1, s2)
}

/// Splits a string at the first `sep`: `*a` is what precedes it, `*b` what follows it.
///
/// Without `sep`, `*a` is the whole string and `*b` an empty one at its end. `a` and `b` may be
/// NULL, and may point to the string itself:
/// `while (mg_span(s, &entry, &s, ',')) ...` walks a list.
///
/// # Returns
/// false for an empty string; `*a` and `*b` stay as they are.
///
/// # Threads
/// Any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_span(s: Str, a: *mut Str, b: *mut Str, sep: c_char) -> bool {
    fence!("mg_span", s: arg::bytes, a: arg::out, b: arg::out);
    let Some((before, rest)) = text::span(s, sep as u8) else { return false };
    a.set(before.into());
    b.set(s[rest..].into());
    true
}

/// Matches a whole string against a pattern: `?` is any byte, `*` any bytes but `/`, `#` any bytes.
///
/// Each wildcard takes as little as possible, from left to right. `caps`, which may be NULL, gets
/// what each of them took: slices of `str`, also when they are empty. Unless the pattern ends in
/// `*` or `#`, `{NULL, 0}` follows them. So `caps` needs one element more than the pattern has
/// wildcards; zero them first. Case matters; there is no escape character. The cost is at most the
/// length of the pattern times that of the string.
///
/// # Returns
/// Whether it matches. If not, `caps` holds nothing to rely on.
///
/// # Threads
/// Any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_match(str: Str, pattern: Str, caps: *mut Str) -> bool {
    fence!("mg_match");
    // SAFETY: the caller passes views of readable bytes, and NULL or room for a capture for each
    // wildcard of the pattern and one more.
    unsafe {
        let pattern = view::bytes(pattern);
        let mut slot = 0;
        let mut capture = |capture: Str| {
            if !caps.is_null() {
                *caps.add(slot) = capture;
                slot += 1;
            }
        };
        let matched = glob::matches(view::bytes(str), pattern, |range| {
            capture(part(str, range.start, range.len()));
        });
        if matched && !matches!(pattern.last(), Some(b'*' | b'#')) {
            capture(Str::NULL);
        } else if !matched && !caps.is_null() {
            *caps = Str::NULL;
        }
        matched
    }
}

/// Reads an unsigned number; all of the string has to be digits.
///
/// `base` is 2, 10 or 16; 0 takes it from a `0x` or `0b` in front and is 10 without. `val` points
/// to an unsigned integer of `val_len` bytes: 1, 2, 4 or 8.
///
/// # Returns
/// false, with `*val` as it was, for anything else and for a number that does not fit.
///
/// # Threads
/// Any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_str_to_num(str: Str, base: c_int, val: *mut c_void, val_len: usize) -> bool {
    fence!("mg_str_to_num", str: arg::bytes, val[val_len]: arg::room);
    if !matches!(val.len(), 1 | 2 | 4 | 8) {
        return false;
    }
    let max = u64::MAX >> (64 - 8 * val.len());
    let Some(value) = number::parse(str, base, max) else { return false };
    match val.len() {
        1 => val.copy_from_slice(&(value as u8).to_ne_bytes()),
        2 => val.copy_from_slice(&(value as u16).to_ne_bytes()),
        4 => val.copy_from_slice(&(value as u32).to_ne_bytes()),
        _ => val.copy_from_slice(&value.to_ne_bytes()),
    }
    true
}

/// Reads a decimal number that may have spaces and tabs around it.
///
/// # Returns
/// false, with `*val` as it was, for anything else and for a number that does not fit.
///
/// # Threads
/// Any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_to_size_t(s: Str, val: *mut usize) -> bool {
    fence!("mg_to_size_t", s: arg::bytes, val: arg::out);
    match number::parse_size(s) {
        Some(value) if val.is_wanted() => {
            val.set(value);
            true
        }
        _ => false,
    }
}

/// Whether a path from a peer stays inside the directory that it is put after: no `..` at the
/// start or after a `/` or `\`, no `~` at the start, no NUL inside. `%2e` is not decoded.
///
/// # Threads
/// Any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_path_is_sane(path: Str) -> bool {
    fence!("mg_path_is_sane", path: arg::bytes);
    path::is_sane(path)
}
