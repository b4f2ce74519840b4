//! Processes that fork.

use core::sync::atomic::{AtomicU32, Ordering};

static FORKS: AtomicU32 = AtomicU32::new(0);

/// How often this process came out of a `fork`, since [`watch`] was called. A poller is shared across a
/// fork, so the child needs one of its own.
#[inline]
pub fn forks() -> u32 {
    FORKS.load(Ordering::Relaxed)
}

/// From here on forks are counted.
pub fn watch() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    unsafe extern "C" fn child() {
        FORKS.fetch_add(1, Ordering::Relaxed);
    }
    ONCE.call_once(|| {
        // SAFETY: the handler only adds to an atomic.
        unsafe { libc::pthread_atfork(None, None, Some(child)) };
    });
}
