//! Function 43, type 14: texts that identify a device (Modbus Application Protocol V1.1b3, 6.21).

#![forbid(unsafe_code)]

use super::{FRAME_MAX, IDENTIFICATION, ILLEGAL_ADDRESS, ILLEGAL_FUNCTION, LENGTH_MAX, Request};

/// Which texts are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identify {
    /// 1 to 3: those of a category and of the ones before, 4: a single one.
    pub code: u8,
    /// The first one.
    pub object: u8,
}

/// The last text of each category.
const LAST_BASIC: u8 = 2;
const LAST_REGULAR: u8 = 0x7f;
/// Bytes of the answer to [`Identify`] before its texts.
const IDENTITY_LEN: usize = 7;
/// Longest text that identifies a device: it fits into an answer of its own.
pub const TEXT_MAX: usize = LENGTH_MAX - 1 - IDENTITY_LEN - 2;

impl Identify {
    /// Writes the answer to `out` and returns its length. `text` gives the text of an object; `None`
    /// or an empty one: there is none.
    pub fn answer<'t>(
        self,
        request: &Request,
        mut text: impl FnMut(u8) -> Option<&'t [u8]>,
        out: &mut [u8; FRAME_MAX],
    ) -> usize {
        let mut has = |object: u8| text(object).is_some_and(|text| !text.is_empty());
        // A device without the first one knows none of this.
        if !has(0) {
            return request.answer(Err(ILLEGAL_FUNCTION), out);
        }
        let conformity = match () {
            () if has(LAST_REGULAR + 1) => 0x83,
            () if has(LAST_BASIC + 1) => 0x82,
            () => 0x81,
        };
        if self.code == 4 && !has(self.object) {
            return request.answer(Err(ILLEGAL_ADDRESS), out);
        }
        let last = match self.code {
            1 => LAST_BASIC,
            2 => LAST_REGULAR,
            3 => u8::MAX,
            _ => self.object,
        };
        // What is not there starts again at the beginning.
        let first = if self.object <= last && has(self.object) { self.object } else { 0 };
        let mut pdu = [0; LENGTH_MAX - 1];
        let (mut len, mut count, mut next) = (IDENTITY_LEN, 0u8, None);
        for object in first..=last {
            let Some(text) = text(object).filter(|text| !text.is_empty()) else { continue };
            let text = &text[..text.len().min(TEXT_MAX)];
            if len + 2 + text.len() > pdu.len() {
                next = Some(object);
                break;
            }
            pdu[len..len + 2].copy_from_slice(&[object, text.len() as u8]);
            pdu[len + 2..][..text.len()].copy_from_slice(text);
            len += 2 + text.len();
            count += 1;
        }
        let more = if next.is_some() { 0xff } else { 0 };
        pdu[..IDENTITY_LEN].copy_from_slice(&[
            request.function,
            IDENTIFICATION,
            self.code,
            conformity,
            more,
            next.unwrap_or(0),
            count,
        ]);
        request.finish(&pdu[..len], out)
    }
}
