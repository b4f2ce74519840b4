//! Random bytes and text.

use super::slice;
use crate::fence;
use core::ffi::{c_char, c_void};

unsafe extern "C" {
    /// Fills `buf` with `len` random bytes from the operating system, unless the program defines
    /// its own `mg_random`.
    ///
    /// # Returns
    /// true; false if the operating system gave none: then the bytes are predictable, and an error
    /// is logged.
    ///
    /// # Threads
    /// Any, unless the program's own says otherwise.
    pub fn mg_random(buf: *mut c_void, len: usize) -> bool;
}

const ALPHABET: &[u8; 62] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

/// Largest multiple of 62 that a byte can count to: below it, each character is as likely.
const UNBIASED: u8 = (256 / ALPHABET.len() * ALPHABET.len()) as u8;

/// Writes `len - 1` random letters and digits and a NUL to `buf`.
///
/// Each of `[a-zA-Z0-9]` is equally likely. The bytes come from `mg_random`. With `len` 1 only the
/// NUL is written, with `len` 0 nothing.
///
/// # Returns
/// `buf`.
///
/// # Threads
/// Any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_random_str(buf: *mut c_char, len: usize) -> *mut c_char {
    fence!("mg_random_str");
    // SAFETY: the caller passes len writable bytes at buf.
    let Some((nul, text)) = (unsafe { slice::raw_mut(buf.cast::<u8>(), len) }).split_last_mut() else {
        return buf;
    };
    *nul = 0;
    for part in text.chunks_mut(64) {
        fill(part);
    }
    buf
}

fn fill(text: &mut [u8]) {
    // A program's own mg_random may return the same bytes for ever; then bias is its smallest fault.
    let mut attempts = 0;
    let mut done = 0;
    while done < text.len() {
        let mut bytes = [0u8; 64];
        // SAFETY: the array is writable.
        unsafe { mg_random(bytes.as_mut_ptr().cast(), bytes.len()) };
        attempts += 1;
        for byte in bytes.into_iter().filter(|&b| b < UNBIASED || attempts > 8) {
            let Some(to) = text.get_mut(done) else { break };
            *to = ALPHABET[usize::from(byte) % ALPHABET.len()];
            done += 1;
        }
    }
}
