//! What file serving looks at in a request.

use crate::abi::HttpMessage;
use crate::net::event_loop::view;
use crate::net::http::headers::Headers;

/// A request: views of the message of the program's handler.
pub struct Request<'a> {
    /// Method, as sent.
    pub method: &'a [u8],
    /// Target without its query, as sent.
    pub uri: &'a [u8],
    /// What follows `?` in the target.
    pub query: Option<&'a [u8]>,
    /// All its headers.
    pub headers: Headers<'a>,
    /// The version, as sent: `HTTP/1.1`.
    pub proto: &'a [u8],
}

impl Request<'_> {
    /// The request of a message.
    ///
    /// # Safety
    /// `hm` points to a message whose views are valid as long as the request is used.
    pub unsafe fn new(hm: *const HttpMessage) -> Self {
        // SAFETY: the caller vouches for the message.
        unsafe {
            Request {
                method: view::bytes((*hm).method),
                uri: view::bytes((*hm).uri),
                query: (!(*hm).query.buf.is_null()).then(|| view::bytes((*hm).query)),
                headers: Headers::new(hm),
                proto: view::bytes((*hm).proto),
            }
        }
    }

    /// Whether the client can read chunks.
    pub fn knows_chunks(&self) -> bool {
        !self.proto.ends_with(b"/1.0")
    }

    /// The method that asks for parts of a file.
    pub fn is_get(&self) -> bool {
        self.method == b"GET"
    }

    /// The method that asks for the head only.
    pub fn is_head(&self) -> bool {
        self.method.eq_ignore_ascii_case(b"HEAD")
    }

    /// A method that wants to do something to a file. POST may mean anything, and is answered.
    pub fn is_foreign(&self) -> bool {
        matches!(self.method, b"PUT" | b"DELETE" | b"PATCH" | b"CONNECT" | b"TRACE")
    }
}
