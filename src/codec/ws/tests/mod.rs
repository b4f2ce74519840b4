//! Tests of frames and handshake.

mod compression;

use super::handshake::{accept, is_key, key};
use super::*;
use proptest::prelude::*;

#[test]
fn accept_of_the_rfc_example() {
    assert_eq!(&accept(b"dGhlIHNhbXBsZSBub25jZQ=="), b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    assert!(is_key(b"dGhlIHNhbXBsZSBub25jZQ=="));
    assert!(is_key(&key([7; 16])));
    for bad in [&b""[..], b"x", b"dGhlIHNhbXBsZSBub25jZ===", b"!!hlIHNhbXBsZSBub25jZQ=="] {
        assert!(!is_key(bad), "{bad:?}");
    }
}

#[test]
fn headers_in_their_shortest_form() {
    let lengths: [(u64, &[u8]); 6] = [
        (0, &[0x81, 0]),
        (125, &[0x81, 125]),
        (126, &[0x81, 126, 0, 126]),
        (65535, &[0x81, 126, 255, 255]),
        (65536, &[0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
        (1 << 40, &[0x81, 127, 0, 0, 1, 0, 0, 0, 0, 0]),
    ];
    for (payload, bytes) in lengths {
        let mut out = [0; MAX_HEADER];
        let n = Header::write(0x81, payload, None, &mut out);
        assert_eq!(&out[..n], bytes);
        assert_eq!(Header::parse(bytes), Some(Header { first: 0x81, mask: None, len: n, payload }));
        let n = Header::write(0x82, payload, Some([1, 2, 3, 4]), &mut out);
        let header = Header { first: 0x82, mask: Some([1, 2, 3, 4]), len: n, payload };
        assert_eq!(Header::parse(&out[..n]), Some(header));
        for cut in 0..n {
            assert_eq!(Header::parse(&out[..cut]), None, "cut at {cut}");
        }
    }
}

#[test]
fn masking_is_its_own_inverse() {
    let original: Vec<u8> = (0..100).collect();
    for len in 0..original.len() {
        let key = [0xde, 0xad, 0xbe, 0xef];
        let mut data = original[..len].to_vec();
        mask(&mut data, key);
        for (i, byte) in data.iter().enumerate() {
            assert_eq!(*byte, original[i] ^ key[i % 4]);
        }
        mask(&mut data, key);
        assert_eq!(data, original[..len]);
    }
}

#[test]
fn rules_of_frames() {
    let frame =
        |first, payload, masked: bool| Header { first, mask: masked.then_some([0; 4]), len: 0, payload };
    let server = Rules { from_client: true, ..Rules::default() };
    let client = Rules::default();
    let check = |first, payload, open| frame(first, payload, true).check(Rules { open, ..server });
    assert_eq!(check(0x81, 5, false), Ok(()));
    assert_eq!(check(0x01, 5, false), Ok(()));
    assert_eq!(check(0x80, 5, true), Ok(()));
    assert_eq!(check(0x89, 125, true), Ok(()));
    assert_eq!(check(0x80, 0, false), Ok(()));
    assert_eq!(check(0x80, 1, false), Err(Fault::NothingToContinue));
    assert_eq!(check(0x00, 0, false), Err(Fault::NothingToContinue));
    assert_eq!(check(0x81, 5, true), Err(Fault::Interrupted));
    assert_eq!(check(0x89, 126, false), Err(Fault::Control));
    assert_eq!(check(0x09, 1, false), Err(Fault::Control));
    assert_eq!(check(0xc1, 1, false), Err(Fault::ReservedBits));
    assert_eq!(check(0x82, 1 << 63, false), Err(Fault::Length));
    for op in [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] {
        assert_eq!(check(0x80 | op, 0, false), Err(Fault::Opcode(op)));
    }
    assert_eq!(frame(0x81, 5, false).check(server), Err(Fault::Masking));
    assert_eq!(frame(0x81, 5, true).check(client), Err(Fault::Masking));
    assert_eq!(frame(0x81, 5, false).check(client), Ok(()));
}

#[test]
fn extension_bits_need_their_extension() {
    let check = |first, open, deflate| {
        let rules = Rules { from_client: false, open, deflate };
        Header { first, mask: None, len: 2, payload: 1 }.check(rules)
    };
    for first in [0xc1, 0xc2, 0x41] {
        assert_eq!(check(first, false, false), Err(Fault::ReservedBits), "{first:x}");
        assert_eq!(check(first, false, true), Ok(()), "{first:x}");
    }
    // RSV1 belongs to the first frame of a data message; the other two are not defined.
    for first in [0xc0, 0xc8, 0xc9, 0xca, 0xa1, 0x91, 0xe1, 0xd2] {
        assert_eq!(check(first, true, true), Err(Fault::ReservedBits), "{first:x}");
    }
}

#[test]
fn faults_show_in_the_first_two_bytes() {
    let rules = Rules { from_client: true, ..Rules::default() };
    let check = |bytes: &[u8]| Header::start(bytes).map(|header| header.check(rules));
    assert_eq!(check(&[0x83]), None);
    assert_eq!(check(&[0xff, 0xfe]), Some(Err(Fault::Opcode(15))));
    assert_eq!(check(&[0x81, 0x7e]), Some(Err(Fault::Masking)));
    assert_eq!(check(&[0x08, 0x80]), Some(Err(Fault::Control)));
    assert_eq!(check(&[0x80, 0x81]), Some(Err(Fault::NothingToContinue)));
    // What follows may be a small number in a long form.
    for bytes in [[0x82, 0xff], [0x80, 0xfe], [0x88, 0xfe]] {
        assert_eq!(check(&bytes), Some(Ok(())));
    }
}

/// The hole class "frame length overflow": sums with a peer's length that wrap around.
#[test]
fn frame_length_overflow() {
    let rules = Rules { from_client: true, ..Rules::default() };
    for length in [u64::MAX, u64::MAX - 13, 1 << 63, i64::MAX as u64 + 1] {
        let frame = [&[0x82, 0xff][..], &length.to_be_bytes(), &[1, 2, 3, 4]].concat();
        let header = Header::parse(&frame).expect("a complete header");
        assert_eq!((header.payload, header.check(rules)), (length, Err(Fault::Length)));
    }
    // The largest legal one can be added to what is in memory without wrapping.
    let frame = [&[0x82, 0xff][..], &(i64::MAX as u64).to_be_bytes(), &[1, 2, 3, 4]].concat();
    let header = Header::parse(&frame).expect("a complete header");
    assert_eq!(header.check(rules), Ok(()));
    assert!(header.payload.checked_add(isize::MAX as u64 + 1).is_some());
}

#[test]
fn close_payloads() {
    let with = |code: u16, reason: &[u8]| [&code.to_be_bytes()[..], reason].concat();
    assert_eq!(check_close(b""), Ok(()));
    assert_eq!(check_close(b"x"), Err(Fault::ClosePayload));
    for code in [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 4001, 4999] {
        assert_eq!(check_close(&with(code, b"going away")), Ok(()), "{code}");
    }
    for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535] {
        assert_eq!(check_close(&with(code, b"")), Err(Fault::ClosePayload), "{code}");
    }
    assert_eq!(check_close(&with(1000, b"\xff")), Err(Fault::Utf8));
    assert_eq!(close_code(&with(4001, b"bye")), Some((4001, &b"bye"[..])));
    assert_eq!(close_code(b"x"), None);
}

#[test]
fn close_payloads_are_made_as_they_are_checked() {
    let made = |code, reason: &[u8]| close_payload(code, reason).map(|(bytes, len)| bytes[..len].to_vec());
    assert_eq!(made(0, b"ignored"), Some(vec![]));
    assert_eq!(made(1000, b"bye"), Some(b"\x03\xe8bye".to_vec()));
    for code in [1, 999, 1004, 1005, 1006, 1015, 2999, 5000] {
        assert_eq!(made(code, b""), None, "{code}");
    }
    assert_eq!(made(1000, b"\xff"), None);
    // A reason that is too long ends with a whole character.
    let long = "€".repeat(42);
    let payload = made(1001, long.as_bytes()).expect("a code that may be sent");
    assert_eq!(payload.len(), 2 + 41 * 3);
    assert_eq!(check_close(&payload), Ok(()));
}

#[test]
fn faults_have_codes_and_texts() {
    assert_eq!(Fault::Opcode(11).to_string(), "unknown WS op 11");
    for (fault, code) in [
        (Fault::Masking, 1002),
        (Fault::Utf8, 1007),
        (Fault::Compression, 1007),
        (Fault::TooBig, 1009),
        (Fault::Memory, 1011),
    ] {
        assert_eq!(fault.close_code(), code, "{fault}");
        assert_eq!(check_close(&code.to_be_bytes()), Ok(()));
    }
}

#[test]
fn text_in_fragments() {
    let text = "aä€😀z".as_bytes();
    for cut in 0..=text.len() {
        let good = check_text(&text[..cut], 0, false).expect("a cut character is no error");
        assert!(good <= cut && cut - good < 4);
        assert_eq!(check_text(text, good, true), Ok(text.len()));
    }
    assert_eq!(check_text(&text[..2], 0, true), Err(Fault::Utf8));
    for bad in [&b"\xff"[..], b"\xc0\x80", b"\xed\xa0\x80", b"a\x80", b"\xf4\x90\x80\x80"] {
        assert_eq!(check_text(bad, 0, false), Err(Fault::Utf8), "{bad:?}");
    }
}

proptest! {
    /// What was written reads back, whatever follows; fewer bytes are no header.
    #[test]
    fn headers_round_trip(first: u8, payload: u64, mask: Option<[u8; 4]>, rest: Vec<u8>) {
        let mut out = [0; MAX_HEADER];
        let n = Header::write(first, payload, mask, &mut out);
        let frame = [&out[..n], &rest].concat();
        prop_assert_eq!(Header::parse(&frame), Some(Header { first, mask, len: n, payload }));
        for cut in 0..n {
            prop_assert_eq!(Header::parse(&out[..cut]), None);
        }
    }

    /// Text that comes in pieces is judged as text that comes at once.
    #[test]
    fn text_is_judged_alike_in_pieces(text: Vec<u8>, cuts in prop::collection::vec(0usize..64, 0..5)) {
        let whole = check_text(&text, 0, true).is_ok();
        let mut ends: Vec<usize> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
        ends.sort_unstable();
        let mut known = Ok(0);
        for end in ends {
            known = known.and_then(|from| check_text(&text[..end], from, false));
        }
        let known = known.and_then(|from| check_text(&text, from, true));
        prop_assert_eq!(known.is_ok(), whole);
    }
}
