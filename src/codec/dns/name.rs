//! Names: labels with a length byte each, with pointers to earlier names on the wire.

#![forbid(unsafe_code)]

use super::NAME_MAX;
use core::ops::Deref;

/// Longest label.
const LABEL_MAX: usize = 63;
/// Pointers that are followed in one name.
const POINTERS_MAX: u32 = 5;

/// A name as text: labels with dots between them, without a dot at the end.
#[derive(Clone, Copy)]
pub struct Name {
    text: [u8; NAME_MAX],
    len: usize,
}

impl Default for Name {
    fn default() -> Self {
        Name { text: [0; NAME_MAX], len: 0 }
    }
}

impl Deref for Name {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.text[..self.len]
    }
}

impl core::fmt::Debug for Name {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "\"{}\"", self.escape_ascii())
    }
}

impl Name {
    /// A name as text; `None` if it is too long.
    pub(super) fn from_text(text: &[u8]) -> Option<Self> {
        let mut name = Name::default();
        name.text.get_mut(..text.len())?.copy_from_slice(text);
        name.len = text.len();
        Some(name)
    }

    /// Reads the name at `at`; returns it and its bytes on the wire.
    ///
    /// A pointer that leads forwards, to itself, to another pointer or out of the packet is not
    /// followed and adds nothing.
    pub(super) fn read(packet: &[u8], at: usize) -> Option<(Self, usize)> {
        let mut name = Name::default();
        let mut pos = at;
        let mut start = at;
        let mut wire_len = None;
        let mut pointers = 0;
        loop {
            let len = *packet.get(pos)?;
            match len {
                0 => {
                    wire_len.get_or_insert_with(|| pos + 1 - at);
                    break;
                }
                1..0x40 => {
                    let end = pos + 1 + usize::from(len);
                    name.push(packet.get(pos + 1..end)?)?;
                    pos = end;
                }
                0x40..0xc0 => return None,
                0xc0.. => {
                    let target = usize::from(len & 0x3f) << 8 | usize::from(*packet.get(pos + 1)?);
                    wire_len.get_or_insert_with(|| pos + 2 - at);
                    // Backwards only, so there is no loop.
                    if target >= start || packet.get(target).is_none_or(|&b| b >= 0xc0) {
                        break;
                    }
                    pointers += 1;
                    if pointers > POINTERS_MAX {
                        return None;
                    }
                    (start, pos) = (target, target);
                }
            }
        }
        Some((name, wire_len?))
    }

    /// Appends a label; `None` if the name gets too long.
    fn push(&mut self, label: &[u8]) -> Option<()> {
        let dot = usize::from(self.len > 0);
        // On the wire there is a length byte before the first label, and one after the last.
        let len = Some(self.len + dot + label.len()).filter(|len| len + 2 <= NAME_MAX)?;
        if dot == 1 {
            self.text[self.len] = b'.';
        }
        self.text[len - label.len()..len].copy_from_slice(label);
        self.len = len;
        Some(())
    }
}

/// Writes a name for the wire to the start of `out`, with the length byte 0 at its end if `root`.
/// Returns the number of bytes.
///
/// One dot at the end of the name is fine. `None` if a label is empty or longer than 63 bytes, if
/// the name is longer than 253, if there is a NUL in it, or if there is no room.
pub fn encode_name(name: &[u8], root: bool, out: &mut [u8]) -> Option<usize> {
    let name = name.strip_suffix(b".").unwrap_or(name);
    if name.len() + 2 > NAME_MAX || name.contains(&0) {
        return None;
    }
    let mut len = 0;
    for label in name.split(|&b| b == b'.') {
        if label.is_empty() || label.len() > LABEL_MAX {
            return None;
        }
        let (length, rest) = out.get_mut(len..)?.split_first_mut()?;
        *length = label.len() as u8;
        rest.get_mut(..label.len())?.copy_from_slice(label);
        len += 1 + label.len();
    }
    if root {
        *out.get_mut(len)? = 0;
        len += 1;
    }
    Some(len)
}
