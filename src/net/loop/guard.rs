//! What an exported function holds from its first to its last line.
//!
//! A handler may close its connection or free its manager, in the middle of the function that fired
//! the event. So each exported function that takes a connection or a manager makes a guard at its
//! entry. While a guard exists, closed connections and the state of a freed manager stay; handles
//! ([`Conn`], [`Mgr`]) and references to private state borrow it and cannot outlive it.

use super::handle::{Conn, Mgr};
use super::state::Root;
use crate::abi::{Connection, Manager};
use core::ptr::NonNull;

/// Keeps what belongs to a manager.
struct Guard(NonNull<Root>);

impl Guard {
    /// A guard for the manager at `m`; `None` when it was never initialised, or freed.
    ///
    /// # Safety
    /// `m` points to a `struct mg_mgr` that is initialised or zeroed.
    #[inline]
    unsafe fn new(m: NonNull<Manager>) -> Option<Guard> {
        // SAFETY: the caller vouches for m. Its ifp is NULL or what `Root::attach` stored, which is
        // released after `Root::detach` has cleared ifp.
        let root = unsafe { NonNull::new((*m.as_ptr()).ifp)?.cast::<Root>() };
        let guard = Guard(root);
        let guards = &guard.root().guards;
        guards.set(guards.get() + 1);
        Some(guard)
    }

    #[inline]
    fn root(&self) -> &Root {
        // SAFETY: the last guard releases the root, and this one exists.
        unsafe { self.0.as_ref() }
    }
}

impl Drop for Guard {
    #[inline]
    fn drop(&mut self) {
        let guards = &self.root().guards;
        match guards.get() {
            1 => self.release(),
            more => guards.set(more - 1),
        }
    }
}

impl Guard {
    /// The last guard ends: releases what waits for that.
    fn release(&mut self) {
        let root = self.root();
        if root.has_deferred() {
            // SAFETY: handles borrow a guard, and this is the last one.
            unsafe { root.release_deferred() };
        }
        // Releasing is done by functions of the program, which may have made guards, but all have ended.
        root.guards.set(0);
        if root.is_freed() {
            // SAFETY: made by Box::into_raw in `Root::attach`; without a manager and without guards
            // nothing points to it any more.
            drop(unsafe { Box::from_raw(self.0.as_ptr()) });
        }
    }
}

/// A guard for a function that takes a connection.
pub struct ConnGuard {
    at: NonNull<Connection>,
    /// `None` for a connection without a manager: one of the program's own.
    guard: Option<Guard>,
}

impl ConnGuard {
    /// A guard for the connection at `c`, or `None` for NULL.
    ///
    /// # Safety
    /// `c` is NULL or points to a `struct mg_connection` that is valid now. Its `mgr` is NULL or
    /// points to a manager that is initialised or zeroed. One of the program's own stays as long as
    /// the guard.
    #[inline]
    pub unsafe fn new(c: *mut Connection) -> Option<ConnGuard> {
        let at = NonNull::new(c)?;
        // SAFETY: the caller vouches for c and its manager.
        let guard = unsafe { NonNull::new((*c).mgr).and_then(|m| Guard::new(m)) };
        Some(ConnGuard { at, guard })
    }

    /// The connection.
    #[inline]
    pub fn conn(&self) -> Conn<'_> {
        // SAFETY: the guard keeps a connection of the manager, and the program one of its own.
        unsafe {
            match &self.guard {
                Some(guard) => guard.root().conn_at(self.at),
                None => Conn::new(self.at, None),
            }
        }
    }
}

/// A guard for a function that takes a manager.
pub struct MgrGuard {
    at: NonNull<Manager>,
    guard: Option<Guard>,
}

impl MgrGuard {
    /// A guard for the manager at `m`, or `None` for NULL.
    ///
    /// # Safety
    /// `m` is NULL or points to a `struct mg_mgr` that is initialised or zeroed.
    pub unsafe fn new(m: *mut Manager) -> Option<MgrGuard> {
        let at = NonNull::new(m)?;
        // SAFETY: the caller vouches for m.
        Some(MgrGuard { at, guard: unsafe { Guard::new(at) } })
    }

    /// The manager.
    pub fn mgr(&self) -> Mgr<'_> {
        // SAFETY: the caller of `new` vouched for the struct.
        unsafe { Mgr::new(self.at, self.guard.as_ref().map(Guard::root)) }
    }
}
