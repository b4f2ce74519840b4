//! The library's clock.

unsafe extern "C" {
    /// By its exported name: a program may define its own.
    fn mg_millis() -> u64;
}

/// Milliseconds of the library's clock.
pub fn millis() -> u64 {
    // SAFETY: takes no arguments.
    unsafe { mg_millis() }
}
