//! The engine of dashboards: variables of the program as JSON over HTTP, changes over WebSocket.

mod api;
mod auth;
pub mod change;
pub mod directory;
mod field;
pub mod files;
mod listing;
pub mod request;
pub mod session;
pub mod set;

use crate::abi::{HttpMessage, MG_EV_CLOSE, MG_EV_HTTP_HDRS, MG_EV_HTTP_MSG, flag};
use crate::codec::dash::route::{self, Route};
use crate::net::event_loop::handle::Conn;
use crate::net::event_loop::raw_slice::RawSlice;
use crate::net::event_loop::state::Root;
use crate::net::http::serve::Request;
use crate::net::http::snapshot::Snapshot;
use crate::net::http::upload::stream;
use core::ffi::{c_int, c_void};
use core::ptr;
use request::{Asked, Host};
use session::{DashState, Watcher};
use set::Board;

/// The handler of a dashboard's connections.
///
/// # Safety
/// `ev_data` belongs to `ev`.
pub unsafe fn on_event(c: Conn, ev: c_int, ev_data: *mut c_void, board: Board, host: Host) {
    match ev {
        MG_EV_HTTP_HDRS | MG_EV_HTTP_MSG if !ev_data.is_null() => {
            let hm = ev_data.cast::<HttpMessage>();
            // SAFETY: the data of these events is a message, whose views are valid now.
            let (copy, head) = unsafe {
                (
                    Snapshot::new(hm),
                    RawSlice::new(c, (*HttpMessage::head_at(hm)).buf.cast(), (*HttpMessage::head_at(hm)).len),
                )
            };
            // SAFETY: the copy lives as long as the request.
            let request = unsafe { Request::new(copy.as_ptr()) };
            let asked = Asked { c, board, request: &request, copy: copy.as_ptr(), message: hm, head, host };
            if ev == MG_EV_HTTP_HDRS {
                on_head(&asked);
            } else {
                on_message(&asked);
            }
        }
        MG_EV_CLOSE if c.has(flag::LISTENING) => forget(c, board),
        _ => {}
    }
}

/// The listener has closed: all users are logged out.
fn forget(c: Conn, board: Board) {
    let Some(root) = c.mgr().and_then(Root::of) else { return };
    session::with(root, |sessions| {
        let guest = sessions.guest_of(board);
        // SAFETY: a handle points to a dashboard, which outlives its listener.
        unsafe {
            let place = &raw mut (*board.as_ptr()).guest;
            if guest.is_some_and(|guest| *place == guest.as_ptr()) {
                *place = ptr::null_mut();
            }
        }
        sessions.forget(board);
    });
}

/// The head of a request has come. Some are answered at once.
fn on_head(asked: &Asked<'_>) {
    let Some((m, state)) = asked.c.mgr().zip(DashState::attach(asked.c)) else { return };
    state.answered.set(false);
    let uri = asked.request.uri;
    let route = Route::new(uri);
    if matches!(route, Route::Hi | Route::Logout) {
        return;
    }
    let is_upload = matches!(asked.request.method, b"POST" | b"PUT");
    let needs_user = route::is_api(uri) || matches!(route, Route::File(..)) && is_upload;
    if !needs_user {
        return;
    }
    // SAFETY: the views of the copy are valid.
    let user = unsafe { auth::identify(m, asked.board, asked.request, asked.copy) };
    let user = user.map(|(_, user)| user);
    match (route, &user) {
        // The body is ignored.
        (Route::File(..), _) | (Route::Ota, Some(_)) if asked.is_foreign() => {
            asked.refuse();
            asked.c.set(flag::DRAINING);
        }
        (Route::File(set, name), user) => files::start_upload(asked, set, name, user.as_ref()),
        (_, None) => asked.refuse(),
        (Route::Login, Some(user)) => api::log_in(asked, user),
        (Route::Ota, Some(_)) => match asked.hm() {
            // SAFETY: this is the handler of the message, whose views are valid.
            Some(hm) => unsafe { stream::start_ota(asked.c, hm, None) },
            None => asked.refuse(),
        },
        _ => return,
    }
    state.answered.set(true);
}

/// A request is complete.
fn on_message(asked: &Asked<'_>) {
    let c = asked.c;
    let Some((m, state)) = c.mgr().zip(DashState::attach(c)) else { return };
    if state.answered.replace(false) {
        c.clear(flag::RESP);
        return;
    }
    let uri = asked.request.uri;
    let route = Route::new(uri);
    match route {
        Route::Hi => return asked.reply(200, b"hi\n"),
        Route::Logout => {
            // SAFETY: the views of the copy are valid.
            unsafe { auth::log_out(m, asked.board, asked.request, asked.copy) };
            return api::logged_out(asked);
        }
        Route::Page => return files::serve_file(asked, asked.host.packed, c"/dashboard.html"),
        Route::Other if !route::is_api(uri) => return other(asked),
        _ => {}
    }
    // SAFETY: the views of the copy are valid.
    let found = unsafe { auth::identify(m, asked.board, asked.request, asked.copy) };
    let user = found.as_ref().map(|(_, user)| user);
    if let Route::File(set, name) = route {
        if !asked.request.is_get() && !asked.request.is_head() && asked.is_foreign() {
            return asked.refuse();
        }
        return files::answer(asked, set, name, user);
    }
    let (Some((session, _)), Some(user)) = (&found, user) else { return asked.refuse() };
    match route {
        Route::WebSocket => open(asked, state, Watcher { board: asked.board, session: *session }),
        Route::Other => other(asked),
        _ => api::answer(asked, route, user),
    }
}

/// From now on the connection gets to know about changes.
fn open(asked: &Asked<'_>, state: &DashState, watcher: Watcher) {
    let Some(hm) = asked.hm().filter(|_| !asked.is_foreign()) else { return asked.refuse() };
    // Before the program is told: it may send something at once.
    state.watcher.set(Some(watcher));
    // SAFETY: this is the handler of the message, whose views are valid.
    unsafe { (asked.host.upgrade)(asked.c.as_ptr(), hm) };
    if !asked.c.has(flag::WEBSOCKET) {
        state.watcher.set(None);
    }
}

/// A request that only the program may know.
fn other(asked: &Asked<'_>) {
    match asked.board.handler(asked.request.uri).zip(asked.hm()) {
        // SAFETY: the program's handler; it gets what its type says.
        Some((handler, hm)) => unsafe { handler(asked.c.as_ptr(), MG_EV_HTTP_MSG, hm.cast()) },
        None => asked.reply(404, b"Not Found"),
    }
}
