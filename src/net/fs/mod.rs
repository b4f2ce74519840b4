//! File systems: `struct mg_fs`, the library's and the programs' own.
//!
//! Everything goes through the ten functions of the struct that the program chose. A missing
//! function fails. The functions may be the program's; they leave the library alone while it uses
//! them.

mod openat2;

pub mod packed;
pub mod posix;
pub mod read_file;

use super::event_loop::buf::Buf;
use super::event_loop::sys::seconds;
use crate::abi::{FileSystem, MG_FS_DIR, MG_FS_READ};
use core::ffi::{CStr, c_char, c_int, c_void};
use core::ptr::NonNull;

/// Longest path, with its NUL: `MG_PATH_MAX` of the header.
pub const PATH_MAX: usize = libc::FILENAME_MAX as usize;

/// A file system.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Fs(NonNull<FileSystem>);

/// What is known about a path without opening it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stat {
    /// Bytes.
    pub size: usize,
    /// When it was changed last, in seconds since 1970.
    pub mtime: i64,
    /// A directory.
    pub is_dir: bool,
}

/// An open file; closed when dropped.
pub struct File {
    fs: Fs,
    handle: NonNull<c_void>,
}

/// What [`open_to_serve`] found.
pub enum Found {
    /// A file.
    File(File, Stat),
    /// A directory.
    Dir,
    /// Neither, or it may not be read.
    Nothing,
}

/// Opens a file for reading, if it is one. Of the machine's files only regular ones count.
pub fn open_to_serve(fs: Fs, path: &CStr) -> Found {
    if fs.has_descriptors() {
        return posix::open_to_serve(fs, path);
    }
    match fs.stat(path) {
        Some(stat) if stat.is_dir => Found::Dir,
        Some(stat) => fs.open(path, MG_FS_READ).map_or(Found::Nothing, |file| Found::File(file, stat)),
        None => Found::Nothing,
    }
}

/// Called with the name of a directory's entry.
pub type OnName<'a> = dyn FnMut(&CStr) + 'a;

impl Fs {
    /// A handle to the file system at `fs`, or `None` for NULL.
    ///
    /// # Safety
    /// `fs` is NULL or points to a `struct mg_fs` that outlives the handle and its files, with
    /// functions that keep the contract.
    pub unsafe fn new(fs: *mut FileSystem) -> Option<Fs> {
        NonNull::new(fs).map(Fs)
    }

    /// A handle to the file system at `fs`.
    ///
    /// # Safety
    /// As for [`Fs::new`].
    pub unsafe fn at(fs: NonNull<FileSystem>) -> Fs {
        Fs(fs)
    }

    /// The pointer that C knows.
    pub fn as_ptr(self) -> *mut FileSystem {
        self.0.as_ptr()
    }

    /// The functions, as they are now.
    fn functions(self) -> FileSystem {
        // SAFETY: whoever made the handle vouched for the struct.
        unsafe { *self.0.as_ptr() }
    }

    /// True when files of this file system are the machine's and have descriptors.
    pub fn has_descriptors(self) -> bool {
        posix::made(&self.functions())
    }

    /// What there is at `path`.
    pub fn stat(self, path: &CStr) -> Option<Stat> {
        let (mut size, mut mtime): (usize, libc::time_t) = (0, 0);
        // SAFETY: the function keeps its contract; the path is a C string.
        let flags = unsafe { self.functions().st?(path.as_ptr(), &raw mut size, &raw mut mtime) };
        (flags != 0).then_some(Stat { size, mtime: seconds(mtime), is_dir: flags & MG_FS_DIR != 0 })
    }

    /// Calls `on_name` for each entry of a directory.
    pub fn list(self, path: &CStr, on_name: &mut OnName<'_>) {
        let Some(ls) = self.functions().ls else { return };
        let mut on_name: *mut OnName<'_> = on_name;
        // SAFETY: the function keeps its contract: it passes the pointer on during the call only.
        unsafe { ls(path.as_ptr(), Some(name_found), (&raw mut on_name).cast()) }
    }

    /// Opens a file with `MG_FS_*` flags.
    pub fn open(self, path: &CStr, flags: c_int) -> Option<File> {
        // SAFETY: the function keeps its contract; the path is a C string.
        let handle = unsafe { self.functions().op?(path.as_ptr(), flags) };
        Some(File { fs: self, handle: NonNull::new(handle)? })
    }

    /// Renames a file.
    pub fn rename(self, from: &CStr, to: &CStr) -> bool {
        // SAFETY: the function keeps its contract; the paths are C strings.
        self.functions().mv.is_some_and(|mv| unsafe { mv(from.as_ptr(), to.as_ptr()) })
    }

    /// Removes a file.
    pub fn remove(self, path: &CStr) -> bool {
        // SAFETY: the function keeps its contract; the path is a C string.
        self.functions().rm.is_some_and(|rm| unsafe { rm(path.as_ptr()) })
    }
}

/// Passes a name on to the closure that `param` points to.
unsafe extern "C" fn name_found(name: *const c_char, param: *mut c_void) {
    if !name.is_null() {
        // SAFETY: `Fs::list` passed a pointer to its pointer to the closure; the name is a C string.
        unsafe { (**param.cast::<*mut OnName<'_>>())(CStr::from_ptr(name)) }
    }
}

impl File {
    /// A file that the caller opened, with the handle that `fs` knows it by.
    ///
    /// # Safety
    /// `fs` can read and close `handle`, which nothing else uses.
    pub unsafe fn from_handle(fs: Fs, handle: NonNull<c_void>) -> File {
        File { fs, handle }
    }

    /// Reads up to `room` bytes to `to`; fewer at the end of the file, or when reading failed.
    ///
    /// # Safety
    /// `room` writable bytes at `to`, that nothing else accesses during the call.
    pub unsafe fn read(&mut self, to: *mut u8, room: usize) -> usize {
        let Some(rd) = self.fs.functions().rd else { return 0 };
        // SAFETY: the function keeps its contract; the caller vouches for the memory.
        unsafe { rd(self.handle.as_ptr(), to.cast(), room) }.min(room)
    }

    /// Reads up to `n` bytes to the end of `buf`. Returns how many: fewer at the end of the file,
    /// when reading failed, or without memory; none when the program's function has changed the buffer.
    pub fn append_to(&mut self, buf: Buf, n: usize) -> usize {
        if !buf.reserve(n) {
            return 0;
        }
        let (extent, len) = (buf.extent(), buf.len());
        // SAFETY: reserve has made room for n bytes after those in use.
        let got = unsafe { self.read(buf.base().add(len), n) };
        if (buf.extent(), buf.len()) != (extent, len) {
            return 0;
        }
        buf.set_len(len + got);
        got
    }

    /// Reads to the end of the file, or `limit` bytes.
    pub fn read_to_end(&mut self, limit: usize) -> Vec<u8> {
        const PIECE: usize = 16384;
        let mut out: Vec<u8> = Vec::new();
        while out.len() < limit {
            let wanted = PIECE.min(limit - out.len());
            out.reserve(wanted);
            // SAFETY: there is room for wanted bytes after those in use.
            let got = unsafe {
                let got = self.read(out.as_mut_ptr().add(out.len()), wanted);
                out.set_len(out.len() + got);
                got
            };
            if got < wanted {
                break;
            }
        }
        out
    }

    /// Writes; false when not everything was written.
    pub fn write(&mut self, bytes: &[u8]) -> bool {
        // SAFETY: a slice is readable memory of its length.
        unsafe { self.write_raw(bytes) }
    }

    /// As [`File::write`], for bytes that code of the program may change while it writes them.
    ///
    /// # Safety
    /// They are readable until it does.
    pub unsafe fn write_raw(&mut self, bytes: *const [u8]) -> bool {
        let Some(wr) = self.fs.functions().wr else { return false };
        // SAFETY: the function keeps its contract; the caller vouches for the bytes.
        unsafe { wr(self.handle.as_ptr(), bytes.cast(), bytes.len()) == bytes.len() }
    }

    /// Moves the position; false when it could not be moved there.
    pub fn seek(&mut self, offset: usize) -> bool {
        // SAFETY: the function keeps its contract.
        self.fs.functions().sk.is_some_and(|sk| unsafe { sk(self.handle.as_ptr(), offset) == offset })
    }

    /// Closes the file; false when it is known that not everything was written.
    pub fn close(self) -> bool {
        if self.descriptor().is_some() {
            return posix::close(self);
        }
        drop(self);
        true
    }

    /// The descriptor of the file, if there is one.
    pub fn descriptor(&self) -> Option<c_int> {
        // SAFETY: the handle is one of ours.
        self.fs.has_descriptors().then(|| unsafe { posix::descriptor(self.handle) })
    }

    /// The handle that C knows; the caller closes it from now on.
    pub fn into_handle(self) -> NonNull<c_void> {
        let handle = self.handle;
        core::mem::forget(self);
        handle
    }
}

impl Drop for File {
    fn drop(&mut self) {
        if let Some(cl) = self.fs.functions().cl {
            // SAFETY: the function keeps its contract; the handle is not used afterwards.
            unsafe { cl(self.handle.as_ptr()) }
        }
    }
}
