//! The addresses in an answer.

#![forbid(unsafe_code)]

use super::{CLASS_IN, HEADER_LEN, Header, Name, Record, TYPE_CNAME};
use crate::codec::addr::Address;

/// Addresses of one answer that are looked at.
const ADDRESSES: usize = 8;
/// Names of one host: itself and its aliases.
const NAMES: usize = 16;

/// The addresses of `name` in an answer: those of its own records and of the names that it is an
/// alias for (RFC 1034, section 3.6.2). Records of other owners say nothing about it.
///
/// `None` if there is none because of a malformed record; only of a truncated answer the end may be
/// missing.
pub fn addresses(packet: &[u8], header: &Header, name: &[u8]) -> Option<Vec<Address>> {
    let mut names = vec![Name::from_text(name)?];
    let mut is_whole = true;
    // Aliases are usually in order; otherwise the walk starts again.
    loop {
        let known = names.len();
        let mut records = Records::new(packet, header)?;
        while let Some((owner, record)) = records.next() {
            if record.kind == TYPE_CNAME
                && record.class == CLASS_IN
                && names.len() < NAMES
                && has(&names, &owner)
                && let Some((target, _)) = Name::read(packet, record.data.start)
                && !has(&names, &target)
            {
                names.push(target);
            }
        }
        is_whole &= records.left == 0;
        if names.len() == known || names.len() == NAMES {
            break;
        }
    }
    let mut found = Vec::new();
    let mut records = Records::new(packet, header)?;
    while found.len() < ADDRESSES
        && let Some((owner, record)) = records.next()
    {
        if record.class == CLASS_IN
            && let Some(address) = record.address(packet)
            && has(&names, &owner)
        {
            found.push(address);
        }
    }
    (is_whole || header.is_truncated() || !found.is_empty()).then_some(found)
}

fn has(names: &[Name], name: &[u8]) -> bool {
    names.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// The answers of a packet, up to the first malformed one.
struct Records<'a> {
    packet: &'a [u8],
    at: usize,
    left: u16,
}

impl<'a> Records<'a> {
    /// Skips the question. `None` if it is malformed.
    fn new(packet: &'a [u8], header: &Header) -> Option<Self> {
        let at = match header.questions {
            0 => HEADER_LEN,
            _ => Record::parse(packet, HEADER_LEN, true, &mut Name::default())?.end,
        };
        Some(Records { packet, at, left: header.answers })
    }

    fn next(&mut self) -> Option<(Name, Record)> {
        self.left.checked_sub(1)?;
        let mut owner = Name::default();
        let record = Record::parse(self.packet, self.at, false, &mut owner)?;
        self.left -= 1;
        self.at = record.end;
        Some((owner, record))
    }
}

#[cfg(test)]
mod tests {
    use super::super::encode_name;
    use super::*;

    /// A record: owner, type, and an IPv4 address or the name that the owner is an alias for.
    fn record(owner: &str, data: &str) -> Vec<u8> {
        let wire = |name: &str| {
            let mut out = [0; 255];
            let len = encode_name(name.as_bytes(), true, &mut out).expect("a name");
            out[..len].to_vec()
        };
        let (kind, data) = match data.parse::<core::net::Ipv4Addr>() {
            Ok(address) => (1, address.octets().to_vec()),
            Err(_) => (5, wire(data)),
        };
        [wire(owner), vec![0, kind, 0, 1, 0, 0, 0, 60, 0, data.len() as u8], data].concat()
    }

    fn found(records: &[(&str, &str)]) -> Vec<u8> {
        let mut packet = vec![0, 1, 0x81, 0x80, 0, 0, 0, records.len() as u8, 0, 0, 0, 0];
        packet.extend(records.iter().flat_map(|(owner, data)| record(owner, data)));
        let header = Header::parse(&packet).expect("a header");
        let list = addresses(&packet, &header, b"Host.Example").expect("well-formed");
        list.iter().map(|address| if let Address::V4(v4) = address { v4[3] } else { 0 }).collect()
    }

    #[test]
    fn only_records_of_the_name_count() {
        assert_eq!(found(&[("host.example", "10.0.0.1"), ("HOST.EXAMPLE", "10.0.0.2")]), [1, 2]);
        assert_eq!(found(&[("other.example", "10.0.0.1")]), []);
        assert_eq!(found(&[("example", "10.0.0.1"), ("x.host.example", "10.0.0.2")]), []);
        assert_eq!(found(&[("other.example", "10.0.0.1"), ("host.example", "10.0.0.2")]), [2]);
    }

    #[test]
    fn aliases() {
        let chain = [("host.example", "b"), ("B", "c.d"), ("c.d", "10.0.0.3")];
        assert_eq!(found(&chain), [3]);
        assert_eq!(found(&[chain[2], chain[1], chain[0]]), [3]);
        assert_eq!(found(&chain[1..]), []);
        assert_eq!(found(&chain[..2]), []);
        // A circle, and an alias of somebody else
        assert_eq!(found(&[("host.example", "b"), ("b", "host.example"), ("b", "10.0.0.4")]), [4]);
        assert_eq!(found(&[("x", "host.example"), ("x", "10.0.0.5")]), []);
        let names: Vec<_> = (0..40).map(|n| format!("n{n}")).collect();
        let mut long = vec![("host.example", "n0")];
        long.extend(names.windows(2).map(|pair| (pair[0].as_str(), pair[1].as_str())));
        long.push(("n39", "10.0.0.6"));
        assert_eq!(found(&long), []);
    }

    #[test]
    fn not_more_than_are_tried() {
        assert_eq!(found(&[("host.example", "10.0.0.1"); 20]).len(), ADDRESSES);
        let mut many = vec![("other", "10.0.0.1"); 20];
        many.push(("host.example", "10.0.0.7"));
        assert_eq!(found(&many), [7]);
    }
}
