//! MD5, SHA-1, SHA-256 and SHA-384 on state that the caller keeps in plain memory, and one-shot
//! SHA-2 and HMAC.
//!
//! The compression functions are those of the RustCrypto crates, with the processor's SHA
//! instructions where it has them. What is here is the frame around them that RFC 1321 and
//! FIPS 180-4 share: collecting blocks, and the padding at the end.

#![forbid(unsafe_code)]

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256, Sha384};

pub use md5::block_api::compress as md5_compress;
pub use sha1::block_api::compress as sha1_compress;
pub use sha2::block_api::{compress256 as sha256_compress, compress512 as sha384_compress};

/// The state of MD5 before the first block.
pub const MD5_INIT: [u32; 4] = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476];
/// The state of SHA-1 before the first block.
pub const SHA1_INIT: [u32; 5] = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0];
/// The state of SHA-256 before the first block.
pub const SHA256_INIT: [u32; 8] =
    [0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19];
/// The state of SHA-384 before the first block.
pub const SHA384_INIT: [u64; 8] = [
    0xcbbb9d5dc1059ed8,
    0x629a292a367cd507,
    0x9159015a3070dd17,
    0x152fecd8f70e5939,
    0x67332667ffc00b31,
    0x8eb44a8768581511,
    0xdb0c2e0d64f98fa7,
    0x47b5481dbefa4fa4,
];

/// Takes in `data` after the `filled` bytes of `block`; complete blocks go to `compress`.
///
/// Returns the number of bytes that `block` holds then, which is less than `BLOCK`.
pub fn absorb<const BLOCK: usize>(
    block: &mut [u8; BLOCK],
    filled: usize,
    data: &[u8],
    mut compress: impl FnMut(&[[u8; BLOCK]]),
) -> usize {
    let filled = filled % BLOCK;
    let (head, data) = data.split_at(data.len().min(BLOCK - filled));
    block[filled..filled + head.len()].copy_from_slice(head);
    if filled + head.len() < BLOCK {
        return filled + head.len();
    }
    compress(core::slice::from_ref(block));
    let (blocks, tail) = data.as_chunks::<BLOCK>();
    compress(blocks);
    block[..tail.len()].copy_from_slice(tail);
    tail.len()
}

/// Ends the message: a 1 bit, zeros, and its `length` in the last bytes of the last block.
pub fn pad<const BLOCK: usize, const LENGTH: usize>(
    block: &mut [u8; BLOCK],
    filled: usize,
    length: [u8; LENGTH],
    mut compress: impl FnMut(&[[u8; BLOCK]]),
) {
    let filled = filled % BLOCK;
    block[filled] = 0x80;
    block[filled + 1..].fill(0);
    if filled >= BLOCK - LENGTH {
        compress(core::slice::from_ref(block));
        block.fill(0);
    }
    block[BLOCK - LENGTH..].copy_from_slice(&length);
    compress(core::slice::from_ref(block));
}

/// SHA-256 of `data`.
pub fn sha256(data: &[u8]) -> [u8; 32] {
    Sha256::digest(data).into()
}

/// SHA-384 of `data`.
pub fn sha384(data: &[u8]) -> [u8; 48] {
    Sha384::digest(data).into()
}

/// HMAC-SHA256 of `data` (RFC 2104); any key length.
pub fn hmac_sha256(key: &[u8], data: &[u8]) -> [u8; 32] {
    // A key that is longer than a block is hashed, so no length is refused.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { unreachable!("every key length is valid") };
    mac.update(data);
    mac.finalize().into_bytes().into()
}
