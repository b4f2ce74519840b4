//! JSON and JSON-RPC.

use super::core::Str;
use super::fmt::PutChar;
use core::ffi::{c_int, c_void};

/// Why `mg_json_get` found nothing.
#[repr(C)]
#[allow(non_camel_case_types)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JsonError {
    /// More than `MG_JSON_MAX_DEPTH` containers are open.
    MG_JSON_TOO_DEEP = -1,
    /// Not JSON, or the path does not begin with `$`.
    MG_JSON_INVALID = -2,
    /// No such element.
    MG_JSON_NOT_FOUND = -3,
}

enum_constants!(JsonError as c_int: MG_JSON_TOO_DEEP, MG_JSON_INVALID, MG_JSON_NOT_FOUND);

/// A JSON-RPC request. Set `head`, `pfn`, `pfn_data` and `frame`, and zero the rest.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct RpcRequest {
    /// List of methods; may be NULL.
    pub head: *mut *mut Rpc,
    /// Set by `mg_rpc_process` before it calls the method: the entry that matched.
    pub rpc: *mut Rpc,
    /// Takes the characters of the response.
    pub pfn: PutChar,
    /// Second argument of `pfn`.
    pub pfn_data: *mut c_void,
    /// Free for the program.
    pub req_data: *mut c_void,
    /// Text of the request.
    pub frame: Str,
}

/// A JSON-RPC method in a list.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Rpc {
    /// Next in the list.
    pub next: *mut Rpc,
    /// Glob for the name of the method; owned by the list.
    pub method: Str,
    /// The method.
    pub r#fn: Option<unsafe extern "C" fn(r: *mut RpcRequest)>,
    /// Free for the method.
    pub fn_data: *mut c_void,
}
