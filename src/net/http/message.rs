//! From a parsed head to the message struct of the C ABI.

use crate::abi::{HttpHeader, HttpMessage, Str, layout};
use crate::codec::http::strict::{Allow, parse_request};
use crate::codec::http::{Head, HeadError, Header, parse_head_at};

/// How strict servers read requests.
#[derive(Clone, Copy)]
pub struct Strict {
    /// Header lines that a request may have.
    pub lines: usize,
    /// Single exceptions.
    pub allow: Allow,
}

/// Parses the head at the start of `buf` straight into `hm` and `head`. False: it is not complete.
///
/// `hm` need not be initialised. When the head is complete all of it is set; slots of `headers` that
/// are not in use are empty. In all other cases the contents of `hm` and `head` mean nothing. The views
/// point into `buf`.
///
/// # Errors
/// As [`parse_head_at`].
///
/// # Safety
/// `hm` is valid for writes of a message's size.
pub unsafe fn parse<'a>(buf: &'a [u8], hm: *mut HttpMessage, head: &mut Head<'a>) -> Result<bool, HeadError> {
    // SAFETY: the caller vouches for hm.
    unsafe { parse_as(buf, hm, head, None) }
}

/// As [`parse`]; with `strict`, a request as strict servers read it.
///
/// # Errors
/// As [`parse`].
///
/// # Safety
/// As for [`parse`].
pub unsafe fn parse_as<'a>(
    buf: &'a [u8],
    hm: *mut HttpMessage,
    head: &mut Head<'a>,
    strict: Option<Strict>,
) -> Result<bool, HeadError> {
    let (slots, room) = (HttpMessage::headers_at(hm), layout::headers());
    let mut used = 0;
    let mut store = |header: Header| {
        if used < room {
            let header = HttpHeader { name: header.name.into(), value: header.value.into() };
            // SAFETY: the slot lies within hm.
            unsafe { slots.add(used).write(header) };
            used += 1;
        }
    };
    let complete = match strict {
        None => parse_head_at(buf, head, store)?,
        Some(Strict { lines, allow }) => match parse_request(buf, lines, allow, &mut store)? {
            Some(parsed) => {
                *head = parsed;
                true
            }
            None => false,
        },
    };
    if !complete {
        return Ok(false);
    }
    let (body, message) = match head.announced_len() {
        Some(n) => (n, head.len + n),
        None => (usize::MAX, usize::MAX),
    };
    let start: Str = buf.into();
    // SAFETY: as above; the body starts within buf or one past its end.
    unsafe {
        slots.add(used).write_bytes(0, room - used);
        (&raw mut (*hm).method).write(head.method.into());
        (&raw mut (*hm).uri).write(head.uri.into());
        (&raw mut (*hm).query).write(head.query.map_or(Str::NULL, Str::from));
        (&raw mut (*hm).proto).write(head.proto.into());
        HttpMessage::body_at(hm).write(Str { buf: start.buf.add(head.len), len: body });
        HttpMessage::head_at(hm).write(Str { buf: start.buf, len: head.len });
        HttpMessage::message_at(hm).write(Str { buf: start.buf, len: message });
    }
    Ok(true)
}
