//! The search for the end of a head.

#![forbid(unsafe_code)]

use super::scan::{is_control, line_stop};

/// A head longer than this is refused with 431 unless a program sets another limit.
pub const MAX_HEAD_BYTES: usize = 64 * 1024;

/// Length of the head at the start of `buf`, its blank line included.
///
/// The head ends at the first `\n\n`, or `\n\r\n` whose last byte is at index 4 or later. Bytes
/// after it are not looked at. `from` is how many bytes an earlier call has already searched
/// without result; 0 at first. So a head that arrives byte by byte is searched once in all.
///
/// # Errors
/// The position of a control byte before the end of the head.
pub fn head_len(buf: &[u8], from: usize) -> Result<Option<usize>, usize> {
    let mut at = from;
    loop {
        at = line_stop(buf, at);
        match buf.get(at) {
            None => return Ok(None),
            Some(b'\n') => {
                let before = &buf[..at];
                if before.ends_with(b"\n") || (at >= 4 && before.ends_with(b"\n\r")) {
                    return Ok(Some(at + 1));
                }
            }
            Some(&b) if is_control(b) => return Err(at),
            Some(_) => {}
        }
        at += 1;
    }
}

/// Length of the blank lines before a message, which a recipient ignores (RFC 9112, section 2.2).
#[inline]
pub fn blank_lines(buf: &[u8]) -> usize {
    let mut at = 0;
    loop {
        match buf.get(at..) {
            Some([b'\n', ..]) => at += 1,
            Some([b'\r', b'\n', ..]) => at += 2,
            _ => return at,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Row = (&'static [u8], Result<Option<usize>, usize>);

    const ROWS: &[Row] = &[
        (b"", Ok(None)),
        (b"\n", Ok(None)),
        (b"\r\n\r\n", Ok(None)),
        (b"a\r\n\r\n", Ok(Some(5))),
        (b"ab\n\r\n", Ok(Some(5))),
        (b"abc\r\n\r\n", Ok(Some(7))),
        (b"\x16\x03\x01", Err(0)),
        (b"\x80", Ok(None)),
        (b"\n\n", Ok(Some(2))),
        (b"\n\r\n", Ok(None)),
        (b"a\n\n", Ok(Some(3))),
        (b"a\n\r\n", Ok(None)),
        (b"x\r\n\n", Ok(Some(4))),
        (b"a\r\r\n\r\n", Ok(Some(6))),
        (b"GET \x01", Err(4)),
        (b"a\n\rb\n\n", Ok(Some(6))),
        (b"a\tb\x7f\xff\n\n\x00\x01", Ok(Some(7))),
        (b"a\x00\n\n", Err(1)),
    ];

    #[test]
    fn table() {
        for &(buf, expected) in ROWS {
            assert_eq!(head_len(buf, 0), expected, "{buf:?}");
        }
    }

    #[test]
    fn resuming_gives_the_same_answer() {
        for &(buf, expected) in ROWS {
            for cut in 0..buf.len() {
                match head_len(&buf[..cut], 0) {
                    Ok(None) => assert_eq!(head_len(buf, cut), expected, "{buf:?} from {cut}"),
                    early => assert_eq!(early, expected, "{buf:?} cut at {cut}"),
                }
            }
        }
    }

    #[test]
    fn every_control_byte_counts() {
        for b in 0..=255u8 {
            let refused = matches!(b, 0..=8 | 0x0b | 0x0c | 0x0e..=0x1f);
            assert_eq!(head_len(&[b'a', b], 0).is_err(), refused, "{b:#x}");
        }
    }
}
