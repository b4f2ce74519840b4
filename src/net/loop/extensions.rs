//! What protocols keep with a connection or a manager: values of types that the loop does not know,
//! allocated when a protocol asks for them, and dropped with their owner.

use super::mem;
use core::any::TypeId;
use core::cell::Cell;
use core::mem::{align_of, offset_of, size_of};
use core::ptr::NonNull;

/// At most one value of each type. There are few: the list is searched from the newest.
#[derive(Default)]
pub struct Extensions {
    newest: Cell<Option<NonNull<Head>>>,
}

/// What an entry begins with.
struct Head {
    kind: TypeId,
    next: Option<NonNull<Head>>,
    release: unsafe fn(NonNull<Head>),
}

/// A value in memory of its own.
#[repr(C)]
struct Entry<T> {
    head: Head,
    value: T,
}

impl Extensions {
    /// The value of type `T`, if there is one.
    #[inline]
    pub fn get<T: 'static>(&self) -> Option<&T> {
        let mut at = self.newest.get();
        while let Some(entry) = at {
            // SAFETY: entries are released by `drop` only, and never changed.
            let head = unsafe { entry.as_ref() };
            if head.kind == TypeId::of::<T>() {
                // SAFETY: `get_or_init` stored an `Entry<T>` under this type.
                return Some(unsafe { entry.byte_add(offset_of!(Entry<T>, value)).cast::<T>().as_ref() });
            }
            at = head.next;
        }
        None
    }

    /// The value of type `T`, made now if need be. `None` when memory is exhausted.
    #[inline]
    pub fn get_or_init<T: Default + 'static>(&self) -> Option<&T> {
        self.get().or_else(|| self.init())
    }

    /// Makes the value of type `T`.
    #[cold]
    fn init<T: Default + 'static>(&self) -> Option<&T> {
        const { assert!(align_of::<Entry<T>>() <= 16, "aligned as malloc's memory is") };
        let entry = NonNull::new(mem::alloc(size_of::<Entry<T>>()))?.cast::<Entry<T>>();
        let value = T::default();
        // The program's allocator may have led back to here; then there are two, of which the
        // newer one counts.
        let head = Head { kind: TypeId::of::<T>(), next: self.newest.get(), release: release::<T> };
        // SAFETY: fresh memory of this size.
        unsafe { entry.write(Entry { head, value }) };
        self.newest.set(Some(entry.cast()));
        self.get()
    }
}

impl Drop for Extensions {
    fn drop(&mut self) {
        while let Some(entry) = self.newest.take() {
            // SAFETY: the list owns its entries, and nothing borrows them any more.
            unsafe {
                self.newest.set(entry.as_ref().next);
                (entry.as_ref().release)(entry);
            }
        }
    }
}

/// Drops an entry and releases its memory.
///
/// # Safety
/// `entry` is the head of an `Entry<T>` that is no longer used.
unsafe fn release<T>(entry: NonNull<Head>) {
    let entry = entry.cast::<Entry<T>>();
    // SAFETY: the caller vouches for the entry, which `get_or_init` made with `mem::alloc`.
    unsafe {
        entry.drop_in_place();
        mem::release(entry.as_ptr().cast());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::rc::Rc;

    #[test]
    fn one_of_each_type() {
        let all = Extensions::default();
        assert_eq!(all.get::<Cell<u8>>(), None);
        all.get_or_init::<Cell<u8>>().expect("memory").set(7);
        all.get_or_init::<Cell<u64>>().expect("memory").set(8);
        assert_eq!(all.get_or_init::<Cell<u8>>().map(Cell::get), Some(7));
        assert_eq!(all.get::<Cell<u64>>().map(Cell::get), Some(8));
    }

    #[test]
    fn values_are_dropped_with_their_owner() {
        let counted = Rc::new(());
        let all = Extensions::default();
        all.get_or_init::<Cell<Option<Rc<()>>>>().expect("memory").set(Some(counted.clone()));
        assert_eq!(Rc::strong_count(&counted), 2);
        drop(all);
        assert_eq!(Rc::strong_count(&counted), 1);
    }
}
