//! Digests: MD5, SHA-1, SHA-256, SHA-384, HMAC-SHA256.
//!
//! A context is plain memory of the program: copying one forks the computation, and none needs to
//! be released. After `final` it has to be initialised again. No function keeps a pointer.

use super::arg;
use crate::abi::{Md5Context, Sha1Context, Sha256Context, Sha384Context};
use crate::codec::digest::{
    MD5_INIT, SHA1_INIT, SHA256_INIT, SHA384_INIT, absorb, hmac_sha256, md5_compress, pad, sha1_compress,
    sha256, sha256_compress, sha384, sha384_compress,
};
use crate::fence;
use zeroize::Zeroize;

/// Bits of a message so far, in two words.
fn add_bits(low: u32, high: u32, bytes: usize) -> (u32, u32) {
    let bits = (u64::from(high) << 32 | u64::from(low)).wrapping_add((bytes as u64).wrapping_mul(8));
    (bits as u32, (bits >> 32) as u32)
}

/// Starts an MD5 computation (RFC 1321).
///
/// MD5 is broken as a signature; use it only where a protocol names it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_md5_init(c: *mut Md5Context) {
    fence!("mg_md5_init", c: arg::exclusive);
    let Some(c) = c else { return };
    c.buf = MD5_INIT;
    c.bits = [0; 2];
}

/// Adds `len` bytes to an MD5 computation.
///
/// May be called any number of times. `data` may be NULL if `len` is 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_md5_update(c: *mut Md5Context, data: *const u8, len: usize) {
    fence!("mg_md5_update", c: arg::exclusive, data[len]: arg::data);
    let Some(c) = c else { return };
    let filled = (c.bits[0] >> 3) as usize;
    (c.bits[0], c.bits[1]) = add_bits(c.bits[0], c.bits[1], data.len());
    absorb(&mut c.r#in, filled, data, |blocks| md5_compress(&mut c.buf, blocks));
}

/// Ends an MD5 computation: writes its 16 bytes to `digest` and wipes the context.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_md5_final(c: *mut Md5Context, digest: *mut u8) {
    fence!("mg_md5_final", c: arg::exclusive, digest[16]: arg::room);
    let Some(c) = c else { return };
    let length = (u64::from(c.bits[1]) << 32 | u64::from(c.bits[0])).to_le_bytes();
    pad(&mut c.r#in, (c.bits[0] >> 3) as usize, length, |blocks| md5_compress(&mut c.buf, blocks));
    put(digest, c.buf.map(u32::to_le_bytes).as_flattened());
    c.buf.zeroize();
    c.bits.zeroize();
    c.r#in.zeroize();
}

/// Starts a SHA-1 computation (FIPS 180-4).
///
/// SHA-1 is broken as a signature; use it only where a protocol names it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_sha1_init(c: *mut Sha1Context) {
    fence!("mg_sha1_init", c: arg::exclusive);
    let Some(c) = c else { return };
    c.state = SHA1_INIT;
    c.count = [0; 2];
}

/// Adds `len` bytes to a SHA-1 computation.
///
/// May be called any number of times. `data` may be NULL if `len` is 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_sha1_update(c: *mut Sha1Context, data: *const u8, len: usize) {
    fence!("mg_sha1_update", c: arg::exclusive, data[len]: arg::data);
    let Some(c) = c else { return };
    let filled = (c.count[0] >> 3) as usize;
    (c.count[0], c.count[1]) = add_bits(c.count[0], c.count[1], data.len());
    absorb(&mut c.buffer, filled, data, |blocks| sha1_compress(&mut c.state, blocks));
}

/// Ends a SHA-1 computation: writes its 20 bytes to `digest` and wipes the context.
///
/// Mind the order of the arguments.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_sha1_final(digest: *mut u8, c: *mut Sha1Context) {
    fence!("mg_sha1_final", c: arg::exclusive, digest[20]: arg::room);
    let Some(c) = c else { return };
    let length = (u64::from(c.count[1]) << 32 | u64::from(c.count[0])).to_be_bytes();
    pad(&mut c.buffer, (c.count[0] >> 3) as usize, length, |blocks| sha1_compress(&mut c.state, blocks));
    put(digest, c.state.map(u32::to_be_bytes).as_flattened());
    c.state.zeroize();
    c.count.zeroize();
    c.buffer.zeroize();
}

/// Starts a SHA-256 computation (FIPS 180-4).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_sha256_init(c: *mut Sha256Context) {
    fence!("mg_sha256_init", c: arg::exclusive);
    let Some(c) = c else { return };
    c.state = SHA256_INIT;
    c.bits = 0;
    c.len = 0;
}

/// Adds `len` bytes to a SHA-256 computation.
///
/// May be called any number of times. `data` may be NULL if `len` is 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_sha256_update(c: *mut Sha256Context, data: *const u8, len: usize) {
    fence!("mg_sha256_update", c: arg::exclusive, data[len]: arg::data);
    let Some(c) = c else { return };
    let filled = absorb(&mut c.buffer, c.len as usize, data, |blocks| {
        c.bits = c.bits.wrapping_add(blocks.len() as u64 * 512);
        sha256_compress(&mut c.state, blocks);
    });
    c.len = filled as u32;
}

/// Ends a SHA-256 computation: writes its 32 bytes to `digest` and wipes the context.
///
/// Mind the order of the arguments.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_sha256_final(digest: *mut u8, c: *mut Sha256Context) {
    fence!("mg_sha256_final", c: arg::exclusive, digest[32]: arg::room);
    let Some(c) = c else { return };
    let length = c.bits.wrapping_add(u64::from(c.len) * 8).to_be_bytes();
    pad(&mut c.buffer, c.len as usize, length, |blocks| sha256_compress(&mut c.state, blocks));
    put(digest, c.state.map(u32::to_be_bytes).as_flattened());
    c.state.zeroize();
    c.bits.zeroize();
    c.len.zeroize();
    c.buffer.zeroize();
}

/// Writes the SHA-256 digest of `datasz` bytes at `data` to the 32 bytes at `dst`.
///
/// `dst` may overlap `data`. `data` may be NULL if `datasz` is 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_sha256(dst: *mut u8, data: *mut u8, datasz: usize) {
    fence!("mg_sha256", dst: arg::array, data[datasz]: arg::data);
    dst.set(sha256(data));
}

/// Starts a SHA-384 computation (FIPS 180-4).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_sha384_init(ctx: *mut Sha384Context) {
    fence!("mg_sha384_init", ctx: arg::exclusive);
    let Some(c) = ctx else { return };
    c.state = SHA384_INIT;
    c.bitlen = [0; 2];
    c.datalen = 0;
}

/// Adds `len` bytes to a SHA-384 computation.
///
/// May be called any number of times. `data` may be NULL if `len` is 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_sha384_update(ctx: *mut Sha384Context, data: *const u8, len: usize) {
    fence!("mg_sha384_update", ctx: arg::exclusive, data[len]: arg::data);
    let Some(c) = ctx else { return };
    let filled = absorb(&mut c.buffer, c.datalen as usize, data, |blocks| {
        let bits = message_bits(c.bitlen).wrapping_add(blocks.len() as u128 * 1024);
        c.bitlen = [(bits >> 64) as u64, bits as u64];
        sha384_compress(&mut c.state, blocks);
    });
    c.datalen = filled as u32;
}

fn message_bits([high, low]: [u64; 2]) -> u128 {
    u128::from(high) << 64 | u128::from(low)
}

/// Ends a SHA-384 computation: writes its 48 bytes to `digest` and wipes the context.
///
/// Mind the order of the arguments.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_sha384_final(digest: *mut u8, ctx: *mut Sha384Context) {
    fence!("mg_sha384_final", ctx: arg::exclusive, digest[48]: arg::room);
    let Some(c) = ctx else { return };
    let length = message_bits(c.bitlen).wrapping_add(u128::from(c.datalen) * 8).to_be_bytes();
    pad(&mut c.buffer, c.datalen as usize, length, |blocks| sha384_compress(&mut c.state, blocks));
    put(digest, c.state.map(u64::to_be_bytes)[..6].as_flattened());
    c.state.zeroize();
    c.bitlen.zeroize();
    c.datalen.zeroize();
    c.buffer.zeroize();
}

/// Writes the SHA-384 digest of `datasz` bytes at `data` to the 48 bytes at `dst`.
///
/// `dst` may overlap `data`. `data` may be NULL if `datasz` is 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_sha384(dst: *mut u8, data: *mut u8, datasz: usize) {
    fence!("mg_sha384", dst: arg::array, data[datasz]: arg::data);
    dst.set(sha384(data));
}

/// Writes the HMAC-SHA256 (RFC 2104) of `datasz` bytes at `data` to the 32 bytes at `dst`.
///
/// `dst` may overlap `key` and `data`, which may each be NULL if their size is 0. A key of any size
/// is fine. Differs from 7.22 for keys of exactly 64 bytes, where that is not HMAC.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_hmac_sha256(
    dst: *mut u8,
    key: *mut u8,
    keysz: usize,
    data: *mut u8,
    datasz: usize,
) {
    fence!("mg_hmac_sha256", dst: arg::array, key[keysz]: arg::data, data[datasz]: arg::data);
    dst.set(hmac_sha256(key, data));
}

/// Stores a digest, if the program wants it.
fn put(to: &mut [u8], digest: &[u8]) {
    to.iter_mut().zip(digest).for_each(|(to, b)| *to = *b);
}
