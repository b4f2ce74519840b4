//! What is between a `%` and its conversion letter.
#![forbid(unsafe_code)]

/// The widest field. Wider ones are cut to this: a format must not be able to print for ages.
pub const MAX_WIDTH: usize = 64 * 1024;

/// The integer type that is read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Size {
    /// No letter, or `h`.
    Int,
    /// `l`, or `z`.
    Long,
    /// `ll`.
    LongLong,
}

/// The part after a decimal point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Precision {
    /// None given.
    Default,
    /// Digits; none are 0.
    Digits(usize),
    /// `.*`: an argument.
    Argument,
}

/// One parsed directive.
#[derive(Debug, PartialEq)]
pub(super) struct Directive {
    /// `#`.
    pub alternate: bool,
    /// `-`.
    pub left: bool,
    /// `0`.
    pub zero: bool,
    /// Minimum size of the field.
    pub width: usize,
    /// Digits after the decimal point, or bytes of a string.
    pub precision: Precision,
    /// Type of an integer argument.
    pub size: Size,
    /// The letter that ends the directive.
    pub conversion: u8,
}

impl Directive {
    /// A directive that is nothing but a letter.
    pub(super) fn new(conversion: u8) -> Self {
        Self {
            alternate: false,
            left: false,
            zero: false,
            width: 0,
            precision: Precision::Default,
            size: Size::Int,
            conversion,
        }
    }
}

/// Reads a directive whose `%` has been taken. Returns it and what follows it, or nothing
/// when the text ends first.
pub(super) fn parse(text: &[u8]) -> Option<(Directive, &[u8])> {
    let mut directive = Directive::new(0);
    let mut rest = text;
    directive.alternate = take(&mut rest, b'#');
    directive.left = take(&mut rest, b'-');
    directive.zero = take(&mut rest, b'0');
    directive.width = digits(&mut rest).min(MAX_WIDTH);
    if take(&mut rest, b'.') {
        directive.precision =
            if take(&mut rest, b'*') { Precision::Argument } else { Precision::Digits(digits(&mut rest)) };
    }
    while take(&mut rest, b'h') {}
    if take(&mut rest, b'l') {
        directive.size = if take(&mut rest, b'l') { Size::LongLong } else { Size::Long };
    }
    if take(&mut rest, b'z') {
        directive.size = Size::Long;
    }
    let (&conversion, after) = rest.split_first()?;
    directive.conversion = conversion;
    Some((directive, after))
}

fn take(text: &mut &[u8], wanted: u8) -> bool {
    match text.split_first() {
        Some((&byte, rest)) if byte == wanted => {
            *text = rest;
            true
        }
        _ => false,
    }
}

/// A decimal number, 0 when there is none; saturates.
fn digits(text: &mut &[u8]) -> usize {
    let mut value = 0usize;
    while let Some((byte @ b'0'..=b'9', rest)) = text.split_first() {
        value = value.saturating_mul(10).saturating_add(usize::from(byte - b'0'));
        *text = rest;
    }
    value
}
