//! Addresses against the standard library, access lists against the rules written down naively.

use core::net::{Ipv4Addr, Ipv6Addr};
use mongoose::codec::acl::{self, Error};
use mongoose::codec::addr::{Address, parse};
use proptest::collection::vec;
use proptest::prelude::*;

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
        if !text.contains('.') {
            prop_assert_eq!(parse(format!("[{text}%{zone}]").as_bytes()), Some(Address::V6(v6, zone)));
        }
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
                // `::` for no group at all.
                None => prop_assert_eq!(
                    text.replacen("::", ":", 1).trim_start_matches(':').parse::<Ipv6Addr>().map(|a| a.octets()),
                    Ok(v6)
                ),
            },
            None => {
                prop_assert!(text.parse::<Ipv4Addr>().is_err(), "{}", text);
                // A dotted tail other than that of a mapped address.
                prop_assert!(std6.is_none() || text.contains('.'), "{}", text);
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
        prop_assert_eq!(acl::allows(list.join(",").as_bytes(), address.to_be_bytes()), Ok(want));
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
        prop_assert_eq!(acl::allows(joined.as_bytes(), [1, 2, 3, 4]), Err(error));
    }
}
