//! The format language, pattern matching, base64, numbers, paths.

use mongoose::codec::fmt::{Args, Printers, Sink, escape, format};
use mongoose::codec::{base64, glob, number, path};

/// A match can be undone: with its captures in the place of the wildcards, the pattern is the text.
///
/// The input is a pattern and a text, with the first NUL between them.
pub fn matching(data: &[u8]) {
    let Some(cut) = data.iter().position(|&b| b == 0) else { return };
    let (pattern, text) = (&data[..cut], &data[cut + 1..]);
    let mut captures = Vec::new();
    if !glob::matches(text, pattern, |range| captures.push(range)) {
        assert!(captures.is_empty());
        // A pattern of any bytes is a superset of one of bytes within a segment.
        let plain = pattern.iter().all(|b| !b"?*#".contains(b));
        assert!(!(plain && pattern == text));
        return;
    }
    let mut captures = captures.into_iter();
    let mut rebuilt = Vec::new();
    for &byte in pattern {
        if b"?*#".contains(&byte) {
            let capture = captures.next().expect("one capture for each wildcard");
            assert_eq!(capture.start, rebuilt.len());
            let part = &text[capture];
            assert!(byte != b'?' || part.len() == 1);
            assert!(byte != b'*' || !part.contains(&b'/'));
            rebuilt.extend_from_slice(part);
        } else {
            rebuilt.push(byte);
        }
    }
    assert_eq!(captures.next(), None);
    assert_eq!(rebuilt, text);
}

/// Collects what is printed, up to a limit, and counts it.
#[derive(Default)]
struct Output {
    text: Vec<u8>,
    len: usize,
}

impl Sink for Output {
    fn put(&mut self, bytes: &[u8]) {
        self.len += bytes.len();
        if self.text.len() < 10_000 {
            self.text.extend_from_slice(bytes);
        }
    }
}

/// Arguments made of bytes only.
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn take<const N: usize>(&mut self) -> [u8; N] {
        let (bytes, rest) = self.0.split_at(self.0.len().min(N));
        self.0 = rest;
        let mut taken = [0; N];
        taken[..bytes.len()].copy_from_slice(bytes);
        taken
    }
}

impl Args for Bytes<'_> {
    fn int(&mut self) -> i32 {
        i32::from_le_bytes(self.take())
    }
    fn long(&mut self) -> isize {
        self.long_long() as isize
    }
    fn long_long(&mut self) -> i64 {
        i64::from_le_bytes(self.take())
    }
    fn pointer(&mut self) -> usize {
        self.long_long() as usize
    }
    fn double(&mut self) -> f64 {
        f64::from_le_bytes(self.take())
    }
    fn string(&mut self, limit: Option<usize>) -> &[u8] {
        let [len] = self.take();
        let (text, rest) = self.0.split_at(self.0.len().min(usize::from(len)));
        self.0 = rest;
        &text[..text.len().min(limit.unwrap_or(usize::MAX))]
    }
}

impl Printers<Output> for Bytes<'_> {
    fn print(&mut self, out: &mut Output) -> usize {
        escape::json(self.string(None), out)
    }
}

/// Whatever the format and the arguments are, what is counted is what is printed.
///
/// The input is a format and arguments, with the first NUL between them.
pub fn formatting(data: &[u8]) {
    let cut = data.iter().position(|&b| b == 0).unwrap_or(data.len());
    let (fmt, args) = data.split_at(cut);
    let mut out = Output::default();
    let count = format(fmt, &mut Bytes(args), &mut out);
    assert_eq!(count, out.len);
    if !fmt.contains(&b'%') {
        assert_eq!(out.text, &fmt[..out.text.len()]);
    }
}

/// What is encoded is decoded again, in one piece and byte by byte; what is decoded is no longer
/// than announced.
pub fn base64(data: &[u8]) {
    let mut bytes = vec![0; base64::decoded_room(data.len())];
    if let Some(len) = base64::decode(data, &mut bytes) {
        assert!(len <= bytes.len());
    }
    let mut text = vec![0; base64::encoded_len(data.len()).expect("short") + 1];
    let len = data.iter().fold(0, |len, &byte| base64::update(byte, len, &mut text[len..]));
    assert_eq!(base64::finish(len, &mut text[len..]) + 1, text.len());
    text.pop();
    let mut again = vec![0; text.len()];
    base64::encode(data, &mut again);
    assert_eq!(again, text);
    let mut bytes = vec![0; base64::decoded_room(text.len())];
    assert_eq!(base64::decode(&text, &mut bytes), Some(data.len()));
    assert_eq!(&bytes[..data.len()], data);
}

/// Numbers are those of the standard library, which takes a plus sign as well. A sane path never
/// climbs.
pub fn words(data: &[u8]) {
    for base in [2, 10, 16] {
        let standard = core::str::from_utf8(data).ok().filter(|text| !text.starts_with('+'));
        let standard = standard.and_then(|text| u64::from_str_radix(text, base).ok());
        assert_eq!(number::parse(data, base as i32, u64::MAX), standard);
        assert_eq!(number::parse(data, base as i32, 255), standard.filter(|&value| value < 256));
    }
    if path::is_sane(data) && data.first() != Some(&0) {
        assert!(!data.contains(&0));
        assert!(data.split(|b| b"/\\".contains(b)).all(|part| part != b".."));
    }
}
