//! Requests and answers, byte by byte.

use super::*;

fn bytes(hex: &str) -> Vec<u8> {
    hex.split_whitespace().map(|b| u8::from_str_radix(b, 16).expect("hexadecimal")).collect()
}

/// A frame with transaction id 1 from its length field on.
fn frame(rest: &str) -> Vec<u8> {
    bytes(&format!("00 01 00 00 {rest}"))
}

/// What identifies the device: a vendor, a product, a version, and one of its own.
fn texts(object: u8) -> Option<&'static [u8]> {
    match object {
        0 => Some(b"V"),
        1 => Some(b"PP"),
        2 => Some(b"1.0"),
        0x80 => Some(&[b'x'; TEXT_MAX]),
        _ => None,
    }
}

/// Answers a request as a device whose values are 1, 0, 1, 0 … or 1, 2, 3 …; what is written
/// to it comes back as `Ok`.
fn device(request: &Request) -> (Vec<u8>, Option<Vec<u16>>) {
    let mut out = [0; FRAME_MAX];
    let mut written = None;
    let len = match &request.work {
        Err(code) => request.answer(Err(*code), &mut out),
        Ok(Work::One(call)) => {
            let count = usize::from(call.count);
            match call.kind {
                Kind::Bits => {
                    let mut bits: Vec<_> = (0..count).map(|i| u8::from(i % 2 == 0)).collect();
                    call.bits(&mut bits);
                    written = Some(bits.iter().map(|&b| b.into()).collect());
                    request.answer(Ok(Values::Bits(&bits)), &mut out)
                }
                Kind::Registers => {
                    let mut registers: Vec<_> = (1..=call.count).collect();
                    call.registers(&mut registers);
                    written = Some(registers.clone());
                    request.answer(Ok(Values::Registers(&registers)), &mut out)
                }
            }
        }
        Ok(Work::Mask { .. }) => request.answer(Ok(Values::Registers(&[])), &mut out),
        Ok(Work::Exchange { write, read }) => {
            let mut registers = vec![0; write.count.into()];
            write.registers(&mut registers);
            written = Some(registers);
            let registers: Vec<_> = (1..=read.count).collect();
            request.answer(Ok(Values::Registers(&registers)), &mut out)
        }
        Ok(Work::Identify(identify)) => identify.answer(request, texts, &mut out),
    };
    (out[..len].to_vec(), written)
}

#[test]
fn requests_and_their_answers() {
    let rows = [
        ("00 06 01 01 00 10 00 01", "00 04 01 01 01 01"),
        ("00 06 01 02 00 11 00 01", "00 04 01 02 01 01"),
        ("00 06 01 03 00 12 00 01", "00 05 01 03 02 00 01"),
        ("00 06 01 04 00 13 00 01", "00 05 01 04 02 00 01"),
        ("00 06 01 05 00 14 ff 00", "00 06 01 05 00 14 ff 00"),
        ("00 06 01 05 00 14 00 00", "00 06 01 05 00 14 00 00"),
        // 22: an echo
        ("00 08 01 16 00 04 00 f2 00 25", "00 08 01 16 00 04 00 f2 00 25"),
        ("00 08 01 16 ff ff 00 f2 00 25", "00 08 01 16 ff ff 00 f2 00 25"),
        ("00 07 01 16 00 04 00 f2 00", "00 03 01 96 03"),
        ("00 09 01 16 00 04 00 f2 00 25 00", "00 03 01 96 03"),
        // 23: the values that are read
        ("00 0d 01 17 00 03 00 02 00 0e 00 01 02 00 ff", "00 07 01 17 04 00 01 00 02"),
        ("00 0d 01 17 ff ff 00 02 00 0e 00 01 02 00 ff", "00 03 01 97 02"),
        ("00 0d 01 17 00 03 00 02 ff ff 00 02 04 00 ff", "00 03 01 97 03"),
        ("00 0f 01 17 00 03 00 02 ff ff 00 02 04 00 ff 00 01", "00 03 01 97 02"),
        ("00 0d 01 17 00 03 00 00 00 0e 00 01 02 00 ff", "00 03 01 97 03"),
        ("00 0d 01 17 00 03 00 7e 00 0e 00 01 02 00 ff", "00 03 01 97 03"),
        ("00 0d 01 17 00 03 00 02 00 0e 00 01 04 00 ff", "00 03 01 97 03"),
        ("00 0b 01 17 00 03 00 02 00 0e 00 00 00", "00 03 01 97 03"),
        // 43/14: basic texts, from the second one, one of them, one that is not there
        ("00 05 01 2b 0e 01 00", "00 14 01 2b 0e 01 83 00 00 03 00 01 56 01 02 50 50 02 03 31 2e 30"),
        ("00 05 01 2b 0e 01 01", "00 11 01 2b 0e 01 83 00 00 02 01 02 50 50 02 03 31 2e 30"),
        ("00 05 01 2b 0e 01 55", "00 14 01 2b 0e 01 83 00 00 03 00 01 56 01 02 50 50 02 03 31 2e 30"),
        // The one of its own does not fit beside the others.
        ("00 05 01 2b 0e 03 00", "00 14 01 2b 0e 03 83 ff 80 03 00 01 56 01 02 50 50 02 03 31 2e 30"),
        ("00 05 01 2b 0e 04 01", "00 0c 01 2b 0e 04 83 00 00 01 01 02 50 50"),
        ("00 05 01 2b 0e 04 05", "00 03 01 ab 02"),
        ("00 05 01 2b 0e 05 00", "00 03 01 ab 03"),
        ("00 05 01 2b 0e 00 00", "00 03 01 ab 03"),
        ("00 04 01 2b 0e 01", "00 03 01 ab 01"),
        ("00 05 01 2b 0d 01 00", "00 03 01 ab 01"),
        ("00 02 01 2b", "00 03 01 ab 01"),
        ("00 06 01 06 00 15 00 01", "00 06 01 06 00 15 00 01"),
        ("00 06 01 01 00 16 00 00", "00 03 01 81 03"),
        ("00 06 01 01 00 18 00 07", "00 04 01 01 01 55"),
        ("00 06 01 02 00 19 00 00", "00 03 01 82 03"),
        ("00 06 01 02 00 1b 00 07", "00 04 01 02 01 55"),
        ("00 06 01 03 00 1c 00 00", "00 03 01 83 03"),
        ("00 06 01 03 00 1e 00 07", "00 11 01 03 0e 00 01 00 02 00 03 00 04 00 05 00 06 00 07"),
        ("00 06 01 04 00 1f 00 00", "00 03 01 84 03"),
        ("00 06 01 04 00 21 00 07", "00 11 01 04 0e 00 01 00 02 00 03 00 04 00 05 00 06 00 07"),
        ("00 07 01 0f 00 22 00 00 00", "00 03 01 8f 03"),
        ("00 08 01 0f 00 23 00 01 01 01", "00 06 01 0f 00 23 00 01"),
        ("00 08 01 0f 00 24 00 07 01 55", "00 06 01 0f 00 24 00 07"),
        ("00 07 01 10 00 25 00 00 00", "00 03 01 90 03"),
        ("00 09 01 10 00 26 00 01 02 00 01", "00 06 01 10 00 26 00 01"),
        ("00 06 01 11 00 28 00 01", "00 03 01 91 01"),
        ("00 06 01 05 00 29 12 34", "00 03 01 85 03"),
        ("00 06 11 2b 0e 01 00 00", "00 03 11 ab 01"),
        ("00 06 11 83 0e 01 00 00", "00 03 11 83 01"),
        // Counts at their limits and one above
        ("00 06 11 02 00 13 07 d1", "00 03 11 82 03"),
        ("00 06 11 03 00 13 00 7e", "00 03 11 83 03"),
        ("00 06 11 03 ff ff 00 01", "00 05 11 03 02 00 01"),
        ("00 06 11 03 ff ff 00 02", "00 03 11 83 02"),
        // Lengths that do not fit the function
        ("00 02 01 07", "00 03 01 87 01"),
        ("00 02 01 03", "00 03 01 83 03"),
        ("00 05 01 03 00 00 00", "00 03 01 83 03"),
        ("00 07 01 03 00 00 00 01 00", "00 03 01 83 03"),
        ("00 07 01 06 00 00 00 01 00", "00 03 01 86 03"),
        ("00 06 01 0f 00 00 00 01", "00 03 01 8f 03"),
        ("00 08 01 0f 00 00 00 09 01 ff", "00 03 01 8f 03"),
        ("00 09 01 0f 00 00 00 08 02 ff ff", "00 03 01 8f 03"),
        ("00 08 01 10 00 00 00 01 01 00", "00 03 01 90 03"),
    ];
    for (request, answer) in rows {
        let request_bytes = frame(request);
        assert_eq!(frame_len(&request_bytes), Ok(Some(request_bytes.len())), "{request}");
        let parsed = Request::parse(&request_bytes).expect("complete");
        assert_eq!(device(&parsed).0, frame(answer), "{request}");
    }
}

#[test]
fn longest_reads() {
    let request = frame("00 06 11 02 00 13 07 d0");
    let (answer, _) = device(&Request::parse(&request).expect("complete"));
    assert_eq!((answer.len(), &answer[4..9]), (259, &bytes("00 fd 11 02 fa")[..]));
    let request = frame("00 06 11 03 00 13 00 7d");
    let (answer, _) = device(&Request::parse(&request).expect("complete"));
    assert_eq!((answer.len(), &answer[4..9]), (259, &bytes("00 fd 11 03 fa")[..]));
}

#[test]
fn writes_arrive() {
    let rows: [(&str, &[u16]); 6] = [
        ("00 06 11 05 00 ac ff 00", &[1]),
        ("00 06 11 05 00 ac 00 00", &[0]),
        ("00 06 11 06 00 ac 12 34", &[0x1234]),
        ("00 09 11 0f 00 13 00 0a 02 cd 01", &[1, 0, 1, 1, 0, 0, 1, 1, 1, 0]),
        ("00 0b 11 10 00 01 00 02 04 00 0a 01 02", &[0x000a, 0x0102]),
        ("00 08 01 0f 00 24 00 07 01 55", &[1, 0, 1, 0, 1, 0, 1]),
    ];
    for (request, values) in rows {
        let bytes = frame(request);
        assert_eq!(
            device(&Request::parse(&bytes).expect("complete")).1.as_deref(),
            Some(values),
            "{request}"
        );
    }
}

#[test]
fn the_program_decides() {
    let request = frame("00 06 01 03 ff ff 00 01");
    let request = Request::parse(&request).expect("complete");
    let mut out = [0; FRAME_MAX];
    let len = request.answer(Err(2), &mut out);
    assert_eq!(out[..len], frame("00 03 01 83 02"));
    // Too few values count as zeros.
    let len = request.answer(Ok(Values::Registers(&[])), &mut out);
    assert_eq!(out[..len], frame("00 05 01 03 02 00 00"));
    let single = frame("00 06 01 06 00 15 00 01");
    let len = Request::parse(&single).expect("complete").answer(Ok(Values::Registers(&[7])), &mut out);
    assert_eq!(out[..len], frame("00 06 01 06 00 15 00 07"));
}

#[test]
fn frames_that_cannot_be_told_apart() {
    let request = frame("00 06 01 03 00 00 00 01");
    for cut in 0..6 {
        assert_eq!(frame_len(&request[..cut]), Ok(None));
    }
    assert_eq!(frame_len(&request[..6]), Ok(Some(12)));
    for wrong in [
        "00 01 00 01 00 06",
        "00 01 01 00 00 06",
        "00 01 00 00 00 00",
        "00 01 00 00 00 01",
        "00 01 00 00 00 ff",
    ] {
        assert_eq!(frame_len(&bytes(wrong)), Err(Malformed), "{wrong}");
    }
    assert_eq!(frame_len(&bytes("00 01 00 00 00 fe")), Ok(Some(FRAME_MAX)));
    assert_eq!(Request::parse(&[0; 7]), None);
}
