//! Byte order.

use crate::fence;

/// Converts a 16-bit number from network to host byte order.
#[unsafe(no_mangle)]
pub extern "C" fn mg_ntohs(net: u16) -> u16 {
    fence!("mg_ntohs");
    u16::from_be(net)
}

/// Converts a 32-bit number from network to host byte order.
#[unsafe(no_mangle)]
pub extern "C" fn mg_ntohl(net: u32) -> u32 {
    fence!("mg_ntohl");
    u32::from_be(net)
}

/// Converts a 64-bit number from network to host byte order.
#[unsafe(no_mangle)]
pub extern "C" fn mg_ntohll(net: u64) -> u64 {
    fence!("mg_ntohll");
    u64::from_be(net)
}
