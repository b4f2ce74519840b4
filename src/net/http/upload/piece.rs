//! Uploads in pieces: one request for each.

use crate::abi::MG_FS_WRITE;
use crate::codec::http::upload;
use crate::codec::path::is_sane;
use crate::net::event_loop::handle::Conn;
use crate::net::event_loop::raw_slice::RawSlice;
use crate::net::fs::{Fs, PATH_MAX};
use crate::net::http::serve::reply;
use core::ffi::c_long;
use std::ffi::CString;
use std::io::Write;

/// Why a piece is refused: what `mg_http_upload` returns, and the text of the reply.
struct UploadError(c_long, i32, Vec<u8>);

/// Writes a piece and replies. Returns the size of the file, or a negative number.
pub fn receive(c: Conn, query: &[u8], body: &RawSlice, fs: Fs, dir: &[u8], max_size: usize) -> c_long {
    let result = if body.len() == 0 { Ok(0) } else { write(query, body, fs, dir, max_size) };
    match result {
        Ok(size) => {
            reply::whole(c, 200, b"", itoa::Buffer::new().format(size).as_bytes(), true);
            size
        }
        Err(UploadError(code, status, text)) => {
            // The name is the peer's: a browser must not render the text as a page.
            reply::whole(c, status, b"Content-Type: text/plain\r\n", &text, true);
            code
        }
    }
}

fn write(query: &[u8], body: &RawSlice, fs: Fs, dir: &[u8], max_size: usize) -> Result<c_long, UploadError> {
    let bad = |code, text: &[&[u8]]| UploadError(code, 400, text.concat());
    let name = upload::file(query, PATH_MAX).ok_or_else(|| bad(-1, &[b"file required"]))?;
    // A name with a NUL inside would be another one for the file system.
    if !is_sane(&name) || name.contains(&0) {
        return Err(bad(-2, &[&name, b": invalid file"]));
    }
    let offset = usize::try_from(upload::offset(query)).map_err(|_| bad(-3, &[b"offset required"]))?;
    let path = [dir, b"/", &name].concat();
    let end = offset.checked_add(body.len()).filter(|end| *end <= max_size);
    let end = end.and_then(|end| c_long::try_from(end).ok()).ok_or_else(|| {
        let mut text = [&path[..], b": over max size of "].concat();
        // Writing to a Vec cannot fail.
        let _ = write!(text, "{max_size}");
        UploadError(-4, 400, text)
    })?;
    let cannot_open = || bad(-6, &[b"open(", &path, b")"]);
    if path.len() >= PATH_MAX {
        return Err(cannot_open());
    }
    let c_path = CString::new(&path[..]).map_err(|_| cannot_open())?;
    let old = fs.stat(&c_path);
    if offset > 0 && old.map_or(0, |st| st.size) != offset {
        return Err(bad(-5, &[&path, b": offset mismatch"]));
    }
    if old.is_some_and(|st| st.is_dir) {
        return Err(cannot_open());
    }
    if offset == 0 {
        fs.remove(&c_path);
    }
    let mut file = fs.open(&c_path, MG_FS_WRITE).ok_or_else(cannot_open)?;
    let written = body.get().is_some_and(|bytes| file.write(bytes));
    if !written || !file.close() {
        return Err(UploadError(-7, 500, [&path[..], b": write error"].concat()));
    }
    Ok(end)
}
