//! Tests of the head parser.

#![forbid(unsafe_code)]

use super::super::Framing;
use super::*;

type Parsed<'a> = Result<Option<(Head<'a>, Vec<Header<'a>>)>, HeadError>;

fn parse(buf: &[u8]) -> Parsed<'_> {
    let mut headers = Vec::new();
    let mut head = Head::default();
    Ok(parse_head_at(buf, &mut head, |h| headers.push(h))?.then_some((head, headers)))
}

/// Length of the head as `mg_http_parse` reports it.
fn len(buf: &[u8]) -> i64 {
    match parse(buf) {
        Ok(Some((head, _))) => head.len as i64,
        Ok(None) => 0,
        Err(_) => -1,
    }
}

fn good(buf: &[u8]) -> (Head<'_>, Vec<Header<'_>>) {
    parse(buf).unwrap_or_else(|e| panic!("{e}: {buf:?}")).unwrap_or_else(|| panic!("incomplete: {buf:?}"))
}

fn fault(buf: &[u8]) -> (Fault, usize) {
    let error = parse(buf).expect_err("refused");
    (error.fault, error.at)
}

/// `b` with a request line before it and a blank line after it.
fn request(b: &[u8]) -> Vec<u8> {
    [b"GET / HTTP/1.1\r\n", b, b"\r\n\r\n"].concat()
}

#[test]
fn a_request() {
    let buf = b"POST /a%20b?x=1?y#z HTTP/1.1\r\nHost: h\r\nA:b:c \t\r\nB:\r\n\r\nbody";
    let (head, headers) = good(buf);
    assert_eq!(head.len, buf.len() - 4);
    assert_eq!((head.method, head.uri, head.query), (&b"POST"[..], &b"/a%20b"[..], Some(&b"x=1?y#z"[..])));
    assert_eq!((head.proto, head.version, head.is_response), (&b"HTTP/1.1"[..], (1, 1), false));
    assert_eq!((head.headers, head.hosts, head.announced_len()), (3, 1, Some(0)));
    let pairs: Vec<_> = headers.iter().map(|h| (h.name, h.value)).collect();
    assert_eq!(pairs, [(&b"Host"[..], &b"h"[..]), (b"A", b"b:c"), (b"B", b"")]);
}

#[test]
fn start_lines() {
    for (line, expected) in [
        (&b"GET / HTTP/1.1\n\n"[..], 16),
        (b"GET / HTTP/1.1\r\n\r\n", 18),
        (b"GET / HTTP/1.1\n\r\nX", 17),
        (b"GET  /  HTTP/1.1\r\n\r\n", 20),
        (b"GET\t/ HTTP/1.1\r\n\r\n", -1),
        (b" GET / HTTP/1.1\r\n\r\n", -1),
        (b"GET / HTTP/1.1 \r\n\r\n", -1),
        (b"GET / HTTP/11.1\r\n\r\n", -1),
        (b"GET / HTTP/2\r\n\r\n", -1),
        (b"GET /\r\n\r\n", -1),
        (b"GET  HTTP/1.1\r\n\r\n", -1),
        (b"GET / foo HTTP/1.1\r\n\r\n", -1),
        (b"GET ?a HTTP/1.1\r\n\r\n", -1),
        (b"GET / HTTP/2.0\r\n\r\n", 18),
        (b"GET / HTTP/0.9\r\n\r\n", 18),
        (b"GET / http/1.1\r\n\r\n", 18),
        (b"GET /a?b?c=d#e HTTP/1.1\r\n\r\n", 27),
        (b"GET /? HTTP/1.1\r\n\r\n", 19),
        (b"GET http://h/x HTTP/1.1\r\n\r\n", 27),
        (b"OPTIONS * HTTP/1.1\r\n\r\n", 22),
        (b"\r\n\r\nGET / HTTP/1.1\r\n\r\n", -1),
        (b"\n\n", -1),
        (b"a\n\n", -1),
        (b"get\n\n", -1),
        (b"\x08\x32\x33", -1),
        (b"HTTP/1.1 200 OK\r\n\r\n", 19),
        (b"HTTP/1.1 200\r\n\r\n", 16),
        (b"HTTP/1.1 204 No\r\n\r\n", 19),
        (b"HTTP/1.1 304 x\r\n\r\n", 18),
        (b"HTTP/1.1 204 x\r\nContent-Length: 5\r\n\r\n", 37),
        (b"http/1.1 200 Some Long reason\r\n\r\n", 33),
        (b"HTTP/1.1\r\n\r\n", -1),
        (b"HTTP/ 200 OK\r\n\r\n", -1),
        (b"HTTP/x 200 OK\r\n\r\n", 17),
        (b"HTTP/1.1 abc OK\r\n\r\n", 19),
        (b"HTTP/1.0 999 OMGWTFBBQ\n\n", 24),
        ("a є HTTP/1.0\n\n".as_bytes(), 15),
        (b"WOHOO /x HTTP/1.0\n\n", 19),
        (b"", 0),
        (b"GET / \r\n", 0),
        (b"GET / HTTP/1.0\n", 0),
        (b"GET / invalid\n\n", -1),
        (b"a\nb:b\nc:c\n\n", -1),
        (b"GET /\x7f HTTP/1.1\r\n\r\n", -1),
        (b"GET /\xff HTTP/1.1\r\n\r\n", -1),
        (b"G\xffT / HTTP/1.1\r\n\r\n", -1),
        (b"GET /\xc0\x80 HTTP/1.1\r\n\r\n", 20),
    ] {
        assert_eq!(len(line), expected, "{:?}", line.escape_ascii().to_string());
    }
}

#[test]
fn bare_cr_in_the_start_line_is_an_error_and_not_a_wait() {
    for line in [
        &b"GET / HTTP/1.1\rA: b\r\n\r\n"[..],
        b"GET / \rHTTP/1.1\r\n\r\n",
        b"GE\rT / HTTP/1.1\r\n\r\n",
        b"GET /\r\r\n\r\n",
        b"HTTP/1.1 200 O\rK\r\n\r\n",
    ] {
        assert_eq!(len(line), -1, "{:?}", line.escape_ascii().to_string());
    }
    // Not before it is clear what the head is.
    assert_eq!(len(b"GET / HTTP/1.1\rA: b\r\n"), 0);
}

#[test]
fn responses() {
    for (buf, uri, proto, status, announced) in [
        (&b"HTTP/1.1 200 OK\r\n\r\n"[..], &b"200"[..], &b"OK"[..], 200, None),
        (b"HTTP/1.1 200\r\n\r\n", b"200", b"", 200, None),
        (b"HTTP/1.1 204 No\r\n\r\n", b"204", b"No", 204, Some(0)),
        (b"HTTP/1.1 204 x\r\nContent-Length: 5\r\n\r\n", b"204", b"x", 204, Some(5)),
        (b"HTTP/1.1 304 x\r\n\r\n", b"304", b"x", 304, None),
        (b"HTTP/1.1 100 x\r\n\r\n", b"100", b"x", 100, None),
        (b"HTTP/1.1 abc \xff\t z\n\n", b"abc", b"\xff\t z", 0, None),
        (b"HTTP/1.0 200 OK\n\n", b"200", b"OK", 200, None),
    ] {
        let (head, _) = good(buf);
        assert!(head.is_response);
        assert_eq!((head.uri, head.proto, head.status), (uri, proto, status), "{buf:?}");
        assert_eq!(head.announced_len(), announced, "{buf:?}");
    }
    assert_eq!(good(b"http/1.0 200 OK\n\n").0.version, (1, 0));
    assert_eq!(good(b"HTTP/x 200 OK\n\n").0.version, (0, 0));
    let (head, _) = good(b"HTTP/1.1 2?x=0 OK\n\n");
    assert_eq!((head.uri, head.query), (&b"2"[..], Some(&b"x=0"[..])));
}

#[test]
fn a_query_may_be_absent_or_empty() {
    assert_eq!(good(b"GET / HTTP/1.1\r\n\r\n").0.query, None);
    assert_eq!(good(b"GET /? HTTP/1.1\r\n\r\n").0.query, Some(&b""[..]));
    assert_eq!(good(b"GET /foo?a=b&c=d HTTP/1.1\r\n\r\n").0.query, Some(&b"a=b&c=d"[..]));
}

#[test]
fn header_lines() {
    for (line, value) in [
        (&b"A:b:c"[..], Some(&b"b:c"[..])),
        (b"A:", Some(b"")),
        (b"A: ", Some(b"")),
        (b"A:\t \t", Some(b"")),
        (b"A: \t e\t ", Some(b"e")),
        (b"A:\te\te", Some(b"e\te")),
        (b"A: \xff", Some(b"\xff")),
        (b"A: b\x7fc", Some(b"b\x7fc")),
        (b"A(b)=@: b", Some(b"b")),
        (b"A\xc3\xa9: b", Some(b"b")),
        (b"host:127.0.0.1:18888", Some(b"127.0.0.1:18888")),
        (b"A : b", None),
        (b"A\t: b", None),
        (b"A", None),
        (b":b", None),
        (b" : aa", None),
        (b"A:b\r\n c", None),
        (b"A:b\r\n\tc", None),
        (b"A: b\rc", None),
        (b"A:\r1", None),
        (b"A: b\x01c", None),
        (b"A: b\0c", None),
        (b"A\xff: b", None),
        (b"A\x7f: c", None),
        (b"\xc0: 2", None),
        (b"v v", None),
    ] {
        let buf = request(line);
        let found = parse(&buf).ok().flatten().map(|(_, headers)| headers[0].value);
        assert_eq!(found, value, "{:?}", line.escape_ascii().to_string());
    }
}

#[test]
fn faults_are_named_and_placed() {
    let line = |text: &[u8]| fault(&request(text));
    assert_eq!(line(b"A : b"), (Fault::SpaceBeforeColon, 17));
    assert_eq!(line(b"A"), (Fault::NoColon, 17));
    assert_eq!(line(b": b"), (Fault::HeaderName, 16));
    assert_eq!(line(b"A\x7f: b"), (Fault::HeaderName, 17));
    assert_eq!(line(b"A: b\r\n c"), (Fault::Folded, 22));
    assert_eq!(line(b"A: b\rc"), (Fault::BareCr, 20));
    assert_eq!(line(b"A: b\0c"), (Fault::ControlByte, 20));
    assert_eq!(line(b"Authorization: a\r\nX: y\r\nAuthorization: a"), (Fault::Repeated, 40));
    assert_eq!(line(b"Content-Length: -1"), (Fault::ContentLength, 16));
    assert_eq!(fault(b" / HTTP/1.1\n\n").0, Fault::Method);
    assert_eq!(fault(b"GET HTTP/1.1\n\n").0, Fault::Version);
    assert_eq!(fault(b"GET ?q HTTP/1.1\n\n"), (Fault::Target, 4));
    assert_eq!(fault(b"GET / HTTP/11\n\n"), (Fault::Version, 6));
}

#[test]
fn a_bad_head_is_reported_when_complete_and_a_control_byte_at_once() {
    assert_eq!(len(b"GET / HTTP/1.1\r\nbad line\r\nA: b\r\n"), 0);
    assert_eq!(len(b"GET / HTTP/1.1\r\nbad line\r\nA: b\r\n\r\n"), -1);
    assert_eq!(fault(b"GET / HTTP/1.1\r\nbad line\r\nA: \x01"), (Fault::ControlByte, 29));
    assert_eq!(fault(b"\x16\x03\x01"), (Fault::ControlByte, 0));
}

#[test]
fn headers_that_may_stand_only_once() {
    for name in ["Content-Length", "Transfer-Encoding", "Authorization"] {
        let lines = format!("{name}: 1\r\nA: b\r\n{}: 1", name.to_lowercase());
        assert_eq!(fault(&request(lines.as_bytes())).0, Fault::Repeated, "{name}");
        assert!(parse(&request(format!("{name}: 1").as_bytes())).is_ok());
    }
    for name in ["Host", "Set-Cookie", "Accept", "Expect", "Cookie", "Connection"] {
        assert!(parse(&request(format!("{name}: 1\r\n{name}: 1").as_bytes())).is_ok(), "{name}");
    }
}

#[test]
fn lengths() {
    for (value, expected) in [
        ("0", Some(0)),
        ("5", Some(5)),
        (" \t21 \t", Some(21)),
        ("000005", Some(5)),
        ("-5", None),
        ("-0", None),
        ("+5", None),
        ("5,5", None),
        ("5 5", None),
        ("0x5", None),
        ("", None),
        ("5;", None),
        ("18446744073709551616", None),
        ("18446744073709551615", None),
        ("18446744073709551600", None),
        ("19000000000000000000", None),
        ("99999999999999999999999999", None),
        ("9223372036854775807", Some(i64::MAX as usize)),
    ] {
        let buf = request(format!("Content-Length:{value}").as_bytes());
        let found = parse(&buf).ok().flatten().and_then(|(head, _)| head.content_length);
        assert_eq!(found, expected, "{value:?}");
    }
    // The sum of head and body must fit as well.
    let head = "GET / HTTP/1.1\r\nContent-Length: 18446744073709551558\r\n\r\n";
    assert_eq!(head.len(), 56);
    assert_eq!(len(head.as_bytes()), 56);
    assert_eq!(len(head.replace("558", "559").as_bytes()), 56);
    assert_eq!(len(head.replace("558", "560").as_bytes()), -1);
}

#[test]
fn length_beside_coding_is_refused_in_any_order() {
    for lines in
        ["Content-Length: 0\r\nTransfer-Encoding: chunked", "Transfer-Encoding: x\r\ncontent-length: 5"]
    {
        assert_eq!(fault(&request(lines.as_bytes())).0, Fault::LengthAndCoding);
    }
}

#[test]
fn lines_without_a_slot_are_examined() {
    let filler = "X: y\r\n".repeat(30);
    let lines = |last: &str| request(format!("{filler}{last}").as_bytes());
    let buf = lines("Content-Length: 7");
    let mut slots = [Header::default(); 30];
    let head = parse_head(&buf, &mut slots).unwrap().unwrap();
    assert_eq!((head.headers, head.content_length, head.len), (31, Some(7), buf.len()));
    assert!(slots.iter().all(|h| h.name == b"X" && h.value == b"y"));
    for (last, expected) in [
        ("Transfer-Encoding: a\r\nContent-Length: 1", Fault::LengthAndCoding),
        ("Authorization: a\r\nAuthorization: a", Fault::Repeated),
        ("no-colon", Fault::NoColon),
        ("A: b\rc", Fault::BareCr),
    ] {
        assert_eq!(fault(&lines(last)).0, expected);
    }
    assert!(good(&lines("Connection: close")).0.connection.close);
}

#[test]
fn the_number_of_lines_is_bounded() {
    let lines = |n: usize| request("X: y\r\n".repeat(n).trim_end().as_bytes());
    assert_eq!(good(&lines(MAX_HEADER_LINES)).0.headers, MAX_HEADER_LINES);
    let error = parse(&lines(MAX_HEADER_LINES + 1)).unwrap_err();
    assert_eq!((error.fault, error.fault.status()), (Fault::TooManyHeaders, 431));
}

#[test]
fn connection_is_a_list_of_tokens() {
    for (value, close, keep_alive, upgrade) in [
        ("close", true, false, false),
        ("Keep-Alive, CLOSE", true, true, false),
        (" , ,upgrade,, keep-alive\t", false, true, true),
        ("closed, not-close", false, false, false),
        ("", false, false, false),
    ] {
        let buf = request(format!("Connection: {value}").as_bytes());
        let found = good(&buf).0.connection;
        assert_eq!(found, Connection { close, keep_alive, upgrade }, "{value}");
    }
}

#[test]
fn who_keeps_the_connection() {
    for (version, value, keeps) in [
        ("1.1", "x", true),
        ("1.1", "close", false),
        ("1.0", "x", false),
        ("1.0", "keep-alive", true),
        ("1.0", "keep-alive, close", false),
    ] {
        let buf = format!("GET / HTTP/{version}\r\nConnection: {value}\r\n\r\n");
        assert_eq!(good(buf.as_bytes()).0.keeps_alive(), keeps, "{buf}");
    }
}

#[test]
fn framing_follows_the_rfc() {
    for (buf, expected) in [
        ("GET / HTTP/1.1\n\n", Ok(Framing::Empty)),
        ("POST / HTTP/1.1\n\n", Ok(Framing::Empty)),
        ("POST / HTTP/1.1\nContent-Length: 0\n\n", Ok(Framing::Empty)),
        ("POST / HTTP/1.1\nContent-Length: 5\n\n", Ok(Framing::Length(5))),
        ("POST / HTTP/1.1\nTransfer-Encoding: CHUNKED\n\n", Ok(Framing::Chunked)),
        ("POST / HTTP/1.1\nTransfer-Encoding: gzip, chunked\n\n", Err(Fault::Coding)),
        ("POST / HTTP/1.1\nTransfer-Encoding: identity\n\n", Err(Fault::Coding)),
        ("POST / HTTP/1.0\nTransfer-Encoding: chunked\n\n", Err(Fault::CodingInOldRequest)),
        ("HTTP/1.0 200\nTransfer-Encoding: chunked\n\n", Ok(Framing::Chunked)),
        ("HTTP/1.1 200\n\n", Ok(Framing::UntilClose)),
        ("HTTP/1.1 200\nContent-Length: 5\n\n", Ok(Framing::Length(5))),
        ("HTTP/1.1 204\nContent-Length: 5\n\n", Ok(Framing::Empty)),
        ("HTTP/1.1 304\nContent-Length: 5\n\n", Ok(Framing::Empty)),
        ("HTTP/1.1 100\nTransfer-Encoding: chunked\n\n", Ok(Framing::Empty)),
        ("HTTP/1.1 103\n\n", Ok(Framing::Empty)),
        ("HTTP/1.1 101\n\n", Ok(Framing::UntilClose)),
    ] {
        assert_eq!(good(buf.as_bytes()).0.framing().map_err(|e| e.fault), expected, "{buf}");
    }
}

#[test]
fn expect() {
    assert!(good(&request(b"expect: 100-Continue")).0.expect_continue);
    assert!(!good(&request(b"Expect: 200-ok")).0.expect_continue);
}

#[test]
fn names_and_values_in_utf8() {
    let buf = "ґєт /слеш HTTP/1.0\nмісто:  кіїв \n\n".as_bytes();
    let (head, headers) = good(buf);
    assert_eq!((head.len, head.method, head.uri), (buf.len(), "ґєт".as_bytes(), "/слеш".as_bytes()));
    assert_eq!((headers[0].name, headers[0].value), ("місто".as_bytes(), "кіїв".as_bytes()));
}

const WHOLE: &[&[u8]] = &[
    b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"POST /a?b=c HTTP/1.0\nContent-Length: 5\nA:\tb \t\nCookie:\n\n",
    b"HTTP/1.1 200 Very OK\r\nA: b\r\nTransfer-Encoding: chunked\n\r\n",
    "ґєт /слеш HTTP/1.0\nмісто:  кіїв \n\n".as_bytes(),
];

#[test]
fn each_proper_prefix_is_incomplete() {
    for buf in WHOLE {
        assert_eq!(len(buf), buf.len() as i64);
        for n in 0..buf.len() {
            assert_eq!(parse(&buf[..n]), Ok(None), "{n} of {:?}", buf.escape_ascii().to_string());
        }
    }
}

#[test]
fn what_follows_the_head_plays_no_part() {
    for buf in WHOLE {
        let alone = good(buf);
        for tail in [&b"\0\x01\xff"[..], b"\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"xxxxxxxxxxxxxxxx"] {
            let longer = [buf, tail].concat();
            assert_eq!(good(&longer), alone);
        }
    }
}

#[test]
fn parsing_agrees_with_the_search_for_the_end() {
    for buf in WHOLE {
        for at in 0..buf.len() {
            for b in [0, b'\t', b'\n', b'\r', b' ', b':', b'?', 0x7f, 0x80, 0xc3] {
                let mut copy = buf.to_vec();
                copy[at] = b;
                match (parse(&copy), head_len(&copy, 0)) {
                    (Ok(Some((head, _))), end) => assert_eq!(end, Ok(Some(head.len))),
                    (Ok(None), end) => assert_eq!(end, Ok(None)),
                    (Err(_), end) => assert_ne!(end, Ok(None)),
                }
            }
        }
    }
}
