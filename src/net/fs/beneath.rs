//! Opening files that are below a directory, whatever symbolic links say.

use crate::codec::webroot::Place;
use core::ffi::{CStr, c_int};
use core::mem::size_of;
use std::ffi::CString;
use std::os::fd::{AsRawFd, FromRawFd, IntoRawFd, OwnedFd};

/// Opens a place. Symbolic links work as long as they stay below the root.
///
/// Kernels before 5.6 cannot tell: there no link is followed at all.
pub fn open(place: &Place, flags: c_int) -> Option<c_int> {
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

/// Opens each directory on the way by itself, none through a link.
fn open_step_by_step(mut dir: OwnedFd, rest: &[u8], flags: c_int) -> Option<OwnedFd> {
    let step = libc::O_PATH | libc::O_DIRECTORY | libc::O_NOFOLLOW | libc::O_CLOEXEC;
    let mut names = rest.split(|b| *b == b'/').filter(|name| !matches!(*name, b"" | b".")).peekable();
    while let Some(name) = names.next() {
        if name == b".." {
            return None;
        }
        let name = CString::new(name).ok()?;
        if names.peek().is_none() {
            return open_at(dir.as_raw_fd(), &name, flags | libc::O_NOFOLLOW);
        }
        dir = open_at(dir.as_raw_fd(), &name, step)?;
    }
    open_at(dir.as_raw_fd(), c".", flags)
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

    /// Both ways agree but for links, of which the second follows none.
    #[test]
    fn links() {
        let dir = std::env::temp_dir().join(format!("mongoose-beneath-{}", std::process::id()));
        let root = dir.join("root");
        fs::create_dir_all(root.join("sub")).unwrap();
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
        ] {
            symlink(target, root.join(name)).unwrap();
        }
        let root = root.into_os_string().into_encoded_bytes();
        let opens = |name: &str, by_steps: bool| {
            let path = [&root, name.as_bytes()].concat();
            let place = Place { path, root: root.len() };
            if !by_steps {
                return open(&place, libc::O_RDONLY).map(crate::net::sys::close).is_some();
            }
            let base = CString::new(&root[..]).unwrap();
            let base = open_at(libc::AT_FDCWD, &base, libc::O_PATH).unwrap();
            open_step_by_step(base, name.strip_prefix('/').unwrap_or(name).as_bytes(), libc::O_RDONLY)
                .is_some()
        };
        for (name, by_kernel, by_steps) in [
            ("", true, true),
            ("/sub", true, true),
            ("/sub/file", true, true),
            ("/./sub//file", true, true),
            ("/none", false, false),
            ("/inside", true, false),
            ("/dir/file", true, false),
            ("/out", false, false),
            ("/absolute", false, false),
            ("/around", false, false),
            ("/up/outside", false, false),
            ("/twice", false, false),
            ("/../outside", false, false),
        ] {
            assert_eq!(opens(name, false), by_kernel, "{name}");
            assert_eq!(opens(name, true), by_steps, "{name}");
        }
        fs::remove_dir_all(dir).unwrap();
    }
}
