//! From a parsed head to the message struct of the C ABI.

use crate::abi::{HttpHeader, HttpMessage, Str, layout};
use crate::codec::http::{Head, HeadError, parse_head_at};

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
    let (slots, room) = (HttpMessage::headers_at(hm), layout::headers());
    let mut used = 0;
    let complete = parse_head_at(buf, head, |header| {
        if used < room {
            let header = HttpHeader { name: header.name.into(), value: header.value.into() };
            // SAFETY: the slot lies within hm.
            unsafe { slots.add(used).write(header) };
            used += 1;
        }
    })?;
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
