//! Hex dumps: 16 bytes a line, as numbers and as characters.
#![forbid(unsafe_code)]

use super::fmt::Sink;
use super::fmt::escape::hex_digits;

const PER_LINE: usize = 16;
/// The offset, the numbers, the characters, the line end: `0000   30 ... 66   0...f` CR LF.
const LINE: usize = CHARACTERS + PER_LINE + 2;
const NUMBERS: usize = 7;
const CHARACTERS: usize = NUMBERS + 3 * PER_LINE + 2;

/// Dumps `bytes`. No bytes give one line without an offset.
pub fn dump<S: Sink>(bytes: &[u8], out: &mut S) {
    if bytes.is_empty() {
        out.put(&blank_line()[NUMBERS..]);
    }
    for (i, part) in bytes.chunks(PER_LINE).enumerate() {
        let mut line = blank_line();
        // Four digits; longer dumps wrap.
        let [.., high, low] = (i * PER_LINE).to_be_bytes();
        line[..2].copy_from_slice(&hex_digits(high));
        line[2..4].copy_from_slice(&hex_digits(low));
        for (k, &byte) in part.iter().enumerate() {
            line[NUMBERS + 3 * k..][..2].copy_from_slice(&hex_digits(byte));
            line[CHARACTERS + k] = if matches!(byte, 0x20..=0x7e) { byte } else { b'.' };
        }
        out.put(&line);
    }
}

fn blank_line() -> [u8; LINE] {
    let mut line = [b' '; LINE];
    line[LINE - 2..].copy_from_slice(b"\r\n");
    line
}

#[cfg(test)]
mod tests {
    use super::dump;

    fn dumped(bytes: &[u8]) -> String {
        let mut out = Vec::new();
        dump(bytes, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn table() {
        assert_eq!(dumped(b"a"), format!("0000   61{}a{}\r\n", " ".repeat(48), " ".repeat(15)));
        let full = "0000   30 31 32 33 34 35 36 37 38 39 61 62 63 64 65 66   0123456789abcdef\r\n";
        assert_eq!(dumped(b"0123456789abcdef"), full);
        assert_eq!(
            dumped(b"0123456789abcde"),
            "0000   30 31 32 33 34 35 36 37 38 39 61 62 63 64 65      0123456789abcde \r\n"
        );
        assert_eq!(
            dumped(b"0123456789abcdefg"),
            format!("{full}0010   67{}g{}\r\n", " ".repeat(48), " ".repeat(15))
        );
        let sevens: Vec<u8> = (0..40).map(|i: u8| i.wrapping_mul(7)).collect();
        let wanted = "\
            0000   00 07 0e 15 1c 23 2a 31 38 3f 46 4d 54 5b 62 69   .....#*18?FMT[bi\r\n\
            0010   70 77 7e 85 8c 93 9a a1 a8 af b6 bd c4 cb d2 d9   pw~.............\r\n\
            0020   e0 e7 ee f5 fc 03 0a 11                           ........        \r\n";
        assert_eq!(dumped(&sevens), wanted);
        assert_eq!(dumped(b""), format!("{}\r\n", " ".repeat(66)));
    }

    #[test]
    fn offsets_wrap() {
        let text = dumped(&[0; 0x1_0011]);
        assert_eq!(
            text.lines().map(|line| &line[..4]).skip(0xffe).collect::<Vec<_>>(),
            ["ffe0", "fff0", "0000", "0010"]
        );
    }
}
