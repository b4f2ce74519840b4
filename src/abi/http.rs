//! HTTP messages and file serving options.

use super::config::MG_MAX_HTTP_HEADERS;
use super::core::Str;

/// One HTTP header.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct HttpHeader {
    /// Name, as sent.
    pub name: Str,
    /// Value without surrounding white space.
    pub value: Str,
}

/// An HTTP request or response: views into the receive buffer, valid during the event only.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct HttpMessage {
    /// Request method, or the protocol version of a response.
    pub method: Str,
    /// Request target up to `?`, or the status of a response.
    pub uri: Str,
    /// What follows `?`; `{NULL, 0}` without one.
    pub query: Str,
    /// Protocol version of a request, or the reason phrase of a response.
    pub proto: Str,
    /// Headers in order of arrival; the first unused one has an empty name.
    pub headers: [HttpHeader; MG_MAX_HTTP_HEADERS],
    /// Body; a length of `(size_t) -1` means: not known.
    pub body: Str,
    /// Start line, headers and blank line.
    pub head: Str,
    /// Head and body.
    pub message: Str,
}
