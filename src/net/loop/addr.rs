//! `struct mg_addr` to and from what the kernel takes, and what a URL says about the socket.

use crate::abi::{Addr, IpBytes, flag};
use crate::codec::addr::{self, Address};
use crate::codec::url::{Url, has_scheme};
use socket2::SockAddr;
use std::ffi::CString;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV6};

impl Addr {
    /// 0.0.0.0:0.
    pub const ZERO: Addr = Addr {
        addr: IpBytes { ip: [0; 16] },
        port: 0,
        scope_id: 0,
        is_ip6: false,
        padding: [0; size_of::<Addr>() - size_of::<IpBytes>() - 4],
    };

    /// The address bytes, in network order.
    pub fn bytes(&self) -> [u8; 16] {
        // SAFETY: all members of the union are plain bytes of the same memory.
        unsafe { self.addr.ip }
    }

    /// The port in host order.
    pub fn port(&self) -> u16 {
        u16::from_be(self.port)
    }

    /// From a socket address. The scope is kept as far as its field reaches: 8 bits.
    pub fn from_socket(from: SocketAddr) -> Addr {
        let mut ip = [0; 16];
        let mut scope_id = 0;
        match from {
            SocketAddr::V4(v4) => ip[..4].copy_from_slice(&v4.ip().octets()),
            SocketAddr::V6(v6) => {
                ip = v6.ip().octets();
                scope_id = v6.scope_id() as u8;
            }
        }
        let (port, is_ip6) = (from.port().to_be(), from.is_ipv6());
        Addr { addr: IpBytes { ip }, port, scope_id, is_ip6, ..Addr::ZERO }
    }

    /// True for the address of one host: not 0.0.0.0, `::`, or none.
    pub fn is_one_host(&self) -> bool {
        self.bytes() != [0; 16]
    }

    /// From text, as [`addr::parse`] reads it, with the zones of this machine; the port is 0.
    pub fn from_text(text: &[u8]) -> Option<Addr> {
        addr::parse(text, zone).map(Addr::from_parsed)
    }

    /// As the parser's address.
    pub fn parsed(&self) -> Address {
        let ip = self.bytes();
        if self.is_ip6 { Address::V6(ip, self.scope_id) } else { Address::V4([ip[0], ip[1], ip[2], ip[3]]) }
    }

    /// From a parsed text; the port is 0.
    pub fn from_parsed(from: Address) -> Addr {
        let mut result = Addr::ZERO;
        match from {
            Address::V4(v4) => result.addr.ip4 = u32::from_ne_bytes(v4),
            Address::V6(ip, scope_id) => {
                result = Addr { addr: IpBytes { ip }, scope_id, is_ip6: true, ..Addr::ZERO };
            }
        }
        result
    }

    /// From what a system call returned; other families (Unix sockets) give the zero address.
    pub fn from_kernel(from: &SockAddr) -> Addr {
        from.as_socket().map_or(Addr::ZERO, Addr::from_socket)
    }

    /// As a socket address.
    pub fn to_socket(&self) -> SocketAddr {
        let ip = self.bytes();
        if self.is_ip6 {
            SocketAddr::V6(SocketAddrV6::new(ip.into(), self.port(), 0, self.scope_id.into()))
        } else {
            SocketAddr::new(IpAddr::V4(Ipv4Addr::new(ip[0], ip[1], ip[2], ip[3])), self.port())
        }
    }
}

/// The index of the interface with a name; 0 to 255, as its field has 8 bits. In URLs the percent
/// sign before it may be encoded (RFC 6874, section 2): `%25eth0`.
pub fn zone(name: &[u8]) -> Option<u8> {
    let index = |name: &[u8]| {
        let name = CString::new(name).ok()?;
        // SAFETY: a C string, which the call only reads.
        u8::try_from(unsafe { libc::if_nametoindex(name.as_ptr()) }).ok().filter(|index| *index > 0)
    };
    index(name).or_else(|| index(name.strip_prefix(b"25")?))
}

/// Prints as programs see addresses in the log: `127.0.0.1:80`, `[0:0:0:0:0:0:0:1]:80`.
impl core::fmt::Display for Addr {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let ip = self.bytes();
        if self.is_ip6 {
            for (i, pair) in ip.chunks_exact(2).enumerate() {
                let separator = if i == 0 { '[' } else { ':' };
                write!(f, "{separator}{:x}", u16::from_be_bytes([pair[0], pair[1]]))?;
            }
            write!(f, "]:{}", self.port())
        } else {
            write!(f, "{}.{}.{}.{}:{}", ip[0], ip[1], ip[2], ip[3], self.port())
        }
    }
}

/// The address of a URL whose host is a literal, `localhost` or empty; the port is left 0.
pub fn literal(text: &[u8]) -> Option<Addr> {
    Addr::from_text(Url::new(text).host)
}

/// What a URL's scheme says about the transport: `flag::UDP`, `flag::TLS`, or neither.
pub fn transport_flags(text: &[u8]) -> u32 {
    match text {
        _ if has_scheme(text, b"udp") => flag::UDP,
        _ if Url::new(text).is_tls() => flag::TLS,
        _ => 0,
    }
}
