//! File serving for browsers. An addition of this library.

use core::ffi::{c_char, c_int};

/// Flags of `mg_http_web_opts`.
#[repr(C)]
#[allow(non_camel_case_types)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WebFlag {
    /// Send the security headers: no guessing of types, no frames on other sites, short referrers,
    /// and over TLS no way back to plain HTTP. More types are known then, such as `video/webm`.
    MG_WEB_SECURITY = 1,
    /// Send `NAME.br` or `NAME.gz` in place of `NAME` to browsers that take it, and say so in `Vary`.
    MG_WEB_PRECOMPRESSED = 2,
    /// Do not follow symbolic links that lead out of the root. For `mg_fs_posix`.
    MG_WEB_BENEATH = 4,
    /// Answer 404 for directories without an index.
    MG_WEB_NO_LISTING = 8,
    /// Answer 404 for names that begin with a dot, but for `.well-known`.
    MG_WEB_NO_DOT_FILES = 16,
    /// Let pages of the allowed origins send cookies and credentials.
    MG_WEB_CREDENTIALS = 32,
}

enum_constants!(WebFlag as c_int:
    MG_WEB_SECURITY,
    MG_WEB_PRECOMPRESSED,
    MG_WEB_BENEATH,
    MG_WEB_NO_LISTING,
    MG_WEB_NO_DOT_FILES,
    MG_WEB_CREDENTIALS,
);

/// What browsers want beside a file. Zero what is not needed.
///
/// The strings are read during the call only.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct HttpWebOpts {
    /// `MG_WEB_*`, added up.
    pub flags: c_int,
    /// Seconds for which a browser may remember that it is allowed to ask (CORS); 0: its default.
    pub cors_max_age: c_int,
    /// Origins whose pages may read the replies (CORS): `https://a.example,https://b.example:8443`, or
    /// `*`; NULL: none.
    pub cors_origins: *const c_char,
    /// Methods that they may use beside GET, HEAD and POST: `PUT, DELETE`; or NULL.
    pub cors_methods: *const c_char,
    /// Headers that they may send beside the usual ones: `Authorization, X-Token`; NULL: any.
    pub cors_headers: *const c_char,
    /// `Content-Security-Policy` of pages; or NULL.
    pub content_policy: *const c_char,
    /// Lifetimes in caches: `PATTERN=SECONDS` pairs, comma-separated, for the path of the request;
    /// the first that matches counts, 0 means: ask each time. NULL: nothing is said.
    pub lifetimes: *const c_char,
}
