//! ECDSA on P-256 with SHA-256 (FIPS 186-5), by the provider of TLS.
#![forbid(unsafe_code)]

use aws_lc_rs::encoding::{AsBigEndian, EcPrivateKeyBin};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, UnparsedPublicKey,
};
use zeroize::Zeroize;

/// A key in the form of RFC 5915 without its public half: this, the key, and the curve.
const HEAD: [u8; 7] = [0x30, 0x31, 0x02, 0x01, 0x01, 0x04, 0x20];
const CURVE: [u8; 12] = [0xa0, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];

/// The key pair of a private key; `None` for 0 and what is not below the order of the curve.
fn pair(private_key: &[u8; 32]) -> Option<EcdsaKeyPair> {
    let mut der = [&HEAD[..], private_key, &CURVE].concat();
    let pair = from_der(&der);
    der.zeroize();
    pair
}

fn from_der(der: &[u8]) -> Option<EcdsaKeyPair> {
    EcdsaKeyPair::from_private_key_der(&ECDSA_P256_SHA256_FIXED_SIGNING, der).ok()
}

/// The private key in SEC 1 or PKCS #8 (DER), if it is one of this curve.
pub fn private_key(der: &[u8]) -> Option<[u8; 32]> {
    let pair = from_der(der)?;
    let key: EcPrivateKeyBin = pair.private_key().as_be_bytes().ok()?;
    key.as_ref().try_into().ok()
}

/// The public key of a private one: x and y.
pub fn public_key(private_key: &[u8; 32]) -> Option<[u8; 64]> {
    pair(private_key)?.public_key().as_ref().get(1..)?.try_into().ok()
}

/// Signs `message`: r and s.
pub fn sign(private_key: &[u8; 32], message: &[u8]) -> Option<[u8; 64]> {
    let signature = pair(private_key)?.sign(&SystemRandom::new(), message).ok()?;
    signature.as_ref().try_into().ok()
}

/// True when `signature` is one of `message` by the owner of `public_key`.
pub fn verify(public_key: &[u8; 64], message: &[u8], signature: &[u8]) -> bool {
    let point = [&[4], &public_key[..]].concat();
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature).is_ok()
}
