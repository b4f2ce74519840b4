//! The opening handshake (RFC 6455, section 4).

#![forbid(unsafe_code)]

use crate::codec::base64;
use sha1::{Digest, Sha1};

/// Bytes of a `Sec-WebSocket-Key` value.
pub const KEY: usize = 24;
/// Bytes of a `Sec-WebSocket-Accept` value.
pub const ACCEPT: usize = 28;

const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// The accept value that answers a key, whatever the key is.
pub fn accept(key: &[u8]) -> [u8; ACCEPT] {
    let digest = Sha1::new().chain_update(key).chain_update(GUID).finalize();
    let mut text = [0; ACCEPT];
    base64::encode(&digest, &mut text);
    text
}

/// The key for 16 random bytes.
pub fn key(random: [u8; 16]) -> [u8; KEY] {
    let mut text = [0; KEY];
    base64::encode(&random, &mut text);
    text
}

/// True for the base64 of 16 bytes.
pub fn is_key(text: &[u8]) -> bool {
    let mut bytes = [0u8; 24];
    text.len() == KEY && base64::decode(text, &mut bytes) == Some(16)
}
