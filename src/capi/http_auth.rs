//! HTTP: credentials

use super::arg;
use super::slice::bytes;
use crate::abi::{Connection, HttpMessage};
use crate::codec::fmt::Sink;
use crate::codec::http::auth;
use crate::fence;
use crate::net::event_loop::conn::output_queued;
use crate::net::event_loop::handle::Conn;
use crate::net::http::headers::Headers;
use core::ffi::c_char;

/// Finds the credentials of a request.
///
/// Fills `user` and `pass`, which have room for `userlen` and `passlen` bytes, NUL included; what
/// is longer is cut. The first of these counts: `Authorization: Basic`; `Authorization: Bearer`,
/// then the token is the password; a cookie `access_token`; a query variable `access_token`. Both
/// are empty when there are none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_http_creds(
    hm: *mut HttpMessage,
    user: *mut c_char,
    userlen: usize,
    pass: *mut c_char,
    passlen: usize,
) {
    fence!("mg_http_creds", user[userlen]: arg::room, pass[passlen]: arg::room);
    // SAFETY: hm is NULL or a message whose views are valid.
    let found = (!hm.is_null()).then(|| unsafe { (Headers::new(hm), bytes((*hm).query)) });
    let (authorization, cookie, query) = match found {
        Some((headers, query)) => (headers.first(b"Authorization"), headers.list(b"Cookie"), query),
        None => (None, None, &[][..]),
    };
    auth::credentials(authorization, cookie.as_deref(), query, user, pass);
}

/// Bytes for a connection's send buffer, which has room for them.
struct Append<'g>(Conn<'g>);

impl Sink for Append<'_> {
    fn put(&mut self, bytes: &[u8]) {
        self.0.send().append(bytes);
    }
}

/// Queues the header line `Authorization: Basic ...` for a request (RFC 7617).
///
/// NULL counts as empty; without user and password the line has no credentials. Nothing is queued
/// when memory is exhausted.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_http_bauth(c: *mut Connection, user: *const c_char, pass: *const c_char) {
    fence!("mg_http_bauth", c: arg::conn, user: arg::text, pass: arg::text);
    let (Some(guard), Some(len)) = (c, auth::basic_len(user, pass)) else { return };
    let c = guard.conn();
    if c.send().reserve(len) {
        auth::put_basic(user, pass, &mut Append(c));
        output_queued(c);
    }
}
