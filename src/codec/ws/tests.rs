//! Tests of frames and handshake.

use super::handshake::{accept, first_protocol, is_key, key};
use super::*;

#[test]
fn accept_of_the_rfc_example() {
    assert_eq!(&accept(b"dGhlIHNhbXBsZSBub25jZQ=="), b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    assert!(is_key(b"dGhlIHNhbXBsZSBub25jZQ=="));
    assert!(is_key(&key([7; 16])));
    for bad in [&b""[..], b"x", b"dGhlIHNhbXBsZSBub25jZ===", b"!!hlIHNhbXBsZSBub25jZQ=="] {
        assert!(!is_key(bad), "{bad:?}");
    }
    assert_eq!(first_protocol(b" chat , superchat"), b"chat");
    assert_eq!(first_protocol(b"mqtt"), b"mqtt");
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
fn masking_is_its_own_inverse_at_every_offset() {
    let original: Vec<u8> = (0..100).collect();
    for at in 0..8 {
        for len in 0..original.len() {
            let key = [0xde, 0xad, 0xbe, 0xef];
            let mut data = original[..len].to_vec();
            mask(&mut data, key, at);
            for (i, byte) in data.iter().enumerate() {
                assert_eq!(*byte, original[i] ^ key[(i + at) % 4]);
            }
            mask(&mut data, key, at);
            assert_eq!(data, original[..len]);
        }
    }
}

#[test]
fn rules_of_frames() {
    let frame =
        |first, payload, masked: bool| Header { first, mask: masked.then_some([0; 4]), len: 0, payload };
    let check = |first, payload, open| frame(first, payload, true).check(true, open);
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
    assert_eq!(frame(0x81, 5, false).check(true, false), Err(Fault::Masking));
    assert_eq!(frame(0x81, 5, true).check(false, false), Err(Fault::Masking));
    assert_eq!(frame(0x81, 5, false).check(false, false), Ok(()));
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
