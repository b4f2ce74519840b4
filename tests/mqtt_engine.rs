//! The MQTT engine on random streams of packets, from a fixed seed: however they are cut, and whatever
//! handlers do to `c->recv`, the events and the answers are those that the packets call for.
//!
//! There are no sockets: bytes are put into `c->recv`, and the protocol handler is called as the loop
//! would. `FUZZ_EXECUTIONS` sets another number of streams.

#[path = "common/rng.rs"]
mod rng;

use mongoose::abi::*;
use mongoose::capi::conn::{mg_alloc_conn, mg_close_conn};
use mongoose::capi::iobuf::{mg_iobuf_add, mg_iobuf_del};
use mongoose::capi::mgr::{mg_mgr_free, mg_mgr_init};
use mongoose::capi::mqtt::mg_mqtt_listen;
use rng::Rng;
use std::collections::HashSet;
use std::env;
use std::ffi::{c_int, c_long, c_void};
use std::mem::MaybeUninit;
use std::ptr;

/// An event: its number, the packet's id and bytes, the payload of a message; of OPEN the code.
type Event = (c_int, u16, Vec<u8>, Vec<u8>);

/// What happened on a connection.
#[derive(Clone, Debug, Default, PartialEq)]
struct Outcome {
    events: Vec<Event>,
    sent: Vec<u8>,
    left: Vec<u8>,
    closes: bool,
}

/// What a handler does to its connection.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Habit {
    Reads,
    /// Empties `recv`, as some programs do.
    Empties,
    /// Deletes a part.
    Deletes,
    /// Writes over the packet and the message.
    Scribbles,
}

const HABITS: [Habit; 4] = [Habit::Reads, Habit::Empties, Habit::Deletes, Habit::Scribbles];

struct Program {
    habit: Habit,
    outcome: Outcome,
}

unsafe extern "C" fn handler(c: *mut Connection, ev: c_int, data: *mut c_void) {
    // SAFETY: fn_data is the program of the test; the data of each event is what the interface says.
    unsafe {
        let program = &mut *(*c).fn_data.cast::<Program>();
        let bytes = |s: Str| std::slice::from_raw_parts(s.buf.cast::<u8>(), s.len).to_vec();
        match ev {
            MG_EV_MQTT_OPEN => {
                program.outcome.events.push((ev, *data.cast::<c_int>() as u16, Vec::new(), Vec::new()));
            }
            MG_EV_MQTT_MSG | MG_EV_MQTT_CMD => {
                let message = &mut *data.cast::<MqttMessage>();
                let is_publish = message.cmd == MQTT_CMD_PUBLISH;
                // In between, the program may have written over everything.
                let kept = program.outcome.events.last().filter(|(last, ..)| *last == MG_EV_MQTT_MSG);
                let event = match kept {
                    Some((_, id, packet, payload)) if ev == MG_EV_MQTT_CMD => {
                        (ev, *id, packet.clone(), payload.clone())
                    }
                    _ => {
                        assert_eq!(message.dgram.buf.cast::<u8>(), (*c).recv.buf);
                        assert_eq!(message.dgram.len, (*c).recv.len);
                        let payload = if is_publish { bytes(message.data) } else { Vec::new() };
                        (ev, message.id, bytes(message.dgram), payload)
                    }
                };
                program.outcome.events.push(event);
                match program.habit {
                    Habit::Reads => {}
                    Habit::Empties => (*c).recv.len = 0,
                    Habit::Deletes => {
                        mg_iobuf_del(&raw mut (*c).recv, 1, 2);
                    }
                    Habit::Scribbles => {
                        ptr::write_bytes((*c).recv.buf, 0xff, (*c).recv.len);
                        ptr::write_bytes(ptr::from_mut(message), 0xff, 1);
                    }
                }
            }
            MG_EV_ERROR => panic!("there is no error in these streams"),
            _ => {}
        }
    }
}

/// Puts the stream, cut at `cuts`, through a connection with the protocol handler `pfn`.
fn play(mgr: &mut Manager, pfn: EventHandler, stream: &Stream, cuts: &[usize], habit: Habit) -> Outcome {
    let mut program = Box::new(Program { habit, outcome: Outcome::default() });
    // SAFETY: the connection is used as the interface says, and closed before the program goes.
    unsafe {
        let c = mg_alloc_conn(mgr);
        (*c).r#fn = Some(handler);
        (*c).fn_data = (&raw mut *program).cast();
        (*c).pfn = pfn;
        if stream.v5 {
            (*c).flags |= flag::MQTT5;
        }
        let mut from = 0;
        for to in cuts.iter().copied().chain([stream.bytes.len()]) {
            let piece = &stream.bytes[from..to];
            from = to;
            if (*c).flags & flag::CLOSING != 0 || piece.is_empty() {
                continue;
            }
            mg_iobuf_add(&raw mut (*c).recv, (*c).recv.len, piece.as_ptr().cast(), piece.len());
            let mut n = piece.len() as c_long;
            pfn.expect("the engine")(c, MG_EV_READ, (&raw mut n).cast());
        }
        let bytes = |io: IoBuf| {
            if io.len == 0 { Vec::new() } else { std::slice::from_raw_parts(io.buf, io.len).to_vec() }
        };
        program.outcome.sent = bytes(ptr::read(&raw const (*c).send));
        program.outcome.left = bytes(ptr::read(&raw const (*c).recv));
        program.outcome.closes = (*c).flags & flag::CLOSING != 0;
        (*c).r#fn = None;
        mg_close_conn(c);
    }
    program.outcome
}

/// Packets, and what they call for.
struct Stream {
    v5: bool,
    bytes: Vec<u8>,
    expected: Outcome,
    delivered: HashSet<u16>,
}

impl Stream {
    /// Appends a packet with a remaining length in a random form, and its CMD event.
    fn packet(&mut self, rng: &mut Rng, first: u8, id: u16, body: &[u8], payload: &[u8]) -> Vec<u8> {
        let mut packet = vec![first];
        let mut rest = body.len();
        let padding = rng.below(2) * rng.below(3);
        loop {
            packet.push((rest & 0x7f) as u8);
            rest >>= 7;
            let longer = rest == 0 && padding > 0 && packet.len() < 2 + padding;
            if rest == 0 && !longer {
                break;
            }
            *packet.last_mut().expect("just pushed") |= 0x80;
        }
        packet.extend_from_slice(body);
        self.bytes.extend_from_slice(&packet);
        self.expected.events.push((MG_EV_MQTT_CMD, id, packet.clone(), payload.to_vec()));
        packet
    }

    fn message(&mut self, rng: &mut Rng) {
        let (qos, id) = (rng.below(3) as u8, 1 + rng.below(6) as u16);
        let (topic, payload) = (vec![b't'; 1 + rng.below(4)], vec![b'p'; rng.below(3) * rng.below(300)]);
        let dup = qos > 0 && rng.below(2) == 1;
        let mut body = (topic.len() as u16).to_be_bytes().to_vec();
        body.extend_from_slice(&topic);
        if qos > 0 {
            body.extend_from_slice(&id.to_be_bytes());
        }
        if self.v5 && (!payload.is_empty() || rng.below(2) == 1) {
            let block: &[u8] = if rng.below(2) == 1 { &[2, 1, 1] } else { &[0] };
            body.extend_from_slice(block);
        }
        body.extend_from_slice(&payload);
        let first = 0x30 | u8::from(dup) << 3 | qos << 1 | rng.below(2) as u8;
        let id = if qos > 0 { id } else { 0 };
        let packet = self.packet(rng, first, id, &body, &payload);
        let is_new = qos < 2 || self.delivered.insert(id) || !dup;
        if is_new {
            let command = self.expected.events.pop().expect("just pushed");
            self.expected.events.extend([(MG_EV_MQTT_MSG, id, packet, payload), command]);
        }
        if qos > 0 {
            self.answer(if qos == 1 { 0x40 } else { 0x50 }, id, self.v5);
        }
    }

    fn answer(&mut self, first: u8, id: u16, long: bool) {
        let [high, low] = id.to_be_bytes();
        let bytes = [first, if long { 4 } else { 2 }, high, low, 0, 0];
        self.expected.sent.extend_from_slice(&bytes[..if long { 6 } else { 4 }]);
    }

    fn random(rng: &mut Rng) -> Stream {
        let mut s = Stream {
            v5: rng.below(2) == 1,
            bytes: Vec::new(),
            expected: Outcome::default(),
            delivered: HashSet::new(),
        };
        for _ in 0..rng.below(12) {
            let id = 1 + rng.below(6) as u16;
            let number = id.to_be_bytes();
            match rng.below(9) {
                0..=3 => s.message(rng),
                4 => {
                    s.packet(rng, 0x62, id, &number, &[]);
                    s.delivered.remove(&id);
                    s.answer(0x70, id, false);
                }
                5 => {
                    let reason = [0, 0x10, 0x80, 0x97][rng.below(4)];
                    s.packet(rng, 0x50, id, &[number[0], number[1], reason], &[]);
                    if !s.v5 || reason < 0x80 {
                        s.answer(0x62, id, false);
                    }
                }
                6 => {
                    let session = rng.below(2) as u8;
                    s.packet(rng, 0x20, 0, &[session, 0], &[]);
                    let command = s.expected.events.pop().expect("just pushed");
                    s.expected.events.extend([(MG_EV_MQTT_OPEN, 0, Vec::new(), Vec::new()), command]);
                }
                7 => {
                    s.packet(rng, 0x90, id, &[number[0], number[1], 1], &[]);
                }
                _ => {
                    let (first, body) = ([0x10, 0xc0, 0xe0][rng.below(3)], vec![7; rng.below(20)]);
                    s.packet(rng, first, 0, &body, &[]);
                }
            }
        }
        s.end(rng);
        s
    }

    /// Nothing more, a part of a packet, or what is none.
    fn end(&mut self, rng: &mut Rng) {
        let (tail, closes): (&[u8], bool) = match rng.below(4) {
            0 => (b"\x32\x09\0\x01x", false),
            1 => (b"\x30\x01\0", true),
            2 => (b"\x36\x05\0\x01x\0\x01", true),
            _ => (b"", false),
        };
        self.bytes.extend_from_slice(tail);
        self.expected.left = tail.to_vec();
        self.expected.closes = closes;
    }
}

#[test]
fn streams_of_packets() {
    let streams = env::var("FUZZ_EXECUTIONS").map_or(1000, |n| n.parse().expect("a number"));
    let mut rng = Rng(0x1234_5678_9abc_def1);
    // SAFETY: the manager is initialised, used in this thread, and freed.
    unsafe {
        mongoose::capi::log::mg_log_level = 0;
        let mut mgr = MaybeUninit::<Manager>::zeroed();
        mg_mgr_init(mgr.as_mut_ptr());
        let mgr = mgr.assume_init_mut();
        let listener = mg_mqtt_listen(mgr, c"mqtt://127.0.0.1:0".as_ptr(), None, ptr::null_mut());
        assert!(!listener.is_null());
        let pfn = (*listener).pfn;
        for _ in 0..streams {
            let stream = Stream::random(&mut rng);
            let len = stream.bytes.len();
            let mut some: Vec<usize> = (0..rng.below(6)).map(|_| rng.below(len + 1)).collect();
            some.sort_unstable();
            for cuts in [Vec::new(), some, (0..len).collect()] {
                for habit in HABITS {
                    let outcome = play(mgr, pfn, &stream, &cuts, habit);
                    assert_eq!(outcome, stream.expected, "{habit:?}, cut at {cuts:?}: {:x?}", stream.bytes);
                }
            }
        }
        mg_mgr_free(mgr);
    }
}
