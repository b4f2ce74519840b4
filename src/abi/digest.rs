//! Contexts of the digests: plain memory of the program, copied at will, without clean-up.

use core::ffi::c_uchar;

/// State of an MD5 computation.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Md5Context {
    /// The four words of state.
    pub buf: [u32; 4],
    /// Bits hashed: low word, high word.
    pub bits: [u32; 2],
    /// The block that is not full yet.
    pub r#in: [c_uchar; 64],
}

/// State of a SHA-1 computation.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Sha1Context {
    /// The five words of state.
    pub state: [u32; 5],
    /// Bits hashed: low word, high word.
    pub count: [u32; 2],
    /// The block that is not full yet.
    pub buffer: [c_uchar; 64],
}

/// State of a SHA-256 computation.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Sha256Context {
    /// The eight words of state.
    pub state: [u32; 8],
    /// Bits hashed in full blocks.
    pub bits: u64,
    /// Bytes in `buffer`.
    pub len: u32,
    /// The block that is not full yet.
    pub buffer: [c_uchar; 64],
}

/// State of a SHA-384 computation.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Sha384Context {
    /// The eight words of state.
    pub state: [u64; 8],
    /// The block that is not full yet.
    pub buffer: [u8; 128],
    /// Bits hashed in full blocks: high word, low word.
    pub bitlen: [u64; 2],
    /// Bytes in `buffer`.
    pub datalen: u32,
}
