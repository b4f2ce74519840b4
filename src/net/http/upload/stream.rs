//! Uploads of any length: the body goes to a file, or into the firmware, as it arrives.

use crate::abi::{Connection, HttpMessage, MG_EV_CLOSE, MG_EV_ERROR, MG_EV_READ, MG_FS_WRITE, flag};
use crate::codec::http::chunked::{ChunkPart, Chunked};
use crate::codec::path::is_sane;
use crate::fence;
use crate::net::event_loop::arg;
use crate::net::event_loop::handle::Conn;
use crate::net::event_loop::log;
use crate::net::event_loop::take_cell::TakeCell;
use crate::net::fs::{File, Fs, PATH_MAX};
use crate::net::http::serve::{Request, reply};
use crate::net::ota;
use core::ffi::{CStr, c_char, c_int, c_void};
use core::ptr;
use std::ffi::CString;

/// Called with NULL when the file is complete, else with what went wrong.
pub type OnDone = Option<unsafe extern "C" fn(c: *mut Connection, err: *const c_char)>;

/// The upload that a connection receives.
#[derive(Default)]
struct UploadState(TakeCell<Upload>);

impl UploadState {
    fn of(c: Conn<'_>) -> Option<&UploadState> {
        c.state()?.extensions.get()
    }

    fn attach(c: Conn<'_>) -> Option<&UploadState> {
        c.state()?.extension()
    }
}

/// True while a connection receives an upload.
pub fn is_receiving(c: Conn) -> bool {
    UploadState::of(c).is_some_and(|state| state.0.is_some())
}

struct Upload {
    target: Destination,
    left: Left,
    /// Bytes of the body at the front of `recv` that wait to be written, freed from chunk framing.
    ready: usize,
    on_done: OnDone,
}

/// Where the body goes.
enum Destination {
    File(File),
    Firmware,
}

impl Destination {
    /// Writes; false when not everything was written.
    ///
    /// # Safety
    /// The bytes are readable until code of the program changes them.
    unsafe fn write(&mut self, bytes: *const [u8]) -> bool {
        // SAFETY: the caller vouches for the bytes.
        unsafe {
            match self {
                Destination::File(file) => file.write_raw(bytes),
                Destination::Firmware => ota::write(bytes),
            }
        }
    }

    /// The end; says what went wrong in it.
    fn close(self) -> Option<&'static CStr> {
        match self {
            Destination::File(file) => (!file.close()).then_some(c"write error"),
            Destination::Firmware => (!ota::end()).then_some(c"OTA finalize failed"),
        }
    }
}

/// What is still to come.
enum Left {
    Bytes(usize),
    Chunks(Chunked),
    UntilClose,
}

/// The file grows by multiples of this, until the rest.
const BLOCK: usize = 512;

/// Starts an upload of the body of `hm` to `name` in `dir`.
///
/// # Safety
/// `hm` is the message of the handler that runs, and its views are valid.
pub unsafe fn start(c: Conn, hm: *const HttpMessage, name: &[u8], dir: &[u8], fs: Fs, on_done: OnDone) {
    if !is_sane(name) || name.contains(&0) {
        return tell(c, on_done, Some(c"bad name"));
    }
    // SAFETY: the caller vouches for the message.
    let body = unsafe { Coming::new(hm) };
    let Some((state, file)) = UploadState::attach(c).zip(open(fs, dir, name)) else {
        return tell(c, on_done, Some(c"open failed"));
    };
    take_over(c, state, body, Destination::File(file), on_done);
}

/// Starts an update of the firmware by the body of `hm`, which has to say its length.
///
/// # Safety
/// As for [`start`].
pub unsafe fn start_ota(c: Conn, hm: *const HttpMessage, on_done: OnDone) {
    // SAFETY: the caller vouches for the message.
    let body = unsafe { Coming::new(hm) };
    let Some(state) = UploadState::attach(c) else { return };
    let Left::Bytes(size) = body.left else {
        return tell(c, on_done, Some(c"OTA needs a Content-Length"));
    };
    if !ota::begin(size) {
        return tell(c, on_done, Some(c"ota begin failed"));
    }
    take_over(c, state, body, Destination::Firmware, on_done);
}

/// A body that is on its way: what its message says, whose views handlers may invalidate.
struct Coming {
    /// The address of the head, which is not followed.
    head: usize,
    head_len: usize,
    left: Left,
}

impl Coming {
    /// The body of a message.
    ///
    /// # Safety
    /// As for [`start`].
    unsafe fn new(hm: *const HttpMessage) -> Coming {
        // SAFETY: the caller vouches for the message.
        unsafe {
            Coming {
                head: (*HttpMessage::head_at(hm)).buf as usize,
                head_len: (*HttpMessage::head_at(hm)).len,
                left: left(hm),
            }
        }
    }
}

/// From now on the connection receives an upload.
fn take_over(c: Conn, state: &UploadState, body: Coming, target: Destination, on_done: OnDone) {
    let Coming { head, head_len, left } = body;
    // Replies to earlier requests may precede the message.
    let buf = c.recv();
    let at = head.wrapping_sub(buf.base() as usize);
    let at = if at < buf.len() { at } else { 0 };
    buf.remove(at, head_len);
    c.set_handler(Some(on_event));
    c.set_protocol(None);
    c.set_protocol_data(ptr::null_mut());
    state.0.set(Upload { target, left, ready: 0, on_done });
    advance(c, at);
}

/// A fresh file: what was there is removed, not overwritten under its readers.
fn open(fs: Fs, dir: &[u8], name: &[u8]) -> Option<File> {
    let path = [dir, b"/", name].concat();
    if path.len() >= PATH_MAX {
        return None;
    }
    let path = CString::new(path).ok()?;
    match fs.stat(&path) {
        Some(st) if st.is_dir => return None,
        Some(_) if !fs.remove(&path) => return None,
        _ => {}
    }
    fs.open(&path, MG_FS_WRITE)
}

/// How the end of the body is found.
///
/// # Safety
/// The views of `hm` are valid.
unsafe fn left(hm: *const HttpMessage) -> Left {
    // SAFETY: the caller vouches for the message.
    let (request, body) = unsafe { (Request::new(hm), (*HttpMessage::body_at(hm)).len) };
    match (request.headers.first(b"Transfer-Encoding"), body) {
        // The engine has checked that the coding is `chunked`.
        (Some(_), 0 | usize::MAX) => Left::Chunks(Chunked::new()),
        (_, usize::MAX) => Left::UntilClose,
        (_, n) => Left::Bytes(n),
    }
}

/// The handler of a connection that receives an upload, or has received one.
unsafe extern "C" fn on_event(c: *mut Connection, ev: c_int, ev_data: *mut c_void) {
    fence!("upload handler", c: arg::conn);
    let Some(guard) = c else { return };
    let c = guard.conn();
    match ev {
        MG_EV_READ => advance(c, 0),
        MG_EV_ERROR if !ev_data.is_null() => {
            // SAFETY: the data of ERROR is a C string.
            finish(c, Some(unsafe { CStr::from_ptr(ev_data.cast()) }));
        }
        MG_EV_CLOSE => close(c),
        _ => {}
    }
}

/// Takes what has arrived; the body, or what is left of it, begins at `at` of `recv`.
fn advance(c: Conn, at: usize) {
    let Some(state) = UploadState::of(c) else { return };
    match state.0.with(|upload| upload.take(c, at)) {
        // What follows an upload is ignored.
        None => c.recv().set_len(0),
        Some(Ok(false)) => {}
        Some(outcome) => finish(c, outcome.err()),
    }
}

impl Upload {
    /// Writes what has arrived. True when that was all.
    fn take(&mut self, c: Conn, at: usize) -> Result<bool, &'static CStr> {
        let complete = self.unwrap(c, at)?;
        let ready = if complete { self.ready } else { self.ready / BLOCK * BLOCK };
        if ready > 0 {
            // SAFETY: unwrap() has counted them in the buffer, and no code of the program ran since.
            let bytes = unsafe { &raw const c.recv().bytes()[at..at + ready] };
            // SAFETY: they are readable; the program's functions get them as a pointer, and may
            // change the buffer.
            if !unsafe { self.target.write(bytes) } {
                return Err(c"write error");
            }
            c.recv().remove(at, ready);
            self.ready -= ready;
        }
        Ok(complete)
    }

    /// Counts, and frees from chunk framing, what has arrived. True when the body is complete.
    fn unwrap(&mut self, c: Conn, at: usize) -> Result<bool, &'static CStr> {
        let buf = c.recv();
        // The program may have removed bytes, though it should not.
        self.ready = self.ready.min(buf.len().saturating_sub(at));
        let raw = at + self.ready;
        match &mut self.left {
            Left::Bytes(left) => {
                let n = (*left).min(buf.len().saturating_sub(raw));
                *left -= n;
                self.ready += n;
                Ok(*left == 0)
            }
            Left::UntilClose => {
                self.ready = buf.len().saturating_sub(at);
                Ok(false)
            }
            Left::Chunks(decoder) => {
                // SAFETY: nothing else uses the buffer meanwhile; raw is within the bytes in use.
                let Some(bytes) = (unsafe { buf.bytes_mut().get_mut(raw..) }) else { return Ok(false) };
                let mut data = 0;
                let complete = loop {
                    match decoder.next(bytes).map_err(|_| c"Invalid chunk")? {
                        ChunkPart::Data(piece) => {
                            let n = piece.len();
                            bytes.copy_within(piece, data);
                            data += n;
                        }
                        ChunkPart::More => break false,
                        ChunkPart::End(_) => break true,
                    }
                };
                let used = decoder.position();
                decoder.rebase(used);
                buf.remove(raw + data, used - data);
                self.ready += data;
                Ok(complete)
            }
        }
    }
}

/// The connection closes: the end of a body without a length, too early for others.
fn close(c: Conn) {
    let Some(state) = UploadState::of(c) else { return };
    let outcome = state.0.with(|upload| {
        if !matches!(upload.left, Left::UntilClose) {
            return Err(c"connection closed");
        }
        upload.left = Left::Bytes(c.recv().len().saturating_sub(upload.ready));
        upload.take(c, 0).map(|_| ())
    });
    if let Some(outcome) = outcome {
        finish(c, outcome.err());
    }
}

/// Closes the target and tells the program, once.
fn finish(c: Conn, err: Option<&CStr>) {
    let Some(upload) = UploadState::of(c).and_then(|state| state.0.take()) else { return };
    let failed = upload.target.close();
    tell(c, upload.on_done, err.or(failed));
}

fn tell(c: Conn, on_done: OnDone, err: Option<&CStr>) {
    if let Some(on_done) = on_done {
        // SAFETY: the program's function; the text lives during the call.
        unsafe { on_done(c.as_ptr(), err.map_or(ptr::null(), CStr::as_ptr)) }
        return;
    }
    match err {
        None => reply::whole(c, 200, b"", b"ok\n", true),
        Some(err) => {
            log::error(format_args!("{} upload: {}", c.id(), err.to_string_lossy()));
            reply::whole(c, 500, b"", &[err.to_bytes(), b"\n"].concat(), true);
        }
    }
    // No handler is left to answer another request.
    c.set(flag::DRAINING);
}
