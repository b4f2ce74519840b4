//! All headers of a message, of which a program sees the first ones in their slots.

use crate::abi::{HttpMessage, Str, layout};
use crate::codec::http::fields::{field_at, fields};
use crate::net::event_loop::view;
use core::marker::PhantomData;
use std::borrow::Cow;

/// The headers of a message: those in its slots and, when all slots are in use, those that follow
/// them in the bytes of its head. So a program may build a message by hand, and nothing that a
/// client sends gets lost.
#[derive(Clone, Copy)]
pub struct Headers<'a> {
    hm: *const HttpMessage,
    message: PhantomData<&'a HttpMessage>,
}

impl<'a> Headers<'a> {
    /// The headers of `hm`.
    ///
    /// # Safety
    /// `hm` points to a message whose views are valid as long as the headers are used.
    pub unsafe fn new(hm: *const HttpMessage) -> Headers<'a> {
        Headers { hm, message: PhantomData }
    }

    /// Name and value of slot `i`; `None` for one that is not in use.
    fn slot(self, i: usize) -> Option<(&'a [u8], Str)> {
        if i >= layout::headers() {
            return None;
        }
        // SAFETY: whoever made this vouched for the message; the slots up to the first without a name are
        // set, and their views valid.
        let (name, value) = unsafe {
            let slot = HttpMessage::headers_at(self.hm).add(i);
            (view::bytes((*slot).name), (*slot).value)
        };
        (!name.is_empty()).then_some((name, value))
    }

    fn head(self) -> &'a [u8] {
        // SAFETY: whoever made this vouched for the message.
        unsafe { view::bytes(*HttpMessage::head_at(self.hm)) }
    }

    fn is_full(self) -> bool {
        self.slot(layout::headers() - 1).is_some()
    }

    /// Those that have no slot.
    pub fn beyond(self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
        let head = if self.is_full() { self.head() } else { b"" };
        fields(head).skip(layout::headers()).map(|header| (header.name, header.value))
    }

    /// Name and value of all, in order of arrival.
    pub fn iter(self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
        let slots = (0..layout::headers()).map_while(move |i| self.slot(i));
        // SAFETY: as in `slot`.
        slots.map(|(name, value)| (name, unsafe { view::bytes(value) })).chain(self.beyond())
    }

    /// The header at a position, and the next position. Positions begin at 0; `None` at the end.
    pub fn at(self, position: usize) -> Option<(&'a [u8], &'a [u8], usize)> {
        if let Some((name, value)) = self.slot(position) {
            // SAFETY: as in `slot`.
            return Some((name, unsafe { view::bytes(value) }, position + 1));
        }
        if position < layout::headers() || !self.is_full() {
            return None;
        }
        // After the slots, positions are those of lines in the head, none of which begins before.
        let mut line = position - layout::headers();
        if line == 0 {
            for _ in 0..layout::headers() {
                line = field_at(self.head(), line)?.1;
            }
        }
        let (header, next) = field_at(self.head(), line)?;
        Some((header.name, header.value, next + layout::headers()))
    }

    /// The values of all headers with this name, ignoring case.
    pub fn all(self, name: &[u8]) -> impl Iterator<Item = &'a [u8]> {
        self.iter().filter(move |(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// The value of the first header with this name.
    pub fn first(self, name: &[u8]) -> Option<&'a [u8]> {
        self.all(name).next()
    }

    /// The value of a header that is no list; `None` as well when it occurs more than once.
    pub fn single(self, name: &[u8]) -> Option<&'a [u8]> {
        let mut values = self.all(name);
        values.next().filter(|_| values.next().is_none())
    }

    /// The value of a list header, which may span several lines (RFC 9110, section 5.3); the parts
    /// of `Cookie` are divided by semicolons (RFC 6265, section 5.4).
    pub fn list(self, name: &[u8]) -> Option<Cow<'a, [u8]>> {
        let mut values = self.all(name);
        let first = values.next()?;
        let Some(second) = values.next() else { return Some(Cow::Borrowed(first)) };
        let comma: &[u8] = if name.eq_ignore_ascii_case(b"Cookie") { b"; " } else { b", " };
        let mut joined = [first, comma, second].concat();
        for value in values {
            joined.extend_from_slice(comma);
            joined.extend_from_slice(value);
        }
        Some(Cow::Owned(joined))
    }
}
