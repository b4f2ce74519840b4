//! The tokenizer: skips values, checking the grammar on the way.

#![forbid(unsafe_code)]

use super::Error;
use memchr::memchr3;

/// What may come next.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Expect {
    /// A value.
    Value,
    /// A value, or the end of the array: after `[` and after a comma in an array.
    ValueOrEnd,
    /// A key, or the end of the object: after `{` and after a comma in an object.
    KeyOrEnd,
    /// A comma or the end of the container.
    CommaOrEnd,
}

/// A position in the text and the containers that are open there.
pub(super) struct Scanner<'a> {
    text: &'a [u8],
    pos: usize,
    depth: u32,
    /// How many may be.
    depth_max: u32,
    /// One bit per open container, the innermost lowest: set for an object.
    kinds: u128,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(text: &'a [u8], depth_max: u32) -> Self {
        Scanner { text, pos: 0, depth: 0, depth_max: depth_max.min(u128::BITS), kinds: 0 }
    }

    pub(super) fn pos(&self) -> usize {
        self.pos
    }

    /// Skips white space; the byte after it, or `NotFound` when the text ends there.
    pub(super) fn next_byte(&mut self) -> Result<u8, Error> {
        self.space();
        self.text.get(self.pos).copied().ok_or(Error::NotFound)
    }

    fn space(&mut self) {
        while let Some(b' ' | b'\t' | b'\r' | b'\n') = self.text.get(self.pos) {
            self.pos += 1;
        }
    }

    /// Steps into the container that starts here.
    pub(super) fn open(&mut self) -> Result<Expect, Error> {
        if self.depth == self.depth_max {
            return Err(Error::TooDeep);
        }
        let object = self.text.get(self.pos) == Some(&b'{');
        self.depth += 1;
        self.kinds = self.kinds << 1 | u128::from(object);
        self.pos += 1;
        Ok(self.expect_item())
    }

    fn in_object(&self) -> bool {
        self.kinds & 1 != 0
    }

    fn expect_item(&self) -> Expect {
        if self.in_object() { Expect::KeyOrEnd } else { Expect::ValueOrEnd }
    }

    /// Steps out of the innermost container when `byte` is its closing bracket.
    fn close(&mut self, byte: u8) -> Result<(), Error> {
        if self.depth == 0 || byte != if self.in_object() { b'}' } else { b']' } {
            return Err(Error::Invalid);
        }
        self.depth -= 1;
        self.kinds >>= 1;
        self.pos += 1;
        Ok(())
    }

    /// Reads what separates two items: `true` for a comma, `false` for the end of the container.
    pub(super) fn another_item(&mut self) -> Result<bool, Error> {
        match self.next_byte()? {
            b',' => {
                self.pos += 1;
                Ok(true)
            }
            byte => self.close(byte).map(|()| false),
        }
    }

    /// Whether the innermost container ends here, as an empty one or after a trailing comma.
    pub(super) fn ended(&mut self) -> Result<bool, Error> {
        match self.next_byte()? {
            byte @ (b'}' | b']') => self.close(byte).map(|()| true),
            _ => Ok(false),
        }
    }

    /// Reads a key and its colon; returns the raw bytes between the key's quotes.
    pub(super) fn key(&mut self) -> Result<&'a [u8], Error> {
        if self.next_byte()? != b'"' {
            return Err(Error::Invalid);
        }
        let start = self.pos + 1;
        self.string()?;
        let key = &self.text[start..self.pos - 1];
        if self.next_byte()? != b':' {
            return Err(Error::Invalid);
        }
        self.pos += 1;
        Ok(key)
    }

    /// Skips one value.
    pub(super) fn value(&mut self) -> Result<(), Error> {
        self.run(Expect::Value, self.depth)
    }

    /// Checks the rest of the text, which is known not to hold the wanted token.
    pub(super) fn exhaust(&mut self, expect: Expect) -> Error {
        match self.run(expect, 0) {
            Err(e) => e,
            Ok(()) => {
                self.space();
                if self.pos < self.text.len() { Error::Invalid } else { Error::NotFound }
            }
        }
    }

    /// Reads on until a value is complete and only `floor` containers are open.
    fn run(&mut self, mut expect: Expect, floor: u32) -> Result<(), Error> {
        loop {
            if expect == Expect::CommaOrEnd && self.depth == floor {
                return Ok(());
            }
            let byte = self.next_byte()?;
            expect = match expect {
                Expect::Value | Expect::ValueOrEnd => match byte {
                    b'{' | b'[' => self.open()?,
                    b']' if expect == Expect::ValueOrEnd => {
                        self.close(byte)?;
                        Expect::CommaOrEnd
                    }
                    _ => {
                        self.scalar(byte)?;
                        Expect::CommaOrEnd
                    }
                },
                Expect::KeyOrEnd if byte == b'}' => {
                    self.close(byte)?;
                    Expect::CommaOrEnd
                }
                Expect::KeyOrEnd => {
                    self.key()?;
                    Expect::Value
                }
                Expect::CommaOrEnd if byte == b',' => {
                    self.pos += 1;
                    self.expect_item()
                }
                Expect::CommaOrEnd => {
                    self.close(byte)?;
                    Expect::CommaOrEnd
                }
            };
        }
    }

    fn scalar(&mut self, first: u8) -> Result<(), Error> {
        match first {
            b'"' => self.string(),
            b'-' | b'0'..=b'9' => {
                self.pos += super::number::length(&self.text[self.pos..]);
                Ok(())
            }
            b't' => self.literal(b"true"),
            b'f' => self.literal(b"false"),
            b'n' => self.literal(b"null"),
            _ => Err(Error::Invalid),
        }
    }

    fn literal(&mut self, word: &[u8]) -> Result<(), Error> {
        if !self.text[self.pos..].starts_with(word) {
            return Err(Error::Invalid);
        }
        self.pos += word.len();
        Ok(())
    }

    /// Skips the string that starts here. It ends at the first quote that is not escaped; a
    /// backslash escapes the byte after it only if the two are one of the two-byte escapes.
    fn string(&mut self) -> Result<(), Error> {
        let mut at = self.pos + 1;
        loop {
            at = find_special(self.text, at).ok_or(Error::Invalid)?;
            match self.text[at] {
                b'"' => {
                    self.pos = at + 1;
                    return Ok(());
                }
                b'\\' => {
                    let escaped = matches!(
                        self.text.get(at + 1),
                        Some(b'b' | b'f' | b'n' | b'r' | b't' | b'\\' | b'"')
                    );
                    at += if escaped { 2 } else { 1 };
                }
                _ => return Err(Error::Invalid),
            }
        }
    }
}

/// Bytes of a string that are looked at one by one: for short strings that is faster than the setup
/// of a vector search.
const SHORT: usize = 16;

/// The first quote, backslash or NUL at or after `from`.
fn find_special(text: &[u8], from: usize) -> Option<usize> {
    let rest = text.get(from..)?;
    let special = |b: &u8| matches!(b, b'"' | b'\\' | 0);
    match rest.iter().take(SHORT).position(special) {
        Some(at) => Some(from + at),
        None => Some(from + SHORT + memchr3(b'"', b'\\', 0, rest.get(SHORT..)?)?),
    }
}
