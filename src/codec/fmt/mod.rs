//! The format language of the printf family: `%d`, `%s`, `%M` and the rest.
//!
//! [`format()`] walks a format, reads arguments through [`Args`] and [`Printers`] and hands runs of
//! bytes to a [`Sink`]. It allocates nothing and knows neither where arguments come from nor where
//! bytes go.
//!
//! ```text
//! % [#] [-] [0] [width] [.precision | .*] [h...] [l | ll] [z] conversion
//! ```
//!
//! The parts come in exactly this order. Whatever breaks it ends the directive as an unknown
//! conversion, which prints `%` and the offending byte and reads no argument.
#![forbid(unsafe_code)]

pub mod address;
mod directive;
pub mod escape;
pub mod float;
pub mod number;

#[cfg(test)]
mod tests;

use directive::{Directive, Precision};
pub use directive::{MAX_WIDTH, Size};

/// Where formatted bytes go.
pub trait Sink {
    /// Takes a run of bytes.
    fn put(&mut self, bytes: &[u8]);

    /// Takes `byte`, `count` times.
    fn fill(&mut self, byte: u8, mut count: usize) {
        let block = [byte; 64];
        while count > 0 {
            let run = count.min(block.len());
            self.put(&block[..run]);
            count -= run;
        }
    }
}

impl Sink for Vec<u8> {
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

/// Counts what it is given and keeps nothing.
#[derive(Default)]
pub struct Discard;

impl Sink for Discard {
    fn put(&mut self, _bytes: &[u8]) {}
    fn fill(&mut self, _byte: u8, _count: usize) {}
}

/// The arguments of a format, read one after the other.
pub trait Args {
    /// An `int`.
    fn int(&mut self) -> i32;
    /// A `long`.
    fn long(&mut self) -> isize;
    /// An `int64_t`.
    fn long_long(&mut self) -> i64;
    /// A pointer, as a number.
    fn pointer(&mut self) -> usize;
    /// A `double`.
    fn double(&mut self) -> f64;
    /// A C string without its NUL, at most `limit` bytes of it; empty for NULL.
    fn string(&mut self, limit: Option<usize>) -> &[u8];
}

/// Arguments among which are custom printers.
pub trait Printers<S>: Args {
    /// Runs a custom printer, which reads its own arguments and prints to `out`.
    /// Returns the number of bytes it claims to have printed.
    fn print(&mut self, out: &mut S) -> usize;
}

/// Formats `fmt` with `args` to `out` and returns the number of bytes produced.
///
/// The number is what was handed to `out`, plus what custom printers claim.
pub fn format<S: Sink, A: Printers<S>>(fmt: &[u8], args: &mut A, out: &mut S) -> usize {
    let mut count = 0usize;
    let mut rest = fmt;
    while let Some(percent) = find_percent(rest) {
        if percent > 0 {
            out.put(&rest[..percent]);
            count = count.wrapping_add(percent);
        }
        let text = &rest[percent + 1..];
        let printed;
        (printed, rest) = match text.split_first() {
            // The most frequent ones are worth a copy of `convert` in which all else is constant.
            Some((&letter @ (b'd' | b's' | b'm' | b'M'), after)) => {
                (convert(&Directive::new(letter), args, out), after)
            }
            _ => match directive::parse(text) {
                Some((directive, after)) => (convert(&directive, args, out), after),
                // The format ends inside a directive.
                None => {
                    let shown: &[u8] = if text.ends_with(b"z") { b"%z" } else { b"%" };
                    out.put(shown);
                    return count.wrapping_add(shown.len());
                }
            },
        };
        count = count.wrapping_add(printed);
    }
    if !rest.is_empty() {
        out.put(rest);
    }
    count.wrapping_add(rest.len())
}

/// Where the next `%` is. The text between directives is mostly short, so the search starts with a
/// few words by hand before it calls for help.
fn find_percent(fmt: &[u8]) -> Option<usize> {
    let mut at = 0;
    while let Some((word, _)) = fmt[at..].split_first_chunk::<8>() {
        if at == 32 {
            return memchr::memchr(b'%', &fmt[at..]).map(|n| at + n);
        }
        if let Some(n) = first_in_word(*word, b'%') {
            return Some(at + n);
        }
        at += 8;
    }
    match fmt.last_chunk::<8>() {
        // What is left is the end of the last word; what comes before has no `%`.
        Some(word) => first_in_word(*word, b'%').map(|n| fmt.len() - 8 + n),
        None => fmt[at..].iter().position(|&b| b == b'%').map(|n| at + n),
    }
}

/// Where `wanted` is first among eight bytes.
#[inline]
fn first_in_word(word: [u8; 8], wanted: u8) -> Option<usize> {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    let zeros = u64::from_le_bytes(word) ^ (ONES * u64::from(wanted));
    // The lowest high bit that this leaves set is that of the first zero byte.
    let found = zeros.wrapping_sub(ONES) & !zeros & (ONES << 7);
    (found != 0).then(|| found.trailing_zeros() as usize / 8)
}

#[inline]
fn convert<S: Sink, A: Printers<S>>(directive: &Directive, args: &mut A, out: &mut S) -> usize {
    // `.*` reads its argument whatever the conversion is, also an unknown one.
    let precision = match directive.precision {
        Precision::Default => None,
        Precision::Digits(digits) => Some(digits),
        Precision::Argument => usize::try_from(args.int()).ok(),
    };
    match directive.conversion {
        b'd' => {
            let value = match directive.size {
                Size::Int => i64::from(args.int()),
                Size::Long => args.long() as i64,
                Size::LongLong => args.long_long(),
            };
            number::put(directive, directive.alternate, itoa::Buffer::new().format(value).as_bytes(), out)
        }
        b'u' => {
            let value = unsigned(directive.size, args);
            number::put(directive, directive.alternate, itoa::Buffer::new().format(value).as_bytes(), out)
        }
        b'x' | b'X' => {
            let value = unsigned(directive.size, args);
            number::put(directive, directive.alternate, number::Hex::new(value).digits(), out)
        }
        b'p' => number::put(directive, true, number::Hex::new(args.pointer() as u64).digits(), out),
        b'f' => float::fixed(args.double(), precision, |text| {
            number::put(directive, directive.alternate, text, out)
        }),
        b'g' => float::general(args.double(), precision, |text| {
            number::put(directive, directive.alternate, text, out)
        }),
        b'c' => {
            // Only the low byte counts, as with C's conversion to unsigned char.
            out.put(&[args.int() as u8]);
            1
        }
        b's' => string(directive, precision, args, out),
        b'M' => args.print(out),
        b'm' => {
            out.put(b"\"");
            let count = args.print(out);
            out.put(b"\"");
            count.wrapping_add(2)
        }
        b'%' => {
            out.put(b"%");
            1
        }
        unknown => {
            out.put(&[b'%', unknown]);
            2
        }
    }
}

fn unsigned(size: Size, args: &mut impl Args) -> u64 {
    match size {
        Size::Int => u64::from(args.int() as u32),
        Size::Long => args.long() as usize as u64,
        Size::LongLong => args.long_long() as u64,
    }
}

/// `%s`. The padding is computed from the precision where there is one, also for a shorter text.
#[inline]
fn string(
    directive: &Directive,
    precision: Option<usize>,
    args: &mut impl Args,
    out: &mut impl Sink,
) -> usize {
    let text = args.string(precision);
    if directive.width == 0 {
        out.put(text);
        return text.len();
    }
    let pad = match (directive.precision, precision) {
        (Precision::Argument, None) => 0, // negative: no limit and no padding
        (_, Some(precision)) => directive.width.saturating_sub(precision),
        (_, None) => directive.width.saturating_sub(text.len()),
    };
    let with = if directive.zero { b'0' } else { b' ' };
    if !directive.left {
        out.fill(with, pad);
    }
    out.put(text);
    if directive.left {
        out.fill(with, pad);
    }
    text.len() + pad
}
