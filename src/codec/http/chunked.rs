//! Chunked bodies (RFC 9112, section 7.1), decoded as they arrive.
//!
//! Strict where two readers could disagree: one to eight significant hex digits, a size below
//! 2 GiB, CRLF and nothing else as line end, CRLF after the data. Extensions and trailers are
//! legal, carry nothing that we use, and are skipped, within bounds.

#![forbid(unsafe_code)]

use super::scan::is_token;
use core::fmt;
use core::ops::Range;

/// Sizes from here on are refused.
const TOO_LARGE: usize = 0x8000_0000;
/// Digits of a size, for a strict reader; leading zeros count.
const MAX_DIGITS: u8 = 16;
/// Bytes of framing beyond a fair share that a body may contain.
const MAX_OVERHEAD: usize = 16 * 1024;
/// Framing bytes that each chunk may have at no charge; as many bytes of framing as of data come
/// on top.
const FREE_OVERHEAD: usize = 16;
/// Bytes of trailers that a body may contain.
const MAX_TRAILER: usize = 8 * 1024;

/// What is wrong with a chunked body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkError {
    /// Position of the offending byte, from the start of the body.
    pub at: usize,
}

impl ChunkError {
    /// A short text for logs and `MG_EV_ERROR`.
    pub fn reason(self) -> &'static str {
        "Invalid chunk"
    }
}

impl fmt::Display for ChunkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}", self.reason(), self.at)
    }
}

impl std::error::Error for ChunkError {}

/// What [`Chunked::next`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChunkPart {
    /// Data of the body, at this place in the buffer. Part of a chunk when the rest is not there.
    Data(Range<usize>),
    /// Nothing more until more bytes arrive.
    More,
    /// The body is complete; it and its framing take so many bytes of the buffer.
    End(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Before the first digit of a size.
    Size,
    /// After a digit.
    Digits,
    /// In the space before an extension.
    Space,
    /// In an extension.
    Extension,
    /// After the CR of a size line.
    SizeLf,
    /// Strict: after a semicolon, in a name, after one.
    NameStart,
    Name,
    NameEnd,
    /// Strict: after an equals sign, in a token, in quotes, after a backslash there, after a value.
    ValueStart,
    Value,
    Quoted,
    Escaped,
    ValueEnd,
    /// In data, of which so much is left.
    Data,
    /// After data.
    DataCr,
    DataLf,
    /// At the start of a trailer line, or of the blank line.
    Trailer,
    TrailerName,
    TrailerValue,
    TrailerLf,
    EndLf,
    End,
}

/// The position of a decoder in a chunked body. No byte is looked at twice.
///
/// The buffer passed to [`next`](Self::next) or [`scan`](Self::scan) starts at the same place each
/// time, normally after the head, and grows; see [`rebase`](Self::rebase) otherwise.
#[derive(Clone, Debug)]
pub struct Chunked {
    state: State,
    /// Next byte to look at.
    at: usize,
    /// Size of the current chunk, or what is left of it.
    left: usize,
    /// Bytes of data found so far.
    body: usize,
    overhead: usize,
    trailer: usize,
    forgiving: bool,
    strict: bool,
    /// Digits of the current size.
    digits: u8,
}

impl Default for Chunked {
    fn default() -> Self {
        Self::new()
    }
}

impl Chunked {
    /// A decoder at the start of a body.
    pub const fn new() -> Self {
        Chunked {
            state: State::Size,
            at: 0,
            left: 0,
            body: 0,
            overhead: 0,
            trailer: 0,
            forgiving: false,
            strict: false,
            digits: 0,
        }
    }

    /// A decoder at the start of the body of a response, which accepts what browsers do: blanks after a
    /// size, and LF alone as line end. Reading a response in two ways gains an attacker nothing.
    pub const fn forgiving() -> Self {
        Chunked { forgiving: true, ..Chunked::new() }
    }

    /// A decoder that takes nothing but what RFC 9112, section 7.1.1, has: extensions with names, and
    /// sizes of at most [`MAX_DIGITS`] digits.
    pub const fn strict() -> Self {
        Chunked { strict: true, ..Chunked::new() }
    }

    /// Bytes of data found so far.
    pub fn body_len(&self) -> usize {
        self.body
    }

    /// Bytes of the buffer that are done with: framing, and data already returned.
    pub fn position(&self) -> usize {
        self.at
    }

    /// The caller removed the first `n` bytes of the buffer, `n <= position()`.
    pub fn rebase(&mut self, n: usize) {
        self.at = self.at.saturating_sub(n);
    }

    /// Looks for the end of the body. `Ok(Some(n))`: it is complete and takes `n` bytes of `buf`,
    /// of which [`body_len`](Self::body_len) are data; [`compact`] makes them contiguous.
    ///
    /// # Errors
    /// See [`ChunkError`]; the decoder is of no use afterwards.
    pub fn scan(&mut self, buf: &[u8]) -> Result<Option<usize>, ChunkError> {
        loop {
            match self.next(buf)? {
                ChunkPart::Data(_) => {}
                ChunkPart::More => return Ok(None),
                ChunkPart::End(n) => return Ok(Some(n)),
            }
        }
    }

    /// The next piece of the body.
    ///
    /// # Errors
    /// See [`ChunkError`]; the decoder is of no use afterwards.
    pub fn next(&mut self, buf: &[u8]) -> Result<ChunkPart, ChunkError> {
        loop {
            match self.state {
                State::Data => {
                    let n = self.left.min(buf.len().saturating_sub(self.at));
                    if n == 0 {
                        return Ok(ChunkPart::More);
                    }
                    let data = self.at..self.at + n;
                    self.at = data.end;
                    self.left -= n;
                    self.body += n;
                    if self.left == 0 {
                        self.state = State::DataCr;
                    }
                    return Ok(ChunkPart::Data(data));
                }
                State::End => return Ok(ChunkPart::End(self.at)),
                _ => {
                    let Some(&b) = buf.get(self.at) else { return Ok(ChunkPart::More) };
                    self.state = self.step(b).ok_or(ChunkError { at: self.at })?;
                    self.at += 1;
                }
            }
        }
    }

    /// The state after framing byte `b`, or `None` when it is not allowed here.
    fn step(&mut self, b: u8) -> Option<State> {
        Some(match (self.state, b) {
            (State::Size, _) => {
                self.left = hex(b)?;
                self.digits = 1;
                State::Digits
            }
            (State::Digits | State::Space, b';') if self.strict => {
                self.charge()?;
                State::NameStart
            }
            (State::Digits, b'\r') => State::SizeLf,
            (State::Space, b'\r') if self.forgiving => State::SizeLf,
            (State::Digits | State::Space | State::Extension, b'\n') if self.forgiving => self.sized(),
            (State::DataCr, b'\n') if self.forgiving => State::Size,
            (State::Trailer, b'\n') if self.forgiving => State::End,
            (State::TrailerValue, b'\n') if self.forgiving => State::Trailer,
            (State::Digits | State::Space | State::Extension, b';') => {
                self.charge()?;
                State::Extension
            }
            (State::Digits | State::Space, b' ' | b'\t') => {
                self.charge()?;
                State::Space
            }
            (State::Digits, _) => {
                self.charge()?;
                self.digits = self.digits.saturating_add(1);
                if self.strict && self.digits > MAX_DIGITS {
                    return None;
                }
                self.left = self.left * 16 + hex(b)?;
                if self.left >= TOO_LARGE {
                    return None;
                }
                State::Digits
            }
            (State::Extension, b'\r') => State::SizeLf,
            (State::Extension, b'\t' | b' '..=b'~' | 0x80..) => {
                self.charge()?;
                State::Extension
            }
            (
                State::NameStart
                | State::Name
                | State::NameEnd
                | State::ValueStart
                | State::Value
                | State::Quoted
                | State::Escaped
                | State::ValueEnd,
                _,
            ) => {
                self.charge()?;
                extension(self.state, b)?
            }
            (State::SizeLf, b'\n') => self.sized(),
            (State::DataCr, b'\r') => State::DataLf,
            (State::DataLf, b'\n') => State::Size,
            (State::Trailer, b'\r') => State::EndLf,
            (State::Trailer | State::TrailerName, _) if is_token(&[b]) => {
                self.trailer()?;
                State::TrailerName
            }
            (State::TrailerName, b':') => State::TrailerValue,
            (State::TrailerValue, b'\r') => State::TrailerLf,
            (State::TrailerValue, b'\t' | b' '..=b'~' | 0x80..) => {
                self.trailer()?;
                State::TrailerValue
            }
            (State::TrailerLf, b'\n') => State::Trailer,
            (State::EndLf, b'\n') => State::End,
            _ => return None,
        })
    }

    /// After a size line.
    fn sized(&mut self) -> State {
        if self.left == 0 {
            return State::Trailer;
        }
        self.overhead = self.overhead.saturating_sub(FREE_OVERHEAD + self.left);
        State::Data
    }

    fn charge(&mut self) -> Option<()> {
        self.overhead += 1;
        (self.overhead <= MAX_OVERHEAD).then_some(())
    }

    fn trailer(&mut self) -> Option<()> {
        self.trailer += 1;
        (self.trailer <= MAX_TRAILER).then_some(())
    }
}

/// Moves the data of the complete chunked body at the start of `buf` together; returns its length.
/// `decoder` is at its start.
///
/// Stops at the first fault, so what [`Chunked::scan`] has not accepted comes out short.
pub fn compact(buf: &mut [u8], mut decoder: Chunked) -> usize {
    let mut len = 0;
    while let Ok(ChunkPart::Data(data)) = decoder.next(buf) {
        let n = data.len();
        buf.copy_within(data, len);
        len += n;
    }
    len
}

/// The state after byte `b` of a chunk extension (RFC 9112, section 7.1.1).
fn extension(state: State, b: u8) -> Option<State> {
    let blank = matches!(b, b' ' | b'\t');
    Some(match (state, b) {
        (State::Name | State::NameEnd | State::Value | State::ValueEnd, b'\r') => State::SizeLf,
        (State::Name | State::NameEnd | State::Value | State::ValueEnd, b';') => State::NameStart,
        (State::Name | State::NameEnd, b'=') => State::ValueStart,
        (State::NameStart | State::ValueStart, _) if blank => state,
        (State::Name | State::NameEnd, _) if blank => State::NameEnd,
        (State::Value | State::ValueEnd, _) if blank => State::ValueEnd,
        (State::NameStart | State::Name, _) if is_token(&[b]) => State::Name,
        (State::ValueStart | State::Value, _) if is_token(&[b]) => State::Value,
        (State::ValueStart, b'"') => State::Quoted,
        (State::Quoted, b'"') => State::ValueEnd,
        (State::Quoted, b'\\') => State::Escaped,
        (State::Quoted | State::Escaped, b'\t' | b' '..=b'~' | 0x80..) => State::Quoted,
        _ => return None,
    })
}

fn hex(b: u8) -> Option<usize> {
    char::from(b).to_digit(16).map(|d| d as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Decodes in one go; `None` when bytes are missing.
    fn decode(raw: &[u8]) -> Result<Option<(Vec<u8>, usize)>, usize> {
        let mut decoder = Chunked::new();
        match decoder.scan(raw) {
            Ok(Some(end)) => {
                let mut copy = raw.to_vec();
                let n = compact(&mut copy, Chunked::new());
                assert_eq!(n, decoder.body_len());
                copy.truncate(n);
                Ok(Some((copy, end)))
            }
            Ok(None) => Ok(None),
            Err(e) => Err(e.at),
        }
    }

    fn ext(n: usize) -> Vec<u8> {
        let mut raw = b"1;".to_vec();
        raw.resize(raw.len() + n - 1, b'x');
        raw.extend(b"\r\na\r\n0\r\n\r\n");
        raw
    }

    #[test]
    fn good_bodies() {
        for (raw, body, rest) in [
            (&b"0\r\n\r\n"[..], &b""[..], 0),
            (b"3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\nGET /", b"abcdefg", 5),
            (b"0000000A\r\n0123456789\r\n00000000\r\n\r\n", b"0123456789", 0),
            (b"00000000A\r\n0123456789\r\n0\r\n\r\n", b"0123456789", 0),
            (b"3;x=y\r\nabc\r\n0;last\r\n\r\n", b"abc", 0),
            (b"3 \t;x=\"y z\" ; q\r\nabc\r\n0\r\n\r\n", b"abc", 0),
            (b"3\r\n\r\n\n\r\n0\r\nA: b\r\nC:\r\n\r\nX", b"\r\n\n", 1),
        ] {
            assert_eq!(decode(raw), Ok(Some((body.to_vec(), raw.len() - rest))), "{raw:?}");
        }
    }

    #[test]
    fn strict_bodies() {
        for (raw, good) in [
            (&b"1\r\na\r\n0\r\n\r\n"[..], true),
            (b"0000000000000001\r\na\r\n0\r\n\r\n", true),
            (b"00000000000000001\r\na\r\n0\r\n\r\n", false),
            (b"1;a\r\na\r\n0;b=c;d\r\n\r\n", true),
            (b"1 ; a = \"x;\\\"y\" ;b\r\na\r\n0\r\n\r\n", true),
            (b"1;\r\na\r\n0\r\n\r\n", false),
            (b"1; \r\na\r\n0\r\n\r\n", false),
            (b"1;a;\r\na\r\n0\r\n\r\n", false),
            (b"1;=b\r\na\r\n0\r\n\r\n", false),
            (b"1;a=\r\na\r\n0\r\n\r\n", false),
            (b"1;a=\"b\r\na\r\n0\r\n\r\n", false),
            (b"1;a b\r\na\r\n0\r\n\r\n", false),
            (b"1 \r\na\r\n0\r\n\r\n", false),
            (b"1\na\r\n0\r\n\r\n", false),
            (b"1\r\na\n0\r\n\r\n", false),
        ] {
            let text = raw.escape_ascii();
            assert_eq!(Chunked::strict().scan(raw).is_ok_and(|end| end == Some(raw.len())), good, "{text}");
            for cut in 0..raw.len() {
                let mut decoder = Chunked::strict();
                let first = decoder.scan(&raw[..cut]);
                let whole = first.and_then(|_| decoder.scan(raw));
                assert_eq!(whole.is_ok_and(|end| end == Some(raw.len())), good, "{text} cut at {cut}");
            }
        }
    }

    #[test]
    fn bad_bodies() {
        for (raw, at) in [
            (&b"?\r\n"[..], 0),
            (b"\r\n", 0),
            (b"-1\r\n", 0),
            (b" 1\r\n", 0),
            (b"+1\r\n", 0),
            (b"0x1\r\n", 1),
            (b"1g\r\n", 1),
            (b"1 \r\n", 2),
            (b"1 1\r\n", 2),
            (b"1\na\n", 1),
            (b"1\r\r\n", 2),
            (b"1\r\nab\r\n", 4),
            (b"1\r\na\n", 4),
            (b"1\r\na\r\r", 5),
            (b"ffffffff\r\n", 7),
            (b"80000000\r\n", 7),
            (b"100000000\r\n", 8),
            (b"1;a\nb\r\n", 3),
            (b"1;a\0\r\n", 3),
            (b"0\r\n\n", 3),
            (b"0\r\nA\r\n", 4),
            (b"0\r\n: b\r\n", 3),
            (b"0\r\n A: b\r\n", 3),
            (b"0\r\nA: b\n", 7),
            (b"0\r\nA: \x01", 6),
            (b"0\r\n\rX", 4),
            (b"1\r\na\r\n\r\n", 6),
        ] {
            assert_eq!(decode(raw), Err(at), "{raw:?}");
        }
    }

    #[test]
    fn bodies_of_responses_may_be_careless() {
        let decode = |raw: &[u8]| {
            let end = Chunked::forgiving().scan(raw).map_err(|e| e.at)?;
            let mut copy = raw.to_vec();
            let n = compact(&mut copy, Chunked::forgiving());
            copy.truncate(n);
            Ok(end.map(|end| (copy, end)))
        };
        for raw in [
            &b"2  \r\nok\r\n0\r\n\r\n"[..],
            b"2\t \r\nok\r\n0   \r\n\r\n",
            b"2\nok\n0\n\n",
            b"2 \nok\r\n0\r\nA: b\n\n",
            b"1;x\no\n1 ; y\r\nk\n0\n\r\n",
            b"2\r\nok\r\n0\r\n\r\n",
        ] {
            assert_eq!(decode(raw), Ok(Some((b"ok".to_vec(), raw.len()))), "{raw:?}");
            for n in 0..raw.len() {
                assert_eq!(Chunked::forgiving().scan(&raw[..n]), Ok(None), "{raw:?} {n}");
            }
        }
        for (raw, at) in [(&b" 2\r\n"[..], 0), (b"2 2\r\n", 2), (b"0x2\r\n", 1), (b"2\r\nok0", 5), (b"\n", 0)]
        {
            assert_eq!(decode(raw), Err(at), "{raw:?}");
        }
    }

    #[test]
    fn each_prefix_waits() {
        let raw = b"3;x=y\r\nabc\r\n0010\r\n0123456789abcdef\r\n0\r\nA: b\r\n\r\n";
        for n in 0..raw.len() {
            assert_eq!(decode(&raw[..n]), Ok(None), "{n}");
        }
        assert_eq!(decode(b"7fffffff\r\nabc"), Ok(None));
    }

    #[test]
    fn byte_by_byte_and_in_two_parts() {
        let raw = b"3;x=y\r\nabc\r\n0010\r\n0123456789abcdef\r\n0\r\nA: b\r\n\r\nnext";
        let end = raw.len() - 4;
        let mut decoder = Chunked::new();
        for n in 0..end {
            assert_eq!(decoder.scan(&raw[..n]), Ok(None));
            assert_eq!(decoder.position(), n);
        }
        assert_eq!(decoder.scan(raw), Ok(Some(end)));
        for cut in 0..=end {
            let mut decoder = Chunked::new();
            let early = decoder.scan(&raw[..cut]);
            assert_eq!(early, Ok((cut == end).then_some(end)));
            assert_eq!(decoder.scan(raw), Ok(Some(end)));
            assert_eq!(decoder.body_len(), 19);
        }
    }

    #[test]
    fn a_stream_can_be_consumed_piece_by_piece() {
        let raw = b"3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n";
        for step in 1..raw.len() {
            let (mut decoder, mut buf, mut out) = (Chunked::new(), Vec::new(), Vec::<u8>::new());
            let mut ended = false;
            for part in raw.chunks(step) {
                buf.extend(part);
                loop {
                    match decoder.next(&buf).unwrap() {
                        ChunkPart::Data(data) => out.extend(&buf[data]),
                        ChunkPart::More => break,
                        ChunkPart::End(n) => {
                            assert_eq!(n, buf.len());
                            ended = true;
                            break;
                        }
                    }
                }
                let done = decoder.position();
                decoder.rebase(done);
                buf.drain(..done);
            }
            assert!(ended);
            assert_eq!(out, b"abcdefg");
        }
    }

    #[test]
    fn extensions_are_bounded() {
        assert!(decode(&ext(MAX_OVERHEAD)).unwrap().is_some());
        assert_eq!(decode(&ext(MAX_OVERHEAD + 1)), Err(1 + MAX_OVERHEAD));
        // One byte of data for each long extension is not a fair share.
        let mut raw = b"1;xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\na\r\n".repeat(1000);
        raw.extend(b"0\r\n\r\n");
        assert!(decode(&raw).is_err());
        // A signature per large chunk is.
        let mut chunk = b"100;chunk-signature=".to_vec();
        chunk.resize(chunk.len() + 64, b'f');
        chunk.extend(b"\r\n");
        chunk.resize(chunk.len() + 256, b'd');
        chunk.extend(b"\r\n");
        let mut raw = chunk.repeat(1000);
        raw.extend(b"0\r\n\r\n");
        assert_eq!(decode(&raw).unwrap().unwrap().0.len(), 256_000);
    }

    #[test]
    fn trailers_are_bounded() {
        for (n, good) in [(MAX_TRAILER - 1, true), (MAX_TRAILER, false)] {
            let mut raw = b"0\r\nA:".to_vec();
            raw.resize(raw.len() + n, b'x');
            raw.extend(b"\r\n\r\n");
            assert_eq!(decode(&raw).is_ok(), good, "{n}");
        }
    }
}
