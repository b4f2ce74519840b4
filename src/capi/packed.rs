//! Files packed into the program.

use super::arg;
use crate::abi::{FileSystem, MemFile, Str};
use crate::fence;
use crate::net::fs::packed;
use core::ffi::c_char;
use core::ptr;

/// The file system of packed files, read-only. It sees what `mg_mem_files` points at.
///
/// Directories are what the paths of the files say; they have no time.
#[unsafe(no_mangle)]
#[allow(non_upper_case_globals)]
pub static mut mg_fs_packed: FileSystem = packed::FUNCTIONS;

/// The packed files: an array that ends with an entry whose path is NULL. NULL until the program
/// sets it, for example to `mg_packed_files`, which `mongoose-pack` makes from files.
///
/// It is looked at in each call; files that are open stay what they are.
#[unsafe(no_mangle)]
#[allow(non_upper_case_globals)]
pub static mut mg_mem_files: *const MemFile = ptr::null();

/// The contents of the packed file `path`, which is compared byte by byte.
///
/// # Returns
/// A view of the program's own array, not a copy; `{NULL, 0}` when there is no such file.
///
/// # Threads
/// Any, while no other one changes `mg_mem_files`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_unpacked(path: *const c_char) -> Str {
    fence!("mg_unpacked", path: arg::c_str);
    path.and_then(packed::find).map_or(Str::NULL, |file| Str::from(file.bytes()))
}
