//! The exported C functions, one file per section of the header.

pub mod conn;
pub mod iobuf;
pub mod mgr;
pub mod settings;
pub mod slice;
