//! The WebSocket engine: the protocol handler that turns bytes in `c->recv` into events.
//!
//! An unfinished fragmented message stands at the front of `c->recv`: its first frame's first byte,
//! then the payload so far; `c->pfn_data` holds how many bytes that is. Frames behind it are taken
//! off one by one, and what they leave behind is closed up once per read.

use super::conn::{self, call, has_protocol, output_queued};
use super::handle::Conn;
use super::state::{ConnState, is};
use super::{iobuf, log, mem};
use crate::abi::{
    Connection, HttpMessage, MG_EV_CLOSE, MG_EV_READ, MG_EV_WS_CTL, MG_EV_WS_MSG, MG_EV_WS_OPEN, Str,
    WsMessage, flag,
};
use crate::codec::http::head_len;
use crate::codec::ws::{self, Fault, Header, handshake};
use core::cell::Cell;
use core::ffi::{c_int, c_void};
use core::mem::MaybeUninit;
use core::ptr;

/// What the engine remembers beside the public struct.
#[derive(Default)]
pub struct WsState {
    /// Bytes of the unfinished text message that are known to be UTF-8.
    checked: Cell<usize>,
    /// A CLOSE frame was sent by this side.
    close_sent: Cell<bool>,
    /// The accept value that a client expects.
    expected: Cell<Option<[u8; handshake::ACCEPT]>>,
}

/// Starts the client side: the response to a request with `key` is expected next.
pub fn start_client(c: Conn, key: &[u8]) {
    if let Some(state) = ConnState::of(c) {
        state.ws.expected.set(Some(handshake::accept(key)));
    }
    c.set_protocol(Some(on_event));
    c.set_protocol_data(ptr::null_mut());
}

/// Hands a connection over from HTTP: what follows the request in `recv` is frames.
pub fn take_over(c: Conn) {
    c.set_protocol(Some(on_event));
    c.set_protocol_data(ptr::null_mut());
}

/// Marks the handshake done and tells the program.
pub fn open(c: Conn, hm: *mut HttpMessage) {
    c.set(flag::WEBSOCKET);
    c.clear(flag::RESP);
    call(c, MG_EV_WS_OPEN, hm.cast());
}

/// Appends a frame to `c->send`; `None`, with the buffer unchanged, when memory is exhausted.
/// Returns how many bytes the frame takes.
pub fn send(c: Conn, payload: &[u8], op: u8) -> Option<usize> {
    let buf = c.send();
    let at = buf.len();
    let (header, n, key) = header_for(c, ws::FIN | op, payload.len())?;
    // SAFETY: a buffer handle points to a valid buffer.
    if !unsafe { iobuf::reserve(buf.as_ptr(), n + payload.len()) } {
        return None;
    }
    buf.append(&header[..n]);
    buf.append(payload);
    if let Some(key) = key {
        apply_mask(c, at + n, key);
    }
    if op == ws::CLOSE
        && let Some(state) = ConnState::of(c)
    {
        state.ws.close_sent.set(true);
    }
    output_queued(c);
    Some(n + payload.len())
}

/// Turns the last `len` bytes of `c->send` into a frame.
pub fn wrap(c: Conn, len: usize, op: u8) -> bool {
    let buf = c.send();
    let Some(at) = buf.len().checked_sub(len) else { return false };
    let Some((header, n, key)) = header_for(c, ws::FIN | op, len) else { return false };
    // SAFETY: a buffer handle points to a valid buffer; the header is memory of its own.
    unsafe {
        if !iobuf::reserve(buf.as_ptr(), n) || iobuf::insert(buf.as_ptr(), at, header.as_ptr(), n) == 0 {
            return false;
        }
    }
    if let Some(key) = key {
        apply_mask(c, at + n, key);
    }
    output_queued(c);
    true
}

type FrameHeader = ([u8; ws::MAX_HEADER], usize, Option<[u8; 4]>);

/// The header of a frame as this side has to send it; clients mask.
fn header_for(c: Conn, first: u8, len: usize) -> Option<FrameHeader> {
    let key = if c.has(flag::CLIENT) { Some(mem::random()?) } else { None };
    let mut header = [0; ws::MAX_HEADER];
    let n = Header::write(first, len as u64, key, &mut header);
    Some((header, n, key))
}

fn apply_mask(c: Conn, from: usize, key: [u8; 4]) {
    // SAFETY: nothing else touches the buffer during the call.
    let bytes = unsafe { c.send().bytes_mut() };
    ws::mask(&mut bytes[from..], key, 0);
}

/// The protocol handler of WebSocket connections.
///
/// # Safety
/// `c` is a live connection.
pub unsafe extern "C" fn on_event(c: *mut Connection, ev: c_int, _ev_data: *mut c_void) {
    crate::fence!("WebSocket protocol handler");
    // SAFETY: the caller vouches for c.
    let Some(c) = (unsafe { Conn::new(c) }) else { return };
    let _held = conn::hold(c);
    match ev {
        MG_EV_READ if c.recv().len() > 0 && !c.has(flag::CLOSING) => {
            if c.has(flag::CLIENT) && !c.has(flag::WEBSOCKET) {
                finish_handshake(c);
            }
            if c.has(flag::WEBSOCKET) {
                take_frames(c);
            }
        }
        MG_EV_CLOSE => c.set_protocol_data(ptr::null_mut()),
        _ => {}
    }
}

/// The client's side of the handshake: looks at the response.
fn finish_handshake(c: Conn) {
    // SAFETY: the slice is used before a handler runs.
    let bytes = unsafe { c.recv().bytes() };
    let len = match head_len(bytes, 0) {
        Ok(None) => return,
        Ok(Some(len)) => len,
        Err(_) => return refuse(c, b"not http"),
    };
    let mut hm = MaybeUninit::<HttpMessage>::uninit();
    // SAFETY: hm is valid for writes.
    let parsed = unsafe { super::http_message::parse(bytes, hm.as_mut_ptr()) };
    let expected = ConnState::of(c).and_then(|s| s.ws.expected.get());
    let good = match parsed {
        Ok(Some(head)) => {
            head.method.get(..7).is_some_and(|m| m.eq_ignore_ascii_case(b"HTTP/1."))
                && head.uri == b"101"
                && accept_matches(bytes, expected)
        }
        _ => false,
    };
    if !good {
        return refuse(c, b"ws handshake error");
    }
    c.set(flag::WEBSOCKET);
    call(c, MG_EV_WS_OPEN, hm.as_mut_ptr().cast());
    if has_protocol(c, on_event) {
        c.recv().consume(len.min(c.recv().len()));
    }
}

/// A `Sec-WebSocket-Accept` that is there must be right.
fn accept_matches(bytes: &[u8], expected: Option<[u8; handshake::ACCEPT]>) -> bool {
    let mut right = true;
    let _ = crate::codec::http::parse_head_into(bytes, |header| {
        if header.name.eq_ignore_ascii_case(b"Sec-WebSocket-Accept") {
            right &= expected.is_none_or(|e| header.value == e);
        }
    });
    right
}

fn refuse(c: Conn, text: &[u8]) {
    c.recv().set_len(0);
    conn::error(c, text);
}

/// Bytes at the front of `recv` that belong to an unfinished message.
fn keep(c: Conn) -> usize {
    c.protocol_data() as usize
}

fn set_keep(c: Conn, n: usize) {
    c.set_protocol_data(n as *mut c_void);
}

/// Takes all complete frames off `recv`.
fn take_frames(c: Conn) {
    // Where the next frame starts. Between `keep` and `at` lie frames that are done with.
    let mut at = keep(c).min(c.recv().len());
    let mut outcome = Ok(true);
    while matches!(outcome, Ok(true)) {
        outcome = take_frame(c, &mut at);
        if ConnState::of(c).is_none_or(|s| s.is(is::CLOSED)) || !has_protocol(c, on_event) {
            break;
        }
    }
    let kept = keep(c).min(at);
    // SAFETY: a buffer handle points to a valid buffer.
    unsafe { iobuf::del(c.recv().as_ptr(), kept, at.saturating_sub(kept)) };
    if let Err(fault) = outcome {
        fail(c, fault);
    } else if c.has(flag::CLOSING | flag::DRAINING) && closed_by_peer(c) {
        c.recv().set_len(0);
        set_keep(c, 0);
    }
}

/// True after the close handshake: later frames are not delivered.
fn closed_by_peer(c: Conn) -> bool {
    ConnState::of(c).is_some_and(|s| s.ws.close_sent.get())
}

/// Takes one frame off `recv` at `at`. `Ok(false)`: there is no complete one, or no more is wanted.
fn take_frame(c: Conn, at: &mut usize) -> Result<bool, Fault> {
    let buf = c.recv();
    // SAFETY: the slice is used before a handler runs.
    let bytes = unsafe { buf.bytes_mut() };
    let Some(header) = Header::parse(&bytes[(*at).min(bytes.len())..]) else { return Ok(false) };
    header.check(!c.has(flag::CLIENT), keep(c) > 0)?;
    let limit = ConnState::of(c).map_or(usize::MAX, |s| s.settings.get().recv_limit);
    let whole = (keep(c) + header.len) as u64 + header.payload;
    if whole >= limit as u64 {
        return Err(Fault::TooBig);
    }
    let (start, len) = (*at + header.len, header.payload as usize);
    let end = start + len;
    if bytes.len() < end {
        return Ok(false);
    }
    if let Some(key) = header.mask {
        ws::mask(&mut bytes[start..end], key, 0);
    }
    match header.opcode() {
        ws::TEXT | ws::BINARY if header.fin() => {
            if header.opcode() == ws::TEXT {
                ws::check_text(&bytes[start..end], 0, true)?;
            }
            deliver(c, MG_EV_WS_MSG, header.first, start, len, at, end);
        }
        ws::TEXT | ws::BINARY => {
            bytes[0] = header.first;
            set_keep(c, 1);
            join(c, bytes, start, len, false)?;
            *at = end;
        }
        ws::CONTINUE => {
            let open = keep(c) > 0;
            if open {
                join(c, bytes, start, len, header.fin())?;
            }
            deliver(c, MG_EV_WS_CTL, header.first, start, len, at, end);
            if open && header.fin() && keep(c) > 0 && is_usable(c) {
                // SAFETY: as above, made anew after the handler.
                let first = unsafe { c.recv().bytes() }.first().copied().unwrap_or(0);
                let size = keep(c) - 1;
                set_keep(c, 0);
                let mut unmoved = *at;
                deliver(c, MG_EV_WS_MSG, first, 1, size, &mut unmoved, *at);
                *at = unmoved;
            }
        }
        ws::PING => {
            let payload: [u8; ws::MAX_CONTROL] =
                core::array::from_fn(|i| bytes.get(start + i).copied().unwrap_or(0));
            send(c, &payload[..len], ws::PONG);
            deliver(c, MG_EV_WS_CTL, header.first, start, len, at, end);
        }
        ws::CLOSE => {
            let checked = ws::check_close(&bytes[start..end]);
            let payload: [u8; ws::MAX_CONTROL] =
                core::array::from_fn(|i| bytes.get(start + i).copied().unwrap_or(0));
            deliver(c, MG_EV_WS_CTL, header.first, start, len, at, end);
            checked?;
            if !ConnState::of(c).is_some_and(|s| s.ws.close_sent.get()) {
                send(c, &payload[..len], ws::CLOSE);
            }
            c.set(flag::DRAINING);
            return Ok(false);
        }
        _ => deliver(c, MG_EV_WS_CTL, header.first, start, len, at, end),
    }
    Ok(is_usable(c))
}

/// True while frames are still to be delivered.
fn is_usable(c: Conn) -> bool {
    !c.has(flag::CLOSING)
}

/// Moves a fragment's payload behind the message so far.
fn join(c: Conn, bytes: &mut [u8], start: usize, len: usize, last: bool) -> Result<(), Fault> {
    let kept = keep(c);
    bytes.copy_within(start..start + len, kept);
    set_keep(c, kept + len);
    let Some(state) = ConnState::of(c) else { return Ok(()) };
    if kept == 1 {
        state.ws.checked.set(0);
    }
    if bytes[0] & 0x0f == ws::TEXT {
        state.ws.checked.set(ws::check_text(&bytes[1..kept + len], state.ws.checked.get(), last)?);
    }
    Ok(())
}

/// Fires an event with `len` bytes of `recv` at `start`, and moves `at` to `end`, wherever the
/// handler left that.
fn deliver(c: Conn, ev: c_int, first: u8, start: usize, len: usize, at: &mut usize, end: usize) {
    let buf = c.recv();
    // SAFETY: start is inside the buffer, or at its end for an empty payload.
    let data = Str { buf: unsafe { buf.base().add(start) }.cast(), len };
    let mut message = WsMessage { data, flags: first };
    let before = buf.len();
    call(c, ev, (&raw mut message).cast());
    // Programs empty `recv` in their handlers: what is gone is not removed a second time.
    let removed = before.saturating_sub(c.recv().len());
    *at = end.saturating_sub(removed).min(c.recv().len());
    if removed > 0 {
        set_keep(c, keep(c).saturating_sub(removed).min(*at));
    }
}

/// A broken rule: CLOSE with the code, one ERROR that names the rule, then the connection drains.
fn fail(c: Conn, fault: Fault) {
    c.recv().set_len(0);
    set_keep(c, 0);
    let text = match fault {
        Fault::Opcode(op) => format!("{} {op}", fault.reason()),
        _ => fault.reason().to_string(),
    };
    log::error(format_args!("{} {} {text}", c.id(), c.fd()));
    if !ConnState::of(c).is_some_and(|s| s.ws.close_sent.get()) {
        send(c, &fault.close_code().to_be_bytes(), ws::CLOSE);
    }
    c.set(flag::DRAINING);
    conn::report(c, text.as_bytes());
}
