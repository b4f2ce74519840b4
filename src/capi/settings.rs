//! Settings of managers and connections: additions of this library.

use crate::abi::{Connection, Manager, Setting};
use crate::fence;
use crate::net::event_loop::conn;
use crate::net::event_loop::guard::{ConnGuard, MgrGuard};
use core::ffi::c_int;

/// Changes a setting of a manager, see `enum mg_setting`: holds for listeners and connections made
/// from now on. Programs that set nothing get the behaviour of the original library.
///
/// # Returns
/// false when there is no such setting, or the value makes no sense for it; nothing has changed.
///
/// # Threads
/// The polling thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_mgr_set(mgr: *mut Manager, setting: c_int, value: i64) -> bool {
    fence!("mg_mgr_set");
    // SAFETY: the caller passes an initialised manager, or NULL.
    let guard = unsafe { MgrGuard::new(mgr) };
    guard.zip(Setting::from_c(setting)).is_some_and(|(guard, s)| conn::set_default(guard.mgr(), s, value))
}

/// Changes a setting of one connection, see `enum mg_setting`. Connections that a listener accepts
/// from now on inherit its settings.
///
/// # Returns
/// false when there is no such setting for connections, or the value makes no sense for it;
/// nothing has changed.
///
/// # Threads
/// The polling thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_conn_set(c: *mut Connection, setting: c_int, value: i64) -> bool {
    fence!("mg_conn_set");
    // SAFETY: the caller passes a connection, or NULL.
    let guard = unsafe { ConnGuard::new(c) };
    guard.zip(Setting::from_c(setting)).is_some_and(|(guard, s)| conn::set(guard.conn(), s, value))
}
