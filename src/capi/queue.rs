//! `struct mg_queue`: messages from one thread to another one without locks.

use super::arg::{self, Out};
use super::output::Memory;
use super::slice;
use crate::abi::{ArgList, Queue};
use crate::fence;
use crate::net::event_loop::queue::Region;
use core::ffi::c_char;

/// Tells the program where a place is, and returns how long that may be.
fn hand_over(place: Region, buf: Out<*mut c_char>) -> usize {
    buf.set(place.start.cast());
    place.room
}

/// Makes an empty queue in `size` bytes at `buf`, which the program owns.
///
/// Each message takes 4 bytes more than its length, and 4 have to stay free: the longest possible
/// message is `size - 8` bytes.
///
/// # Threads
/// Before the two threads start to use the queue.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_queue_init(q: *mut Queue, buf: *mut c_char, size: usize) {
    fence!("mg_queue_init", q: arg::out);
    q.set(Queue { buf, size, tail: 0, head: 0 });
}

/// Finds room for a message of `len` bytes; `*buf` is where to write it. Publish it with
/// `mg_queue_add`.
///
/// # Returns
/// The length of the longest message that has room there, `len` at least. 0: there is no room now;
/// try again when the consumer has read on.
///
/// # Threads
/// The producer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_queue_book(q: *mut Queue, buf: *mut *mut c_char, len: usize) -> usize {
    fence!("mg_queue_book", q: arg::queue, buf: arg::out);
    q.map_or(0, |q| hand_over(q.book(len), buf))
}

/// Publishes `len` bytes, at most as many as booked, at the place that `mg_queue_book` gave.
///
/// # Threads
/// The producer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_queue_add(q: *mut Queue, len: usize) {
    fence!("mg_queue_add", q: arg::queue);
    if let Some(q) = q {
        q.add(len);
    }
}

/// Looks at the oldest message; `*buf` is where it begins. It stays until `mg_queue_del`.
///
/// # Returns
/// Its length, or 0: the queue is empty.
///
/// # Threads
/// The consumer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_queue_next(q: *mut Queue, buf: *mut *mut c_char) -> usize {
    fence!("mg_queue_next", q: arg::queue, buf: arg::out);
    q.map_or(0, |q| hand_over(q.next(), buf))
}

/// Drops the oldest message; `len` is what `mg_queue_next` returned.
///
/// # Threads
/// The consumer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_queue_del(q: *mut Queue, len: usize) {
    fence!("mg_queue_del", q: arg::queue);
    if let Some(q) = q {
        q.del(len);
    }
}

/// As `mg_queue_printf`, with a `va_list`. The arguments are read twice, so custom printers run twice.
/// An addition of this library.
///
/// # Returns
/// The length of the message; 0 if it is empty or does not fit.
///
/// # Threads
/// The producer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_queue_vprintf(q: *mut Queue, fmt: *const c_char, ap: *mut ArgList) -> usize {
    fence!("mg_queue_vprintf", q: arg::queue, fmt[ap]: arg::format);
    let Some(q) = q else { return 0 };
    let len = fmt.measure();
    let Some(with_nul) = len.checked_add(1).filter(|n| *n > 1) else { return 0 };
    let place = q.book(with_nul);
    if place.room == 0 {
        return 0;
    }
    // SAFETY: a booked place has room for what was asked for, and is the producer's until it adds it.
    let mut memory = Memory::new(unsafe { slice::raw_mut(place.start, with_nul) });
    // A custom printer may print something else the second time: what fits is sent.
    let len = fmt.print(memory.output()).min(len);
    memory.terminate();
    q.add(len);
    len
}

unsafe extern "C" {
    /// Formats a message straight into the queue; the format is that of `mg_xprintf`. A NUL after
    /// the message, which needs room too, does not belong to it.
    ///
    /// # Returns
    /// The length of the message; 0 if it is empty or does not fit.
    ///
    /// # Threads
    /// The producer.
    pub fn mg_queue_printf(q: *mut Queue, fmt: *const c_char, ...) -> usize;
}
