//! The queue against a model: random operations, and two threads.

#[path = "common/rng.rs"]
mod rng;

use core::ffi::c_char;
use mongoose::abi::Queue;
use mongoose::capi::queue::*;
use rng::Rng;
use std::collections::VecDeque;
use std::ptr;

const OPERATIONS: usize = 1_000_000;

/// A queue in memory of its own.
struct Fixture {
    queue: Queue,
    memory: Vec<u8>,
}

impl Fixture {
    fn new(size: usize) -> Box<Self> {
        let queue = Queue { buf: ptr::null_mut(), size: 0, tail: 0, head: 0 };
        let mut fixture = Box::new(Self { queue, memory: vec![0xa5; size] });
        let buf = fixture.memory.as_mut_ptr().cast();
        // SAFETY: the memory stays as long as the queue.
        unsafe { mg_queue_init(&raw mut fixture.queue, buf, size) };
        fixture
    }

    fn book(&mut self, len: usize) -> (*mut u8, usize) {
        let mut buf: *mut c_char = ptr::null_mut();
        // SAFETY: an initialised queue.
        let room = unsafe { mg_queue_book(&raw mut self.queue, &raw mut buf, len) };
        (buf.cast(), room)
    }

    /// Writes a message at a booked place and publishes it.
    fn add(&mut self, place: *mut u8, message: &[u8]) {
        // SAFETY: the place was booked for as many bytes.
        unsafe {
            ptr::copy_nonoverlapping(message.as_ptr(), place, message.len());
            mg_queue_add(&raw mut self.queue, message.len());
        }
    }

    fn next(&mut self) -> Vec<u8> {
        let mut buf: *mut c_char = ptr::null_mut();
        // SAFETY: an initialised queue; the message stays until it is dropped.
        unsafe {
            let len = mg_queue_next(&raw mut self.queue, &raw mut buf);
            if len == 0 { Vec::new() } else { core::slice::from_raw_parts(buf.cast(), len).to_vec() }
        }
    }

    fn del(&mut self, len: usize) {
        // SAFETY: an initialised queue.
        unsafe { mg_queue_del(&raw mut self.queue, len) }
    }
}

/// What `mg_queue_book` has to return, and where the index is afterwards.
fn booked(size: usize, tail: usize, mut head: usize, len: usize) -> (usize, usize) {
    if head >= tail {
        if head + len + 8 <= size {
            return (size - head - 8, head);
        }
        if tail > 8 {
            head = 0;
        }
    }
    if head < tail && head + len + 8 < tail { (tail - head - 8, head) } else { (0, head) }
}

#[test]
fn like_a_list_of_messages() {
    let mut random = Rng(5);
    let mut longest = 0;
    let mut delivered = 0;
    for size in [8, 9, 12, 17, 40, 64, 100, 1000] {
        let mut fixture = Fixture::new(size);
        let mut model: VecDeque<Vec<u8>> = VecDeque::new();
        for _ in 0..OPERATIONS / 8 {
            if random.below(2) == 0 {
                let part = size / (1 + random.below(8));
                let len = 1 + random.below(part);
                let (head, tail) = (fixture.queue.head, fixture.queue.tail);
                let (place, room) = fixture.book(len);
                assert_eq!((room, fixture.queue.head), booked(size, tail, head, len));
                if room > 0 && random.below(4) > 0 {
                    // Less than booked is fine.
                    let message: Vec<u8> = (0..=random.below(len)).map(|_| random.below(256) as u8).collect();
                    fixture.add(place, &message);
                    model.push_back(message);
                }
            } else {
                let message = fixture.next();
                assert_eq!(message, model.front().cloned().unwrap_or_default());
                assert_eq!(fixture.next(), message, "looking changes nothing");
                if !message.is_empty() && random.below(3) > 0 {
                    fixture.del(message.len());
                    model.pop_front();
                    delivered += 1;
                }
            }
            longest = longest.max(model.len());
        }
    }
    assert!(longest > 10 && delivered > OPERATIONS / 10, "{longest} {delivered}");
}

/// A queue, shared by its two threads.
struct Shared(Box<Fixture>);

// SAFETY: a queue is made for two threads, each of which keeps to its own functions.
unsafe impl Sync for Shared {}

impl Shared {
    fn queue(&self) -> *mut Queue {
        (&raw const self.0.queue).cast_mut()
    }
}

#[test]
fn two_threads() {
    const MESSAGES: usize = 20_000;
    let message = |i: usize| (0..1 + i % 30).map(move |k| (i * 31 + k) as u8);
    let shared = Shared(Fixture::new(200));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for i in 0..MESSAGES {
                let mut place: *mut c_char = ptr::null_mut();
                let bytes: Vec<u8> = message(i).collect();
                // SAFETY: this is the producer; the place has room for the message.
                unsafe {
                    while mg_queue_book(shared.queue(), &raw mut place, bytes.len()) == 0 {
                        std::thread::yield_now();
                    }
                    ptr::copy_nonoverlapping(bytes.as_ptr(), place.cast(), bytes.len());
                    mg_queue_add(shared.queue(), bytes.len());
                }
            }
        });
        for i in 0..MESSAGES {
            let mut buf: *mut c_char = ptr::null_mut();
            // SAFETY: this is the consumer; the message stays until it is dropped.
            unsafe {
                let len = loop {
                    match mg_queue_next(shared.queue(), &raw mut buf) {
                        0 => std::thread::yield_now(),
                        len => break len,
                    }
                };
                let bytes = core::slice::from_raw_parts(buf.cast::<u8>(), len);
                assert!(bytes.iter().copied().eq(message(i)), "message {i}");
                mg_queue_del(shared.queue(), len);
            }
        }
    });
}
