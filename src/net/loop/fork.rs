//! Processes that fork.

use core::sync::atomic::{AtomicU32, Ordering};

/// How often this process came out of a `fork`. A poller is shared across a fork, so the child
/// needs one of its own.
pub fn forks() -> u32 {
    static FORKS: AtomicU32 = AtomicU32::new(0);
    static ONCE: std::sync::Once = std::sync::Once::new();
    unsafe extern "C" fn child() {
        FORKS.fetch_add(1, Ordering::Relaxed);
    }
    ONCE.call_once(|| {
        // SAFETY: the handler only adds to an atomic.
        unsafe { libc::pthread_atfork(None, None, Some(child)) };
    });
    FORKS.load(Ordering::Relaxed)
}
