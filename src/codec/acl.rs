//! Access lists: `-0.0.0.0/0,+10.0.0.0/8`.

#![forbid(unsafe_code)]

use super::addr;

/// Why a list is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// An entry that does not start with `+` or `-`.
    Entry,
    /// An entry whose network is not `a.b.c.d` or `a.b.c.d/bits`.
    Network,
}

/// Whether `list` allows `address`.
///
/// An empty list allows everybody, any other list nobody but for its entries: the last one that
/// matches decides. An entry matches when the address, masked, equals the network as written, so
/// `+1.2.3.4/24` matches nobody. Blanks may surround a network.
///
/// # Errors
/// The first bad entry, even if an earlier one matched.
pub fn allows(list: &[u8], address: [u8; 4]) -> Result<bool, Error> {
    if list.is_empty() {
        return Ok(true);
    }
    let mut allowed = false;
    // A comma behind the last entry is fine; a list that is nothing else has an empty entry.
    let entries = list.strip_suffix(b",").unwrap_or(list);
    for entry in entries.split(|&b| b == b',') {
        let (&sign, network) = entry.split_first().ok_or(Error::Entry)?;
        if sign != b'+' && sign != b'-' {
            return Err(Error::Entry);
        }
        let (network, mask) = parse_network(network.trim_ascii()).ok_or(Error::Network)?;
        if u32::from_be_bytes(address) & mask == network {
            allowed = sign == b'+';
        }
    }
    Ok(allowed)
}

/// A network and its mask.
fn parse_network(text: &[u8]) -> Option<(u32, u32)> {
    let (address, bits) = match memchr::memchr(b'/', text) {
        Some(at) => (&text[..at], prefix_length(&text[at + 1..])?),
        None => (text, 32),
    };
    let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
    Some((u32::from_be_bytes(addr::ipv4(address)?), mask))
}

/// A decimal number from 0 to 32 with any number of leading zeros.
fn prefix_length(digits: &[u8]) -> Option<u32> {
    let bits = addr::decimal_octet(digits)?;
    (bits <= 32).then_some(u32::from(bits))
}
