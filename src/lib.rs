//! A memory-safe, event-driven network library with the C ABI of Mongoose 7.22.
//!
//! The crate is divided by what code may know, and arrows point one way:
//!
//! * [`abi`]: the `repr(C)` structs and constants that C programs share with us. Data only.
//! * [`codec`]: bytes in, meaning out. Safe Rust on slices: no sockets, no clocks, no C types.
//! * `net`: manager, connections, event loop, protocol state machines. Uses `abi` and `codec`.
//! * [`capi`]: one file per section of the C header: checks arguments, makes slices, calls inward.
//! * [`mod@fence`]: what every function that C can call starts with.
//!
//! `tests/layers.rs` fails if a dependency points the wrong way.

pub mod abi;
pub mod capi;
pub mod codec;
pub mod fence;
mod net;
