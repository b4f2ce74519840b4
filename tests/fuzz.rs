//! Runs the fuzz targets for a fixed number of executions, from a fixed seed: on any compiler, and
//! with the same result each time. `FUZZ_EXECUTIONS` sets another number.
//!
//! Inputs are mutations of the golden cases and of a few texts below, with the words of
//! the dictionaries in `fuzz/`, which libFuzzer takes as well.

#[path = "common/rng.rs"]
mod rng;

use rng::Rng;
use std::env;
use targets::{addr, dash, dns, files, http, json, modbus, mqtt, sntp, text, tls, ws};

#[path = "../fuzz/src/lib.rs"]
mod targets;

const DICTIONARY: &str = concat!(
    include_str!("../fuzz/files.dict"),
    include_str!("../fuzz/http.dict"),
    include_str!("../fuzz/json.dict"),
    include_str!("../fuzz/mqtt.dict"),
    include_str!("../fuzz/text.dict"),
    include_str!("../fuzz/tls.dict"),
    include_str!("../fuzz/ws.dict")
);
const HTTP_CASES: &str = include_str!("golden/http.cases");
const URL_CASES: &str = include_str!("golden/url.cases");
const JSON_CASES: &str = include_str!("golden/json.cases");
const MQTT_CASES: &str = include_str!("golden/mqtt.cases");
const DNS_CASES: &str = include_str!("golden/dns.cases");
const NET_CASES: &str = include_str!("golden/net.cases");
const TEXT_CASES: &str = include_str!("golden/text.cases");
const PRINTF_CASES: &str = include_str!("golden/printf.cases");
const CODEC_CASES: &str = include_str!("golden/codec.cases");
const CERTIFICATES: [&[u8]; 2] =
    [include_bytes!("tls/every_extension.crt"), include_bytes!("tls/version_1.crt")];

/// `\xHH`, `\n` and the like to bytes.
fn unescape(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = text.as_bytes();
    while let [b, tail @ ..] = rest {
        rest = tail;
        let (byte, used) = match (b, tail) {
            (b'\\', [b'x', high, low, ..]) => {
                let digit = |d: &u8| char::from(*d).to_digit(16).expect("hex digit") as u8;
                (digit(high) << 4 | digit(low), 3)
            }
            (b'\\', [b'n', ..]) => (b'\n', 1),
            (b'\\', [b'r', ..]) => (b'\r', 1),
            (b'\\', [b't', ..]) => (b'\t', 1),
            (b'\\', [b'0', ..]) => (0, 1),
            (b'\\', [other, ..]) => (*other, 1),
            (b, _) => (*b, 0),
        };
        out.push(byte);
        rest = &rest[used..];
    }
    out
}

/// The first field of each golden case of `function`.
fn golden(cases: &str, function: &str) -> Vec<Vec<u8>> {
    let lines = cases.lines().filter_map(|line| line.strip_prefix(function)?.strip_prefix('\t'));
    let seeds: Vec<_> = lines.map(|fields| unescape(fields.split('\t').next().unwrap())).collect();
    assert!(!seeds.is_empty(), "no cases of {function}");
    seeds
}

fn mutate(rng: &mut Rng, words: &[Vec<u8>], seeds: &[Vec<u8>], data: &mut Vec<u8>) {
    let at = rng.below(data.len() + 1);
    let to = (at + 1 + rng.below(8)).min(data.len());
    match rng.below(7) {
        0 => data.truncate(at),
        1 if at < data.len() => data[at] ^= 1 << rng.below(8),
        2 if at < data.len() => data[at] = rng.below(256) as u8,
        3 if at < to => drop(data.drain(at..to)),
        4 if at < to => {
            let copy = data[at..to].to_vec();
            data.splice(at..at, copy);
        }
        5 => {
            let other = &seeds[rng.below(seeds.len())];
            let from = rng.below(other.len() + 1);
            data.splice(at.., other[from..].iter().copied());
        }
        _ => {
            let word = words[rng.below(words.len())].iter().copied();
            data.splice(at..at, word);
        }
    }
}

fn run(target: fn(&[u8]), seeds: &[Vec<u8>]) {
    run_times(target, seeds, if cfg!(debug_assertions) { 20_000 } else { 200_000 });
}

fn run_times(target: fn(&[u8]), seeds: &[Vec<u8>], executions: usize) {
    let executions = match env::var("FUZZ_EXECUTIONS") {
        Ok(text) => text.parse().expect("FUZZ_EXECUTIONS is a number"),
        Err(_) => executions,
    };
    let words: Vec<_> = DICTIONARY.lines().map(|line| unescape(line.trim_matches('"'))).collect();
    let mut rng = Rng(0x9e37_79b9_7f4a_7c15);
    for seed in seeds {
        target(seed);
    }
    for _ in 0..executions {
        let mut data = seeds[rng.below(seeds.len())].clone();
        for _ in 0..=rng.below(4) {
            mutate(&mut rng, &words, seeds, &mut data);
        }
        target(&data);
    }
}

#[test]
fn head() {
    run(http::head, &golden(HTTP_CASES, "http_parse"));
}

#[test]
fn strict() {
    let mut seeds = golden(HTTP_CASES, "http_parse");
    let more =
        ["GET /a?b HTTP/1.1\r\nHost: h\r\nA: b\r\n\r\n", "OPTIONS * HTTP/1.0\r\nContent-Length: 0\r\n\r\n"];
    seeds.extend(more.map(|s| s.as_bytes().to_vec()));
    run(http::strict, &seeds);
}

#[test]
fn chunked() {
    let seeds = [
        "\x40", /* where the input is cut, see the target */
        "\u{20}3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\nGET /",
        "\u{7f}0000000A;x=y\r\n0123456789\r\n0\r\nA: b\r\nC:\r\n\r\n",
    ];
    run(http::chunked, &seeds.map(|s| s.as_bytes().to_vec()));
}

#[test]
fn multipart() {
    run(http::multipart, &golden(HTTP_CASES, "multipart"));
}

#[test]
fn url() {
    run(http::url, &golden(URL_CASES, "url"));
}

#[test]
fn vars() {
    let mut seeds = golden(HTTP_CASES, "http_var");
    seeds.extend(golden(HTTP_CASES, "http_header_var"));
    // The first byte tells how long the name is.
    let named = seeds.into_iter().map(|seed| [b"\x01b", &seed[..]].concat());
    run(http::vars, &named.collect::<Vec<_>>());
}

#[test]
fn json_path() {
    run(json::path, &golden(JSON_CASES, "json"));
}

#[test]
fn address() {
    run(addr::addr, &golden(NET_CASES, "aton"));
}

#[test]
fn access_list() {
    // The first four bytes are the address.
    let lists = golden(NET_CASES, "acl").into_iter().map(|list| [&[1, 2, 3, 4], &list[..]].concat());
    run(addr::acl, &lists.collect::<Vec<_>>());
}

#[test]
fn fields() {
    let seeds = [
        "\nbytes=0-1",
        "\nbytes=-3,4-",
        "\ngzip;q=0.5, br ;q=1.000, *;q=0, identity",
        "\nW/\"1.2\", \"10.3\", *",
        "\nBasic Zm9vOmJhcg==",
        "\nBearer x; access_token=%61",
        "\nhttp://[::1]:80/a/../b",
        "\nC:\\a\\b.txt=c/d,*=e",
    ];
    run(http::fields, &seeds.map(|s| s.as_bytes().to_vec()));
}

#[test]
fn dns_packet() {
    let mut seeds = golden(DNS_CASES, "dns");
    seeds.push(b"www.example.com.".to_vec());
    run(dns::packet, &seeds);
}

#[test]
fn dns_answer() {
    let seeds = ["Mongoose\0_http._tcp\0\x05a=b c", "a\0_a._udp", "a.b\0_tcp\0x", "host"];
    run(dns::answers, &seeds.map(|s| s.as_bytes().to_vec()));
}

#[test]
fn sntp_packet() {
    let seeds: [&[u8]; 2] = [
        b"\x24\x01\0\xeb\0\0\0\x1e\0\0\x07\xb6GPS\0\x01\x02\x03\x04\x05\x06\x07\x0801234567\
          \xe8\xfe\x6f\x80\0\0\0\0\xe8\xfe\x6f\x80\x80\0\0\0",
        b"\x1c\x02\0\xeb\0\0\0\x1e\0\0\x07\xb6GPS\0\x01\x02\x03\x04\x05\x06\x07\x08\0\0\0\x01\0\0\0\0\
          \0\0\0\0\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff",
    ];
    run(sntp::packet, &seeds.map(<[u8]>::to_vec));
}

#[test]
fn modbus_frames() {
    let seeds: [&[u8]; 5] = [
        b"\0\x01\0\0\0\x06\x11\x01\0\x13\0\x0a",
        b"\0\x01\0\0\0\x06\x11\x03\0\x13\0\x7d\0\x02\0\0\0\x06\x11\x06\0\0\0\x01",
        b"\0\x01\0\0\0\x06\x11\x05\0\xac\xff\0",
        b"\0\x01\0\0\0\x09\x11\x0f\0\x13\0\x0a\x02\xcd\x01",
        b"\0\x01\0\0\0\x0b\x11\x10\0\x01\0\x02\x04\0\x0a\x01\x02",
    ];
    run(modbus::frames, &seeds.map(<[u8]>::to_vec));
}

#[test]
fn mqtt_packets() {
    // The first byte is the version: odd is 5.
    let packets = golden(MQTT_CASES, "mqtt");
    let seeds = packets.iter().flat_map(|seed| [4, 5].map(|version| [&[version], &seed[..]].concat()));
    run(mqtt::packets, &seeds.collect::<Vec<_>>());
}

#[test]
fn certificates() {
    let seeds =
        CERTIFICATES.map(|text| mongoose::codec::tls::pem::blocks(text).next().unwrap().contents.unwrap());
    run(tls::certificate, &seeds);
}

#[test]
fn pem_texts() {
    let seeds =
        [CERTIFICATES.concat(), b"x\n-----BEGIN A-----\r\nQUJD\r\n-----END A-----\n*.example.com".to_vec()];
    run(tls::texts, &seeds);
}

#[test]
fn file_path() {
    let seeds = [
        "/a.txt",
        "/sub/%2e%2e/a",
        "/..%5c..%2fx",
        "http://h//a/b/",
        "www\n/a%20b/c.txt/",
        "./data,/foo=./dir,/foo/deep=/x\n/foo/deep/a",
        "/\n/a/b",
        "=r,/a=\n/%41~",
    ];
    run(files::path, &seeds.map(|s| s.as_bytes().to_vec()));
}

#[test]
fn ssi() {
    let seeds = [
        "A<!--#include file=\"f.txt\" -->B<!--#include  virtual=\"/a\"-->C<!--#foo-->D<!-- c -->",
        "<!--#include file=\"a-->b\" --><!--#<!--#include file=\"a\"-->",
    ];
    run(files::ssi, &seeds.map(|s| s.as_bytes().to_vec()));
}

#[test]
fn file_names() {
    let seeds =
        ["a<b&c>.txt", "\"'><script>", "/data/data/sub/x", "file=a%20b&offset=0x10", "#.html=0,/a=1/a"];
    run(files::names, &seeds.map(|s| s.as_bytes().to_vec()));
}

#[test]
fn matching() {
    let cases = TEXT_CASES.lines().filter_map(|line| line.strip_prefix("match\t"));
    let seeds = cases.filter_map(|case| {
        let mut fields = case.split('\t').map(unescape);
        let (text, pattern) = (fields.next()?, fields.next()?);
        Some([&pattern[..], &text].join(&0))
    });
    run(text::matching, &seeds.collect::<Vec<_>>());
}

#[test]
fn formatting() {
    let cases = PRINTF_CASES.lines().map(|line| unescape(line.split('\t').nth(2).expect("a format")));
    let arguments = b"\0\x05hello\x01\x02\x03\x04\x1f\x85\xebQ\xb8\x1e\x09@";
    run(text::formatting, &cases.map(|fmt| [&fmt[..], arguments].concat()).collect::<Vec<_>>());
}

#[test]
fn base64() {
    run(text::base64, &golden(CODEC_CASES, "base64_decode"));
}

#[test]
fn words() {
    let mut seeds = golden(TEXT_CASES, "str_to_num");
    seeds.extend(golden(TEXT_CASES, "sane"));
    run(text::words, &seeds);
}

#[test]
fn ws_frame() {
    // The first byte says what may come.
    let seeds: [&[u8]; 6] = [
        b"\x01\x81\x85\x01\x02\x03\x04hello",
        b"\x00\x82\x7e\x00\x05hello",
        b"\x03\x80\xff\0\0\0\0\0\x01\0\0\x01\x02\x03\x04xyz",
        b"\x05\xc1\x83abcdefg",
        b"\x02\x89\0",
        b"\x00\x88\x02\x03\xe8",
    ];
    run(ws::frame, &seeds.map(<[u8]>::to_vec));
}

#[test]
fn ws_payload() {
    let seeds: [&[u8]; 4] = [
        b"\x80a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80",
        b"\x40\x03\xe8bye",
        b"\x10\x0b\xb8",
        b"\xff\xf4\x8f\xbf\xbf",
    ];
    run(ws::payload, &seeds.map(<[u8]>::to_vec));
}

#[test]
fn ws_handshake() {
    let seeds: [&[u8]; 5] = [
        b"\x86permessage-deflate; client_max_window_bits",
        b"\x03x, permessage-deflate; server_max_window_bits=\"10\"; server_no_context_takeover",
        b"\x80permessage-deflate; client_no_context_takeover; client_max_window_bits=9",
        b"\0chat, superchat",
        b"\0dGhlIHNhbXBsZSBub25jZQ==",
    ];
    run(ws::handshake, &seeds.map(<[u8]>::to_vec));
}

#[test]
fn ws_deflate() {
    let seeds: [&[u8]; 4] = [
        b"\x86\xf2\x48\xcd\xc9\xc9\x07\x00",
        b"\x06\x00\x05\x00\xfa\xffHello\x00",
        b"\xff\xf3\x48\xcd\xc9\xc9\x07\x00\x00",
        b"\x81aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab",
    ];
    // Each execution makes windows and tables of its own.
    run_times(ws::deflate, &seeds.map(<[u8]>::to_vec), 1000);
}

#[test]
fn dash_request() {
    let seeds = [
        "/api/get/set/1/2",
        "/api/del/set/3",
        "/api/add/set",
        "/fs/files/a%20b.txt",
        "/fs/files/%2e%2e%2fx",
        "a:80\nhttp://a",
        "/api/get/a/99999999999",
    ];
    run(dash::request, &seeds.map(|s| s.as_bytes().to_vec()));
}

#[test]
fn dash_values() {
    let mut seeds = golden(JSON_CASES, "json");
    let more = [
        r#"{"set":{"i":-5,"u":18446744073709551615,"b":true,"d":36.6,"s":"a\"b\u20ac"}}"#,
        r#"{"a":{"r":[1,2]},"b":{"i":1.5e3}}"#,
    ];
    seeds.extend(more.map(|s| s.as_bytes().to_vec()));
    run(dash::values, &seeds);
}
