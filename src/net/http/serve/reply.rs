//! Replies that are complete at once.

use crate::abi::flag;
use crate::codec::http::status::{self, Line};
use crate::codec::http::vars::has_line;
use crate::net::event_loop::conn::{self, output_queued};
use crate::net::event_loop::handle::Conn;
use crate::net::http::{self, date};
use std::io::Write;

/// Sends a reply, in the form of `mg_http_reply`; without its body to those who did not ask for it.
pub fn whole(c: Conn, code: i32, headers: &[u8], body: &[u8], with_body: bool) {
    let mut out = Vec::with_capacity(128 + headers.len() + body.len());
    out.extend_from_slice(Line::new(code).bytes());
    out.extend_from_slice(headers);
    out.extend_from_slice(http::connection_line(c).to_bytes());
    if !has_line(headers, b"Date") {
        out.extend_from_slice(date::line_for(c).as_ref().map_or(b"", |line| line));
    }
    if status::has_body(code) {
        // Programs have come to rely on the width. Writing to a Vec cannot fail.
        let _ = write!(out, "Content-Length: {:<11}\r\n", body.len());
    }
    out.extend_from_slice(b"\r\n");
    if with_body && status::has_body(code) {
        out.extend_from_slice(body);
    }
    finish(c, &out);
}

/// Sends a complete reply.
pub fn finish(c: Conn, reply: &[u8]) {
    c.clear(flag::RESP);
    if c.send().append(reply) {
        output_queued(c);
    } else {
        conn::error(c, b"OOM");
    }
}
