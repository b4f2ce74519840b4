//! Messages to frames.

use super::clock;
use super::state::WsState;
use crate::abi::flag;
use crate::codec::ws::deflate::Deflate;
use crate::codec::ws::{self, Header};
use crate::net::event_loop::conn::output_queued;
use crate::net::event_loop::handle::{Conn, Mgr};
use crate::net::event_loop::{iobuf, mem, memory, sys};
use core::cell::Cell;
use std::net::Shutdown;

/// Bytes of PONG frames that wait at most: more than the answers to what is read in one turn. A peer
/// that sends pings and does not read their answers gets the answer to its newest ping when it has
/// read the others (RFC 6455, section 5.5.3).
const PONGS_MAX: u32 = 256 * 1024;

/// Shorter messages are not worth compressing.
const DEFLATE_MIN: usize = 32;

/// Appends a whole message as one frame to `c->send`; `None`, with the buffer unchanged, when
/// memory or random bytes are exhausted. Returns how many bytes the frame takes.
pub fn send(c: Conn, payload: &[u8], op: u8) -> Option<usize> {
    let first = ws::FIN | op;
    if !compresses(c, first, payload.len()) {
        return send_frame(c, payload, first);
    }
    let buf = c.send();
    let start = buf.len();
    let room = payload.len().checked_add(ws::MAX_HEADER + Deflate::room(payload.len()))?;
    if !buf.reserve(room) {
        return None;
    }
    buf.append(payload);
    if !wrap(c, payload.len(), op) {
        buf.set_len(start);
        return None;
    }
    Some(buf.len() - start)
}

/// As [`send`], for one frame with any first byte: FIN or not, never compressed.
pub fn send_frame(c: Conn, payload: &[u8], first: u8) -> Option<usize> {
    let len = append_frame(c, payload, first)?;
    sent(c, first);
    Some(len)
}

/// Appends a frame and fires no event.
fn append_frame(c: Conn, payload: &[u8], first: u8) -> Option<usize> {
    let buf = c.send();
    let start = buf.len();
    let key = mask_key(c)?;
    let mut header = [0; ws::MAX_HEADER];
    let n = Header::write(first, payload.len() as u64, key, &mut header);
    let len = n.checked_add(payload.len())?;
    if !buf.reserve(len) {
        return None;
    }
    buf.append(&header[..n]);
    buf.append(payload);
    mask_tail(c, start + n, key);
    Some(len)
}

/// Turns the last `len` bytes of `c->send` into a message; false, with the buffer unchanged, when
/// there are fewer, or memory or random bytes are exhausted.
pub fn wrap(c: Conn, mut len: usize, op: u8) -> bool {
    let buf = c.send();
    let mut first = ws::FIN | op;
    let Some(start) = buf.len().checked_sub(len) else { return false };
    let Some(key) = mask_key(c) else { return false };
    let compresses = compresses(c, first, len);
    let room = ws::MAX_HEADER + if compresses { Deflate::room(len) } else { 0 };
    if !buf.reserve(room) {
        return false;
    }
    if compresses && let Some(less) = compress_tail(c, len) {
        first |= ws::RSV1;
        len = less;
    }
    let mut header = [0; ws::MAX_HEADER];
    let n = Header::write(first, len as u64, key, &mut header);
    // SAFETY: as above; there is room for the header, which is memory of its own.
    unsafe { iobuf::insert(buf.as_ptr(), start, header.as_ptr(), n) };
    mask_tail(c, start + n, key);
    sent(c, first);
    true
}

/// Sends a CLOSE frame with a code and a reason, once. False when one was sent before, when the code
/// may not be sent, or without memory.
pub fn close(c: Conn, code: u16, reason: &[u8]) -> bool {
    let Some((payload, len)) = ws::close_payload(code, reason) else { return false };
    let before = WsState::of(c).is_some_and(|state| state.close_sent.get());
    !before && send(c, &payload[..len], ws::CLOSE).is_some()
}

/// Sends a message to all open WebSocket connections that `wanted` says yes to. Returns how many got
/// it.
pub fn broadcast(m: Mgr, payload: &[u8], op: u8, mut wanted: impl FnMut(Conn) -> bool) -> usize {
    let first = ws::FIN | op;
    let mut frame = [0; ws::MAX_HEADER];
    let n = Header::write(first, payload.len() as u64, None, &mut frame);
    let mut count = 0;
    let mut link = m.conns_ptr();
    while let Some(c) = m.linked(link) {
        // Handlers of HIGH_WATER and `wanted` may close connections, which keep their links.
        link = c.next_ptr();
        let Some(state) = WsState::of(c).filter(|_| is_open(c)) else { continue };
        if state.close_sent.get() || !wanted(c) || !is_open(c) {
            continue;
        }
        let done = if c.has(flag::CLIENT) || compresses(c, first, payload.len()) {
            // Its own mask, its own history of compression.
            send(c, payload, op).is_some()
        } else {
            append_both(c, &frame[..n], payload, first)
        };
        count += usize::from(done);
    }
    count
}

fn is_open(c: Conn) -> bool {
    c.has(flag::WEBSOCKET) && !c.has(flag::CLOSING | flag::DRAINING)
}

fn append_both(c: Conn, header: &[u8], payload: &[u8], first: u8) -> bool {
    let buf = c.send();
    let fits = buf.reserve(header.len() + payload.len());
    if fits {
        buf.append(header);
        buf.append(payload);
        sent(c, first);
    }
    fits
}

/// Answers a ping without an event.
pub fn queue_pong(c: Conn, ws: &WsState, payload: &[u8]) {
    if ws.pongs.get() >= PONGS_MAX {
        ws.late_pong.set(Some(payload.into()));
    } else if let Some(len) = append_frame(c, payload, ws::FIN | ws::PONG) {
        ws.pongs.set(ws.pongs.get() + len as u32);
    }
}

/// All that was queued has been sent.
pub fn drained(c: Conn, state: &WsState) {
    let ws = state;
    ws.pongs.set(0);
    if let Some(payload) = ws.late_pong.take() {
        send(c, &payload, ws::PONG);
    }
    if ws.half_close.replace(false) {
        // An error means that the connection is lost, which the next read finds out.
        let _ = sys::with_socket(c.fd(), |socket| socket.shutdown(Shutdown::Write));
    }
}

/// A frame is in the buffer. May fire an event.
fn sent(c: Conn, first: u8) {
    if first & ws::OPCODE == ws::CLOSE
        && let Some(state) = WsState::of(c)
        && !state.close_sent.replace(true)
    {
        clock::close_sent(c, state);
    }
    output_queued(c);
}

/// The mask that this side has to use: `Some(None)` for servers, `None` without random bytes.
fn mask_key(c: Conn) -> Option<Option<[u8; 4]>> {
    if c.has(flag::CLIENT) { fresh_key().map(Some) } else { Some(None) }
}

/// Four random bytes. They are fetched for several frames at once: asking the system takes longer
/// than to mask a kilobyte.
fn fresh_key() -> Option<[u8; 4]> {
    const KEYS: usize = 16;
    thread_local! {
        static STOCK: Cell<([[u8; 4]; KEYS], usize)> = const { Cell::new(([[0; 4]; KEYS], 0)) };
    }
    let (mut keys, mut left) = STOCK.get();
    if left == 0 {
        keys = mem::random::<{ 4 * KEYS }>()?.as_chunks().0.try_into().ok()?;
        left = KEYS;
    }
    left -= 1;
    STOCK.set((keys, left));
    Some(keys[left])
}

/// Masks what follows `from` in `c->send`.
fn mask_tail(c: Conn, from: usize, key: Option<[u8; 4]>) {
    if let Some(key) = key {
        // SAFETY: nothing else touches the buffer during the call.
        let bytes = unsafe { c.send().bytes_mut() };
        ws::mask(&mut bytes[from..], key);
    }
}

/// True when a message is to be compressed.
fn compresses(c: Conn, first: u8, len: usize) -> bool {
    len >= DEFLATE_MIN
        && matches!(first & !ws::FIN, ws::TEXT | ws::BINARY)
        && WsState::of(c).is_some_and(|state| state.deflate.borrow().is_some())
}

/// Compresses the last `len` bytes of `c->send` in place; returns their new number. `None`, with the
/// bytes in use as they were, when that does not make them fewer. There has to be room after them.
fn compress_tail(c: Conn, len: usize) -> Option<usize> {
    let buf = c.send();
    let mut deflate = WsState::of(c)?.deflate.borrow_mut();
    // SAFETY: size bytes are allocated at base, and initialised as all memory of buffers is; nothing
    // else touches the buffer during the call.
    let memory = unsafe { core::slice::from_raw_parts_mut(buf.base(), buf.size()) };
    let (used, free) = memory.split_at_mut(buf.len());
    let start = used.len() - len;
    let room = free.len().min(Deflate::room(len));
    let deflate = deflate.as_mut()?;
    let less = deflate.compress(&used[start..], &mut free[..room]);
    memory::hold_beside(c, deflate.held());
    let less = less?;
    used[start..start + less].copy_from_slice(&free[..less]);
    buf.set_len(start + less);
    Some(less)
}
