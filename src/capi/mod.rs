//! The exported C functions, one file per section of the header.

pub mod acl;
pub mod addr;
pub mod base64;
pub mod byteorder;
pub mod conn;
pub mod crc32;
pub mod digest;
pub mod fmt;
pub mod http_multipart;
pub mod http_parse;
pub mod http_reply;
pub mod http_vars;
pub mod iobuf;
pub mod json;
pub mod log;
pub mod mem;
pub mod mgr;
pub mod output;
pub mod print;
pub mod queue;
pub mod random;
pub mod settings;
pub mod slice;
pub mod str;
pub mod time;
pub mod url;
