//! `%M`, `%m` and the printers.

use super::Value::Custom;
use super::{Values, rows};
use crate::codec::base64;
use crate::codec::fmt::{Args, address, escape, format};

/// Prints the sum of two ints.
fn sum(args: &mut Values, out: &mut Vec<u8>) -> usize {
    let sum = args.int() + args.int();
    format(b"%d", &mut Values([sum.into()].into()), out)
}

/// Counts down from an int.
fn down(args: &mut Values, out: &mut Vec<u8>) -> usize {
    (0..args.int()).rev().map(|i| format(b"%d", &mut Values([i.into()].into()), out)).sum()
}

/// Prints two bytes and claims a hundred.
fn liar(_args: &mut Values, out: &mut Vec<u8>) -> usize {
    out.extend_from_slice(b"ab");
    100
}

#[test]
fn printers_read_their_own_arguments() {
    rows! {
        "[%s,%M,%s]", c"null", Custom(sum), 2, 3, c"hi" => "[null,5,hi]";
        "[%M,%d]", Custom(down), 10, 7 => "[9876543210,7]";
        "%20m|", Custom(sum), 2, 3 => "\"5\"|";
        "%.*M", 4, Custom(sum), 2, 3 => "5";
    }
}

#[test]
fn the_claim_of_a_printer_counts() {
    let mut out = Vec::new();
    let count = format(b"%m%M.", &mut Values([Custom(liar), Custom(liar)].into()), &mut out);
    assert_eq!((count, &out[..]), (203, &b"\"ab\"ab."[..]));
    let mut out = Vec::new();
    let huge: fn(&mut Values, &mut Vec<u8>) -> usize = |_, _| usize::MAX;
    assert_eq!(format(b"a%Mb", &mut Values([Custom(huge)].into()), &mut out), 1);
}

fn with(print: impl FnOnce(&mut Vec<u8>) -> usize) -> String {
    let mut out = Vec::new();
    let count = print(&mut out);
    assert_eq!(count, out.len());
    String::from_utf8(out).unwrap()
}

#[test]
fn json_strings() {
    let json = |text: &[u8]| with(|out| escape::json(text, out));
    assert_eq!(json(b""), "");
    assert_eq!(json(b"a'b/c"), "a'b/c");
    assert_eq!(json(b"a\x08\n\x0c\r\t\"\\"), r#"a\b\n\f\r\t\"\\"#);
    assert_eq!(json(b"\0\x01\x1f\x7f"), "\\u0000\\u0001\\u001f\x7f");
    assert_eq!(json("ключ €".as_bytes()), "ключ €");
    // Every byte at every place of the eight that are looked at together.
    for place in 0..20 {
        for byte in 0..=255u8 {
            let mut text = [b'.'; 20];
            text[place] = byte;
            let mut out = Vec::new();
            escape::json(&text, &mut out);
            let special = byte < 0x20 || byte == b'"' || byte == b'\\';
            assert_eq!(out == text, !special, "{byte} at {place}");
            assert!(!special || out.starts_with(&text[..place]) && out.ends_with(&text[place + 1..]));
        }
    }
}

#[test]
fn html() {
    let html = |text: &[u8]| with(|out| escape::html(text, out));
    assert_eq!(html(br#"<a href="x">&'y'</a>"#), "&lt;a href=&quot;x&quot;&gt;&amp;'y'&lt;/a&gt;");
    assert_eq!(html(b"\0"), "\0");
}

#[test]
fn numbers_of_bytes() {
    assert_eq!(with(|out| escape::hex(b"\0 \x01 \x02 abc", out)), "002001200220616263");
    assert_eq!(with(|out| escape::hex(&[0xa5; 100], out)), "a5".repeat(100));
    let bytes = [0x30, 0x0a, 0xfe, 0x67];
    let texts: Vec<_> = (1..=4).map(|n| with(|out| base64::put(&bytes[..n], out))).collect();
    assert_eq!(texts, ["MA==", "MAo=", "MAr+", "MAr+Zw=="]);
    assert_eq!(with(|out| base64::put(&[0, 0x20, 1, 0xfe, 0xff], out)), "ACAB/v8=");
}

#[test]
fn addresses() {
    assert_eq!(with(|out| address::ip4(&[2, 0, 0, 1], out)), "2.0.0.1");
    assert_eq!(with(|out| address::ip4(&[255; 4], out)), "255.255.255.255");
    let mut ip6 = [0; 16];
    ip6[..3].copy_from_slice(&[1, 0x64, 0x21]);
    assert_eq!(with(|out| address::ip6(&ip6, out)), "[164:2100:0:0:0:0:0:0]");
    assert_eq!(with(|out| address::ip6(&[0xff; 16], out)), "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]");
    let documentation = "2001:db8::ff00:42:8329".parse::<std::net::Ipv6Addr>().unwrap().octets();
    assert_eq!(with(|out| address::ip6(&documentation, out)), "[2001:db8:0:0:0:ff00:42:8329]");
    assert_eq!(with(|out| address::port(0, out)), ":0");
    assert_eq!(with(|out| address::port(65535, out)), ":65535");
    let hardware = [0, 1, 0x0a, 0xff, 0xbc, 0x10, 0x11, 0x12];
    assert_eq!(with(|out| address::hardware(&hardware, out)), "00:01:0a:ff:bc:10:11:12");
}
