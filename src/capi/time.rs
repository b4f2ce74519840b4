//! Time.

use crate::fence;
use crate::net::event_loop::clock;
use core::ffi::c_uint;
use core::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

unsafe extern "C" {
    /// Milliseconds of a clock that only goes forward (not the wall clock), unless the program
    /// defines its own.
    ///
    /// # Threads
    /// Any.
    pub fn mg_millis() -> u64;
}

/// Wall-clock time in milliseconds since 1970 at which `mg_millis()` was 0.
///
/// 0 until the first SNTP answer; a program may assign it. `mg_now()` is `mg_millis()` plus this.
#[unsafe(no_mangle)]
pub static mut mg_boot_timestamp_ms: u64 = 0;

/// Milliseconds since 1970, once the time is known: `mg_millis() + mg_boot_timestamp_ms`.
///
/// Before the first SNTP answer, and unless the program assigned `mg_boot_timestamp_ms`, the same
/// as `mg_millis()`.
///
/// # Threads
/// Any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_now() -> u64 {
    fence!("mg_now");
    clock::millis().wrapping_add(boot_timestamp().load(Ordering::Relaxed))
}

/// `mg_boot_timestamp_ms`, which the program may write from another thread.
fn boot_timestamp() -> &'static AtomicU64 {
    // SAFETY: the variable lives for ever, is aligned, and has the size of a u64; this library
    // touches it through atomics only.
    unsafe { AtomicU64::from_ptr(&raw mut mg_boot_timestamp_ms) }
}

/// Sets the wall clock: `boot` is the time in milliseconds since 1970 at which `mg_millis()` was 0.
pub(super) fn set_boot_timestamp(boot: u64) {
    boot_timestamp().store(boot, Ordering::Relaxed);
}

/// Sleeps for at least `ms` milliseconds.
///
/// Nothing is polled meanwhile: a program with an event loop uses a timer instead.
///
/// # Threads
/// Any.
#[unsafe(no_mangle)]
pub extern "C" fn mg_delayms(ms: c_uint) {
    fence!("mg_delayms");
    std::thread::sleep(Duration::from_millis(ms.into()));
}

/// Seconds since 1970 of a date in UTC (proleptic Gregorian calendar); `month` and `day` from 1. An
/// addition of this library.
///
/// Days, hours, minutes and seconds beyond their range run on: second 60 is the next minute.
///
/// # Returns
/// The seconds; 0 for a year before 1970, a month outside of 1 to 12, or day 0.
///
/// # Threads
/// Any.
#[unsafe(no_mangle)]
pub extern "C" fn mg_timegm(
    year: c_uint,
    month: c_uint,
    day: c_uint,
    hour: c_uint,
    min: c_uint,
    sec: c_uint,
) -> u64 {
    fence!("mg_timegm");
    if year < 1970 || !(1..=12).contains(&month) || day == 0 {
        return 0;
    }
    // Years that begin in March, so that leap days come last.
    let years = u64::from(year) - u64::from(month <= 2);
    let months = u64::from((month + 9) % 12);
    let days =
        years * 365 + years / 4 - years / 100 + years / 400 + (153 * months + 2) / 5 + u64::from(day) - 1;
    const EPOCH: u64 = 719_468;
    (days - EPOCH) * 86400 + u64::from(hour) * 3600 + u64::from(min) * 60 + u64::from(sec)
}
