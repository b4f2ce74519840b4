//! The structs and constants that C programs share with the library.
//!
//! Everything here is plain data with the exact layout of the C ABI; `tests/c/` checks it with C
//! compilers against a table of facts. C names come from `cbindgen.toml` by rename rules.

mod config;
mod core;
mod event;
mod http;

pub use config::*;
pub use core::*;
pub use event::*;
pub use http::*;
