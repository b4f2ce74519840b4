//! Firmware updates over the air: what the program does with them, and updates that are fetched.
//!
//! A check asks a server for metadata, compares versions, and fetches the firmware. There is one
//! check at a time in a process. Its state travels in `fn_data` of the connection that works for it.

use super::event_loop::conn::output_queued;
use super::event_loop::handle::{Conn, Mgr};
use super::event_loop::listen::Handlers;
use super::event_loop::{arg, clock, deadline, log, process, view};
use super::http::connect_http;
use super::http::upload::stream;
use super::tls;
use crate::abi::{
    Connection, HttpMessage, MG_EV_CLOSE, MG_EV_CONNECT, MG_EV_ERROR, MG_EV_HTTP_HDRS, MG_EV_HTTP_MSG,
    MG_OTA_FIRMWARE_VERSION, MG_OTA_PULL_INTERVAL_SECONDS, Setting, flag,
};
use crate::codec::http::status;
use crate::codec::ota::{self, Metadata};
use crate::codec::url::Url;
use crate::fence;
use core::ffi::{CStr, c_char, c_int, c_void};
use core::ptr;
use core::sync::atomic::{AtomicBool, AtomicPtr, Ordering};
use std::ffi::CString;

unsafe extern "C" {
    // By their exported names: a program may define its own.
    fn mg_ota_begin(size: usize) -> bool;
    fn mg_ota_write(buf: *const c_void, len: usize) -> bool;
    fn mg_ota_end() -> bool;
    fn mg_ota_device_id(buf: *mut c_char, len: usize);
}

/// A firmware of `size` bytes follows.
pub fn begin(size: usize) -> bool {
    // SAFETY: takes a number.
    unsafe { mg_ota_begin(size) }
}

/// A piece of it.
///
/// # Safety
/// The bytes are readable until code of the program changes them.
pub unsafe fn write(bytes: *const [u8]) -> bool {
    // SAFETY: the caller vouches for the bytes.
    unsafe { mg_ota_write(bytes.cast(), bytes.len()) }
}

/// There is no more.
pub fn end() -> bool {
    // SAFETY: takes nothing.
    unsafe { mg_ota_end() }
}

fn device_id() -> Vec<u8> {
    let mut buf = [0; 64];
    // SAFETY: the buffer is as long as said.
    unsafe { mg_ota_device_id(buf.as_mut_ptr().cast(), buf.len()) };
    buf.split(|b| *b == 0).next().unwrap_or_default().to_vec()
}

/// Called with NULL when the firmware is written, else with what went wrong.
pub type OnDone = Option<unsafe extern "C" fn(err: *const c_char)>;

/// Milliseconds for the metadata; and for the connection to the server that has the firmware.
const PATIENCE: u64 = 5000;
/// Milliseconds until the firmware begins to come.
const FIRMWARE_PATIENCE: u64 = 300_000;
/// Bytes of a URL that count.
const URL_MAX: usize = 255;

static BUSY: AtomicBool = AtomicBool::new(false);

/// The check that a connection works for, until it is taken back.
static LENT: AtomicPtr<Check> = AtomicPtr::new(ptr::null_mut());

/// A check in progress.
struct Check {
    on_done: OnDone,
    /// What to say when the time is up.
    late: &'static CStr,
    /// Of the firmware, as its metadata says; 0: there is none yet.
    size: usize,
    /// The connection's time was up.
    until: u64,
    /// The server's name, if the connection is to have TLS; else empty.
    host: Vec<u8>,
}

/// The version that this program is.
fn version() -> Vec<u8> {
    process::text(Setting::MG_SET_OTA_VERSION).unwrap_or_else(|| MG_OTA_FIRMWARE_VERSION.to_vec())
}

/// The authority that verifies servers; `None` when none is set.
fn authority() -> Option<Vec<u8>> {
    process::text(Setting::MG_SET_OTA_CA).filter(|ca| !ca.is_empty())
}

/// Begins TLS on a connection that is to have it.
fn begin_tls(c: Conn, check: &Check) {
    if !check.host.is_empty() {
        let ca = authority().unwrap_or_default();
        tls::init(c, &tls::Options { ca: &ca, name: &check.host, ..tls::Options::default() });
    }
}

/// Asks `url` whether there is a newer firmware, and installs it.
pub fn check(m: Mgr, url: &[u8], on_done: OnDone) {
    if BUSY.swap(true, Ordering::AcqRel) {
        return tell(on_done, Some(c"OTA already in progress"));
    }
    let url = &url[..url.len().min(URL_MAX)];
    let id = device_id();
    let request = ota::metadata_request(url, &version(), &id, MG_OTA_PULL_INTERVAL_SECONDS);
    let check = Check { on_done, late: c"Metadata timeout", size: 0, until: 0, host: Vec::new() };
    fetch(m, url, &request, on_metadata, Box::new(check));
}

/// Opens the connection that works for a check, and sends its request.
fn fetch(
    m: Mgr,
    url: &[u8],
    request: &[u8],
    handler: unsafe extern "C" fn(*mut Connection, c_int, *mut c_void),
    mut check: Box<Check>,
) {
    check.until = clock::millis().saturating_add(PATIENCE);
    let until = check.until;
    let Some(url) = CString::new(url).ok().filter(|url| !url.is_empty()) else {
        return finish(&check, Some(c"Failed to connect"));
    };
    let parts = Url::new(url.to_bytes());
    check.host.clear();
    if parts.is_tls() {
        if authority().is_none() {
            return finish(&check, Some(c"MG_OTA_TLS_CA is not configured"));
        }
        check.host = parts.host.to_vec();
    }
    let data = Box::into_raw(check);
    LENT.store(data, Ordering::Release);
    let Some(c) = connect_http(m, &url, Handlers { handler: Some(handler), data: data.cast() }) else {
        // Unless the first events, which come from inside the call, have ended the check already.
        if let Some(check) = take_back(data) {
            finish(&check, Some(c"Failed to connect"));
        }
        return;
    };
    if !c.handler_data().is_null() {
        deadline::close_at(c, until);
        c.send().append(request);
        output_queued(c);
    }
}

/// The check that a connection works for; it does no longer.
fn take(c: Conn) -> Option<Box<Check>> {
    let data = c.handler_data().cast::<Check>();
    c.set_handler_data(ptr::null_mut());
    take_back(data)
}

/// The check that was lent at `data`, the first time that it is asked for.
fn take_back(data: *mut Check) -> Option<Box<Check>> {
    let nobody = ptr::null_mut();
    let lent = LENT.compare_exchange(data, nobody, Ordering::AcqRel, Ordering::Relaxed).ok()?;
    // SAFETY: `fetch` stores what Box::into_raw made, and the exchange takes it out once.
    (!lent.is_null()).then(|| unsafe { Box::from_raw(lent) })
}

/// The end of a check.
fn finish(check: &Check, err: Option<&CStr>) {
    BUSY.store(false, Ordering::Release);
    tell(check.on_done, err);
}

fn tell(on_done: OnDone, err: Option<&CStr>) {
    if let Some(on_done) = on_done {
        // SAFETY: the program's function; the text lives during the call.
        unsafe { on_done(err.map_or(ptr::null(), CStr::as_ptr)) }
    } else if let Some(err) = err {
        log::error(format_args!("OTA failed: {}", err.to_string_lossy()));
    }
}

/// The connection has done what it was for: it closes, and the check ends.
fn end_check(c: Conn, err: Option<&CStr>) {
    c.set(flag::CLOSING);
    if let Some(check) = take(c) {
        finish(&check, err);
    }
}

/// Events that mean the same for both connections. True when this was one.
fn on_end(c: Conn, ev: c_int, ev_data: *mut c_void) -> bool {
    match ev {
        MG_EV_ERROR if !ev_data.is_null() => {
            // SAFETY: the data of ERROR is a C string.
            end_check(c, Some(unsafe { CStr::from_ptr(ev_data.cast()) }));
        }
        MG_EV_CLOSE => {
            if let Some(check) = take(c) {
                let is_late = check.until > 0 && clock::millis() >= check.until;
                let text = if is_late { check.late } else { c"connection closed" };
                finish(&check, Some(text));
            }
        }
        _ => return false,
    }
    true
}

/// Text for the program, cut to `max` bytes.
fn text(mut bytes: Vec<u8>, max: usize) -> CString {
    bytes.truncate(max);
    bytes.retain(|b| *b != 0);
    CString::new(bytes).unwrap_or_default()
}

/// The handler of the connection that fetches metadata.
unsafe extern "C" fn on_metadata(c: *mut Connection, ev: c_int, ev_data: *mut c_void) {
    fence!("OTA metadata handler", c: arg::conn);
    let Some(guard) = c else { return };
    let c = guard.conn();
    if on_end(c, ev, ev_data) {
        return;
    }
    if ev == MG_EV_CONNECT {
        let data = c.handler_data().cast::<Check>();
        // SAFETY: the check that `fetch` put there, or NULL once it was taken.
        if let Some(check) = unsafe { data.as_ref() } {
            begin_tls(c, check);
        }
    }
    if ev != MG_EV_HTTP_MSG {
        return;
    }
    // SAFETY: the data of MSG is a message, whose views are valid now.
    let (status, body) = unsafe { response(ev_data.cast()) };
    let metadata = if status == 200 { Metadata::parse(body) } else { None };
    match metadata {
        None => {
            const TEXT_MAX: usize = 99;
            end_check(c, Some(&text([b"Bad metadata: ", body].concat(), TEXT_MAX)));
        }
        Some(metadata) if metadata.version == version() => {
            end_check(c, Some(c"Same version"));
        }
        Some(metadata) => {
            c.set(flag::CLOSING);
            let (Some(m), Some(mut check)) = (c.mgr(), take(c)) else { return };
            if !check.host.is_empty() && !Url::new(&metadata.url).is_tls() {
                // What came over TLS must not be undone by a firmware that anybody may replace.
                return finish(&check, Some(c"Insecure firmware URL"));
            }
            check.size = metadata.size;
            check.late = c"OTA timeout";
            let request = ota::request(&metadata.url);
            fetch(m, &metadata.url, &request, on_firmware, check);
        }
    }
}

/// Status and body of a response.
///
/// # Safety
/// `hm` is a message, and its views are valid as long as the result is used.
unsafe fn response<'a>(hm: *const HttpMessage) -> (c_int, &'a [u8]) {
    // SAFETY: the caller vouches for the message.
    unsafe { (status::number(view::bytes((*hm).uri)), view::bytes(*HttpMessage::body_at(hm))) }
}

/// The handler of the connection that fetches the firmware, until that begins to come.
unsafe extern "C" fn on_firmware(c: *mut Connection, ev: c_int, ev_data: *mut c_void) {
    fence!("OTA firmware handler", c: arg::conn);
    let Some(guard) = c else { return };
    let c = guard.conn();
    if on_end(c, ev, ev_data) {
        return;
    }
    let data = c.handler_data().cast::<Check>();
    // SAFETY: the check that `fetch` put there, or NULL once it was taken.
    let Some(check) = (unsafe { data.as_mut() }) else { return };
    match ev {
        MG_EV_CONNECT => {
            check.until = clock::millis().saturating_add(FIRMWARE_PATIENCE);
            deadline::close_at(c, check.until);
            begin_tls(c, check);
        }
        MG_EV_HTTP_HDRS => {
            let (hm, size) = (ev_data.cast::<HttpMessage>(), check.size);
            // SAFETY: the data of HDRS is a message, whose views are valid now.
            let (status, length) =
                unsafe { (status::number(view::bytes((*hm).uri)), (*HttpMessage::body_at(hm)).len) };
            if status != 200 || length != size {
                const TEXT_MAX: usize = 63;
                let message = format!("Bad HTTP response: status {status}, size {length} vs {size}");
                return end_check(c, Some(&text(message.into_bytes(), TEXT_MAX)));
            }
            check.until = 0;
            deadline::close_at(c, 0);
            // SAFETY: this is the handler of the message.
            unsafe { stream::start_ota(c, hm, Some(on_written)) };
        }
        _ => {}
    }
}

/// The firmware is written, or cannot be.
unsafe extern "C" fn on_written(c: *mut Connection, err: *const c_char) {
    fence!("OTA writer", c: arg::conn, err: arg::c_str);
    if let Some(guard) = c {
        end_check(guard.conn(), err);
    }
}
