//! Requests as `MG_SET_HTTP_STRICT` wants them: `httparse` reads the head, and what it lets pass beyond
//! RFC 9112 is refused here. What it takes, [`super::parse_head`] reads the same.

#![forbid(unsafe_code)]

use super::error::{Fault, HeadError};
use super::framing::{Head, Header};
use super::head::{MAX_HEADER_LINES, Seen, note, parse_head, parse_head_at, settle};
use super::head_len;
use core::mem::MaybeUninit;
use httparse::{Request, Status};

/// What a strict reader lets pass all the same, as single exceptions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Allow {
    /// Requests of HTTP/1.1 without `Host`.
    pub no_host: bool,
    /// LF alone as line end.
    pub bare_lf: bool,
    /// Bytes from 0x80 on in targets.
    pub raw_target: bool,
}

/// Parses the head of a request at the start of `buf`, of at most `limit` header lines, and hands each
/// header to `store`.
///
/// `Ok(None)`: the head is not complete.
///
/// # Errors
/// What is wrong, as soon as it is known.
pub fn parse_request<'a>(
    buf: &'a [u8],
    limit: usize,
    allow: Allow,
    mut store: impl FnMut(Header<'a>),
) -> Result<Option<Head<'a>>, HeadError> {
    let mut slots = [const { MaybeUninit::uninit() }; MAX_HEADER_LINES];
    let limit = limit.min(slots.len());
    let mut request = Request::new(&mut []);
    let len = match request.parse_with_uninit_headers(buf, &mut slots[..limit]) {
        Ok(Status::Complete(len)) => len,
        Ok(Status::Partial) => return Ok(None),
        Err(httparse::Error::Version) => return newer(buf, limit, allow, store),
        Err(error) => return refuse(buf, error),
    };
    if !allow.bare_lf && has_bare_lf(&buf[..len]) {
        return fail(Fault::BareLf);
    }
    let (Some(method), Some(target), Some(minor)) = (request.method, request.path, request.version) else {
        return fail(Fault::Method);
    };
    let target = target.as_bytes();
    if !allow.raw_target && !target.is_ascii() {
        return fail(Fault::Target);
    }
    let (uri, query) = match memchr::memchr(b'?', target) {
        Some(mark) => (&target[..mark], Some(&target[mark + 1..])),
        None => (target, None),
    };
    // Both lie in `buf`; one space is between them.
    let proto_at = target.as_ptr().addr() - buf.as_ptr().addr() + target.len() + 1;
    let mut head = Head {
        method: method.as_bytes(),
        uri,
        query,
        proto: buf.get(proto_at..proto_at + "HTTP/1.1".len()).unwrap_or_default(),
        version: (1, minor),
        headers: request.headers.len(),
        ..Head::default()
    };
    let mut seen = Seen::default();
    for header in &*request.headers {
        let header = Header { name: header.name.as_bytes(), value: super::scan::trim(header.value) };
        note(&mut head, &mut seen, header).map_err(|fault| HeadError { fault, at: 0 })?;
        store(header);
    }
    settle(&mut head, len).map_err(|fault| HeadError { fault, at: 0 })?;
    Ok(Some(head))
}

/// True when a line of a head ends in LF alone.
pub fn has_bare_lf(head: &[u8]) -> bool {
    memchr::memchr_iter(b'\n', head).any(|at| at == 0 || head[at - 1] != b'\r')
}

fn fail<T>(fault: Fault) -> Result<T, HeadError> {
    Err(HeadError { fault, at: 0 })
}

fn ignore(_: Header<'_>) {}

/// A request of HTTP/1.2 or above, which is read as one of HTTP/1.1 (RFC 9110, section 2.5). `httparse`
/// takes no such version: it judges a copy with the one that it knows.
#[cold]
fn newer<'a>(
    buf: &'a [u8],
    limit: usize,
    allow: Allow,
    store: impl FnMut(Header<'a>),
) -> Result<Option<Head<'a>>, HeadError> {
    let Ok(Some(len)) = head_len(buf, 0) else { return refuse(buf, httparse::Error::Version) };
    let line = buf.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let Some((digit, before)) = line.split_last().filter(|(digit, _)| matches!(digit, b'2'..=b'9')) else {
        return refuse(buf, httparse::Error::Version);
    };
    if !before.ends_with(b" HTTP/1.") {
        return refuse(buf, httparse::Error::Version);
    }
    let mut copy = buf[..len].to_vec();
    copy[core::ptr::from_ref(digit).addr() - buf.as_ptr().addr()] = b'1';
    parse_request(&copy, limit, allow, ignore)?;
    let mut head = Head::default();
    Ok(parse_head_at(buf, &mut head, store)?.then_some(head))
}

/// Says what is wrong: as the other grammar does if it is wrong there, too.
#[cold]
fn refuse<'a>(buf: &'a [u8], error: httparse::Error) -> Result<Option<Head<'a>>, HeadError> {
    if error == httparse::Error::TooManyHeaders {
        return fail(Fault::TooManyHeaders);
    }
    match parse_head(buf, &mut []) {
        Err(error) => return Err(error),
        Ok(Some(head)) if head.is_response => return fail(Fault::WrongWay),
        Ok(Some(head)) => head.check(Allow::default())?,
        // A head is judged when it is complete, so that it does not matter in which pieces it comes.
        Ok(None) => return Ok(None),
    }
    fail(match error {
        httparse::Error::HeaderName => Fault::HeaderName,
        httparse::Error::HeaderValue => Fault::ControlByte,
        httparse::Error::NewLine => Fault::BareCr,
        httparse::Error::Version => Fault::Version,
        _ => Fault::Target,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(head: &[u8], allow: Allow) -> Result<(), Fault> {
        match parse_request(head, 3, allow, |_| ()) {
            Ok(head) => head.expect("complete").check(allow).map_err(|e| e.fault),
            Err(e) => Err(e.fault),
        }
    }

    #[test]
    fn table() {
        for (head, expected) in [
            (&b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"[..], Ok(())),
            (b"GET /a?b HTTP/1.0\r\n\r\n", Ok(())),
            (b"OPTIONS * HTTP/1.1\r\nHost: h\r\nA: \xc3\xa4\r\n\r\n", Ok(())),
            (b"GET / HTTP/1.1\r\n\r\n", Err(Fault::Host)),
            (b"GET / HTTP/1.1\nHost: h\r\n\r\n", Err(Fault::BareLf)),
            (b"GET / HTTP/1.1\r\nHost: h\n\r\n", Err(Fault::BareLf)),
            (b"GET / HTTP/1.1\r\nHost: h\r\n\n", Err(Fault::BareLf)),
            (b"GET /\x7f HTTP/1.1\r\nHost: h\r\n\r\n", Err(Fault::Version)),
            (b"GET /\xc3\xa4 HTTP/1.1\r\nHost: h\r\n\r\n", Err(Fault::Target)),
            (b"GET /\xff HTTP/1.1\r\nHost: h\r\n\r\n", Err(Fault::Version)),
            (b"GET  / HTTP/1.1\r\nHost: h\r\n\r\n", Err(Fault::OddSpace)),
            (b"GET /  HTTP/1.1\r\nHost: h\r\n\r\n", Err(Fault::OddSpace)),
            (b"GET\t/ HTTP/1.1\r\nHost: h\r\n\r\n", Err(Fault::Target)),
            (b"G@T / HTTP/1.1\r\nHost: h\r\n\r\n", Err(Fault::Method)),
            (b"GET / HTTP/2.0\r\nHost: h\r\n\r\n", Err(Fault::UnknownVersion)),
            (b"GET / HTTP/1.2\r\nHost: h\r\n\r\n", Ok(())),
            (b"GET / HTTP/1.9\r\nHost: h\r\n\r\n", Ok(())),
            (b"GET / HTTP/1.2\r\nHost: h\r\nA: \x7f\r\n\r\n", Err(Fault::ControlByte)),
            (b"GET / HTTP/1.2\r\nHost: h\n\r\n", Err(Fault::BareLf)),
            (b"GET /\xc3\xa4 HTTP/1.2\r\nHost: h\r\n\r\n", Err(Fault::Target)),
            (b"GET / HTTP/1.2\r\nA:b\r\nA:b\r\nA:b\r\nA:b\r\n\r\n", Err(Fault::TooManyHeaders)),
            (b"GET / HTTP/1.12\r\nHost: h\r\n\r\n", Err(Fault::Version)),
            (b"GET / HTTP/1.1\r\nHost : h\r\n\r\n", Err(Fault::SpaceBeforeColon)),
            (b"GET / HTTP/1.1\r\nHost: h\r\n a: b\r\n\r\n", Err(Fault::Folded)),
            (b"GET / HTTP/1.1\r\nHost: h\r\nA(: b\r\n\r\n", Err(Fault::HeaderName)),
            (b"GET / HTTP/1.1\r\nHost: h\r\nA: \x7f\r\n\r\n", Err(Fault::ControlByte)),
            (b"GET / HTTP/1.1\r\nHost: h\r\nA: \x01\r\n\r\n", Err(Fault::ControlByte)),
            (b"HTTP/1.1 200 OK\r\nHost: h\r\n\r\n", Err(Fault::WrongWay)),
            (b"GET / HTTP/1.1\r\nA:b\r\nA:b\r\nA:b\r\nA:b\r\n\r\n", Err(Fault::TooManyHeaders)),
        ] {
            assert_eq!(read(head, Allow::default()), expected, "{}", head.escape_ascii());
        }
        let allow = Allow { no_host: true, bare_lf: true, raw_target: true };
        assert_eq!(read("GET /ä HTTP/1.1\n\n".as_bytes(), allow), Ok(()));
        assert_eq!(read(b"GET / HTTP/1.1\nHost: a/b\n\n", allow), Err(Fault::Host));
    }

    #[test]
    fn both_grammars_read_the_same() {
        let text = b"POST /a?b HTTP/1.1\r\nHost: h:80\r\nA:  b \t\r\nContent-Length: 5\r\nConnection: close\r\n\r\nbody";
        let (mut ours, mut theirs) = ([Header::default(); 4], Vec::new());
        let strict = parse_request(text, 9, Allow::default(), |header| theirs.push(header));
        assert_eq!(strict, parse_head(text, &mut ours));
        assert_eq!(theirs, ours);
        for cut in 0..text.len() - 4 {
            assert_eq!(parse_request(&text[..cut], 9, Allow::default(), |_| ()), Ok(None), "{cut}");
        }
    }
}
