//! `struct mg_mgr`: the event manager, its timers and its wakeup channel.

use super::{arg, layout};
use crate::abi::{Dns, Manager, Pipe, ProgramOption, Timer};
use crate::fence;
use crate::net::event_loop::guard::MgrGuard;
use crate::net::event_loop::handle::Mgr;
use crate::net::event_loop::state::Root;
use crate::net::event_loop::timer;
use crate::net::event_loop::{configure, log, poll, wakeup};
use crate::net::resolver;
use core::ffi::{CStr, c_int, c_uint, c_ulong, c_void};
use core::ptr;

/// A manager's fields after `mg_mgr_init`.
fn fresh() -> Manager {
    let dns = |url: &'static CStr| Dns { url: url.as_ptr(), c: ptr::null_mut() };
    Manager {
        conns: ptr::null_mut(),
        dns4: dns(resolver::DEFAULT4),
        dns6: dns(resolver::DEFAULT6),
        mdns: ptr::null_mut(),
        dnstimeout: 3000,
        use_dns6: false,
        nextid: 0,
        userdata: ptr::null_mut(),
        tls_ctx: ptr::null_mut(),
        mqtt_id: 0,
        active_dns_requests: ptr::null_mut(),
        active_mdns_requests: ptr::null_mut(),
        timers: ptr::null_mut(),
        epoll_fd: -1,
        ifp: ptr::null_mut(),
        extraconnsize: 0,
        pipe: Pipe { q: ptr::without_provenance_mut(-1i32 as u32 as usize) },
    }
}

/// Initialises an event manager.
///
/// Overwrites the whole struct, whatever it held. A program may then set `dns4.url`, `dns6.url`,
/// `dnstimeout`, `use_dns6`, `userdata` and `extraconnsize`; URLs are not copied. The process
/// ignores SIGPIPE from now on. Several managers may live in one process, each in its own thread.
///
/// # Errors
/// Without a descriptor for the poller `epoll_fd` is -1, and the log says why.
///
/// # Threads
/// The thread that will poll.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_mgr_init(mgr: *mut Manager) {
    fence!("mg_mgr_init");
    let Some(at) = ptr::NonNull::new(mgr) else { return };
    // SAFETY: the caller passes writable memory for the struct.
    unsafe { init(at, None) };
    log::debug(format_args!("MG_IO_SIZE: {}, TLS: {}", crate::abi::MG_IO_SIZE, crate::net::tls::NAME));
}

/// As `mg_mgr_init`, with the settings of a table that ends with setting 0. The header calls it where
/// a program sets macros such as `MG_MAX_RECV_SIZE`. Settings of the whole process are left out: those
/// are in the program's `mg_options`. An addition of this library.
///
/// # Threads
/// The thread that will poll.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_mgr_init_with(mgr: *mut Manager, options: *const ProgramOption) {
    fence!("mg_mgr_init_with");
    let Some(at) = ptr::NonNull::new(mgr) else { return };
    // SAFETY: the caller passes writable memory for the struct, and NULL or a table that ends with an
    // entry without a name.
    unsafe { init(at, Some(options)) };
}

/// Makes a manager, with the settings of a table, or those that the program was compiled with.
///
/// # Safety
/// `at` is valid for writes, the table NULL or one that ends.
unsafe fn init(at: ptr::NonNull<Manager>, options: Option<*const ProgramOption>) {
    layout::keep();
    crate::net::event_loop::sys::ignore_sigpipe();
    // SAFETY: the caller vouches for both.
    unsafe {
        at.write(fresh());
        Root::attach(Mgr::new(at, None), &crate::net::SERVICES);
        let Some(guard) = MgrGuard::new(at.as_ptr()) else { return };
        match options {
            Some(options) => configure::apply(guard.mgr(), options),
            None => configure::configure(guard.mgr()),
        }
    }
}

/// Frees a manager: its timers without running them, then its connections, each with
/// `MG_EV_POLL` and `MG_EV_CLOSE`. Data that was not sent is lost.
///
/// Timers that the program linked by itself without `MG_TIMER_AUTODELETE` are unlinked, not
/// released. Calling it twice is harmless, and so is `mg_mgr_init` afterwards.
///
/// # Threads
/// The polling thread; no other thread may be in `mg_wakeup` on this manager.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_mgr_free(mgr: *mut Manager) {
    fence!("mg_mgr_free", mgr: arg::mgr);
    if let Some(guard) = mgr {
        poll::free(guard.mgr());
    }
}

/// Runs one turn of the event loop: waits for I/O at most `ms` milliseconds, runs the timers that
/// are due, fires `MG_EV_POLL` on each connection, reads, writes, accepts and closes.
///
/// 0 does not wait; a negative `ms` waits without limit. The wait ends early for I/O, for a timer,
/// for `mg_wakeup`, and for a signal. May be called inside a handler: connections that are in a
/// handler are then left alone.
///
/// # Threads
/// One thread at a time; the manager and its connections belong to it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_mgr_poll(mgr: *mut Manager, ms: c_int) {
    fence!("mg_mgr_poll", mgr: arg::mgr);
    if let Some(guard) = mgr {
        poll::poll(guard.mgr(), ms);
    }
}

/// Sets a function that is called before a poll of this manager sleeps, or removes it (NULL). An
/// addition of this library.
///
/// It gets the milliseconds that the poll would sleep (negative: without limit; never 0) and returns
/// the milliseconds that it shall sleep. So it can release a lock around a wait of its own (on
/// `mgr->epoll_fd`, which is readable when there is I/O) and return 0, to let other threads use the
/// manager meanwhile; or keep the loop from sleeping.
///
/// # Threads
/// The polling thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_mgr_set_wait_fn(
    mgr: *mut Manager,
    r#fn: Option<unsafe extern "C" fn(mgr: *mut Manager, ms: c_int, arg: *mut c_void) -> c_int>,
    arg: *mut c_void,
) {
    fence!("mg_mgr_set_wait_fn", mgr: arg::mgr);
    let Some(guard) = mgr else { return };
    let Some(root) = guard.mgr().root() else { return };
    root.before_wait.set(r#fn.map(|f| (f, arg)));
}

/// Opens the channel for `mg_wakeup`: adds an internal connection to the manager's list.
///
/// # Returns
/// false when the channel is open already or could not be made.
///
/// # Threads
/// The polling thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_wakeup_init(mgr: *mut Manager) -> bool {
    fence!("mg_wakeup_init", mgr: arg::mgr);
    mgr.is_some_and(|guard| wakeup::open(guard.mgr()))
}

/// Sends a message to the connection with the given id: ends the wait of the poll, which fires
/// `MG_EV_WAKEUP` there with a `struct mg_str *`.
///
/// The bytes are copied, of any length; messages of one thread arrive in order. An id that no
/// connection has is no error: the message vanishes.
///
/// # Returns
/// false when the channel is not open, `id` is 0, or memory is exhausted.
///
/// # Threads
/// Any thread, between `mg_wakeup_init` and `mg_mgr_free`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_wakeup(mgr: *mut Manager, id: c_ulong, buf: *const c_void, len: usize) -> bool {
    fence!("mg_wakeup", buf[len]: arg::data);
    // SAFETY: the caller passes NULL or a manager that is not freed during the call.
    unsafe { Root::wakeup_of(mgr) }.is_some_and(|wakeup| wakeup.send(id as usize, buf))
}

/// Adds a timer to a manager.
///
/// `fn(arg)` runs inside `mg_mgr_poll`, every `milliseconds` with `MG_TIMER_REPEAT`, else once;
/// with `MG_TIMER_RUN_NOW` also at the first poll. The period starts at the first poll that sees
/// the timer. A timer that has fired for the last time is released. To stop one early:
/// `mg_timer_free(&mgr->timers, t); mg_free(t);`.
///
/// # Returns
/// The timer, or NULL when memory is exhausted.
///
/// # Threads
/// The polling thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_timer_add(
    mgr: *mut Manager,
    milliseconds: u64,
    flags: c_uint,
    r#fn: Option<unsafe extern "C" fn(arg: *mut c_void)>,
    arg: *mut c_void,
) -> *mut Timer {
    fence!("mg_timer_add", mgr: arg::mgr);
    let Some(guard) = mgr else { return ptr::null_mut() };
    timer::add(guard.mgr(), milliseconds, flags, r#fn, arg)
}

/// Fills a timer in the caller's memory and puts it at the head of a list.
///
/// The memory must stay until the timer is taken out of the list again.
///
/// # Threads
/// The thread that polls the list.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_timer_init(
    head: *mut *mut Timer,
    timer: *mut Timer,
    milliseconds: u64,
    flags: c_uint,
    r#fn: Option<unsafe extern "C" fn(arg: *mut c_void)>,
    arg: *mut c_void,
) {
    fence!("mg_timer_init");
    if !head.is_null() && !timer.is_null() {
        // SAFETY: the caller passes a valid list and writable memory for the timer.
        unsafe { timer::init(head, timer, milliseconds, flags, r#fn, arg) }
    }
}

/// Takes a timer out of a list, also inside timer functions; releases nothing. A timer that is
/// not in the list is left alone.
///
/// # Threads
/// The thread that polls the list.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_timer_free(head: *mut *mut Timer, timer: *mut Timer) {
    fence!("mg_timer_free");
    if !head.is_null() {
        // SAFETY: the caller passes a valid list.
        unsafe { timer::unlink(head, timer) }
    }
}

/// One pass over a list of timers at the time `new_ms`, as `mg_mgr_poll` does for `mgr->timers`.
///
/// # Threads
/// One thread at a time for each list.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_timer_poll(head: *mut *mut Timer, new_ms: u64) {
    fence!("mg_timer_poll");
    if !head.is_null() {
        // SAFETY: the caller passes a valid list.
        unsafe { timer::poll(head, new_ms, || true) }
    }
}

/// A timer on a variable that starts at 0: true when `period` milliseconds have passed.
///
/// The first call arms it. Late by up to one period it stays on its grid; later, missed ticks are
/// dropped.
///
/// # Threads
/// Any thread, one at a time for each variable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_timer_expired(expiration: *mut u64, period: u64, now: u64) -> bool {
    fence!("mg_timer_expired", expiration: arg::exclusive);
    expiration.is_some_and(|expiration| timer::expired(expiration, period, now))
}
