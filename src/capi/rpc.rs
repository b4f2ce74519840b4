//! JSON-RPC: a list of methods, and the dispatch of request frames to them.
//!
//! The functions know no transport: a frame is a text, and the answer is printed through
//! `r->pfn(ch, r->pfn_data)`. With `mg_pfn_iobuf` it goes to a `struct mg_iobuf`, whose `buf` stays
//! NULL if nothing was printed. A handler reads its parameters from the frame:
//! `mg_json_get_long(r->frame, "$.params.offset", -1)`.

use super::fmt::format;
use super::output::Output;
use super::slice;
use crate::abi::{ArgList, Rpc, RpcRequest, Str};
use crate::codec::fmt::Sink;
use crate::codec::glob::matches;
use crate::codec::rpc::{self, Frame, METHOD_NOT_FOUND, PARSE_ERROR};
use crate::fence;
use crate::net::event_loop::mem;
use core::ffi::{c_char, c_int, c_void};
use core::ptr;

/// A function that answers a request.
type Handler = Option<unsafe extern "C" fn(r: *mut RpcRequest)>;

/// Adds a method to the front of a list, so that later additions win.
///
/// `pattern` is a pattern of `mg_match`, copied; the empty one is for responses, frames with a
/// result or an error. `*head` starts as NULL. Nothing happens when out of memory. Release the list
/// by `mg_rpc_del(head, NULL)`.
///
/// # Threads
/// The one that uses the list.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_rpc_add(
    head: *mut *mut Rpc,
    pattern: Str,
    handler: Option<unsafe extern "C" fn(r: *mut RpcRequest)>,
    handler_data: *mut c_void,
) {
    fence!("mg_rpc_add");
    // SAFETY: the caller passes a valid view.
    let pattern = unsafe { slice::bytes(pattern) };
    let entry: *mut Rpc = mem::alloc(size_of::<Rpc>()).cast();
    if head.is_null() || entry.is_null() {
        // SAFETY: the entry is ours, or NULL.
        return unsafe { mem::release(entry.cast()) };
    }
    let mut method = Str::NULL;
    if !pattern.is_empty() {
        let copy = mem::alloc(pattern.len());
        if copy.is_null() {
            // SAFETY: the entry is ours, and in no list.
            return unsafe { mem::release(entry.cast()) };
        }
        // SAFETY: the copy is as long as the pattern.
        unsafe { copy.copy_from_nonoverlapping(pattern.as_ptr(), pattern.len()) };
        method = Str { buf: copy.cast(), len: pattern.len() };
    }
    // SAFETY: the entry is memory of its size; the caller passes the head of a list.
    unsafe {
        entry.write(Rpc { next: *head, method, r#fn: handler, fn_data: handler_data });
        *head = entry;
    }
}

/// Removes all methods of a handler from a list, or with a NULL handler all methods.
///
/// A handler may remove itself while it runs.
///
/// # Threads
/// The one that uses the list.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_rpc_del(
    head: *mut *mut Rpc,
    handler: Option<unsafe extern "C" fn(r: *mut RpcRequest)>,
) {
    fence!("mg_rpc_del");
    let mut link = head;
    // SAFETY: the caller passes the head of a list made by mg_rpc_add, or NULL.
    unsafe {
        while !link.is_null() && !(*link).is_null() {
            let entry = *link;
            if handler.is_none() || same(handler, (*entry).r#fn) {
                *link = (*entry).next;
                mem::release((*entry).method.buf.cast());
                mem::release(entry.cast());
            } else {
                link = &raw mut (*entry).next;
            }
        }
    }
}

fn same(a: Handler, b: Handler) -> bool {
    matches!((a, b), (Some(a), Some(b)) if ptr::fn_addr_eq(a, b))
}

/// Dispatches a frame to the first method in the list whose pattern matches.
///
/// `r->rpc` is set to it before its handler runs. If the frame has a string `$.method`, its raw
/// text is what patterns are matched with; else, if it has `$.result` or `$.error`, the empty text.
///
/// # Errors
/// Printed as an answer: -32601 `"METHOD not found"` without such a method, also when `r->head` is
/// NULL; -32700 with the frame as its message if the frame is neither request nor response.
///
/// # Threads
/// The one that uses the list.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_rpc_process(r: *mut RpcRequest) {
    fence!("mg_rpc_process");
    if r.is_null() {
        return;
    }
    // SAFETY: the caller passes a request with a valid frame, and what its handlers need.
    unsafe {
        let frame = slice::bytes((*r).frame);
        let method = match rpc::classify(frame) {
            Frame::Request(method) => method,
            Frame::Response => b"",
            Frame::Other => return error(r, PARSE_ERROR, |out| rpc::string(frame, out)),
        };
        let mut entry = if (*r).head.is_null() { ptr::null_mut() } else { *(*r).head };
        while !entry.is_null() && !matches(method, slice::bytes((*entry).method), |_| {}) {
            entry = (*entry).next;
        }
        if entry.is_null() {
            return error(r, METHOD_NOT_FOUND, |out| rpc::not_found(method, out));
        }
        (*r).rpc = entry;
        // The handler may remove the entry: it is not touched afterwards.
        if let Some(handler) = (*entry).r#fn {
            handler(r);
        }
    }
}

/// Prints an error answer whose message `print` writes.
///
/// # Safety
/// `r` is a request with a valid frame and output.
unsafe fn error(r: *mut RpcRequest, code: c_int, print: impl FnOnce(&mut Output)) {
    // SAFETY: the caller vouches for r.
    let (mut out, frame) = unsafe { (Output::new((*r).pfn, (*r).pfn_data), slice::bytes((*r).frame)) };
    rpc::begin_error(rpc::id(frame), code, &mut out);
    print(&mut out);
    out.put(b"}}");
}

/// Prints an answer whose result `print` writes; nothing for a frame without id.
///
/// # Safety
/// `r` is a request with a valid frame and output.
unsafe fn result(r: *mut RpcRequest, print: impl FnOnce(&mut Output)) {
    // SAFETY: the caller vouches for r.
    let (mut out, frame) = unsafe { (Output::new((*r).pfn, (*r).pfn_data), slice::bytes((*r).frame)) };
    let Some(id) = rpc::id(frame) else { return };
    rpc::begin_result(id, &mut out);
    print(&mut out);
    out.put(b"}");
}

/// Prints formatted JSON; `null` for a NULL format.
///
/// # Safety
/// As for [`format()`].
unsafe fn value(out: &mut Output, fmt: *const c_char, ap: *mut ArgList) {
    if fmt.is_null() {
        return out.put(b"null");
    }
    // SAFETY: as for the caller.
    unsafe { format(*out, fmt, ap) };
}

/// Answers a request: prints `{"id":ID,"result":RESULT}`.
///
/// RESULT is `fmt`, printed as by `mg_xprintf`, and has to be JSON; NULL gives `null`. Nothing is
/// printed if the frame has no `$.id`.
///
/// # Threads
/// Any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_rpc_vok(r: *mut RpcRequest, fmt: *const c_char, ap: *mut ArgList) {
    fence!("mg_rpc_vok");
    if r.is_null() {
        return;
    }
    // SAFETY: the caller passes a request, and what the format needs.
    unsafe { result(r, |out| value(out, fmt, ap)) }
}

/// Answers a request with an error: prints `{"id":ID,"error":{"code":CODE,"message":MESSAGE}}`.
///
/// MESSAGE is `fmt`, printed as by `mg_xprintf`, and has to be JSON, quotes included; NULL gives
/// `null`. If the frame has no `$.id`, the answer has none either.
///
/// # Threads
/// Any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_rpc_verr(r: *mut RpcRequest, code: c_int, fmt: *const c_char, ap: *mut ArgList) {
    fence!("mg_rpc_verr");
    if r.is_null() {
        return;
    }
    // SAFETY: the caller passes a request, and what the format needs.
    unsafe { error(r, code, |out| value(out, fmt, ap)) }
}

/// A handler that answers with the patterns of all methods, newest first.
///
/// `mg_rpc_add(&head, mg_str("rpc.list"), mg_rpc_list, NULL)`. The entry for responses is left out.
///
/// # Threads
/// The one that uses the list.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_rpc_list(r: *mut RpcRequest) {
    fence!("mg_rpc_list");
    if r.is_null() {
        return;
    }
    // SAFETY: the caller passes a request with the head of a list made by mg_rpc_add, or NULL.
    unsafe {
        result(r, |out| {
            let mut separator: &[u8] = b"[";
            let mut entry = if (*r).head.is_null() { ptr::null_mut() } else { *(*r).head };
            while !entry.is_null() {
                let pattern = slice::bytes((*entry).method);
                if !pattern.is_empty() {
                    out.put(separator);
                    rpc::string(pattern, out);
                    separator = b",";
                }
                entry = (*entry).next;
            }
            out.put(if separator == b"[" { b"[]" } else { b"]" });
        })
    }
}

unsafe extern "C" {
    /// Answers a request; see `mg_rpc_vok`.
    ///
    /// # Threads
    /// Any.
    pub fn mg_rpc_ok(r: *mut RpcRequest, fmt: *const c_char, ...);

    /// Answers a request with an error; see `mg_rpc_verr`.
    ///
    /// # Threads
    /// Any.
    pub fn mg_rpc_err(r: *mut RpcRequest, code: c_int, fmt: *const c_char, ...);
}
