//! JSON Web Tokens (RFC 7519), signed with HMAC-SHA-256 or ECDSA on P-256.

use super::{arg, slice};
use crate::abi::{JwtOpts, Str, UeccCurve};
#[cfg(feature = "tls")]
use crate::codec::es256;
use crate::codec::jwt::{self, Token};
use crate::codec::{base64url, digest};
use crate::fence;
use core::ffi::{c_char, c_int};
use std::time::{SystemTime, UNIX_EPOCH};

const HS256: &str = "HS256";
const ES256: &str = "ES256";

/// Without TLS there is nobody who knows curves.
#[cfg(not(feature = "tls"))]
mod es256 {
    use crate::net::event_loop::log;

    fn missing<T>() -> Option<T> {
        log::error(format_args!("JWT ES256 is not in a library without TLS"));
        None
    }
    pub fn private_key(_: &[u8]) -> Option<[u8; 32]> {
        missing()
    }
    pub fn public_key(_: &[u8; 32]) -> Option<[u8; 64]> {
        missing()
    }
    pub fn sign(_: &[u8; 32], _: &[u8]) -> Option<[u8; 64]> {
        missing()
    }
    pub fn verify(_: &[u8; 64], _: &[u8], _: &[u8]) -> bool {
        missing::<()>().is_some()
    }
}

/// True for equal bytes, in a time that does not tell where they differ.
fn is_same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && super::crc16::differing_bits(a, b) == 0
}

/// Writes `bytes` and a NUL to `room`: 0, and an empty text, when there are none or too little room.
fn store(bytes: Option<Vec<u8>>, room: &mut [u8]) -> usize {
    let fitting = bytes.filter(|bytes| bytes.len() < room.len()).unwrap_or_default();
    if let Some(place) = room.get_mut(..=fitting.len()) {
        place[..fitting.len()].copy_from_slice(&fitting);
        place[fitting.len()] = 0;
    }
    fitting.len()
}

/// # Safety
/// `opts` is NULL or points to options with valid fields.
unsafe fn sign(
    opts: Option<&JwtOpts>,
    name: &str,
    by: impl FnOnce(&JwtOpts, &[u8]) -> Option<Vec<u8>>,
) -> Option<Vec<u8>> {
    // SAFETY: as for the caller.
    unsafe {
        let opts = opts?;
        let (kid, header, claims) =
            (slice::bytes(opts.kid), slice::bytes(opts.header), slice::bytes(opts.claims));
        let mut token = jwt::signing_input(name, kid, header, claims)?;
        let signature = by(opts, &token)?;
        token.push(b'.');
        base64url::encode(&signature, &mut token);
        Some(token)
    }
}

/// The claims of a token whose signature is right, and unless `any_time` those that are valid now.
fn read(
    token: Option<Token<'_>>,
    any_time: bool,
    is_right: impl FnOnce(&Token<'_>) -> bool,
) -> Option<Vec<u8>> {
    let token = token?;
    if !is_right(&token) {
        return None;
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64());
    token.claims().filter(|claims| any_time || jwt::is_in_time(claims, now))
}

/// The claims of a token that is signed with the secret of these options.
///
/// # Safety
/// The secret is a view of readable bytes.
unsafe fn read_hs256(token: &[u8], opts: Option<&JwtOpts>, any_time: bool) -> Option<Vec<u8>> {
    // SAFETY: as for the caller.
    let secret = unsafe { slice::bytes(opts?.secret) };
    read(Token::parse(token, HS256).filter(|_| !secret.is_empty()), any_time, |token| {
        is_same(&digest::hmac_sha256(secret, token.signed), &token.signature)
    })
}

/// The claims of a token that is signed with the private half of the public key of these options.
///
/// # Safety
/// The public key is NULL or has 64 bytes.
unsafe fn read_es256(token: &[u8], opts: Option<&JwtOpts>, any_time: bool) -> Option<Vec<u8>> {
    // SAFETY: as for the caller; bytes have no alignment.
    let key = unsafe { opts?.public_key.cast::<[u8; 64]>().as_ref()? };
    read(Token::parse(token, ES256), any_time, |token| {
        token.signature.len() == 64 && es256::verify(key, token.signed, &token.signature)
    })
}

/// Makes a token with an HMAC: `opts->claims`, signed with `opts->secret`. An addition of this library.
///
/// The header is `{"alg":"HS256","typ":"JWT"}`, then `kid` if there is one, then the members in
/// `opts->header`. `len` has to be the length of the text + 1.
///
/// # Returns
/// The length of the token, which is NUL-terminated. 0, and an empty text, when there is too little
/// room, the secret is empty, the claims are no JSON object, or the header would be none or have a
/// member twice.
///
/// # Threads
/// Any. RFC 7515, RFC 7519.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_jwt_sign_hs256(opts: *const JwtOpts, buf: *mut c_char, len: usize) -> usize {
    fence!("mg_jwt_sign_hs256", opts: arg::shared, buf[len]: arg::room);
    // SAFETY: the caller passes options whose views are of readable bytes.
    let token = unsafe {
        sign(opts, HS256, |opts, signed| {
            let secret = slice::bytes(opts.secret);
            (!secret.is_empty()).then(|| digest::hmac_sha256(secret, signed).to_vec())
        })
    };
    store(token, buf)
}

/// Checks a token with an HMAC by `opts->secret`, and writes its claims to `buf`, which needs their
/// length + 1. An addition of this library.
///
/// The header's `alg` has to be `HS256`, once; `crit` is not understood. `exp` and `nbf` are judged by
/// the system's clock, with 60 seconds of leeway; `mg_jwt_read_hs256` does not judge them.
///
/// # Returns
/// The length of the claims, which are NUL-terminated. 0, and an empty text, when anything is wrong.
///
/// # Threads
/// Any. RFC 7515, RFC 7519.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_jwt_verify_hs256(
    jwt: Str,
    opts: *const JwtOpts,
    buf: *mut c_char,
    len: usize,
) -> usize {
    fence!("mg_jwt_verify_hs256", jwt: arg::bytes, opts: arg::shared, buf[len]: arg::room);
    // SAFETY: the caller passes options whose views are of readable bytes.
    store(unsafe { read_hs256(jwt, opts, false) }, buf)
}

/// As `mg_jwt_verify_hs256`, whatever `exp` and `nbf` say: for tokens that are renewed. An addition of
/// this library.
///
/// # Threads
/// Any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_jwt_read_hs256(
    jwt: Str,
    opts: *const JwtOpts,
    buf: *mut c_char,
    len: usize,
) -> usize {
    fence!("mg_jwt_read_hs256", jwt: arg::bytes, opts: arg::shared, buf[len]: arg::room);
    // SAFETY: the caller passes options whose views are of readable bytes.
    store(unsafe { read_hs256(jwt, opts, true) }, buf)
}

/// As `mg_jwt_sign_hs256`, with ECDSA on P-256 by `opts->private_key`. Each call makes another
/// signature. Not in a library without TLS, which logs so and returns 0. An addition of this library.
///
/// # Returns
/// As `mg_jwt_sign_hs256`; 0 also for a key that is NULL, 0, or not below the order of the curve.
///
/// # Threads
/// Any. RFC 7515, RFC 7518 section 3.4.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_jwt_sign_es256(opts: *const JwtOpts, buf: *mut c_char, len: usize) -> usize {
    fence!("mg_jwt_sign_es256", opts: arg::shared, buf[len]: arg::room);
    // SAFETY: the caller passes options whose views are of readable bytes, and whose private key is NULL
    // or has 32 bytes.
    let token = unsafe {
        sign(opts, ES256, |opts, signed| {
            let key = opts.private_key.cast::<[u8; 32]>().as_ref()?;
            es256::sign(key, signed).map(|signature| signature.to_vec())
        })
    };
    store(token, buf)
}

/// As `mg_jwt_verify_hs256`, with ECDSA on P-256 by `opts->public_key`. An addition of this library.
///
/// # Returns
/// As `mg_jwt_verify_hs256`.
///
/// # Threads
/// Any. RFC 7515, RFC 7518 section 3.4.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_jwt_verify_es256(
    jwt: Str,
    opts: *const JwtOpts,
    buf: *mut c_char,
    len: usize,
) -> usize {
    fence!("mg_jwt_verify_es256", jwt: arg::bytes, opts: arg::shared, buf[len]: arg::room);
    // SAFETY: the caller passes options whose public key is NULL or has 64 bytes.
    store(unsafe { read_es256(jwt, opts, false) }, buf)
}

/// As `mg_jwt_verify_es256`, whatever `exp` and `nbf` say. An addition of this library.
///
/// # Threads
/// Any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_jwt_read_es256(
    jwt: Str,
    opts: *const JwtOpts,
    buf: *mut c_char,
    len: usize,
) -> usize {
    fence!("mg_jwt_read_es256", jwt: arg::bytes, opts: arg::shared, buf[len]: arg::room);
    // SAFETY: the caller passes options whose public key is NULL or has 64 bytes.
    store(unsafe { read_es256(jwt, opts, true) }, buf)
}

/// Takes a P-256 key out of PEM (`EC PRIVATE KEY`, `PRIVATE KEY`, also after `EC PARAMETERS`) or DER,
/// for `private_key` of `struct mg_jwt_opts`. An addition of this library.
///
/// # Returns
/// 32. 0, and `buf` untouched, when `len` is less than 32 or this is no such key.
///
/// # Threads
/// Any. RFC 5915, RFC 5958.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_uecc_parse_private_key(key: Str, buf: *mut u8, len: usize) -> usize {
    fence!("mg_uecc_parse_private_key", key: arg::bytes, buf[len]: arg::room);
    let Some(place) = buf.first_chunk_mut::<32>() else { return 0 };
    let Some(found) = parse_key(key) else { return 0 };
    *place = found;
    32
}

#[cfg(feature = "tls")]
fn parse_key(text: &[u8]) -> Option<[u8; 32]> {
    use rustls::pki_types::{PrivateKeyDer, pem::PemObject};
    if text.first() == Some(&0x30) {
        return es256::private_key(text);
    }
    es256::private_key(PrivateKeyDer::from_pem_slice(text).ok()?.secret_der())
}

#[cfg(not(feature = "tls"))]
fn parse_key(text: &[u8]) -> Option<[u8; 32]> {
    es256::private_key(text)
}

/// Computes the public key of a private one, for `public_key` of `struct mg_jwt_opts`: writes 64 bytes,
/// x and y. `curve` is `mg_uecc_secp256r1()`. An addition of this library.
///
/// # Returns
/// 1; 0 for a key that is 0 or not below the order of the curve, and for NULL.
///
/// # Threads
/// Any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_uecc_compute_public_key(
    private_key: *const u8,
    public_key: *mut u8,
    curve: UeccCurve,
) -> c_int {
    fence!("mg_uecc_compute_public_key", private_key[32]: arg::data, public_key: arg::array::<64>);
    let Some(key) = private_key.first_chunk().filter(|_| curve == mg_uecc_secp256r1()) else { return 0 };
    if !public_key.is_wanted() {
        return 0;
    }
    es256::public_key(key).map_or(0, |key| {
        public_key.set(key);
        1
    })
}

/// The curve P-256 (secp256r1): a pointer that says nothing but that. An addition of this library.
///
/// # Threads
/// Any.
#[unsafe(no_mangle)]
pub extern "C" fn mg_uecc_secp256r1() -> UeccCurve {
    fence!("mg_uecc_secp256r1");
    static P256: u8 = 0;
    (&raw const P256).cast()
}
