//! The library's own log lines.
//!
//! They take the same way as a program's `MG_ERROR` and friends: through the exported functions,
//! which a program may replace. Nothing is formatted, and nothing allocated, for a level that is
//! not active.

use super::process;
use crate::abi::{MG_LL_DEBUG, MG_LL_ERROR, MG_LL_INFO};
use core::ffi::{c_char, c_int, c_void};
use core::fmt::{Arguments, Write};
use core::panic::Location;
use core::sync::atomic::{AtomicI32, Ordering::Relaxed};

unsafe extern "C" {
    static mut mg_log_level: c_int;
    fn mg_log(fmt: *const c_char, ...);
    fn mg_log_prefix(level: c_int, file: *const c_char, line: c_int, fname: *const c_char);
    fn mg_hexdump(buf: *const c_void, len: usize);
}

/// Whether lines of a level are logged.
pub fn is_active(level: c_int) -> bool {
    // SAFETY: an int of the library, or the program's copy of it; all access is atomic or the
    // program's own business.
    let active = unsafe { AtomicI32::from_ptr(&raw mut mg_log_level) };
    level <= active.load(Relaxed)
}

/// Logs what went wrong.
#[track_caller]
pub fn error(text: Arguments<'_>) {
    line(MG_LL_ERROR, Location::caller(), text);
}

/// Logs what is rare and important.
#[track_caller]
pub fn info(text: Arguments<'_>) {
    line(MG_LL_INFO, Location::caller(), text);
}

/// Logs what a developer wants to see.
#[track_caller]
pub fn debug(text: Arguments<'_>) {
    line(MG_LL_DEBUG, Location::caller(), text);
}

/// Dumps bytes, whatever the level.
pub fn hexdump(bytes: &[u8]) {
    if !process::logs() {
        return;
    }
    // SAFETY: the bytes of a slice.
    unsafe { mg_hexdump(bytes.as_ptr().cast(), bytes.len()) }
}

fn line(level: c_int, place: &Location<'_>, text: Arguments<'_>) {
    if !is_active(level) || !process::logs() {
        return;
    }
    let mut buffer = Line { bytes: [0; Line::MAX], len: 0 };
    // Writing to a Line cannot fail.
    let _ = buffer.write_fmt(text);
    // The name alone, which is what a line of the log shows, with its NUL.
    let path = place.file();
    let name = path.rsplit('/').next().unwrap_or(path).as_bytes();
    let mut file = [0u8; 64];
    let n = name.len().min(file.len() - 1);
    file[..n].copy_from_slice(&name[..n]);
    // SAFETY: both functions get C strings, and as many bytes as the length says.
    unsafe {
        mg_log_prefix(level, file.as_ptr().cast(), place.line() as c_int, c"".as_ptr());
        mg_log(c"%.*s".as_ptr(), buffer.len as c_int, buffer.bytes.as_ptr());
    }
}

/// Text on the stack; what is too long is cut.
struct Line {
    bytes: [u8; Self::MAX],
    len: usize,
}

impl Line {
    const MAX: usize = 512;
}

impl Write for Line {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        let run = text.len().min(Self::MAX - self.len);
        self.bytes[self.len..self.len + run].copy_from_slice(&text.as_bytes()[..run]);
        self.len += run;
        Ok(())
    }
}
