//! The exported C functions, one file per section of the header.

pub mod conn;
pub mod http_multipart;
pub mod http_parse;
pub mod http_vars;
pub mod iobuf;
pub mod mgr;
pub mod slice;
pub mod url;
