//! WebSocket.

use super::inside;
use mongoose::codec::http::{fields, vars};
use mongoose::codec::ws::deflate::Deflate;
use mongoose::codec::ws::extension::{Agreement, Wish, accept, confirm};
use mongoose::codec::ws::{self, Fault, Header, MAX_CONTROL, MAX_HEADER, Rules, handshake};

/// A header is what its bytes say, and its first two bytes never break a rule that all of them keep.
pub fn frame(data: &[u8]) {
    let Some((&bits, data)) = data.split_first() else { return };
    let rules = Rules { from_client: bits & 1 != 0, open: bits & 2 != 0, deflate: bits & 4 != 0 };
    let early = Header::start(data).map(|header| header.check(rules));
    let Some(header) = Header::parse(data) else {
        assert!(data.len() < MAX_HEADER);
        return;
    };
    let verdict = header.check(rules);
    match early.expect("two bytes") {
        // However the header is cut, the fault is the same.
        Err(fault) => assert_eq!(verdict, Err(fault)),
        Ok(()) => assert!(!matches!(
            verdict,
            Err(Fault::Opcode(_) | Fault::ReservedBits | Fault::Masking | Fault::Interrupted)
        )),
    }
    if verdict.is_ok() {
        assert!(header.payload.checked_add(isize::MAX as u64).is_some());
        assert!(!header.is_control() || header.payload <= MAX_CONTROL as u64);
    }
    let mut out = [0; MAX_HEADER];
    let n = Header::write(header.first, header.payload, header.mask, &mut out);
    assert!(n <= header.len, "the shortest form");
    assert_eq!(Header::parse(&out[..n]), Some(Header { len: n, ..header }));
    if let Some(key) = header.mask {
        let mut payload = data[header.len..].to_vec();
        ws::mask(&mut payload, key);
        ws::mask(&mut payload, key);
        assert_eq!(payload, data[header.len..]);
    }
}

/// Text in two pieces is judged as text in one; a close payload that passes can be made again.
pub fn payload(data: &[u8]) {
    let Some((&at, data)) = data.split_first() else { return };
    let cut = data.len() * usize::from(at) / 256;
    let whole = ws::check_text(data, 0, true);
    assert_eq!(whole.is_ok(), core::str::from_utf8(data).is_ok());
    let pieces = ws::check_text(&data[..cut], 0, false).and_then(|from| {
        assert!(from <= cut && cut - from < 4);
        ws::check_text(data, from, true)
    });
    assert_eq!(pieces, whole);
    if ws::check_close(data).is_ok() && data.len() <= MAX_CONTROL {
        let (code, reason) = ws::close_code(data).unwrap_or((0, &[]));
        let (bytes, len) = ws::close_payload(code, reason).expect("a payload that passes");
        assert_eq!(&bytes[..len], data);
    }
}

/// What is agreed on is within both sides' wishes; choices lie within their text.
pub fn handshake(data: &[u8]) {
    let Some((&n, data)) = data.split_first() else { return };
    let wish = Wish { bits: 9 + n % 7, keep: n & 0x80 != 0 };
    if let Some((agreed, text)) = accept([data], wish) {
        assert!(agreed.send_bits.is_none_or(|bits| (9..=wish.bits).contains(&bits)));
        assert!((9..=15).contains(&agreed.recv_bits));
        assert!(wish.keep || !(agreed.send_keep || agreed.recv_keep));
        assert!(text.bytes().all(|b| (b' '..=b'~').contains(&b)));
    }
    if let Ok(Some(agreed)) = confirm([data], wish) {
        assert!(agreed.send_bits.is_none_or(|bits| (9..=wish.bits).contains(&bits)));
        assert!((9..=wish.bits).contains(&agreed.recv_bits));
        assert!(wish.keep || !(agreed.send_keep || agreed.recv_keep));
    }
    for entry in fields::entries([data]) {
        inside(data, entry);
        assert!(!entry.is_empty());
    }
    for header in fields::fields(data) {
        inside(data, header.name);
    }
    let _ = vars::has_line(data, b"a");
    assert!(!handshake::is_key(data) || data.len() == handshake::KEY);
    assert_eq!(handshake::accept(data).len(), handshake::ACCEPT);
}

/// What is inflated is no longer than allowed; what was deflated inflates to itself.
pub fn deflate(data: &[u8]) {
    let Some((&n, data)) = data.split_first() else { return };
    let (bits, keep, limit) = (9 + n % 7, n & 0x80 != 0, usize::from(n) * 16);
    let agreed = Agreement { send_bits: Some(bits), send_keep: keep, recv_bits: bits, recv_keep: keep };
    let mut out = Vec::new();
    match Deflate::new(agreed).decompress(data, &mut out, limit) {
        Ok(()) => assert!(out.len() <= limit),
        Err(fault) => assert!(matches!(fault, Fault::TooBig | Fault::Compression)),
    }
    let mut pair = (Deflate::new(agreed), Deflate::new(agreed));
    for message in [data, data] {
        let mut bytes = vec![0; Deflate::room(message.len())];
        let Some(len) = pair.0.compress(message, &mut bytes) else { continue };
        let mut back = Vec::new();
        assert_eq!(pair.1.decompress(&bytes[..len], &mut back, message.len()), Ok(()));
        assert_eq!(back, message);
    }
}
