//! Protocol knowledge: bytes in, meaning out.
//!
//! Safe Rust on `&[u8]`. Nothing here knows sockets, clocks, globals or C types; nothing allocates
//! unless its documentation says so.

#![forbid(unsafe_code)]

pub mod acl;
pub mod addr;
pub mod base64;
pub mod crc32;
pub mod dash;
pub mod date;
pub mod digest;
pub mod dns;
pub mod fmt;
pub mod hexdump;
pub mod http;
pub mod json;
pub mod listing;
pub mod log_prefix;
pub mod matcher;
pub mod modbus;
pub mod mqtt;
pub mod number;
pub mod ota;
pub mod path;
pub mod phy;
pub mod rpc;
pub mod sntp;
pub mod ssi;
pub mod text;
pub mod tls;
pub mod tree;
pub mod url;
pub mod webroot;
pub mod ws;
