//! Protocol knowledge: bytes in, meaning out.
//!
//! Safe Rust on `&[u8]`. Nothing here knows sockets, clocks, globals or C types; nothing allocates
//! unless its documentation says so.

#![forbid(unsafe_code)]

pub mod acl;
pub mod addr;
pub mod autoindex;
pub mod base64;
pub mod base64url;
pub mod crc16;
pub mod crc32;
pub mod dash;
pub mod date;
pub mod digest;
pub mod dns;
pub mod docroot;
#[cfg(feature = "tls")]
pub mod es256;
pub mod fmt;
pub mod glob;
pub mod hexdump;
pub mod http;
pub mod json;
pub mod jwt;
pub mod log_prefix;
pub mod modbus;
pub mod mqtt;
pub mod number;
pub mod ota;
pub mod path;
pub mod phy;
pub mod proxy_protocol;
pub mod rpc;
pub mod sntp;
pub mod ssi;
pub mod text;
pub mod tls;
pub mod tree;
pub mod url;
pub mod ws;
