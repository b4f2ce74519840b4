//! Text to IP address.
//!
//! IPv4 in dotted form, IPv6 as in RFC 4291 section 2.2 with a numeric zone (RFC 4007), and
//! `localhost`. Differences from [`core::net`]'s parser: IPv4 octets may have leading zeros (always
//! decimal), `::` may stand for no group at all (`1::2:3:4:5:6:7:8`), brackets and a zone are
//! allowed, and the only dotted tail is that of `::ffff:1.2.3.4`.

#![forbid(unsafe_code)]

/// An address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Address {
    /// IPv4, in network order.
    V4([u8; 4]),
    /// IPv6, in network order, and the zone (0: none).
    V6([u8; 16], u8),
}

const MAPPED: &[u8] = b"::ffff:";

/// Parses a whole text as an address; no port, no prefix length, no blanks. The empty text is
/// 0.0.0.0.
pub fn parse(text: &[u8]) -> Option<Address> {
    if text.is_empty() {
        return Some(Address::V4([0; 4]));
    }
    if text.eq_ignore_ascii_case(b"localhost") {
        return Some(Address::V4([127, 0, 0, 1]));
    }
    if let Some(v4) = ipv4(text) {
        return Some(Address::V4(v4));
    }
    let text = match text.strip_prefix(b"[") {
        Some(inner) => inner.strip_suffix(b"]")?,
        None => text,
    };
    if let Some((head, tail)) = text.split_at_checked(MAPPED.len())
        && head.eq_ignore_ascii_case(MAPPED)
        && let Some(v4) = ipv4(tail)
    {
        return Some(Address::V6(mapped(v4), 0));
    }
    match memchr::memchr(b'%', text) {
        Some(at) => Some(Address::V6(ipv6(&text[..at])?, decimal_octet(&text[at + 1..])?)),
        None => Some(Address::V6(ipv6(text)?, 0)),
    }
}

/// Parses `a.b.c.d`: exactly four decimal octets.
pub fn ipv4(text: &[u8]) -> Option<[u8; 4]> {
    let mut octets = [0; 4];
    let mut parts = text.split(|&b| b == b'.');
    for octet in &mut octets {
        *octet = decimal_octet(parts.next()?)?;
    }
    parts.next().is_none().then_some(octets)
}

/// A decimal number from 0 to 255 with any number of leading zeros.
pub(super) fn decimal_octet(digits: &[u8]) -> Option<u8> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0u8, |value, byte| {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 { None } else { value.checked_mul(10)?.checked_add(digit) }
    })
}

fn mapped(v4: [u8; 4]) -> [u8; 16] {
    core::net::Ipv4Addr::from(v4).to_ipv6_mapped().octets()
}

fn ipv6(text: &[u8]) -> Option<[u8; 16]> {
    let mut groups = [0u16; 8];
    let mut len = 0;
    let mut gap = None;
    let mut rest = text;
    if let Some(behind) = rest.strip_prefix(b"::") {
        gap = Some(0);
        rest = behind;
    }
    while !rest.is_empty() {
        let digits = rest.iter().take_while(|b| b.is_ascii_hexdigit()).count();
        *groups.get_mut(len)? = group(&rest[..digits])?;
        len += 1;
        rest = &rest[digits..];
        if let Some(behind) = rest.strip_prefix(b"::") {
            if len == groups.len() || gap.replace(len).is_some() {
                return None;
            }
            rest = behind;
        } else if let Some(behind) = rest.strip_prefix(b":") {
            if behind.is_empty() {
                return None;
            }
            rest = behind;
        } else if !rest.is_empty() {
            return None;
        }
    }
    let missing = groups.len() - len;
    match gap {
        Some(at) => groups[at..].rotate_right(missing),
        None if missing > 0 => return None,
        None => {}
    }
    let mut bytes = [0; 16];
    for (pair, group) in bytes.as_chunks_mut::<2>().0.iter_mut().zip(groups) {
        *pair = group.to_be_bytes();
    }
    Some(bytes)
}

fn group(digits: &[u8]) -> Option<u16> {
    if digits.len() > 4 {
        return None;
    }
    u16::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()
}
