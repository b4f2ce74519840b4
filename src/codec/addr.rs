//! Text to IP address.
//!
//! IPv4 in dotted form, IPv6 as in RFC 4291 section 2.2 with a zone (RFC 4007, section 11), and
//! `localhost`. Differences from [`core::net`]'s parser: IPv4 octets may have leading zeros (always
//! decimal), `::` may stand for no group at all (`1::2:3:4:5:6:7:8`), brackets and a zone are
//! allowed.

#![forbid(unsafe_code)]

/// An address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Address {
    /// IPv4, in network order.
    V4([u8; 4]),
    /// IPv6, in network order, and the zone (0: none).
    V6([u8; 16], u8),
}

impl Address {
    /// An IPv4-mapped IPv6 address (RFC 4291, section 2.5.5.2) as the IPv4 address that it stands for.
    pub fn unmapped(self) -> Self {
        match self {
            Address::V6(v6, _) => {
                core::net::Ipv6Addr::from(v6).to_ipv4_mapped().map_or(self, |v4| Address::V4(v4.octets()))
            }
            v4 => v4,
        }
    }
}

/// The index of the interface with a name, as far as it fits; only the system knows.
pub type Zones = fn(&[u8]) -> Option<u8>;

/// Parses a whole text as an address; no port, no prefix length, no blanks. The empty text is
/// 0.0.0.0. Zones that are no number are looked up in `zones`.
pub fn parse(text: &[u8], zones: Zones) -> Option<Address> {
    if let Some(v4) = ipv4(text) {
        return Some(Address::V4(v4));
    }
    if text.is_empty() {
        return Some(Address::V4([0; 4]));
    }
    if text.eq_ignore_ascii_case(b"localhost") {
        return Some(Address::V4([127, 0, 0, 1]));
    }
    let text = match text.strip_prefix(b"[") {
        Some(inner) => inner.strip_suffix(b"]")?,
        None => text,
    };
    let (v6, zone) = zoned(text, zones)?;
    Some(Address::V6(v6, zone))
}

/// Parses an IPv6 address without brackets, and its zone.
pub(super) fn zoned(text: &[u8], zones: Zones) -> Option<([u8; 16], u8)> {
    let Some(at) = memchr::memchr(b'%', text) else { return Some((ipv6(text)?, 0)) };
    let (v6, zone) = (ipv6(&text[..at])?, &text[at + 1..]);
    if zone.is_empty() {
        return None;
    }
    let is_number = zone.iter().all(u8::is_ascii_digit);
    Some((v6, if is_number { decimal_octet(zone)? } else { zones(zone)? }))
}

/// Parses `a.b.c.d`: exactly four decimal octets.
pub fn ipv4(text: &[u8]) -> Option<[u8; 4]> {
    let mut octets = [0; 4];
    let (mut index, mut value, mut has_digits) = (0, 0u32, false);
    for &byte in text {
        if byte.is_ascii_digit() {
            value = value * 10 + u32::from(byte - b'0');
            has_digits = true;
        } else if byte == b'.' && has_digits && index < 3 {
            octets[index] = value as u8;
            index += 1;
            (value, has_digits) = (0, false);
        } else {
            return None;
        }
        if value > 255 {
            return None;
        }
    }
    octets[3] = value as u8;
    (index == 3 && has_digits).then_some(octets)
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

fn ipv6(text: &[u8]) -> Option<[u8; 16]> {
    let mut groups = [0u16; 8];
    let mut len = 0;
    let mut gap = None;
    let mut rest = text;
    if let Some(after) = rest.strip_prefix(b"::") {
        gap = Some(0);
        rest = after;
    }
    while !rest.is_empty() {
        let (group, digits) = hex(rest);
        if rest.get(digits) == Some(&b'.') {
            // The last 32 bits in dotted form.
            let v4 = ipv4(rest)?;
            for pair in v4.as_chunks::<2>().0 {
                *groups.get_mut(len)? = u16::from_be_bytes(*pair);
                len += 1;
            }
            break;
        }
        if digits == 0 || digits > 4 {
            return None;
        }
        *groups.get_mut(len)? = group;
        len += 1;
        rest = &rest[digits..];
        if let Some(after) = rest.strip_prefix(b"::") {
            if len == groups.len() || gap.replace(len).is_some() {
                return None;
            }
            rest = after;
        } else if let Some(after) = rest.strip_prefix(b":") {
            if after.is_empty() {
                return None;
            }
            rest = after;
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

/// The hexadecimal number at the start of a text, and how many digits it has.
fn hex(text: &[u8]) -> (u16, usize) {
    let mut value = 0u16;
    for (at, &byte) in text.iter().enumerate() {
        let Some(digit) = char::from(byte).to_digit(16) else { return (value, at) };
        value = value << 4 | digit as u16;
    }
    (value, text.len())
}
