//! The prefix of each line of the log.
#![forbid(unsafe_code)]

use super::fmt::Sink;
use super::fmt::number::Hex;

/// Length of every prefix.
pub const WIDTH: usize = 40;

/// Time in hexadecimal milliseconds, level, file without its directories, line and function; cut
/// and padded to [`WIDTH`], with at least one space at the end.
pub fn prefix(millis: u64, level: i32, file: &[u8], line: i32, function: &[u8]) -> [u8; WIDTH] {
    let mut prefix = Prefix { text: [b' '; WIDTH], len: 0 };
    prefix.put(Hex::new(millis).digits());
    prefix.len = prefix.len.max(6);
    prefix.put(b" ");
    prefix.put(itoa::Buffer::new().format(level).as_bytes());
    prefix.put(b" ");
    prefix.put(base_name(file));
    prefix.put(b":");
    prefix.put(itoa::Buffer::new().format(line).as_bytes());
    prefix.put(b":");
    prefix.put(function);
    prefix.text
}

/// What is after the last `/`, or, without any, after the last `\`.
fn base_name(file: &[u8]) -> &[u8] {
    let last = |separator| memchr::memrchr(separator, file);
    last(b'/').or_else(|| last(b'\\')).map_or(file, |at| &file[at + 1..])
}

struct Prefix {
    text: [u8; WIDTH],
    len: usize,
}

impl Sink for Prefix {
    fn put(&mut self, bytes: &[u8]) {
        let run = bytes.len().min(WIDTH - 1 - self.len);
        self.text[self.len..self.len + run].copy_from_slice(&bytes[..run]);
        self.len += run;
    }
}

#[cfg(test)]
mod tests {
    use super::prefix;

    #[test]
    fn table() {
        let fs = "f".repeat(33);
        let cut = format!("15b9fe 1 x.c:3:{} ", "f".repeat(24));
        let rows: [(i32, &str, i32, &str, &str); 7] = [
            (2, "/a/b/file.c", 74, "fn", "15b9fe 2 file.c:74:fn                   "),
            (1, "file.c", 1, "", "15b9fe 1 file.c:1:                      "),
            (1, "a\\b\\file.c", 1, "f", "15b9fe 1 file.c:1:f                     "),
            (1, "a/b\\file.c", 1, "f", "15b9fe 1 b\\file.c:1:f                   "),
            (10, "x.c", 123456, "f", "15b9fe 10 x.c:123456:f                  "),
            (3, "a_quite_long_file_name.c", 12345, "f", "15b9fe 3 a_quite_long_file_name.c:12345 "),
            (1, "x.c", 3, &fs, &cut),
        ];
        for (level, file, line, function, wanted) in rows {
            let got = prefix(0x15b9fe, level, file.as_bytes(), line, function.as_bytes());
            assert_eq!(core::str::from_utf8(&got), Ok(wanted));
        }
    }

    #[test]
    fn times() {
        let time = |millis| prefix(millis, 1, b"f", 1, b"");
        assert_eq!(&time(0)[..9], b"0      1 ");
        assert_eq!(&time(0x1234567)[..10], b"1234567 1 ");
        assert!(time(u64::MAX).starts_with(b"ffffffffffffffff 1 f:1: "));
    }
}
