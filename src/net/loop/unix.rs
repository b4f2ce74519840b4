//! Unix-domain stream sockets: `unix:/path`. An addition of this library.

use super::sys;
use crate::codec::url::after_scheme;
use core::ffi::c_int;
use socket2::{Domain, SockAddr, Socket, Type};
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

/// The path of a `unix:` URL.
pub fn path(text: &[u8]) -> Option<&Path> {
    after_scheme(text, b"unix").map(|path| Path::new(OsStr::from_bytes(path)))
}

/// The address of a path; an error for an empty or overlong one.
pub fn address(path: &Path) -> io::Result<SockAddr> {
    if path.as_os_str().is_empty() {
        return Err(io::Error::from_raw_os_error(libc::EINVAL));
    }
    SockAddr::unix(path)
}

/// Removes a socket file that no process listens on any more, so that the path can be bound again.
pub fn remove_stale(path: &Path, addr: &SockAddr) {
    // Connecting to a file that is no socket is refused as well: it is not ours to remove.
    if !path.symlink_metadata().is_ok_and(|found| found.file_type().is_socket()) {
        return;
    }
    let Ok(probe) = Socket::new(Domain::UNIX, Type::STREAM.nonblocking().cloexec(), None) else { return };
    if probe.connect(addr).is_err_and(|e| e.kind() == io::ErrorKind::ConnectionRefused) {
        let _ = std::fs::remove_file(path);
    }
}

/// Removes the socket file of a listener that is about to close; other sockets have none.
pub fn remove_file_of(fd: c_int) {
    if let Ok(local) = sys::local_addr(fd)
        && let Some(path) = local.as_pathname()
    {
        let _ = std::fs::remove_file(path);
    }
}
