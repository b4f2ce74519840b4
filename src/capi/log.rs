//! The log: its level, its sink, lines and hex dumps.

use super::arg;
use super::output::Output;
use crate::abi::{ArgList, MG_LL_DEBUG, PutChar};
use crate::codec::fmt::Sink;
use crate::codec::{hexdump, log_prefix};
use crate::fence;
use crate::net::event_loop::clock;
use core::ffi::{c_char, c_int, c_void};
use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering};

/// Which lines are logged: those of this level and below. Set it with `mg_log_set`.
#[unsafe(no_mangle)]
pub static mut mg_log_level: c_int = MG_LL_DEBUG;

/// Where log bytes go: a `mg_pfn_t` and its argument. NULL is standard output.
static FUNCTION: AtomicPtr<c_void> = AtomicPtr::new(ptr::null_mut());
static ARGUMENT: AtomicPtr<c_void> = AtomicPtr::new(ptr::null_mut());

fn sink() -> Output {
    let function = FUNCTION.load(Ordering::Acquire);
    if function.is_null() {
        return Output::Stdout;
    }
    // SAFETY: mg_log_set_fn stored a function of this type, and the argument that it expects.
    unsafe {
        Output::new(core::mem::transmute::<*mut c_void, PutChar>(function), ARGUMENT.load(Ordering::Acquire))
    }
}

/// Sends log bytes to `fn(ch, param)`, one at a time. NULL means standard output, as at the start.
///
/// # Threads
/// Any; but a line that another thread is printing may meet the new function with the old `param`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_log_set_fn(r#fn: PutChar, param: *mut c_void) {
    fence!("mg_log_set_fn");
    ARGUMENT.store(param, Ordering::Release);
    FUNCTION.store(r#fn.map_or(ptr::null_mut(), |f| f as *mut c_void), Ordering::Release);
}

/// As `mg_log`, with a `va_list`. An addition of this library.
///
/// # Threads
/// Any. Lines of several threads may mix.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_vlog(fmt: *const c_char, ap: *mut ArgList) {
    fence!("mg_vlog", fmt[ap]: arg::format);
    let mut sink = sink();
    fmt.print(sink);
    sink.put(b"\r\n");
}

/// Logs a hex dump, 16 bytes a line, whatever the level.
///
/// # Threads
/// Any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_hexdump(buf: *const c_void, len: usize) {
    fence!("mg_hexdump", buf[len]: arg::data);
    hexdump::dump(buf, &mut sink());
}

/// The default of `mg_log_prefix`. Not exported: the shim, which calls it, makes it hidden.
/// cbindgen:ignore
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_put_log_prefix(
    level: c_int,
    file: *const c_char,
    line: c_int,
    fname: *const c_char,
) {
    fence!("mg_put_log_prefix", file: arg::text, fname: arg::text);
    sink().put(&log_prefix::prefix(clock::millis(), level, file, line, fname));
}

unsafe extern "C" {
    /// Logs a formatted line and CR LF, whatever the level: `MG_ERROR` and friends check the level
    /// and print the prefix. A program may define its own.
    ///
    /// # Threads
    /// Any. Lines of several threads may mix.
    pub fn mg_log(fmt: *const c_char, ...);

    /// Logs what precedes each line, 40 bytes: time, level, file, line and function. A program
    /// may define its own.
    ///
    /// # Threads
    /// Any.
    pub fn mg_log_prefix(level: c_int, file: *const c_char, line: c_int, fname: *const c_char);
}
