//! Settings of managers and connections: additions of this library.

use super::arg;
use crate::abi::{Connection, Manager, Scope, Setting};
use crate::fence;
use crate::net::event_loop::guard::MgrGuard;
use crate::net::event_loop::{available, configure, conn, dscp, process};
use core::ffi::{c_char, c_int};

/// Changes a setting of a manager, see `enum mg_setting`: holds for listeners and connections made from
/// now on. Programs that set nothing get the behaviour of the original library. Settings of the whole
/// process may be changed with `mgr` NULL, too. An addition of this library.
///
/// # Returns
/// false when there is no such setting, or the value makes no sense for it; nothing has changed.
///
/// # Threads
/// The polling thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_mgr_set(mgr: *mut Manager, setting: c_int, value: i64) -> bool {
    fence!("mg_mgr_set", mgr: arg::mgr);
    match Setting::from_c(setting) {
        Some(s) if s.limits().scope == Scope::Process => process::set(s, value),
        s => mgr.zip(s).is_some_and(|(guard, s)| conn::set_default(guard.mgr(), s, value)),
    }
}

/// Changes a setting of a manager that is a text, see `enum mg_setting`. The text is copied. An
/// addition of this library.
///
/// # Returns
/// false when there is no such setting, or the text makes no sense for it; nothing has changed.
///
/// # Threads
/// The polling thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_mgr_set_text(mgr: *mut Manager, setting: c_int, text: *const c_char) -> bool {
    fence!("mg_mgr_set_text", mgr: arg::mgr, text: arg::text);
    let mgr = mgr.as_ref().map(MgrGuard::mgr);
    Setting::from_c(setting).is_some_and(|s| configure::set_text(mgr, s, text))
}

/// Changes a setting of one connection, see `enum mg_setting`. Connections that a listener accepts from
/// now on inherit its settings. An addition of this library.
///
/// # Returns
/// false when there is no such setting for connections, or the value makes no sense for it;
/// nothing has changed.
///
/// # Threads
/// The polling thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_conn_set(c: *mut Connection, setting: c_int, value: i64) -> bool {
    fence!("mg_conn_set", c: arg::conn);
    c.zip(Setting::from_c(setting)).is_some_and(|(guard, s)| match s {
        Setting::MG_SET_DSCP => u8::try_from(value).is_ok_and(|dscp| dscp::set(guard.conn(), dscp)),
        s => conn::set(guard.conn(), s, value),
    })
}

/// Reads a setting of a manager, see `enum mg_setting`, or a count: `MG_GET_MEMORY`, `MG_GET_ACCEPTED`.
/// An addition of this library.
///
/// # Returns
/// -1 when there is no such setting, or it is a text or one of the whole process.
///
/// # Threads
/// The polling thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_mgr_get(mgr: *mut Manager, what: c_int) -> i64 {
    fence!("mg_mgr_get", mgr: arg::mgr);
    mgr.and_then(|guard| conn::get(guard.mgr(), what)).unwrap_or(-1)
}

/// Bytes of memory that this process may use: the least of what the machine has, `RLIMIT_AS`, and the
/// limits of its control groups. `mg_mgr_harden` lets a manager hold a quarter. An addition of this
/// library.
///
/// # Returns
/// 0 when nobody says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_available_memory() -> u64 {
    fence!("mg_available_memory");
    available::available().unwrap_or(0)
}

/// Gives a manager the limits of a server that strangers reach, for listeners and connections made from
/// now on: times and sizes for every protocol, strict HTTP and MQTT, TLS on what TLS listeners accept.
/// docs/reference/server-behaviour.md lists them; `mg_mgr_set` changes single ones afterwards. Of
/// connections, no more than the process may have descriptors for (`RLIMIT_NOFILE`). An addition of
/// this library.
///
/// # Returns
/// false when `mgr` is NULL or was not initialised.
///
/// # Threads
/// The polling thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_mgr_harden(mgr: *mut Manager) -> bool {
    fence!("mg_mgr_harden", mgr: arg::mgr);
    mgr.is_some_and(|guard| configure::harden(guard.mgr()))
}

/// As `mg_mgr_harden`, for one connection; what a listener accepts from now on inherits it. The limits
/// that only managers have, those of connections at once, are left as they are. An addition of this
/// library.
///
/// # Returns
/// false when `c` is NULL or none of the library's.
///
/// # Threads
/// The polling thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_conn_harden(c: *mut Connection) -> bool {
    fence!("mg_conn_harden", c: arg::conn);
    c.is_some_and(|guard| configure::harden_conn(guard.conn()))
}
