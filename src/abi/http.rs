//! HTTP messages and file serving options.

use super::config::MG_MAX_HTTP_HEADERS;
use super::core::Str;
use super::fs::FileSystem;
use core::ffi::c_char;

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
    pub(super) headers: [HttpHeader; MG_MAX_HTTP_HEADERS],
    /// Body; a length of `(size_t) -1` means: not known.
    pub(super) body: Str,
    /// Start line, headers and blank line.
    pub(super) head: Str,
    /// Head and body.
    pub(super) message: Str,
}

/// Options of `mg_http_serve_dir` and `mg_http_serve_file`. Zero what is not needed.
///
/// The strings are read during the call only.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct HttpServeOpts {
    /// Directory; or a comma-separated list with `/prefix=directory` entries.
    pub root_dir: *const c_char,
    /// Glob for paths of files with server-side includes; NULL: none.
    pub ssi_pattern: *const c_char,
    /// Header lines to add, each ended by CR LF; or NULL.
    pub extra_headers: *const c_char,
    /// `extension=type` pairs, comma-separated, beyond the built-in ones; or NULL.
    pub mime_types: *const c_char,
    /// Path of a page for "404 Not Found"; or NULL.
    pub page404: *const c_char,
    /// File system; NULL: `mg_fs_posix`. Must live until the file is sent.
    pub fs: *mut FileSystem,
}

/// One part of a multipart body: views into the body.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct HttpPart {
    /// Name of the form field.
    pub name: Str,
    /// Name of the file; empty if it is not a file.
    pub filename: Str,
    /// Contents.
    pub body: Str,
}
