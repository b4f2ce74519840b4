//! Where the printf family prints to.
//!
//! An output is a function that takes one character, and its argument. The library's own outputs are
//! buffers, which are filled by whole runs.

use crate::abi::{IoBuf, PutChar};
use crate::codec::fmt::Sink;
use crate::fence;
use crate::net::event_loop::buf::Buf;
use crate::net::event_loop::iobuf;
use core::ffi::{c_char, c_int, c_void};
use core::marker::PhantomData;
use core::ptr;

unsafe extern "C" {
    /// `FILE *stdout`.
    static stdout: *mut libc::FILE;
}

/// An output that C can print to as well. Outputs are handles: copies print to the same place.
pub trait ForC: Sink + Copy {
    /// The function and the argument that C prints with.
    fn for_c(self) -> (PutChar, *mut c_void);
}

/// Whatever a program passes as an output.
#[derive(Clone, Copy)]
pub enum Output {
    /// Drops everything.
    Nothing,
    /// A function of the program.
    Function(unsafe extern "C" fn(c_char, *mut c_void), *mut c_void),
    /// A fixed piece of memory.
    Memory(ToMemory<'static>),
    /// A buffer that grows by its own steps.
    Buffer(ToBuffer),
    /// A buffer that grows by doubling, for texts of unknown length.
    Doubling(*mut IoBuf),
    /// A buffer that does not grow.
    Fixed(*mut IoBuf),
    /// The C library's standard output.
    Stdout,
}

/// A piece of memory.
#[derive(Clone, Copy)]
pub struct ToMemory<'m>(*mut Room, PhantomData<&'m mut Room>);

/// A buffer that grows by its own steps.
#[derive(Clone, Copy)]
pub struct ToBuffer(*mut IoBuf);

impl ToBuffer {
    /// Appends to this buffer.
    pub fn of(buffer: Buf) -> Self {
        Self(buffer.as_ptr())
    }
}

/// Memory of a fixed size, which always holds a text with its NUL.
pub struct Memory<'m> {
    room: Room,
    bytes: PhantomData<&'m mut [u8]>,
}

/// What functions of C get a pointer to.
struct Room {
    start: *mut u8,
    /// Bytes for the text; there is one more, unless this is 0.
    size: usize,
    len: usize,
}

impl<'m> Memory<'m> {
    /// An empty text in this memory.
    pub fn new(bytes: &'m mut [u8]) -> Self {
        if let Some(first) = bytes.first_mut() {
            *first = 0;
        }
        let room = Room { start: bytes.as_mut_ptr(), size: bytes.len().saturating_sub(1), len: 0 };
        Self { room, bytes: PhantomData }
    }

    /// Where text is put. What does not fit is dropped.
    pub fn output(&mut self) -> ToMemory<'_> {
        ToMemory(&raw mut self.room, PhantomData)
    }

    /// Ends the text with a NUL.
    pub fn terminate(&mut self) {
        if self.room.size > 0 {
            // SAFETY: len <= size, and there is one byte more than size.
            unsafe { *self.room.start.add(self.room.len) = 0 }
        }
    }
}

impl Output {
    /// The output of a function and its argument.
    ///
    /// # Safety
    /// `arg` is what the function expects.
    pub unsafe fn new(put: PutChar, arg: *mut c_void) -> Self {
        let Some(put) = put else { return Self::Nothing };
        let is = |function: unsafe extern "C" fn(c_char, *mut c_void)| ptr::fn_addr_eq(put, function);
        if is(put_memory) {
            Self::Memory(ToMemory(arg.cast(), PhantomData))
        } else if is(mg_pfn_iobuf) {
            Self::Buffer(ToBuffer(arg.cast()))
        } else if is(put_doubling) {
            Self::Doubling(arg.cast())
        } else if is(mg_pfn_iobuf_noresize) {
            Self::Fixed(arg.cast())
        } else if is(mg_pfn_stdout) {
            Self::Stdout
        } else {
            Self::Function(put, arg)
        }
    }
}

impl ToBuffer {
    /// Appends pieces, of `len` bytes in all.
    pub fn put_all(&mut self, pieces: &[&[u8]], len: usize) {
        // SAFETY: whoever made the output vouched for the buffer; without room for all, each piece is
        // treated as by `put`.
        unsafe {
            let io = self.0;
            if io.is_null() || !iobuf::reserve(io, len + 1) {
                return pieces.iter().for_each(|piece| self.put(piece));
            }
            let mut at = (*io).buf.add((*io).len);
            for piece in pieces {
                copy(piece.as_ptr(), at, piece.len());
                at = at.add(piece.len());
            }
            *at = 0;
            (*io).len += len;
        }
    }
}

impl ForC for Output {
    fn for_c(self) -> (PutChar, *mut c_void) {
        match self {
            Self::Nothing => (Some(put_nothing), ptr::null_mut()),
            Self::Function(put, arg) => (Some(put), arg),
            Self::Memory(memory) => memory.for_c(),
            Self::Buffer(buffer) => buffer.for_c(),
            Self::Doubling(io) => (Some(put_doubling), io.cast()),
            Self::Fixed(io) => (Some(mg_pfn_iobuf_noresize), io.cast()),
            Self::Stdout => (Some(mg_pfn_stdout), ptr::null_mut()),
        }
    }
}

impl ForC for ToMemory<'_> {
    fn for_c(self) -> (PutChar, *mut c_void) {
        (Some(put_memory), self.0.cast())
    }
}

impl ForC for ToBuffer {
    fn for_c(self) -> (PutChar, *mut c_void) {
        (Some(mg_pfn_iobuf), self.0.cast())
    }
}

impl Sink for Output {
    fn put(&mut self, bytes: &[u8]) {
        // SAFETY: whoever made the output vouched for its pointers, which are used for this call
        // only: no reference outlives it.
        unsafe {
            match self {
                Self::Nothing => {}
                Self::Function(put, arg) => bytes.iter().for_each(|&byte| put(byte as c_char, *arg)),
                Self::Memory(memory) => memory.put(bytes),
                Self::Buffer(buffer) => buffer.put(bytes),
                Self::Doubling(io) => append(*io, bytes, |need| {
                    let double = need.max((**io).size.saturating_mul(2));
                    iobuf::resize(*io, double) || iobuf::resize(*io, need)
                }),
                Self::Fixed(io) => append(*io, bytes, |_| false),
                Self::Stdout => {
                    libc::fwrite(bytes.as_ptr().cast(), 1, bytes.len(), stdout);
                }
            }
        }
    }
}

impl Sink for ToMemory<'_> {
    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        // SAFETY: the output borrows its memory; len <= size, and run bytes fit.
        unsafe {
            let room = &mut *self.0;
            let run = bytes.len().min(room.size - room.len);
            if run > 0 {
                copy(bytes.as_ptr(), room.start.add(room.len), run);
                room.len += run;
            }
        }
    }
}

impl Sink for ToBuffer {
    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        // SAFETY: whoever made the output vouched for the buffer.
        unsafe { append(self.0, bytes, |_| iobuf::reserve(self.0, bytes.len() + 1)) }
    }
}

/// Copies `len` bytes, which may overlap. Most runs are short, and a call costs more than they do.
///
/// # Safety
/// As for [`ptr::copy`].
#[inline]
pub(super) unsafe fn copy(from: *const u8, to: *mut u8, len: usize) {
    /// Copies `len` bytes, one to two times the size of `T`, as two pieces that may overlap.
    ///
    /// # Safety
    /// As for [`ptr::copy`].
    #[inline]
    unsafe fn ends<T>(from: *const u8, to: *mut u8, len: usize) {
        // SAFETY: both pieces are inside the len bytes; both are read before one is written.
        unsafe {
            let offset = len - size_of::<T>();
            let first = from.cast::<T>().read_unaligned();
            let last = from.add(offset).cast::<T>().read_unaligned();
            to.cast::<T>().write_unaligned(first);
            to.add(offset).cast::<T>().write_unaligned(last);
        }
    }
    // SAFETY: the caller vouches for the bytes; each size gets pieces that fit it.
    unsafe {
        match len {
            0 => {}
            1 => *to = *from,
            2..=3 => ends::<u16>(from, to, len),
            4..=7 => ends::<u32>(from, to, len),
            8..=16 => ends::<u64>(from, to, len),
            17..=32 => ends::<u128>(from, to, len),
            _ => ptr::copy(from, to, len),
        }
    }
}

/// Appends to a buffer and keeps a NUL after its text.
///
/// `grow` is asked for room when it is needed. What has no place is dropped: then the last free
/// byte becomes a NUL that counts, so that a full buffer cannot be mistaken for a complete text.
///
/// # Safety
/// `io` is NULL or points to a valid buffer.
#[inline]
unsafe fn append(io: *mut IoBuf, bytes: &[u8], grow: impl FnOnce(usize) -> bool) {
    if io.is_null() || bytes.is_empty() {
        return;
    }
    // SAFETY: the caller vouches for io; every write is at an offset below io.size.
    unsafe {
        let len = (*io).len;
        let need = len.checked_add(bytes.len()).and_then(|n| n.checked_add(1));
        let mut run = bytes.len();
        if need.is_none_or(|need| need > (*io).size && !grow(need)) {
            let Some(free) = (*io).size.checked_sub(len + 1) else { return };
            if free < run {
                run = free;
                (*io).len = (*io).size;
            }
        }
        copy(bytes.as_ptr(), (*io).buf.add(len), run);
        *(*io).buf.add(len + run) = 0;
        if run == bytes.len() {
            (*io).len = len + run;
        }
    }
}

/// Prints to the C library's standard output, with `putchar`. The argument is ignored.
///
/// # Threads
/// Any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_pfn_stdout(c: c_char, param: *mut c_void) {
    fence!("mg_pfn_stdout");
    let _ = param;
    // SAFETY: putchar takes any character.
    unsafe { libc::putchar(c_int::from(c as u8)) };
}

/// Appends a character to the `struct mg_iobuf` at `param`, and a NUL after it that is not
/// counted. Grows the buffer by its `align` when needed.
///
/// Without memory the character is dropped, as by [`mg_pfn_iobuf_noresize`].
///
/// # Threads
/// The one that owns the buffer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_pfn_iobuf(ch: c_char, param: *mut c_void) {
    fence!("mg_pfn_iobuf");
    ToBuffer(param.cast()).put(&[ch as u8]);
}

/// Appends a character to the `struct mg_iobuf` at `param`, and a NUL after it that is not
/// counted, without growing the buffer.
///
/// A character that finds one free byte turns it into a NUL that is counted; one that finds none
/// is dropped.
///
/// # Threads
/// The one that owns the buffer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_pfn_iobuf_noresize(ch: c_char, param: *mut c_void) {
    fence!("mg_pfn_iobuf_noresize");
    Output::Fixed(param.cast()).put(&[ch as u8]);
}

unsafe extern "C" fn put_nothing(_ch: c_char, _arg: *mut c_void) {}

unsafe extern "C" fn put_memory(ch: c_char, arg: *mut c_void) {
    ToMemory(arg.cast(), PhantomData).put(&[ch as u8]);
}

unsafe extern "C" fn put_doubling(ch: c_char, arg: *mut c_void) {
    Output::Doubling(arg.cast()).put(&[ch as u8]);
}
