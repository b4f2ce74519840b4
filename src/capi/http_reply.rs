//! HTTP replies and chunks.

use super::arg;
use super::fmt::Draft;
use super::kept::keep_date;
use super::output::Output;
use crate::abi::{ArgList, Connection, flag};
use crate::codec::fmt::Sink;
use crate::codec::fmt::number::Hex;
use crate::codec::http::status;
use crate::codec::http::vars::has_line;
use crate::fence;
use crate::net::event_loop::handle::Conn;
use crate::net::event_loop::{conn, direct};
use crate::net::http::{self, date};
use core::ffi::{c_char, c_int};
use core::ops::Range;

/// The end of a reply's head. The length goes over the blanks once it is known.
const LENGTH: &[u8; 31] = b"Content-Length:            \r\n\r\n";
const LENGTH_VALUE: Range<usize> = 16..27;

/// Before a chunk. The size goes over the zeros once it is known.
const CHUNK_SIZE: &[u8; 10] = b"00000000\r\n";

/// As `mg_http_reply`, with a `va_list`. An addition of this library.
///
/// # Errors
/// `OOM` as `MG_EV_ERROR` without memory: then nothing was appended.
///
/// # Threads
/// The polling thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_http_vreply(
    c: *mut Connection,
    status_code: c_int,
    headers: *const c_char,
    body_fmt: *const c_char,
    ap: *mut ArgList,
) {
    fence!("mg_http_vreply", c: arg::conn, headers: arg::text, body_fmt[ap]: arg::format);
    let Some(guard) = c else { return };
    let c = guard.conn();
    let mut body_fmt = body_fmt;
    let text = if status::has_body(status_code) { body_fmt.text() } else { None };
    let draft = Draft::new(c);
    let mut out = draft.output();
    let line = status::Line::new(status_code);
    let connection = connection_line(c, headers);
    let date = if status_code >= 200 { date::line_for(c) } else { None };
    let date = date.filter(|_| !has_line(headers, b"Date"));
    let date = date.as_ref().map_or(&[][..], |date| &date[..]);
    let mut claimed = 0;
    // Only the program knows the length of what a 304 represents (RFC 9110, section 8.6).
    let body = match status::has_body(status_code) {
        true => Ok(body_fmt),
        false if status::has_length(status_code) => Err(body_fmt.print(Output::Nothing)),
        false => Err(0),
    };
    let is_empty = matches!(body, Err(0));
    let end: &[u8] = if is_empty { b"\r\n" } else { LENGTH };
    let pieces = [line.bytes(), headers, connection, date, end];
    let head = pieces.iter().map(|piece| piece.len()).sum::<usize>();
    let value = (head - end.len()) + LENGTH_VALUE.start;
    if let Some(text) = text.filter(|text| text.len() >= direct::LARGE)
        && reply_at_once(c, &pieces, value, text)
    {
        return;
    }
    out.put_all(&pieces, head);
    if !is_empty {
        let length = body.map_or_else(
            |unsent| unsent,
            |body| {
                claimed = match text {
                    Some(text) => {
                        out.put(text);
                        text.len()
                    }
                    None => body.print(out),
                };
                draft.appended().saturating_sub(head)
            },
        );
        let mut digits = itoa::Buffer::new();
        let digits = digits.format(length).as_bytes();
        if digits.len() <= LENGTH_VALUE.len() {
            draft.patch(value, digits);
        }
    }
    c.clear(flag::RESP);
    draft.finish(|appended| appended.checked_sub(head).is_some_and(|body| body >= claimed));
}

/// Sends a large reply straight from where its body is; its length goes to `value` in its head. False,
/// with nothing done, when it has to be queued.
fn reply_at_once(c: Conn, head: &[&[u8]], value: usize, body: &[u8]) -> bool {
    let mut head = head.concat();
    let mut digits = itoa::Buffer::new();
    let digits = digits.format(body.len()).as_bytes();
    if let Some(place) =
        head.get_mut(value..value + digits.len()).filter(|_| digits.len() <= LENGTH_VALUE.len())
    {
        place.copy_from_slice(digits);
    }
    let sent = direct::send(c, &head, body);
    if sent > 0 {
        c.clear(flag::RESP);
        conn::queue_rest(c, &head, body, sent);
    }
    sent > 0
}

/// As `mg_http_printf_chunk`, with a `va_list`. An addition of this library.
///
/// # Errors
/// `OOM` as `MG_EV_ERROR` without memory: then nothing was appended.
///
/// # Threads
/// The polling thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_http_vprintf_chunk(cnn: *mut Connection, fmt: *const c_char, ap: *mut ArgList) {
    fence!("mg_http_vprintf_chunk", cnn: arg::conn, fmt[ap]: arg::format);
    let Some(guard) = cnn else { return };
    let c = guard.conn();
    let draft = Draft::new(c);
    let mut out = draft.output();
    out.put(CHUNK_SIZE);
    let claimed = fmt.print(out);
    let size = draft.appended().saturating_sub(CHUNK_SIZE.len());
    out.put(b"\r\n");
    let hex = Hex::new(size as u64);
    if let Some(zeros) = 8usize.checked_sub(hex.digits().len()) {
        draft.patch(zeros, hex.digits());
    }
    if size == 0 {
        c.clear(flag::RESP);
    }
    draft.finish(|appended| appended == CHUNK_SIZE.len() + size + 2 && size >= claimed);
}

/// Appends one chunk of a chunked body to `c->send`: size, CR LF, `len` bytes at `buf`, CR LF.
///
/// The head is the program's: `mg_printf(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")`.
/// `len` 0 is the last chunk, which ends the response. Clients send chunked requests with it, too.
///
/// # Errors
/// `OOM` as `MG_EV_ERROR` without memory: then nothing was appended.
///
/// # Threads
/// The polling thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_http_write_chunk(c: *mut Connection, buf: *const c_char, len: usize) {
    fence!("mg_http_write_chunk", c: arg::conn, buf[len]: arg::data);
    let Some(guard) = c else { return };
    let c = guard.conn();
    if buf.len() != len {
        // No bytes to send; a chunk of size 0 would end the response.
        return;
    }
    let draft = Draft::new(c);
    let mut out = draft.output();
    let size = Hex::new(len as u64);
    out.put(size.digits());
    out.put(b"\r\n");
    out.put(buf);
    out.put(b"\r\n");
    if len == 0 {
        c.clear(flag::RESP);
    }
    draft.finish(|appended| appended == size.digits().len() + 4 + len);
}

/// The `Connection` line that a reply with these header lines lacks.
fn connection_line(c: Conn, headers: &[u8]) -> &'static [u8] {
    match http::connection_line(c).to_bytes() {
        b"" => b"",
        _ if has_line(headers, b"Connection") => b"",
        line => line,
    }
}

/// Returns the `Connection` line, with CR LF, that a reply which the program formats itself on this
/// connection has to have; mostly "". `mg_http_reply` and `mg_http_serve_dir` add it by themselves.
/// An addition of this library.
///
/// `Connection: keep-alive` confirms an HTTP/1.0 client's wish when `MG_SET_HTTP10_CLOSE` is on: without
/// it, such a client waits for the connection to close (RFC 9112, appendix C.2.2). `Connection: close`
/// announces the end after the last request of `MG_SET_HTTP_MAX_REQUESTS` (section 9.6) and, with
/// `MG_SET_HTTP_CLOSE_HEADER`, each other end that is known when the reply is made: the client asked for
/// it, or `c->is_draining` is set.
///
/// # Returns
/// A static C string, never NULL.
///
/// # Threads
/// The polling thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_http_connection_header(c: *mut Connection) -> *const c_char {
    fence!("mg_http_connection_header", c: arg::conn);
    c.map_or(c"", |guard| http::connection_line(guard.conn())).as_ptr()
}

/// Returns the `Date` line, with CR LF, that a reply which the program formats itself on this connection
/// has to have; "" without `MG_SET_HTTP_DATE`. `mg_http_reply` adds it by itself. An addition of this
/// library.
///
/// # Returns
/// A C string, never NULL, which holds until the same thread calls this function again.
///
/// # Threads
/// The polling thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_http_date_header(c: *mut Connection) -> *const c_char {
    fence!("mg_http_date_header", c: arg::conn);
    let line = c.as_ref().and_then(|guard| date::line_for(guard.conn()));
    line.map_or(c"".as_ptr(), |line| keep_date(&line))
}

unsafe extern "C" {
    /// Appends a whole reply to `c->send`: status line, `headers`, `Content-Length`, body.
    ///
    /// `headers` are complete lines, each with CR LF, and are sent as they are; NULL for none. The
    /// body is formatted like by `mg_xprintf`: pass text that may hold a `%` by `"%s"`. Its length
    /// takes 11 characters, digits and blanks. Replies with a status of 100 to 199, 204 or 304
    /// have no body, and except for 304 no `Content-Length` (RFC 9110, section 8.6). Clears
    /// `c->is_resp`: the request is answered.
    ///
    /// # Errors
    /// `OOM` as `MG_EV_ERROR` without memory: then nothing was appended.
    ///
    /// # Threads
    /// The polling thread.
    pub fn mg_http_reply(
        c: *mut Connection,
        status_code: c_int,
        headers: *const c_char,
        body_fmt: *const c_char,
        ...
    );

    /// Appends one formatted chunk of a chunked body to `c->send`; see `mg_http_write_chunk` and,
    /// for the format, `mg_xprintf`. The size takes 8 digits.
    ///
    /// An empty text is the last chunk, which ends the response: beware of
    /// `mg_http_printf_chunk(c, "%s", text)` with an empty `text`.
    ///
    /// # Errors
    /// `OOM` as `MG_EV_ERROR` without memory: then nothing was appended.
    ///
    /// # Threads
    /// The polling thread.
    pub fn mg_http_printf_chunk(cnn: *mut Connection, fmt: *const c_char, ...);
}
