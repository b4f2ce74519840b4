//! The printf family: to a function, a piece of memory, the heap, a connection.

use super::output::{ForC, Memory, Output, ToBuffer};
use super::print::{self, mg_print_esc};
use super::slice;
use crate::abi::{ArgList, Connection, IoBuf, Printer, PutChar};
use crate::codec::fmt::{self, Args, Printers};
use crate::fence;
use crate::net::event_loop::guard::ConnGuard;
use crate::net::event_loop::handle::Conn;
use crate::net::event_loop::{conn, iobuf};
use core::ffi::{c_char, c_int, c_long, c_void};
use core::ptr;

// The shim's readers are not for programs.
#[cfg(not(cbindgen))]
unsafe extern "C" {
    fn mg_va_int(ap: *mut ArgList) -> c_int;
    fn mg_va_long(ap: *mut ArgList) -> c_long;
    fn mg_va_int64(ap: *mut ArgList) -> i64;
    fn mg_va_double(ap: *mut ArgList) -> f64;
    fn mg_va_pointer(ap: *mut ArgList) -> *mut c_void;
}

/// The arguments in a `va_list`.
pub struct Arguments(*mut ArgList);

impl Arguments {
    /// # Safety
    /// `ap` points to a `va_list` that holds what will be read.
    pub unsafe fn new(ap: *mut ArgList) -> Self {
        Self(ap)
    }

    /// The next argument, a pointer.
    pub fn next_pointer(&mut self) -> *mut c_void {
        // SAFETY: whoever made this vouched for the list.
        unsafe { mg_va_pointer(self.0) }
    }
}

impl Args for Arguments {
    fn int(&mut self) -> i32 {
        // SAFETY: whoever made this vouched for the list.
        unsafe { mg_va_int(self.0) }
    }

    fn long(&mut self) -> isize {
        // SAFETY: as above.
        unsafe { mg_va_long(self.0) as isize }
    }

    fn long_long(&mut self) -> i64 {
        // SAFETY: as above.
        unsafe { mg_va_int64(self.0) }
    }

    fn pointer(&mut self) -> usize {
        self.next_pointer() as usize
    }

    fn double(&mut self) -> f64 {
        // SAFETY: as above.
        unsafe { mg_va_double(self.0) }
    }

    fn string(&mut self, limit: Option<usize>) -> &[u8] {
        let text: *const c_char = self.next_pointer().cast_const().cast();
        // SAFETY: the program passes a C string, or as many bytes as the limit says.
        unsafe {
            match limit {
                None => slice::cstr(text),
                Some(limit) => slice::cstr_within(text, limit),
            }
        }
    }
}

impl<S: ForC> Printers<S> for Arguments {
    fn print(&mut self, out: &mut S) -> usize {
        // SAFETY: the program passes a printer, or NULL.
        let printer = unsafe { core::mem::transmute::<*mut c_void, Printer>(self.next_pointer()) };
        let Some(printer) = printer else { return 0 };
        // The one that programs use most need not go through C.
        if ptr::fn_addr_eq(printer, mg_print_esc as unsafe extern "C" fn(_, _, _) -> _) {
            return print::json(self, out);
        }
        let (put, arg) = out.for_c();
        // SAFETY: a printer reads its own arguments, which the program passes behind it.
        unsafe { printer(put, arg, self.0) }
    }
}

/// Formats to an output; a NULL format is an empty one.
///
/// # Safety
/// `fmt` is a C string or NULL, `ap` points to a `va_list` with the arguments that it names.
pub unsafe fn format<S: ForC>(mut out: S, fmt: *const c_char, ap: *mut ArgList) -> usize {
    // SAFETY: the caller vouches for fmt and ap.
    unsafe { fmt::format(slice::cstr(fmt), &mut Arguments::new(ap), &mut out) }
}

/// Formats to `fn(ch, arg)`, which is called once for each byte, in order.
///
/// A NULL `fn` prints nothing; the length is counted all the same. The callee advances the
/// `va_list`.
///
/// # Returns
/// The number of bytes printed, including what custom printers (`%M`) claim.
///
/// # Threads
/// Any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_vxprintf(
    r#fn: PutChar,
    arg: *mut c_void,
    fmt: *const c_char,
    ap: *mut ArgList,
) -> usize {
    fence!("mg_vxprintf");
    // SAFETY: the caller passes what the format needs.
    unsafe { format(Output::new(r#fn, arg), fmt, ap) }
}

/// Formats into `len` bytes at `buf`, NUL included. Longer text is cut; with `len` 0 nothing is
/// written and `buf` may be NULL.
///
/// # Returns
/// The length of the whole text without its NUL, also when it did not fit: a result of `len` or
/// more means it was cut.
///
/// # Threads
/// Any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_vsnprintf(
    buf: *mut c_char,
    len: usize,
    fmt: *const c_char,
    ap: *mut ArgList,
) -> usize {
    fence!("mg_vsnprintf");
    // SAFETY: the caller passes len writable bytes, and what the format needs.
    unsafe {
        let mut memory = Memory::new(buf.cast(), len);
        let count = format(memory.output(), fmt, ap);
        memory.terminate();
        count
    }
}

/// Sizes of fresh memory are multiples of this.
const STEP: usize = 256;

/// Formats into fresh memory, NUL-terminated.
///
/// # Returns
/// The text, to be released with `mg_free`; an empty string for an empty text. NULL without memory.
///
/// # Threads
/// Any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_vmprintf(fmt: *const c_char, ap: *mut ArgList) -> *mut c_char {
    fence!("mg_vmprintf");
    let mut io = IoBuf { buf: ptr::null_mut(), size: 0, len: 0, align: STEP };
    let io = &raw mut io;
    // SAFETY: the buffer lives as long as this call; the caller passes what the format needs.
    unsafe {
        if !iobuf::resize(io, STEP) {
            return ptr::null_mut();
        }
        format(Output::Doubling(io), fmt, ap);
        // A full buffer without room for the NUL is one that could not grow.
        if (*io).len == (*io).size {
            iobuf::free(io);
        }
        (*io).buf.cast()
    }
}

/// Formats onto the end of `c->send`. On UDP, all that is there leaves as one datagram later in the
/// poll.
///
/// # Returns
/// The number of bytes appended. 0 without memory: then nothing was appended.
///
/// # Errors
/// `OOM` as `MG_EV_ERROR` without memory, or when a custom printer (`%M`) claims another length
/// than it has printed.
///
/// # Threads
/// The polling thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_vprintf(c: *mut Connection, fmt: *const c_char, ap: *mut ArgList) -> usize {
    fence!("mg_vprintf");
    // SAFETY: the caller passes a connection and what the format needs.
    unsafe {
        let Some(guard) = ConnGuard::new(c) else { return 0 };
        let c = guard.conn();
        let draft = Draft::new(c);
        let count = format(draft.output(), fmt, ap);
        if draft.finish(|appended| appended == count) { count } else { 0 }
    }
}

/// Output that a connection gets as a whole or not at all.
pub struct Draft<'g> {
    c: Conn<'g>,
    start: usize,
}

impl<'g> Draft<'g> {
    /// Starts at the end of what the connection has to send.
    pub fn new(c: Conn<'g>) -> Self {
        Self { c, start: c.send().len() }
    }

    /// The end of the send buffer.
    pub fn output(&self) -> ToBuffer {
        // SAFETY: the connection stays as long as the draft.
        unsafe { ToBuffer::new(self.c.send().as_ptr()) }
    }

    /// Bytes appended so far.
    pub fn appended(&self) -> usize {
        self.c.send().len().saturating_sub(self.start)
    }

    /// Overwrites bytes that were appended, from the `at`th on.
    pub fn patch(&self, at: usize, bytes: &[u8]) {
        if at + bytes.len() <= self.appended() {
            // SAFETY: the buffer holds start + len bytes.
            unsafe {
                let place = self.c.send().base().add(self.start + at);
                ptr::copy_nonoverlapping(bytes.as_ptr(), place, bytes.len());
            }
        }
    }

    /// Ends the draft. If the number of bytes appended is not right, they are taken back and the
    /// connection fails.
    pub fn finish(self, is_right: impl FnOnce(usize) -> bool) -> bool {
        let appended = self.c.send().len().wrapping_sub(self.start);
        let right = is_right(appended);
        if right && appended > 0 {
            conn::output_queued(self.c);
        } else if !right {
            self.c.send().set_len(self.start.min(self.c.send().size()));
            conn::error(self.c, b"OOM");
        }
        right
    }
}

/// As `mg_error`, with a `va_list`.
///
/// # Threads
/// The polling thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_verror(c: *mut Connection, fmt: *const c_char, ap: *mut ArgList) {
    fence!("mg_verror");
    let mut text = [0u8; conn::ERROR_TEXT + 1];
    // SAFETY: the caller passes a connection and what the format needs; text has its whole size.
    unsafe {
        let Some(guard) = ConnGuard::new(c) else { return };
        let c = guard.conn();
        let mut memory = Memory::new(text.as_mut_ptr(), text.len());
        let count = format(memory.output(), fmt, ap);
        conn::error(c, &text[..count.min(conn::ERROR_TEXT)]);
    }
}

unsafe extern "C" {
    /// Formats to `fn(ch, arg)`; see `mg_vxprintf`.
    ///
    /// The format: `%[#][-][0][width][.precision][h][l|ll]conversion`, the parts in this order.
    /// Conversions: `d` `u` `x` `X` (lower case, too) `p` `f` `g` `c` `s` `%` as in C, except that
    /// `#` puts `0x` before every number; `M` takes a printer (`mg_pm_t`) and the arguments that it
    /// reads; `m` does the same between double quotes. `h` changes nothing. Anything else, such as
    /// `i`, `o`, `e`, `z` or a `*` for the width, prints a `%` and the character and reads no argument.
    ///
    /// # Returns
    /// The number of bytes printed.
    ///
    /// # Threads
    /// Any.
    pub fn mg_xprintf(r#fn: PutChar, arg: *mut c_void, fmt: *const c_char, ...) -> usize;

    /// Formats into `len` bytes at `buf`; see `mg_vsnprintf` and, for the format, `mg_xprintf`.
    ///
    /// # Returns
    /// The length of the whole text without its NUL, also when it did not fit.
    ///
    /// # Threads
    /// Any.
    pub fn mg_snprintf(buf: *mut c_char, len: usize, fmt: *const c_char, ...) -> usize;

    /// Formats into fresh memory; see `mg_vmprintf` and, for the format, `mg_xprintf`.
    ///
    /// # Returns
    /// The text, to be released with `mg_free`. NULL without memory.
    ///
    /// # Threads
    /// Any.
    pub fn mg_mprintf(fmt: *const c_char, ...) -> *mut c_char;

    /// Formats onto the end of `c->send`; see `mg_vprintf` and, for the format, `mg_xprintf`.
    ///
    /// # Returns
    /// The number of bytes appended. 0 without memory: then nothing was appended, and
    /// `MG_EV_ERROR` says `OOM`.
    ///
    /// # Threads
    /// The polling thread.
    pub fn mg_printf(c: *mut Connection, fmt: *const c_char, ...) -> usize;

    /// Fails a connection: logs the formatted text, sets `is_closing`, fires `MG_EV_ERROR` with the
    /// text, which is cut to 63 bytes. A handler that clears `is_closing` keeps the connection.
    ///
    /// # Threads
    /// The polling thread.
    pub fn mg_error(c: *mut Connection, fmt: *const c_char, ...);
}
