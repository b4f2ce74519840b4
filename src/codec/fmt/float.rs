//! `%f` and `%g`.
//!
//! Numbers of ordinary size, 0.1 to 1e15, are rounded half up *in double arithmetic*: half a unit
//! of the last wanted digit is added as a double, then the exact decimal expansion of the sum is
//! cut. This is what programs of the original library see, and it is also the fast way: the sum is
//! a 64-bit integer and a binary fraction of at most 56 bits, whose decimals come out of one
//! multiplication. All other numbers, and more digits than a double holds, are rounded exactly,
//! like C does it: small ones with few digits in 128 bits, the rest by the standard library.
#![forbid(unsafe_code)]

use core::fmt::Write;

/// More digits than this are not printed.
const MAX_PRECISION: usize = 350;
/// Significant digits that a double holds.
const HELD_DIGITS: usize = 17;
/// Room for results that are rounded half up, and for small numbers.
const SHORT: usize = 64;
/// Room for all results: 309 digits, a point, 350 decimals, a sign.
const LONG: usize = 720;

/// `%f`: passes the text of `value` with `precision` decimals (6 by default) to `put`.
pub fn fixed<R>(value: f64, precision: Option<usize>, put: impl FnOnce(&[u8]) -> R) -> R {
    if let Some(text) = special(value) {
        return put(text);
    }
    let precision = precision.unwrap_or(6).min(MAX_PRECISION);
    let magnitude = value.abs();
    if is_ordinary(magnitude) && precision + digits_before_point(magnitude) <= HELD_DIGITS {
        put(fixed_half_up(value, precision).bytes())
    } else if let Some(text) = fixed_small(value, precision) {
        put(text.bytes())
    } else {
        put(fixed_exact(value, precision).bytes())
    }
}

/// `%g`: passes the shortest-style text of `value` with `precision` significant digits (6 by
/// default, at least 1) to `put`.
pub(super) fn general<R>(value: f64, precision: Option<usize>, put: impl FnOnce(&[u8]) -> R) -> R {
    if let Some(text) = special(value) {
        return put(text);
    }
    let precision = precision.unwrap_or(6).clamp(1, MAX_PRECISION);
    if is_ordinary(value.abs()) && precision <= HELD_DIGITS {
        put(general_half_up(value, precision).bytes())
    } else if let Some(text) = general_small(value, precision) {
        put(text.bytes())
    } else {
        put(general_exact(value, precision).bytes())
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

fn fixed_half_up(value: f64, precision: usize) -> Text<SHORT> {
    let mut text = Text::signed(value);
    let sum = Parts::new(value.abs() + half_unit(-(precision as i32)));
    text.push(itoa::Buffer::new().format(sum.whole).as_bytes());
    if precision > 0 {
        text.push(b".");
        sum.push_decimals(precision, &mut text);
    }
    text
}

/// Exact rounding of a number below 0.1, if [`scaled`] can do it.
fn fixed_small(value: f64, precision: usize) -> Option<Text<SHORT>> {
    let mut decimals = scaled(value.abs(), precision)?;
    let mut text = Text::signed(value);
    text.push(b"0");
    if precision > 0 {
        text.push(b".");
        let start = text.len;
        text.zeros(precision);
        for digit in text.bytes[start..text.len].iter_mut().rev() {
            *digit = b'0' + (decimals % 10) as u8;
            decimals /= 10;
        }
    }
    Some(text)
}

#[cold]
fn fixed_exact(value: f64, precision: usize) -> Text<LONG> {
    let mut text = Text::signed(value);
    // Writing to a Text cannot fail.
    let _ = write!(text, "{:.precision$}", value.abs());
    text
}

fn general_half_up(value: f64, precision: usize) -> Text<SHORT> {
    let magnitude = value.abs();
    let place = digits_before_point(magnitude) as i32 - precision as i32;
    let sum = Parts::new(magnitude + half_unit(place));
    let mut digits = Text::<SHORT>::new();
    if sum.whole > 0 {
        digits.push(itoa::Buffer::new().format(sum.whole).as_bytes());
    }
    // Rounding may have made one more digit.
    let exponent = digits.len as i32 - 1;
    match precision.checked_sub(digits.len) {
        Some(missing) => sum.push_decimals(missing, &mut digits),
        None => digits.len = precision,
    }
    notation(value, digits.bytes(), exponent, precision)
}

/// Exact rounding of a number below 0.1, if [`scaled`] can do it.
fn general_small(value: f64, precision: usize) -> Option<Text<SHORT>> {
    if precision > HELD_DIGITS {
        return None;
    }
    let magnitude = value.abs();
    let limit = 10u64.pow(precision as u32);
    // From the binary exponent: right, or one too small.
    let mut exponent = ((magnitude.to_bits() >> 52) as i32 - 1023) * 30103 / 100000 - 1;
    loop {
        let digits = scaled(magnitude, usize::try_from(precision as i32 - 1 - exponent).ok()?)?;
        if digits >= limit {
            exponent += 1;
        } else if digits < limit / 10 {
            exponent -= 1;
        } else {
            return Some(notation(value, itoa::Buffer::new().format(digits).as_bytes(), exponent, precision));
        }
    }
}

/// `magnitude * 10^decimals` for a number below 0.1, rounded exactly, ties to even. Nothing if that
/// takes more than 128 bits, or the result more than 64.
fn scaled(magnitude: f64, decimals: usize) -> Option<u64> {
    /// 53 bits times 10^22 fit into 127 bits.
    const MAX_DECIMALS: usize = 22;
    let raw = magnitude.to_bits();
    let exponent = raw >> 52;
    if magnitude >= 0.1 || exponent == 0 || decimals > MAX_DECIMALS {
        return None;
    }
    let mantissa = (raw & ((1 << 52) - 1)) | 1 << 52;
    // The number is mantissa / 2^bits.
    let bits = 1075 - exponent as u32;
    let product = u128::from(mantissa) * 10u128.pow(decimals as u32);
    if bits > 127 {
        // Less than half.
        return Some(0);
    }
    let whole = u64::try_from(product >> bits).ok()?;
    let rest = product & ((1 << bits) - 1);
    let half = 1 << (bits - 1);
    Some(whole + u64::from(rest > half || (rest == half && whole % 2 == 1)))
}

#[cold]
fn general_exact(value: f64, precision: usize) -> Text<LONG> {
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

/// An ordinary number as a whole part and a binary fraction, `fraction / 2^bits`.
struct Parts {
    whole: u64,
    fraction: u64,
    bits: u32,
}

impl Parts {
    fn new(magnitude: f64) -> Self {
        let raw = magnitude.to_bits();
        let mantissa = (raw & ((1 << 52) - 1)) | 1 << 52;
        // The value is mantissa / 2^bits; 2 <= bits <= 56 for ordinary numbers.
        let bits = (1075 - (raw >> 52) as u32).min(63);
        Self { whole: mantissa >> bits, fraction: mantissa & ((1 << bits) - 1), bits }
    }

    /// Appends the first `count` decimals of the fraction, cut, not rounded; at most 18.
    fn push_decimals<const N: usize>(&self, count: usize, text: &mut Text<N>) {
        let scaled = u128::from(self.fraction) * u128::from(10u64.pow(count as u32));
        let mut decimals = (scaled >> self.bits) as u64;
        let mut digits = [b'0'; 18];
        let digits = &mut digits[..count];
        for digit in digits.iter_mut().rev() {
            *digit = b'0' + (decimals % 10) as u8;
            decimals /= 10;
        }
        text.push(digits);
    }
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
