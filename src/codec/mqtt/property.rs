//! Properties of MQTT 5 (section 2.2.2).

#![forbid(unsafe_code)]

use super::{Out, varint};

/// How the value of a property is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A number of one byte.
    Byte,
    /// A number of two bytes.
    Short,
    /// A number of four bytes.
    Int,
    /// A number of one to four bytes.
    Varint,
    /// A length of two bytes, then text or bytes.
    Bytes,
    /// Two texts: key and value.
    Pair,
}

/// How the value of the property `id` is written; `None` for an id that means nothing.
pub fn kind(id: u8) -> Option<Kind> {
    Some(match id {
        0x01 | 0x17 | 0x19 | 0x24 | 0x25 | 0x28..=0x2a => Kind::Byte,
        0x13 | 0x21..=0x23 => Kind::Short,
        0x02 | 0x11 | 0x18 | 0x27 => Kind::Int,
        0x0b => Kind::Varint,
        0x03 | 0x08 | 0x09 | 0x12 | 0x15 | 0x16 | 0x1a | 0x1c | 0x1f => Kind::Bytes,
        0x26 => Kind::Pair,
        _ => return None,
    })
}

/// A property. What its kind does not have is 0 or empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Property<'a> {
    /// Which one it is.
    pub id: u8,
    /// The value of a number.
    pub number: u32,
    /// The key of a pair.
    pub key: &'a [u8],
    /// The value of a pair, of text or bytes.
    pub value: &'a [u8],
}

/// Reads the property at the start of `block`, and how many bytes it takes. `None` at the end, and for
/// what is no property.
pub fn next_property(block: &[u8]) -> Option<(Property<'_>, usize)> {
    let (&id, mut rest) = block.split_first()?;
    let mut property = Property { id, ..Property::default() };
    match kind(id)? {
        Kind::Byte => property.number = take::<1>(&mut rest)?[0].into(),
        Kind::Short => property.number = u16::from_be_bytes(take(&mut rest)?).into(),
        Kind::Int => property.number = u32::from_be_bytes(take(&mut rest)?),
        Kind::Varint => {
            let (number, len) = varint::read(rest).ok()??;
            property.number = number;
            rest = &rest[len..];
        }
        Kind::Bytes => property.value = take_bytes(&mut rest)?,
        Kind::Pair => {
            property.key = take_bytes(&mut rest)?;
            property.value = take_bytes(&mut rest)?;
        }
    }
    Some((property, block.len() - rest.len()))
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (bytes, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(*bytes)
}

fn take_bytes<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let len = u16::from_be_bytes(take(rest)?);
    let (bytes, after) = rest.split_at_checked(len.into())?;
    *rest = after;
    Some(bytes)
}

impl Property<'_> {
    /// Writes the property: numbers are cut to their width, one that is too large for its one to four
    /// bytes becomes the largest. Nothing for an id that means nothing.
    pub fn write(&self, out: &mut impl Out) {
        let Some(kind) = kind(self.id) else { return };
        out.put(&[self.id]);
        match kind {
            Kind::Byte => out.put(&[self.number as u8]),
            Kind::Short => out.put(&(self.number as u16).to_be_bytes()),
            Kind::Int => out.put(&self.number.to_be_bytes()),
            Kind::Varint => out.varint(self.number),
            Kind::Bytes => out.text(self.value),
            Kind::Pair => {
                out.text(self.key);
                out.text(self.value);
            }
        }
    }
}
