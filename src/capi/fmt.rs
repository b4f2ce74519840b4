//! The printf family: to a function, a piece of memory, the heap, a connection.

use super::output::{ForC, Memory, Output, ToBuffer, copy};
use super::print::{self, mg_print_esc};
use super::{arg, slice};
use crate::abi::{Addr, ArgList, Connection, IoBuf, Printer, PutChar};
use crate::codec::fmt::{self, Args, Printers};
use crate::fence;
use crate::fence::Fence;
use crate::net::event_loop::handle::Conn;
use crate::net::event_loop::{conn, iobuf};
use core::ffi::{c_char, c_int, c_long, c_void};
use core::marker::PhantomData;
use core::ptr;

// The shim's readers are not for programs.
#[cfg(not(cbindgen))]
unsafe extern "C" {
    fn mg_va_int(ap: *mut ArgList) -> c_int;
    fn mg_va_long(ap: *mut ArgList) -> c_long;
    fn mg_va_int64(ap: *mut ArgList) -> i64;
    fn mg_va_double(ap: *mut ArgList) -> f64;
    fn mg_va_pointer(ap: *mut ArgList) -> *mut c_void;
    fn mg_va_measure(fmt: *const c_char, ap: *mut ArgList) -> usize;
}

/// A list of arguments, during the call that it was passed to. Reading one takes it off the list.
pub struct Arguments<'f>(*mut ArgList, PhantomData<&'f Fence>);

impl<'f> Arguments<'f> {
    /// # Safety
    /// `ap` is a list that has what is read from it; it may be NULL when nothing is. Pointers in it
    /// are NULL or to what the reader says.
    pub unsafe fn new(ap: *mut ArgList, _: &'f Fence) -> Self {
        Self(ap, PhantomData)
    }

    fn next_pointer(&mut self) -> *mut c_void {
        // SAFETY: the list has another pointer.
        unsafe { mg_va_pointer(self.0) }
    }

    /// A C string, of which `limit` bytes count at most.
    fn next_text(&mut self, limit: Option<usize>) -> &'f [u8] {
        let text: *const c_char = self.next_pointer().cast_const().cast();
        // SAFETY: the program passes a C string, or as many bytes as the limit says.
        unsafe {
            match limit {
                None => slice::cstr(text),
                Some(limit) => slice::cstr_within(text, limit),
            }
        }
    }

    /// A length, and a pointer to as many bytes; `None` for a negative length.
    pub fn bytes(mut self) -> Option<&'f [u8]> {
        let len = usize::try_from(self.int());
        let start = self.next_pointer();
        // SAFETY: the pointer is NULL or to that many bytes.
        len.ok().map(|len| unsafe { slice::raw(start.cast(), len) })
    }

    /// A pointer to `N` bytes; `None` for NULL.
    pub fn array<const N: usize>(mut self) -> Option<[u8; N]> {
        let start: *const [u8; N] = self.next_pointer().cast_const().cast();
        // SAFETY: the pointer is to that many bytes, an array of which has no alignment.
        (!start.is_null()).then(|| unsafe { *start })
    }

    /// A pointer to an address; `None` for NULL.
    pub fn addr(mut self) -> Option<Addr> {
        let addr: *const Addr = self.next_pointer().cast_const().cast();
        // SAFETY: the pointer is to an address.
        (!addr.is_null()).then(|| unsafe { *addr })
    }
}

impl Args for Arguments<'_> {
    fn int(&mut self) -> i32 {
        // SAFETY: the list has another int.
        unsafe { mg_va_int(self.0) }
    }

    fn long(&mut self) -> isize {
        // SAFETY: the list has another long.
        unsafe { mg_va_long(self.0) as isize }
    }

    fn long_long(&mut self) -> i64 {
        // SAFETY: the list has another 64-bit number.
        unsafe { mg_va_int64(self.0) }
    }

    fn pointer(&mut self) -> usize {
        self.next_pointer() as usize
    }

    fn double(&mut self) -> f64 {
        // SAFETY: the list has another double.
        unsafe { mg_va_double(self.0) }
    }

    fn string(&mut self, limit: Option<usize>) -> &[u8] {
        self.next_text(limit)
    }
}

impl<S: ForC> Printers<S> for Arguments<'_> {
    fn print(&mut self, out: &mut S) -> usize {
        // SAFETY: the program passes a printer, or NULL.
        let printer = unsafe { core::mem::transmute::<*mut c_void, Printer>(self.next_pointer()) };
        let Some(printer) = printer else { return 0 };
        // The one that programs use most need not go through C.
        if ptr::fn_addr_eq(printer, mg_print_esc as unsafe extern "C" fn(_, _, _) -> _) {
            return print::json(self, out);
        }
        let (put, arg) = out.for_c();
        // SAFETY: a printer reads its own arguments, which the program passes after it.
        unsafe { printer(put, arg, self.0) }
    }
}

/// A format of the program's and its arguments, which can be read once.
pub struct Format<'f> {
    text: *const c_char,
    args: Arguments<'f>,
}

impl<'f> Format<'f> {
    /// # Safety
    /// `text` is NULL or a C string that stays as long as the arguments, which are those it takes.
    pub unsafe fn new(text: *const c_char, args: Arguments<'f>) -> Self {
        Self { text, args }
    }

    /// True for NULL, which prints nothing.
    pub fn is_null(&self) -> bool {
        self.text.is_null()
    }

    /// Prints it. Returns the number of bytes.
    pub fn print<S: ForC>(mut self, mut out: S) -> usize {
        // SAFETY: NULL or a C string, which is read while it is printed only.
        fmt::format(unsafe { slice::cstr(self.text) }, &mut self.args, &mut out)
    }

    /// What it prints, if it is `%s` or `%.*s` and nothing else, which reads its arguments.
    pub fn text(&mut self) -> Option<&'f [u8]> {
        // SAFETY: NULL or a C string.
        let limit = match unsafe { slice::cstr(self.text) } {
            b"%s" => None,
            b"%.*s" => usize::try_from(self.args.int()).ok(),
            _ => return None,
        };
        Some(self.args.next_text(limit))
    }

    /// The number of bytes that it prints.
    pub fn measure(&self) -> usize {
        // SAFETY: a C string, or NULL, and its arguments, which the function copies.
        unsafe { mg_va_measure(self.text, self.args.0) }
    }
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
    fence!("mg_vxprintf", r#fn[arg]: arg::output, fmt[ap]: arg::format);
    fmt.print(r#fn)
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
    fence!("mg_vsnprintf", buf[len]: arg::room, fmt[ap]: arg::format);
    let mut memory = Memory::new(buf);
    let count = fmt.print(memory.output());
    memory.terminate();
    count
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
    fence!("mg_vmprintf", fmt[ap]: arg::format);
    let mut io = IoBuf { buf: ptr::null_mut(), size: 0, len: 0, align: STEP };
    let io = &raw mut io;
    // SAFETY: the buffer is empty, and lives as long as this call.
    unsafe {
        if !iobuf::resize(io, STEP) {
            return ptr::null_mut();
        }
        fmt.print(Output::Doubling(io));
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
    fence!("mg_vprintf", c: arg::conn, fmt[ap]: arg::format);
    let Some(guard) = c else { return 0 };
    let draft = Draft::new(guard.conn());
    let count = fmt.print(draft.output());
    if draft.finish(|appended| appended == count) { count } else { 0 }
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
        ToBuffer::of(self.c.send())
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
                copy(bytes.as_ptr(), place, bytes.len());
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

/// As `mg_error`, with a `va_list`. An addition of this library.
///
/// # Threads
/// The polling thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_verror(c: *mut Connection, fmt: *const c_char, ap: *mut ArgList) {
    fence!("mg_verror", c: arg::conn, fmt[ap]: arg::format);
    let Some(guard) = c else { return };
    let mut text = [0u8; conn::ERROR_TEXT + 1];
    let count = fmt.print(Memory::new(&mut text).output());
    conn::error(guard.conn(), &text[..count.min(conn::ERROR_TEXT)]);
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
