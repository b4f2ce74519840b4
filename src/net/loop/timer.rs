//! Timers: `struct mg_timer` lists that programs own and walk.

use super::handle::Mgr;
use super::mem;
use crate::abi::{
    MG_TIMER_AUTODELETE, MG_TIMER_CALLED, MG_TIMER_ONCE, MG_TIMER_REPEAT, MG_TIMER_RUN_NOW, Timer,
};
use core::cell::Cell;
use core::ffi::{c_uint, c_void};
use core::mem::size_of;
use core::ptr;

/// A timer's function.
pub type TimerFn = Option<unsafe extern "C" fn(arg: *mut c_void)>;

/// A walk over a timer list. Timer functions may remove any timer: [`unlink`] moves the walks of
/// this thread off it.
struct Walk {
    /// The timer whose turn it is; NULL once it was removed.
    current: Cell<*mut Timer>,
    /// The pointer that leads to it, or led to it before its removal. Timers that its function
    /// adds at the head may be in between.
    link: Cell<*mut *mut Timer>,
    /// Its successor, once it was removed.
    next: Cell<*mut Timer>,
    outer: *const Walk,
}

thread_local! {
    static WALKS: Cell<*const Walk> = const { Cell::new(ptr::null()) };
}

/// Fills `*t` and links it at the head of the list.
///
/// # Safety
/// `head` and `t` point to writable memory; the list is valid.
pub unsafe fn init(
    head: *mut *mut Timer,
    t: *mut Timer,
    ms: u64,
    flags: c_uint,
    f: TimerFn,
    arg: *mut c_void,
) {
    // SAFETY: the caller vouches for head and t.
    unsafe {
        t.write(Timer { period_ms: ms, expire: 0, flags, r#fn: f, arg, next: *head });
        *head = t;
    }
}

/// Takes a timer out of the list, if it is in it.
///
/// # Safety
/// `head` points to a valid list.
pub unsafe fn unlink(head: *mut *mut Timer, t: *mut Timer) {
    // SAFETY: the caller vouches for the list; walks are alive while they are registered.
    unsafe {
        let mut link = head;
        while !(*link).is_null() && *link != t {
            link = ptr::addr_of_mut!((**link).next);
        }
        if (*link).is_null() {
            return;
        }
        remove(link, t);
    }
}

/// Takes a timer out of the list at the link that leads to it, and moves the walks of this thread
/// off it.
///
/// # Safety
/// `*link` is `t`, a member of a valid list.
unsafe fn remove(link: *mut *mut Timer, t: *mut Timer) {
    // SAFETY: the caller vouches for the list; walks are alive while they are registered.
    unsafe {
        *link = (*t).next;
        let mut walk = WALKS.get();
        while !walk.is_null() {
            let is_current = (*walk).current.get() == t;
            if is_current {
                (*walk).current.set(ptr::null_mut());
                (*walk).next.set((*t).next);
            } else if (*walk).next.get() == t {
                (*walk).next.set((*t).next);
            }
            if is_current || (*walk).link.get() == ptr::addr_of_mut!((*t).next) {
                (*walk).link.set(link);
            }
            walk = (*walk).outer;
        }
    }
}

/// A stand-alone timer on a variable that starts at 0: true when it is due, and re-arms it.
pub fn expired(t: &mut u64, period: u64, now: u64) -> bool {
    if now.saturating_add(period) < *t {
        *t = 0; // The clock went back.
    }
    if *t == 0 {
        *t = now.saturating_add(period);
        return period == 0;
    }
    if *t > now {
        return false;
    }
    // On the grid while at most one period late; ticks that were missed are dropped.
    *t = if now - *t > period { now.saturating_add(period) } else { *t + period };
    true
}

/// One pass over a list: fires what is due, releases what is done.
///
/// # Safety
/// `head` points to a valid list, whose `MG_TIMER_AUTODELETE` members are memory of `mg_calloc`, as
/// long as `exists` says so; it is asked after each timer's function.
pub unsafe fn poll(head: *mut *mut Timer, now: u64, exists: impl Fn() -> bool) {
    // SAFETY: the caller vouches for the list. Timers that a function removes are reported to
    // `walk` by `unlink`, so neither `current` nor `link` dangles.
    unsafe {
        let nothing = ptr::null_mut();
        let walk = Walk {
            current: Cell::new(nothing),
            link: Cell::new(head),
            next: Cell::new(nothing),
            outer: WALKS.get(),
        };
        WALKS.set(&raw const walk);
        while !(*walk.link.get()).is_null() {
            let t = *walk.link.get();
            walk.current.set(t);
            let called = (*t).flags & MG_TIMER_CALLED != 0;
            let due = expired(&mut (*t).expire, (*t).period_ms, now);
            let first_run = (*t).flags & MG_TIMER_RUN_NOW != 0 && !called;
            let is_once = (*t).flags & MG_TIMER_REPEAT == MG_TIMER_ONCE;
            let finished = is_once && (called || is_running(walk.outer, t));
            if (due || first_run) && !finished {
                if let Some(f) = (*t).r#fn {
                    f((*t).arg);
                    if !exists() {
                        break;
                    }
                }
                // Step over what the function added at the head; it may have removed its own timer.
                let removed = walk.current.get().is_null();
                let expected = if removed { walk.next.get() } else { t };
                while *walk.link.get() != expected && !(*walk.link.get()).is_null() {
                    walk.link.set(ptr::addr_of_mut!((**walk.link.get()).next));
                }
                if removed {
                    continue;
                }
                (*t).flags |= MG_TIMER_CALLED;
                if (*t).flags & MG_TIMER_REPEAT == MG_TIMER_ONCE && (*t).flags & MG_TIMER_AUTODELETE != 0 {
                    remove(walk.link.get(), t);
                    mem::release(t.cast());
                    if !exists() {
                        break;
                    }
                    continue;
                }
            }
            walk.link.set(ptr::addr_of_mut!((*t).next));
        }
        WALKS.set(walk.outer);
    }
}

/// True when the function of `t` runs, in `walk` or around it: it has called a poll.
///
/// # Safety
/// `walk` is NULL or a registered walk.
unsafe fn is_running(mut walk: *const Walk, t: *const Timer) -> bool {
    while !walk.is_null() {
        // SAFETY: walks are alive while they are registered.
        unsafe {
            if (*walk).current.get().cast_const() == t {
                return true;
            }
            walk = (*walk).outer;
        }
    }
    false
}

/// Milliseconds from `now` to the next timer that is due; `None` when nothing is armed. Arms the
/// timers that were not seen before, so that a wait in this very poll ends when they are due.
///
/// Repeating timers with a period of 0 fire at every poll and do not end the wait.
pub fn next_due(m: Mgr, now: u64) -> Option<u64> {
    let mut soonest: Option<u64> = None;
    let mut at = m.timers();
    while !at.is_null() {
        // SAFETY: the manager's list is valid.
        let t = unsafe { &mut *at };
        at = t.next;
        let called = t.flags & MG_TIMER_CALLED != 0;
        let repeats = t.flags & MG_TIMER_REPEAT != 0;
        if called && !repeats {
            continue;
        }
        let wait = if !called && (t.flags & MG_TIMER_RUN_NOW != 0 || t.period_ms == 0) {
            0
        } else if t.period_ms == 0 {
            continue;
        } else {
            if t.expire == 0 {
                t.expire = now.saturating_add(t.period_ms);
            }
            t.expire.saturating_sub(now).min(t.period_ms)
        };
        soonest = Some(soonest.map_or(wait, |s| s.min(wait)));
    }
    soonest
}

/// A timer on the manager's list, in memory of its own, released when it is done.
pub fn add(m: Mgr, ms: u64, flags: c_uint, f: TimerFn, arg: *mut c_void) -> *mut Timer {
    let t: *mut Timer = mem::alloc(size_of::<Timer>()).cast();
    if m.is_freed() {
        // By the program's allocator.
        // SAFETY: fresh memory, or NULL.
        unsafe { mem::release(t.cast()) };
        return ptr::null_mut();
    }
    if !t.is_null() {
        // SAFETY: fresh memory; the manager's list is valid.
        unsafe { init(m.timers_head(), t, ms, flags | MG_TIMER_AUTODELETE, f, arg) };
    }
    t
}

/// Empties the manager's list. Releases the timers that are the library's.
pub fn free_all(m: Mgr) {
    while !m.is_freed() && !m.timers().is_null() {
        let t = m.timers();
        // SAFETY: t is the head of a valid list; AUTODELETE means memory of mg_calloc.
        unsafe {
            unlink(m.timers_head(), t);
            if (*t).flags & MG_TIMER_AUTODELETE != 0 {
                mem::release(t.cast());
            }
        }
    }
}
