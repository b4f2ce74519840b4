//! What a program was compiled with.

use core::ffi::{c_char, c_int};

/// A setting that a program was compiled with, see `enum mg_setting`: a number, or a text.
#[repr(C)]
pub struct ProgramOption {
    /// `MG_SET_*`; 0 ends a table.
    pub setting: c_int,
    /// Its number.
    pub value: i64,
    /// Its text, of settings that are one; else NULL.
    pub text: *const c_char,
}
