//! The file system of the machine: the functions of `mg_fs_posix`.

use super::openat2;
use super::{File, Found, Fs, Stat};
use crate::abi::{FileSystem, MG_FS_DIR, MG_FS_EXCL, MG_FS_READ, MG_FS_WRITE};
use crate::codec::docroot::RootedPath;
use crate::fence;
use crate::net::event_loop::sys::seconds;
use crate::net::event_loop::{arg, process};
use core::ffi::{CStr, c_char, c_int, c_void};
use core::mem::MaybeUninit;
use core::ptr::{self, NonNull};
use libc::time_t;

/// An open file: what the `void *` of the C functions points at.
struct Open {
    fd: c_int,
    /// Where the next read of a file that is open for appending starts. Its writes go to the end
    /// and move the kernel's position, so reads need one of their own.
    reads_at: Option<libc::off_t>,
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

/// True when a function of a file system is `ours`.
macro_rules! is_ours {
    ($field:expr, $ours:expr) => {
        $field.is_some_and(|f| f as *const () == $ours as *const ())
    };
}

/// True when the files of `fs` are [`Open`]s, and nothing comes between them and the caller.
pub fn made(fs: &FileSystem) -> bool {
    is_ours!(fs.st, st)
        && is_ours!(fs.op, op)
        && is_ours!(fs.cl, cl)
        && is_ours!(fs.rd, rd)
        && is_ours!(fs.sk, sk)
}

/// The descriptor of a file.
///
/// # Safety
/// [`made`] holds for the file system of the handle.
pub unsafe fn descriptor(handle: NonNull<c_void>) -> c_int {
    // SAFETY: the caller vouches for the handle.
    unsafe { handle.cast::<Open>().as_ref() }.fd
}

/// How files are opened to be served: never waits, as opening a pipe would.
const TO_SERVE: c_int = libc::O_RDONLY | libc::O_CLOEXEC | libc::O_NONBLOCK | libc::O_NOCTTY;

/// Opens a regular file for reading, with one look at the path only, so that what is known about
/// the file is true of what was opened.
pub fn open_to_serve(fs: Fs, path: &CStr) -> Found {
    if !process::has_posix_fs() {
        return Found::Nothing;
    }
    match open(path, TO_SERVE) {
        Some(fd) => opened(fs, fd),
        // Directories that may be entered but not listed.
        None => match stat_of(path) {
            Some(st) if is(&st, libc::S_IFDIR) => Found::Dir,
            _ => Found::Nothing,
        },
    }
}

/// As [`open_to_serve`] for a file that is below its root even when symbolic links are followed.
pub fn open_beneath(fs: Fs, place: &RootedPath) -> Found {
    if !process::has_posix_fs() {
        return Found::Nothing;
    }
    match openat2::open(place, TO_SERVE) {
        Some(fd) => opened(fs, fd),
        None => match stat_beneath(place) {
            Some(known) if known.is_dir => Found::Dir,
            _ => Found::Nothing,
        },
    }
}

/// What there is at a place, unless symbolic links lead out of its root.
pub fn stat_beneath(place: &RootedPath) -> Option<Stat> {
    let fd = openat2::open(place, libc::O_PATH | libc::O_CLOEXEC)?;
    let st = stat_open(fd);
    crate::net::event_loop::sys::close(fd);
    st.map(|st| known(&st))
}

/// What a descriptor refers to; the caller owns the descriptor.
fn opened(fs: Fs, fd: c_int) -> Found {
    // SAFETY: the file has a handle of its own, and so its descriptor.
    let file = unsafe { File::from_handle(fs, handle(Open { fd, reads_at: None })) };
    match stat_open(fd) {
        Some(st) if is(&st, libc::S_IFREG) => Found::File(file, known(&st)),
        Some(st) if is(&st, libc::S_IFDIR) => Found::Dir,
        _ => Found::Nothing,
    }
}

/// Closes a file with a descriptor; false when its bytes may not have reached the disk.
pub fn close(file: File) -> bool {
    if file.descriptor().is_none() {
        return false;
    }
    // SAFETY: a file with a descriptor has a handle that came from here; it is used for the last
    // time.
    let open = unsafe { Box::from_raw(file.into_handle().cast::<Open>().as_ptr()) };
    // SAFETY: no memory involved.
    unsafe { libc::close(open.fd) == 0 || errno() == libc::EINTR }
}

/// The permission bits of a file.
pub fn permissions(path: &CStr) -> Option<libc::mode_t> {
    stat_of(path).map(|st| st.st_mode & 0o7777)
}

/// Sets the permission bits of an open file; that they stay as they are is no failure.
pub fn set_permissions(fd: c_int, mode: libc::mode_t) {
    // SAFETY: no memory involved.
    unsafe {
        libc::fchmod(fd, mode);
    }
}

fn stat_of(path: &CStr) -> Option<libc::stat> {
    // SAFETY: a C string and a struct to be filled.
    stat(|st| unsafe { libc::stat(path.as_ptr(), st) })
}

fn stat_open(fd: c_int) -> Option<libc::stat> {
    // SAFETY: a struct to be filled; a number that is no descriptor makes the call fail.
    stat(|st| unsafe { libc::fstat(fd, st) })
}

fn stat(call: impl FnOnce(*mut libc::stat) -> c_int) -> Option<libc::stat> {
    let mut st = MaybeUninit::uninit();
    // SAFETY: the call filled the struct when it returns 0.
    (call(st.as_mut_ptr()) == 0).then(|| unsafe { st.assume_init() })
}

fn is(st: &libc::stat, kind: libc::mode_t) -> bool {
    st.st_mode & libc::S_IFMT == kind
}

fn known(st: &libc::stat) -> Stat {
    Stat {
        size: usize::try_from(st.st_size).unwrap_or(0),
        mtime: seconds(st.st_mtime),
        is_dir: is(st, libc::S_IFDIR),
    }
}

fn open(path: &CStr, flags: c_int) -> Option<c_int> {
    const MODE: libc::c_uint = 0o666;
    loop {
        // SAFETY: a C string; the mode counts when the flags create.
        let fd = unsafe { libc::open(path.as_ptr(), flags, MODE) };
        if fd >= 0 {
            return Some(fd);
        }
        if errno() != libc::EINTR {
            return None;
        }
    }
}

fn errno() -> c_int {
    std::io::Error::last_os_error().raw_os_error().unwrap_or(0)
}

fn handle(open: Open) -> NonNull<c_void> {
    NonNull::from(Box::leak(Box::new(open))).cast()
}

/// Repeats `transfer` (bytes done so far -> what the system call returned) until `len` bytes are
/// done, the file ends, or it fails.
fn all(len: usize, mut transfer: impl FnMut(usize) -> isize) -> usize {
    let mut done = 0;
    while done < len {
        match transfer(done) {
            n if n > 0 => done += n as usize,
            n if n < 0 && errno() == libc::EINTR => {}
            _ => break,
        }
    }
    done
}

/// The path, unless files of the machine are not to be used.
fn usable(path: Option<&CStr>) -> Option<&CStr> {
    path.filter(|_| process::has_posix_fs())
}

unsafe extern "C" fn st(path: *const c_char, size: *mut usize, mtime: *mut time_t) -> c_int {
    fence!("mg_fs_posix.st", path: arg::c_str, size: arg::out, mtime: arg::out);
    let Some(known) = usable(path).and_then(stat_of) else { return 0 };
    let Stat { size: bytes, is_dir, .. } = self::known(&known);
    size.set(bytes);
    mtime.set(known.st_mtime);
    MG_FS_READ | MG_FS_WRITE | if is_dir { MG_FS_DIR } else { 0 }
}

unsafe extern "C" fn ls(
    path: *const c_char,
    on_name: Option<unsafe extern "C" fn(*const c_char, *mut c_void)>,
    param: *mut c_void,
) {
    fence!("mg_fs_posix.ls");
    let Some(on_name) = on_name else { return };
    if path.is_null() || !process::has_posix_fs() {
        return;
    }
    // SAFETY: a C string; the directory is closed after its last use, names live until the next
    // readdir.
    unsafe {
        let dir = libc::opendir(path);
        if dir.is_null() {
            return;
        }
        loop {
            let entry = libc::readdir(dir);
            if entry.is_null() {
                break;
            }
            let name = (&raw const (*entry).d_name).cast::<c_char>();
            if !matches!(CStr::from_ptr(name).to_bytes(), b"." | b"..") {
                on_name(name, param);
            }
        }
        libc::closedir(dir);
    }
}

unsafe extern "C" fn op(path: *const c_char, flags: c_int) -> *mut c_void {
    fence!("mg_fs_posix.op", path: arg::c_str);
    let Some(path) = usable(path) else { return ptr::null_mut() };
    let (mode, reads_at) = if flags & MG_FS_EXCL != 0 {
        (libc::O_WRONLY | libc::O_CREAT | libc::O_EXCL, None)
    } else if flags & (MG_FS_READ | MG_FS_WRITE) == MG_FS_READ {
        (libc::O_RDONLY, None)
    } else {
        (libc::O_RDWR | libc::O_CREAT | libc::O_APPEND, Some(0))
    };
    match open(path, mode | libc::O_CLOEXEC) {
        Some(fd) => handle(Open { fd, reads_at }).as_ptr(),
        None => ptr::null_mut(),
    }
}

unsafe extern "C" fn cl(fd: *mut c_void) {
    fence!("mg_fs_posix.cl");
    if !fd.is_null() {
        // SAFETY: the caller passes what op returned, for the last time.
        let open = unsafe { Box::from_raw(fd.cast::<Open>()) };
        crate::net::event_loop::sys::close(open.fd);
    }
}

unsafe extern "C" fn rd(fd: *mut c_void, buf: *mut c_void, len: usize) -> usize {
    fence!("mg_fs_posix.rd", fd: arg::opaque::<Open>);
    let Some(open) = fd.filter(|_| !buf.is_null()) else { return 0 };
    // SAFETY: the caller passes len writable bytes, of which done are written.
    unsafe {
        let fd = open.fd;
        match &mut open.reads_at {
            None => all(len, |done| libc::read(fd, buf.add(done), len - done)),
            Some(at) => {
                let done = all(len, |done| {
                    libc::pread(fd, buf.add(done), len - done, at.saturating_add(done as libc::off_t))
                });
                *at = at.saturating_add(done as libc::off_t);
                done
            }
        }
    }
}

unsafe extern "C" fn wr(fd: *mut c_void, buf: *const c_void, len: usize) -> usize {
    fence!("mg_fs_posix.wr", fd: arg::opaque::<Open>);
    let Some(open) = fd.filter(|_| !buf.is_null()) else { return 0 };
    // SAFETY: the caller passes len readable bytes, of which done are written.
    all(len, |done| unsafe { libc::write(open.fd, buf.add(done), len - done) })
}

unsafe extern "C" fn sk(fd: *mut c_void, offset: usize) -> usize {
    fence!("mg_fs_posix.sk", fd: arg::opaque::<Open>);
    let Some(open) = fd else { return 0 };
    let to = libc::off_t::try_from(offset).ok();
    let position = match &mut open.reads_at {
        Some(at) => {
            *at = to.unwrap_or(*at);
            *at
        }
        // SAFETY: no memory involved.
        None => unsafe {
            let moved = to.map_or(-1, |to| libc::lseek(open.fd, to, libc::SEEK_SET));
            if moved >= 0 { moved } else { libc::lseek(open.fd, 0, libc::SEEK_CUR) }
        },
    };
    usize::try_from(position).unwrap_or(0)
}

unsafe extern "C" fn mv(from: *const c_char, to: *const c_char) -> bool {
    fence!("mg_fs_posix.mv", from: arg::c_str, to: arg::c_str);
    let Some((from, to)) = usable(from).zip(to) else { return false };
    // SAFETY: two C strings.
    unsafe { libc::rename(from.as_ptr(), to.as_ptr()) == 0 }
}

unsafe extern "C" fn rm(path: *const c_char) -> bool {
    fence!("mg_fs_posix.rm", path: arg::c_str);
    // SAFETY: a C string.
    usable(path).is_some_and(|path| unsafe { libc::remove(path.as_ptr()) == 0 })
}

unsafe extern "C" fn mkd(path: *const c_char) -> bool {
    fence!("mg_fs_posix.mkd", path: arg::c_str);
    // SAFETY: a C string.
    usable(path).is_some_and(|path| unsafe { libc::mkdir(path.as_ptr(), 0o775) == 0 })
}
