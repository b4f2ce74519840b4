//! HTTP/1.x messages (RFC 9110, RFC 9112) and their contents.
//!
//! What is delivered and when is the engine's business; what bytes mean is decided here.

#![forbid(unsafe_code)]

pub mod accept;
pub mod auth;
pub mod chunked;
pub mod conditional;
pub mod cors;
pub mod disposition;
mod error;
pub mod fields;
mod framing;
mod head;
mod head_len;
pub mod lifetime;
pub mod mime;
pub mod multipart;
pub mod params;
pub mod percent;
pub mod range;
mod scan;
pub mod status;
pub mod strict;
pub mod target;
pub mod upload;
mod validate;
pub mod vars;

pub use error::{Fault, HeadError};
pub use framing::{Connection, Framing, Head, Header};
pub use head::{MAX_HEADER_LINES, parse_head, parse_head_at};
pub use head_len::{MAX_HEAD_BYTES, blank_lines, head_len};
