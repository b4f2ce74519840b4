//! Messages that wait for their delivery, in the order in which they came.
//!
//! Senders are threads of their own, so memory taken for each message would come from as many arenas
//! of the allocator, each of which keeps the most that was ever waiting. So messages are stored in blocks,
//! which the mailbox recycles.

#![forbid(unsafe_code)]

use super::sys;
use core::ffi::c_int;
use core::sync::atomic::{AtomicI32, Ordering};
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Size of a block, for messages of up to [`SHORT`] bytes. A longer one has a block to itself.
const BLOCK: usize = 4096;
const SHORT: usize = 1024;
/// Empty blocks that are kept: as many as wait after a burst of 32,768 messages of a few bytes.
const SPARE: usize = 256;
/// Messages start at multiples of this, as memory of `malloc` does: programs send structs.
const ALIGN: usize = 16;
/// Before each message: its id and its length, 8 bytes each.
const HEAD: usize = 16;

/// Messages, one after the other.
pub struct Block(Vec<u8>);

impl Block {
    /// An empty block. `None` when memory is exhausted.
    fn new(size: usize) -> Option<Block> {
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(size).ok()?;
        Some(Block(bytes))
    }

    /// A block of one message. `None` when memory is exhausted.
    fn of(id: usize, data: &[u8]) -> Option<Block> {
        let mut block = Block::new(space(data))?;
        block.push(id, data);
        Some(block)
    }

    fn has_room(&self, data: &[u8]) -> bool {
        self.0.capacity() - self.0.len() >= space(data)
    }

    fn push(&mut self, id: usize, data: &[u8]) {
        let end = self.0.len() + space(data);
        self.0.extend_from_slice(&(id as u64).to_ne_bytes());
        self.0.extend_from_slice(&(data.len() as u64).to_ne_bytes());
        self.0.extend_from_slice(data);
        self.0.resize(end, 0);
    }

    /// The messages: ids and bytes.
    pub fn messages(&self) -> impl Iterator<Item = (usize, &[u8])> {
        let mut rest = self.0.as_slice();
        core::iter::from_fn(move || {
            let (id, tail) = rest.split_first_chunk()?;
            let (length, tail) = tail.split_first_chunk()?;
            let data = tail.get(..u64::from_ne_bytes(*length) as usize)?;
            rest = rest.get(space(data)..)?;
            Some((u64::from_ne_bytes(*id) as usize, data))
        })
    }
}

/// What a message takes up in a block.
fn space(data: &[u8]) -> usize {
    HEAD + data.len().next_multiple_of(ALIGN)
}

/// A message that is ready for the mailbox: what can be done before the mailbox is locked is done.
pub enum Letter<'a> {
    Short(usize, &'a [u8]),
    Long(Block),
}

impl Letter<'_> {
    /// `None` when memory is exhausted.
    pub fn new(id: usize, data: &[u8]) -> Option<Letter<'_>> {
        if data.len() <= SHORT {
            Some(Letter::Short(id, data))
        } else {
            Block::of(id, data).map(Letter::Long)
        }
    }
}

/// The messages that wait, and blocks for further ones.
#[derive(Default)]
pub struct Mailbox {
    waiting: VecDeque<Block>,
    count: usize,
    spare: Vec<Block>,
}

impl Mailbox {
    /// Adds a message. False, with nothing changed, when memory is exhausted.
    pub fn post(&mut self, letter: Letter<'_>) -> bool {
        if self.waiting.try_reserve(1).is_err() {
            return false;
        }
        match letter {
            Letter::Long(block) => self.waiting.push_back(block),
            Letter::Short(id, data) => {
                if !self.waiting.back().is_some_and(|block| block.has_room(data)) {
                    let Some(block) = self.spare.pop().or_else(|| Block::new(BLOCK)) else { return false };
                    self.waiting.push_back(block);
                }
                if let Some(block) = self.waiting.back_mut() {
                    block.push(id, data);
                }
            }
        }
        self.count += 1;
        true
    }

    /// How many messages wait.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Takes all messages out; each block is given back by [`Mailbox::reuse`].
    pub fn take(&mut self) -> VecDeque<Block> {
        self.count = 0;
        core::mem::take(&mut self.waiting)
    }

    /// Keeps a block, whose messages were delivered, for later ones.
    pub fn reuse(&mut self, mut block: Block) {
        if block.0.capacity() == BLOCK && self.spare.len() < SPARE && self.spare.try_reserve(1).is_ok() {
            block.0.clear();
            self.spare.push(block);
        }
    }
}

/// The channel of one manager.
pub struct Wakeup {
    /// The eventfd; -1 while the channel is closed.
    fd: AtomicI32,
    mailbox: Mutex<Mailbox>,
}

impl Wakeup {
    /// A channel that is closed.
    pub fn new() -> Wakeup {
        Wakeup { fd: AtomicI32::new(-1), mailbox: Mutex::default() }
    }

    /// Queues a message and ends the wait of the poll. Any thread.
    ///
    /// False when the channel is closed or memory is exhausted.
    pub fn send(&self, id: usize, data: &[u8]) -> bool {
        if id == 0 {
            return false;
        }
        let Some(letter) = Letter::new(id, data) else { return false };
        // The lock covers the descriptor too: `close` takes it, so the number cannot be reused.
        let mut mailbox = self.lock();
        let fd = self.fd.load(Ordering::Relaxed);
        if fd == -1 || !mailbox.post(letter) {
            return false;
        }
        // One signal is enough for all messages that wait.
        mailbox.len() > 1 || sys::signal(fd)
    }

    /// The mailbox, for one step.
    pub fn lock(&self) -> MutexGuard<'_, Mailbox> {
        self.mailbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The eventfd; -1 while the channel is closed.
    pub fn fd(&self) -> c_int {
        self.fd.load(Ordering::Relaxed)
    }

    /// Opens the channel, or gives it another descriptor after a fork.
    pub fn set_fd(&self, fd: c_int) {
        self.fd.store(fd, Ordering::Relaxed);
    }

    /// Closes the channel if `fd` is its descriptor: later messages are refused.
    pub fn close(&self, fd: c_int) -> bool {
        let mut mailbox = self.lock();
        let ours = fd != -1 && self.fd.compare_exchange(fd, -1, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        if ours {
            *mailbox = Mailbox::default();
        }
        ours
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn post(mailbox: &mut Mailbox, id: usize, data: &[u8]) {
        assert!(Letter::new(id, data).is_some_and(|letter| mailbox.post(letter)));
    }

    #[test]
    fn all_lengths_come_out_whole_and_in_order() {
        let mut mailbox = Mailbox::default();
        let sent: Vec<Vec<u8>> = (0..3000).map(|n| vec![n as u8; n]).collect();
        for (id, data) in sent.iter().enumerate() {
            post(&mut mailbox, id, data);
        }
        assert_eq!(mailbox.len(), sent.len());
        let blocks = mailbox.take();
        assert_eq!(mailbox.len(), 0);
        let mut expected = sent.iter().enumerate();
        for (id, data) in blocks.iter().flat_map(Block::messages) {
            assert_eq!(expected.next(), Some((id, &data.to_vec())));
            assert_eq!(data.as_ptr().addr() % ALIGN, 0);
        }
        assert_eq!(expected.next(), None);
    }

    #[test]
    fn blocks_are_used_again() {
        let mut mailbox = Mailbox::default();
        let burst = |mailbox: &mut Mailbox| {
            (0..1000).for_each(|id| post(mailbox, id, b"some bytes"));
            let blocks = mailbox.take();
            let mut places: Vec<usize> = blocks.iter().map(|block| block.0.as_ptr().addr()).collect();
            blocks.into_iter().for_each(|block| mailbox.reuse(block));
            places.sort_unstable();
            places
        };
        let first = burst(&mut mailbox);
        assert_eq!(burst(&mut mailbox), first);
    }

    #[test]
    fn what_a_burst_leaves_is_bounded() {
        let mut mailbox = Mailbox::default();
        (0..100_000).for_each(|id| post(&mut mailbox, id, b"some bytes"));
        post(&mut mailbox, 1, &[0; 1 << 20]);
        for block in mailbox.take() {
            mailbox.reuse(block);
        }
        assert_eq!(mailbox.spare.len(), SPARE);
        assert!(mailbox.spare.iter().all(|block| block.0.capacity() == BLOCK));
    }
}
