//! The exported C functions, one file per section of the header.

pub mod acl;
pub mod addr;
mod arg;
pub mod base64;
pub mod byteorder;
pub mod conn;
pub mod crc16;
pub mod crc32;
pub mod dash;
mod device;
pub mod digest;
pub mod dns;
pub mod fmt;
pub mod fs;
pub mod http_auth;
pub mod http_etag;
pub mod http_multipart;
pub mod http_parse;
pub mod http_reply;
pub mod http_serve;
pub mod http_upload;
pub mod http_vars;
pub mod io;
pub mod iobuf;
pub mod json;
pub mod jwt;
mod kept;
pub mod layout;
pub mod log;
pub mod mem;
pub mod mgr;
pub mod modbus;
pub mod mqtt;
pub mod ota;
mod output;
pub mod packed;
pub mod print;
pub mod queue;
pub mod random;
pub mod rpc;
pub mod settings;
pub mod slice;
pub mod sntp;
pub mod str;
pub mod time;
pub mod tls;
pub mod url;
pub mod ws;
pub mod ws_frame;

/// Makes the shared library export what the C shim defines.
///
/// rustc writes the linker's list of exported symbols, with the names of this crate alone: everything
/// else, the variadic functions and those that a program may replace among it, becomes local. Linkers
/// read each entry of that list as a pattern, so this name stands for the whole interface. It does not
/// match itself: `[` is not a letter.
#[unsafe(export_name = "mg_[a-z]*")]
pub static EXPORTED: u8 = 0;
