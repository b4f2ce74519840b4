//! What browsers want beside a file: CORS, security headers, lifetimes in caches.

use super::request::Request;
use crate::abi::{
    MG_WEB_BENEATH, MG_WEB_CREDENTIALS, MG_WEB_NO_DOT_FILES, MG_WEB_NO_LISTING, MG_WEB_PRECOMPRESSED,
    MG_WEB_SECURITY, flag,
};
use crate::codec::http::cors::{self, Grant};
use crate::codec::http::lifetime;
use crate::codec::http::status::Line;
use crate::net::event_loop::handle::Conn;
use crate::net::http::{self, date};
use core::ffi::c_int;
use std::io::Write;

/// `struct mg_http_web_opts`.
#[derive(Clone, Copy, Default)]
pub struct Web<'a> {
    /// `MG_WEB_*`.
    pub flags: c_int,
    /// Origins that may read replies; empty: none.
    pub origins: &'a [u8],
    /// Methods they may use beside the simple ones.
    pub methods: &'a [u8],
    /// Headers they may send; `None`: any.
    pub headers: Option<&'a [u8]>,
    /// Seconds for which a browser may remember that; 0: its default.
    pub max_age: c_int,
    /// Content policy of pages.
    pub policy: &'a [u8],
    /// Lifetimes by path.
    pub lifetimes: &'a [u8],
}

/// A link to an old version of a file does not exist after a year.
const YEAR: u64 = 31_536_000;

/// The policy of listings: their own style, and nothing else.
const LISTING_POLICY: &[u8] =
    b"Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; form-action 'none'\r\n";

impl Web<'_> {
    fn has(&self, flag: c_int) -> bool {
        self.flags & flag != 0
    }

    /// Symbolic links do not lead out of the root.
    pub fn stays_beneath(&self) -> bool {
        self.has(MG_WEB_BENEATH)
    }

    /// Hidden files do not exist.
    pub fn hides_dots(&self) -> bool {
        self.has(MG_WEB_NO_DOT_FILES)
    }

    /// Directories without an index do not exist.
    pub fn hides_listings(&self) -> bool {
        self.has(MG_WEB_NO_LISTING)
    }

    /// Codings to look for, the best first, and what their files' names end in.
    pub fn codings(&self) -> &'static [(&'static str, &'static str)] {
        if self.has(MG_WEB_PRECOMPRESSED) { &[("br", ".br"), ("gzip", ".gz")] } else { &[("gzip", ".gz")] }
    }

    /// Header lines of every reply.
    pub fn lines(&self, c: Conn, request: &Request<'_>) -> Vec<u8> {
        let mut out = Vec::new();
        let mut vary: Vec<&str> = Vec::new();
        if self.has(MG_WEB_PRECOMPRESSED) {
            vary.push("Accept-Encoding");
        }
        if self.grants(request, &mut out) {
            vary.push("Origin");
        }
        if !vary.is_empty() {
            // Writing to a Vec cannot fail.
            let _ = write!(out, "Vary: {}\r\n", vary.join(", "));
        }
        if self.has(MG_WEB_SECURITY) {
            out.extend_from_slice(
                b"X-Content-Type-Options: nosniff\r\nX-Frame-Options: SAMEORIGIN\r\n\
                  Referrer-Policy: strict-origin-when-cross-origin\r\n",
            );
            if c.has(flag::TLS) {
                let _ = write!(out, "Strict-Transport-Security: max-age={YEAR}\r\n");
            }
        }
        out
    }

    /// Writes what the origin of a request is granted. True when that depends on the origin.
    fn grants(&self, request: &Request<'_>, out: &mut Vec<u8>) -> bool {
        if self.origins.is_empty() {
            return false;
        }
        let origin = request.headers.first(b"Origin").unwrap_or_default();
        let credentials = self.has(MG_WEB_CREDENTIALS);
        match cors::grant(self.origins, origin) {
            Grant::Any if !credentials => {
                out.extend_from_slice(b"Access-Control-Allow-Origin: *\r\n");
                return false;
            }
            // Not even a list of all origins lets any of them use another's cookies.
            Grant::None | Grant::Any => {}
            Grant::This => {
                for part in [b"Access-Control-Allow-Origin: ", origin, b"\r\n"] {
                    out.extend_from_slice(part);
                }
                if credentials {
                    out.extend_from_slice(b"Access-Control-Allow-Credentials: true\r\n");
                }
            }
        }
        true
    }

    /// Header lines of a reply with a file.
    pub fn file_lines(&self, path: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        if !self.policy.is_empty() {
            for part in [b"Content-Security-Policy: ", self.policy, b"\r\n"] {
                out.extend_from_slice(part);
            }
        }
        // Writing to a Vec cannot fail.
        let _ = match lifetime::seconds(self.lifetimes, path) {
            None => Ok(()),
            Some(0) => write!(out, "Cache-Control: no-cache\r\n"),
            Some(n) if n >= YEAR => write!(out, "Cache-Control: public, max-age={n}, immutable\r\n"),
            Some(n) => write!(out, "Cache-Control: public, max-age={n}\r\n"),
        };
        out
    }

    /// Header lines of a listing.
    pub fn listing_lines(&self) -> &'static [u8] {
        if self.has(MG_WEB_SECURITY) || !self.policy.is_empty() { LISTING_POLICY } else { b"" }
    }

    /// The reply to a browser that asks whether it may send a request; `None` when this is not one.
    pub fn preflight(&self, c: Conn, request: &Request<'_>) -> Option<Vec<u8>> {
        if request.method != b"OPTIONS" || self.origins.is_empty() {
            return None;
        }
        let origin = request.headers.first(b"Origin")?;
        request.headers.first(b"Access-Control-Request-Method")?;
        let mut out = Line::new(204).bytes().to_vec();
        out.extend_from_slice(&self.lines(c, request));
        out.extend_from_slice(http::connection_line(c).to_bytes());
        out.extend_from_slice(date::line_for(c).as_ref().map_or(b"", |line| line));
        out.extend_from_slice(b"Vary: Access-Control-Request-Headers\r\n");
        if cors::grant(self.origins, origin) != Grant::None {
            out.extend_from_slice(b"Access-Control-Allow-Methods: GET, HEAD, POST");
            if !self.methods.is_empty() {
                out.extend_from_slice(b", ");
                out.extend_from_slice(self.methods);
            }
            out.extend_from_slice(b"\r\n");
            let asked = request.headers.list(b"Access-Control-Request-Headers");
            let asked = asked.as_deref().filter(|names| cors::is_name_list(names));
            if let Some(headers) = self.headers.or(asked) {
                for part in [b"Access-Control-Allow-Headers: ", headers, b"\r\n"] {
                    out.extend_from_slice(part);
                }
            }
            if self.max_age > 0 {
                // Writing to a Vec cannot fail.
                let _ = write!(out, "Access-Control-Max-Age: {}\r\n", self.max_age);
            }
        }
        out.extend_from_slice(b"\r\n");
        Some(out)
    }
}
