//! Settings of the whole process, and what the program was compiled with.
//!
//! The header makes a table of the macros that a program sets, `mg_options`. The shim has an empty
//! one, which the program's comes before, as with the functions that a program may replace.

use crate::abi::{ProgramOption, Setting};
use core::ffi::{CStr, c_char};
use core::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

unsafe extern "C" {
    /// By its exported name: a program may define its own. As many entries as there are up to the
    /// one that ends the table.
    static mg_options: [ProgramOption; 0];
}

/// The table of the program, or the library's empty one.
pub fn table() -> *const ProgramOption {
    (&raw const mg_options).cast()
}

/// Not asked for yet.
const UNKNOWN: i64 = -1;

static JSON_DEPTH: AtomicI64 = AtomicI64::new(UNKNOWN);
static LOG: AtomicI64 = AtomicI64::new(UNKNOWN);
static POSIX_FS: AtomicI64 = AtomicI64::new(UNKNOWN);
static TEXTS: Mutex<Vec<(Setting, Vec<u8>)>> = Mutex::new(Vec::new());

fn place(setting: Setting) -> Option<&'static AtomicI64> {
    match setting {
        Setting::MG_SET_JSON_DEPTH => Some(&JSON_DEPTH),
        Setting::MG_SET_LOG => Some(&LOG),
        Setting::MG_SET_POSIX_FS => Some(&POSIX_FS),
        _ => None,
    }
}

/// The value of a setting of the process.
fn get(place: &AtomicI64, setting: Setting) -> i64 {
    match place.load(Relaxed) {
        UNKNOWN => first(place, setting),
        value => value,
    }
}

/// The value that the program was compiled with, or else the default.
#[cold]
fn first(place: &AtomicI64, setting: Setting) -> i64 {
    let limits = setting.limits();
    let mut value = limits.default;
    // SAFETY: the library's table or the program's, which the header made.
    unsafe {
        each(table(), |option| {
            if option.setting == setting as i32 && limits.allow(option.value) {
                value = option.value;
            }
        });
    }
    // What was set meanwhile stays.
    match place.compare_exchange(UNKNOWN, value, Relaxed, Relaxed) {
        Ok(_) => value,
        Err(set) => set,
    }
}

/// Changes a setting of the process. False when the value makes no sense, or it is none of these.
pub fn set(setting: Setting, value: i64) -> bool {
    let Some(place) = place(setting).filter(|_| setting.limits().allow(value)) else { return false };
    place.store(value, Relaxed);
    true
}

/// Containers that may be open at a time in JSON text.
pub fn json_depth() -> u32 {
    get(&JSON_DEPTH, Setting::MG_SET_JSON_DEPTH) as u32
}

/// Whether the library logs lines of its own.
pub fn logs() -> bool {
    get(&LOG, Setting::MG_SET_LOG) != 0
}

/// Whether files of the machine may be used.
pub fn has_posix_fs() -> bool {
    get(&POSIX_FS, Setting::MG_SET_POSIX_FS) != 0
}

/// The text of a setting of the process: what was set last, or else what the program was compiled with.
pub fn text(setting: Setting) -> Option<Vec<u8>> {
    let texts = TEXTS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, text)) = texts.iter().find(|(s, _)| *s == setting) {
        return Some(text.clone());
    }
    let mut found = None;
    // SAFETY: as in `first`.
    unsafe {
        each(table(), |option| {
            if option.setting == setting as i32 && !option.text.is_null() {
                found = Some(c_text(option.text).to_vec());
            }
        });
    }
    found
}

/// Changes a text of the process.
pub fn set_process_text(setting: Setting, text: &[u8]) {
    let mut texts = TEXTS.lock().unwrap_or_else(PoisonError::into_inner);
    texts.retain(|(s, _)| *s != setting);
    texts.push((setting, text.to_vec()));
}

/// The entries of a table.
///
/// # Safety
/// `at` is NULL or a table that ends with setting 0; texts are C strings or NULL.
pub unsafe fn each(mut at: *const ProgramOption, mut f: impl FnMut(&ProgramOption)) {
    // SAFETY: the caller vouches for the table; the last entry ends the walk.
    unsafe {
        while !at.is_null() && (*at).setting != 0 {
            f(&*at);
            at = at.add(1);
        }
    }
}

/// The text of an entry.
///
/// # Safety
/// `text` is NULL or a C string.
pub unsafe fn c_text<'a>(text: *const c_char) -> &'a [u8] {
    // SAFETY: the caller passes a C string or NULL.
    if text.is_null() { &[] } else { unsafe { CStr::from_ptr(text) }.to_bytes() }
}
