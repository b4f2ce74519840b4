//! Dashboards: variables of the program as JSON over HTTP, for users with passwords, and their
//! changes over WebSocket.
//!
//! Describe the variables by a `struct mg_field` each, put them into sets, the sets into a zeroed
//! `struct mg_dash` by `MG_DASH_ADD_FIELD_SET`, and listen:
//! `mg_http_listen(&mgr, url, mg_dash_ev_handler, &dash)`. All of them have to live until the
//! listener and its connections are closed. docs/reference/dashboard.md tells what can be asked.

use super::arg;
use super::fs::posix;
use super::packed::mg_fs_packed;
use super::ws::mg_ws_vupgrade;
use crate::abi::{Connection, Dash, DashUser, FieldSet, HttpMessage, Manager};
use crate::fence;
use crate::net::dash::request::Host;
use crate::net::dash::set::Board;
use crate::net::dash::{self, change, directory, files};
use crate::net::fs::Fs;
use core::ffi::{c_char, c_int, c_void};
use core::ptr::{self, NonNull};

/// The handler of a dashboard. `c->fn_data` is the `struct mg_dash`.
///
/// A program may have a handler of its own, which calls this one for all events. Requests are
/// answered at `MG_EV_HTTP_HDRS` or `MG_EV_HTTP_MSG`; the sessions end with the listener, at its
/// `MG_EV_CLOSE`.
///
/// The functions of the dashboard and its sets are called from here. They may change variables and
/// lists, close connections by `is_closing` and call `mg_dash_send_change`; `user` is valid during
/// their call.
///
/// # Threads
/// The polling thread. What the variables are changed by has to be the same thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_dash_ev_handler(c: *mut Connection, ev: c_int, ev_data: *mut c_void) {
    fence!("mg_dash_ev_handler", c: arg::conn);
    let Some(guard) = c else { return };
    let c = guard.conn();
    // SAFETY: the caller passes a dashboard or NULL as the handler's data, and an event with its data.
    unsafe {
        if let Some(board) = Board::new(c.handler_data().cast::<Dash>()) {
            dash::on_event(c, ev, ev_data, board, host());
        }
    }
}

/// Sends what has changed to the users who have a WebSocket open and may see it: the values of
/// `set`, or of the element at `*set->index`, or with an index below 0 the number of elements.
///
/// The text is `{"method":"change","params":{"NAME":VALUE}}`, for an element with the name
/// `NAME/INDEX`. `set->fn` is called with `MG_DASH_READ` for each user; one that it refuses, or an
/// element that does not exist, is left out. Only users of dashboards that contain the set are asked.
/// `*set->index` is the same afterwards.
///
/// # Threads
/// The polling thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_dash_send_change(mgr: *mut Manager, set: *mut FieldSet) {
    fence!("mg_dash_send_change", mgr: arg::mgr, set: arg::field_set);
    if let Some((guard, set)) = mgr.zip(set) {
        change::send(guard.mgr(), set, posix());
    }
}

/// Answers `MG_DASH_READ` for a set of files, one with `get_dir`: for the `fn` of such a set, which is
/// called with `u`. Sets without `fn` do that anyway.
///
/// With `*set->index` -1, that becomes the number of files. Otherwise the name of the file at the
/// index goes to the field `name`, and its size to the field `size` if that is `MG_VAL_UINT64` or
/// `MG_VAL_INT`; the index becomes -1 when there is no such file.
///
/// # Returns
/// false when there is no directory for this user, no `index`, no dashboard in `u`, or no field
/// `name` of type `MG_VAL_STR`.
///
/// # Threads
/// The polling thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_dash_dir_read(set: *mut FieldSet, u: *mut DashUser) -> bool {
    fence!("mg_dash_dir_read", set: arg::field_set);
    // SAFETY: the header says that `u` is a user, or NULL.
    set.is_some_and(|set| unsafe { directory::read(set, u, posix()) })
}

/// What the engine needs of this layer.
fn host() -> Host {
    // SAFETY: the variable lives for ever, and holds functions that keep the contract.
    let packed = unsafe { Fs::at(NonNull::new_unchecked(&raw mut mg_fs_packed)) };
    Host { posix: posix(), packed, upgrade, uploaded: Some(uploaded) }
}

/// Makes a connection a WebSocket.
///
/// # Safety
/// `c` is a connection and `hm` its message.
unsafe fn upgrade(c: *mut Connection, hm: *mut HttpMessage) {
    // SAFETY: the caller vouches for both; an absent format needs no arguments.
    unsafe { mg_ws_vupgrade(c, hm, ptr::null(), ptr::null_mut()) }
}

/// The end of an upload.
unsafe extern "C" fn uploaded(c: *mut Connection, err: *const c_char) {
    fence!("dashboard upload", c: arg::conn, err: arg::c_str);
    let Some(guard) = c else { return };
    let c = guard.conn();
    // SAFETY: the connection still has its dashboard, or NULL.
    let board = unsafe { Board::new(c.handler_data().cast()) };
    files::uploaded(c, board, err, posix());
}
