//! Numbers of one to four bytes, seven bits in each, the lowest first (MQTT 5.0, section 1.5.5).

#![forbid(unsafe_code)]

use super::Malformed;

/// Largest number.
pub const MAX: u32 = 268_435_455;

/// Most bytes of a number.
pub const MAX_LEN: usize = 4;

/// Reads a number, and how many bytes it takes; `None` while its end is missing. It need not be in
/// its shortest form.
///
/// # Errors
/// The number does not end within its four bytes, and there is a fifth one.
pub fn read(bytes: &[u8]) -> Result<Option<(u32, usize)>, Malformed> {
    let mut number = 0;
    for (i, byte) in bytes.iter().take(MAX_LEN).enumerate() {
        number |= u32::from(byte & 0x7f) << (7 * i);
        if byte & 0x80 == 0 {
            return Ok(Some((number, i + 1)));
        }
    }
    if bytes.len() > MAX_LEN { Err(Malformed) } else { Ok(None) }
}

/// The shortest form of a number, and its length. What is above [`MAX`] becomes that.
pub fn write(number: u32) -> ([u8; MAX_LEN], usize) {
    let mut rest = number.min(MAX);
    let mut bytes = [0; MAX_LEN];
    let mut len = 0;
    loop {
        bytes[len] = (rest & 0x7f) as u8;
        rest >>= 7;
        len += 1;
        if rest == 0 {
            return (bytes, len);
        }
        bytes[len - 1] |= 0x80;
    }
}
