//! What the fuzz targets check, one function for each: no panic, and the rules of the codec hold.
//!
//! The targets in `fuzz_targets/` run these with libFuzzer; `tests/fuzz.rs` of the library runs
//! them for a fixed number of executions on any compiler.

#![forbid(unsafe_code)]

pub mod addr;
pub mod dash;
pub mod dns;
pub mod files;
pub mod http;
pub mod json;
pub mod modbus;
pub mod mqtt;
pub mod sntp;
pub mod text;
pub mod tls;
pub mod ws;

/// Fails unless `inner` lies within `outer`.
fn inside(outer: &[u8], inner: &[u8]) {
    let (outer, inner) = (outer.as_ptr_range(), inner.as_ptr_range());
    assert!(outer.start <= inner.start && inner.end <= outer.end);
}
