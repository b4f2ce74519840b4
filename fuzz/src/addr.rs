//! IP addresses and access lists.

use core::net::{Ipv4Addr, Ipv6Addr};
use mongoose::codec::acl;
use mongoose::codec::addr::{self, Address};

/// No names of interfaces, so that results do not depend on the machine.
fn parse(text: &[u8]) -> Option<Address> {
    addr::parse(text, |_| None)
}

/// What is accepted is printed and read again as the same address; the standard library accepts no
/// plain address that we do not, and sees the same one.
pub fn addr(data: &[u8]) {
    let parsed = parse(data);
    match parsed {
        Some(Address::V4(v4)) => assert_eq!(parse(Ipv4Addr::from(v4).to_string().as_bytes()), parsed),
        Some(Address::V6(v6, zone)) => {
            let groups: Vec<_> = Ipv6Addr::from(v6).segments().iter().map(|g| format!("{g:x}")).collect();
            let text = format!("[{}%{zone}]", groups.join(":"));
            assert_eq!(parse(text.as_bytes()), parsed);
        }
        None => {}
    }
    let Ok(text) = str::from_utf8(data) else { return };
    if let Ok(v4) = text.parse::<Ipv4Addr>() {
        assert_eq!(parsed, Some(Address::V4(v4.octets())));
    }
    if let Ok(v6) = text.parse::<Ipv6Addr>() {
        assert_eq!(parsed, Some(Address::V6(v6.octets(), 0)));
    }
}

/// A list that is accepted stays accepted with a comma after it, and allows what its last
/// matching entry says.
pub fn acl(data: &[u8]) {
    let Some((&kind, data)) = data.split_first() else { return };
    let Some((bytes, list)) = data.split_first_chunk::<16>() else { return };
    let peer = match kind % 2 {
        0 => Address::V4(*bytes.first_chunk().expect("16 bytes")),
        _ => Address::V6(*bytes, kind),
    };
    let allows = |list: &[u8]| acl::allows(list, peer, |_| None);
    let verdict = allows(list);
    if verdict.is_ok() && !list.is_empty() && !list.ends_with(b",") {
        let all: Vec<_> = list.split(|&b| b == b',').collect();
        let last = all.iter().rev().find_map(|entry| {
            // An entry on its own allows or denies; turned round, it does the opposite if it matches.
            let turned = [if entry[0] == b'+' { b"-" } else { b"+" }, &entry[1..]].concat();
            let (own, turned) = (allows(entry), allows(&turned));
            (own != turned).then(|| own == Ok(true))
        });
        assert_eq!(verdict, Ok(last == Some(true)));
        assert_eq!(allows(&[list, b","].concat()), verdict);
    }
}
