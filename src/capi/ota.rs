//! Firmware updates. On a host there is no firmware: the functions that write it only say yes.

use super::arg;
use crate::abi::{Manager, Setting, Str};
use crate::fence;
use crate::net::event_loop::process;
use crate::net::ota;
use core::ffi::{c_char, c_void};

unsafe extern "C" {
    /// Begins an update of `new_firmware_size` bytes. Does nothing on a host, unless the program
    /// defines its own.
    ///
    /// # Returns
    /// true; false refuses the update.
    ///
    /// # Threads
    /// The library calls it on the polling thread.
    pub fn mg_ota_begin(new_firmware_size: usize) -> bool;

    /// Writes the next `len` bytes of an update. Does nothing on a host, unless the program defines
    /// its own.
    ///
    /// # Returns
    /// true; false ends the update.
    ///
    /// # Threads
    /// The library calls it on the polling thread.
    pub fn mg_ota_write(buf: *const c_void, len: usize) -> bool;

    /// Ends an update, once, also one that failed. Does nothing on a host, unless the program
    /// defines its own.
    ///
    /// # Returns
    /// true; false when what was written is not good.
    ///
    /// # Threads
    /// The library calls it on the polling thread.
    pub fn mg_ota_end() -> bool;
}

/// Writes what tells this device from others of its kind to `buf`, cut to `len` bytes with the NUL:
/// "0" on a host.
///
/// # Threads
/// Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_ota_device_id(buf: *mut c_char, len: usize) {
    fence!("mg_ota_device_id", buf[len]: arg::room);
    for (to, from) in buf.iter_mut().zip(*b"0\0") {
        *to = from;
    }
    if let [only] = buf {
        *only = 0;
    }
}

/// Looks for updates now and then. Does nothing on a host, where `MG_OTA_URL` is NULL.
///
/// # Threads
/// The polling thread.
#[unsafe(no_mangle)]
pub extern "C" fn mg_ota_poll(mgr: *mut Manager) {
    fence!("mg_ota_poll");
    let _ = mgr;
}

/// Sets whom firmware servers are checked by: certificates of authorities, in PEM or DER, which are
/// copied. `mg_ota_url_check` takes `https` URLs only with it. `MG_OTA_TLS_CA` of a program does the
/// same for PEM. Empty: nobody. An addition of this library.
///
/// # Threads
/// The polling thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_ota_set_ca(ca: Str) {
    fence!("mg_ota_set_ca", ca: arg::bytes);
    process::set_process_text(Setting::MG_SET_OTA_CA, ca);
}

/// Asks a server whether there is another version of the firmware, and installs it.
///
/// The answer to `GET metadata_url?arch=1&version=...&id=...&interval=...&boot=0` is
/// `{"version": "...", "url": "...", "size": ...}`. If the version is not
/// `MG_OTA_FIRMWARE_VERSION`, the firmware is fetched from that URL and goes to `mg_ota_begin`,
/// `mg_ota_write` and `mg_ota_end`.
///
/// An `https` URL is asked with TLS, and the server's certificate has to lead to `MG_OTA_TLS_CA` (or
/// `mg_ota_set_ca`) and carry the URL's host; nothing falls back to clear text, and metadata that came
/// with TLS cannot name a firmware without.
///
/// `fn` is called once, perhaps from inside this call: with NULL when all is written, else with what
/// went wrong. With `fn` NULL, that is logged. One check runs at a time in a process.
///
/// # Errors
/// `OTA already in progress`, `Failed to connect`, `Metadata timeout` (5 s), `OTA timeout` (5 s to
/// connect, 300 s until the response begins), `Bad metadata: ...`, `Same version`, `Bad HTTP
/// response: ...`, `MG_OTA_TLS_CA is not configured`, `Insecure firmware URL`, `ota begin failed`, `write error`, `OTA finalize failed`, `connection closed`, or
/// the text of an `MG_EV_ERROR`.
///
/// # Threads
/// The polling thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_ota_url_check(
    mgr: *mut Manager,
    metadata_url: *const c_char,
    r#fn: Option<unsafe extern "C" fn(err: *const c_char)>,
) {
    fence!("mg_ota_url_check", mgr: arg::mgr, metadata_url: arg::text);
    if let Some(guard) = mgr {
        ota::check(guard.mgr(), metadata_url, r#fn);
    }
}
