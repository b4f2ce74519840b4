//! What arguments become that only functions of this layer take; see
//! [`arg`](crate::net::event_loop::arg) of the event loop for all others.

use super::fmt::{Arguments, Format};
use super::fs::posix;
use super::output::Output;
use crate::abi::{ArgList, FieldSet, FileSystem, HttpMessage, PutChar, Queue};
use crate::fence::Fence;
use crate::net::dash::set::Set;
pub use crate::net::event_loop::arg::*;
use crate::net::event_loop::queue::Handle;
use crate::net::fs::Fs;
use crate::net::http::headers::Headers;
use crate::net::http::snapshot::Snapshot;
use core::ffi::{c_char, c_void};

/// A format and its list of arguments.
///
/// # Safety
/// `fmt` is NULL or a C string; `ap` is NULL or a list with the arguments that `fmt` takes.
pub unsafe fn format(fmt: *const c_char, ap: *mut ArgList, call: &Fence) -> Format<'_> {
    // SAFETY: as for the caller; the text and the list stay during the call.
    unsafe { Format::new(fmt, Arguments::new(ap, call)) }
}

/// A list of arguments.
///
/// # Safety
/// `ap` is a list with the arguments that the function reads; their pointers are NULL or to as many
/// bytes as it reads.
pub unsafe fn list(ap: *mut ArgList, call: &Fence) -> Arguments<'_> {
    // SAFETY: as for the caller.
    unsafe { Arguments::new(ap, call) }
}

/// An output and its argument.
///
/// # Safety
/// As for [`Output::new`].
pub unsafe fn output(put: PutChar, arg: *mut c_void, _: &Fence) -> Output {
    // SAFETY: as for the caller.
    unsafe { Output::new(put, arg) }
}

/// A queue; `None` for NULL.
///
/// # Safety
/// As for [`Handle::new`] unless `q` is NULL.
pub unsafe fn queue(q: *mut Queue, _: &Fence) -> Option<Handle> {
    // SAFETY: not NULL, so the caller vouches for the queue and its side.
    (!q.is_null()).then(|| unsafe { Handle::new(q) })
}

/// The headers of a message; `None` for NULL.
///
/// # Safety
/// As for [`Headers::new`] unless `hm` is NULL.
pub unsafe fn headers(hm: *const HttpMessage, _: &Fence) -> Option<Headers<'_>> {
    // SAFETY: not NULL, so the caller vouches for the message and its views.
    (!hm.is_null()).then(|| unsafe { Headers::new(hm) })
}

/// A copy of a message, for functions that run code of the program while they need it; `None` for NULL.
///
/// # Safety
/// As for [`Snapshot::new`] unless `hm` is NULL.
pub unsafe fn snapshot(hm: *mut HttpMessage, _: &Fence) -> Option<Snapshot> {
    // SAFETY: not NULL, so the caller vouches for the message and its views.
    (!hm.is_null()).then(|| unsafe { Snapshot::new(hm) })
}

/// A file system; `None` for NULL.
///
/// # Safety
/// As for [`Fs::new`].
pub unsafe fn file_system(fs: *mut FileSystem, _: &Fence) -> Option<Fs> {
    // SAFETY: as for the caller.
    unsafe { Fs::new(fs) }
}

/// A file system; that of the machine for NULL.
///
/// # Safety
/// As for [`Fs::new`].
pub unsafe fn file_system_or_posix(fs: *mut FileSystem, call: &Fence) -> Fs {
    // SAFETY: as for the caller.
    unsafe { file_system(fs, call) }.unwrap_or_else(posix)
}

/// A set of a dashboard; `None` for NULL.
///
/// # Safety
/// As for [`Set::new`].
pub unsafe fn field_set(set: *mut FieldSet, _: &Fence) -> Option<Set> {
    // SAFETY: as for the caller.
    unsafe { Set::new(set) }
}
