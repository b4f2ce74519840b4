//! Tests of permessage-deflate.

use crate::codec::ws::Fault;
use crate::codec::ws::deflate::Deflate;
use crate::codec::ws::extension::{Agreement, NotOffered, Wish, accept, confirm, offer};
use proptest::prelude::*;

const WISH: Wish = Wish { bits: 15, keep: true };
const FULL: Agreement = Agreement { send_bits: Some(15), send_keep: true, recv_bits: 15, recv_keep: true };

fn answer(offer: &str, wish: Wish) -> Option<(Agreement, String)> {
    accept([offer.as_bytes()], wish)
}

#[test]
fn offers_are_answered() {
    for (offer, text) in [
        ("permessage-deflate", "permessage-deflate"),
        ("permessage-deflate; client_max_window_bits", "permessage-deflate"),
        ("Permessage-Deflate;client_max_window_bits=10", "permessage-deflate"),
        ("x-other, permessage-deflate", "permessage-deflate"),
        ("permessage-deflate; server_no_context_takeover", "permessage-deflate; server_no_context_takeover"),
        ("permessage-deflate; client_no_context_takeover", "permessage-deflate; client_no_context_takeover"),
        ("permessage-deflate; server_max_window_bits=10", "permessage-deflate; server_max_window_bits=10"),
        (
            "permessage-deflate; server_max_window_bits=\"12\"",
            "permessage-deflate; server_max_window_bits=12",
        ),
        ("permessage-deflate; server_max_window_bits=8", "permessage-deflate; server_max_window_bits=8"),
        // The first one cannot be understood, the second one can.
        ("permessage-deflate; nonsense, permessage-deflate", "permessage-deflate"),
    ] {
        assert_eq!(answer(offer, WISH).map(|(_, text)| text).as_deref(), Some(text), "{offer}");
    }
    let small = Wish { bits: 10, keep: false };
    let (agreed, text) = answer("permessage-deflate; client_max_window_bits", small).expect("an answer");
    assert_eq!(
        text,
        "permessage-deflate; server_no_context_takeover; client_no_context_takeover; \
         server_max_window_bits=10; client_max_window_bits=10"
    );
    assert_eq!(agreed, Agreement { send_bits: Some(10), send_keep: false, recv_bits: 10, recv_keep: false });
    // A client that does not offer the parameter must not be told it.
    let (agreed, text) = answer("permessage-deflate", Wish { bits: 9, keep: true }).expect("an answer");
    assert_eq!(text, "permessage-deflate; server_max_window_bits=9");
    assert_eq!((agreed.send_bits, agreed.recv_bits), (Some(9), 15));
}

#[test]
fn offers_that_cannot_be_understood_are_declined() {
    for offer in [
        "",
        "x-webkit-deflate-frame",
        "permessage-deflate; server_max_window_bits",
        "permessage-deflate; server_max_window_bits=7",
        "permessage-deflate; server_max_window_bits=16",
        "permessage-deflate; server_max_window_bits=010",
        "permessage-deflate; server_max_window_bits=1x",
        "permessage-deflate; server_max_window_bits=\"10",
        "permessage-deflate; client_max_window_bits=0",
        "permessage-deflate; client_max_window_bits=",
        "permessage-deflate; client_max_window_bits; client_max_window_bits",
        "permessage-deflate; server_max_window_bits=10; server_max_window_bits=10",
        "permessage-deflate; server_no_context_takeover=1",
        "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
        "permessage-deflate; foo",
        "permessage-deflate;",
        "\"permessage-deflate, x\"",
    ] {
        assert_eq!(answer(offer, WISH), None, "{offer}");
    }
    assert_eq!(accept([&b"x"[..], b"permessage-deflate"], WISH).map(|(agreed, _)| agreed), Some(FULL));
}

#[test]
fn a_window_that_is_too_small_is_not_used() {
    let (agreed, _) = answer("permessage-deflate; server_max_window_bits=8", WISH).expect("an answer");
    assert_eq!(agreed.send_bits, None);
    assert_eq!(Deflate::new(agreed).compress(&[b'x'; 100], &mut [0; 200]), None);
}

#[test]
fn answers_must_keep_to_the_offer() {
    let confirm = |text: &str, wish| confirm([text.as_bytes()], wish);
    assert_eq!(confirm("", WISH), Ok(None));
    assert_eq!(confirm("permessage-deflate", WISH), Ok(Some(FULL)));
    assert_eq!(
        confirm("permessage-deflate; server_max_window_bits=8; client_max_window_bits=9", WISH),
        Ok(Some(Agreement { send_bits: Some(9), recv_bits: 9, ..FULL }))
    );
    assert_eq!(
        confirm("permessage-deflate; client_no_context_takeover; server_no_context_takeover", WISH),
        Ok(Some(Agreement { send_keep: false, recv_keep: false, ..FULL }))
    );
    for text in [
        "x-webkit-deflate-frame",
        "permessage-deflate; client_max_window_bits",
        "permessage-deflate, permessage-deflate",
        "permessage-deflate; foo",
    ] {
        assert_eq!(confirm(text, WISH), Err(NotOffered), "{text}");
    }
    let strict = Wish { bits: 10, keep: false };
    for text in [
        "permessage-deflate",
        "permessage-deflate; server_no_context_takeover",
        "permessage-deflate; server_max_window_bits=10",
        "permessage-deflate; server_no_context_takeover; server_max_window_bits=11",
    ] {
        assert_eq!(confirm(text, strict), Err(NotOffered), "{text}");
    }
}

#[test]
fn both_sides_of_ours_agree() {
    for bits in 9..=15 {
        for keep in [false, true] {
            for (server_bits, server_keep) in [(9, true), (12, false), (15, true)] {
                let client = Wish { bits, keep };
                let server = Wish { bits: server_bits, keep: server_keep };
                let (at_server, text) = answer(&offer(client), server).expect("our own offer");
                let at_client = confirm([text.as_bytes()], client).expect("our own answer");
                let at_client = at_client.expect("an extension");
                assert!(at_client.send_bits.expect("9 to 15") <= at_server.recv_bits);
                assert!(at_server.send_bits.expect("9 to 15") <= at_client.recv_bits);
                assert!(!at_client.send_keep || at_server.recv_keep);
                assert!(!at_server.send_keep || at_client.recv_keep);
            }
        }
    }
}

fn compressed(deflate: &mut Deflate, message: &[u8]) -> Option<Vec<u8>> {
    let mut out = vec![0; Deflate::room(message.len())];
    let n = deflate.compress(message, &mut out)?;
    out.truncate(n);
    Some(out)
}

fn inflated(deflate: &mut Deflate, bytes: &[u8], limit: usize) -> Result<Vec<u8>, Fault> {
    let mut out = Vec::new();
    deflate.decompress(bytes, &mut out, limit).map(|()| out)
}

/// RFC 7692, section 7.2.3: its examples.
#[test]
fn examples_of_the_rfc() {
    let mut receiver = Deflate::new(FULL);
    for bytes in [
        &b"\xf2\x48\xcd\xc9\xc9\x07\x00"[..],
        // The same text as a reference to the message before.
        b"\xf2\x00\x11\x00\x00",
        // A block without compression.
        b"\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00",
        // A block that says it is the last one.
        b"\xf3\x48\xcd\xc9\xc9\x07\x00\x00",
        // Two blocks.
        b"\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00",
    ] {
        assert_eq!(inflated(&mut receiver, bytes, 5).as_deref(), Ok(&b"Hello"[..]), "{bytes:x?}");
    }
    let message = b"Hello Hello Hello Hello";
    let mut sender = Deflate::new(FULL);
    let first = compressed(&mut sender, message).expect("smaller");
    let second = compressed(&mut sender, message).expect("smaller");
    assert!(second.len() < first.len(), "the second refers to the first");
    let mut sender = Deflate::new(Agreement { send_keep: false, ..FULL });
    assert_eq!(compressed(&mut sender, message), compressed(&mut sender, message));
}

#[test]
fn the_limit_counts_while_inflating() {
    let bomb = compressed(&mut Deflate::new(FULL), &vec![0; 10_000_000]).expect("smaller");
    assert!(bomb.len() < 20_000);
    for (limit, result) in [(10_000_000, Ok(10_000_000)), (9_999_999, Err(Fault::TooBig))] {
        let got = inflated(&mut Deflate::new(FULL), &bomb, limit);
        assert_eq!(got.map(|out| out.len()), result);
    }
    let mut out = Vec::new();
    let refused = Deflate::new(FULL).decompress(&bomb, &mut out, 5000);
    assert_eq!(refused, Err(Fault::TooBig));
    assert!(out.capacity() <= 5001, "no memory is taken for what is refused");
}

#[test]
fn bytes_that_are_no_deflate_are_refused() {
    for bytes in [&b"\xff\xff\xff"[..], b"\x07", b"\x00\x05\x00\x00\x00abcde"] {
        assert_eq!(inflated(&mut Deflate::new(FULL), bytes, 1000), Err(Fault::Compression), "{bytes:x?}");
    }
    // One that says it is the last, again and again: each costs a fresh start.
    let ends = b"\x03\x00".repeat(1000);
    assert_eq!(inflated(&mut Deflate::new(FULL), &ends, 1000), Err(Fault::Compression));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Messages come out as they went in, one after the other, with any window and history.
    #[test]
    fn messages_round_trip(
        messages in prop::collection::vec((prop::collection::vec(0u8..4, 0..500), 0usize..10), 1..5),
        bits in 9u8..=15,
        keep: bool,
    ) {
        let agreed = Agreement { send_bits: Some(bits), send_keep: keep, recv_bits: bits, recv_keep: keep };
        let (mut sender, mut receiver) = (Deflate::new(agreed), Deflate::new(agreed));
        for (piece, times) in messages {
            let message = piece.repeat(times);
            // What does not become smaller is sent as it is, and the history starts anew.
            if let Some(bytes) = compressed(&mut sender, &message) {
                prop_assert!(bytes.len() < message.len());
                prop_assert_eq!(inflated(&mut receiver, &bytes, message.len()), Ok(message));
            }
        }
    }

    #[test]
    fn random_bytes_are_refused_or_inflated(bytes: Vec<u8>, limit in 0usize..2000) {
        if let Ok(out) = inflated(&mut Deflate::new(FULL), &bytes, limit) {
            prop_assert!(out.len() <= limit);
        }
    }
}

/// A raw deflate stream that ends with a block that says it is the last one.
fn finished(text: &[u8]) -> Vec<u8> {
    let mut out = vec![0; 200];
    let mut sender = flate2::Compress::new(flate2::Compression::default(), false);
    sender.compress(text, &mut out, flate2::FlushCompress::Finish).expect("compressed");
    out.truncate(sender.total_out() as usize);
    out
}

#[test]
fn a_message_may_end_with_a_last_block() {
    // RFC 7692, section 7.2.3.4, with the byte that it wants after the block and without.
    let mut deflate = Deflate::new(FULL);
    let mut read = |message: &[u8]| {
        let mut out = Vec::new();
        deflate.decompress(message, &mut out, 1000).map(|()| out)
    };
    let hello = finished(b"Hello");
    assert_eq!(hello, [0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00]);
    let mut other = Deflate::new(FULL);
    let mut flushed = [0; 100];
    let text = [b'a'; 60];
    let n = other.compress(&text, &mut flushed).expect("smaller");
    for message in [&hello[..], &[&hello[..], &[0]].concat()] {
        assert_eq!(read(message), Ok(b"Hello".to_vec()));
        assert_eq!(read(&flushed[..n]), Ok(text.to_vec()), "after {message:?}");
        assert_eq!(read(message), Ok(b"Hello".to_vec()));
    }
    // A block after it may refer to it: "Hello" from five bytes back, by a block of fixed codes.
    let twice = [&hello[..], &finished(b"Hello")].concat();
    assert_eq!(read(&twice), Ok(b"HelloHello".to_vec()));
    assert_eq!(read(&finished(b"")), Ok(Vec::new()));
}
