//! Which connections are a manager's, by their addresses.

use crate::abi::Connection;
use core::cell::{Cell, Ref, RefCell};
use core::hash::{BuildHasherDefault, Hasher};
use core::ptr::NonNull;
use std::collections::HashSet;

/// Addresses of connections.
pub type Addresses = HashSet<NonNull<Connection>, BuildHasherDefault<AddressHasher>>;

/// The addresses of all connections of a manager that are not yet released.
#[derive(Default)]
pub struct Members {
    all: RefCell<Addresses>,
    /// Some of them, by [`place`]: most questions are about the same few connections.
    recent: [Cell<Option<NonNull<Connection>>>; RECENT],
}

/// Connections that are remembered as members.
const RECENT: usize = 16;

/// Where a connection is remembered.
#[inline]
fn place(at: NonNull<Connection>) -> usize {
    let address = at.addr().get();
    (address >> 4 ^ address >> 10) % RECENT
}

impl Members {
    /// True for the address of a member.
    #[inline]
    pub fn contains(&self, at: NonNull<Connection>) -> bool {
        self.recent[place(at)].get() == Some(at) || self.find(at)
    }

    fn find(&self, at: NonNull<Connection>) -> bool {
        let known = self.all.borrow().contains(&at);
        if known {
            self.recent[place(at)].set(Some(at));
        }
        known
    }

    /// All of them.
    pub fn all(&self) -> Ref<'_, Addresses> {
        self.all.borrow()
    }

    /// Adds one.
    pub fn insert(&self, at: NonNull<Connection>) {
        self.all.borrow_mut().insert(at);
    }

    /// Forgets one.
    pub fn remove(&self, at: NonNull<Connection>) {
        self.all.borrow_mut().remove(&at);
        self.recent[place(at)].set(None);
    }
}

/// Hashes addresses, which differ above their lowest bits.
#[derive(Default)]
pub struct AddressHasher(u64);

impl Hasher for AddressHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|b| self.write_usize(usize::from(*b)));
    }

    fn write_usize(&mut self, address: usize) {
        // The golden ratio spreads the bits upwards; the table uses the highest and the lowest ones.
        let spread = (self.0 ^ address as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = spread ^ (spread >> 32);
    }
}
