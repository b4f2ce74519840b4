//! Iteration over one level of an object or array.

#![forbid(unsafe_code)]

use super::find;
use core::ops::Range;

/// One step of [`next`]: ranges of the container's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The raw key with its quotes; `None` in an array.
    pub key: Option<Range<usize>>,
    /// The raw value.
    pub value: Range<usize>,
    /// Where the next step starts: after the value, white space and one comma.
    pub next: usize,
}

/// The member of the container `text` that starts at or after `offset`; `None` at the end.
///
/// `text` starts with `{` or `[`; the first step has offset 0, later ones [`Member::next`]. A key
/// may be any token, and what is between it and its colon is skipped.
pub fn next(text: &[u8], offset: usize) -> Option<Member> {
    if text.len() < 2 || offset >= text.len() {
        return None;
    }
    let mut at = offset.max(1);
    let key = match text[0] {
        b'{' => {
            let key = token(text, at)?;
            at = key.end + memchr::memchr(b':', &text[key.end..])? + 1;
            Some(key)
        }
        b'[' => None,
        _ => return None,
    };
    let value = token(text, at)?;
    let mut next = skip_space(text, value.end);
    if text.get(next) == Some(&b',') {
        next += 1;
    }
    Some(Member { key, value, next })
}

fn token(text: &[u8], at: usize) -> Option<Range<usize>> {
    let token = find(&text[at..], b"$").ok()?;
    Some(at + token.start..at + token.end)
}

fn skip_space(text: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\t' | b'\r' | b'\n') = text.get(at) {
        at += 1;
    }
    at
}
