//! MQTT packets.

use super::inside;
use mongoose::codec::mqtt::{
    Body, Frame, From, MAX_REMAINING, Out, PUBLISH, Property, Publish, next_property, write_varint,
};

struct Bytes(Vec<u8>);

impl Out for Bytes {
    fn put(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }
}

/// Packets are cut one after the other. Their parts lie within them, and a message that is made of
/// the parts of another has the same parts.
pub fn packets(data: &[u8]) {
    let Some((&bits, mut rest)) = data.split_first() else { return };
    let v5 = bits & 1 != 0;
    while let Ok(Some(frame)) = Frame::parse(rest) {
        inside(rest, frame.bytes);
        assert_eq!(Frame::len(rest), Ok(Some(frame.bytes.len())));
        assert_eq!(Frame::parse(&rest[..frame.bytes.len() - 1]), Ok(None));
        rest = &rest[frame.bytes.len()..];
        let Ok(packet) = frame.packet(v5) else { continue };
        if let Some(answer) = frame.answer(&packet, v5) {
            let answer = Frame::parse(answer.bytes()).expect("good").expect("whole");
            assert_eq!(answer.packet(v5).expect("good").id, packet.id);
        }
        let properties = properties(&frame.bytes[packet.properties.clone()]);
        for from in [From::Client, From::Server] {
            // Who is strict is never laxer.
            assert!(frame.check(&packet, v5, from).is_err() || frame.is_sound(&packet, v5));
        }
        if packet.command != PUBLISH || packet.qos == 3 || (packet.qos > 0 && packet.id == 0) {
            continue;
        }
        inside(frame.bytes, packet.topic);
        inside(frame.bytes, packet.data);
        let again = Publish {
            qos: packet.qos,
            retain: frame.bytes[0] & 1 != 0,
            again: frame.bytes[0] & 8 != 0,
            id: packet.id,
            topic: packet.topic,
            properties: v5.then_some(properties),
            data: packet.data,
        };
        let remaining = again.measure().expect("it came in a packet");
        let mut out = Bytes(vec![again.first()]);
        out.varint(remaining);
        let header = out.0.len();
        again.write(&mut out);
        assert_eq!(out.0.len() - header, remaining as usize);
        let copy = Frame::parse(&out.0).expect("good").expect("whole").packet(v5).expect("good");
        assert_eq!((copy.topic, copy.data, copy.id), (packet.topic, packet.data, packet.id));
        assert_eq!(self::properties(&out.0[copy.properties]), again.properties.unwrap_or_default());
    }
    let number = data.iter().fold(0u32, |n, &b| n << 8 | u32::from(b));
    let (bytes, len) = write_varint(number);
    assert_eq!(
        Frame::len(&[&[0xc0], &bytes[..len]].concat()),
        Ok(Some(1 + len + number.min(MAX_REMAINING) as usize))
    );
}

/// The properties up to the end of a block, or to what is none.
fn properties(mut block: &[u8]) -> Vec<Property<'_>> {
    let mut found = Vec::new();
    while let Some((property, len)) = next_property(block) {
        inside(block, &block[..len]);
        found.push(property);
        block = &block[len..];
    }
    found
}
