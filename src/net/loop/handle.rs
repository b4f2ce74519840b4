//! Handles to the C structs: the one place where the loop reads and writes their fields.
//!
//! A program's handlers run inside the loop and may change any field of any connection. So the loop
//! never keeps a Rust reference into a struct: it keeps a [`Conn`] or [`Mgr`], a pointer, and each
//! accessor reads or writes one field through it.
//!
//! Why the accessors are safe to call: a handle borrows the guard that an exported function takes
//! at its entry (`guard`). While a guard exists no connection is released, however often it was
//! closed, so a handle cannot outlive its connection.

use super::buf::{Buf, getter, setter};
use super::state::{ConnState, Root};
use crate::abi::{Addr, Connection, EventHandler, MG_DATA_SIZE, Manager, Timer, flag};
use core::ffi::{c_int, c_void};
use core::ptr::{self, NonNull};

/// A connection, while a guard holds it.
#[derive(Clone, Copy)]
pub struct Conn<'g>(NonNull<Connection>, Option<&'g ConnState>);

/// A manager, while a guard holds it.
#[derive(Clone, Copy)]
pub struct Mgr<'g>(NonNull<Manager>, Option<&'g Root>);

impl PartialEq for Conn<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<'g> Conn<'g> {
    /// A handle to the connection at `at`; without `state`, one that the program made itself.
    ///
    /// # Safety
    /// `at` points to a `struct mg_connection` that stays during `'g`, and `state` is its own.
    #[inline]
    pub unsafe fn new(at: NonNull<Connection>, state: Option<&'g ConnState>) -> Conn<'g> {
        Conn(at, state)
    }

    /// The private state; `None` when the program made the connection itself.
    #[inline]
    pub fn state(self) -> Option<&'g ConnState> {
        self.1
    }

    /// The pointer that C knows.
    #[inline]
    pub fn as_ptr(self) -> *mut Connection {
        self.0.as_ptr()
    }

    getter!(id, id, core::ffi::c_ulong);
    setter!(set_id, id, core::ffi::c_ulong);
    getter!(loc, loc, Addr);
    setter!(set_loc, loc, Addr);
    getter!(rem, rem, Addr);
    setter!(set_rem, rem, Addr);

    /// Reads the flags.
    #[inline]
    pub fn flags(self) -> u32 {
        // SAFETY: a handle points to a live struct (see the module's documentation).
        unsafe { *Connection::flags_at(self.0.as_ptr()) }
    }

    /// Writes the flags.
    #[inline]
    pub fn set_flags(self, value: u32) {
        // SAFETY: a handle points to a live struct (see the module's documentation).
        unsafe { *Connection::flags_at(self.0.as_ptr()) = value }
    }

    getter!(handler, r#fn, EventHandler);
    setter!(set_handler, r#fn, EventHandler);
    getter!(handler_data, fn_data, *mut c_void);
    setter!(set_handler_data, fn_data, *mut c_void);
    getter!(protocol, pfn, EventHandler);
    setter!(set_protocol, pfn, EventHandler);
    getter!(protocol_data, pfn_data, *mut c_void);
    setter!(set_protocol_data, pfn_data, *mut c_void);
    getter!(next_ptr, next, *mut Connection);
    setter!(set_next_ptr, next, *mut Connection);
    getter!(mgr_ptr, mgr, *mut Manager);
    setter!(set_mgr_ptr, mgr, *mut Manager);

    /// Reads the first bytes of `data`, and what follows if that is shorter, to tell whether it has changed.
    #[inline]
    pub fn data_words(self) -> [u64; MG_DATA_SIZE / size_of::<u64>()] {
        // SAFETY: a field of a live struct, all of whose bytes are initialised.
        unsafe { Connection::data_at(self.0.as_ptr()).cast::<[u64; _]>().read_unaligned() }
    }

    /// Reads `tls`.
    pub fn tls_ptr(self) -> *mut c_void {
        // SAFETY: a handle points to a live struct (see the module's documentation).
        unsafe { *Connection::tls_at(self.0.as_ptr()) }
    }

    /// Writes `tls`.
    pub fn set_tls_ptr(self, value: *mut c_void) {
        // SAFETY: a handle points to a live struct (see the module's documentation).
        unsafe { *Connection::tls_at(self.0.as_ptr()) = value }
    }

    /// The manager; `None` after that was freed. That of a connection of the program's own appears
    /// without its state.
    #[inline]
    pub fn mgr(self) -> Option<Mgr<'g>> {
        match self.1 {
            Some(state) => state.root()?.mgr(),
            None => NonNull::new(self.mgr_ptr()).map(|at| Mgr(at, None)),
        }
    }

    /// The descriptor; -1 without one.
    #[inline]
    pub fn fd(self) -> c_int {
        // SAFETY: a handle points to a live struct.
        unsafe { (*self.0.as_ptr()).fd.addr() as c_int }
    }

    /// Stores the descriptor the way programs read it: the int as a pointer.
    pub fn set_fd(self, fd: c_int) {
        // SAFETY: a handle points to a live struct.
        unsafe { (*self.0.as_ptr()).fd = ptr::without_provenance_mut(fd as isize as usize) }
    }

    /// True when any of `bits` is set.
    #[inline]
    pub fn has(self, bits: u32) -> bool {
        self.flags() & bits != 0
    }

    /// Sets `bits`.
    #[inline]
    pub fn set(self, bits: u32) {
        self.set_flags(self.flags() | bits);
    }

    /// Clears `bits`.
    #[inline]
    pub fn clear(self, bits: u32) {
        self.set_flags(self.flags() & !bits);
    }

    /// The receive buffer.
    #[inline]
    pub fn recv(self) -> Buf {
        // SAFETY: a field of a live struct is not NULL.
        unsafe { Buf::new(NonNull::new_unchecked(ptr::addr_of_mut!((*self.0.as_ptr()).recv))) }
    }

    /// The send buffer.
    #[inline]
    pub fn send(self) -> Buf {
        // SAFETY: a field of a live struct is not NULL.
        unsafe { Buf::new(NonNull::new_unchecked(ptr::addr_of_mut!((*self.0.as_ptr()).send))) }
    }

    /// The buffer of undecrypted TLS bytes.
    #[inline]
    pub fn rtls(self) -> Buf {
        // SAFETY: a field of a live struct is not NULL.
        unsafe { Buf::new(NonNull::new_unchecked(ptr::addr_of_mut!((*self.0.as_ptr()).rtls))) }
    }

    /// The profile buffer, which only programs use.
    #[inline]
    pub fn prof(self) -> Buf {
        // SAFETY: a field of a live struct is not NULL.
        unsafe { Buf::new(NonNull::new_unchecked(ptr::addr_of_mut!((*self.0.as_ptr()).prof))) }
    }

    /// All its buffers.
    pub fn buffers(self) -> [Buf; 4] {
        [self.recv(), self.send(), self.rtls(), self.prof()]
    }

    /// Fetches into the cache what a walk over all connections looks at: the end of the private
    /// state (`before` bytes before the struct), the handlers, buffers and flags.
    pub fn prefetch(self, before: usize) {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: prefetching has no effect but on the cache, whatever the address.
        unsafe {
            use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
            let at = self.as_ptr().cast::<i8>();
            let lines = [
                at.wrapping_sub(64.min(before)),
                at.wrapping_add(72),
                at.wrapping_add(136),
                at.wrapping_add(216),
                at.wrapping_add(280),
            ];
            for line in lines {
                _mm_prefetch::<_MM_HINT_T0>(line);
            }
        }
        #[cfg(not(target_arch = "x86_64"))]
        let _ = before;
    }

    /// True when nothing may be read or written because the transport is not up yet.
    #[inline]
    pub fn is_pending(self) -> bool {
        self.has(flag::RESOLVING | flag::CONNECTING)
    }
}

impl<'g> Mgr<'g> {
    /// A handle to the manager at `at`; without `root`, one that was never initialised.
    ///
    /// # Safety
    /// `at` points to a `struct mg_mgr` that stays during `'g`, and `root` is its state.
    #[inline]
    pub unsafe fn new(at: NonNull<Manager>, root: Option<&'g Root>) -> Mgr<'g> {
        Mgr(at, root)
    }

    /// The private state; `None` for a manager that was never initialised.
    #[inline]
    pub fn root(self) -> Option<&'g Root> {
        self.1
    }

    /// The pointer that C knows.
    #[inline]
    pub fn as_ptr(self) -> *mut Manager {
        self.0.as_ptr()
    }

    getter!(next_id, nextid, core::ffi::c_ulong);
    setter!(set_next_id, nextid, core::ffi::c_ulong);
    getter!(conns_ptr, conns, *mut Connection);
    setter!(set_conns_ptr, conns, *mut Connection);
    getter!(timers, timers, *mut Timer);
    getter!(private, ifp, *mut c_void);
    setter!(set_private, ifp, *mut c_void);
    setter!(set_epoll_fd, epoll_fd, c_int);
    getter!(extra_size, extraconnsize, usize);
    getter!(mqtt_id, mqtt_id, u16);
    setter!(set_mqtt_id, mqtt_id, u16);

    /// True once the manager was freed: its struct is not to be touched any more.
    #[inline]
    pub fn is_freed(self) -> bool {
        self.1.is_some_and(Root::is_freed)
    }

    /// The connection that a link of the manager's list points to, if any: [`Mgr::conns_ptr`], or
    /// [`Conn::next_ptr`] of another one.
    #[inline]
    pub fn linked(self, link: *mut Connection) -> Option<Conn<'g>> {
        // SAFETY: the list's links are NULL or lead to connections: those of the manager stay while
        // a guard exists, those of the program while it has linked them.
        Some(unsafe { self.1?.conn_at(NonNull::new(link)?) })
    }

    /// The connection that a field of the manager points to, if it is one of the manager's.
    #[inline]
    pub fn known(self, field: *mut Connection) -> Option<Conn<'g>> {
        self.1?.known(NonNull::new(field)?)
    }

    /// The address of the list head of the timers.
    pub fn timers_head(self) -> *mut *mut Timer {
        // SAFETY: a field of a live struct.
        unsafe { ptr::addr_of_mut!((*self.0.as_ptr()).timers) }
    }

    /// Publishes or withdraws the wakeup channel: `pipe.fd`.
    pub fn set_pipe_fd(self, fd: c_int) {
        // SAFETY: a handle points to a live struct; writing one member of the union.
        unsafe { (*self.0.as_ptr()).pipe.fd = fd }
    }
}
