//! Addresses against the standard library, access lists against the rules written down naively.

use core::net::{Ipv4Addr, Ipv6Addr};
use mongoose::codec::acl::{self, Error};
use mongoose::codec::addr::{self, Address};
use proptest::collection::vec;
use proptest::prelude::*;

/// Two interfaces.
fn zones(name: &[u8]) -> Option<u8> {
    match name {
        b"lo" => Some(1),
        b"eth0" => Some(2),
        _ => None,
    }
}

fn parse(text: &[u8]) -> Option<Address> {
    addr::parse(text, zones)
}

fn allows(list: &str, peer: &str) -> Result<bool, Error> {
    acl::allows(list.as_bytes(), parse(peer.as_bytes()).expect("an address"), zones)
}

#[test]
fn ipv6_lists() {
    let rows = [
        ("+fd00::/8", "fd12::1", Ok(true)),
        ("+fd00::/8", "fe12::1", Ok(false)),
        ("+::/0", "2001:db8::1", Ok(true)),
        ("-::/0", "2001:db8::1", Ok(false)),
        ("+::/0,-2001:db8::/32", "2001:db8:1::1", Ok(false)),
        ("+2001:db8::/32,-2001:db8:1::/48,+2001:db8:1::7", "2001:db8:1::7", Ok(true)),
        ("+2001:db8::1/32", "2001:db8::1", Ok(false)),
        ("+2001:db8::1/128", "2001:db8::1", Ok(true)),
        ("+2001:db8::1/127", "2001:db8::1", Ok(false)),
        ("+8000::/1", "ffff::", Ok(true)),
        // Neither family knows the networks of the other.
        ("+0.0.0.0/0", "2001:db8::1", Ok(false)),
        ("+::/0", "1.2.3.4", Ok(false)),
        ("+0.0.0.0/0,+::/0", "::1", Ok(true)),
        ("+0.0.0.1", "::1", Ok(false)),
        // An IPv4-mapped address is an IPv4 address, in a list and as a peer.
        ("-0.0.0.0/0,+127.0.0.0/8", "::ffff:127.0.0.1", Ok(true)),
        ("+0.0.0.0/0,-10.0.0.0/8", "::ffff:10.1.2.3", Ok(false)),
        ("-::/0,+10.0.0.0/8", "::ffff:a01:203", Ok(true)),
        ("+::/0", "::ffff:10.1.2.3", Ok(false)),
        ("+::ffff:10.0.0.0/104", "10.1.2.3", Ok(true)),
        ("+::ffff:10.0.0.0/104", "::ffff:10.1.2.3", Ok(true)),
        ("+::ffff:0:0/96", "9.9.9.9", Ok(true)),
        ("+::ffff:0:0/80", "9.9.9.9", Ok(false)),
        ("+64:ff9b::/96", "64:ff9b::1.2.3.4", Ok(true)),
        // Zones
        ("+fe80::/10", "fe80::1%eth0", Ok(true)),
        ("+fe80::%lo/64", "fe80::1%eth0", Ok(false)),
        ("+fe80::%lo/64", "fe80::1%1", Ok(true)),
        ("+fe80::1%2", "fe80::1%eth0", Ok(true)),
        ("+fe80::1%eth7", "fe80::1", Err(Error::Network)),
        ("+::1/129", "::1", Err(Error::Network)),
        ("+::1/", "::1", Err(Error::Network)),
        ("+[::1]", "::1", Err(Error::Network)),
        ("+::g", "::1", Err(Error::Network)),
        ("+localhost", "::1", Err(Error::Network)),
        ("::1", "::1", Err(Error::Entry)),
    ];
    for (list, peer, want) in rows {
        assert_eq!(allows(list, peer), want, "{list} {peer}");
    }
}

#[test]
fn zones_by_name() {
    assert_eq!(parse(b"[fe80::1%eth0]"), parse(b"fe80::1%2"));
    assert_eq!(parse(b"fe80::1%lo"), parse(b"fe80::1%1"));
    for text in ["fe80::1%", "fe80::1%eth1", "fe80::1%eth0 ", "fe80::1%eth0%1", "1.2.3.4%eth0", "%eth0"] {
        assert_eq!(parse(text.as_bytes()), None, "{text}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn every_printed_address_is_read(v4: [u8; 4], v6: [u8; 16], zeros in 0usize..16, zone: u8) {
        prop_assert_eq!(parse(Ipv4Addr::from(v4).to_string().as_bytes()), Some(Address::V4(v4)));
        // Runs of zeros, so that the printer writes `::`.
        let mut v6 = v6;
        v6[zeros..].iter_mut().take(6).for_each(|b| *b = 0);
        let text = Ipv6Addr::from(v6).to_string();
        prop_assert_eq!(parse(text.as_bytes()), Some(Address::V6(v6, 0)));
        prop_assert_eq!(parse(format!("[{text}%{zone}]").as_bytes()), Some(Address::V6(v6, zone)));
    }

    #[test]
    fn what_differs_from_the_standard_library_is_documented(text in "[0-9a-f:.]{1,12}|([0-9a-f]{0,4}:){1,8}[0-9a-f]{0,4}") {
        let ours = parse(text.as_bytes());
        let std6 = text.parse::<Ipv6Addr>().ok();
        match ours {
            Some(Address::V4(v4)) => {
                // Leading zeros apart, the same.
                let plain: Vec<_> = text.split('.').map(|octet| octet.trim_start_matches('0')).collect();
                let plain: Vec<_> = plain.iter().map(|o| if o.is_empty() { "0" } else { o }).collect();
                prop_assert_eq!(plain.join(".").parse::<Ipv4Addr>().map(|a| a.octets()), Ok(v4));
            }
            Some(Address::V6(v6, _)) => match std6 {
                Some(std6) => prop_assert_eq!(std6.octets(), v6),
                // `::` for no group at all, or leading zeros of a dotted tail.
                None if !text.contains('.') => prop_assert_eq!(
                    text.replacen("::", ":", 1).trim_start_matches(':').parse::<Ipv6Addr>().map(|a| a.octets()),
                    Ok(v6)
                ),
                None => {}
            },
            None => {
                prop_assert!(text.parse::<Ipv4Addr>().is_err(), "{}", text);
                prop_assert!(std6.is_none(), "{}", text);
            }
        }
    }

    #[test]
    fn lists_follow_the_rules(entries in vec((any::<bool>(), 0u32..=32, 0u32..4), 1..5), address in 0u32..4) {
        // Few networks and addresses, so that many match.
        let network = |bits: u32, n: u32| n.rotate_right(2) & u32::MAX.checked_shl(32 - bits).unwrap_or(0);
        let list: Vec<_> = entries
            .iter()
            .map(|&(allow, bits, n)| {
                format!("{}{}/{bits}", if allow { '+' } else { '-' }, Ipv4Addr::from_bits(network(bits, n)))
            })
            .collect();
        let address = address.rotate_right(2);
        let mut want = false;
        for &(allow, bits, n) in &entries {
            let same = (0..bits).all(|bit| (address ^ network(bits, n)) << bit >> 31 == 0);
            if same {
                want = allow;
            }
        }
        prop_assert_eq!(allows(&list.join(","), &Ipv4Addr::from_bits(address).to_string()), Ok(want));
    }

    #[test]
    fn one_bad_entry_spoils_a_list(before in 0usize..3, after in 0usize..3, bad in 0usize..4) {
        let (text, error) = [("x", Error::Entry), ("", Error::Entry), ("+x", Error::Network), ("+1.2.3.4/33", Error::Network)][bad];
        let mut list = vec!["+0.0.0.0/0"; before];
        list.push(text);
        list.extend(vec!["-1.2.3.4"; after]);
        let joined = list.join(",");
        // An empty entry at the end is a trailing comma, an empty list allows everybody.
        prop_assume!(!(text.is_empty() && after == 0));
        prop_assert_eq!(allows(&joined, "1.2.3.4"), Err(error));
    }
}
