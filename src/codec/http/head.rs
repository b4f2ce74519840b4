//! The parser of heads: one pass, no allocation, no copy.
//!
//! It is our own, because C programs rely on a grammar that differs from that of `httparse` in both
//! directions: UTF-8 in methods, targets and names, LF line ends everywhere, any `HTTP/d.d`, any
//! word as status, and an incomplete head reported as such even when its first line is already
//! known to be bad. Strict servers read requests by `httparse`: see [`super::strict`].

#![forbid(unsafe_code)]

use super::error::{Fault, HeadError};
use super::framing::{Connection, Head, Header};
use super::head_len::head_len;
use super::scan::{line_stop, name_run, spaces, target_run, trim, visible_run};

/// A head with more header lines than this is refused.
pub const MAX_HEADER_LINES: usize = 1024;

/// Parses the head at the start of `buf`, and stores the first headers in `headers`.
///
/// `Ok(None)`: the head is not complete. All slots of `headers` may have been written in any case;
/// the first `min(head.headers, headers.len())` are those of the head.
///
/// # Errors
/// What is wrong, as soon as the head is complete or a control byte is met.
pub fn parse_head<'a>(buf: &'a [u8], headers: &mut [Header<'a>]) -> Result<Option<Head<'a>>, HeadError> {
    let mut slots = headers.iter_mut();
    let mut head = Head::default();
    let complete = parse_head_at(buf, &mut head, |header| {
        if let Some(slot) = slots.next() {
            *slot = header;
        }
    })?;
    Ok(complete.then_some(head))
}

/// Like [`parse_head`], fills `head` where it is, and hands each header to `store`, in order of
/// arrival. False: the head is not complete; then, and when it is bad, `head` means nothing, and `store`
/// may have been called.
///
/// # Errors
/// As [`parse_head`].
pub fn parse_head_at<'a>(
    buf: &'a [u8],
    head: &mut Head<'a>,
    mut store: impl FnMut(Header<'a>),
) -> Result<bool, HeadError> {
    match (Parser { buf, at: 0, odd_name: false }).head(head, &mut store) {
        Ok(()) => Ok(true),
        Err(Stop::Incomplete) => Ok(false),
        Err(Stop::Bad(fault, at)) => refuse(buf, HeadError { fault, at }),
    }
}

/// A bad head is reported once it is complete; a control byte at once.
#[cold]
fn refuse(buf: &[u8], error: HeadError) -> Result<bool, HeadError> {
    match head_len(buf, 0) {
        Ok(None) => Ok(false),
        Ok(Some(_)) => Err(error),
        Err(at) => Err(HeadError { fault: Fault::ControlByte, at }),
    }
}

enum Stop {
    Incomplete,
    Bad(Fault, usize),
}

struct Parser<'a> {
    buf: &'a [u8],
    at: usize,
    odd_name: bool,
}

impl<'a> Parser<'a> {
    #[inline]
    fn head(&mut self, head: &mut Head<'a>, store: &mut impl FnMut(Header<'a>)) -> Result<(), Stop> {
        self.start_line(head)?;
        let mut seen = Seen::default();
        loop {
            let line = self.at;
            let Some(header) = self.header()? else { break };
            head.headers += 1;
            if head.headers > MAX_HEADER_LINES {
                return Err(Stop::Bad(Fault::TooManyHeaders, line));
            }
            note(head, &mut seen, header).map_err(|fault| Stop::Bad(fault, line))?;
            store(header);
        }
        head.odd_name = self.odd_name;
        settle(head, self.at).map_err(|fault| Stop::Bad(fault, 0))?;
        Ok(())
    }

    fn start_line(&mut self, head: &mut Head<'a>) -> Result<(), Stop> {
        let buf = self.buf;
        let method = &buf[..visible_run(buf, 0)];
        let target_at = spaces(buf, method.len());
        let (target_end, mark) = target_run(buf, target_at);
        let rest_at = spaces(buf, target_end);
        // A token that reaches the end of the buffer ends at once below: line_end finds no line.
        let end = self.line_end(rest_at)?;
        let rest = &buf[rest_at..end];
        let (uri, query) = match mark {
            Some(mark) => (&buf[target_at..mark], Some(&buf[mark + 1..target_end])),
            None => (&buf[target_at..target_end], None),
        };
        let is_response =
            method.len() > 5 && method.first_chunk::<5>().is_some_and(|m| m.eq_ignore_ascii_case(b"HTTP/"));
        if method.is_empty() {
            return Err(Stop::Bad(Fault::Method, 0));
        }
        if uri.is_empty() {
            return Err(Stop::Bad(Fault::Target, target_at));
        }
        let version = version(if is_response { method } else { rest });
        if !is_response && version.is_none() {
            return Err(Stop::Bad(Fault::Version, rest_at));
        }
        *head = Head {
            len: 0,
            is_response,
            method,
            uri,
            query,
            proto: rest,
            version: version.unwrap_or((0, 0)),
            status: if is_response { status(uri) } else { 0 },
            headers: 0,
            odd_space: target_at != method.len() + 1
                || (if is_response {
                    rest_at == target_end && end > rest_at
                } else {
                    rest_at != target_end + 1
                }),
            odd_name: false,
            hosts: 0,
            host: None,
            content_length: None,
            transfer_encoding: None,
            connection: Connection::default(),
            expect_continue: false,
        };
        Ok(())
    }

    /// The next header, or `None` at the blank line.
    #[inline]
    fn header(&mut self) -> Result<Option<Header<'a>>, Stop> {
        let (buf, start) = (self.buf, self.at);
        if let Some([b'\r', b'\n', ..]) = buf.get(start..) {
            self.at = start + 2;
            return Ok(None);
        }
        let (colon, is_token) = name_run(buf, start);
        match buf.get(colon) {
            Some(b':') if colon > start => {}
            Some(b'\r' | b'\n') if colon == start => {
                self.line_end(start)?;
                return Ok(None);
            }
            None => return Err(Stop::Incomplete),
            Some(&b) => return Err(Stop::Bad(name_fault(b, colon == start), colon)),
        }
        let end = self.line_end(colon + 1)?;
        self.odd_name |= !is_token;
        Ok(Some(Header { name: &buf[start..colon], value: trim(&buf[colon + 1..end]) }))
    }

    /// Moves past the end of the line; returns where its text ends.
    #[inline]
    fn line_end(&mut self, from: usize) -> Result<usize, Stop> {
        let end = line_stop(self.buf, from);
        let next = match self.buf.get(end) {
            Some(b'\r') => end + 1,
            Some(b'\n') => end,
            Some(_) => return Err(Stop::Bad(Fault::ControlByte, end)),
            None => return Err(Stop::Incomplete),
        };
        match self.buf.get(next) {
            Some(b'\n') => self.at = next + 1,
            Some(_) => return Err(Stop::Bad(Fault::BareCr, end)),
            None => return Err(Stop::Incomplete),
        }
        Ok(end)
    }
}

#[cold]
fn name_fault(b: u8, first: bool) -> Fault {
    match b {
        b' ' | b'\t' if first => Fault::Folded,
        b' ' | b'\t' => Fault::SpaceBeforeColon,
        b'\r' | b'\n' => Fault::NoColon,
        _ => Fault::HeaderName,
    }
}

/// A head of `len` bytes is complete: what its lines say together.
#[inline]
pub(super) fn settle(head: &mut Head<'_>, len: usize) -> Result<(), Fault> {
    head.len = len;
    if let Some(n) = head.content_length {
        if head.transfer_encoding.is_some() {
            return Err(Fault::LengthAndCoding);
        }
        if n == usize::MAX || n.checked_add(len).is_none() {
            return Err(Fault::ContentLength);
        }
    }
    Ok(())
}

/// Which of the headers that may occur only once have been seen.
#[derive(Default)]
pub(super) struct Seen(u8);

impl Seen {
    fn once(&mut self, bit: u8) -> Result<(), Fault> {
        if self.0 & bit != 0 {
            return Err(Fault::Repeated);
        }
        self.0 |= bit;
        Ok(())
    }
}

/// Takes down what framing and connection handling need.
#[inline]
pub(super) fn note<'a>(head: &mut Head<'a>, seen: &mut Seen, header: Header<'a>) -> Result<(), Fault> {
    let Header { name, value } = header;
    match name.len() {
        4 if is(name, b"Host") => {
            head.hosts += 1;
            head.host = head.host.or(Some(value));
        }
        6 if is(name, b"Expect") => {
            head.expect_continue |= value.eq_ignore_ascii_case(b"100-continue");
        }
        10 if is(name, b"Connection") => {
            // One list, however many lines it spans (RFC 9110, section 5.3).
            connection(value, &mut head.connection);
        }
        13 if is(name, b"Authorization") => seen.once(1)?,
        14 if is(name, b"Content-Length") => {
            seen.once(2)?;
            head.content_length = Some(length(value).ok_or(Fault::ContentLength)?);
        }
        17 if is(name, b"Transfer-Encoding") => {
            seen.once(4)?;
            head.transfer_encoding = Some(value);
        }
        _ => {}
    }
    Ok(())
}

/// Compares names, which have no case; most come as they are written here.
#[inline]
fn is<const N: usize>(name: &[u8], expected: &[u8; N]) -> bool {
    name == expected || name.eq_ignore_ascii_case(expected)
}

fn connection(value: &[u8], found: &mut Connection) {
    for token in value.split(|b| *b == b',') {
        let token = trim(token);
        found.close |= token.eq_ignore_ascii_case(b"close");
        found.keep_alive |= token.eq_ignore_ascii_case(b"keep-alive");
        found.upgrade |= token.eq_ignore_ascii_case(b"upgrade");
    }
}

/// A number of digits and nothing else.
fn length(value: &[u8]) -> Option<usize> {
    if value.is_empty() {
        return None;
    }
    value.iter().try_fold(0usize, |n, b| match b {
        b'0'..=b'9' => n.checked_mul(10)?.checked_add(usize::from(b - b'0')),
        _ => None,
    })
}

#[inline]
fn version(text: &[u8]) -> Option<(u8, u8)> {
    if text == b"HTTP/1.1" {
        return Some((1, 1));
    }
    let (prefix, rest) = text.split_first_chunk::<5>()?;
    match rest {
        [major @ b'0'..=b'9', b'.', minor @ b'0'..=b'9'] if prefix.eq_ignore_ascii_case(b"HTTP/") => {
            Some((major - b'0', minor - b'0'))
        }
        _ => None,
    }
}

fn status(text: &[u8]) -> u16 {
    match text {
        [b'0'..=b'9', b'0'..=b'9', b'0'..=b'9'] => text.iter().fold(0, |n, b| n * 10 + u16::from(b - b'0')),
        _ => 0,
    }
}

#[cfg(test)]
mod tests;
