//! Packets to bytes: each appended to `c->send` as a whole, or not at all.

use super::client;
use super::options::{MqttOptions, Props};
use crate::abi::{MqttOpts, Setting, flag};
use crate::codec::mqtt::{Body, MAX_REMAINING, Out, TooLong, write_varint};
use crate::net::event_loop::buf::Buf;
use crate::net::event_loop::conn::{self, output_queued};
use crate::net::event_loop::handle::Conn;
use crate::net::event_loop::mem;
use crate::net::event_loop::state::ConnState;
use core::mem::MaybeUninit;

/// Characters of a client id that the library chooses.
const ID_LEN: usize = 19;

impl Out for Buf {
    fn put(&mut self, bytes: &[u8]) {
        // There is room: `append_header` made it.
        Buf::append(*self, bytes);
    }
}

/// As [`send`], but fires no event yet.
fn append(c: Conn, packet: &impl Body) -> bool {
    let rest = match packet.measure() {
        Ok(rest) => rest,
        Err(fault) => {
            refuse(c, fault);
            return false;
        }
    };
    let out = append_header(c, packet.first(), rest, rest as usize);
    out.map(|mut out| packet.write(&mut out)).is_some()
}

fn refuse(c: Conn, fault: TooLong) {
    conn::error(c, fault.to_string().as_bytes());
}

/// Appends a first byte and a remaining length, and makes room for `room` bytes after them. Returns
/// the buffer; `None` without memory: then the connection has failed.
fn append_header(c: Conn, first: u8, rest: u32, room: usize) -> Option<Buf> {
    let mut buf = c.send();
    let (remaining, len) = write_varint(rest);
    if !buf.reserve(1 + len + room) {
        conn::error(c, b"OOM");
        return None;
    }
    buf.put(&[first]);
    buf.put(&remaining[..len]);
    Some(buf)
}

/// Appends a packet; false, with the buffer unchanged, when the connection has failed.
fn send(c: Conn, packet: &impl Body) -> bool {
    let done = append(c, packet);
    if done {
        output_queued(c);
    }
    done
}

/// Appends a packet with a new packet id, which counts when that worked. Returns it, or 0.
fn send_with_id<P: Body>(c: Conn, packet: impl FnOnce(u16) -> P) -> u16 {
    let newest = c.mgr().map_or(0, |m| m.mqtt_id());
    let id = newest.checked_add(1).unwrap_or(1);
    if !append(c, &packet(id)) {
        return 0;
    }
    if let Some(m) = c.mgr() {
        m.set_mqtt_id(id);
    }
    output_queued(c);
    id
}

/// Queues a fixed header.
pub fn header(c: Conn, first: u8, len: u32) {
    if len > MAX_REMAINING {
        refuse(c, TooLong::Packet);
    } else if append_header(c, first, len, 0).is_some() {
        output_queued(c);
    }
}

/// Queues CONNECT, and makes the connection one of MQTT 5 or not; NULL options have all fields 0.
///
/// # Safety
/// `opts` is NULL or points to options for CONNECT.
pub unsafe fn login(c: Conn, opts: *const MqttOpts) {
    let zero = MaybeUninit::zeroed();
    let random_id = mem::random_text::<{ ID_LEN + 1 }>();
    // SAFETY: the caller vouches for opts; zero bytes are valid options.
    let mut packet = unsafe { MqttOptions::or(opts, &zero).connect(&random_id[..ID_LEN]) };
    packet.properties = packet.properties.map(|properties| announce(c, properties));
    if packet.is_v5() {
        c.set(flag::MQTT5);
    } else {
        c.clear(flag::MQTT5);
    }
    client::keep_login(c, &packet);
    send(c, &packet);
}

/// What a strict client allows, so that the server knows. What the program announces counts.
fn announce<'a>(c: Conn, properties: Props<'a>) -> Props<'a> {
    const ANNOUNCED: [(u8, Setting); 3] = [
        (0x21, Setting::MG_SET_MQTT_RECEIVE_MAX),
        (0x22, Setting::MG_SET_MQTT_TOPIC_ALIASES),
        (0x27, Setting::MG_SET_MQTT_PACKET_LIMIT),
    ];
    let Some(state) = ConnState::of(c) else { return properties };
    let mut settings = state.settings.borrow_mut();
    if !settings.is_on(Setting::MG_SET_MQTT_STRICT) {
        return properties;
    }
    let mut announced = ANNOUNCED.map(|(id, setting)| (id, settings.get(setting) as u32));
    let all = properties.announce(&mut announced);
    for ((_, setting), (_, value)) in ANNOUNCED.into_iter().zip(announced) {
        settings.set(setting, value.into());
    }
    all.without_defaults(&ANNOUNCED.map(|(_, setting)| setting.limits().default as u32))
}

/// Queues PUBLISH. Returns its packet id, and the id of the options for QoS 0; 0 when the connection
/// has failed, and for NULL options.
///
/// # Safety
/// `opts` is NULL or points to options for PUBLISH.
pub unsafe fn publish(c: Conn, opts: *const MqttOpts) -> u16 {
    // SAFETY: the caller vouches for opts.
    let Some(options) = (unsafe { MqttOptions::new(opts) }) else { return 0 };
    if let Some(keeper) = client::keeper(c) {
        return keeper.publish(options);
    }
    let v5 = c.has(flag::MQTT5);
    let packet = options.publish(v5, 0);
    if packet.has_id() && !packet.again {
        return send_with_id(c, |id| options.publish(v5, id));
    }
    if send(c, &packet) { options.retransmit_id() } else { 0 }
}

/// Queues SUBSCRIBE; nothing for NULL options.
///
/// # Safety
/// `opts` is NULL or points to options for SUBSCRIBE.
pub unsafe fn subscribe(c: Conn, opts: *const MqttOpts) {
    // SAFETY: the caller vouches for opts.
    let Some(options) = (unsafe { MqttOptions::new(opts) }) else { return };
    match client::keeper(c) {
        Some(keeper) => keeper.subscribe(options.filter(), |v5, id| options.subscribe(v5, id)),
        None => {
            send_with_id(c, |id| options.subscribe(c.has(flag::MQTT5), id));
        }
    }
}

/// Queues UNSUBSCRIBE; nothing for NULL options.
///
/// # Safety
/// `opts` is NULL or points to options for UNSUBSCRIBE.
pub unsafe fn unsubscribe(c: Conn, opts: *const MqttOpts) {
    // SAFETY: the caller vouches for opts.
    let Some(options) = (unsafe { MqttOptions::new(opts) }) else { return };
    match client::keeper(c) {
        Some(keeper) => keeper.subscribe(options.filter(), |v5, id| options.unsubscribe(v5, id)),
        None => {
            send_with_id(c, |id| options.unsubscribe(c.has(flag::MQTT5), id));
        }
    }
}

/// Queues DISCONNECT, after which the connection is not opened again; NULL options have all fields 0.
///
/// # Safety
/// `opts` is NULL or points to options for DISCONNECT.
pub unsafe fn disconnect(c: Conn, opts: *const MqttOpts) {
    let zero = MaybeUninit::zeroed();
    // SAFETY: the caller vouches for opts; zero bytes are valid options.
    let packet = unsafe { MqttOptions::or(opts, &zero).disconnect(c.has(flag::MQTT5)) };
    send(c, &packet);
    client::finish(c);
}
