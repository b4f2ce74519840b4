//! `mg_wakeup` uses its memory again: threads that send all the time take no more of it.

use core::ffi::{c_int, c_void};
use mongoose::abi::{Connection, MG_EV_WAKEUP, Manager};
use mongoose::capi::conn::mg_listen;
use mongoose::capi::mgr::*;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::mem::MaybeUninit;

/// Counts what this thread allocates in Rust.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: all is left to the system's allocator; the counter needs no memory.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(ptr, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

unsafe extern "C" fn count(c: *mut Connection, ev: c_int, _data: *mut c_void) {
    if ev == MG_EV_WAKEUP {
        // SAFETY: the argument of mg_listen, which lives as long as the manager.
        unsafe { *(*c).fn_data.cast::<usize>() += 1 };
    }
}

#[test]
fn messages_take_no_memory_of_their_own() {
    const BURST: usize = 10_000;
    let mut manager = MaybeUninit::<Manager>::uninit();
    let mut received = 0usize;
    let m = manager.as_mut_ptr();
    // SAFETY: the manager and what its handler uses live until it is freed.
    unsafe {
        mg_mgr_init(m);
        assert!(mg_wakeup_init(m));
        let listener = mg_listen(m, c"tcp://127.0.0.1:0".as_ptr(), Some(count), (&raw mut received).cast());
        assert!(!listener.is_null());
        let burst = || {
            let before = ALLOCATIONS.get();
            for _ in 0..BURST {
                assert!(mg_wakeup(m, (*listener).id, c"some bytes".as_ptr().cast(), 10));
            }
            mg_mgr_poll(m, 1000);
            ALLOCATIONS.get() - before
        };
        burst();
        // A list of the blocks and a table of the connections, made anew for each burst.
        let again = burst();
        assert!(again < BURST / 100, "{again} allocations");
        mg_mgr_free(m);
    }
    assert_eq!(received, 2 * BURST);
}
