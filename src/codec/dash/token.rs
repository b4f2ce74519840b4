//! Session tokens.

#![forbid(unsafe_code)]

use core::hint::black_box;

/// Characters of a token, of 6 random bits each.
pub const LEN: usize = 19;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// The token that random bytes make, of characters that cookies and URLs take as they are.
pub fn new(random: [u8; LEN]) -> [u8; LEN] {
    random.map(|byte| ALPHABET[usize::from(byte & 63)])
}

/// Whether two texts are the same, in a time that tells nothing about where they differ. An empty
/// one is the same as nothing.
pub fn same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() || a.is_empty() {
        return false;
    }
    let differences = a.iter().zip(b).fold(0, |all, (a, b)| black_box(all | (a ^ b)));
    black_box(differences) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens() {
        assert_eq!(&new([0; LEN]), b"AAAAAAAAAAAAAAAAAAA");
        assert_eq!(&new([255; LEN]), b"___________________");
        for byte in 0..=255 {
            assert!(new([byte; LEN])[0].is_ascii_alphanumeric() || b"-_".contains(&new([byte; LEN])[0]));
        }
    }

    #[test]
    fn comparison() {
        assert!(same(b"abc", b"abc"));
        for (a, b) in [("abc", "abd"), ("abc", "bbc"), ("abc", "ab"), ("", "a"), ("", "")] {
            assert!(!same(a.as_bytes(), b.as_bytes()), "{a:?} {b:?}");
        }
    }
}
