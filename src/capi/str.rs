//! Strings: views, comparing, matching, splitting, numbers, paths.

use super::slice::{bytes, cstr};
use crate::abi::Str;
use crate::codec::{glob, number, path, text};
use crate::fence;
use crate::net::event_loop::mem;
use core::cmp::Ordering;
use core::ffi::{c_char, c_int, c_void};
use core::ptr;

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
    fence!("mg_str_s");
    // SAFETY: the caller passes a C string or NULL.
    Str { buf: s.cast_mut(), len: unsafe { cstr(s) }.len() }
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

/// Copies a string into fresh memory, with a NUL behind it that is not counted.
///
/// # Returns
/// The copy, to be released with `mg_free(result.buf)`. `{NULL, 0}` for an empty string and
/// without memory.
///
/// # Threads
/// Any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_strdup(s: Str) -> Str {
    fence!("mg_strdup");
    // SAFETY: the caller passes a valid view; the fresh memory is zeroed and one byte longer.
    unsafe {
        let text = bytes(s);
        if text.is_empty() || text.len() == usize::MAX {
            return Str::NULL;
        }
        let copy = mem::alloc(text.len() + 1);
        if copy.is_null() {
            return Str::NULL;
        }
        ptr::copy_nonoverlapping(text.as_ptr(), copy, text.len());
        Str { buf: copy.cast(), len: text.len() }
    }
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
    fence!("mg_strcmp");
    // SAFETY: the caller passes valid views.
    sign(unsafe { bytes(str1).cmp(bytes(str2)) })
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
    fence!("mg_strcasecmp");
    // SAFETY: the caller passes valid views.
    sign(unsafe { text::compare_ignore_case(bytes(str1), bytes(str2)) })
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
    fence!("mg_casecmp");
    // SAFETY: the caller passes C strings or NULL.
    unsafe { text::difference_ignore_case(cstr(s1), cstr(s2)) }
}

/// Splits a string at the first `sep`: `*a` is what stands before it, `*b` what stands behind.
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
    fence!("mg_span");
    // SAFETY: the caller passes a valid view, and pointers to views or NULL.
    unsafe {
        let Some((before, rest)) = text::span(bytes(s), sep as u8) else { return false };
        let before = before.len();
        if !a.is_null() {
            *a = part(s, 0, before);
        }
        if !b.is_null() {
            *b = part(s, rest, s.len - rest);
        }
        true
    }
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
    // SAFETY: the caller passes valid views, and room for the captures or NULL.
    unsafe {
        let pattern = bytes(pattern);
        let mut slot = 0;
        let mut capture = |capture: Str| {
            if !caps.is_null() {
                *caps.add(slot) = capture;
                slot += 1;
            }
        };
        let matched = glob::matches(bytes(str), pattern, |range| {
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
    fence!("mg_str_to_num");
    if val.is_null() || !matches!(val_len, 1 | 2 | 4 | 8) {
        return false;
    }
    let max = u64::MAX >> (64 - 8 * val_len);
    // SAFETY: the caller passes a valid view, and an integer of val_len bytes.
    unsafe {
        let Some(value) = number::parse(bytes(str), base, max) else { return false };
        match val_len {
            1 => val.cast::<u8>().write(value as u8),
            2 => val.cast::<u16>().write_unaligned(value as u16),
            4 => val.cast::<u32>().write_unaligned(value as u32),
            _ => val.cast::<u64>().write_unaligned(value),
        }
        true
    }
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
    fence!("mg_to_size_t");
    // SAFETY: the caller passes a valid view, and a size_t or NULL.
    unsafe {
        match number::parse_size(bytes(s)) {
            Some(value) if !val.is_null() => {
                *val = value;
                true
            }
            _ => false,
        }
    }
}

/// Whether a path from a peer stays inside the directory that it is put behind: no `..` at the
/// start or behind a `/` or `\`, no `~` at the start, no NUL inside. `%2e` is not decoded.
///
/// # Threads
/// Any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_path_is_sane(path: Str) -> bool {
    fence!("mg_path_is_sane");
    // SAFETY: the caller passes a valid view.
    path::is_sane(unsafe { bytes(path) })
}
