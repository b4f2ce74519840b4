//! JSON-RPC: a list of methods, and the dispatch of request frames to them.
//!
//! The functions know no transport: a frame is a text, and the answer is printed through
//! `r->pfn(ch, r->pfn_data)`. With `mg_pfn_iobuf` it goes to a `struct mg_iobuf`, whose `buf` stays
//! NULL if nothing was printed. A handler reads its parameters from the frame:
//! `mg_json_get_long(r->frame, "$.params.offset", -1)`.

use super::arg;
use super::fmt::Format;
use super::output::Output;
use super::slice;
use crate::abi::{ArgList, Rpc, RpcRequest, Str};
use crate::codec::fmt::Sink;
use crate::codec::glob::matches;
use crate::codec::rpc::{self, Frame, METHOD_NOT_FOUND, PARSE_ERROR};
use crate::fence;
use crate::fence::Fence;
use crate::net::event_loop::mem;
use core::ffi::{c_char, c_int, c_void};
use core::marker::PhantomData;
use core::ptr::{self, NonNull};

/// A function that answers a request.
type Handler = Option<unsafe extern "C" fn(r: *mut RpcRequest)>;

/// A request, during the call that it was passed to.
#[derive(Clone, Copy)]
struct Request<'f>(NonNull<RpcRequest>, PhantomData<&'f Fence>);

/// A request; `None` for NULL.
///
/// # Safety
/// `r` is NULL or points to a request with a readable frame, the head of a list that `mg_rpc_add`
/// made, or NULL, and an output with its argument.
unsafe fn request(r: *mut RpcRequest, _: &Fence) -> Option<Request<'_>> {
    NonNull::new(r).map(|r| Request(r, PhantomData))
}

impl<'f> Request<'f> {
    fn frame(self) -> &'f [u8] {
        // SAFETY: who made this vouched for the request and its frame.
        unsafe { slice::bytes((*self.0.as_ptr()).frame) }
    }

    fn output(self) -> Output {
        // SAFETY: who made this vouched for the request and its output.
        unsafe { Output::new((*self.0.as_ptr()).pfn, (*self.0.as_ptr()).pfn_data) }
    }

    /// The methods of its list, in order.
    fn entries(self) -> Entries<'f> {
        // SAFETY: who made this vouched for the request and the head of its list.
        let first = unsafe { (*self.0.as_ptr()).head.as_ref() };
        Entries(first.copied().unwrap_or(ptr::null_mut()), PhantomData)
    }

    /// Prints an error as its answer.
    fn error(self, code: c_int, print: impl FnOnce(&mut Output)) {
        let mut out = self.output();
        rpc::begin_error(rpc::id(self.frame()), code, &mut out);
        print(&mut out);
        out.put(b"}}");
    }

    /// Prints a result as its answer; nothing for a notification, which wants none.
    fn result(self, print: impl FnOnce(&mut Output)) {
        let mut out = self.output();
        let Some(id) = rpc::id(self.frame()) else { return };
        rpc::begin_result(id, &mut out);
        print(&mut out);
        out.put(b"}");
    }
}

/// A walk over a list of methods.
struct Entries<'f>(*mut Rpc, PhantomData<&'f Fence>);

impl<'f> Iterator for Entries<'f> {
    /// A method and its pattern.
    type Item = (NonNull<Rpc>, &'f [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let entry = NonNull::new(self.0)?;
        // SAFETY: a member of a list of mg_rpc_add, which nobody changes during the walk.
        let Rpc { next, method, .. } = unsafe { entry.read() };
        self.0 = next;
        // SAFETY: mg_rpc_add allocated the pattern.
        Some((entry, unsafe { slice::bytes(method) }))
    }
}

/// Prints a value; `null` for a format that is NULL.
fn value(out: &mut Output, fmt: Format<'_>) {
    if fmt.is_null() {
        out.put(b"null");
    } else {
        fmt.print(*out);
    }
}

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
    fence!("mg_rpc_add", pattern: arg::bytes);
    let entry: *mut Rpc = mem::alloc(size_of::<Rpc>()).cast();
    let method = mem::copy(pattern);
    if head.is_null() || entry.is_null() || (method.is_null() && !pattern.is_empty()) {
        // SAFETY: both are ours, or NULL, and in no list.
        unsafe {
            mem::release(method);
            mem::release(entry.cast());
        }
        return;
    }
    let method = Str { buf: method.cast(), len: pattern.len() };
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
    fence!("mg_rpc_process", r: request);
    let Some(request) = r else { return };
    let frame = request.frame();
    let method = match rpc::classify(frame) {
        Frame::Request(method) => method,
        Frame::Response => b"",
        Frame::Other => return request.error(PARSE_ERROR, |out| rpc::string(frame, out)),
    };
    let found = request.entries().find(|(_, pattern)| matches(method, pattern, |_| {}));
    let Some((entry, _)) = found else {
        return request.error(METHOD_NOT_FOUND, |out| rpc::not_found(method, out));
    };
    let r = request.0.as_ptr();
    // SAFETY: the caller passes a request, and handlers that take it. The handler may remove the entry,
    // which is not touched afterwards.
    unsafe {
        (*r).rpc = entry.as_ptr();
        if let Some(handler) = (*entry.as_ptr()).r#fn {
            handler(r);
        }
    }
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
    fence!("mg_rpc_vok", r: request, fmt[ap]: arg::format);
    if let Some(request) = r {
        request.result(|out| value(out, fmt));
    }
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
    fence!("mg_rpc_verr", r: request, fmt[ap]: arg::format);
    if let Some(request) = r {
        request.error(code, |out| value(out, fmt));
    }
}

/// A handler that answers with the patterns of all methods, newest first.
///
/// `mg_rpc_add(&head, mg_str("rpc.list"), mg_rpc_list, NULL)`. The entry for responses is left out.
///
/// # Threads
/// The one that uses the list.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_rpc_list(r: *mut RpcRequest) {
    fence!("mg_rpc_list", r: request);
    let Some(request) = r else { return };
    // Whole before it is put: the program's output may remove methods.
    let mut list = Vec::new();
    for (_, pattern) in request.entries().filter(|(_, pattern)| !pattern.is_empty()) {
        list.put(if list.is_empty() { b"[" } else { b"," });
        rpc::string(pattern, &mut list);
    }
    list.put(if list.is_empty() { b"[]" } else { b"]" });
    request.result(|out| out.put(&list));
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
