//! The exported C functions, one file per section of the header.

pub mod fence;
pub mod slice;
