//! A handle to one of a connection's buffers, `struct mg_iobuf`.

use super::iobuf;
use crate::abi::IoBuf;
use core::ptr::{self, NonNull};

/// One of a connection's buffers.
#[derive(Clone, Copy)]
pub struct Buf(NonNull<IoBuf>);

/// A function that reads a field.
macro_rules! getter {
    ($get:ident, $field:ident, $ty:ty) => {
        #[doc = concat!("Reads `", stringify!($field), "`.")]
        #[inline]
        pub fn $get(self) -> $ty {
            // SAFETY: a handle points to a live struct (see the module's documentation).
            unsafe { (*self.0.as_ptr()).$field }
        }
    };
}

/// A function that writes a field.
macro_rules! setter {
    ($set:ident, $field:ident, $ty:ty) => {
        #[doc = concat!("Writes `", stringify!($field), "`.")]
        #[inline]
        pub fn $set(self, value: $ty) {
            // SAFETY: a handle points to a live struct (see the module's documentation).
            unsafe { (*self.0.as_ptr()).$field = value }
        }
    };
}

pub(super) use {getter, setter};

impl Buf {
    /// A handle to a buffer.
    ///
    /// # Safety
    /// `at` points to a valid buffer that stays as long as the handle is used.
    #[inline]
    pub unsafe fn new(at: NonNull<IoBuf>) -> Buf {
        Buf(at)
    }

    /// The pointer that C knows.
    #[inline]
    pub fn as_ptr(self) -> *mut IoBuf {
        self.0.as_ptr()
    }

    getter!(len, len, usize);
    setter!(set_len, len, usize);
    getter!(size, size, usize);
    getter!(base, buf, *mut u8);
    setter!(set_align, align, usize);

    /// Where its memory lies, and how much there is.
    pub fn extent(self) -> (*const u8, usize) {
        (self.base().cast_const(), self.size())
    }

    /// The bytes in use. The slice dies when anybody touches the buffer: use it at once.
    ///
    /// # Safety
    /// No handler runs and nothing changes the buffer while the slice lives.
    #[inline]
    pub unsafe fn bytes<'a>(self) -> &'a [u8] {
        if self.base().is_null() || self.len() == 0 {
            return &[];
        }
        // SAFETY: len <= size bytes are allocated at base; the caller keeps the buffer as it is.
        unsafe { core::slice::from_raw_parts(self.base(), self.len().min(self.size())) }
    }

    /// The bytes in use, to be changed in place.
    ///
    /// # Safety
    /// As for [`Buf::bytes`], and no other slice of the buffer is in use.
    pub unsafe fn bytes_mut<'a>(self) -> &'a mut [u8] {
        if self.base().is_null() || self.len() == 0 {
            return &mut [];
        }
        // SAFETY: as in `bytes`; the caller vouches for exclusive use.
        unsafe { core::slice::from_raw_parts_mut(self.base(), self.len().min(self.size())) }
    }

    /// Copies bytes, as far as there is room, after the bytes in use, which stay as many.
    pub fn place(self, at: usize, bytes: &[u8]) {
        let n = bytes.len().min(self.size().saturating_sub(self.len()).saturating_sub(at));
        if n > 0 {
            // SAFETY: size bytes are allocated at base; the source is not part of a buffer of ours.
            unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), self.base().add(self.len() + at), n) }
        }
    }

    /// Calls handlers that see no more than the first `end` bytes, and shows the others again. If the
    /// handlers have put other bytes there, those stay: then the result is how many.
    ///
    /// Programs empty `recv` in their handlers when they are done with a message; what follows it is not
    /// theirs to drop.
    pub fn with_front(self, end: usize, call: impl FnOnce()) -> Option<usize> {
        let (base, total) = (self.base(), self.len());
        self.set_len(end);
        call();
        let left = if self.base().is_null() { 0 } else { self.len().min(self.size()) };
        let is_other = self.base() != base || self.size() < total || left > end;
        self.set_len(if is_other { left } else { total });
        is_other.then_some(left)
    }

    /// Removes up to `n` bytes at `at`.
    pub fn remove(self, at: usize, n: usize) {
        // SAFETY: a handle points to a valid buffer.
        unsafe {
            iobuf::del(self.0.as_ptr(), at, n);
        }
    }

    /// Appends bytes; false when memory is exhausted.
    pub fn append(self, bytes: &[u8]) -> bool {
        // SAFETY: a handle points to a valid buffer.
        unsafe { iobuf::append(self.0.as_ptr(), bytes.as_ptr(), bytes.len()) }
    }

    /// Makes room for `extra` bytes after those in use; false when memory is exhausted.
    pub fn reserve(self, extra: usize) -> bool {
        // SAFETY: a handle points to a valid buffer.
        unsafe { iobuf::reserve(self.0.as_ptr(), extra) }
    }

    /// Removes `n` bytes from the front.
    #[inline]
    pub fn consume(self, n: usize) {
        if n >= self.len() {
            self.set_len(0);
        } else if n > 0 {
            // SAFETY: a handle points to a valid buffer.
            unsafe {
                iobuf::del(self.0.as_ptr(), 0, n);
            }
        }
    }

    /// As [`Buf::consume`], but does not zero the place at the end, which nobody reads in output.
    #[inline]
    pub fn drop_front(self, n: usize) {
        let left = self.len().saturating_sub(n);
        if left > 0 {
            // SAFETY: a handle points to a valid buffer: len bytes are in use at base.
            unsafe { ptr::copy(self.base().add(n), self.base(), left) }
        }
        self.set_len(left);
    }

    /// Makes the capacity `n`, rounded up; false when memory is exhausted.
    pub fn resize(self, n: usize) -> bool {
        // SAFETY: a handle points to a valid buffer.
        unsafe { iobuf::resize(self.0.as_ptr(), n) }
    }

    /// Releases the memory.
    pub fn free(self) {
        // SAFETY: a handle points to a valid buffer.
        unsafe { iobuf::free(self.0.as_ptr()) }
    }
}
