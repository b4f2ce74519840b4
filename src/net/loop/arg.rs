//! What arguments of C become, once, at the door of a function that C calls.
//!
//! `fence!("mg_url_port", url: arg::text)` turns the pointer `url` into bytes before anything else
//! happens. Each function here is one kind of argument, and says what C promises of it. All borrow the
//! fence of the call, so that none outlives it. The macro compiles in an `unsafe fn` only: who calls
//! such a function vouches that its arguments are what the header says.

// The fence lends its lifetime only; what is borrowed is the program's.
#![allow(clippy::mut_from_ref)]

use super::guard::{ConnGuard, MgrGuard};
use super::view;
use crate::abi::{Connection, Manager, Str};
use crate::fence::Fence;
use core::cell::Cell;
use core::ffi::{CStr, c_char, c_void};
use core::marker::PhantomData;

/// The bytes of a C string without its NUL; empty for NULL.
///
/// # Safety
/// `p` is NULL or a C string that stays during the call.
pub unsafe fn text(p: *const c_char, call: &Fence) -> &[u8] {
    // SAFETY: as for the caller.
    unsafe { c_str(p, call) }.map_or(&[], CStr::to_bytes)
}

/// A C string; `None` for NULL.
///
/// # Safety
/// As for [`text`].
pub unsafe fn c_str(p: *const c_char, _: &Fence) -> Option<&CStr> {
    // SAFETY: not NULL, so the caller vouches for a C string.
    (!p.is_null()).then(|| unsafe { CStr::from_ptr(p) })
}

/// The bytes of a `struct mg_str`.
///
/// # Safety
/// Its `buf` is NULL or points to `len` readable bytes that do not change during the call.
pub unsafe fn bytes(s: Str, _: &Fence) -> &[u8] {
    // SAFETY: as for the caller.
    unsafe { view::bytes(s) }
}

/// `len` readable bytes; empty for NULL, and for a length that was a negative number.
///
/// # Safety
/// `p` is NULL or points to `len` readable bytes that do not change during the call.
pub unsafe fn data<T>(p: *const T, len: usize, _: &Fence) -> &[u8] {
    // SAFETY: as for the caller.
    unsafe { view::raw(p.cast(), len) }
}

/// `len` writable bytes; empty as for [`data`].
///
/// # Safety
/// `p` is NULL or points to `len` writable bytes that nothing else uses during the call.
pub unsafe fn room<T>(p: *mut T, len: usize, _: &Fence) -> &mut [u8] {
    // SAFETY: as for the caller.
    unsafe { view::raw_mut(p.cast(), len) }
}

/// `len` bytes that another argument may share; empty as for [`data`]. Nothing is written unless the
/// function writes, so `p` may be read-only memory.
///
/// # Safety
/// `p` is NULL or points to `len` readable bytes that only this thread uses during the call.
pub unsafe fn cells<T>(p: *const T, len: usize, _: &Fence) -> &[Cell<u8>] {
    if p.is_null() || len.cast_signed() <= 0 {
        return &[];
    }
    // SAFETY: p is not NULL, so the caller vouches for the bytes, which a cell may share.
    unsafe { core::slice::from_raw_parts(p.cast(), len) }
}

/// A struct to read; `None` for NULL.
///
/// # Safety
/// `p` is NULL or points to a valid `T` that does not change during the call.
pub unsafe fn shared<T>(p: *const T, _: &Fence) -> Option<&T> {
    // SAFETY: as for the caller.
    unsafe { p.as_ref() }
}

/// A struct to change; `None` for NULL.
///
/// # Safety
/// `p` is NULL or points to a valid `T` that nothing else uses during the call.
pub unsafe fn exclusive<T>(p: *mut T, _: &Fence) -> Option<&mut T> {
    // SAFETY: as for the caller.
    unsafe { p.as_mut() }
}

/// A struct of the library's that C knows as `void *`; `None` for NULL.
///
/// # Safety
/// `p` is NULL or what the library gave out as a `T` and has not taken back, and nothing else uses it
/// during the call.
pub unsafe fn opaque<T>(p: *mut c_void, _: &Fence) -> Option<&mut T> {
    // SAFETY: as for the caller.
    unsafe { p.cast::<T>().as_mut() }
}

/// A place for a result; NULL when the program does not want it.
///
/// # Safety
/// `p` is NULL or points to memory for a `T`, which need not be initialised.
pub unsafe fn out<T>(p: *mut T, _: &Fence) -> Out<'_, T> {
    Out(p, PhantomData)
}

/// See [`out`]. Two of them may be the same place: no reference is made.
pub struct Out<'f, T>(*mut T, PhantomData<&'f T>);

impl<T> Out<'_, T> {
    /// Whether the program wants the result.
    pub fn is_wanted(&self) -> bool {
        !self.0.is_null()
    }

    /// Stores the result, if it is wanted.
    pub fn set(&self, value: T) {
        if !self.0.is_null() {
            // SAFETY: not NULL, so it is memory for a T.
            unsafe { self.0.write(value) }
        }
    }
}

/// A connection; `None` for NULL.
///
/// # Safety
/// As for [`ConnGuard::new`].
pub unsafe fn conn(c: *mut Connection, _: &Fence) -> Option<ConnGuard> {
    // SAFETY: as for the caller.
    unsafe { ConnGuard::new(c) }
}

/// A manager; `None` for NULL.
///
/// # Safety
/// As for [`MgrGuard::new`].
pub unsafe fn mgr(m: *mut Manager, _: &Fence) -> Option<MgrGuard> {
    // SAFETY: as for the caller.
    unsafe { MgrGuard::new(m) }
}

/// A place for `N` bytes of a result; NULL when the program does not want it.
///
/// # Safety
/// `p` is NULL or points to `N` writable bytes.
pub unsafe fn array<const N: usize>(p: *mut u8, _: &Fence) -> Out<'_, [u8; N]> {
    Out(p.cast(), PhantomData)
}
