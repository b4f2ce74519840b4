//! Printers for `%M` and `%m`.
//!
//! Each is called with an output and the `va_list` of the format, from which it reads its own
//! arguments. `%m` puts double quotes around.

use super::arg;
use super::fmt::Arguments;
use super::output::Output;
use crate::abi::{Addr, ArgList, PutChar};
use crate::codec::base64;
use crate::codec::fmt::{Args, Sink, address, escape};
use crate::fence;
use core::ffi::c_void;

/// Prints an argument, if there is one.
fn show<T>(value: Option<T>, mut out: Output, print: impl FnOnce(T, &mut Output) -> usize) -> usize {
    value.map_or(0, |value| print(value, &mut out))
}

/// Prints the address without its port.
fn ip(addr: &Addr, out: &mut Output) -> usize {
    let bytes = addr.bytes();
    if addr.is_ip6 {
        address::ip6(&bytes, out)
    } else {
        let [a, b, c, d, ..] = bytes;
        address::ip4(&[a, b, c, d], out)
    }
}

/// What `mg_print_esc` does, on any output.
pub fn json(args: &mut Arguments<'_>, out: &mut impl Sink) -> usize {
    let limit = usize::try_from(args.int()).ok().filter(|&len| len > 0);
    escape::json(args.string(limit), out)
}

/// Prints the body of a JSON string. Arguments: `int len, const char *s`.
///
/// Stops at a NUL; with a `len` above 0 also after so many bytes. `"`, `\` and control characters
/// are escaped, bytes from 0x80 on are not touched. NULL prints nothing. With quotes around:
/// `mg_printf(c, "{%m:%m}", MG_ESC("key"), MG_ESC("value"))`.
///
/// # Returns
/// The number of bytes printed.
///
/// # Threads
/// Any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_print_esc(out: PutChar, arg: *mut c_void, ap: *mut ArgList) -> usize {
    fence!("mg_print_esc", out[arg]: arg::output, ap: arg::list);
    let (mut ap, mut out) = (ap, out);
    json(&mut ap, &mut out)
}

/// Prints text for HTML: `&`, `<`, `>` and `"` become entities. Arguments: `int len, const char *s`.
///
/// Exactly `len` bytes are taken, also NULs.
///
/// # Returns
/// The number of bytes printed.
///
/// # Threads
/// Any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_print_html_esc(out: PutChar, arg: *mut c_void, ap: *mut ArgList) -> usize {
    fence!("mg_print_html_esc", out[arg]: arg::output, ap: arg::list);
    show(ap.bytes(), out, escape::html)
}

/// Prints base64 with padding. Arguments: `int len, const void *data`.
///
/// # Returns
/// The number of bytes printed.
///
/// # Threads
/// Any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_print_base64(out: PutChar, arg: *mut c_void, ap: *mut ArgList) -> usize {
    fence!("mg_print_base64", out[arg]: arg::output, ap: arg::list);
    show(ap.bytes(), out, base64::put)
}

/// Prints two lower-case hexadecimal digits for each byte. Arguments: `int len, const void *data`.
///
/// # Returns
/// The number of bytes printed.
///
/// # Threads
/// Any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_print_hex(out: PutChar, arg: *mut c_void, ap: *mut ArgList) -> usize {
    fence!("mg_print_hex", out[arg]: arg::output, ap: arg::list);
    show(ap.bytes(), out, escape::hex)
}

/// Prints an address: IPv4 dotted, IPv6 in brackets. Argument: `const struct mg_addr *addr`.
///
/// # Returns
/// The number of bytes printed.
///
/// # Threads
/// Any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_print_ip(out: PutChar, arg: *mut c_void, ap: *mut ArgList) -> usize {
    fence!("mg_print_ip", out[arg]: arg::output, ap: arg::list);
    show(ap.addr(), out, |addr, out| ip(&addr, out))
}

/// Prints an address, a colon and the port. Argument: `const struct mg_addr *addr`.
///
/// # Returns
/// The number of bytes printed.
///
/// # Threads
/// Any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_print_ip_port(out: PutChar, arg: *mut c_void, ap: *mut ArgList) -> usize {
    fence!("mg_print_ip_port", out[arg]: arg::output, ap: arg::list);
    show(ap.addr(), out, |addr, out| ip(&addr, out) + address::port(addr.port(), out))
}

/// Prints an IPv4 address, dotted. Argument: `const void *ip`, 4 bytes in network order.
///
/// # Returns
/// The number of bytes printed.
///
/// # Threads
/// Any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_print_ip4(out: PutChar, arg: *mut c_void, ap: *mut ArgList) -> usize {
    fence!("mg_print_ip4", out[arg]: arg::output, ap: arg::list);
    show(ap.array(), out, |ip, out| address::ip4(&ip, out))
}

/// Prints an IPv6 address in brackets, all eight groups. Argument: `const void *ip`, 16 bytes in
/// network order.
///
/// # Returns
/// The number of bytes printed.
///
/// # Threads
/// Any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_print_ip6(out: PutChar, arg: *mut c_void, ap: *mut ArgList) -> usize {
    fence!("mg_print_ip6", out[arg]: arg::output, ap: arg::list);
    show(ap.array(), out, |ip, out| address::ip6(&ip, out))
}

/// Prints a MAC address: `00:01:0a:ff:bc:10`. Argument: `const uint8_t *mac`, 6 bytes.
///
/// # Returns
/// The number of bytes printed.
///
/// # Threads
/// Any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_print_mac(out: PutChar, arg: *mut c_void, ap: *mut ArgList) -> usize {
    fence!("mg_print_mac", out[arg]: arg::output, ap: arg::list);
    show(ap.array::<6>(), out, |mac, out| address::hardware(&mac, out))
}

/// Prints an IEEE 802.15.4 address like a MAC address. Argument: `const uint8_t *address`, 8 bytes.
///
/// # Returns
/// The number of bytes printed.
///
/// # Threads
/// Any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_print_ieee64(out: PutChar, arg: *mut c_void, ap: *mut ArgList) -> usize {
    fence!("mg_print_ieee64", out[arg]: arg::output, ap: arg::list);
    show(ap.array::<8>(), out, |address, out| address::hardware(&address, out))
}
