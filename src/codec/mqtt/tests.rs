//! Tests of packets, properties and numbers.

use super::*;
use proptest::prelude::*;

fn bytes(hex: &str) -> Vec<u8> {
    hex.split_whitespace().map(|b| u8::from_str_radix(b, 16).expect("hexadecimal")).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect::<Vec<_>>().join(" ")
}

/// A whole packet in hexadecimal.
fn written(packet: &impl Body) -> String {
    let mut out = vec![packet.first()];
    let rest = packet.measure().expect("it fits");
    out.varint(rest);
    let header = out.len();
    packet.write(&mut out);
    assert_eq!(out.len() - header, rest as usize, "the length counts what is written");
    hex(&out)
}

type Props = Vec<Property<'static>>;

fn parse(hex: &str, v5: bool) -> Result<Option<usize>, Malformed> {
    let bytes = bytes(hex);
    match Frame::parse(&bytes)? {
        Some(frame) => frame.packet(v5).map(|_| Some(frame.bytes.len())),
        None => Ok(None),
    }
}

#[test]
fn numbers_at_their_limits() {
    for (number, wire) in [
        (0, "00"),
        (127, "7f"),
        (128, "80 01"),
        (16383, "ff 7f"),
        (16384, "80 80 01"),
        (2_097_151, "ff ff 7f"),
        (2_097_152, "80 80 80 01"),
        (MAX_REMAINING, "ff ff ff 7f"),
    ] {
        let (out, len) = write_varint(number);
        assert_eq!(hex(&out[..len]), wire);
        assert_eq!(varint::read(&out[..len]), Ok(Some((number, len))));
        assert_eq!(varint::read(&out[..len - 1]), Ok(None));
    }
    assert_eq!(write_varint(MAX_REMAINING + 1), write_varint(MAX_REMAINING));
}

#[test]
fn frames_are_cut_by_their_length() {
    for (wire, found) in [
        ("", Ok(None)),
        ("c0", Ok(None)),
        ("c0 00", Ok(Some(2))),
        ("c0 00 d0", Ok(Some(2))),
        // Longer than it need be.
        ("c0 80 80 80 00", Ok(Some(5))),
        ("c0 80 80 80 80", Ok(None)),
        ("c0 80 80 80 80 00", Err(Malformed)),
        ("00 00", Ok(Some(2))),
        ("30 05 00 01 78 61", Ok(None)),
        ("32 05 00 01 78 00 07 c0 00", Ok(Some(7))),
    ] {
        assert_eq!(parse(wire, false), found, "{wire}");
    }
}

#[test]
fn parts_that_are_missing() {
    for wire in [
        "20 00",
        "20 01 00",
        "30 00",
        "30 01 00",
        "30 03 00 02 78",
        "32 03 00 01 78",
        "32 04 00 01 78 00",
        "40 00",
        "50 01 00",
        "62 01 00",
        "70 00",
        "82 01 00",
        "90 00",
        "a2 01 00",
        "b0 01 00",
    ] {
        assert_eq!(parse(wire, false), Err(Malformed), "{wire}");
    }
    for wire in ["30 06 00 01 78 03 01 01", "30 04 00 01 78 80", "30 08 00 01 78 80 80 80 80 00"] {
        assert_eq!(parse(wire, true), Err(Malformed), "{wire}");
        assert!(parse(wire, false).is_ok(), "{wire}");
    }
    for wire in ["10 00", "c0 00", "d0 00", "e0 00", "f0 00"] {
        assert_eq!(parse(wire, true), Ok(Some(2)), "{wire}");
    }
}

#[test]
fn publish_with_and_without_properties() {
    for (wire, v5, id, data, properties) in [
        ("30 06 00 01 78 02 0b 05", false, 0, "02 0b 05", 0..0),
        ("30 06 00 01 78 02 0b 05", true, 0, "", 6..8),
        ("32 0d 00 01 78 00 03 06 26 00 01 6b 00 00 44", true, 3, "44", 8..14),
        // Empty blocks before little or nothing, and none at all.
        ("30 04 00 01 78 00", true, 0, "", 6..6),
        ("30 05 00 01 78 00 44", true, 0, "44", 6..6),
        ("30 03 00 01 78", true, 0, "", 0..0),
        ("34 05 00 01 78 01 02", true, 258, "", 0..0),
    ] {
        let bytes = bytes(wire);
        let packet = Frame::parse(&bytes).unwrap().expect("complete").packet(v5).expect("good");
        assert_eq!((packet.topic, packet.id), (&b"x"[..], id), "{wire}");
        assert_eq!((hex(packet.data).as_str(), packet.properties), (data, properties), "{wire}");
    }
}

#[test]
fn what_is_answered_by_itself() {
    for (wire, v5, answer) in [
        ("30 03 00 01 78", false, None),
        ("32 05 00 01 78 00 07", false, Some("40 02 00 07")),
        ("32 06 00 01 78 00 07 00", true, Some("40 04 00 07 00 00")),
        ("34 05 00 01 78 01 02", false, Some("50 02 01 02")),
        ("34 06 00 01 78 01 02 00", true, Some("50 04 01 02 00 00")),
        ("50 02 00 09", false, Some("62 02 00 09")),
        ("50 02 00 09", true, Some("62 02 00 09")),
        ("50 03 00 09 10", true, Some("62 02 00 09")),
        // The peer refused the message.
        ("50 03 00 09 80", true, None),
        ("50 03 00 09 80", false, Some("62 02 00 09")),
        ("62 02 00 09", true, Some("70 02 00 09")),
        ("70 02 00 09", false, None),
        ("40 02 00 09", false, None),
        ("c0 00", false, None),
        ("20 02 00 00", false, None),
        ("82 06 00 01 00 01 61 00", false, None),
    ] {
        let bytes = bytes(wire);
        let frame = Frame::parse(&bytes).unwrap().expect("complete");
        let packet = frame.packet(v5).expect("good");
        assert_eq!(frame.answer(&packet, v5).map(|a| hex(a.bytes())).as_deref(), answer, "{wire}");
    }
}

#[test]
fn rules_of_qos() {
    for (wire, breaks) in [
        ("30 03 00 01 78", false),
        ("32 05 00 01 78 00 01", false),
        ("32 05 00 01 78 00 00", true),
        ("34 05 00 01 78 00 00", true),
        ("36 05 00 01 78 00 01", true),
        ("62 02 00 00", false),
    ] {
        let bytes = bytes(wire);
        let frame = Frame::parse(&bytes).unwrap().expect("complete");
        let packet = frame.packet(false).expect("good");
        assert_eq!(frame.is_sound(&packet, false), !breaks, "{wire}");
    }
}

fn text(id: u8, value: &'static [u8]) -> Property<'static> {
    Property { id, value, ..Property::default() }
}

fn number(id: u8, number: u32) -> Property<'static> {
    Property { id, number, ..Property::default() }
}

#[test]
fn properties_of_every_kind() {
    for (property, wire) in [
        (number(0x01, 0x101), "01 01"),
        (number(0x23, 0x51234), "23 12 34"),
        (number(0x11, 300), "11 00 00 01 2c"),
        (number(0x0b, 300), "0b ac 02"),
        (number(0x0b, u32::MAX), "0b ff ff ff 7f"),
        (text(0x09, &[1, 2]), "09 00 02 01 02"),
        (text(0x03, b""), "03 00 00"),
        (Property { key: b"k", ..text(0x26, b"vv") }, "26 00 01 6b 00 02 76 76"),
        // Left out of the length and of the body.
        (text(0x7f, b"x"), ""),
        (text(0x00, b"x"), ""),
    ] {
        let mut out = Vec::new();
        property.write(&mut out);
        assert_eq!(hex(&out), wire);
        if !out.is_empty() {
            let (found, len) = next_property(&out).expect("a property");
            assert_eq!((found.id, found.key, found.value), (property.id, property.key, property.value));
            assert_eq!(len, out.len());
            assert_eq!(next_property(&out[..len - 1]), None, "{wire} is cut");
        }
    }
    let pair = bytes("26 00 00 00 00");
    assert_eq!(next_property(&pair).map(|(_, len)| len), Some(5));
    for wire in ["", "0b 80 80 80 80", "0b 80 80 80 80 01", "7f 00", "09 00 03 61 62"] {
        assert_eq!(next_property(&bytes(wire)), None, "{wire}");
    }
}

fn connect() -> Connect<'static, Props> {
    Connect {
        level: 4,
        clean: false,
        keepalive: 0,
        properties: None,
        client_id: b"dev7",
        will_qos: 0,
        will_retain: false,
        will: None,
        user: b"",
        password: b"",
    }
}

#[test]
fn connect_packets() {
    let will = |topic, message| Some(Will { properties: None, topic, message });
    let v5 = Connect { level: 5, properties: Some(vec![]), ..connect() };
    for (packet, wire) in [
        (connect(), "10 10 00 04 4d 51 54 54 04 00 00 00 00 04 64 65 76 37"),
        (v5.clone(), "10 11 00 04 4d 51 54 54 05 00 00 00 00 00 04 64 65 76 37"),
        (
            Connect { clean: true, keepalive: 30, ..v5.clone() },
            "10 11 00 04 4d 51 54 54 05 02 00 1e 00 00 04 64 65 76 37",
        ),
        (
            Connect { user: b"bob", password: b"pw", ..connect() },
            "10 19 00 04 4d 51 54 54 04 c0 00 00 00 04 64 65 76 37 00 03 62 6f 62 00 02 70 77",
        ),
        (
            Connect { password: b"pw", ..connect() },
            "10 16 00 04 4d 51 54 54 04 c0 00 00 00 04 64 65 76 37 00 00 00 02 70 77",
        ),
        (
            Connect { will: will(b"w/t", b"bye"), will_qos: 1, will_retain: true, ..connect() },
            "10 1a 00 04 4d 51 54 54 04 2c 00 00 00 04 64 65 76 37 00 03 77 2f 74 00 03 62 79 65",
        ),
        (
            Connect { will: will(b"w/t", b""), ..connect() },
            "10 17 00 04 4d 51 54 54 04 04 00 00 00 04 64 65 76 37 00 03 77 2f 74 00 00",
        ),
        (
            Connect { will_qos: 2, will_retain: true, ..connect() },
            "10 10 00 04 4d 51 54 54 04 30 00 00 00 04 64 65 76 37",
        ),
        (Connect { will_qos: 7, ..connect() }, "10 10 00 04 4d 51 54 54 04 10 00 00 00 04 64 65 76 37"),
        (
            Connect {
                properties: Some(vec![number(0x11, 300), Property { key: b"k", ..text(0x26, b"vv") }]),
                will: Some(Will { properties: Some(vec![number(0x18, 5)]), topic: b"w", message: b"m" }),
                ..v5
            },
            "10 2a 00 04 4d 51 54 54 05 04 00 00 0d 11 00 00 01 2c 26 00 01 6b 00 02 76 76 00 04 64 65 76 37 \
             05 18 00 00 00 05 00 01 77 00 01 6d",
        ),
    ] {
        assert_eq!(written(&packet), wire);
    }
}

fn publish() -> Publish<'static, Props> {
    Publish { qos: 0, retain: false, again: false, id: 9, topic: b"t/1", properties: None, data: b"hey" }
}

#[test]
fn other_packets() {
    let aliased = vec![number(0x23, 0x1234), text(0x09, &[1, 2]), number(0x0b, 300), number(0x01, 0x101)];
    for (packet, wire) in [
        (publish(), "30 08 00 03 74 2f 31 68 65 79"),
        (Publish { retain: true, properties: Some(vec![]), ..publish() }, "31 09 00 03 74 2f 31 00 68 65 79"),
        (Publish { qos: 1, ..publish() }, "32 0a 00 03 74 2f 31 00 09 68 65 79"),
        (Publish { qos: 2, ..publish() }, "34 0a 00 03 74 2f 31 00 09 68 65 79"),
        // 3 means nothing, and bits above it do not count.
        (Publish { qos: 3, ..publish() }, "34 0a 00 03 74 2f 31 00 09 68 65 79"),
        (Publish { qos: 4, ..publish() }, "30 08 00 03 74 2f 31 68 65 79"),
        (Publish { qos: 1, again: true, ..publish() }, "3a 0a 00 03 74 2f 31 00 09 68 65 79"),
        (Publish { again: true, ..publish() }, "30 08 00 03 74 2f 31 68 65 79"),
        (Publish { topic: b"", data: b"", ..publish() }, "30 02 00 00"),
        (
            Publish { topic: b"a", data: b"", properties: Some(aliased), ..publish() },
            "30 11 00 01 61 0d 23 12 34 09 00 02 01 02 0b ac 02 01 01",
        ),
    ] {
        assert_eq!(written(&packet), wire);
    }
    let subscribe = |properties, qos| Subscribe::<Props> { id: 4, properties, filter: b"t/#", qos };
    assert_eq!(written(&subscribe(None, 1)), "82 08 00 04 00 03 74 2f 23 01");
    assert_eq!(written(&subscribe(None, 7)), "82 08 00 04 00 03 74 2f 23 02");
    let numbered = Some(vec![number(0x0b, 7)]);
    assert_eq!(written(&subscribe(numbered, 0)), "82 0b 00 04 02 0b 07 00 03 74 2f 23 00");
    let unsubscribe = |properties| Unsubscribe::<Props> { id: 6, properties, filter: b"t/#" };
    assert_eq!(written(&unsubscribe(None)), "a2 07 00 06 00 03 74 2f 23");
    assert_eq!(written(&unsubscribe(Some(vec![]))), "a2 08 00 06 00 00 03 74 2f 23");
    let disconnect = |properties| Disconnect::<Props> { properties };
    assert_eq!(written(&disconnect(None)), "e0 00");
    assert_eq!(written(&disconnect(Some(vec![]))), "e0 02 00 00");
    assert_eq!(written(&disconnect(Some(vec![text(0x1f, b"x")]))), "e0 06 00 04 1f 00 01 78");
}

#[test]
fn what_does_not_fit() {
    let long = vec![b'x'; 65536];
    let just = &long[1..];
    assert!(Publish { topic: just, ..publish() }.measure().is_ok());
    assert_eq!(Publish { topic: &long, ..publish() }.measure(), Err(TooLong::Text));
    for packet in [
        Connect { client_id: &long[..], ..connect() },
        Connect { user: &long, ..connect() },
        Connect { password: &long, ..connect() },
        Connect { will: Some(Will { properties: None, topic: b"w", message: &long }), ..connect() },
        Connect { will: Some(Will { properties: None, topic: &long, message: b"" }), ..connect() },
        Connect { level: 5, properties: Some(vec![Property { value: &long, ..text(3, b"") }]), ..connect() },
    ] {
        assert_eq!(packet.measure(), Err(TooLong::Text));
    }
    let filter = &long[..];
    assert_eq!(Subscribe::<Props> { id: 1, properties: None, filter, qos: 0 }.measure(), Err(TooLong::Text));
    assert_eq!(Unsubscribe::<Props> { id: 1, properties: None, filter }.measure(), Err(TooLong::Text));
    let huge = vec![0; MAX_REMAINING as usize];
    let fits = huge.len() - 5;
    assert_eq!(Publish { data: &huge[..fits], ..publish() }.measure(), Ok(MAX_REMAINING));
    assert_eq!(Publish { data: &huge[..fits + 1], ..publish() }.measure(), Err(TooLong::Packet));
    let properties = vec![Property { value: just, ..text(3, b"") }; 4100];
    assert_eq!(Publish { properties: Some(properties), ..publish() }.measure(), Err(TooLong::Packet));
}

proptest! {
    #[test]
    fn what_is_published_is_parsed_back(
        topic in prop::collection::vec(any::<u8>(), 0..300),
        data in prop::collection::vec(any::<u8>(), 0..300),
        (qos, retain, again, v5) in (0u8..3, any::<bool>(), any::<bool>(), any::<bool>()),
        id in 1u16..,
        pairs in prop::collection::vec(("[a-z]{0,9}", "[a-z]{0,9}"), 0..5),
    ) {
        let properties: Vec<_> = pairs
            .iter()
            .map(|(key, value)| Property { id: 0x26, number: 0, key: key.as_bytes(), value: value.as_bytes() })
            .collect();
        let packet = Publish {
            qos, retain, again, id, topic: &topic, data: &data, properties: v5.then(|| properties.clone()),
        };
        let mut out = vec![packet.first()];
        out.varint(packet.measure().expect("it fits"));
        packet.write(&mut out);
        let frame = Frame::parse(&out).expect("good").expect("complete");
        prop_assert_eq!(frame.bytes, &out[..]);
        let parts = frame.packet(v5).expect("good");
        prop_assert_eq!((parts.topic, parts.data, parts.qos), (&topic[..], &data[..], qos));
        prop_assert_eq!(parts.id, if qos > 0 { id } else { 0 });
        let mut block = &out[parts.properties];
        let mut found = Vec::new();
        while let Some((property, len)) = next_property(block) {
            found.push(property);
            block = &block[len..];
        }
        prop_assert!(block.is_empty());
        prop_assert_eq!(found, if v5 { properties } else { vec![] });
        for cut in 0..out.len() {
            prop_assert_eq!(Frame::parse(&out[..cut]), Ok(None));
        }
    }
}
