//! Modbus-TCP.

use super::arg;
use super::conn::pointer;
use crate::abi::{Connection, EventHandler, Manager};
use crate::fence;
use crate::net::event_loop::listen::Handlers;
use crate::net::modbus;
use core::ffi::{c_char, c_void};
use core::ptr;

/// Listens for Modbus-TCP clients.
///
/// Each valid request fires `MG_EV_MODBUS_REQ` with a `struct mg_modbus_req *`: the handler fills
/// or reads `u`, may set `error`, and the answer goes out when it returns. Invalid requests are
/// answered with an exception and fire nothing.
///
/// Function 22 (mask write) fires as functions 3 and 6, function 23 (read and write) as 16 and 3.
/// Function 43, type 14 (identification) fires for each text, see `MG_MODBUS_FUNC_READ_DEVICE_ID`.
///
/// # Returns
/// The listener, or NULL: then the log says why.
///
/// # Threads
/// The polling thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_modbus_listen(
    mgr: *mut Manager,
    url: *const c_char,
    r#fn: EventHandler,
    fn_data: *mut c_void,
) -> *mut Connection {
    fence!("mg_modbus_listen", mgr: arg::mgr, url: arg::text);
    let Some(guard) = mgr else { return ptr::null_mut() };
    pointer(modbus::start(guard.mgr(), url, Handlers { handler: r#fn, data: fn_data }))
}
