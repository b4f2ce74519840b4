//! The exported C functions, one file per section of the header.

pub mod acl;
pub mod addr;
pub mod byteorder;
pub mod conn;
pub mod crc32;
pub mod digest;
pub mod http_auth;
pub mod http_etag;
pub mod http_multipart;
pub mod http_parse;
pub mod http_vars;
pub mod iobuf;
pub mod json;
pub mod mem;
pub mod mgr;
pub mod random;
pub mod settings;
pub mod slice;
pub mod time;
pub mod url;
