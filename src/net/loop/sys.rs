//! System calls that have no safe wrapper in the crates we use: each returns `io::Result`.

use super::buf::Buf;
use core::ffi::{c_int, c_void};
use core::mem::size_of;
use core::ptr;
use socket2::{SockAddr, SockRef};
use std::io;
use std::net::Ipv4Addr;
use std::os::fd::BorrowedFd;

/// Turns -1 into the error of `errno`.
fn check(result: isize) -> io::Result<usize> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result as usize) }
}

/// Repeats a call that a signal interrupted.
fn retry(mut call: impl FnMut() -> isize) -> io::Result<usize> {
    loop {
        match check(call()) {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// Reads up to `room` bytes after the bytes in use. The caller made room.
pub fn recv(fd: c_int, buf: Buf, room: usize) -> io::Result<usize> {
    debug_assert!(room <= buf.size() - buf.len());
    // SAFETY: the buffer has `room` bytes after its length.
    retry(|| unsafe { libc::recv(fd, buf.base().add(buf.len()).cast(), room, libc::MSG_DONTWAIT) })
}

/// As [`recv`] for a descriptor that is not a socket. Asks first, so that it never blocks.
pub fn read(fd: c_int, buf: Buf, room: usize) -> io::Result<usize> {
    wait_ready(fd, libc::POLLIN)?;
    // SAFETY: the buffer has `room` bytes after its length.
    retry(|| unsafe { libc::read(fd, buf.base().add(buf.len()).cast(), room) })
}

/// True when there is something to read (or the end of the stream) at a socket.
pub fn has_input(fd: c_int) -> bool {
    let mut byte = 0u8;
    let flags = libc::MSG_PEEK | libc::MSG_DONTWAIT;
    // SAFETY: one writable byte.
    retry(|| unsafe { libc::recv(fd, (&raw mut byte).cast(), 1, flags) }).is_ok()
}

/// Copies what a socket has, as far as there is room, and leaves it there.
pub fn peek(fd: c_int, room: &mut [u8]) -> io::Result<usize> {
    let flags = libc::MSG_PEEK | libc::MSG_DONTWAIT;
    // SAFETY: a slice is writable memory of its length.
    retry(|| unsafe { libc::recv(fd, room.as_mut_ptr().cast(), room.len(), flags) })
}

/// Reads what a socket has, as far as there is room.
pub fn take(fd: c_int, room: &mut [u8]) -> io::Result<usize> {
    // SAFETY: a slice is writable memory of its length.
    retry(|| unsafe { libc::recv(fd, room.as_mut_ptr().cast(), room.len(), libc::MSG_DONTWAIT) })
}

/// Sends from memory. `more`: other bytes follow at once, so a packet need not leave half full.
pub fn send(fd: c_int, bytes: &[u8], more: bool) -> io::Result<usize> {
    let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL | if more { libc::MSG_MORE } else { 0 };
    // SAFETY: a slice is readable memory of its length.
    retry(|| unsafe { libc::send(fd, bytes.as_ptr().cast(), bytes.len(), flags) })
}

/// Sends two pieces as if they were one; more follows at once.
pub fn send_pieces(fd: c_int, pieces: [&[u8]; 2]) -> io::Result<usize> {
    let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL | libc::MSG_MORE;
    let mut vectors =
        pieces.map(|piece| libc::iovec { iov_base: piece.as_ptr().cast_mut().cast(), iov_len: piece.len() });
    // SAFETY: all bytes zero is a valid message header.
    let mut message: libc::msghdr = unsafe { core::mem::zeroed() };
    message.msg_iov = vectors.as_mut_ptr();
    message.msg_iovlen = vectors.len() as _;
    // SAFETY: the message points to the vectors, and they to readable memory, which sendmsg does not write to.
    retry(|| unsafe { libc::sendmsg(fd, &raw const message, flags) })
}

/// Lets the kernel copy from a file to a non-blocking socket. 0: the file ends at `at`, or before.
pub fn sendfile(fd: c_int, file: c_int, at: u64, len: usize) -> io::Result<usize> {
    let mut at = libc::off_t::try_from(at).map_err(io::Error::other)?;
    // SAFETY: at is valid for writing.
    retry(|| unsafe { libc::sendfile(fd, file, &raw mut at, len) })
}

/// True when calls on this descriptor return at once.
pub fn is_nonblocking(fd: c_int) -> bool {
    // SAFETY: no memory involved.
    let flags = unsafe { libc::fcntl(fd, libc::F_GETFL) };
    flags >= 0 && flags & libc::O_NONBLOCK != 0
}

/// As [`send`] for a descriptor that is not a socket. Asks first, so that it never blocks: a pipe
/// that is ready takes `PIPE_BUF` bytes.
pub fn write(fd: c_int, bytes: &[u8]) -> io::Result<usize> {
    wait_ready(fd, libc::POLLOUT)?;
    let len = bytes.len().min(libc::PIPE_BUF);
    // SAFETY: a slice is readable memory of its length.
    retry(|| unsafe { libc::write(fd, bytes.as_ptr().cast(), len) })
}

/// Runs `f` on the socket with a number; an error when there is no such descriptor.
pub fn with_socket<R>(fd: c_int, f: impl FnOnce(SockRef<'_>) -> io::Result<R>) -> io::Result<R> {
    if fd < 0 {
        return Err(io::Error::from_raw_os_error(libc::EBADF));
    }
    // SAFETY: fd is not -1; a number that is no open descriptor makes the calls of f fail.
    let borrowed = unsafe { BorrowedFd::borrow_raw(fd) };
    f(SockRef::from(&borrowed))
}

fn wait_ready(fd: c_int, events: i16) -> io::Result<()> {
    let mut p = libc::pollfd { fd, events, revents: 0 };
    // SAFETY: one pollfd.
    match retry(|| unsafe { libc::poll(&raw mut p, 1, 0) } as isize)? {
        0 => Err(io::ErrorKind::WouldBlock.into()),
        _ => Ok(()),
    }
}

/// Sends one datagram.
pub fn send_to(fd: c_int, bytes: &[u8], to: &SockAddr) -> io::Result<usize> {
    let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
    // SAFETY: slice and address are readable memory of their lengths.
    retry(|| unsafe {
        libc::sendto(fd, bytes.as_ptr().cast(), bytes.len(), flags, to.as_ptr().cast(), to.len())
    })
}

/// Receives one datagram after the bytes in use, and who sent it.
pub fn recv_from(fd: c_int, buf: Buf, room: usize) -> io::Result<(usize, SockAddr)> {
    debug_assert!(room <= buf.size() - buf.len());
    loop {
        // SAFETY: try_init hands out storage and length for exactly this use; the buffer has `room`
        // bytes after its length.
        let result = unsafe {
            SockAddr::try_init(|storage, len| {
                let at = buf.base().add(buf.len()).cast();
                check(libc::recvfrom(fd, at, room, libc::MSG_DONTWAIT, storage.cast(), len))
            })
        };
        match result {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// Accepts one connection: non-blocking, closed on exec.
pub fn accept(fd: c_int) -> io::Result<(c_int, SockAddr)> {
    let flags = libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
    loop {
        // SAFETY: try_init hands out storage and length for exactly this use.
        let result = unsafe {
            SockAddr::try_init(|storage, len| {
                check(libc::accept4(fd, storage.cast(), len, flags) as isize).map(|fd| fd as c_int)
            })
        };
        match result {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// The local address of a socket.
pub fn local_addr(fd: c_int) -> io::Result<SockAddr> {
    // SAFETY: try_init hands out storage and length for exactly this use.
    unsafe { SockAddr::try_init(|storage, len| check(libc::getsockname(fd, storage.cast(), len) as isize)) }
        .map(|(_, addr)| addr)
}

/// Takes the pending error of a socket: 0 when there is none.
pub fn take_error(fd: c_int) -> c_int {
    socket_option(fd, libc::SO_ERROR).unwrap_or(0)
}

/// An integer option of a socket.
fn socket_option(fd: c_int, name: c_int) -> Option<c_int> {
    let mut value: c_int = 0;
    let mut len = size_of::<c_int>() as libc::socklen_t;
    // SAFETY: value and len are valid for writing.
    let result =
        unsafe { libc::getsockopt(fd, libc::SOL_SOCKET, name, (&raw mut value).cast(), &raw mut len) };
    (result == 0).then_some(value)
}

/// Sets an integer socket option. False when the socket has no such option.
pub fn set_option(fd: c_int, level: c_int, name: c_int, value: c_int) -> bool {
    let size = size_of::<c_int>() as libc::socklen_t;
    // SAFETY: value is readable for its size.
    unsafe { libc::setsockopt(fd, level, name, (&raw const value).cast(), size) == 0 }
}

/// True for a socket that listens.
pub fn is_listening(fd: c_int) -> bool {
    socket_option(fd, libc::SO_ACCEPTCONN) == Some(1)
}

/// Closes a descriptor in programs that this one starts.
pub fn set_close_on_exec(fd: c_int) {
    // SAFETY: no memory involved.
    unsafe {
        libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC);
    }
}

/// Sets a number that is an option of a socket; false when the system refuses.
pub fn try_option(fd: c_int, level: c_int, name: c_int, value: c_int) -> bool {
    let size = size_of::<c_int>() as libc::socklen_t;
    // SAFETY: value is readable for its size.
    unsafe { libc::setsockopt(fd, level, name, (&raw const value).cast(), size) == 0 }
}

/// Makes a descriptor non-blocking.
pub fn set_nonblocking(fd: c_int) {
    // SAFETY: no memory involved.
    unsafe {
        libc::fcntl(fd, libc::F_SETFL, libc::fcntl(fd, libc::F_GETFL) | libc::O_NONBLOCK);
    }
}

/// True for a descriptor that is open for reading.
pub fn may_read(fd: c_int) -> bool {
    // SAFETY: no memory involved.
    let flags = unsafe { libc::fcntl(fd, libc::F_GETFL) };
    flags != -1 && flags & libc::O_ACCMODE != libc::O_WRONLY
}

/// The type of a socket (`SOCK_STREAM` and so on); `None` for other descriptors.
pub fn socket_type(fd: c_int) -> Option<c_int> {
    socket_option(fd, libc::SO_TYPE)
}

/// Tells the peer of a socket that nothing more will be sent.
pub fn shut_output(fd: c_int) {
    // SAFETY: no memory involved; a number that is no socket only makes the call fail.
    unsafe {
        libc::shutdown(fd, libc::SHUT_WR);
    }
}

/// Reads and drops what a socket has received, up to a bound.
pub fn discard_input(fd: c_int) {
    let mut scrap = [0u8; 16 * 1024];
    for _ in 0..4 {
        // SAFETY: scrap is writable for its length.
        let n =
            retry(|| unsafe { libc::recv(fd, scrap.as_mut_ptr().cast(), scrap.len(), libc::MSG_DONTWAIT) });
        if !n.is_ok_and(|n| n == scrap.len()) {
            return;
        }
    }
}

/// Says why a function of the interface has failed whose result cannot.
pub fn set_errno(errno: c_int) {
    // SAFETY: the thread's own variable.
    unsafe {
        #[cfg(any(target_os = "linux", target_os = "l4re"))]
        let at = libc::__errno_location();
        #[cfg(target_vendor = "apple")]
        let at = libc::__error();
        *at = errno;
    }
}

/// Closes a descriptor.
pub fn close(fd: c_int) {
    // SAFETY: closing a number that is no descriptor only returns an error.
    unsafe {
        libc::close(fd);
    }
}

/// A new eventfd: non-blocking, closed on exec.
pub fn eventfd() -> io::Result<c_int> {
    // SAFETY: no memory involved.
    check(unsafe { libc::eventfd(0, libc::EFD_NONBLOCK | libc::EFD_CLOEXEC) } as isize).map(|fd| fd as c_int)
}

/// Makes an eventfd readable.
pub fn signal(fd: c_int) -> bool {
    let one = 1u64;
    // SAFETY: eight readable bytes.
    retry(|| unsafe { libc::write(fd, (&raw const one).cast::<c_void>(), 8) }).is_ok()
}

/// Takes the signals of an eventfd.
pub fn drain_eventfd(fd: c_int) {
    let mut count = 0u64;
    // SAFETY: eight writable bytes. The descriptor is non-blocking.
    let _ = retry(|| unsafe { libc::read(fd, (&raw mut count).cast::<c_void>(), 8) });
}

/// Ignores SIGPIPE in this process: writing to a closed connection is an error, not a signal.
pub fn ignore_sigpipe() {
    // SAFETY: SIG_IGN is a valid disposition.
    unsafe {
        libc::signal(libc::SIGPIPE, libc::SIG_IGN);
    }
}

/// Sleeps; returns early on a signal.
pub fn sleep_ms(ms: c_int) {
    // SAFETY: no descriptors.
    unsafe {
        libc::poll(ptr::null_mut(), 0, ms);
    }
}

/// Starts to connect; `EINPROGRESS` is the usual answer.
pub fn connect(fd: c_int, to: &SockAddr) -> io::Result<usize> {
    // SAFETY: the address is readable memory of its length.
    check(unsafe { libc::connect(fd, to.as_ptr().cast(), to.len()) } as isize)
}

/// The IPv4 addresses of the interfaces that are up and reach groups. A machine that has only
/// itself reaches them on its loopback interface.
pub fn multicast_interfaces() -> Vec<Ipv4Addr> {
    let mut list: *mut libc::ifaddrs = ptr::null_mut();
    // SAFETY: list is valid for writing.
    if unsafe { libc::getifaddrs(&raw mut list) } != 0 {
        return Vec::new();
    }
    let mut found = Vec::new();
    let mut at = list;
    // SAFETY: the system's list, read only until it is freed below.
    while let Some(entry) = unsafe { at.as_ref() } {
        at = entry.ifa_next;
        // SAFETY: the address is NULL or valid; its family tells its type.
        let address = unsafe {
            let is_ip4 = |a: &&libc::sockaddr| c_int::from(a.sa_family) == libc::AF_INET;
            let sockaddr = entry.ifa_addr.as_ref().filter(is_ip4).map(ptr::from_ref);
            sockaddr
                .map(|a| Ipv4Addr::from_bits(u32::from_be((*a.cast::<libc::sockaddr_in>()).sin_addr.s_addr)))
        };
        let flags = entry.ifa_flags as c_int;
        if let Some(address) = address.filter(|_| flags & libc::IFF_UP != 0) {
            found.push((flags & libc::IFF_MULTICAST != 0, address));
        }
    }
    // SAFETY: what getifaddrs made; nothing points into it any more.
    unsafe { libc::freeifaddrs(list) };
    let any = found.iter().any(|(is_multicast, _)| *is_multicast);
    found.into_iter().filter(|(is_multicast, _)| *is_multicast || !any).map(|(_, address)| address).collect()
}

/// An error unless the socket has a peer.
pub fn peer_error(fd: c_int) -> io::Result<SockAddr> {
    // SAFETY: try_init hands out storage and length for exactly this use.
    unsafe { SockAddr::try_init(|storage, len| check(libc::getpeername(fd, storage.cast(), len) as isize)) }
        .map(|(_, addr)| addr)
}

/// Gives free memory back to the system, where the allocator can do that.
pub fn release_free_memory() {
    #[cfg(target_env = "gnu")]
    // SAFETY: takes a number; any thread may call it at any time.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// A time of C in seconds, which has 32 bits on some platforms.
#[allow(clippy::useless_conversion, reason = "it is none where `time_t` has 32 bits")]
pub fn seconds(time: libc::time_t) -> i64 {
    time.into()
}

/// A time in seconds since 1970 as people here write it: `2024/02/29 12:00:00`.
pub fn local_time(seconds: i64) -> Option<String> {
    let seconds = libc::time_t::try_from(seconds).ok()?;
    let mut tm = core::mem::MaybeUninit::<libc::tm>::zeroed();
    // SAFETY: both pointers are to this function's own memory.
    let tm = unsafe {
        if libc::localtime_r(&raw const seconds, tm.as_mut_ptr()).is_null() {
            return None;
        }
        tm.assume_init()
    };
    let (year, month) = (i64::from(tm.tm_year) + 1900, tm.tm_mon + 1);
    let (day, hour, min, sec) = (tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
    Some(format!("{year:04}/{month:02}/{day:02} {hour:02}:{min:02}:{sec:02}"))
}

/// How many descriptors this process may have.
pub fn descriptors() -> i64 {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the struct is valid for writes.
    let known = unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) } == 0;
    if known { i64::try_from(limit.rlim_cur).unwrap_or(i64::MAX) } else { i64::MAX }
}
