//! Build options: values that are compiled into the library and written into its header.
//!
//! `build.rs` reads them from the environment (`MG_IO_SIZE=8192 cargo build --release`), checks
//! them, and hands them on through `cargo:rustc-env`.

const fn number(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut value = 0;
    let mut i = 0;
    while i < bytes.len() {
        value = value * 10 + (bytes[i] - b'0') as usize;
        i += 1;
    }
    value
}

/// The version of Mongoose whose C interface this is.
pub const MG_VERSION: &str = "7.22";

/// Bytes of `c->data`, unless the program says otherwise.
pub const MG_DATA_SIZE: usize = 32;
/// Slots in `hm->headers`, unless the program says otherwise.
pub const MG_MAX_HTTP_HEADERS: usize = 30;
/// Bytes of a dashboard user's name, unless the program says otherwise.
pub const MG_DASH_MAX_USER_NAME: usize = 32;
/// Growth step of connection buffers, and so the size of one read.
pub const MG_IO_SIZE: usize = number(env!("MG_IO_SIZE"));
/// `recv.len` at or above which a connection that wants to read fails.
pub const MG_MAX_RECV_SIZE: usize = number(env!("MG_MAX_RECV_SIZE"));

/// Backlog of listening TCP sockets.
pub const MG_SOCK_LISTEN_BACKLOG_SIZE: i32 = 128;
/// The file that is served for a directory.
pub const MG_HTTP_INDEX: &str = "index.html";
/// Containers that may be open at a time in JSON text.
pub const MG_JSON_MAX_DEPTH: usize = 30;
