//! Who makes a request.

use super::change::close_watchers;
use super::session::{self, Id, User, needs_nobody};
use super::set::Board;
use crate::abi::HttpMessage;
use crate::codec::dash::token;
use crate::codec::http::auth;
use crate::net::event_loop::clock::millis;
use crate::net::event_loop::handle::Mgr;
use crate::net::event_loop::mem;
use crate::net::event_loop::state::Root;
use crate::net::event_loop::view;
use crate::net::http::serve::Request;
use core::ffi::CStr;

/// Room for the name of a user; the program's function gets this size.
const USER_MAX: usize = 100;
/// Room for a password or token.
const PASS_MAX: usize = 1024;

/// Credentials of a request, as C strings.
struct Credentials {
    user: [u8; USER_MAX],
    pass: [u8; PASS_MAX],
}

impl Credentials {
    /// Finds them; an empty password if there are none, or if they are too long.
    ///
    /// # Safety
    /// The views of `hm` are valid.
    unsafe fn new(request: &Request<'_>, hm: *const HttpMessage) -> Credentials {
        let mut it = Credentials { user: [0; USER_MAX], pass: [0; PASS_MAX] };
        // SAFETY: the caller vouches for the message.
        let query = unsafe { view::bytes((*hm).query) };
        let (authorization, cookie) =
            (request.headers.first(b"Authorization"), request.headers.list(b"Cookie"));
        auth::credentials(authorization, cookie.as_deref(), query, &mut it.user, &mut it.pass);
        if text(&it.user).len() == USER_MAX - 1 || text(&it.pass).len() == PASS_MAX - 1 {
            // They may be cut, and a part of a password is none.
            it.pass[0] = 0;
        }
        it
    }
}

/// The text in a buffer, up to its NUL.
fn text(buf: &[u8]) -> &[u8] {
    CStr::from_bytes_until_nul(buf).map_or(buf, CStr::to_bytes)
}

/// Finds out who makes a request; `None` for a client without any rights.
///
/// # Safety
/// The views of `hm` are valid.
pub unsafe fn identify(
    m: Mgr,
    board: Board,
    request: &Request<'_>,
    hm: *const HttpMessage,
) -> Option<(Id, User)> {
    let root = Root::of(m)?;
    if needs_nobody(board) {
        return session::with(root, |sessions| sessions.guest(board));
    }
    // SAFETY: the caller vouches for the message.
    let mut credentials = unsafe { Credentials::new(request, hm) };
    let now = millis();
    let expired = session::with(root, |sessions| sessions.expire(now))?;
    close_watchers(m, &expired, b"session expired");
    let pass = text(&credentials.pass);
    if pass.is_empty() {
        return None;
    }
    if request.headers.first(b"Authorization").is_none()
        && let Some(known) = session::with(root, |sessions| sessions.by_token(board, pass, now))?
    {
        return Some(known);
    }
    // SAFETY: a handle points to a dashboard; the function gets what its type says, of which it may
    // change the name of the user.
    let level = unsafe {
        let authenticate = (*board.as_ptr()).authenticate?;
        authenticate(credentials.user.as_mut_ptr().cast(), USER_MAX, credentials.pass.as_ptr().cast())
    };
    if level <= 0 {
        return None;
    }
    let name = text(&credentials.user);
    let mut recycled = Vec::new();
    // The function may have freed the manager's state.
    let root = Root::of(m).filter(|root| !root.is_freed())?;
    let (token, now) = (token::new(mem::random()?), millis());
    let found =
        session::with(root, |sessions| sessions.log_in(board, name, level, &token, now, &mut recycled))?;
    close_watchers(m, &recycled, b"session recycled");
    Some(found)
}

/// Ends the session whose token a request has.
///
/// # Safety
/// The views of `hm` are valid.
pub unsafe fn log_out(m: Mgr, board: Board, request: &Request<'_>, hm: *const HttpMessage) {
    // SAFETY: the caller vouches for the message.
    let credentials = unsafe { Credentials::new(request, hm) };
    let Some(root) = Root::of(m) else { return };
    let ended = session::with(root, |sessions| sessions.log_out(board, text(&credentials.pass)));
    close_watchers(m, &ended.unwrap_or_default(), b"logged out");
}
