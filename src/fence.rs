//! The fence between Rust and C: what happens when the library itself has a bug.
//!
//! Every exported function starts with `fence!("its name")`. Should a panic start inside, the
//! guard prints which function failed and ends the process: a panic never unwinds into C.

/// Guard that turns a panic into a message and an abort. Costs nothing while nothing panics.
pub struct Fence(pub &'static str);

impl Drop for Fence {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!(
                "libmongoose: internal error in {}(), see the panic message above; aborting. \
                 Please report this as a bug.",
                self.0
            );
            std::process::abort();
        }
    }
}

/// Starts an exported function: see [`Fence`].
#[macro_export]
macro_rules! fence {
    ($name:literal) => {
        let _fence = $crate::fence::Fence($name);
    };
}
