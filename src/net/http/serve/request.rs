//! What file serving looks at in a request.

use crate::abi::{HttpMessage, MG_MAX_HTTP_HEADERS};
use crate::net::event_loop::view;
use core::marker::PhantomData;

/// A request: views of the message of the program's handler.
pub struct Request<'a> {
    /// Method, as sent.
    pub method: &'a [u8],
    /// Target without its query, as sent.
    pub uri: &'a [u8],
    hm: *const HttpMessage,
    message: PhantomData<&'a HttpMessage>,
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
                hm,
                message: PhantomData,
            }
        }
    }

    /// The value of the first header with this name.
    pub fn header(&self, name: &[u8]) -> Option<&[u8]> {
        for i in 0..MG_MAX_HTTP_HEADERS {
            // SAFETY: the slots up to the first without a name are set, and their views valid.
            let (found, value) = unsafe {
                let slot = &raw const (*self.hm).headers[i];
                let found = view::bytes((*slot).name);
                if found.is_empty() {
                    return None;
                }
                (found, (*slot).value)
            };
            if found.eq_ignore_ascii_case(name) {
                // SAFETY: as above.
                return Some(unsafe { view::bytes(value) });
            }
        }
        None
    }

    /// Whether the client can read chunks.
    pub fn knows_chunks(&self) -> bool {
        // SAFETY: who made the request vouched for the message.
        !unsafe { view::bytes((*self.hm).proto) }.ends_with(b"/1.0")
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
