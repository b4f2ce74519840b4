//! Numbers: the token's extent and its value.

#![forbid(unsafe_code)]

/// Exponents beyond this are cut when the exact value leaves the range of a double.
const MAX_EXPONENT: i64 = 308;

/// Length of the number at the start of `text`: an optional minus, digits, a point and digits, an
/// exponent with `-` and `+` in this order. Each part may be empty.
pub(super) fn length(text: &[u8]) -> usize {
    let whole = usize::from(text.first() == Some(&b'-'));
    let digits = text[whole..].iter().take_while(|b| b.is_ascii_digit()).count();
    match text.get(whole + digits) {
        Some(b'.' | b'e' | b'E') => Parts::of(text).length,
        _ => whole + digits,
    }
}

/// The pieces of a number token.
struct Parts<'a> {
    negative: bool,
    whole: &'a [u8],
    fraction: &'a [u8],
    /// Digits of the exponent, if there is an `e`.
    exponent: Option<&'a [u8]>,
    exponent_negative: bool,
    length: usize,
}

impl<'a> Parts<'a> {
    fn of(text: &'a [u8]) -> Self {
        let mut at = 0;
        let eat = |at: &mut usize, wanted: &[u8]| {
            let found = text.get(*at).is_some_and(|b| wanted.contains(b));
            *at += usize::from(found);
            found
        };
        let digits = |at: &mut usize| {
            let start = *at;
            while text.get(*at).is_some_and(u8::is_ascii_digit) {
                *at += 1;
            }
            &text[start..*at]
        };
        let negative = eat(&mut at, b"-");
        let whole = digits(&mut at);
        let fraction = if eat(&mut at, b".") { digits(&mut at) } else { &[] };
        let (mut exponent, mut exponent_negative) = (None, false);
        if eat(&mut at, b"eE") {
            exponent_negative = eat(&mut at, b"-");
            eat(&mut at, b"+");
            exponent = Some(digits(&mut at));
        }
        Parts { negative, whole, fraction, exponent, exponent_negative, length: at }
    }

    /// The exponent's value, saturating.
    fn exponent(&self) -> i64 {
        let digits = self.exponent.unwrap_or_default();
        let value =
            digits.iter().fold(0i64, |value, b| value.saturating_mul(10).saturating_add(i64::from(b - b'0')));
        if self.exponent_negative { -value } else { value }
    }

    /// The value with another exponent, correctly rounded.
    fn with_exponent(&self, exponent: i64) -> f64 {
        // A double needs at most 767 significant digits to be rounded correctly; what follows
        // matters only by being zero or not.
        const DIGITS: usize = 768;
        let mut text = [0u8; DIGITS + 32];
        let mut len = 0;
        let mut scale = exponent;
        let mut sticky = false;
        let digits = self.whole.iter().map(|b| (b, 0)).chain(self.fraction.iter().map(|b| (b, 1)));
        for (&digit, after_point) in digits {
            if len == DIGITS {
                sticky |= digit != b'0';
                scale = scale.saturating_add(1 - after_point);
            } else {
                scale = scale.saturating_sub(after_point);
                if len > 0 || digit != b'0' {
                    text[len] = digit;
                    len += 1;
                }
            }
        }
        if len == 0 {
            return 0.0;
        }
        if sticky {
            text[len] = b'1';
            len += 1;
            scale = scale.saturating_sub(1);
        }
        text[len] = b'e';
        len += 1;
        // Far outside the range of a double either way, so any such exponent does.
        let scale = i32::try_from(scale).unwrap_or(if scale < 0 { i32::MIN } else { i32::MAX });
        len += write_i32(scale, &mut text[len..]);
        parse(&text[..len]).unwrap_or(0.0)
    }
}

fn write_i32(value: i32, to: &mut [u8]) -> usize {
    let mut buffer = itoa::Buffer::new();
    let text = buffer.format(value).as_bytes();
    to[..text.len()].copy_from_slice(text);
    text.len()
}

fn parse(text: &[u8]) -> Option<f64> {
    core::str::from_utf8(text).ok()?.parse().ok()
}

/// The value of a number token, correctly rounded.
///
/// Always finite: where the exact value overflows (or vanishes), the exponent is cut to 308 (-308),
/// and what still overflows is the largest double. Empty parts count as 0.
pub fn to_f64(token: &[u8]) -> f64 {
    let parts = Parts::of(token);
    let magnitude = parts.magnitude(&token[usize::from(parts.negative)..parts.length]);
    if parts.negative { -magnitude } else { magnitude }
}

impl Parts<'_> {
    /// `unsigned` is the token without its minus.
    fn magnitude(&self, unsigned: &[u8]) -> f64 {
        // The usual token is also Rust's grammar; the others are the tolerated ones.
        let exact = parse(unsigned).unwrap_or_else(|| self.with_exponent(self.exponent()));
        let exponent = self.exponent();
        if exact.is_infinite() {
            return self.with_exponent(exponent.min(MAX_EXPONENT)).min(f64::MAX);
        }
        if exact == 0.0 && exponent < -MAX_EXPONENT {
            return self.with_exponent(-MAX_EXPONENT);
        }
        exact
    }
}

/// The value of a number token, cut towards zero and to the range of an `i64`.
///
/// What [`to_f64`] says, cut, so that both agree; but whole numbers are exact, and so is the whole part
/// of those that are too large for a double to have one.
pub fn to_i64(token: &[u8]) -> i64 {
    /// From here on doubles are whole numbers, and not all of them.
    const EXACT: f64 = (1u64 << 53) as f64;
    /// Numbers with so many digits are cut the same, before and after they are rounded to a double.
    const HELD_DIGITS: usize = 15;
    let parts = Parts::of(token);
    if parts.exponent.is_some() {
        return to_f64(token) as i64;
    }
    if !parts.fraction.is_empty() && parts.whole.len() + parts.fraction.len() > HELD_DIGITS {
        let rounded = to_f64(token);
        if rounded.abs() < EXACT {
            return rounded as i64;
        }
    }
    if parts.whole.len() < 19 {
        let value = parts.whole.iter().fold(0i64, |value, b| value * 10 + i64::from(b - b'0'));
        return if parts.negative { -value } else { value };
    }
    parts.whole.iter().fold(0i64, |value, b| {
        let digit = i64::from(b - b'0');
        let value = value.saturating_mul(10);
        if parts.negative { value.saturating_sub(digit) } else { value.saturating_add(digit) }
    })
}
