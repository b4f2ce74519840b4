//! What the loop knows beside the public structs.
//!
//! A manager's private state is what `mgr->ifp` points to; a connection's lies before the public
//! struct, in one allocation `[ConnState | mg_connection | extraconnsize]`. Programs also make
//! connections of their own (zeroed, on the stack, copied from another one) and format into them:
//! those have no state. Which connections are the manager's is known by their addresses
//! ([`Root::conn_at`]), never by what such a struct says of itself.

pub use super::bits::{is, ready};
use super::due::Deadlines;
use super::engine::{Engine, Handler, Source};
use super::extensions::Extensions;
use super::fork::forks;
use super::handle::{Conn, Mgr};
use super::ledger::Memory;
use super::mailbox::Wakeup;
use super::members::Members;
use super::services::Services;
use super::settings::Settings;
use super::{fork, log, mem};
use crate::abi::{Connection, MG_HTTP_INDEX, Manager, Setting};
use core::cell::{Cell, RefCell};
use core::ffi::{c_int, c_void};
use core::mem::size_of;
use core::ptr::{self, NonNull};
use std::collections::HashMap;
use std::rc::Rc;

/// Identifies a slot of the connection table; stale tokens find nothing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Token(pub u64);

/// Private state of a connection, before the public struct.
///
/// What every walk over all connections looks at comes last, next to the public struct. All fields
/// are cells: handlers run in between and lead back to the same state, so no code may
/// hold it exclusively.
#[repr(C, align(16))]
#[derive(Default)]
pub struct ConnState {
    root: Option<NonNull<Root>>,
    /// The predecessor in `mgr->conns`, if it is one of ours: makes unlinking cheap.
    pub prev: Cell<Token>,
    /// The successor in `mgr->conns`, if it is one of ours: a walk need not ask whether it is. Kept by
    /// `conn::link` and `conn::unlink`.
    pub(super) successor: Cell<Option<NonNull<Connection>>>,
    /// When the next of them is tried although connecting has not failed, in `mg_millis` time; 0:
    /// never.
    pub next_attempt: Cell<u64>,
    /// When the connection closes silently, in `mg_millis` time; 0: never.
    pub close_at: Cell<u64>,
    /// Bytes that it was last counted with, see `memory`.
    pub held: Cell<usize>,
    /// Bytes that protocols hold beside its buffers.
    pub beside: Cell<usize>,
    /// Bytes that went to the socket before the connection's turn, see `direct`: the next WRITE counts
    /// them.
    pub sent_early: Cell<usize>,
    /// What goes out when the send buffer is empty.
    source: Cell<Option<Box<dyn Source>>>,
    /// What protocols keep.
    pub extensions: Extensions,
    /// Settings of this connection.
    pub settings: RefCell<Settings>,
    /// What the loop asks beside `c->pfn`.
    engine: Cell<Option<&'static dyn Engine>>,
    /// Its handler.
    engine_handler: Cell<Option<Handler>>,
    /// Nothing is due before this, in `mg_millis` time. See `deadline`.
    pub deadline: Cell<u64>,
    /// The time of the connection's entry in the manager's [`Deadlines`]; `u64::MAX`: it has none.
    pub(super) scheduled: Cell<u64>,
    /// When bytes were last read or written, in `mg_millis` time; at first, when it was made.
    pub last_io: Cell<u64>,
    /// This connection's token.
    pub token: Cell<Token>,
    /// How many handler calls of this connection are on the stack.
    pub in_handler: Cell<u16>,
    ready: Cell<u8>,
    is: Cell<u32>,
}

impl ConnState {
    /// The state of a connection that the library allocated; `None` for a program's own struct.
    #[inline]
    pub fn of(c: Conn<'_>) -> Option<&ConnState> {
        c.state()
    }

    /// What the loop asks beside `c->pfn`.
    #[inline]
    pub fn engine(&self) -> Option<&'static dyn Engine> {
        self.engine.get()
    }

    /// Sets what the loop asks beside `c->pfn`.
    pub fn set_engine(&self, engine: Option<&'static dyn Engine>) {
        self.engine.set(engine);
        self.engine_handler.set(engine.map(Engine::handler));
    }

    /// The engine, if `protocol` is its handler.
    #[inline]
    pub fn engine_of(&self, protocol: Handler) -> Option<&'static dyn Engine> {
        let own = self.engine_handler.get()?;
        if ptr::fn_addr_eq(own, protocol) { self.engine.get() } else { None }
    }

    /// The state of the connection's manager.
    #[inline]
    pub fn root(&self) -> Option<&Root> {
        // SAFETY: set by `Root::allocate`; a root is released after its connections.
        self.root.map(|root| unsafe { root.as_ref() })
    }

    /// The value of a setting.
    #[inline]
    pub fn setting(&self, setting: Setting) -> i64 {
        self.settings.borrow().get(setting)
    }

    /// The value of a setting that counts something.
    #[inline]
    pub fn size_setting(&self, setting: Setting) -> usize {
        self.settings.borrow().size(setting)
    }

    /// What a protocol keeps with the connection, made now if need be. `None` when memory is exhausted.
    #[inline]
    pub fn extension<T: Default + 'static>(&self) -> Option<&T> {
        self.extensions.get_or_init()
    }

    /// True while a source is attached.
    #[inline]
    pub fn has_source(&self) -> bool {
        self.is(is::SOURCE)
    }

    /// Takes the source away.
    pub fn take_source(&self) -> Option<Box<dyn Source>> {
        self.unmark(is::SOURCE);
        self.source.take()
    }

    /// Attaches a source, or with `None` drops it.
    pub fn set_source(&self, source: Option<Box<dyn Source>>) {
        if source.is_some() {
            self.mark(is::SOURCE);
        } else {
            self.unmark(is::SOURCE);
        }
        drop(self.source.replace(source));
    }

    /// True when any of `bits` of [`is`] is set.
    #[inline]
    pub fn is(&self, bits: u32) -> bool {
        self.is.get() & bits != 0
    }

    /// Sets `bits` of [`is`].
    #[inline]
    pub fn mark(&self, bits: u32) {
        self.is.set(self.is.get() | bits);
    }

    /// Clears `bits` of [`is`].
    #[inline]
    pub fn unmark(&self, bits: u32) {
        self.is.set(self.is.get() & !bits);
    }

    /// True when any of `bits` of [`ready`] is set.
    #[inline]
    pub fn can(&self, bits: u8) -> bool {
        self.ready.get() & bits != 0
    }

    /// Sets `bits` of [`ready`].
    #[inline]
    pub fn announce(&self, bits: u8) {
        self.ready.set(self.ready.get() | bits);
    }

    /// Clears `bits` of [`ready`].
    #[inline]
    pub fn used_up(&self, bits: u8) {
        self.ready.set(self.ready.get() & !bits);
    }
}

/// Where the state of the connection at `at` lies. Reads nothing.
#[inline]
fn in_front(at: NonNull<Connection>) -> *mut ConnState {
    at.as_ptr().cast::<u8>().wrapping_sub(size_of::<ConnState>()).cast()
}

/// A handle to a connection of a manager.
///
/// # Safety
/// `at` came from [`Root::allocate`], which puts the state before the struct, and a guard exists during `'g`.
#[inline]
unsafe fn member<'g>(at: NonNull<Connection>) -> Conn<'g> {
    // SAFETY: the caller vouches for the connection and its state.
    unsafe { Conn::new(at, Some(&*in_front(at))) }
}

/// Private state of a manager: the part that other threads may touch, and the rest.
///
/// A reference to it is borrowed from a guard (`guard`), so while one lives no connection of the
/// manager is released.
pub struct Root {
    /// Messages from other threads.
    pub wakeup: Wakeup,
    /// The public struct; NULL once the manager was freed.
    mgr: Cell<*mut Manager>,
    /// How many guards exist.
    pub(super) guards: Cell<u32>,
    /// Closed connections, to be released when no guard exists.
    deferred: RefCell<Vec<NonNull<Connection>>>,
    /// All connections that are not yet released.
    members: Members,
    /// What the loop was given.
    pub services: &'static Services,
    /// When [`Names::expire`](super::services::Names::expire) is due; `u64::MAX`: never.
    pub names_due: Cell<u64>,
    /// What protocols keep.
    pub extensions: Extensions,
    /// Connections hold as much memory as they may.
    pub is_full: Cell<bool>,
    /// The connection that has its turn now: its output needs no list.
    pub current: Cell<Token>,
    /// The time of the current poll, in `mg_millis` time.
    pub now: Cell<u64>,
    /// Which connections are due when.
    pub(super) deadlines: Deadlines,
    /// When all connections were last walked.
    pub last_walk: Cell<u64>,
    /// When idle buffers were last given back.
    pub last_trim: Cell<u64>,
    /// Bytes of them since memory was last returned to the system.
    pub shrunk: Cell<usize>,
    /// True when the newest wait ended without I/O.
    pub was_idle: Cell<bool>,
    /// Called before a poll sleeps, with its argument.
    pub before_wait: Cell<Option<(WaitFn, *mut c_void)>>,
    inner: RefCell<Inner>,
}

/// Decides how long a poll sleeps: gets the milliseconds that it would (negative: without limit),
/// answers the milliseconds that it shall.
pub type WaitFn = unsafe extern "C" fn(mgr: *mut Manager, ms: c_int, arg: *mut c_void) -> c_int;

/// The part of a manager's state that belongs to its thread.
pub struct Inner {
    /// The poller; `None` when the system refused to make one.
    pub poll: Option<mio::Poll>,
    /// Buffer for the poller's events.
    pub events: mio::Events,
    /// What new connections start with.
    pub settings: Settings,
    /// The file that is served for a directory.
    pub http_index: Rc<[u8]>,
    /// Accepted connections by address, while that is limited.
    pub by_address: HashMap<[u8; 16], u32>,
    /// Accepted connections.
    pub accepted: usize,
    /// All connections, by token.
    pub table: Table,
    /// Connections that have a turn in this poll, or in the next one.
    pub queue: Vec<Token>,
    /// Connections with fresh output.
    pub output: Vec<Token>,
    /// Connections whose handlers are at work at `MG_EV_POLL`.
    pub active: Vec<Token>,
    /// Connections whose READABLE or WRITABLE bit this poll may have set.
    pub marked: Vec<Token>,
    /// What connections hold.
    pub memory: Memory<Token>,
    /// Value of [`forks`] when the poller was made.
    forks: u32,
}

impl Root {
    /// The state of an initialised manager.
    #[inline]
    pub fn of(m: Mgr<'_>) -> Option<&Root> {
        m.root()
    }

    /// The wakeup channel of the manager at `m`, for any thread; `None` when it was never initialised.
    ///
    /// # Safety
    /// `m` is NULL or points to a manager that is zeroed, or initialised and not freed during `'a`.
    pub unsafe fn wakeup_of<'a>(m: *mut Manager) -> Option<&'a Wakeup> {
        // SAFETY: the caller vouches for m. Other fields of the root belong to the polling thread, so
        // no reference to the whole is made.
        unsafe {
            let root = m.as_ref()?.ifp.cast::<Root>();
            (!root.is_null()).then(|| &(*root).wakeup)
        }
    }

    /// Gives a manager its state.
    pub fn attach(m: Mgr, services: &'static Services) {
        fork::watch();
        let poll = mio::Poll::new().map_err(|e| log::error(format_args!("epoll: {e}"))).ok();
        m.set_epoll_fd(poll.as_ref().map_or(-1, std::os::fd::AsRawFd::as_raw_fd));
        let root = Box::new(Root {
            wakeup: Wakeup::new(),
            mgr: Cell::new(m.as_ptr()),
            guards: Cell::new(0),
            deferred: RefCell::default(),
            members: Members::default(),
            services,
            names_due: Cell::new(u64::MAX),
            extensions: Extensions::default(),
            is_full: Cell::new(false),
            current: Cell::default(),
            now: Cell::new(0),
            deadlines: Deadlines::default(),
            last_walk: Cell::new(0),
            last_trim: Cell::new(0),
            shrunk: Cell::new(0),
            was_idle: Cell::new(true),
            before_wait: Cell::new(None),
            inner: RefCell::new(Inner {
                poll,
                events: mio::Events::with_capacity(256),
                settings: Settings::default(),
                http_index: MG_HTTP_INDEX.as_bytes().into(),
                by_address: HashMap::new(),
                accepted: 0,
                table: Table::default(),
                queue: Vec::new(),
                output: Vec::new(),
                active: Vec::new(),
                marked: Vec::new(),
                memory: Memory::default(),
                forks: forks(),
            }),
        });
        m.set_private(Box::into_raw(root).cast());
    }

    /// Takes the state away from its manager. The last guard releases it.
    pub fn detach(m: Mgr) {
        let Some(root) = m.root().filter(|root| !root.is_freed()) else { return };
        root.mgr.set(ptr::null_mut());
        m.set_private(ptr::null_mut());
        m.set_epoll_fd(-1);
        let poll = root.with(|inner| inner.poll.take());
        drop(poll);
        // A handler that still uses its connection finds no manager, and gets no more events.
        for at in root.members.all().iter() {
            // SAFETY: members came from `allocate`, and `m` is borrowed from a guard.
            let c: Conn = unsafe { member(*at) };
            c.set_mgr_ptr(ptr::null_mut());
            if c.state().is_some_and(|state| state.is(is::ENDED)) {
                c.set_handler(None);
                c.set_protocol(None);
            }
        }
    }

    /// The manager; `None` once it was freed.
    #[inline]
    pub fn mgr(&self) -> Option<Mgr<'_>> {
        // SAFETY: until the manager is freed its struct stays.
        NonNull::new(self.mgr.get()).map(|at| unsafe { Mgr::new(at, Some(self)) })
    }

    /// True once the manager was freed: its public struct is not to be touched any more.
    #[inline]
    pub fn is_freed(&self) -> bool {
        self.mgr.get().is_null()
    }

    /// Access to the state of the manager's own thread. A second access from inside `f` is a bug and
    /// panics: `f` must not run code of the program, which may call any function of the library. That
    /// includes handlers, the log, the clock, and the allocation of what crosses the C boundary.
    #[inline]
    pub fn with<R>(&self, f: impl FnOnce(&mut Inner) -> R) -> R {
        f(&mut self.inner.borrow_mut())
    }

    /// The connection with a token.
    #[inline]
    pub fn find(&self, token: Token) -> Option<Conn<'_>> {
        let at = self.with(|inner| inner.table.at(token))?;
        // SAFETY: `self` is borrowed from a guard; see `member`.
        Some(unsafe { member(at) })
    }

    /// The connection in a slot of the table.
    pub fn in_slot(&self, slot: usize) -> Option<Conn<'_>> {
        let at = self.with(|inner| inner.table.slots.get(slot)?.conn)?;
        // SAFETY: `self` is borrowed from a guard; see `member`.
        Some(unsafe { member(at) })
    }

    /// All connections, in no order. Handlers may run between two of them.
    pub fn conns(&self) -> impl Iterator<Item = Conn<'_>> {
        (0..self.with(|inner| inner.table.slots.len())).filter_map(|slot| self.in_slot(slot))
    }

    /// The connection at `at`, if it is one of this manager's.
    #[inline]
    pub fn known(&self, at: NonNull<Connection>) -> Option<Conn<'_>> {
        // SAFETY: members came from `allocate`, and `self` is borrowed from a guard.
        self.members.contains(at).then(|| unsafe { member(at) })
    }

    /// The connection after `c` in the list of the manager `m`, which this is the state of.
    #[inline]
    pub fn next<'g>(&'g self, m: Mgr<'g>, c: Conn<'g>) -> Option<Conn<'g>> {
        let link = NonNull::new(c.next_ptr())?;
        if c.state().is_some_and(|state| state.successor.get() == Some(link)) {
            // SAFETY: `conn::unlink` takes a member out of `successor` before it is released.
            return Some(unsafe { member(link) });
        }
        m.linked(link.as_ptr())
    }

    /// A handle to the connection at `at`, which has a state if it is one of this manager's.
    ///
    /// # Safety
    /// `at` points to a `struct mg_connection` that stays while the handle is used.
    #[inline]
    pub unsafe fn conn_at(&self, at: NonNull<Connection>) -> Conn<'_> {
        // SAFETY: the caller vouches for a connection of the program's own.
        self.known(at).unwrap_or_else(|| unsafe { Conn::new(at, None) })
    }

    /// Allocates a connection with its state before it and `extra` bytes after it, all zero.
    pub fn allocate(&self, extra: usize) -> Option<Conn<'_>> {
        let size = size_of::<ConnState>().checked_add(Connection::size())?.checked_add(extra)?;
        let base = NonNull::new(mem::alloc(size))?;
        if self.is_freed() {
            // By the program's allocator.
            // SAFETY: fresh memory.
            unsafe { mem::release(base.as_ptr()) };
            return None;
        }
        // SAFETY: the allocation is large enough, and aligned as malloc's is, for ConnState and then
        // Connection; zero bytes are a valid Connection.
        let at = unsafe {
            base.cast::<ConnState>().write(ConnState {
                root: Some(NonNull::from(self)),
                deadline: Cell::new(u64::MAX),
                scheduled: Cell::new(u64::MAX),
                ..ConnState::default()
            });
            base.add(size_of::<ConnState>()).cast()
        };
        self.members.insert(at);
        // SAFETY: made by the lines above; `self` is borrowed from a guard.
        let c: Conn = unsafe { member(at) };
        let token = self.with(|inner| inner.table.insert(at));
        c.state()?.token.set(token);
        Some(c)
    }

    /// Takes a closed connection out of the table. It is released when no guard exists.
    pub fn defer_release(&self, c: Conn, state: &ConnState) {
        self.with(|inner| inner.table.remove(state.token.get()));
        self.deferred.borrow_mut().extend(NonNull::new(c.as_ptr()));
    }

    /// True when the last guard has something to release.
    pub(super) fn has_deferred(&self) -> bool {
        self.is_freed() || !self.deferred.borrow().is_empty()
    }

    /// Releases what was closed.
    ///
    /// # Safety
    /// No handle to a closed connection is used afterwards.
    pub(super) unsafe fn release_deferred(&self) {
        loop {
            let dead = core::mem::take(&mut *self.deferred.borrow_mut());
            if dead.is_empty() {
                return;
            }
            for at in dead {
                self.members.remove(at);
                // SAFETY: `at` came from `allocate`; the caller guarantees that it is unused.
                unsafe { release(at) };
            }
        }
    }
}

/// Releases a connection's memory.
///
/// # Safety
/// `at` came from [`Root::allocate`] and is not used afterwards.
unsafe fn release(at: NonNull<Connection>) {
    // SAFETY: the caller vouches for `at`. A handler that closed its connection may have filled
    // buffers afterwards.
    unsafe {
        for buf in Conn::new(at, None).buffers() {
            buf.free();
        }
        let state = in_front(at);
        state.drop_in_place();
        mem::release(state.cast());
    }
}

impl Inner {
    /// True in a process that was forked since the poller was made: the poller is the parent's.
    #[inline]
    pub fn was_forked(&self) -> bool {
        self.forks != forks()
    }

    /// Gives the manager a poller of this process's own.
    pub fn renew_poller(&mut self) {
        self.poll = mio::Poll::new().ok();
        self.forks = forks();
    }
}

/// Connections by token. Slots are reused; generations tell a slot's lives apart.
#[derive(Default)]
pub struct Table {
    slots: Vec<Slot>,
    free: Vec<u32>,
}

struct Slot {
    generation: u32,
    conn: Option<NonNull<Connection>>,
}

impl Table {
    /// Adds a connection.
    fn insert(&mut self, c: NonNull<Connection>) -> Token {
        let index = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot { generation: 0, conn: None });
            (self.slots.len() - 1) as u32
        });
        let slot = &mut self.slots[index as usize];
        // Generation 0 is never given out, so that the default token finds nothing.
        slot.generation = slot.generation.wrapping_add(1).max(1);
        slot.conn = Some(c);
        Token(u64::from(slot.generation) << 32 | u64::from(index))
    }

    /// The connection with a token.
    #[inline]
    pub fn get(&self, token: Token) -> Option<Conn<'_>> {
        // SAFETY: a table is borrowed from its root, which is borrowed from a guard.
        self.at(token).map(|at| unsafe { member(at) })
    }

    /// All connections.
    pub fn iter(&self) -> impl Iterator<Item = Conn<'_>> {
        // SAFETY: a table is borrowed from its root, which is borrowed from a guard.
        self.slots.iter().filter_map(|slot| slot.conn).map(|at| unsafe { member(at) })
    }

    #[inline]
    fn at(&self, token: Token) -> Option<NonNull<Connection>> {
        let slot = self.slots.get(token.0 as u32 as usize)?;
        if slot.generation == (token.0 >> 32) as u32 { slot.conn } else { None }
    }

    /// Forgets a connection.
    fn remove(&mut self, token: Token) {
        if self.at(token).is_some() {
            self.slots[token.0 as u32 as usize].conn = None;
            self.free.push(token.0 as u32);
        }
    }

    /// How many slots there are, in use or not.
    pub fn slots(&self) -> usize {
        self.slots.len()
    }

    /// How many connections there are.
    pub fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }
}
