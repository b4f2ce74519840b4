//! File systems.

use core::ffi::{c_char, c_int, c_uchar, c_void};
use libc::time_t;

/// Flags of `mg_fs.st` results and of `mg_fs_open`.
#[repr(C)]
#[allow(non_camel_case_types)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FsFlag {
    /// Readable; open for reading.
    MG_FS_READ = 1,
    /// Writable; open for writing, at the end of the file.
    MG_FS_WRITE = 2,
    /// A directory.
    MG_FS_DIR = 4,
    /// Open only if the file does not exist yet.
    MG_FS_EXCL = 8,
}

enum_constants!(FsFlag as c_int: MG_FS_READ, MG_FS_WRITE, MG_FS_DIR, MG_FS_EXCL);

/// A file system: ten functions. Programs may write their own.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct FileSystem {
    /// Type of a file as `MG_FS_*` flags, 0 if there is none; `size` and `mtime` may be NULL.
    pub st: Option<unsafe extern "C" fn(path: *const c_char, size: *mut usize, mtime: *mut time_t) -> c_int>,
    /// Calls `fn` with the name of each entry of a directory.
    pub ls: Option<
        unsafe extern "C" fn(
            path: *const c_char,
            r#fn: Option<unsafe extern "C" fn(name: *const c_char, param: *mut c_void)>,
            param: *mut c_void,
        ),
    >,
    /// Opens a file with `MG_FS_*` flags; NULL on failure.
    pub op: Option<unsafe extern "C" fn(path: *const c_char, flags: c_int) -> *mut c_void>,
    /// Closes a file.
    pub cl: Option<unsafe extern "C" fn(fd: *mut c_void)>,
    /// Reads at most `len` bytes; returns how many.
    pub rd: Option<unsafe extern "C" fn(fd: *mut c_void, buf: *mut c_void, len: usize) -> usize>,
    /// Writes `len` bytes; returns how many were written.
    pub wr: Option<unsafe extern "C" fn(fd: *mut c_void, buf: *const c_void, len: usize) -> usize>,
    /// Sets the position; returns the new one.
    pub sk: Option<unsafe extern "C" fn(fd: *mut c_void, offset: usize) -> usize>,
    /// Renames.
    pub mv: Option<unsafe extern "C" fn(from: *const c_char, to: *const c_char) -> bool>,
    /// Removes a file.
    pub rm: Option<unsafe extern "C" fn(path: *const c_char) -> bool>,
    /// Makes a directory.
    pub mkd: Option<unsafe extern "C" fn(path: *const c_char) -> bool>,
}

/// An open file.
#[repr(C)]
#[derive(Debug)]
pub struct FileHandle {
    /// What `fs->op` returned.
    pub fd: *mut c_void,
    /// The file system it is from.
    pub fs: *mut FileSystem,
}

/// A file in memory. An array of these, ended by an entry of zeros, is a packed file system.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct MemFile {
    /// Path, with a leading slash.
    pub path: *const c_char,
    /// Contents, with one NUL after them.
    pub data: *const c_uchar,
    /// Bytes of contents, without the NUL.
    pub size: usize,
    /// When it was changed last.
    pub mtime: time_t,
}
