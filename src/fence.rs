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

/// Starts a function that C calls: see [`Fence`]. Names the arguments that are pointers, and what they
/// become: `fence!("mg_crc32", buf[len]: arg::data)`. The functions that turn them, such as those of
/// `net::event_loop::arg`, are unsafe and called without a block, so this compiles in an `unsafe fn`
/// only, whose caller vouches for the arguments.
#[macro_export]
macro_rules! fence {
    ($name:literal $(, $arg:ident $([$len:expr])? : $kind:path)* $(,)?) => {
        let _fence = $crate::fence::Fence($name);
        $(
            #[allow(unsafe_op_in_unsafe_fn)]
            let $arg = $kind($arg $(, $len)?, &_fence);
        )*
    };
}
