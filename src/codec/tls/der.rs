//! A reader of DER (X.690): tags, lengths, contents.
#![forbid(unsafe_code)]

/// Tags of the types that certificates are made of.
pub mod tag {
    pub const BOOLEAN: u8 = 0x01;
    pub const INTEGER: u8 = 0x02;
    pub const BIT_STRING: u8 = 0x03;
    pub const OCTET_STRING: u8 = 0x04;
    pub const OID: u8 = 0x06;
    pub const SEQUENCE: u8 = 0x30;
    pub const SET: u8 = 0x31;
    pub const UTC_TIME: u8 = 0x17;
    pub const GENERALIZED_TIME: u8 = 0x18;
    /// Context-specific tag `n`, primitive.
    pub const fn primitive(n: u8) -> u8 {
        0x80 | n
    }
    /// Context-specific tag `n`, constructed.
    pub const fn constructed(n: u8) -> u8 {
        0xa0 | n
    }
}

/// One element.
#[derive(Clone, Copy)]
pub struct Element<'a> {
    /// Its tag.
    pub tag: u8,
    /// Its contents.
    pub body: &'a [u8],
    /// Tag, length and contents.
    pub whole: &'a [u8],
}

/// Reads elements one after the other.
#[derive(Clone, Copy)]
pub struct Reader<'a>(pub &'a [u8]);

impl<'a> Reader<'a> {
    /// Nothing is left.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The next element; `None` at the end, and when the encoding is wrong.
    pub fn next(&mut self) -> Option<Element<'a>> {
        let (&tag, rest) = self.0.split_first()?;
        if tag & 0x1f == 0x1f {
            return None; // Tags of several bytes do not occur in certificates.
        }
        let (&first, rest) = rest.split_first()?;
        let (len, rest) = if first < 0x80 {
            (usize::from(first), rest)
        } else {
            let count = usize::from(first & 0x7f);
            if count == 0 || count > 4 || rest.len() < count {
                return None;
            }
            let (digits, rest) = rest.split_at(count);
            let len = digits.iter().fold(0usize, |len, digit| len << 8 | usize::from(*digit));
            if len < 0x80 || digits.first() == Some(&0) {
                return None; // DER wants the shortest form.
            }
            (len, rest)
        };
        let body = rest.get(..len)?;
        let (whole, after) = self.0.split_at(self.0.len() - rest.len() + len);
        self.0 = after;
        Some(Element { tag, body, whole })
    }

    /// The next element, which must have this tag.
    pub fn take(&mut self, tag: u8) -> Option<Element<'a>> {
        let mut ahead = *self;
        let element = ahead.next().filter(|element| element.tag == tag)?;
        *self = ahead;
        Some(element)
    }

    /// A reader of the contents of the next element, which must have this tag.
    pub fn enter(&mut self, tag: u8) -> Option<Reader<'a>> {
        self.take(tag).map(|element| Reader(element.body))
    }
}

/// The bits of a BIT STRING that is made of whole bytes.
pub fn bits(body: &[u8]) -> Option<&[u8]> {
    body.split_first().filter(|(unused, _)| **unused == 0).map(|(_, bits)| bits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths() {
        let long = [&[0x04, 0x81, 0x80][..], &[7; 128]].concat();
        let mut reader = Reader(&long);
        assert_eq!(reader.next().map(|e| (e.tag, e.body.len(), e.whole.len())), Some((4, 128, 131)));
        assert!(reader.is_empty());
        for wrong in [&[][..], &[4], &[4, 2, 0], &[4, 0x80], &[4, 0x81, 5, 1, 2, 3, 4, 5], &[0x1f, 1, 0]] {
            assert!(Reader(wrong).next().is_none(), "{wrong:?}");
        }
    }

    #[test]
    fn another_tag_is_not_taken() {
        let mut reader = Reader(&[0x02, 1, 5, 0x30, 0]);
        assert!(reader.take(tag::SEQUENCE).is_none());
        assert_eq!(reader.take(tag::INTEGER).map(|e| e.body), Some(&[5][..]));
        assert!(reader.enter(tag::SEQUENCE).is_some_and(|inner| inner.is_empty()));
        assert!(reader.next().is_none());
    }
}
