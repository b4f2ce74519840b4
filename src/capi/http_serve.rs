//! HTTP: static files.

use super::fs::posix;
use super::{arg, slice};
use crate::abi::{Connection, HttpMessage, HttpServeOpts, HttpWebOpts};
use crate::fence;
use crate::net::fs::Fs;
use crate::net::http::serve::{self, Files, ServeOptions, Web};
use core::ffi::{CStr, c_char};
use core::ptr;

/// Answers a request by a file, or by the contents of a directory.
///
/// `opts->root_dir` is a directory, or a list such as `./web,/logs=/var/log/app`: `/prefix=dir`
/// serves what is below `/prefix`, and the last entry that fits wins. The path of the request is
/// decoded and appended; one that would leave the root, with a NUL or a broken escape, is
/// answered by 400. Symbolic links are followed. Without a root there is nothing: 404.
///
/// Directories are answered by `index.html` or `index.shtml`, or else by a page with their files;
/// without a slash at the end of the path by 301. Files are sent as by `mg_http_serve_file`; those
/// whose path matches `opts->ssi_pattern` with their includes in place.
///
/// The options are needed during the call only, `opts->fs` until the file is sent. See
/// `mg_http_serve_file` for what happens meanwhile.
///
/// # Threads
/// The polling thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_http_serve_dir(
    c: *mut Connection,
    hm: *mut HttpMessage,
    opts: *const HttpServeOpts,
) {
    fence!("mg_http_serve_dir", c: arg::conn, hm: arg::snapshot);
    // SAFETY: the caller passes NULL or options, whose texts are C strings or NULL.
    let options = unsafe { options(opts, ptr::null()) };
    if let Some((guard, hm)) = c.zip(hm) {
        serve::serve_dir(guard.conn(), &hm.request(), &options);
    }
}

/// Answers a request by the file at `path`, which is a path of the file system and taken as it is.
///
/// The type is that of the extension, by `opts->mime_types` (`ext=type,ext2=type2`, `*` for all) or
/// built in. Answered are `HEAD`, `Range`, `If-Range`, `If-None-Match`; the tag of a file is its time
/// and size. Clients that take gzip get `path.gz` if there is one. When there is no such file,
/// `opts->page404` is sent, with status 200, or else 404. `opts` may be NULL.
///
/// A long file goes out while the connection drains, in pieces: until then `c->is_resp` is 1 and
/// `c->pfn` belongs to the library. Should the file become shorter meanwhile, the connection closes.
///
/// # Threads
/// The polling thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_http_serve_file(
    c: *mut Connection,
    hm: *mut HttpMessage,
    path: *const c_char,
    opts: *const HttpServeOpts,
) {
    fence!("mg_http_serve_file", c: arg::conn, hm: arg::snapshot, path: arg::c_str);
    // SAFETY: the caller passes NULL or options, whose texts are C strings or NULL.
    let options = unsafe { options(opts, ptr::null()) };
    if let Some((guard, hm)) = c.zip(hm) {
        serve::serve_file(guard.conn(), &hm.request(), &options, path.unwrap_or(c""));
    }
}

/// As `mg_http_serve_dir`, and does what browsers want beside: CORS with its preflight requests,
/// security headers, lifetimes in caches, compressed variants. `web` NULL: nothing of that. An
/// addition of this library.
///
/// # Threads
/// The polling thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_http_serve_dir_web(
    c: *mut Connection,
    hm: *mut HttpMessage,
    opts: *const HttpServeOpts,
    web: *const HttpWebOpts,
) {
    fence!("mg_http_serve_dir_web", c: arg::conn, hm: arg::snapshot);
    // SAFETY: the caller passes NULL or options of both kinds, whose texts are C strings or NULL.
    let options = unsafe { options(opts, web) };
    if let Some((guard, hm)) = c.zip(hm) {
        serve::serve_dir(guard.conn(), &hm.request(), &options);
    }
}

/// As `mg_http_serve_file`, and does what browsers want beside; see `mg_http_serve_dir_web`. Of the
/// flags, those about roots and directories have no effect. An addition of this library.
///
/// # Threads
/// The polling thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_http_serve_file_web(
    c: *mut Connection,
    hm: *mut HttpMessage,
    path: *const c_char,
    opts: *const HttpServeOpts,
    web: *const HttpWebOpts,
) {
    fence!("mg_http_serve_file_web", c: arg::conn, hm: arg::snapshot, path: arg::c_str);
    // SAFETY: the caller passes NULL or options of both kinds, whose texts are C strings or NULL.
    let options = unsafe { options(opts, web) };
    if let Some((guard, hm)) = c.zip(hm) {
        serve::serve_file(guard.conn(), &hm.request(), &options, path.unwrap_or(c""));
    }
}

/// Answers a CORS preflight request: a browser asks whether a page of another origin may send a
/// request. For replies that the program makes itself. An addition of this library.
///
/// # Returns
/// true when this was one, and is answered.
///
/// # Threads
/// The polling thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_http_web_preflight(
    c: *mut Connection,
    hm: *mut HttpMessage,
    web: *const HttpWebOpts,
) -> bool {
    fence!("mg_http_web_preflight", c: arg::conn, hm: arg::snapshot);
    let Some((guard, hm)) = c.zip(hm) else { return false };
    let c = guard.conn();
    // SAFETY: the caller passes NULL or options, whose texts are C strings or NULL.
    let reply = unsafe { self::web(web) }.preflight(c, &hm.request());
    reply.inspect(|reply| serve::reply::finish(c, reply)).is_some()
}

/// Writes the header lines for browsers to `buf`, for the `headers` of `mg_http_reply`: CORS, `Vary`,
/// security headers. An addition of this library.
///
/// # Returns
/// Length of the lines without the NUL; what does not fit into `len` bytes is left out as a whole,
/// and the result is not less than `len`.
///
/// # Threads
/// The polling thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_http_web_headers(
    c: *mut Connection,
    hm: *mut HttpMessage,
    web: *const HttpWebOpts,
    buf: *mut c_char,
    len: usize,
) -> usize {
    fence!("mg_http_web_headers", c: arg::conn, hm: arg::snapshot, buf[len]: arg::room);
    let lines = match c.zip(hm) {
        // SAFETY: the caller passes NULL or options, whose texts are C strings or NULL.
        Some((guard, hm)) => unsafe { self::web(web) }.lines(guard.conn(), &hm.request()),
        None => Vec::new(),
    };
    if let Some(place) = buf.get_mut(..lines.len() + 1) {
        place[..lines.len()].copy_from_slice(&lines);
        place[lines.len()] = 0;
    } else if let Some(first) = buf.first_mut() {
        *first = 0;
    }
    lines.len()
}

/// Sends the page at `fullpath` with its includes in place: `<!--#include file="NAME" -->` from the
/// page's own directory, `<!--#include virtual="/PATH" -->` from below `root`. Included files may
/// include others, five deep. Includes that are missing, or would leave their directory, are empty.
///
/// The reply has status 200 and type `text/html`, or status 404 without such a page.
///
/// # Threads
/// The polling thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_http_serve_ssi(c: *mut Connection, root: *const c_char, fullpath: *const c_char) {
    fence!("mg_http_serve_ssi", c: arg::conn, root: arg::text, fullpath: arg::c_str);
    if let (Some(guard), Some(fullpath)) = (c, fullpath) {
        serve::serve_ssi(guard.conn(), posix(), root, fullpath);
    }
}

/// The options of a program; NULL stands for zeros.
///
/// # Safety
/// `opts` and `web` are NULL or point to options whose pointers are valid or NULL.
unsafe fn options<'a>(opts: *const HttpServeOpts, web: *const HttpWebOpts) -> ServeOptions<'a> {
    const NONE: HttpServeOpts = HttpServeOpts {
        root_dir: ptr::null(),
        ssi_pattern: ptr::null(),
        extra_headers: ptr::null(),
        mime_types: ptr::null(),
        page404: ptr::null(),
        fs: ptr::null_mut(),
    };
    // SAFETY: the caller vouches for the options.
    unsafe {
        let opts = if opts.is_null() { NONE } else { *opts };
        let web = self::web(web);
        let (beneath, hides_dots) = (web.stays_beneath(), web.hides_dots());
        ServeOptions {
            roots: slice::cstr(opts.root_dir),
            ssi_pattern: (!opts.ssi_pattern.is_null()).then(|| slice::cstr(opts.ssi_pattern)),
            headers: slice::cstr(opts.extra_headers),
            mime_types: slice::cstr(opts.mime_types),
            page404: (!opts.page404.is_null()).then(|| CStr::from_ptr(opts.page404)),
            files: Files { fs: Fs::new(opts.fs).unwrap_or_else(posix), beneath, hides_dots },
            web,
        }
    }
}

/// The options for browsers; NULL stands for none.
///
/// # Safety
/// `web` is NULL or points to options whose pointers are valid or NULL.
unsafe fn web<'a>(web: *const HttpWebOpts) -> Web<'a> {
    // SAFETY: the caller vouches for the options.
    unsafe {
        let Some(web) = web.as_ref() else { return Web::default() };
        Web {
            flags: web.flags,
            origins: slice::cstr(web.cors_origins),
            methods: slice::cstr(web.cors_methods),
            headers: (!web.cors_headers.is_null()).then(|| slice::cstr(web.cors_headers)),
            max_age: web.cors_max_age,
            policy: slice::cstr(web.content_policy),
            lifetimes: slice::cstr(web.lifetimes),
        }
    }
}
