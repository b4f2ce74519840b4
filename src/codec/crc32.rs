//! CRC-32 (ISO-HDLC: polynomial 0xEDB88320, reflected), as in zlib, Ethernet and PNG.

#![forbid(unsafe_code)]

/// Continues `crc` over `data`. Start with 0.
pub fn update(crc: u32, data: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new_with_initial(crc);
    hasher.update(data);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::update;

    /// The definition, bit by bit.
    fn reference(crc: u32, data: &[u8]) -> u32 {
        !data.iter().fold(!crc, |crc, &byte| {
            (0..8).fold(crc ^ u32::from(byte), |c, _| if c & 1 != 0 { c >> 1 ^ 0xedb8_8320 } else { c >> 1 })
        })
    }

    #[test]
    fn known_values() {
        assert_eq!(update(0, b""), 0);
        assert_eq!(update(5, b""), 5);
        assert_eq!(update(0, b"a"), 3904355907);
        assert_eq!(update(0, b"aaa"), 4027020077);
        assert_eq!(update(0, b"abc"), 891568578);
        assert_eq!(update(update(0, b"ab"), b"c"), 891568578);
        assert_eq!(update(0, b"123456789"), 0xcbf4_3926);
        assert_eq!(update(0, &[0; 4]), 0x2144_df1c);
        assert_eq!(update(0, &[0xff; 4]), 0xffff_ffff);
        assert_eq!(update(0, b"message digest"), 538287487);
    }

    #[test]
    fn any_length_and_split_equals_the_definition() {
        let data: Vec<u8> = (0..1000u32).map(|i| (i.wrapping_mul(2654435761) >> 13) as u8).collect();
        for len in (0..300).chain([511, 512, 513, 999, 1000]) {
            let want = reference(0, &data[..len]);
            assert_eq!(update(0, &data[..len]), want, "{len} bytes");
            let (a, b) = data[..len].split_at(len / 3);
            assert_eq!(update(update(0, a), b), want, "{len} bytes in two steps");
        }
    }
}
