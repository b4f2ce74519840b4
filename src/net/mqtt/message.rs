//! Packets as programs see them.

use crate::abi::{MQTT_INCOMPLETE, MQTT_MALFORMED, MQTT_OK, MqttMessage, MqttProp, Str};
use crate::codec::mqtt::{self, Frame, Malformed, Packet};
use crate::net::event_loop::view;
use core::ffi::c_int;
use core::ptr;

/// Parses the packet at the start of `bytes` into `to`, which is zeroed first but for the address in
/// `dgram`.
///
/// # Safety
/// `to` is valid for writes.
pub unsafe fn parse(bytes: &[u8], v5: bool, to: *mut MqttMessage) -> c_int {
    // SAFETY: the caller vouches for `to`. Padding is zeroed as well: programs read `ack` as an int.
    unsafe {
        ptr::write_bytes(to, 0, 1);
        (*to).dgram.buf = bytes.as_ptr().cast_mut().cast();
        if let [first, _, ..] = bytes {
            (*to).cmd = mqtt::command(*first);
            (*to).qos = mqtt::qos(*first);
        }
        let frame = match Frame::parse(bytes) {
            Ok(Some(frame)) => frame,
            Ok(None) => return MQTT_INCOMPLETE,
            Err(Malformed) => return MQTT_MALFORMED,
        };
        (*to).dgram.len = frame.bytes.len();
        let Ok(packet) = frame.packet(v5) else { return MQTT_MALFORMED };
        fill(to, &frame, &packet);
    }
    MQTT_OK
}

/// Writes the parts of a packet to a zeroed message.
///
/// # Safety
/// `to` is valid for writes.
pub unsafe fn fill(to: *mut MqttMessage, frame: &Frame, packet: &Packet) {
    // SAFETY: the caller vouches for `to`; each field is written on its own, so that the padding
    // stays as it is.
    unsafe {
        (*to).dgram = frame.bytes.into();
        (*to).cmd = packet.command;
        (*to).qos = packet.qos;
        (*to).id = packet.id;
        (*to).ack = packet.ack;
        if packet.command == mqtt::PUBLISH {
            (*to).topic = packet.topic.into();
            (*to).data = packet.data.into();
        }
        (*to).props_start = packet.properties.start;
        (*to).props_size = packet.properties.len();
    }
}

/// Leaves a message without bytes.
///
/// # Safety
/// `to` is valid for writes.
pub unsafe fn clear_views(to: *mut MqttMessage) {
    // SAFETY: the caller vouches for `to`.
    unsafe {
        ((*to).topic, (*to).data, (*to).dgram) = (Str::NULL, Str::NULL, Str::NULL);
        ((*to).props_start, (*to).props_size) = (0, 0);
    }
}

/// Reads the property at `ofs` of a message's block into `to`; returns where the next one starts, 0
/// at the end and for what is no property.
///
/// # Safety
/// `message` points to a message whose `dgram` is valid, `to` is valid for writes.
pub unsafe fn next_property(message: *const MqttMessage, to: *mut MqttProp, ofs: usize) -> usize {
    // SAFETY: the caller vouches for both.
    unsafe {
        let (start, size) = ((*message).props_start, (*message).props_size);
        let packet = view::bytes((*message).dgram);
        let block = start.checked_add(size).and_then(|end| packet.get(start..end));
        let Some(rest) = block.and_then(|block| block.get(ofs..)).filter(|rest| !rest.is_empty()) else {
            return 0;
        };
        ptr::write_bytes(to, 0, 1);
        (*to).id = rest[0];
        let Some((property, len)) = mqtt::next_property(rest) else { return 0 };
        (*to).iv = property.number;
        let view = |bytes: &[u8]| Str::from(bytes);
        match mqtt::kind(property.id) {
            Some(mqtt::Kind::Bytes) => (*to).val = view(property.value),
            Some(mqtt::Kind::Pair) => ((*to).key, (*to).val) = (view(property.key), view(property.value)),
            _ => {}
        }
        ofs + len
    }
}
