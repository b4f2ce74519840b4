//! Protocol knowledge: bytes in, meaning out.
//!
//! Safe Rust on `&[u8]`. Nothing here knows sockets, clocks, globals or C types; nothing allocates
//! unless its documentation says so.

pub mod http;
pub mod url;
