//! Files in the program's memory: the functions of `mg_fs_packed`.
//!
//! They are in the table that the program sets at `mg_mem_files`. Programs made for releases
//! before 7.22 have functions instead, `mg_unpack` and `mg_unlist`: they serve while there is no
//! table.

use crate::abi::{FileSystem, MG_FS_DIR, MG_FS_READ, MG_FS_WRITE, MemFile};
use crate::codec::tree;
use crate::fence;
use crate::net::event_loop::arg;
use core::ffi::{CStr, c_char, c_int, c_void};
use core::ptr;
use libc::time_t;
use std::ffi::CString;

unsafe extern "C" {
    /// By its exported name: the program's copy of the variable counts.
    static mg_mem_files: *const MemFile;
    /// Name of file number `no` if the program has the functions, else NULL.
    fn mg_old_unlist(no: usize) -> *const c_char;
    /// Contents of a file if the program has the functions and there is one, else NULL.
    fn mg_old_unpack(path: *const c_char, size: *mut usize, mtime: *mut time_t) -> *const u8;
}

/// The functions of this file system.
pub const FUNCTIONS: FileSystem = FileSystem {
    st: Some(st),
    ls: Some(ls),
    op: Some(op),
    cl: Some(cl),
    rd: Some(rd),
    wr: Some(wr),
    sk: Some(sk),
    mv: Some(mv),
    rm: Some(rm),
    mkd: Some(mkd),
};

/// A file of the table.
#[derive(Clone, Copy)]
pub struct Packed {
    /// The program's memory, never NULL.
    data: *const u8,
    size: usize,
    mtime: time_t,
}

impl Packed {
    /// The contents, for as long as the program has them: for ever, unless it makes tables itself.
    pub fn bytes(&self) -> &'static [u8] {
        // SAFETY: the program vouches for its table; data is not NULL.
        unsafe { core::slice::from_raw_parts(self.data, self.size) }
    }
}

/// An open file: what the `void *` of the C functions points at.
struct Open {
    file: Packed,
    at: usize,
}

/// The files that the program has now.
fn table() -> *const MemFile {
    // SAFETY: the pointer is written by the program's thread only, between calls.
    unsafe { mg_mem_files }
}

/// Looks up a file by its exact path.
pub fn find(path: &CStr) -> Option<Packed> {
    let mut entry = table();
    if entry.is_null() {
        let (mut size, mut mtime) = (0, 0);
        // SAFETY: a C string and places to write to.
        let data = unsafe { mg_old_unpack(path.as_ptr(), &raw mut size, &raw mut mtime) };
        return (!data.is_null()).then_some(Packed { data, size, mtime });
    }
    // SAFETY: the table ends with an entry without a path; paths are C strings.
    unsafe {
        while !(*entry).path.is_null() {
            let MemFile { path: name, data, size, mtime } = *entry;
            if CStr::from_ptr(name) == path && (!data.is_null() || size == 0) {
                // An empty file without memory still needs an address that is not NULL.
                let data = if data.is_null() { name.cast() } else { data };
                return Some(Packed { data, size, mtime });
            }
            entry = entry.add(1);
        }
    }
    None
}

/// The paths of all files, in order.
fn paths() -> impl Iterator<Item = &'static CStr> {
    let start = table();
    (0..).map_while(move |n| {
        // SAFETY: the walk ends at the entry without a path; paths are C strings of the program.
        unsafe {
            let path = if start.is_null() { mg_old_unlist(n) } else { (*start.add(n)).path };
            (!path.is_null()).then(|| CStr::from_ptr(path))
        }
    })
}

unsafe extern "C" fn st(path: *const c_char, size: *mut usize, mtime: *mut time_t) -> c_int {
    fence!("mg_fs_packed.st", path: arg::c_str, size: arg::out, mtime: arg::out);
    let Some(path) = path else { return 0 };
    if let Some(file) = find(path) {
        size.set(file.size);
        mtime.set(file.mtime);
        return MG_FS_READ;
    }
    let is_dir = paths().any(|file| tree::below(file.to_bytes(), path.to_bytes()).is_some());
    if is_dir { MG_FS_DIR } else { 0 }
}

unsafe extern "C" fn ls(
    path: *const c_char,
    on_name: Option<unsafe extern "C" fn(*const c_char, *mut c_void)>,
    param: *mut c_void,
) {
    fence!("mg_fs_packed.ls", path: arg::c_str);
    let (Some(on_name), Some(dir)) = (on_name, path) else { return };
    let mut seen = std::collections::HashSet::new();
    for file in paths() {
        let Some(name) = tree::name_in(file.to_bytes(), dir.to_bytes()) else { continue };
        if seen.insert(name)
            && let Ok(name) = CString::new(name)
        {
            // SAFETY: the caller's function and its parameter.
            unsafe { on_name(name.as_ptr(), param) };
        }
    }
}

unsafe extern "C" fn op(path: *const c_char, flags: c_int) -> *mut c_void {
    fence!("mg_fs_packed.op", path: arg::c_str);
    match path.filter(|_| flags & MG_FS_WRITE == 0).and_then(find) {
        Some(file) => Box::into_raw(Box::new(Open { file, at: 0 })).cast(),
        None => ptr::null_mut(),
    }
}

unsafe extern "C" fn cl(fd: *mut c_void) {
    fence!("mg_fs_packed.cl");
    if !fd.is_null() {
        // SAFETY: the caller passes what op returned, for the last time.
        drop(unsafe { Box::from_raw(fd.cast::<Open>()) });
    }
}

unsafe extern "C" fn rd(fd: *mut c_void, buf: *mut c_void, len: usize) -> usize {
    fence!("mg_fs_packed.rd", fd: arg::opaque::<Open>, buf[len]: arg::room);
    let Some(open) = fd else { return 0 };
    let rest = &open.file.bytes()[open.at..];
    let n = rest.len().min(buf.len());
    buf[..n].copy_from_slice(&rest[..n]);
    open.at += n;
    n
}

unsafe extern "C" fn wr(_fd: *mut c_void, _buf: *const c_void, _len: usize) -> usize {
    fence!("mg_fs_packed.wr");
    0
}

unsafe extern "C" fn sk(fd: *mut c_void, offset: usize) -> usize {
    fence!("mg_fs_packed.sk", fd: arg::opaque::<Open>);
    let Some(open) = fd else { return 0 };
    open.at = offset.min(open.file.size);
    open.at
}

unsafe extern "C" fn mv(_from: *const c_char, _to: *const c_char) -> bool {
    fence!("mg_fs_packed.mv");
    false
}

unsafe extern "C" fn rm(_path: *const c_char) -> bool {
    fence!("mg_fs_packed.rm");
    false
}

unsafe extern "C" fn mkd(_path: *const c_char) -> bool {
    fence!("mg_fs_packed.mkd");
    false
}
