//! What the loop knows beside the public structs.
//!
//! A manager's private state hangs behind `mgr->ifp`; a connection's lies in front of the public
//! struct, in one allocation `[ConnState | mg_connection | extraconnsize]`. Programs also make
//! connections of their own (zeroed, on the stack) and format into them: [`ConnState::of`] answers
//! `None` for those.

use super::handle::{Conn, Mgr};
use super::mailbox::Wakeup;
use super::mem;
use super::settings::Settings;
use crate::abi::{Addr, Connection, Manager, Setting};
use crate::net::dash::session::{DashState, Sessions};
use crate::net::http::HttpState;
use crate::net::http::serve::body::BodyState;
use crate::net::http::upload::stream::UploadState;
use crate::net::mqtt::MqttState;
use crate::net::resolver::Resolver;
use crate::net::sntp::SntpState;
use crate::net::tls::TlsState;
use crate::net::ws::WsState;
use core::cell::{Cell, RefCell, UnsafeCell};
use core::ffi::{c_int, c_void};
use core::mem::size_of;
use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicU32, Ordering};
use std::collections::HashMap;

/// Bits of [`ConnState::ready`]: what the poller announced and nobody has used up yet.
pub mod ready {
    /// Bytes, end of stream, or a connection to accept.
    pub const READ: u8 = 1;
    /// Room to send.
    pub const WRITE: u8 = 2;
    /// The peer will send no more: read on until the end of the stream.
    pub const HANGUP: u8 = 4;
    /// The socket has an error.
    pub const ERROR: u8 = 8;
}

/// Bits of [`ConnState::is`].
pub mod is {
    /// In the list for the next turn.
    pub const QUEUED: u16 = 1;
    /// In the list of connections with fresh output.
    pub const OUTPUT: u16 = 2;
    /// Closed: unlinked, CLOSE was fired; the memory waits to be released.
    pub const CLOSED: u16 = 4;
    /// Registered with the poller.
    pub const REGISTERED: u16 = 8;
    /// The descriptor is not a socket: `read` and `write`.
    pub const PLAIN_FD: u16 = 16;
    /// An accept or a receive failed: try again at each poll, which waits as usual; log once.
    pub const RETRY: u16 = 32;
    /// The descriptor is the library's to close.
    pub const OWNS_FD: u16 = 64;
    /// The handlers of CLOSE have returned: there are no more events.
    pub const GONE: u16 = 128;
    /// The program's own socket, which may block: accepting from it must not.
    pub const WRAPPED: u16 = 256;
    /// A read may leave room although more waits: lines of a terminal, messages of a socket.
    pub const PIECEWISE: u16 = 512;
}

/// Identifies a slot of the connection table; stale tokens find nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Token(pub u64);

/// Private state of a connection, in front of the public struct.
///
/// What every walk over all connections looks at comes last, next to the public struct. All fields
/// are cells: handlers run in between and lead back to the same state, so nobody may
/// hold it exclusively.
#[repr(C, align(16))]
#[derive(Default)]
pub struct ConnState {
    /// The predecessor in `mgr->conns`, if it is one of ours: makes unlinking cheap.
    pub prev: Cell<Token>,
    /// The high-water mark was reported and `send` has not been below it since.
    pub above_mark: Cell<bool>,
    /// What the HTTP engine remembers.
    pub http: HttpState,
    /// What the WebSocket engine remembers.
    pub ws: WsState,
    /// What the MQTT engine remembers.
    pub mqtt: MqttState,
    /// What the SNTP client remembers.
    pub sntp: SntpState,
    /// What TLS keeps.
    pub tls: TlsState,
    /// Further addresses to try, should connecting to the first one fail.
    pub alternatives: Cell<Vec<Addr>>,
    /// When the next of them is tried although connecting has not failed, in `mg_millis` time; 0:
    /// never.
    pub next_attempt: Cell<u64>,
    /// When the connection closes silently, in `mg_millis` time; 0: never.
    pub expires: Cell<u64>,
    /// What goes out behind the send buffer.
    pub body: BodyState,
    /// What comes in to be a file.
    pub upload: UploadState,
    /// What a dashboard remembers.
    pub dash: DashState,
    /// Settings of this connection.
    pub settings: RefCell<Settings>,
    /// When the protocol handler wants its next `MG_EV_POLL` at the latest, in `mg_millis` time; 0:
    /// whenever.
    wake_at: Cell<u64>,
    /// When bytes were last read or written, in `mg_millis` time; at first, when it was made.
    pub last_io: Cell<u64>,
    /// This connection's token.
    pub token: Cell<Token>,
    /// How many handler calls of this connection are on the stack.
    pub in_handler: Cell<u16>,
    ready: Cell<u8>,
    is: Cell<u16>,
}

impl ConnState {
    /// The state of a connection that the library allocated; `None` for a program's own struct.
    pub fn of(c: Conn) -> Option<&'static ConnState> {
        if c.id() == 0 {
            return None;
        }
        Root::of(c.mgr()?)?;
        // SAFETY: connections with an id and an initialised manager were made by `allocate`, which
        // puts the state in front. It lives as long as the handle may be used.
        unsafe { Some(&*c.as_ptr().cast::<u8>().sub(size_of::<ConnState>()).cast::<ConnState>()) }
    }

    /// The value of a setting.
    pub fn setting(&self, setting: Setting) -> i64 {
        self.settings.borrow().get(setting)
    }

    /// The value of a setting that counts something.
    pub fn size_setting(&self, setting: Setting) -> usize {
        self.settings.borrow().size(setting)
    }

    /// When the protocol handler wants its next `MG_EV_POLL` at the latest.
    pub fn wake_at(&self) -> Option<u64> {
        Some(self.wake_at.get()).filter(|at| *at > 0)
    }

    /// Sets, or with `None` cancels, [`ConnState::wake_at`].
    pub fn set_wake_at(&self, at: Option<u64>) {
        self.wake_at.set(at.unwrap_or(0));
    }

    /// True when any of `bits` of [`is`] is set.
    pub fn is(&self, bits: u16) -> bool {
        self.is.get() & bits != 0
    }

    /// Sets `bits` of [`is`].
    pub fn mark(&self, bits: u16) {
        self.is.set(self.is.get() | bits);
    }

    /// Clears `bits` of [`is`].
    pub fn unmark(&self, bits: u16) {
        self.is.set(self.is.get() & !bits);
    }

    /// True when any of `bits` of [`ready`] is set.
    pub fn can(&self, bits: u8) -> bool {
        self.ready.get() & bits != 0
    }

    /// Sets `bits` of [`ready`].
    pub fn announce(&self, bits: u8) {
        self.ready.set(self.ready.get() | bits);
    }

    /// Clears `bits` of [`ready`].
    pub fn used_up(&self, bits: u8) {
        self.ready.set(self.ready.get() & !bits);
    }
}

/// Allocates a connection with its state in front and `extra` bytes behind, all zero.
pub fn allocate(extra: usize) -> Option<Conn> {
    let size = size_of::<ConnState>().checked_add(size_of::<Connection>())?.checked_add(extra)?;
    let base = mem::alloc(size);
    if base.is_null() {
        return None;
    }
    // SAFETY: the allocation is large enough, and aligned as malloc's is, for ConnState and then
    // Connection; zero bytes are a valid Connection.
    unsafe {
        base.cast::<ConnState>().write(ConnState::default());
        Conn::new(base.add(size_of::<ConnState>()).cast())
    }
}

/// Releases a connection's memory.
///
/// # Safety
/// `c` came from [`allocate`], and no handle to it is used afterwards.
unsafe fn release(c: Conn) {
    // A handler that closed its connection may have filled buffers afterwards.
    for buf in c.buffers() {
        buf.free();
    }
    // SAFETY: the caller vouches for c.
    unsafe {
        let base = c.as_ptr().cast::<u8>().sub(size_of::<ConnState>());
        base.cast::<ConnState>().drop_in_place();
        mem::release(base);
    }
}

/// Private state of a manager: the part that other threads may touch, and the rest.
pub struct Root {
    /// Messages from other threads.
    pub wakeup: Wakeup,
    inner: UnsafeCell<Inner>,
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
    /// Names that connections wait for.
    pub resolver: Resolver,
    /// What new connections start with.
    pub settings: Settings,
    /// Accepted connections by address, while that is limited.
    pub by_address: HashMap<[u8; 16], u32>,
    /// Accepted connections.
    pub accepted: usize,
    /// Who is logged in to dashboards.
    pub sessions: Sessions,
    /// All connections, by token.
    pub table: Table,
    /// Connections that have a turn in this poll, or in the next one.
    pub queue: Vec<Token>,
    /// Connections with fresh output.
    pub output: Vec<Token>,
    /// Connections whose READABLE or WRITABLE bit this poll may have set.
    pub marked: Vec<Token>,
    /// The connection that has its turn now: its output needs no list.
    pub current: Token,
    /// The time of the current poll.
    pub now: u64,
    /// When all connections were last walked, in `mg_millis` time.
    pub last_walk: u64,
    /// When idle buffers were last given back.
    pub last_trim: u64,
    /// Bytes of them since the system was told.
    pub given_back: usize,
    /// True when the newest wait ended without I/O.
    pub was_idle: bool,
    /// Polls and handler calls in progress.
    depth: u32,
    /// Closed connections whose memory is released when nothing is in progress.
    graveyard: Vec<Conn>,
    /// The manager was freed while a poll or handler call was in progress.
    freed: bool,
    /// Value of [`forks`] when the poller was made.
    forks: u32,
    /// Called before a poll sleeps, with its argument.
    pub before_wait: Option<(WaitFn, *mut c_void)>,
}

impl Root {
    /// The state of an initialised manager.
    pub fn of(m: Mgr) -> Option<&'static Root> {
        // SAFETY: ifp is NULL or what `attach` stored; the box lives until `detach`, and while a
        // poll is in progress even longer (see `Activity`).
        unsafe { m.private().cast::<Root>().as_ref() }
    }

    /// Gives a manager its state.
    pub fn attach(m: Mgr) {
        let poll = mio::Poll::new().map_err(|e| super::log::error(format_args!("epoll: {e}"))).ok();
        m.set_epoll_fd(poll.as_ref().map_or(-1, std::os::fd::AsRawFd::as_raw_fd));
        let root = Box::new(Root {
            wakeup: Wakeup::new(),
            inner: UnsafeCell::new(Inner {
                poll,
                events: mio::Events::with_capacity(256),
                resolver: Resolver::default(),
                settings: Settings::default(),
                by_address: HashMap::new(),
                accepted: 0,
                sessions: Sessions::default(),
                table: Table::default(),
                queue: Vec::new(),
                output: Vec::new(),
                marked: Vec::new(),
                current: Token::default(),
                now: 0,
                last_walk: 0,
                last_trim: 0,
                given_back: 0,
                was_idle: true,
                depth: 0,
                graveyard: Vec::new(),
                freed: false,
                forks: forks(),
                before_wait: None,
            }),
        });
        m.set_private(Box::into_raw(root).cast());
    }

    /// Takes the state away and releases it, at once or when nothing is in progress any more.
    pub fn detach(m: Mgr) {
        let Some(root) = Root::of(m) else { return };
        m.set_private(ptr::null_mut());
        m.set_epoll_fd(-1);
        let busy = root.with(|inner| {
            inner.poll = None;
            inner.freed = true;
            inner.depth > 0
        });
        if !busy {
            // SAFETY: made by Box::into_raw in attach; nothing else points to it any more.
            drop(unsafe { Box::from_raw(ptr::from_ref(root).cast_mut()) });
        }
    }

    /// Access to the state of the manager's own thread. `f` must not call handlers.
    pub fn with<R>(&self, f: impl FnOnce(&mut Inner) -> R) -> R {
        // SAFETY: only the manager's thread gets here (the contract of every function but
        // mg_wakeup), and f calls no handler, so no second reference is made while it runs.
        f(unsafe { &mut *self.inner.get() })
    }
}

/// Marks a poll or a handler call in progress: while one exists, closed connections keep their
/// memory, and so does a freed manager's state.
pub struct Activity(NonNull<Root>);

impl Activity {
    /// Starts an activity.
    pub fn start(root: &Root) -> Activity {
        root.with(|inner| inner.depth += 1);
        Activity(NonNull::from(root))
    }

    /// Starts an activity unless one is in progress, which then serves as well.
    pub fn ensure(root: &Root) -> Option<Activity> {
        root.with(|inner| inner.depth == 0).then(|| Activity::start(root))
    }
}

impl Drop for Activity {
    fn drop(&mut self) {
        // SAFETY: the root lives as long as an activity; at depth 0 nobody holds handles to closed
        // connections, and a freed manager's state has no other owner.
        unsafe {
            let root = self.0.as_ref();
            let (dead, freed) = root.with(|inner| {
                inner.depth -= 1;
                if inner.depth > 0 || (inner.graveyard.is_empty() && !inner.freed) {
                    return (Vec::new(), false);
                }
                (core::mem::take(&mut inner.graveyard), inner.freed)
            });
            for c in dead {
                release(c);
            }
            if freed {
                drop(Box::from_raw(self.0.as_ptr()));
            }
        }
    }
}

impl Inner {
    /// Releases a closed connection as soon as no activity is in progress.
    pub fn bury(&mut self, c: Conn) {
        if let Some(state) = ConnState::of(c) {
            self.table.remove(state.token.get());
        }
        if self.depth > 0 {
            self.graveyard.push(c);
        } else {
            // SAFETY: nothing is in progress, so the loop holds no handle to c.
            unsafe { release(c) }
        }
    }

    /// True in a process that was forked since the poller was made: the poller is the parent's.
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
    conn: Option<Conn>,
}

impl Table {
    /// Adds a connection.
    pub fn insert(&mut self, c: Conn) -> Token {
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

    /// Finds a connection.
    pub fn get(&self, token: Token) -> Option<Conn> {
        let slot = self.slots.get(token.0 as u32 as usize)?;
        if slot.generation == (token.0 >> 32) as u32 { slot.conn } else { None }
    }

    /// Forgets a connection.
    pub fn remove(&mut self, token: Token) {
        if self.get(token).is_some() {
            self.slots[token.0 as u32 as usize].conn = None;
            self.free.push(token.0 as u32);
        }
    }

    /// All connections.
    pub fn iter(&self) -> impl Iterator<Item = Conn> {
        self.slots.iter().filter_map(|slot| slot.conn)
    }

    /// How many slots there are, in use or not.
    pub fn slots(&self) -> usize {
        self.slots.len()
    }

    /// The connection in a slot.
    pub fn at(&self, slot: usize) -> Option<Conn> {
        self.slots.get(slot)?.conn
    }

    /// How many connections there are.
    pub fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }
}

/// How often this process came out of a `fork`. A poller is shared across a fork, so the child
/// needs one of its own.
pub fn forks() -> u32 {
    static FORKS: AtomicU32 = AtomicU32::new(0);
    static ONCE: std::sync::Once = std::sync::Once::new();
    unsafe extern "C" fn child() {
        FORKS.fetch_add(1, Ordering::Relaxed);
    }
    ONCE.call_once(|| {
        // SAFETY: the handler only adds to an atomic.
        unsafe { libc::pthread_atfork(None, None, Some(child)) };
    });
    FORKS.load(Ordering::Relaxed)
}
