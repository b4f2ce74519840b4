//! The event loop, on the C structs themselves.

pub mod http_message;
pub mod mem;
