use super::*;
use crate::codec::mqtt::{Frame, Property, Publish, encode};

const ROOM: usize = 1 << 20;

/// The properties of packets that have none.
type Nothing = Vec<Property<'static>>;

fn message(id: u16, qos: u8, data: &[u8]) -> Vec<u8> {
    let packet =
        Publish::<Nothing> { qos, retain: false, again: false, id, topic: b"t", properties: None, data };
    encode(&packet).expect("it fits")
}

fn acknowledge(outbox: &mut Outbox, v5: bool, bytes: &[u8]) -> bool {
    let frame = Frame::parse(bytes).expect("sound").expect("whole");
    let packet = frame.packet(v5).expect("sound");
    outbox.acknowledge(&frame, &packet, v5)
}

/// The first bytes of what is due, without the DUP bit, with packet ids; a mark for DUP.
fn due(outbox: &mut Outbox, limits: &Limits) -> Vec<(u8, u16, bool)> {
    let mut newest = 100;
    packets(&outbox.due(limits, &mut newest).bytes)
}

fn packets(mut bytes: &[u8]) -> Vec<(u8, u16, bool)> {
    let mut found = Vec::new();
    while let Some(frame) = Frame::parse(bytes).expect("sound") {
        let packet = frame.packet(false).expect("sound");
        let is_again = packet.command == PUBLISH && frame.bytes[0] & DUP != 0;
        found.push((packet.command, packet.id, is_again));
        bytes = &bytes[frame.bytes.len()..];
    }
    assert!(bytes.is_empty());
    found
}

fn of_three() -> Outbox {
    let mut outbox = Outbox::default();
    for (id, qos) in [(1, 1), (2, 2), (3, 2)] {
        outbox.publish(id, message(id, qos, b"x"), ROOM).expect("room");
    }
    outbox
}

#[test]
fn messages_are_kept_until_they_are_acknowledged() {
    let (mut outbox, limits) = (of_three(), Limits::default());
    assert_eq!(due(&mut outbox, &limits), [(PUBLISH, 1, false), (PUBLISH, 2, false), (PUBLISH, 3, false)]);
    assert_eq!(due(&mut outbox, &limits), []);
    // Not what is no answer to them.
    for other in
        [&[0x40, 2, 0, 2][..], &[0x50, 2, 0, 1], &[0x70, 2, 0, 2], &[0x40, 2, 0, 9], &[0x90, 3, 0, 1, 0]]
    {
        assert!(!acknowledge(&mut outbox, false, other), "{other:x?}");
    }
    assert_eq!(outbox.count(), 3);
    assert!(acknowledge(&mut outbox, false, &[0x40, 2, 0, 1]));
    assert!(acknowledge(&mut outbox, false, &[0x50, 2, 0, 2]));
    assert!(!acknowledge(&mut outbox, false, &[0x50, 2, 0, 2]));
    assert_eq!(outbox.count(), 2);
    assert!(acknowledge(&mut outbox, false, &[0x70, 2, 0, 2]));
    assert!(!outbox.has_message(2) && outbox.has_message(3));
    assert!(acknowledge(&mut outbox, true, &[0x50, 4, 0, 3, 0x97, 0]));
    assert_eq!((outbox.count(), outbox.bytes, outbox.in_flight, outbox.ids.len()), (0, 0, 0, 0));
}

#[test]
fn a_session_goes_on_where_it_was() {
    for present in [true, false] {
        let (mut outbox, limits) = (of_three(), Limits::default());
        due(&mut outbox, &limits);
        acknowledge(&mut outbox, false, &[0x50, 2, 0, 2]);
        let first = packets(&outbox.resume(present));
        assert_eq!(first, if present { vec![(PUBREL, 2, false)] } else { vec![] });
        assert_eq!(outbox.count(), if present { 3 } else { 2 });
        assert_eq!(due(&mut outbox, &limits), [(PUBLISH, 1, true), (PUBLISH, 3, true)]);
        // Once more, before anything is acknowledged.
        outbox.resume(true);
        assert_eq!(due(&mut outbox, &limits), [(PUBLISH, 1, true), (PUBLISH, 3, true)]);
    }
}

#[test]
fn a_receive_maximum_counts_what_is_not_complete() {
    let (mut outbox, limits) = (of_three(), Limits { receive_max: 1, ..Limits::default() });
    assert_eq!(due(&mut outbox, &limits), [(PUBLISH, 1, false)]);
    acknowledge(&mut outbox, false, &[0x40, 2, 0, 1]);
    assert_eq!(due(&mut outbox, &limits), [(PUBLISH, 2, false)]);
    acknowledge(&mut outbox, false, &[0x50, 2, 0, 2]);
    assert_eq!(due(&mut outbox, &limits), []);
    // PUBREL is not counted, and goes out in any case.
    assert_eq!(packets(&outbox.resume(true)), [(PUBREL, 2, false)]);
    assert_eq!(due(&mut outbox, &limits), []);
    acknowledge(&mut outbox, false, &[0x70, 2, 0, 2]);
    assert_eq!(due(&mut outbox, &limits), [(PUBLISH, 3, false)]);
}

#[test]
fn subscriptions_are_made_again_in_a_new_session() {
    let (mut outbox, limits) = (Outbox::default(), Limits::default());
    for (id, first, filter) in [(1, 0x82, b"a"), (2, 0x82, b"b"), (3, 0xa2, b"c")] {
        outbox.subscribe(first, id, filter, &[0, 1, filter[0], 0], ROOM).expect("room");
    }
    let all = [(SUBSCRIBE, 1, false), (SUBSCRIBE, 2, false), (10, 3, false)];
    assert_eq!(due(&mut outbox, &limits), all);
    assert_eq!(due(&mut outbox, &limits), []);
    assert!(acknowledge(&mut outbox, false, &[0x90, 3, 0, 1, 0]));
    assert!(
        !acknowledge(&mut outbox, false, &[0x90, 3, 0, 1, 0])
            && !acknowledge(&mut outbox, false, &[0xb0, 2, 0, 2])
    );
    // What was not answered is asked for again in the same session, and all that is wanted in a new one.
    outbox.resume(true);
    assert_eq!(due(&mut outbox, &limits), all[1..]);
    outbox.resume(false);
    assert_eq!(due(&mut outbox, &limits), [(SUBSCRIBE, 101, false), (SUBSCRIBE, 2, false)]);
    // One that is refused is not kept, and neither is one that ended.
    assert!(acknowledge(&mut outbox, false, &[0x90, 3, 0, 2, 0x80]));
    assert!(acknowledge(&mut outbox, false, &[0x90, 3, 0, 101, 1]));
    outbox.subscribe(0xa2, 9, b"a", &[0, 1, b'a'], ROOM).expect("room");
    assert_eq!(due(&mut outbox, &limits), [(10, 9, false)]);
    assert!(acknowledge(&mut outbox, false, &[0xb0, 2, 0, 9]));
    assert_eq!((outbox.filters.len(), outbox.ids.len(), outbox.bytes), (0, 0, 0));
}

#[test]
fn room_is_bounded_and_nothing_is_half_kept() {
    let mut outbox = Outbox::default();
    let room = 2 * (OVERHEAD + message(1, 1, b"x").len());
    outbox.publish(1, message(1, 1, b"x"), room).expect("room");
    outbox.subscribe(0x82, 2, b"a", &[0, 1, b'a', 0], room).expect("room");
    assert_eq!(outbox.publish(3, message(3, 1, b"x"), room), Err(MqttRefusal::Full));
    assert_eq!(outbox.subscribe(0x82, 4, b"b", &[0, 1, b'b', 0], room), Err(MqttRefusal::Full));
    assert_eq!(outbox.topic(b"t", Some(1), room), Err(MqttRefusal::Full));
    assert_eq!((outbox.count(), outbox.filters.len(), outbox.ids.len()), (1, 1, 2));
    // One in place of another takes no more.
    outbox.subscribe(0xa2, 5, b"a", &[0, 1, b'a'], room).expect("room");
    assert!(!outbox.ids.contains_key(&2));
}

#[test]
fn aliases_have_the_topic_that_they_got_last() {
    let mut outbox = Outbox::default();
    assert_eq!(outbox.topic(b"", Some(1), ROOM), Err(MqttRefusal::NoTopic));
    for topic in [&b"a"[..], b"longer", b"b"] {
        assert_eq!(outbox.topic(topic, Some(1), ROOM), Ok(topic));
        assert_eq!(outbox.topic(b"", Some(1), ROOM), Ok(topic));
    }
    assert_eq!((outbox.bytes, outbox.topic(b"x", None, 0)), (OVERHEAD + 1, Ok(&b"x"[..])));
}

#[test]
fn ids_in_use_are_left_out() {
    let mut outbox = Outbox::default();
    assert_eq!(outbox.fresh_id(u16::MAX), Some(1));
    for id in 1..=u16::MAX {
        assert_eq!(outbox.fresh_id(id - 1), Some(id));
        outbox.publish(id, Vec::from([0x32]), usize::MAX).expect("room");
    }
    assert_eq!(outbox.fresh_id(7), None);
    outbox.remove(41);
    assert_eq!(outbox.fresh_id(7), Some(42));
}

#[test]
fn limits_of_a_connack() {
    let of = |bytes: &[u8], v5| {
        let frame = Frame::parse(bytes).expect("sound").expect("whole");
        Limits::of(&frame, &frame.packet(v5).expect("sound"), v5)
    };
    let full = [0x20, 18, 1, 0, 15, 0x13, 0, 7, 0x21, 0, 9, 0x24, 1, 0x25, 0, 0x27, 0, 0, 1, 0];
    let expected = Limits {
        receive_max: 9,
        packet: 256,
        qos: 1,
        retain: false,
        keep_alive: Some(7),
        session_present: true,
    };
    assert_eq!(of(&full, true), expected);
    assert_eq!(of(&full, false), Limits { session_present: true, receive_max: 20, ..Limits::default() });
    assert_eq!(of(&[0x20, 2, 0, 0], true), Limits::default());
    // No packets at all cannot be meant.
    assert_eq!(of(&[0x20, 6, 0, 0, 3, 0x21, 0, 0], true).receive_max, 1);
    let mut packet = message(1, 2, b"x");
    assert_eq!(expected.refuses(&packet), Some(MqttRefusal::Unsupported));
    assert_eq!(expected.refuses(&message(1, 1, b"x")), None);
    assert_eq!(expected.refuses(&message(1, 1, &[0; 256])), Some(MqttRefusal::TooLarge));
    packet[0] = 0x31;
    assert_eq!(expected.refuses(&packet), Some(MqttRefusal::Unsupported));
}

#[test]
fn what_the_server_does_not_take_is_dropped_and_told() {
    let mut outbox = of_three();
    outbox.publish(4, message(4, 1, &[0; 100]), ROOM).expect("room");
    outbox.publish(0, message(0, 0, b"x"), ROOM).expect("room");
    let due = outbox.due(&Limits { qos: 1, packet: 50, ..Limits::default() }, &mut 0);
    assert_eq!(due.refused, [MqttRefusal::Unsupported, MqttRefusal::Unsupported, MqttRefusal::TooLarge]);
    assert_eq!(packets(&due.bytes), [(PUBLISH, 1, false), (PUBLISH, 0, false)]);
    assert_eq!((outbox.count(), outbox.ids.len()), (1, 1));
}
