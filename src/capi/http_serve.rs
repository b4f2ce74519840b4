//! HTTP: static files.

use super::fs::mg_fs_posix;
use super::slice;
use crate::abi::{Connection, FileSystem, HttpMessage, HttpServeOpts, HttpWebOpts};
use crate::fence;
use crate::net::event_loop::guard::ConnGuard;
use crate::net::fs::Fs;
use crate::net::http::serve::{self, Files, Options, Request, Web};
use crate::net::http::snapshot::Snapshot;
use core::ffi::{CStr, c_char};
use core::ptr;

/// Answers a request by a file, or by the contents of a directory.
///
/// `opts->root_dir` is a directory, or a list such as `./web,/logs=/var/log/app`: `/prefix=dir`
/// serves what is below `/prefix`, and the last entry that fits wins. The path of the request is
/// decoded and put behind; one that would leave the root, with a NUL or a broken escape, is
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
    fence!("mg_http_serve_dir");
    // SAFETY: the caller passes a connection, its message, and options or NULL.
    unsafe {
        if let Some(guard) = ConnGuard::new(c)
            && !hm.is_null()
            && let Some(options) = options(opts, ptr::null())
        {
            serve::serve_dir(guard.conn(), &Request::new(Snapshot::new(hm).as_ptr()), &options);
        }
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
    fence!("mg_http_serve_file");
    // SAFETY: the caller passes a connection, its message, a C string, and options or NULL.
    unsafe {
        if let Some(guard) = ConnGuard::new(c)
            && !hm.is_null()
            && let Some(options) = options(opts, ptr::null())
        {
            let path = if path.is_null() { c"" } else { CStr::from_ptr(path) };
            serve::serve_file(guard.conn(), &Request::new(Snapshot::new(hm).as_ptr()), &options, path);
        }
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
    fence!("mg_http_serve_dir_web");
    // SAFETY: the caller passes a connection, its message, and options or NULL.
    unsafe {
        if let Some(guard) = ConnGuard::new(c)
            && !hm.is_null()
            && let Some(options) = options(opts, web)
        {
            serve::serve_dir(guard.conn(), &Request::new(Snapshot::new(hm).as_ptr()), &options);
        }
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
    fence!("mg_http_serve_file_web");
    // SAFETY: the caller passes a connection, its message, a C string, and options or NULL.
    unsafe {
        if let Some(guard) = ConnGuard::new(c)
            && !hm.is_null()
            && let Some(options) = options(opts, web)
        {
            let path = if path.is_null() { c"" } else { CStr::from_ptr(path) };
            serve::serve_file(guard.conn(), &Request::new(Snapshot::new(hm).as_ptr()), &options, path);
        }
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
    fence!("mg_http_web_preflight");
    // SAFETY: the caller passes a connection, its message, and options or NULL.
    unsafe {
        let Some(guard) = ConnGuard::new(c).filter(|_| !hm.is_null()) else { return false };
        let c = guard.conn();
        let reply = self::web(web).preflight(c, &Request::new(Snapshot::new(hm).as_ptr()));
        reply.inspect(|reply| serve::reply::finish(c, reply)).is_some()
    }
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
    fence!("mg_http_web_headers");
    // SAFETY: the caller passes a connection, its message, options or NULL, and len writable bytes.
    unsafe {
        let room = slice::raw_mut(buf.cast::<u8>(), len);
        let lines = match ConnGuard::new(c).filter(|_| !hm.is_null()) {
            Some(guard) => self::web(web).lines(guard.conn(), &Request::new(Snapshot::new(hm).as_ptr())),
            None => Vec::new(),
        };
        if let Some(place) = room.get_mut(..lines.len() + 1) {
            place[..lines.len()].copy_from_slice(&lines);
            place[lines.len()] = 0;
        } else if let Some(first) = room.first_mut() {
            *first = 0;
        }
        lines.len()
    }
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
    fence!("mg_http_serve_ssi");
    // SAFETY: the caller passes a connection and C strings.
    unsafe {
        if let Some(guard) = ConnGuard::new(c)
            && let Some(fs) = file_system(ptr::null_mut())
            && !fullpath.is_null()
        {
            serve::serve_ssi(guard.conn(), fs, slice::cstr(root), CStr::from_ptr(fullpath));
        }
    }
}

/// The options of a program; NULL stands for zeros.
///
/// # Safety
/// `opts` and `web` are NULL or point to options whose pointers are valid or NULL.
unsafe fn options<'a>(opts: *const HttpServeOpts, web: *const HttpWebOpts) -> Option<Options<'a>> {
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
        Some(Options {
            roots: slice::cstr(opts.root_dir),
            ssi_pattern: (!opts.ssi_pattern.is_null()).then(|| slice::cstr(opts.ssi_pattern)),
            headers: slice::cstr(opts.extra_headers),
            mime_types: slice::cstr(opts.mime_types),
            page404: (!opts.page404.is_null()).then(|| CStr::from_ptr(opts.page404)),
            files: Files { fs: file_system(opts.fs)?, beneath, hides_dots },
            web,
        })
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

/// The file system of a program; NULL stands for the machine's.
///
/// # Safety
/// As for `Fs::new`.
pub unsafe fn file_system(fs: *mut FileSystem) -> Option<Fs> {
    // SAFETY: the caller vouches for fs; the static lives for ever.
    unsafe { Fs::new(if fs.is_null() { &raw mut mg_fs_posix } else { fs }) }
}
