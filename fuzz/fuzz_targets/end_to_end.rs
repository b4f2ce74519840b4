#![no_main]
//! Servers and clients of the whole library; the program is `tests/c/end_to_end.c`.

use mongoose as _;
// The C program is linked into this package's library.
use mongoose_fuzz as _;
use std::ffi::{CStr, c_char};

unsafe extern "C" {
    fn end_to_end_begin(certificate: *const c_char, key: *const c_char);
    fn end_to_end_input(data: *const u8, len: usize);
}

const CERTIFICATE: &str = concat!(include_str!("../../tests/tls/end_to_end.crt"), "\0");
const KEY: &str = concat!(include_str!("../../tests/tls/end_to_end.key"), "\0");

fn begin() {
    // The sockets have names, and several processes may run.
    let folder = std::env::temp_dir().join(format!("end-to-end-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a directory");
    std::env::set_current_dir(folder).expect("a directory");
    let text = |text: &'static str| CStr::from_bytes_with_nul(text.as_bytes()).expect("a NUL at the end").as_ptr();
    // SAFETY: both are texts that live for ever.
    unsafe { end_to_end_begin(text(CERTIFICATE), text(KEY)) };
}

libfuzzer_sys::fuzz_target!(init: begin(), |data: &[u8]| {
    // SAFETY: the slice is readable.
    unsafe { end_to_end_input(data.as_ptr(), data.len()) };
});
