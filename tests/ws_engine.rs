//! The WebSocket engine on random streams of frames, from a fixed seed: whatever comes, and however
//! it is cut, the events, the answers and the end are the same.
//!
//! There are no sockets: bytes are put into `c->recv`, and the protocol handler is called as the
//! loop would. `FUZZ_EXECUTIONS` sets another number of streams.

#[path = "common/rng.rs"]
mod rng;

use mongoose::abi::*;
use mongoose::capi::conn::{mg_alloc_conn, mg_close_conn};
use mongoose::capi::iobuf::{mg_iobuf_add, mg_iobuf_del};
use mongoose::capi::mgr::{mg_mgr_free, mg_mgr_init};
use mongoose::capi::settings::mg_conn_set;
use mongoose::capi::ws::{mg_ws_send, mg_ws_vupgrade};
use mongoose::codec::ws::deflate::Deflate;
use mongoose::codec::ws::extension::Agreement;
use mongoose::codec::ws::{Header, MAX_HEADER, mask};
use rng::Rng;
use std::env;
use std::ffi::{CStr, c_int, c_long, c_void};
use std::mem::MaybeUninit;
use std::ptr;

impl Rng {
    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }
}

/// What happened on a connection.
#[derive(Debug, Default, PartialEq)]
struct Outcome {
    /// Event, first byte, payload; of an error the text.
    events: Vec<(c_int, u8, Vec<u8>)>,
    sent: Vec<u8>,
    /// What waits for more: not the same after an error or the end.
    left: usize,
}

/// What a handler does to its connection.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Habit {
    Reads,
    /// Empties `recv` when a message came, as some programs do.
    Empties,
    Deletes,
    /// Changes the message, and echoes.
    Scribbles,
}

struct Program {
    habit: Habit,
    outcome: Outcome,
}

unsafe extern "C" fn handler(c: *mut Connection, ev: c_int, data: *mut c_void) {
    // SAFETY: fn_data is the program of the test; the data of each event is what the interface says.
    unsafe {
        let program = &mut *(*c).fn_data.cast::<Program>();
        match ev {
            MG_EV_ERROR => {
                let text = CStr::from_ptr(data.cast()).to_bytes().to_vec();
                program.outcome.events.push((ev, 0, text));
            }
            MG_EV_WS_MSG | MG_EV_WS_CTL => {
                let message = &mut *data.cast::<WsMessage>();
                assert!(!message.data.buf.is_null());
                let payload = std::slice::from_raw_parts(message.data.buf.cast::<u8>(), message.data.len);
                program.outcome.events.push((ev, message.flags, payload.to_vec()));
                match program.habit {
                    Habit::Reads => {}
                    Habit::Empties if ev == MG_EV_WS_MSG => (*c).recv.len = 0,
                    Habit::Deletes if ev == MG_EV_WS_MSG => {
                        mg_iobuf_del(&raw mut (*c).recv, 0, (*c).recv.len);
                    }
                    Habit::Scribbles => {
                        *message =
                            WsMessage { data: Str { buf: ptr::null_mut(), len: 1 << 40 }, flags: 0xff };
                    }
                    _ => {}
                }
            }
            _ => {}
        }
    }
}

/// A request that upgrades.
fn request() -> HttpMessage {
    const KEY: HttpHeader = HttpHeader {
        name: Str { buf: c"Sec-WebSocket-Key".as_ptr().cast_mut(), len: 17 },
        value: Str { buf: c"dGhlIHNhbXBsZSBub25jZQ==".as_ptr().cast_mut(), len: 24 },
    };
    const DEFLATE: HttpHeader = HttpHeader {
        name: Str { buf: c"Sec-WebSocket-Extensions".as_ptr().cast_mut(), len: 24 },
        value: Str { buf: c"permessage-deflate".as_ptr().cast_mut(), len: 18 },
    };
    const fn text(text: &'static CStr) -> Str {
        Str { buf: text.as_ptr().cast_mut(), len: text.count_bytes() }
    }
    // SAFETY: zero bytes are a valid message.
    let mut hm: HttpMessage = unsafe { MaybeUninit::zeroed().assume_init() };
    hm.method = text(c"GET");
    hm.proto = text(c"HTTP/1.1");
    let upgrade = HttpHeader { name: text(c"Upgrade"), value: text(c"websocket") };
    let connection = HttpHeader { name: text(c"Connection"), value: text(c"Upgrade") };
    let slots = HttpMessage::headers_at(&raw mut hm);
    for (i, header) in [KEY, DEFLATE, upgrade, connection].into_iter().enumerate() {
        // SAFETY: the message has more slots than that.
        unsafe { slots.add(i).write(header) };
    }
    hm
}

/// Which side the connection is, and whether it has agreed on compression.
#[derive(Clone, Copy, Debug)]
struct Kind {
    client: bool,
    deflate: bool,
}

/// Puts the stream, cut at `cuts`, through a connection.
fn play(mgr: &mut Manager, stream: &[u8], cuts: &[usize], habit: Habit, kind: Kind) -> Outcome {
    let mut program = Box::new(Program { habit, outcome: Outcome::default() });
    // SAFETY: the connection is used as the interface says, and closed before the program goes.
    unsafe {
        let c = mg_alloc_conn(mgr);
        (*c).r#fn = Some(handler);
        (*c).fn_data = (&raw mut *program).cast();
        mg_conn_set(c, Setting::MG_SET_RECV_LIMIT as c_int, 4000);
        mg_conn_set(c, Setting::MG_SET_WS_DEFLATE as c_int, if kind.deflate { 15 } else { 0 });
        if kind.client {
            (*c).flags |= flag::CLIENT;
        }
        let mut hm = request();
        mg_ws_vupgrade(c, &raw mut hm, ptr::null(), ptr::null_mut());
        (*c).send.len = 0;
        let mut from = 0;
        for to in cuts.iter().copied().chain([stream.len()]) {
            let mut n = (to - from) as c_long;
            if n > 0 {
                let piece = &stream[from..to];
                mg_iobuf_add(&raw mut (*c).recv, (*c).recv.len, piece.as_ptr().cast(), piece.len());
                from = to;
                let protocol = (*c).pfn.expect("the WebSocket handler");
                protocol(c, MG_EV_READ, (&raw mut n).cast());
                // A frame that announces too much is refused when the program has had its turn.
                let mut none: c_long = 0;
                protocol(c, MG_EV_READ, (&raw mut none).cast());
                assert!((*c).recv.len <= (*c).recv.size);
                assert!((*c).pfn_data as usize <= (*c).recv.len);
            }
        }
        program.outcome.left = (*c).recv.len;
        program.outcome.sent = unmasked(std::slice::from_raw_parts((*c).send.buf, (*c).send.len));
        mg_close_conn(c);
    }
    program.outcome
}

/// Whole frames without their masks, which are never the same.
fn unmasked(mut bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    while let Some(header) = Header::parse(bytes) {
        let (frame, rest) = bytes.split_at(header.len + header.payload as usize);
        let mut payload = frame[header.len..].to_vec();
        mask(&mut payload, header.mask.unwrap_or_default());
        let mut head = [0; MAX_HEADER];
        let n = Header::write(header.first, header.payload, None, &mut head);
        out.extend([&head[..n], &payload].concat());
        bytes = rest;
    }
    assert!(bytes.is_empty());
    out
}

/// The text compressed, as a message of its own.
fn compressed(text: &[u8]) -> Option<Vec<u8>> {
    let agreed = Agreement { send_bits: Some(15), send_keep: false, recv_bits: 15, recv_keep: false };
    let mut out = vec![0; Deflate::room(text.len())];
    let len = Deflate::new(agreed).compress(text, &mut out)?;
    out.truncate(len);
    Some(out)
}

/// A frame, mostly a good one.
fn frame(rng: &mut Rng, out: &mut Vec<u8>, open: &mut bool, kind: Kind) {
    let odd = rng.below(12) == 0;
    let control = rng.below(3) == 0;
    let (op, fin) = match (odd, control) {
        (true, _) => (rng.below(256) as u8 & 0x7f, rng.below(2) == 0),
        (_, true) => (rng.pick(&[8, 9, 9, 9, 10, 10]), true),
        _ => {
            let fin = rng.below(2) == 0;
            let op = if *open { 0 } else { rng.pick(&[1, 1, 2]) };
            *open = !fin;
            (op, fin)
        }
    };
    let mut payload: Vec<u8> = match rng.below(5) {
        0 => Vec::new(),
        1 => "aä€😀".repeat(rng.below(5)).into_bytes(),
        2 => vec![b'x'; rng.below(300)],
        3 => (0..rng.below(40)).map(|_| rng.below(256) as u8).collect(),
        _ => b"\x03\xe8".to_vec(),
    };
    if rng.below(8) == 0 {
        payload.truncate(payload.len() / 2);
    }
    let mut first = op | if fin { 0x80 } else { 0 };
    if kind.deflate
        && matches!(first, 1..=2 | 0x81..=0x82)
        && rng.below(2) == 0
        && let Some(less) = compressed(&payload)
    {
        first |= 0x40;
        payload = less;
    }
    out.push(first);
    let form = rng.below(20);
    let mask = if (rng.below(40) == 0) == kind.client { 0x80 } else { 0 };
    let n = payload.len();
    match form {
        0 => {
            out.push(mask | 127);
            let high = if rng.below(4) == 0 { 1 << 63 } else { 0 };
            out.extend(((n as u64) | high).to_be_bytes());
        }
        1..=2 => {
            out.push(mask | 126);
            out.extend((n as u16).to_be_bytes());
        }
        _ if n < 126 => out.push(mask | n as u8),
        _ => {
            out.push(mask | 126);
            out.extend((n as u16).to_be_bytes());
        }
    }
    let key = [rng.below(256) as u8, 2, 3, rng.below(256) as u8];
    if mask != 0 {
        out.extend(key);
        payload.iter_mut().enumerate().for_each(|(i, byte)| *byte ^= key[i % 4]);
    }
    out.extend(payload);
}

fn stream(rng: &mut Rng, kind: Kind) -> Vec<u8> {
    let mut out = Vec::new();
    let mut open = false;
    for _ in 0..=rng.below(8) {
        frame(rng, &mut out, &mut open, kind);
    }
    if rng.below(4) == 0 {
        let at = rng.below(out.len());
        out[at] ^= 1 << rng.below(8);
    }
    if rng.below(8) == 0 {
        out.truncate(rng.below(out.len() + 1));
    }
    out
}

fn executions() -> usize {
    match env::var("FUZZ_EXECUTIONS") {
        Ok(text) => text.parse().expect("FUZZ_EXECUTIONS is a number"),
        Err(_) if cfg!(debug_assertions) => 10_000,
        Err(_) => 100_000,
    }
}

fn with_manager(test: impl FnOnce(&mut Manager)) {
    // SAFETY: zero bytes are a valid manager; it is initialised, and freed at the end.
    unsafe {
        mongoose::capi::log::mg_log_level = 0;
        let mut mgr: Box<Manager> = Box::new(MaybeUninit::zeroed().assume_init());
        mg_mgr_init(&raw mut *mgr);
        test(&mut mgr);
        mg_mgr_free(&raw mut *mgr);
    }
}

#[test]
fn streams_mean_the_same_however_they_are_cut() {
    with_manager(|mgr| {
        let mut rng = Rng(0x9e37_79b9_7f4a_7c15);
        for _ in 0..executions() {
            let kind = Kind { client: rng.below(2) == 0, deflate: rng.below(2) == 0 };
            let stream = stream(&mut rng, kind);
            let mut cuts: Vec<usize> = match rng.below(4) {
                0 => (0..stream.len()).collect(),
                _ => (0..rng.below(6)).map(|_| rng.below(stream.len() + 1)).collect(),
            };
            cuts.sort_unstable();
            let habit = rng.pick(&[Habit::Reads, Habit::Empties, Habit::Deletes, Habit::Scribbles]);
            let whole = play(mgr, &stream, &[], Habit::Reads, kind);
            let pieces = play(mgr, &stream, &cuts, habit, kind);
            assert_eq!(whole, pieces, "{stream:02x?} cut at {cuts:?}, {habit:?}, {kind:?}");
        }
    });
}

/// Frames of the opcode in a stream of whole unmasked frames.
fn frames(mut bytes: &[u8], opcode: u8) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    while let Some(header) = Header::parse(bytes) {
        let end = header.len + header.payload as usize;
        if header.opcode() == opcode {
            found.push(bytes[header.len..end].to_vec());
        }
        bytes = &bytes[end..];
    }
    assert!(bytes.is_empty());
    found
}

#[test]
fn the_end_comes_once() {
    with_manager(|mgr| {
        let mut rng = Rng(42);
        for _ in 0..executions() / 10 {
            let kind = Kind { client: rng.below(2) == 0, deflate: false };
            let stream = stream(&mut rng, kind);
            let outcome = play(mgr, &stream, &[], Habit::Reads, kind);
            let closes = frames(&outcome.sent, 8);
            let ends = outcome.events.iter().filter(|e| e.0 == MG_EV_ERROR || e.1 == 0x88).count();
            assert_eq!(closes.len(), ends, "{stream:02x?}");
            assert!(ends <= 1, "{stream:02x?}");
            if ends == 1 {
                let last = outcome.events.last().expect("the end");
                assert!(last.0 == MG_EV_ERROR || last.1 == 0x88, "nothing follows the end: {stream:02x?}");
                assert_eq!(outcome.left, 0);
            }
            let pings = outcome.events.iter().filter(|e| e.1 == 0x89).map(|e| e.2.clone());
            assert_eq!(frames(&outcome.sent, 10), pings.collect::<Vec<_>>());
        }
    });
}

/// A program's own connection has none of the library's memory after it.
#[test]
fn frames_go_to_a_connection_that_is_not_ours() {
    // SAFETY: zero bytes are a valid connection; its buffer is released.
    unsafe {
        let mut c: Connection = MaybeUninit::zeroed().assume_init();
        assert_eq!(mg_ws_send(&raw mut c, c"hello".as_ptr().cast(), 5, WEBSOCKET_OP_TEXT), 7);
        assert_eq!(std::slice::from_raw_parts(c.send.buf, c.send.len), b"\x81\x05hello");
        mongoose::capi::iobuf::mg_iobuf_free(&raw mut c.send);
    }
}
