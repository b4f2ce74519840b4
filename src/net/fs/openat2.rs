//! Opening files that are below a directory, whatever symbolic links say.

use crate::codec::docroot::RootedPath;
use core::ffi::{CStr, c_int};
use core::mem::size_of;
use std::ffi::CString;
use std::os::fd::{AsRawFd, FromRawFd, IntoRawFd, OwnedFd};

/// Opens a place. Symbolic links work as long as they are relative and stay below the root.
pub fn open(place: &RootedPath, flags: c_int) -> Option<c_int> {
    let (root, rest) = place.path.split_at(place.root);
    let root = CString::new(if root.is_empty() { b"/" } else { root }).ok()?;
    let rest = rest.strip_prefix(b"/").unwrap_or(rest);
    let dir = open_at(libc::AT_FDCWD, &root, libc::O_PATH | libc::O_DIRECTORY | libc::O_CLOEXEC)?;
    let path = CString::new(if rest.is_empty() { b"." } else { rest }).ok()?;
    match open_by_kernel(&dir, &path, flags) {
        Ok(fd) => Some(fd.into_raw_fd()),
        Err(libc::ENOSYS | libc::EPERM) => open_step_by_step(dir, rest, flags).map(IntoRawFd::into_raw_fd),
        Err(_) => None,
    }
}

/// How often a path is tried whose directories are renamed at the same time.
const ATTEMPTS: usize = 100;

fn open_by_kernel(dir: &OwnedFd, path: &CStr, flags: c_int) -> Result<OwnedFd, c_int> {
    // SAFETY: zeros are a valid value of the struct.
    let mut how: libc::open_how = unsafe { core::mem::zeroed() };
    how.flags = u64::from(flags.cast_unsigned());
    how.resolve = libc::RESOLVE_BENEATH | libc::RESOLVE_NO_MAGICLINKS;
    // EAGAIN means that something on the way was renamed meanwhile.
    for _ in 0..ATTEMPTS {
        // SAFETY: an open directory, a C string, and a struct of the size that is said.
        let fd = unsafe {
            libc::syscall(
                libc::SYS_openat2,
                dir.as_raw_fd(),
                path.as_ptr(),
                &raw const how,
                size_of::<libc::open_how>(),
            )
        };
        if let Ok(fd) = c_int::try_from(fd)
            && fd >= 0
        {
            // SAFETY: the descriptor is new.
            return Ok(unsafe { OwnedFd::from_raw_fd(fd) });
        }
        match std::io::Error::last_os_error().raw_os_error().unwrap_or(0) {
            libc::EINTR | libc::EAGAIN => {}
            errno => return Err(errno),
        }
    }
    Err(libc::EAGAIN)
}

/// Links on the way to a file, as many as the kernel follows.
const LINKS: usize = 40;

/// For kernels before 5.6 and sandboxes: opens each directory on the way separately, and follows
/// links by hand.
fn open_step_by_step(root: OwnedFd, rest: &[u8], flags: c_int) -> Option<OwnedFd> {
    let mut way = vec![root];
    let mut names = names(rest);
    let mut links = 0;
    while let Some(name) = names.pop() {
        if name == b".." {
            way.pop();
            way.last()?;
            continue;
        }
        let dir = way.last()?.as_raw_fd();
        let name = CString::new(name).ok()?;
        let found = open_at(dir, &name, libc::O_PATH | libc::O_NOFOLLOW | libc::O_CLOEXEC)?;
        match kind(&found)? {
            libc::S_IFLNK => {
                links += 1;
                let target = read_link(&found).filter(|t| !t.starts_with(b"/") && links <= LINKS)?;
                names.append(&mut self::names(&target));
            }
            libc::S_IFDIR => way.push(found),
            _ if names.is_empty() => return open_at(dir, &name, flags | libc::O_NOFOLLOW),
            _ => return None,
        }
    }
    open_at(way.last()?.as_raw_fd(), c".", flags)
}

/// The names of a path, the first one last.
fn names(path: &[u8]) -> Vec<Vec<u8>> {
    let names = path.split(|b| *b == b'/').filter(|name| !matches!(*name, b"" | b"."));
    names.rev().map(Vec::from).collect()
}

fn kind(fd: &OwnedFd) -> Option<libc::mode_t> {
    // SAFETY: zeros are a valid value of the struct.
    let mut st: libc::stat = unsafe { core::mem::zeroed() };
    // SAFETY: an open descriptor and a struct to be filled.
    (unsafe { libc::fstat(fd.as_raw_fd(), &raw mut st) } == 0).then_some(st.st_mode & libc::S_IFMT)
}

fn read_link(fd: &OwnedFd) -> Option<Vec<u8>> {
    let mut target = vec![0u8; super::PATH_MAX];
    // SAFETY: an open link and writable bytes of the length that is said.
    let n =
        unsafe { libc::readlinkat(fd.as_raw_fd(), c"".as_ptr(), target.as_mut_ptr().cast(), target.len()) };
    target.truncate(usize::try_from(n).ok()?);
    Some(target)
}

fn open_at(dir: c_int, path: &CStr, flags: c_int) -> Option<OwnedFd> {
    // SAFETY: a C string; no file is created.
    let fd = unsafe { libc::openat(dir, path.as_ptr(), flags) };
    // SAFETY: the descriptor is new.
    (fd >= 0).then(|| unsafe { OwnedFd::from_raw_fd(fd) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    /// The kernel's way and ours agree.
    #[test]
    fn links() {
        let dir = std::env::temp_dir().join(format!("mongoose-beneath-{}", std::process::id()));
        let root = dir.join("root");
        fs::create_dir_all(root.join("sub/deep")).unwrap();
        fs::write(dir.join("outside"), "").unwrap();
        fs::write(root.join("sub/file"), "").unwrap();
        for (target, name) in [
            ("sub/file", "inside"),
            ("../outside", "out"),
            ("/etc/passwd", "absolute"),
            ("sub/../../outside", "around"),
            ("sub", "dir"),
            ("..", "up"),
            ("out", "twice"),
            ("dir/deep/../file", "long"),
            ("../inside", "sub/back"),
            ("loop", "loop"),
        ] {
            symlink(target, root.join(name)).unwrap();
        }
        let root = root.into_os_string().into_encoded_bytes();
        let opens = |name: &str, by_hand: bool| {
            let place = RootedPath { path: [&root, name.as_bytes()].concat(), root: root.len() };
            if !by_hand {
                return open(&place, libc::O_RDONLY).map(crate::net::event_loop::sys::close).is_some();
            }
            let base = CString::new(&root[..]).unwrap();
            let base = open_at(libc::AT_FDCWD, &base, libc::O_PATH).unwrap();
            open_step_by_step(base, name.as_bytes(), libc::O_RDONLY).is_some()
        };
        for (name, expected) in [
            ("", true),
            ("/sub", true),
            ("/sub/file", true),
            ("/./sub//file", true),
            ("/none", false),
            ("/inside", true),
            ("/dir/file", true),
            ("/long", true),
            ("/sub/back", true),
            ("/sub/file/x", false),
            ("/inside/..", false),
            ("/out", false),
            ("/absolute", false),
            ("/around", false),
            ("/up", false),
            ("/up/outside", false),
            ("/twice", false),
            ("/loop", false),
            ("/../outside", false),
            ("/sub/deep/../../../outside", false),
        ] {
            assert_eq!(opens(name, false), expected, "{name}");
            assert_eq!(opens(name, true), expected, "{name} by hand");
        }
        fs::remove_dir_all(dir).unwrap();
    }
}
