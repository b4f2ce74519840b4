//! Types for elliptic curves and AES that programs may name. No function of the library uses them.

use core::ffi::{c_int, c_uint};

/// AES key schedule.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct AesContext {
    /// Encrypt or decrypt.
    pub mode: c_int,
    /// 10, 12 or 14.
    pub rounds: c_int,
    /// Round keys: a pointer into `buf`.
    pub rk: *mut u32,
    /// Memory of the round keys.
    pub buf: [u32; 68],
}

/// An elliptic curve. Opaque.
/// cbindgen:ignore
#[repr(C)]
pub struct UeccCurveInfo {
    _private: [u8; 0],
}

/// An elliptic curve.
pub type UeccCurve = *const UeccCurveInfo;

/// Fills `dest` with `size` random bytes; returns 1, or 0 on failure.
pub type UeccRng = Option<unsafe extern "C" fn(dest: *mut u8, size: c_uint) -> c_int>;

/// A hash function for deterministic signatures.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct UeccHashContext {
    /// Starts a hash.
    pub init_hash: Option<unsafe extern "C" fn(context: *const UeccHashContext)>,
    /// Adds bytes.
    pub update_hash: Option<
        unsafe extern "C" fn(context: *const UeccHashContext, message: *const u8, message_size: c_uint),
    >,
    /// Writes the digest.
    pub finish_hash: Option<unsafe extern "C" fn(context: *const UeccHashContext, hash_result: *mut u8)>,
    /// Block size of the hash in bytes.
    pub block_size: c_uint,
    /// Digest size in bytes.
    pub result_size: c_uint,
    /// Scratch memory: 2 * result_size + block_size bytes.
    pub tmp: *mut u8,
}

/// Number of words in a big integer.
#[allow(non_camel_case_types)]
pub type wordcount_t = i8;
/// Number of bits in a big integer.
#[allow(non_camel_case_types)]
pub type bitcount_t = i16;
/// Result of a comparison: negative, 0 or positive.
#[allow(non_camel_case_types)]
pub type cmpresult_t = i8;
/// A word of a big integer.
#[allow(non_camel_case_types)]
pub type mg_uecc_word_t = u64;
