//! JSON-RPC frames: what kind one is, and the envelopes of answers.
//!
//! The members are those of JSON-RPC 2.0 without `jsonrpc`; there are no batches. A frame is read
//! as far as its members are looked for, and checked no further.

#![forbid(unsafe_code)]

use super::fmt::{Sink, escape};
use super::json;

/// The frame is not a request and not a response.
pub const PARSE_ERROR: i32 = -32700;
/// There is no such method.
pub const METHOD_NOT_FOUND: i32 = -32601;

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame<'a> {
    /// A call or notification: the raw text between the quotes of its method.
    Request(&'a [u8]),
    /// An answer to a request of ours.
    Response,
    /// Neither.
    Other,
}

/// Tells what a frame is.
pub fn classify(frame: &[u8]) -> Frame<'_> {
    let member = |path: &[u8]| json::find(frame, path).ok().map(|range| &frame[range]);
    if let Some(method) = member(b"$.method").and_then(json::string_body) {
        Frame::Request(method)
    } else if member(b"$.result").or_else(|| member(b"$.error")).is_some() {
        Frame::Response
    } else {
        Frame::Other
    }
}

/// The raw id of a frame: a number, a string, or any other token. A request without one is a
/// notification.
pub fn id(frame: &[u8]) -> Option<&[u8]> {
    json::find(frame, b"$.id").ok().map(|range| &frame[range])
}

/// Prints an answer up to its result, which has to follow, and `}`.
pub fn begin_result<S: Sink>(id: &[u8], out: &mut S) {
    out.put(b"{\"id\":");
    out.put(id);
    out.put(b",\"result\":");
}

/// Prints an error answer up to its message, which has to follow, and `}}`.
pub fn begin_error<S: Sink>(id: Option<&[u8]>, code: i32, out: &mut S) {
    out.put(b"{");
    if let Some(id) = id {
        out.put(b"\"id\":");
        out.put(id);
        out.put(b",");
    }
    out.put(b"\"error\":{\"code\":");
    out.put(itoa::Buffer::new().format(code).as_bytes());
    out.put(b",\"message\":");
}

/// Prints the message that there is no such method. `method` is raw, so already escaped.
pub fn not_found<S: Sink>(method: &[u8], out: &mut S) {
    out.put(b"\"");
    out.put(method);
    out.put(b" not found\"");
}

/// Prints a text as a JSON string.
pub fn string<S: Sink>(text: &[u8], out: &mut S) {
    out.put(b"\"");
    escape::json(text, out);
    out.put(b"\"");
}
