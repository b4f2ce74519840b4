//! Printers for `%M` and `%m`.
//!
//! Each is called with an output and the `va_list` of the format, from which it reads its own
//! arguments. `%m` puts double quotes around.

use super::fmt::Arguments;
use super::output::Output;
use super::slice;
use crate::abi::{Addr, ArgList, PutChar};
use crate::codec::base64;
use crate::codec::fmt::{Args, Sink, address, escape};
use crate::fence;
use core::ffi::c_void;

/// Reads an `int` length and a pointer; `None` for a NULL pointer or a negative length.
///
/// # Safety
/// The next arguments are a length and that many bytes.
unsafe fn bytes<'a>(args: &mut Arguments) -> Option<&'a [u8]> {
    let len = usize::try_from(args.int());
    let start = args.next_pointer();
    // SAFETY: the caller vouches for the bytes.
    len.ok().map(|len| unsafe { slice::raw(start.cast(), len) })
}

/// Reads a pointer to `N` bytes.
///
/// # Safety
/// The next argument is NULL or points to `N` bytes.
unsafe fn array<const N: usize>(args: &mut Arguments) -> Option<[u8; N]> {
    let start: *const [u8; N] = args.next_pointer().cast_const().cast();
    // SAFETY: the caller vouches for the bytes; an array of bytes has no alignment.
    (!start.is_null()).then(|| unsafe { *start })
}

/// Reads a `const struct mg_addr *`.
///
/// # Safety
/// The next argument is NULL or points to an address.
unsafe fn addr(args: &mut Arguments) -> Option<Addr> {
    let addr: *const Addr = args.next_pointer().cast_const().cast();
    // SAFETY: the caller vouches for the address.
    (!addr.is_null()).then(|| unsafe { *addr })
}

/// Prints the address without its port.
fn ip(addr: &Addr, out: &mut Output) -> usize {
    // SAFETY: all bytes of the union are initialised whichever member was written last.
    let bytes = unsafe { addr.addr.ip };
    if addr.is_ip6 {
        address::ip6(&bytes, out)
    } else {
        let [a, b, c, d, ..] = bytes;
        address::ip4(&[a, b, c, d], out)
    }
}

/// What `mg_print_esc` does, on any output.
pub fn json(args: &mut Arguments, out: &mut impl Sink) -> usize {
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
    fence!("mg_print_esc");
    // SAFETY: the caller passes an output and a list with a length and a string.
    unsafe { json(&mut Arguments::new(ap), &mut Output::new(out, arg)) }
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
    fence!("mg_print_html_esc");
    // SAFETY: the caller passes an output and a list with a length and that many bytes.
    unsafe {
        let text = bytes(&mut Arguments::new(ap));
        text.map_or(0, |text| escape::html(text, &mut Output::new(out, arg)))
    }
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
    fence!("mg_print_base64");
    // SAFETY: the caller passes an output and a list with a length and that many bytes.
    unsafe {
        let data = bytes(&mut Arguments::new(ap));
        data.map_or(0, |data| base64::put(data, &mut Output::new(out, arg)))
    }
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
    fence!("mg_print_hex");
    // SAFETY: the caller passes an output and a list with a length and that many bytes.
    unsafe {
        let data = bytes(&mut Arguments::new(ap));
        data.map_or(0, |data| escape::hex(data, &mut Output::new(out, arg)))
    }
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
    fence!("mg_print_ip");
    // SAFETY: the caller passes an output and a list with an address.
    unsafe {
        let addr = addr(&mut Arguments::new(ap));
        addr.map_or(0, |addr| ip(&addr, &mut Output::new(out, arg)))
    }
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
    fence!("mg_print_ip_port");
    // SAFETY: the caller passes an output and a list with an address.
    unsafe {
        let Some(addr) = addr(&mut Arguments::new(ap)) else { return 0 };
        let mut out = Output::new(out, arg);
        ip(&addr, &mut out) + address::port(u16::from_be(addr.port), &mut out)
    }
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
    fence!("mg_print_ip4");
    // SAFETY: the caller passes an output and a list with a pointer to 4 bytes.
    unsafe {
        let ip = array(&mut Arguments::new(ap));
        ip.map_or(0, |ip| address::ip4(&ip, &mut Output::new(out, arg)))
    }
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
    fence!("mg_print_ip6");
    // SAFETY: the caller passes an output and a list with a pointer to 16 bytes.
    unsafe {
        let ip = array(&mut Arguments::new(ap));
        ip.map_or(0, |ip| address::ip6(&ip, &mut Output::new(out, arg)))
    }
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
    fence!("mg_print_mac");
    // SAFETY: the caller passes an output and a list with a pointer to 6 bytes.
    unsafe {
        let mac = array::<6>(&mut Arguments::new(ap));
        mac.map_or(0, |mac| address::hardware(&mac, &mut Output::new(out, arg)))
    }
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
    fence!("mg_print_ieee64");
    // SAFETY: the caller passes an output and a list with a pointer to 8 bytes.
    unsafe {
        let address = array::<8>(&mut Arguments::new(ap));
        address.map_or(0, |address| address::hardware(&address, &mut Output::new(out, arg)))
    }
}
