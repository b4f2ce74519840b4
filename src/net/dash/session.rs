//! Who is logged in.
//!
//! Sessions belong to a manager, since its thread alone uses them. The program sees a user as a
//! `struct mg_dash_user`, during the calls of its functions; connections remember numbers.

use super::set::Board;
use crate::abi::{Dash, DashUser};
use crate::codec::dash::token::same;
use crate::net::event_loop::handle::Conn;
use crate::net::event_loop::state::Root;
use core::cell::{Cell, RefCell};
use core::ffi::{c_char, c_int};
use std::rc::Rc;

/// Sessions that a dashboard has at once.
const SESSIONS_MAX: usize = 10;
/// Seconds, unless the dashboard says otherwise.
const LIFETIME: u64 = 3600;
/// What everybody may do who needs no password.
const GUEST_LEVEL: c_int = 9;

/// A user. The struct lives as long as somebody has a handle: a function of the program may end the
/// session of the user that it was called with.
#[derive(Clone)]
pub struct User(Rc<[Cell<u64>]>);

impl User {
    fn new(board: Board, name: &[u8], token: &[u8], level: c_int, expire: u64) -> User {
        let user = User((0..DashUser::size().div_ceil(size_of::<u64>())).map(|_| Cell::new(0)).collect());
        let at = user.as_ptr();
        // SAFETY: the words above are a zeroed struct, to which no reference exists.
        unsafe {
            copy(name, DashUser::name_at(at));
            copy(token, DashUser::token_at(at));
            *DashUser::level_at(at) = level;
            *DashUser::expire_at(at) = expire;
            *DashUser::dash_at(at) = board.as_ptr();
        }
        user
    }

    /// The struct that C knows.
    pub fn as_ptr(&self) -> *mut DashUser {
        self.0.as_ptr().cast_mut().cast()
    }

    /// The name, cut to the room in the struct.
    pub fn name(&self) -> Vec<u8> {
        // SAFETY: the struct lives, and no reference into it outlives the call.
        text(unsafe { &*DashUser::name_at(self.as_ptr()) })
    }

    /// The session's token; empty for guests.
    pub fn token(&self) -> Vec<u8> {
        // SAFETY: the struct lives as long as the handle, and no reference into it outlives the call.
        text(unsafe { &*DashUser::token_at(self.as_ptr()) })
    }

    /// What the user may do.
    pub fn level(&self) -> c_int {
        // SAFETY: the struct lives as long as the handle, and no reference into it outlives the call.
        unsafe { *DashUser::level_at(self.as_ptr()) }
    }

    fn expire(&self) -> u64 {
        // SAFETY: the struct lives as long as the handle, and no reference into it outlives the call.
        unsafe { *DashUser::expire_at(self.as_ptr()) }
    }

    fn renew(&self, expire: u64) {
        // SAFETY: the struct lives as long as the handle, and no reference into it outlives the call.
        unsafe { *DashUser::expire_at(self.as_ptr()) = expire }
    }

    fn set_level(&self, level: c_int) {
        // SAFETY: the struct lives as long as the handle, and no reference into it outlives the call.
        unsafe { *DashUser::level_at(self.as_ptr()) = level }
    }
}

/// Copies what fits with a NUL after it into zeroed characters.
///
/// # Safety
/// `to` is valid for writes.
unsafe fn copy(from: &[u8], to: *mut [c_char]) {
    // SAFETY: the caller vouches for it; no reference outlives the call.
    let to = unsafe { &mut *to };
    let room = to.len().saturating_sub(1);
    for (to, from) in to[..room].iter_mut().zip(from) {
        *to = *from as c_char;
    }
}

/// The bytes up to a NUL.
fn text(chars: &[c_char]) -> Vec<u8> {
    chars.iter().map(|c| *c as u8).take_while(|b| *b != 0).collect()
}

/// Identifies a session for good; 0 is none.
pub type Id = u64;

struct Login {
    id: Id,
    board: Board,
    /// The whole name: the struct has less room.
    name: Vec<u8>,
    is_guest: bool,
    user: User,
}

/// What a WebSocket connection remembers of its user.
#[derive(Clone, Copy)]
pub struct Watcher {
    /// The dashboard.
    pub board: Board,
    /// The session.
    pub session: Id,
}

/// What a connection remembers.
#[derive(Default)]
pub struct DashState {
    /// The request was answered when its head came.
    pub answered: Cell<bool>,
    /// Who gets to know about changes here.
    pub watcher: Cell<Option<Watcher>>,
}

impl DashState {
    /// What `c` remembers, if anything.
    pub fn of(c: Conn<'_>) -> Option<&DashState> {
        c.state()?.extensions.get()
    }

    /// As [`DashState::of`], made now if need be. `None` when memory is exhausted.
    pub fn attach(c: Conn<'_>) -> Option<&DashState> {
        c.state()?.extension()
    }
}

/// Access to the sessions of a manager. `f` runs no code of the program.
pub fn with<R>(root: &Root, f: impl FnOnce(&mut Sessions) -> R) -> Option<R> {
    let sessions = root.extensions.get_or_init::<RefCell<Sessions>>()?;
    Some(f(&mut sessions.borrow_mut()))
}

/// All sessions of a manager's dashboards.
#[derive(Default)]
pub struct Sessions {
    all: Vec<Login>,
    newest: Id,
}

impl Sessions {
    /// Removes and returns those that `which` says yes to.
    fn remove(&mut self, which: impl Fn(&Login) -> bool) -> Vec<Id> {
        let mut removed = Vec::new();
        self.all.retain(|session| {
            let goes = which(session);
            if goes {
                removed.push(session.id);
            }
            !goes
        });
        removed
    }

    /// Removes the sessions whose time is up.
    pub fn expire(&mut self, now: u64) -> Vec<Id> {
        self.remove(|s| !s.is_guest && s.user.expire() < now)
    }

    /// Removes the session with this token.
    pub fn log_out(&mut self, board: Board, token: &[u8]) -> Vec<Id> {
        self.remove(|s| s.board == board && same(&s.user.token(), token))
    }

    /// Removes all sessions of a dashboard.
    pub fn forget(&mut self, board: Board) {
        self.remove(|s| s.board == board);
    }

    /// The user of a session.
    pub fn user(&self, watcher: Watcher) -> Option<User> {
        let session = self.all.iter().find(|s| s.id == watcher.session && s.board == watcher.board)?;
        (session.is_guest == needs_nobody(session.board)).then(|| session.user.clone())
    }

    /// The session with this token, renewed. All are compared, so that the time tells nothing.
    pub fn by_token(&mut self, board: Board, token: &[u8], now: u64) -> Option<(Id, User)> {
        let mut found = None;
        for session in self.all.iter().filter(|s| s.board == board && !s.is_guest) {
            if same(&session.user.token(), token) {
                found = Some((session.id, session.user.clone()));
            }
        }
        found.inspect(|(_, user)| user.renew(end(board, now)))
    }

    /// The session of a user whom the program has just accepted. Of more than [`SESSIONS_MAX`], the
    /// least recently used one is removed: its number is added to `removed`.
    pub fn log_in(
        &mut self,
        board: Board,
        name: &[u8],
        level: c_int,
        token: &[u8],
        now: u64,
        removed: &mut Vec<Id>,
    ) -> (Id, User) {
        let own = |s: &&Login| s.board == board && !s.is_guest;
        // Tokens need not name their owners: only the level tells such users apart.
        let known = |s: &&Login| s.name == name && (!name.is_empty() || s.user.level() == level);
        if let Some(session) = self.all.iter().filter(own).find(known) {
            session.user.set_level(level);
            session.user.renew(end(board, now));
            return (session.id, session.user.clone());
        }
        if self.all.iter().filter(own).count() >= SESSIONS_MAX
            && let Some(oldest) = self.all.iter().filter(own).min_by_key(|s| s.user.expire()).map(|s| s.id)
        {
            removed.extend(self.remove(|s| s.id == oldest));
        }
        let user = User::new(board, name, token, level, end(board, now));
        self.add(board, name, false, user)
    }

    /// The guest of a dashboard, which gets to know it.
    pub fn guest(&mut self, board: Board) -> (Id, User) {
        let known = self.all.iter().find(|s| s.board == board && s.is_guest);
        let (id, user) = match known {
            Some(session) => (session.id, session.user.clone()),
            None => {
                let user = User::new(board, b"guest", b"", GUEST_LEVEL, u64::MAX);
                self.add(board, b"guest", true, user)
            }
        };
        // SAFETY: a handle points to a dashboard.
        unsafe { (*board.as_ptr()).guest = user.as_ptr() };
        (id, user)
    }

    fn add(&mut self, board: Board, name: &[u8], is_guest: bool, user: User) -> (Id, User) {
        self.newest += 1;
        let id = self.newest;
        self.all.push(Login { id, board, name: name.to_vec(), is_guest, user: user.clone() });
        (id, user)
    }

    /// The struct of a dashboard's guest, if this manager made it.
    pub fn guest_of(&self, board: Board) -> Option<User> {
        self.all.iter().find(|s| s.board == board && s.is_guest).map(|s| s.user.clone())
    }
}

/// True for a dashboard that everybody may use.
pub fn needs_nobody(board: Board) -> bool {
    // SAFETY: a handle points to a dashboard.
    unsafe { (*board.as_ptr()).authenticate.is_none() }
}

/// When a session ends that is used now.
fn end(board: Board, now: u64) -> u64 {
    let dash: *const Dash = board.as_ptr();
    // SAFETY: a handle points to a dashboard.
    let seconds = unsafe { (*dash).session_auto_expiration_seconds };
    let seconds = u64::try_from(seconds).ok().filter(|n| *n > 0).unwrap_or(LIFETIME);
    now.saturating_add(seconds * 1000)
}
