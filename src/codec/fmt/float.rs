//! `%f` and `%g`.
//!
//! Numbers are rounded exactly, ties to even, as C does it. One case differs: up to nine significant
//! digits of a number from 0.1 to 1e15 are rounded half up *in double arithmetic*: half a unit of the
//! last wanted digit is added as a double, then the exact decimal expansion of the sum is cut.
//! Programs of the original library see that (`%.1f` of 0.15 is 0.2); so few digits are far from what
//! tells two doubles apart, so only ties differ.
//!
//! Most results come out of one multiplication in 128 bits, the others from the standard library.
#![forbid(unsafe_code)]

use core::fmt::Write;

/// More digits than this are not printed.
const MAX_PRECISION: usize = 350;
/// Significant digits up to which ordinary numbers are rounded half up.
const HALF_UP_DIGITS: usize = 9;
/// Room for results with up to 20 digits and [`MAX_SCALE`] zeros.
const SHORT: usize = 64;
/// Room for all results: 309 digits, a point, 350 decimals, a sign.
const LONG: usize = 720;

/// `%f`: passes the text of `value` with `precision` decimals (6 by default) to `put`.
pub fn fixed<R>(value: f64, precision: Option<usize>, put: impl FnOnce(&[u8]) -> R) -> R {
    if let Some(text) = special(value) {
        return put(text);
    }
    let precision = precision.unwrap_or(6).min(MAX_PRECISION);
    match fixed_short(value, precision) {
        Some(text) => put(text.bytes()),
        None => put(fixed_long(value, precision).bytes()),
    }
}

/// `%g`: passes the shortest-style text of `value` with `precision` significant digits (6 by
/// default, at least 1) to `put`.
pub(super) fn general<R>(value: f64, precision: Option<usize>, put: impl FnOnce(&[u8]) -> R) -> R {
    if let Some(text) = special(value) {
        return put(text);
    }
    let precision = precision.unwrap_or(6).clamp(1, MAX_PRECISION);
    match general_short(value, precision) {
        Some(text) => put(text.bytes()),
        None => put(general_long(value, precision).bytes()),
    }
}

/// Zero of either sign, infinities, and what is not a number.
fn special(value: f64) -> Option<&'static [u8]> {
    if value == 0.0 {
        Some(b"0")
    } else if value.is_nan() {
        Some(b"nan")
    } else if value.is_infinite() {
        Some(if value > 0.0 { b"inf" } else { b"-inf" })
    } else {
        None
    }
}

fn is_ordinary(magnitude: f64) -> bool {
    (0.1..1e15).contains(&magnitude)
}

/// Digits of the whole part of an ordinary number; none for those below 1.
fn digits_before_point(magnitude: f64) -> usize {
    (magnitude as u64).checked_ilog10().map_or(0, |exponent| exponent as usize + 1)
}

/// The number to scale for the last digit at 10^`place`, and how to round it.
fn rounding(magnitude: f64, digits: usize, place: i32) -> (f64, Rounding) {
    if is_ordinary(magnitude) && digits <= HALF_UP_DIGITS {
        (magnitude + half_unit(place), Rounding::Cut)
    } else {
        (magnitude, Rounding::Exact)
    }
}

/// The result, if [`scaled`] can do it.
fn fixed_short(value: f64, precision: usize) -> Option<Text<SHORT>> {
    let magnitude = value.abs();
    let place = -i32::try_from(precision).ok()?;
    let (sum, rounding) = rounding(magnitude, precision + digits_before_point(magnitude), place);
    let number = scaled(sum, -place, rounding)?;
    let mut buffer = itoa::Buffer::new();
    let digits = buffer.format(number).as_bytes();
    let (whole, decimals) = digits.split_at(digits.len().saturating_sub(precision));
    let mut text = Text::signed(value);
    text.push(if whole.is_empty() { b"0" } else { whole });
    if precision > 0 {
        text.push(b".");
        text.zeros(precision - decimals.len());
        text.push(decimals);
    }
    Some(text)
}

#[cold]
fn fixed_long(value: f64, precision: usize) -> Text<LONG> {
    let mut text = Text::signed(value);
    // Writing to a Text cannot fail.
    let _ = write!(text, "{:.precision$}", value.abs());
    text
}

/// The result, if [`scaled`] can do it.
fn general_short(value: f64, precision: usize) -> Option<Text<SHORT>> {
    let limit = 10u64.checked_pow(precision as u32)?;
    let magnitude = value.abs();
    let digits = digits_before_point(magnitude) as i32;
    let last = precision as i32 - 1;
    let (sum, rounding) = rounding(magnitude, precision, digits - 1 - last);
    let mut exponent = if digits > 0 {
        digits - 1
    } else {
        // From the binary exponent: right, or one too small.
        (((sum.to_bits() >> 52) as i32 - 1023) * 30103).div_euclid(100_000)
    };
    loop {
        let number = scaled(sum, last - exponent, rounding)?;
        if number >= limit {
            exponent += 1;
        } else if number < limit / 10 {
            exponent -= 1;
        } else {
            return Some(notation(value, itoa::Buffer::new().format(number).as_bytes(), exponent, precision));
        }
    }
}

/// What becomes of the digits that are not wanted.
#[derive(Clone, Copy, PartialEq)]
enum Rounding {
    /// They are cut.
    Cut,
    /// To the nearest, ties to even.
    Exact,
}

/// 53 bits times 10^22 fit into 127 bits.
const MAX_SCALE: i32 = 22;

/// `magnitude * 10^decimals` as a whole number. Nothing if that takes more than 128 bits, or the
/// result more than 64.
fn scaled(magnitude: f64, decimals: i32, rounding: Rounding) -> Option<u64> {
    let raw = magnitude.to_bits();
    let exponent = raw >> 52;
    if exponent == 0 || decimals.abs() > MAX_SCALE {
        return None;
    }
    let mantissa = u128::from((raw & ((1 << 52) - 1)) | 1 << 52);
    // The number is mantissa / 2^bits.
    let bits = 1075 - exponent as i32;
    let power = 10u128.pow(decimals.unsigned_abs());
    // Both sides of the fraction stay whole: bits or decimals that are negative change sides.
    let (mut number, mut divisor) = if decimals < 0 { (mantissa, power) } else { (mantissa * power, 1) };
    match u32::try_from(bits) {
        // A quotient below 2^-1.
        Ok(128..) if decimals >= 0 => return Some(0),
        Ok(bits) => divisor = shifted(divisor, bits)?,
        Err(_) => number = shifted(number, bits.unsigned_abs())?,
    }
    let (number, rest, half) = if decimals < 0 {
        (number / divisor, number % divisor, divisor / 2)
    } else {
        // A power of two, and a division of 128 bits is slow.
        (number >> divisor.ilog2(), number & (divisor - 1), divisor / 2)
    };
    let number = u64::try_from(number).ok()?;
    let up = rounding == Rounding::Exact && half > 0 && (rest > half || (rest == half && number % 2 == 1));
    number.checked_add(u64::from(up))
}

/// `number << bits`, if no bit is lost.
fn shifted(number: u128, bits: u32) -> Option<u128> {
    number.checked_shl(bits).filter(|shifted| shifted >> bits == number)
}

#[cold]
fn general_long(value: f64, precision: usize) -> Text<LONG> {
    let mut scientific = Text::<LONG>::new();
    // Writing to a Text cannot fail.
    let _ = write!(scientific, "{:.*e}", precision - 1, value.abs());
    // Now "d.ddde-308" or "de5": the digits move together over the point.
    let text = scientific.bytes();
    let mark = text.iter().position(|&b| b == b'e').unwrap_or(text.len());
    let exponent = core::str::from_utf8(&text[(mark + 1).min(text.len())..]);
    let exponent = exponent.ok().and_then(|digits| digits.parse().ok()).unwrap_or(0);
    let mut digits = Text::<LONG>::new();
    digits.push(&text[..1]);
    digits.push(text.get(2..mark).unwrap_or_default());
    notation(value, digits.bytes(), exponent, precision)
}

/// Half a unit of the decimal place 10^`place`, as the nearest double.
fn half_unit(place: i32) -> f64 {
    // 10^0 to 10^22 are exact doubles, so one division gives the nearest. Beyond, the half unit is
    // too small to change a sum of ordinary size.
    const POWERS: [f64; 23] = [
        1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17,
        1e18, 1e19, 1e20, 1e21, 1e22,
    ];
    let power = |n: i32| usize::try_from(n).ok().and_then(|n| POWERS.get(n)).copied();
    match place {
        1.. => power(place - 1).map_or(0.0, |p| 5.0 * p),
        _ => power(1 - place).map_or(0.0, |p| 5.0 / p),
    }
}

/// Writes significant digits in positional or exponent notation, without trailing zeros.
fn notation<const N: usize>(value: f64, digits: &[u8], exponent: i32, precision: usize) -> Text<N> {
    let significant = digits.iter().rposition(|&b| b != b'0').map_or(1, |last| last + 1);
    let digits = &digits[..significant.min(digits.len())];
    let precision = precision as i32;
    let mut text = Text::signed(value);
    // C turns to exponents below -4; the original below minus the precision, which cannot be kept
    // for a single digit, where even 0.5 would get one.
    let smallest = if precision > 1 { 1 - precision } else { -4 };
    if exponent >= precision || exponent < smallest {
        text.push(&digits[..1]);
        if digits.len() > 1 {
            text.push(b".");
            text.push(&digits[1..]);
        }
        text.push(if exponent < 0 { b"e-" } else { b"e+" });
        if exponent.abs() < 10 {
            text.push(b"0");
        }
        text.push(itoa::Buffer::new().format(exponent.unsigned_abs()).as_bytes());
    } else if let Ok(exponent) = usize::try_from(exponent) {
        let whole = digits.len().min(exponent + 1);
        text.push(&digits[..whole]);
        text.zeros(exponent + 1 - whole);
        if digits.len() > whole {
            text.push(b".");
            text.push(&digits[whole..]);
        }
    } else {
        text.push(b"0.");
        text.zeros(exponent.unsigned_abs() as usize - 1);
        text.push(digits);
    }
    text
}

/// Text under construction, on the stack. What does not fit is dropped; all callers fit.
struct Text<const N: usize> {
    bytes: [u8; N],
    len: usize,
}

impl<const N: usize> Text<N> {
    fn new() -> Self {
        Self { bytes: [0; N], len: 0 }
    }

    /// Starts with a minus sign if `value` has one.
    fn signed(value: f64) -> Self {
        let mut text = Self::new();
        if value < 0.0 {
            text.push(b"-");
        }
        text
    }

    fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    fn push(&mut self, bytes: &[u8]) {
        if let Some(room) = self.bytes.get_mut(self.len..self.len + bytes.len()) {
            room.copy_from_slice(bytes);
            self.len += bytes.len();
        }
    }

    fn zeros(&mut self, count: usize) {
        if let Some(room) = self.bytes.get_mut(self.len..self.len + count) {
            room.fill(b'0');
            self.len += count;
        }
    }
}

impl<const N: usize> Write for Text<N> {
    fn write_str(&mut self, s: &str) -> core::fmt::Result {
        self.push(s.as_bytes());
        Ok(())
    }
}
