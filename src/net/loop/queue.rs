//! `struct mg_queue`: messages from one producer thread to one consumer thread, without locks.
//!
//! Only the producer writes `head`, only the consumer writes `tail`. A message is four bytes of
//! length, in native order, and its bytes; a length of 0 says that the next message is at offset 0.
//! After the newest message four bytes stay free for that mark.
//!
//! Each side publishes its index with a release store, which the other side reads with an acquire
//! load: a side that sees the index sees the bytes too. All offsets are checked against the memory: a
//! queue with nonsense in it counts as empty or full.

use crate::abi::Queue;
use core::sync::atomic::{AtomicUsize, Ordering};

/// Size of a length, and of the mark.
const WORD: usize = size_of::<u32>();

/// A side's handle to a queue.
#[derive(Clone, Copy)]
pub struct Handle(*mut Queue);

/// A place in the queue's memory for a message, and how long that may be.
pub struct Region {
    /// First byte of the message; NULL in a queue without memory.
    pub start: *mut u8,
    /// Room for the message; 0: there is none now.
    pub room: usize,
}

impl Handle {
    /// # Safety
    /// `q` points to an initialised queue, whose memory stays as long as the handle. One thread
    /// calls the producer's functions, one the consumer's.
    pub unsafe fn new(q: *mut Queue) -> Self {
        Self(q)
    }

    fn size(self) -> usize {
        // SAFETY: whoever made the handle vouched for the queue.
        unsafe { if (*self.0).buf.is_null() { 0 } else { (*self.0).size } }
    }

    fn head<'a>(self) -> &'a AtomicUsize {
        // SAFETY: as above; both threads use the index by atomic operations only.
        unsafe { AtomicUsize::from_ptr((&raw mut (*self.0).head).cast()) }
    }

    fn tail<'a>(self) -> &'a AtomicUsize {
        // SAFETY: as above.
        unsafe { AtomicUsize::from_ptr((&raw mut (*self.0).tail).cast()) }
    }

    /// The address of an offset. Only dereferenced after a check against the size.
    fn at(self, offset: usize) -> *mut u8 {
        // SAFETY: whoever made the handle vouched for the queue.
        unsafe { (*self.0).buf.cast::<u8>().wrapping_add(offset) }
    }

    fn write_length(self, offset: usize, length: u32) {
        if self.size().checked_sub(WORD).is_some_and(|last| offset <= last) {
            // SAFETY: checked above; these bytes belong to the calling side.
            unsafe { self.at(offset).cast::<u32>().write_unaligned(length) }
        }
    }

    /// Producer: finds room for a message of `len` bytes. May write the mark and go back to
    /// offset 0; then a later call may find room once the consumer has read on.
    pub fn book(self, len: usize) -> Region {
        let size = self.size();
        let mut head = self.head().load(Ordering::Relaxed);
        let tail = self.tail().load(Ordering::Acquire);
        // A message, its length and the mark after it end at the limit at most.
        let fits = |head: usize, limit: usize| {
            limit.checked_sub(head)?.checked_sub(2 * WORD).filter(|room| len <= *room)
        };
        let mut room = None;
        if head >= tail {
            room = fits(head, size);
            if room.is_none() && tail > 2 * WORD {
                self.write_length(head, 0);
                head = 0;
                self.head().store(0, Ordering::Release);
            }
        }
        if head < tail {
            // One byte less, so that a full queue does not look like an empty one.
            room = fits(head, (tail - 1).min(size)).map(|room| room + 1);
        }
        Region { start: self.at(head + WORD), room: room.unwrap_or(0) }
    }

    /// Producer: publishes the message that was written at the booked place.
    pub fn add(self, len: usize) {
        let head = self.head().load(Ordering::Relaxed);
        let end = head.checked_add(len).and_then(|end| end.checked_add(WORD));
        let (Some(end), Ok(length @ 1..)) = (end, u32::try_from(len)) else { return };
        if end <= self.size() {
            self.write_length(head, length);
            self.head().store(end, Ordering::Release);
        }
    }

    /// Consumer: the oldest message; its length is 0 when there is none.
    pub fn next(self) -> Region {
        let mut tail = self.tail().load(Ordering::Relaxed);
        let head = self.head().load(Ordering::Acquire);
        let mut length = self.published(tail, head);
        if length == Some(0) {
            // The mark.
            tail = 0;
            self.tail().store(0, Ordering::Release);
            length = self.published(0, head);
        }
        Region { start: self.at(tail.wrapping_add(WORD)), room: length.unwrap_or(0) }
    }

    /// The length of the message at `tail`, 0 for the mark. Nothing if the queue is empty there, or
    /// holds nonsense.
    fn published(self, tail: usize, head: usize) -> Option<usize> {
        let limit = if tail < head { head.min(self.size()) } else { self.size() };
        let room = limit.checked_sub(tail)?.checked_sub(WORD)?;
        if tail == head {
            return None;
        }
        // SAFETY: checked above; the producer has published these bytes.
        let length = unsafe { self.at(tail).cast::<u32>().read_unaligned() } as usize;
        (length <= room).then_some(length)
    }

    /// Consumer: drops the oldest message, whose length is `len`.
    pub fn del(self, len: usize) {
        let tail = self.tail().load(Ordering::Relaxed);
        let end = tail.checked_add(len).and_then(|end| end.checked_add(WORD));
        if let Some(end) = end.filter(|end| *end <= self.size()) {
            self.tail().store(end, Ordering::Release);
        }
    }
}
