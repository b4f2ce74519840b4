//! Frames to events.
//!
//! An unfinished fragmented message is at the front of `c->recv`: its first frame's first byte,
//! then the payload so far; `c->pfn_data` holds how many bytes that is. Frames after it are taken
//! off one by one, and the gap that they leave is closed once per read.

use super::config::Config;
use super::state::WsState;
use super::{clock, early, send};
use crate::abi::{MG_EV_WS_CTL, MG_EV_WS_MSG, Str, WsMessage, flag};
use crate::codec::ws::{self, Fault, Header, Rules};
use crate::net::event_loop::conn::{self, call, runs_engine};
use crate::net::event_loop::handle::Conn;
use crate::net::event_loop::{iobuf, log, memory, oversize};
use core::ffi::c_int;
use core::ops::Range;

/// What became of the current frame.
enum FrameStep {
    /// Done: look at the next one.
    Next,
    /// No more frames are wanted.
    Stop,
    /// It is incomplete; so many bytes will be in `recv` when it is not.
    Wait(usize),
}

/// Bytes at the front of `recv` that belong to an unfinished message. What the program has removed does
/// not count.
pub fn kept(c: Conn) -> usize {
    c.protocol_data().addr().min(c.recv().len())
}

fn set_kept(c: Conn, n: usize) {
    c.set_protocol_data(core::ptr::without_provenance_mut(n));
}

/// Takes all complete frames off `recv`.
pub fn take_frames(c: Conn, state: &WsState) {
    if state.busy.replace(true) {
        return;
    }
    if state.ended.get() {
        c.recv().set_len(0);
    }
    // Where the next frame starts. Between what is kept and here lie frames that are done with.
    let mut at = kept(c);
    let outcome = loop {
        match take_frame(c, state, &mut at) {
            Ok(FrameStep::Next) if !conn::is_closed(c) && runs_engine(c) => {}
            other => break other,
        }
    };
    if let Err(fault) = outcome {
        fail(c, state, fault, at);
    } else {
        close_up(c, at);
        if let Ok(FrameStep::Wait(whole)) = outcome {
            memory::grow(c, whole);
        }
    }
    state.busy.set(false);
}

/// Removes the frames that are done with: all up to `at` but what is kept.
fn close_up(c: Conn, at: usize) {
    let front = if runs_engine(c) { kept(c) } else { 0 };
    if front == 0 {
        c.recv().consume(at);
    } else {
        // SAFETY: a buffer handle points to a valid buffer.
        unsafe { iobuf::del(c.recv().as_ptr(), front, at.saturating_sub(front)) };
    }
}

/// Takes the frame at `at` off `recv`.
fn take_frame(c: Conn, state: &WsState, at: &mut usize) -> Result<FrameStep, Fault> {
    // SAFETY: the slice is used before a handler runs.
    let bytes = unsafe { c.recv().bytes_mut() };
    let kept = kept(c).min(*at);
    let open = kept > 0;
    let deflate = state.deflate.borrow().is_some();
    let rules = Rules { from_client: !c.has(flag::CLIENT), open, deflate };
    let Some(header) = Header::parse(&bytes[*at..]) else {
        Header::start(&bytes[*at..]).map_or(Ok(()), |header| header.check(rules))?;
        return Ok(FrameStep::Wait(0));
    };
    header.check(rules)?;
    let whole = match check_size(c, &header, kept) {
        Err(Fault::TooBig) if c.has(flag::FULL) || !oversize::is_noted(c) => {
            oversize::note(c);
            return Ok(FrameStep::Wait(0));
        }
        checked => checked?,
    };
    let start = *at + header.len;
    let end = *at + whole;
    if bytes.len() < end {
        let first = if open { bytes[0] } else { header.first };
        let is_text = first & (ws::OPCODE | ws::RSV1) == ws::TEXT && !header.is_control();
        if is_text {
            let tail = if open { &bytes[(1 + state.checked.get()).min(kept)..kept] } else { &[] };
            early::check(state, &header, tail, &bytes[start..])?;
        }
        return Ok(FrameStep::Wait(kept + whole));
    }
    let payload = start..end;
    if let Some(key) = header.mask {
        ws::mask(&mut bytes[payload.clone()], key);
    }
    *at = end;
    state.early.set(0);
    if !open {
        state.clock.begun.set(0);
        state.gathered.set(0);
    }
    match header.opcode() {
        ws::TEXT | ws::BINARY if header.fin() => message(c, state, header.first, payload, at)?,
        ws::TEXT | ws::BINARY => {
            bytes[0] = header.first;
            state.checked.set(0);
            join(c, state, bytes, 1, payload, false)?;
        }
        ws::CONTINUE => {
            let payload = if open { join(c, state, bytes, kept, payload, header.fin())? } else { payload };
            *at = deliver(c, MG_EV_WS_CTL, header.first, view(&bytes[payload]), end);
            let size = self::kept(c);
            let last = open && header.fin() && size > 0 && wants_more(c);
            if last && runs_engine(c) {
                set_kept(c, 0);
                state.clock.begun.set(0);
                // SAFETY: the slice is used before the next handler runs.
                let first = unsafe { c.recv().bytes() }.first().copied().unwrap_or(0);
                message(c, state, first, 1..size, at)?;
            }
        }
        ws::PING => {
            // First the answer, then the event. Only then what may call a handler.
            send::queue_pong(c, state, &bytes[payload.clone()]);
            *at = deliver(c, MG_EV_WS_CTL, header.first, view(&bytes[payload]), end);
            conn::output_queued(c);
        }
        ws::CLOSE => {
            closed_by_peer(c, state, payload, at)?;
            return Ok(FrameStep::Stop);
        }
        _ => *at = deliver(c, MG_EV_WS_CTL, header.first, view(&bytes[payload]), end),
    }
    Ok(if wants_more(c) { FrameStep::Next } else { FrameStep::Stop })
}

/// Checks a frame's size before its payload is there; returns it, header included.
fn check_size(c: Conn, header: &Header, kept: usize) -> Result<usize, Fault> {
    let config = Config::of(c);
    let message = header.payload + kept.saturating_sub(1) as u64;
    let limit = config.message_limit() as u64;
    let whole = header.payload + header.len as u64;
    let fits = whole + kept as u64 <= config.recv_limit() as u64;
    if fits && (message <= limit || header.is_control()) { Ok(whole as usize) } else { Err(Fault::TooBig) }
}

/// True while frames are still to be delivered.
fn wants_more(c: Conn) -> bool {
    !c.has(flag::CLOSING)
}

/// Moves a fragment's payload after the `kept` bytes of the message so far, where it then is.
fn join(
    c: Conn,
    state: &WsState,
    bytes: &mut [u8],
    kept: usize,
    payload: Range<usize>,
    last: bool,
) -> Result<Range<usize>, Fault> {
    let place = kept..kept + payload.len();
    bytes.copy_within(payload, place.start);
    set_kept(c, place.end);
    state.gathered.set(state.gathered.get() + place.len());
    let is_plain_text = bytes[0] & (ws::OPCODE | ws::RSV1) == ws::TEXT;
    if is_plain_text {
        let checked = ws::check_text(&bytes[1..place.end], state.checked.get(), last)?;
        state.checked.set(checked);
    }
    Ok(place)
}

/// Delivers a message, which lies in `recv`; `at` is where the next frame starts.
fn message(c: Conn, state: &WsState, first: u8, range: Range<usize>, at: &mut usize) -> Result<(), Fault> {
    // SAFETY: the slice is used before a handler runs.
    let bytes = &unsafe { c.recv().bytes() }[range];
    let is_text = first & ws::OPCODE == ws::TEXT;
    if first & ws::RSV1 != 0 {
        let inflated = inflate(c, state, bytes)?;
        if is_text {
            ws::check_text(&inflated, 0, true)?;
        }
        let data = if inflated.is_empty() { view(&bytes[..0]) } else { view(&inflated) };
        *at = deliver(c, MG_EV_WS_MSG, first & !ws::RSV1, data, *at);
        return Ok(());
    }
    // What came in fragments was checked on the way.
    if is_text && first & ws::FIN != 0 {
        ws::check_text(bytes, 0, true)?;
    }
    *at = deliver(c, MG_EV_WS_MSG, first, view(bytes), *at);
    Ok(())
}

fn inflate(c: Conn, state: &WsState, bytes: &[u8]) -> Result<Vec<u8>, Fault> {
    let config = Config::of(c);
    let limit = config.message_limit();
    let mut out = Vec::new();
    let held = match state.deflate.borrow_mut().as_mut() {
        Some(deflate) => {
            deflate.decompress(bytes, &mut out, limit)?;
            deflate.held()
        }
        None => return Err(Fault::ReservedBits),
    };
    memory::hold_beside(c, held);
    Ok(out)
}

/// The peer closes: tells the program, answers unless this side began, and drains.
fn closed_by_peer(c: Conn, state: &WsState, range: Range<usize>, at: &mut usize) -> Result<(), Fault> {
    // SAFETY: the slice is used before a handler runs.
    let payload = &unsafe { c.recv().bytes() }[range];
    ws::check_close(payload)?;
    let mut copy = [0; ws::MAX_CONTROL];
    let answer = &mut copy[..payload.len()];
    answer.copy_from_slice(payload);
    state.ended.set(true);
    *at = deliver(c, MG_EV_WS_CTL, ws::FIN | ws::CLOSE, view(payload), *at);
    if !state.close_sent.get() {
        send::send(c, answer, ws::CLOSE);
    }
    c.set(flag::DRAINING);
    if runs_engine(c) {
        set_kept(c, 0);
        *at = c.recv().len();
    }
    Ok(())
}

fn view(bytes: &[u8]) -> Str {
    Str { buf: bytes.as_ptr().cast_mut().cast(), len: bytes.len() }
}

/// Fires an event about `data`, while `recv` ends at `end`. Returns where the next frame starts.
fn deliver(c: Conn, ev: c_int, first: u8, data: Str, end: usize) -> usize {
    let mut message = zeroed!(WsMessage { data: data, flags: first });
    with_front(c, end, || call(c, ev, message.as_mut_ptr().cast()))
}

/// Calls a handler that sees no more of `recv` than its first `end` bytes, and returns where the
/// bytes after them start.
pub fn with_front(c: Conn, end: usize, call: impl FnOnce()) -> usize {
    let buf = c.recv();
    let (base, total) = (buf.base(), buf.len());
    let end = end.min(total);
    if end == total && total < buf.size() {
        // Some take the last message for a C string.
        // SAFETY: a byte of the buffer that is not in use.
        unsafe { base.add(total).write(0) };
    }
    let replaced = buf.with_front(end, || {
        call();
        if runs_engine(c) {
            set_kept(c, kept(c));
        }
    });
    replaced.unwrap_or(end)
}

/// A broken rule: CLOSE with the code, one ERROR that names the rule, then the connection drains.
/// The next frame starts at `at`.
fn fail(c: Conn, state: &WsState, fault: Fault, at: usize) {
    let ws = state;
    let more_comes = is_cut(c, at);
    c.recv().set_len(0);
    set_kept(c, 0);
    ws.ended.set(true);
    let text = fault.to_string();
    log::error(format_args!("{} {} {text}", c.id(), c.fd()));
    if !ws.close_sent.get() {
        send::send(c, &fault.close_code().to_be_bytes(), ws::CLOSE);
    }
    if !clock::linger(c, state, more_comes) {
        c.set(flag::DRAINING);
    }
    conn::report(c, text.as_bytes());
}

/// True when the frame at `at` is not all there.
fn is_cut(c: Conn, at: usize) -> bool {
    // SAFETY: the slice is used before a handler runs.
    let bytes = unsafe { c.recv().bytes() };
    let bytes = bytes.get(at..).unwrap_or_default();
    Header::parse(bytes).map_or(!bytes.is_empty(), |h| h.payload > (bytes.len() - h.len) as u64)
}
