//! CRC-16/X-25 (HDLC, PPP): polynomial 0x8408, reflected, inverted before and after.
#![forbid(unsafe_code)]

/// Continues `crc` over `data`. Start with 0.
pub fn update(crc: u16, data: &[u8]) -> u16 {
    !data.iter().fold(!crc, |crc, &byte| {
        (0..8).fold(crc ^ u16::from(byte), |c, _| if c & 1 != 0 { c >> 1 ^ 0x8408 } else { c >> 1 })
    })
}

#[cfg(test)]
mod tests {
    use super::update;

    #[test]
    fn known_values() {
        assert_eq!(update(0, b""), 0);
        assert_eq!(update(0x1234, b""), 0x1234);
        assert_eq!(update(0, b"a"), 0x82f7);
        assert_eq!(update(0, b"abc"), 0x9e25);
        assert_eq!(update(update(0, b"ab"), b"c"), 0x9e25);
        assert_eq!(update(0, b"123456789"), 0x906e);
        assert_eq!(update(0, b"\0"), 0xf078);
        assert_eq!(update(0xffff, b"a"), 0x8d70);
    }
}
