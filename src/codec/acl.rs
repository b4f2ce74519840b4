//! Access lists: `-0.0.0.0/0,+10.0.0.0/8,+fd00::/8`.

#![forbid(unsafe_code)]

use super::addr::{self, Address, Zones};

/// Why a list is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// An entry that does not start with `+` or `-`.
    Entry,
    /// An entry whose network is not an address, or an address with `/bits`.
    Network,
}

/// Whether `list` allows `peer`.
///
/// An empty list allows every address, any other list only its entries: the last one that
/// matches decides. An entry matches when the address, masked, equals the network as written, so
/// `+1.2.3.4/24` matches no address. IPv4 networks match IPv4 addresses, IPv6 networks IPv6 ones; an
/// IPv4-mapped address or network is an IPv4 one. A network without a zone matches in all zones.
/// Blanks may surround a network.
///
/// # Errors
/// The first bad entry, even if an earlier one matched.
pub fn allows(list: &[u8], peer: Address, zones: Zones) -> Result<bool, Error> {
    if list.is_empty() {
        return Ok(true);
    }
    let peer = peer.unmapped();
    let mut allowed = false;
    // A comma after the last entry is fine; a list that is nothing else has an empty entry.
    let entries = list.strip_suffix(b",").unwrap_or(list);
    for entry in entries.split(|&b| b == b',') {
        let (&sign, network) = entry.split_first().ok_or(Error::Entry)?;
        if sign != b'+' && sign != b'-' {
            return Err(Error::Entry);
        }
        let network = Network::parse(network.trim_ascii(), zones).ok_or(Error::Network)?;
        if network.contains(peer) {
            allowed = sign == b'+';
        }
    }
    Ok(allowed)
}

enum Network {
    V4 { address: u32, bits: u32 },
    V6 { address: u128, bits: u32, zone: u8 },
}

impl Network {
    fn parse(text: &[u8], zones: Zones) -> Option<Self> {
        let (address, bits) = match memchr::memchr(b'/', text) {
            Some(at) => (&text[..at], Some(addr::decimal_octet(&text[at + 1..])?.into())),
            None => (text, None),
        };
        if let Some(v4) = addr::ipv4(address) {
            let bits = bits.unwrap_or(u32::BITS);
            return (bits <= u32::BITS).then_some(Network::V4 { address: u32::from_be_bytes(v4), bits });
        }
        let (v6, zone) = addr::zoned(address, zones)?;
        let bits = bits.unwrap_or(u128::BITS);
        match Address::V6(v6, zone).unmapped() {
            Address::V4(v4) if (96..=128).contains(&bits) => {
                Some(Network::V4 { address: u32::from_be_bytes(v4), bits: bits - 96 })
            }
            _ => (bits <= u128::BITS).then_some(Network::V6 { address: u128::from_be_bytes(v6), bits, zone }),
        }
    }

    fn contains(&self, peer: Address) -> bool {
        match (self, peer) {
            (&Network::V4 { address, bits }, Address::V4(peer)) => {
                u32::from_be_bytes(peer) & u32::MAX.checked_shl(u32::BITS - bits).unwrap_or(0) == address
            }
            (&Network::V6 { address, bits, zone }, Address::V6(peer, peer_zone)) => {
                let mask = u128::MAX.checked_shl(u128::BITS - bits).unwrap_or(0);
                u128::from_be_bytes(peer) & mask == address && (zone == 0 || zone == peer_zone)
            }
            _ => false,
        }
    }
}
