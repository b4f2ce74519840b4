//! Dashboards: variables of the program as a JSON API with sessions.

use super::config::MG_DASH_MAX_USER_NAME;
use super::core::{EventHandler, Str};
use super::fs::FileSystem;
use core::ffi::{c_char, c_int, c_uint, c_void};

/// The C type of a field's `value`.
#[repr(C)]
#[allow(non_camel_case_types)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValType {
    /// `int`.
    MG_VAL_INT = 0,
    /// `uint64_t`.
    MG_VAL_UINT64 = 1,
    /// `bool`.
    MG_VAL_BOOL = 2,
    /// `double`.
    MG_VAL_DBL = 3,
    /// `char[]`, NUL-terminated text.
    MG_VAL_STR = 4,
    /// `char[]`, NUL-terminated JSON.
    MG_VAL_RAW = 5,
}

enum_constants!(ValType as c_uint:
    MG_VAL_INT,
    MG_VAL_UINT64,
    MG_VAL_BOOL,
    MG_VAL_DBL,
    MG_VAL_STR,
    MG_VAL_RAW,
);

/// What a field set's `fn` is asked to do.
#[repr(C)]
#[allow(non_camel_case_types)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DashOp {
    /// Load the variables.
    MG_DASH_READ = 0,
    /// Apply the variables.
    MG_DASH_WRITE = 1,
    /// Delete the element at `index`.
    MG_DASH_DELETE = 2,
    /// Append an element from the variables.
    MG_DASH_ADD = 3,
}

enum_constants!(DashOp as c_uint: MG_DASH_READ, MG_DASH_WRITE, MG_DASH_DELETE, MG_DASH_ADD);

/// A variable of the program. An array of these ends with an entry whose `name` is NULL.
#[repr(C)]
#[derive(Debug)]
pub struct Field {
    /// Key in JSON.
    pub name: *const c_char,
    /// Type of the variable.
    #[cfg(cbindgen)]
    pub r#type: ValType,
    /// Type of the variable: `MG_VAL_*`.
    #[cfg(not(cbindgen))]
    pub r#type: c_uint,
    /// The variable.
    pub value: *mut c_void,
    /// Its size in bytes; 0: read-only.
    pub value_size: usize,
}

/// A user that is logged in.
#[repr(C)]
#[derive(Debug)]
pub struct DashUser {
    /// Next in the list.
    pub next: *mut DashUser,
    /// Name.
    pub(super) name: [c_char; MG_DASH_MAX_USER_NAME],
    /// Session token.
    pub(super) token: [c_char; 21],
    /// What `authenticate` returned.
    pub(super) level: c_int,
    /// When the session ends, in `mg_millis()` time.
    pub(super) expire: u64,
    /// The dashboard.
    pub(super) dash: *mut Dash,
}

/// Variables that are read and written together.
#[repr(C)]
#[derive(Debug)]
pub struct FieldSet {
    /// Key in JSON.
    pub name: *const c_char,
    /// The variables.
    pub fields: *mut Field,
    /// Called around reads and writes, may refuse by returning false; NULL: everything is allowed.
    #[cfg(cbindgen)]
    pub r#fn: Option<unsafe extern "C" fn(op: DashOp, user: *mut DashUser) -> bool>,
    /// Called around reads and writes with `MG_DASH_*`; NULL: everything is allowed.
    #[cfg(not(cbindgen))]
    pub r#fn: Option<unsafe extern "C" fn(op: c_uint, user: *mut DashUser) -> bool>,
    /// Not NULL: the set is an array, and this is the element that `fn` is asked about.
    pub index: *mut c_int,
    /// Not NULL: the set is an array of files, and this gives their directory.
    pub get_dir: Option<unsafe extern "C" fn(user: *const DashUser, buf: *mut c_char, len: usize) -> bool>,
    /// Next in the list.
    pub next: *mut FieldSet,
}

/// A handler of the program for URIs beyond those of the dashboard.
#[repr(C)]
#[derive(Debug)]
pub struct DashHandler {
    /// Next in the list.
    pub next: *mut DashHandler,
    /// Glob for the URI.
    pub uri_pattern: Str,
    /// Called for requests that match.
    pub handler: EventHandler,
    /// Free for the handler.
    pub handler_data: *mut c_void,
}

/// A dashboard. Zero it first; it must outlive its listener and connections.
#[repr(C)]
#[derive(Debug)]
pub struct Dash {
    /// Field sets, printed in this order.
    pub sets: *mut FieldSet,
    /// Handlers of the program.
    pub custom_handlers: *mut DashHandler,
    /// Returns the level of a user, 0 to refuse; may change `user`. NULL: everyone is a guest.
    pub authenticate:
        Option<unsafe extern "C" fn(user: *mut c_char, userlen: usize, pass: *const c_char) -> c_int>,
    /// Seconds after which an idle session ends; 0: one hour.
    pub session_auto_expiration_seconds: c_int,
    /// The guest, when there is no `authenticate`.
    pub guest: *mut DashUser,
    /// Where uploads go; NULL: `mg_fs_posix`.
    pub upload_fs: *mut FileSystem,
}
