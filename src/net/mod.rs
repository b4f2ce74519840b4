//! The event loop, on the C structs themselves.

pub mod mem;
