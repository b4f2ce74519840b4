//! File systems and whole files.

use super::arg;
use crate::abi::{FileHandle, FileSystem, Str};
use crate::fence;
use crate::net::event_loop::mem;
use crate::net::fs::{File, Fs, PATH_MAX, posix, read_file};
use core::ffi::{CStr, c_char, c_int, c_void};
use core::ptr::{self, NonNull};
use std::ffi::CString;

/// The file system of the machine.
///
/// Reading starts at the start of a file. Every other way of opening one creates it if needed, and
/// writes at its end; `MG_FS_EXCL` only creates. Descriptors are closed on exec.
#[unsafe(no_mangle)]
#[allow(non_upper_case_globals)]
pub static mut mg_fs_posix: FileSystem = posix::FUNCTIONS;

/// The machine's file system, as the program may have changed it.
pub(super) fn posix() -> Fs {
    // SAFETY: the variable lives for ever, and holds functions that keep the contract.
    unsafe { Fs::at(NonNull::new_unchecked(&raw mut mg_fs_posix)) }
}

/// Opens a file with `MG_FS_*` flags.
///
/// # Returns
/// A file to be used with the functions of `fs` on its `fd`, and closed by `mg_fs_close`; NULL when
/// it could not be opened.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_fs_open(
    fs: *mut FileSystem,
    path: *const c_char,
    flags: c_int,
) -> *mut FileHandle {
    fence!("mg_fs_open", fs: arg::file_system, path: arg::c_str);
    let Some((fs, path)) = fs.zip(path) else { return ptr::null_mut() };
    let Some(file) = fs.open(path, flags) else { return ptr::null_mut() };
    let out = mem::alloc(size_of::<FileHandle>()).cast::<FileHandle>();
    if !out.is_null() {
        // SAFETY: fresh memory of its size.
        unsafe { out.write(FileHandle { fd: file.into_handle().as_ptr(), fs: fs.as_ptr() }) };
    }
    out
}

/// Closes a file of `mg_fs_open`; NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_fs_close(fd: *mut FileHandle) {
    fence!("mg_fs_close");
    if fd.is_null() {
        return;
    }
    // SAFETY: the caller passes what mg_fs_open returned, for the last time.
    unsafe {
        let FileHandle { fd: handle, fs } = fd.read();
        mem::release(fd.cast());
        if let Some((fs, handle)) = Fs::new(fs).zip(NonNull::new(handle)) {
            drop(File::from_handle(fs, handle));
        }
    }
}

/// Lists a directory step by step: replaces the name in `buf` by the next one. Begin with an empty
/// `buf`:
///
/// ```c
/// char buf[256] = "";
/// while (mg_fs_ls(&mg_fs_posix, ".", buf, sizeof(buf))) printf("%s\n", buf);
/// ```
///
/// Each step lists the directory anew.
///
/// # Returns
/// false, and an empty `buf`, at the end; also when the name in `buf` is not in the directory any
/// more, or the next one does not fit into `len` bytes with its NUL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_fs_ls(
    fs: *mut FileSystem,
    path: *const c_char,
    buf: *mut c_char,
    len: usize,
) -> bool {
    fence!("mg_fs_ls", fs: arg::file_system, path: arg::c_str, buf[len]: arg::room);
    fs.zip(path).is_some_and(|(fs, path)| read_file::next_name(fs, path, buf))
}

/// Reads a whole file.
///
/// # Returns
/// The contents, with a NUL after them, to be released by `mg_free(result.buf)`. An empty file has a
/// `buf`, too. `{NULL, 0}` when the file cannot be read whole, is a directory, or `path` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_file_read(fs: *mut FileSystem, path: *const c_char) -> Str {
    fence!("mg_file_read", fs: arg::file_system, path: arg::c_str);
    let file = fs.zip(path).and_then(|(fs, path)| read_file::read(fs, path));
    file.map_or(Str::NULL, |(buf, len)| Str { buf: buf.cast(), len })
}

/// Replaces a file, or makes it: writes `len` bytes to a temporary file beside it, which then takes
/// its name. So a reader, or a crash, finds the old contents or the new.
///
/// The permissions stay; a symbolic link becomes a file. `buf` may be NULL when `len` is 0.
///
/// # Returns
/// false when that failed; the old file is then untouched, unless `fs` is the program's own and
/// cannot rename onto an existing file.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_file_write(
    fs: *mut FileSystem,
    path: *const c_char,
    buf: *const c_void,
    len: usize,
) -> bool {
    fence!("mg_file_write", fs: arg::file_system, path: arg::c_str, buf[len]: arg::data);
    let Some((fs, path)) = fs.zip(path) else { return false };
    temporary_beside(path).is_some_and(|temporary| read_file::replace(fs, path, &temporary, buf))
}

unsafe extern "C" {
    /// Replaces a file, or makes it, by formatted text: `mg_mprintf` and then `mg_file_write`. What
    /// follows a NUL in the text is left out.
    ///
    /// # Returns
    /// false when that failed.
    pub fn mg_file_printf(fs: *mut FileSystem, path: *const c_char, fmt: *const c_char, ...) -> bool;
}

/// A fresh name beside `path`, unless it would be too long.
fn temporary_beside(path: &CStr) -> Option<CString> {
    const RANDOM: usize = 9;
    let random = mem::random_text::<{ RANDOM + 1 }>();
    let name = [path.to_bytes(), b"..", &random[..RANDOM]].concat();
    if name.len() >= PATH_MAX { None } else { CString::new(name).ok() }
}
