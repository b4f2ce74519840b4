//! Formatting and logging.

use core::ffi::{c_char, c_int, c_void};

/// An argument list: what C calls `va_list`. Rust only hands pointers to it on.
/// cbindgen:ignore
#[repr(C)]
pub struct ArgList {
    _private: [u8; 0],
}

/// Takes one character of formatted output.
pub type PutChar = Option<unsafe extern "C" fn(ch: c_char, param: *mut c_void)>;

/// Prints one `%M` argument: reads what it needs from `ap`, returns how many characters it printed.
pub type Printer = Option<unsafe extern "C" fn(out: PutChar, arg: *mut c_void, ap: *mut ArgList) -> usize>;

/// Log levels, for `mg_log_level`.
#[repr(C)]
#[allow(non_camel_case_types)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLevel {
    /// Log nothing.
    MG_LL_NONE = 0,
    /// What went wrong.
    MG_LL_ERROR = 1,
    /// Rare and important.
    MG_LL_INFO = 2,
    /// What a developer wants to see. The level at program start.
    MG_LL_DEBUG = 3,
    /// Everything.
    MG_LL_VERBOSE = 4,
}

enum_constants!(LogLevel as c_int: MG_LL_NONE, MG_LL_ERROR, MG_LL_INFO, MG_LL_DEBUG, MG_LL_VERBOSE);
