//! The PROXY protocol, versions 1 and 2: the client's address, which a proxy sends before anything else.

#![forbid(unsafe_code)]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Bytes of the longest header that is read. The protocol allows 64 KiB, of which proxies use a few hundred.
pub const HEADER_MAX: usize = 4096;

/// The longest header of version 1, with its CR LF.
const LINE_MAX: usize = 107;
const TEXT: &[u8] = b"PROXY ";
const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
/// Bytes of a header of version 2 before its addresses.
const FIXED: usize = 16;
/// Type of the value with the CRC-32C of the header.
const TYPE_CRC32C: u8 = 3;

/// What a connection begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// The header goes on.
    Partial,
    /// No header, or not one that the protocol allows.
    Malformed,
    /// A header of so many bytes. The address is that of the proxy's client; `None`: the proxy speaks for
    /// itself, or its client has no address of IP.
    Header(usize, Option<SocketAddr>),
}

/// Reads the header at the start of `bytes`, of which there are at most [`HEADER_MAX`].
pub fn read(bytes: &[u8]) -> Found {
    let begins = |with: &[u8]| bytes.iter().zip(with).all(|(a, b)| a == b);
    if begins(TEXT) {
        read_line(bytes)
    } else if begins(SIGNATURE) {
        read_binary(bytes)
    } else {
        Found::Malformed
    }
}

/// Version 1.
fn read_line(bytes: &[u8]) -> Found {
    let start = &bytes[..bytes.len().min(LINE_MAX)];
    let Some(end) = memchr::memmem::find(start, b"\r\n") else {
        return if start.len() < LINE_MAX { Found::Partial } else { Found::Malformed };
    };
    let Ok(line) = str::from_utf8(&start[TEXT.len().min(end)..end]) else { return Found::Malformed };
    let words: Vec<&str> = line.split(' ').collect();
    let client = match words[..] {
        ["UNKNOWN", ..] => return Found::Header(end + 2, None),
        ["TCP4", from, to, port, to_port] => endpoints::<Ipv4Addr>(from, to, port, to_port),
        ["TCP6", from, to, port, to_port] => endpoints::<Ipv6Addr>(from, to, port, to_port),
        _ => None,
    };
    client.map_or(Found::Malformed, |client| Found::Header(end + 2, Some(client)))
}

/// The first of two addresses with its port, if all four texts are right.
fn endpoints<A>(from: &str, to: &str, port: &str, to_port: &str) -> Option<SocketAddr>
where
    A: std::str::FromStr + Into<IpAddr>,
{
    to.parse::<A>().ok()?;
    number(to_port)?;
    Some(SocketAddr::new(from.parse::<A>().ok()?.into(), number(port)?))
}

/// A port: digits, without leading zeros.
fn number(text: &str) -> Option<u16> {
    let plain = text.bytes().all(|b| b.is_ascii_digit()) && (text.len() == 1 || !text.starts_with('0'));
    text.parse().ok().filter(|_| plain)
}

/// Version 2.
fn read_binary(bytes: &[u8]) -> Found {
    // What is wrong in the first part is wrong whatever follows.
    let (command, family) = match bytes.get(12..14) {
        Some(&[version, family]) if version >> 4 == 2 && version & 15 <= 1 => (version & 15, family),
        Some(_) => return Found::Malformed,
        None => return Found::Partial,
    };
    let Some(&[high, low]) = bytes.get(14..FIXED) else { return Found::Partial };
    let end = FIXED + usize::from(u16::from_be_bytes([high, low]));
    if end > HEADER_MAX {
        return Found::Malformed;
    }
    let Some(header) = bytes.get(..end) else { return Found::Partial };
    let addresses = match (family >> 4, family & 15) {
        (0, 0..=2) | (1..=3, 0) => 0,
        (1, 1..=2) => 12,
        (2, 1..=2) => 36,
        (3, 1..=2) => 216,
        _ => return Found::Malformed,
    };
    // A proxy that speaks for itself may send anything here.
    if command == 0 {
        return Found::Header(end, None);
    }
    let Some((addresses, values)) = header[FIXED..].split_at_checked(addresses) else {
        return Found::Malformed;
    };
    if !values_are_valid(header, values) {
        return Found::Malformed;
    }
    Found::Header(end, if family & 15 == 1 { client(addresses) } else { None })
}

/// The client of addresses of IPv4 or IPv6.
fn client(addresses: &[u8]) -> Option<SocketAddr> {
    let (ip, port): (IpAddr, &[u8]) = match *addresses {
        [a, b, c, d, _, _, _, _, ref ports @ ..] if addresses.len() == 12 => {
            (Ipv4Addr::new(a, b, c, d).into(), ports)
        }
        _ if addresses.len() == 36 => {
            let ip: [u8; 16] = addresses[..16].try_into().ok()?;
            (Ipv6Addr::from(ip).into(), &addresses[32..])
        }
        _ => return None,
    };
    Some(SocketAddr::new(ip, u16::from_be_bytes([port[0], port[1]])))
}

/// True when the values after the addresses are whole, and the checksum is right if there is one.
fn values_are_valid(header: &[u8], mut values: &[u8]) -> bool {
    while let [kind, high, low, rest @ ..] = values {
        let Some((value, rest)) = rest.split_at_checked(usize::from(u16::from_be_bytes([*high, *low])))
        else {
            return false;
        };
        if *kind == TYPE_CRC32C {
            let Ok(sum) = <[u8; 4]>::try_from(value) else { return false };
            // The sum is made with zeros in its own place.
            let at = header.len() - rest.len() - value.len();
            if crc32c(&header[..at], &[0; 4], rest) != u32::from_be_bytes(sum) {
                return false;
            }
        }
        values = rest;
    }
    values.is_empty()
}

/// CRC-32C (RFC 3720, section 12.1) of three parts. Headers are short: no table.
fn crc32c(first: &[u8], second: &[u8], third: &[u8]) -> u32 {
    let mut crc = !0u32;
    for byte in [first, second, third].concat() {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0x82f6_3b78 & (crc & 1).wrapping_neg());
        }
    }
    !crc
}

#[cfg(test)]
mod tests {
    use super::*;

    fn binary(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let length = (rest.len() as u16).to_be_bytes();
        [&SIGNATURE[..], &[0x20 | command, family], &length, rest].concat()
    }

    /// Every part of a header is `Partial`; what follows it does not matter.
    fn whole(header: &[u8], client: Option<&str>) {
        for end in 0..header.len() {
            assert_eq!(read(&header[..end]), Found::Partial, "{end} of {header:?}");
        }
        let expected = Found::Header(header.len(), client.map(|text| text.parse().expect("an address")));
        assert_eq!(read(header), expected, "{header:?}");
        assert_eq!(read(&[header, b"GET / HTTP/1.1\r\n\r\n"].concat()), expected);
    }

    const V4: [u8; 12] = [1, 2, 3, 4, 5, 6, 7, 8, 0, 80, 1, 187];

    #[test]
    fn lines() {
        whole(b"PROXY TCP4 1.2.3.4 5.6.7.8 56324 443\r\n", Some("1.2.3.4:56324"));
        whole(b"PROXY TCP6 2001:db8::1 ::1 1 65535\r\n", Some("[2001:db8::1]:1"));
        whole(b"PROXY UNKNOWN\r\n", None);
        whole(b"PROXY UNKNOWN anything at all\r\n", None);
    }

    #[test]
    fn malformed_lines() {
        for text in [
            "GET / HTTP/1.1\r\n",
            "PROXY\r\n",
            "PROXY  TCP4 1.2.3.4 5.6.7.8 1 2\r\n",
            "PROXY TCP4 1.2.3.4 5.6.7.8 1\r\n",
            "PROXY TCP4 1.2.3.4 5.6.7.8 1 2 3\r\n",
            "PROXY TCP4 1.2.3.4 5.6.7.8 1 65536\r\n",
            "PROXY TCP4 1.2.3.4 5.6.7.8 01 2\r\n",
            "PROXY TCP4 1.2.3.4 5.6.7.8 +1 2\r\n",
            "PROXY TCP4 1.2.3.04 5.6.7.8 1 2\r\n",
            "PROXY TCP4 ::1 ::1 1 2\r\n",
            "PROXY TCP6 1.2.3.4 1.2.3.4 1 2\r\n",
            "PROXY TCP5 1.2.3.4 1.2.3.4 1 2\r\n",
            "proxy TCP4 1.2.3.4 5.6.7.8 1 2\r\n",
        ] {
            assert_eq!(read(text.as_bytes()), Found::Malformed, "{text}");
        }
        let long = format!("PROXY UNKNOWN {}", "x".repeat(LINE_MAX));
        assert_eq!(read(long.as_bytes()), Found::Malformed);
        assert_eq!(read(&long.as_bytes()[..LINE_MAX - 1]), Found::Partial);
    }

    #[test]
    fn binary_headers() {
        whole(&binary(1, 0x11, &V4), Some("1.2.3.4:80"));
        let v6 = [&[0x20, 1][..], &[0; 13], &[1], &[0; 16], &[0, 80, 1, 187]].concat();
        whole(&binary(1, 0x21, &v6), Some("[2001::1]:80"));
        whole(&binary(1, 0x31, &[b'x'; 216]), None);
        whole(&binary(1, 0, &[]), None);
        whole(&binary(0, 0, &[]), None);
        whole(&binary(0, 0x11, b"any"), None);
        whole(&binary(1, 0x11, &[&V4[..], &[4, 0, 2, 0, 0]].concat()), Some("1.2.3.4:80"));
    }

    #[test]
    fn malformed_binary_headers() {
        let mut other_version = binary(1, 0x11, &V4);
        other_version[12] = 0x11;
        for header in [
            other_version,
            binary(2, 0x11, &V4),
            binary(1, 0x41, &V4),
            binary(1, 0x13, &V4),
            binary(1, 0x11, &V4[1..]),
            binary(1, 0x21, &V4),
            binary(1, 0x11, &[&V4[..], &[4, 0, 2, 0]].concat()),
            binary(1, 0x11, &[&V4[..], &[4, 0]].concat()),
            binary(0, 0, &[0; HEADER_MAX]),
        ] {
            assert_eq!(read(&header), Found::Malformed, "{header:?}");
        }
    }

    #[test]
    fn checksums() {
        assert_eq!(crc32c(b"1234", b"5678", b"9"), 0xe306_9283);
        let with = |sum: u32| {
            binary(1, 0x11, &[&V4[..], &[TYPE_CRC32C, 0, 4], &sum.to_be_bytes(), &[4, 0, 1, 9]].concat())
        };
        let right = crc32c(&with(0), b"", b"");
        whole(&with(right), Some("1.2.3.4:80"));
        assert_eq!(read(&with(right ^ 1)), Found::Malformed);
    }
}
