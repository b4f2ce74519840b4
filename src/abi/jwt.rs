//! JSON Web Tokens.

use super::core::Str;

/// What a token is made of, and checked by. Zero what is not needed.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct JwtOpts {
    /// Signing: the claims, one JSON object.
    pub claims: Str,
    /// Signing: more members of the header, without braces: `"cty":"JWT"`.
    pub header: Str,
    /// Signing: which key this is, for the header.
    pub kid: Str,
    /// HS256: the secret, which must not be empty.
    pub secret: Str,
    /// ES256, signing: 32 bytes, big-endian.
    pub private_key: *const u8,
    /// ES256, verifying: 64 bytes, x and y, big-endian.
    pub public_key: *const u8,
}
