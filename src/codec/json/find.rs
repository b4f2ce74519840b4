//! Paths: `$`, then any sequence of `.name` and `[index]`.

#![forbid(unsafe_code)]

use super::scan::{Expect, Scanner};
use super::{Error, MAX_DEPTH};
use core::ops::Range;

/// Finds the token at `path` and returns its range in `text`.
///
/// A string token includes both quotes, a container both brackets. Names are compared with the raw
/// text between a key's quotes. The first key that matches is entered for good: a later duplicate
/// gets no chance.
///
/// # Errors
/// See [`Error`]. A token that is missing is reported as [`Error::NotFound`] only if no syntax
/// error was met on the way; the end of the object that should hold it ends the search. Where an object on
/// the way to that one is missing, the search continues to the end of the text.
pub fn find(text: &[u8], path: &[u8]) -> Result<Range<usize>, Error> {
    find_within(text, path, MAX_DEPTH)
}

/// As [`find`], with so many containers open at once, up to 128.
///
/// # Errors
/// As [`find`].
pub fn find_within(text: &[u8], path: &[u8], depth_max: u32) -> Result<Range<usize>, Error> {
    let mut rest = path.strip_prefix(b"$").ok_or(Error::Invalid)?;
    let mut scanner = Scanner::new(text, depth_max);
    loop {
        let byte = scanner.next_byte()?;
        rest = match (rest.first(), byte) {
            (None, _) => {
                let start = scanner.pos();
                scanner.value()?;
                return Ok(start..scanner.pos());
            }
            (Some(b'.'), b'{') => enter_member(&mut scanner, &rest[1..])?,
            (Some(b'['), b'[') => {
                let (index, after) = index(&rest[1..]);
                enter_element(&mut scanner, index)?;
                after
            }
            _ => return Err(scanner.exhaust(Expect::Value)),
        };
    }
}

/// Moves to the value of the first member whose key starts `path`; returns the path after it.
fn enter_member<'p>(scanner: &mut Scanner, path: &'p [u8]) -> Result<&'p [u8], Error> {
    let missing = |scanner: &mut Scanner| {
        let is_last = !path.iter().any(|byte| matches!(byte, b'.' | b'['));
        if is_last { Error::NotFound } else { scanner.exhaust(Expect::CommaOrEnd) }
    };
    scanner.open()?;
    loop {
        if scanner.ended()? {
            return Err(missing(scanner));
        }
        let key = scanner.key()?;
        if let Some(after) = path.strip_prefix(key)
            && matches!(after.first(), None | Some(b'.' | b'['))
        {
            return Ok(after);
        }
        scanner.value()?;
        if !scanner.another_item()? {
            return Err(missing(scanner));
        }
    }
}

/// Moves to the element with this index. `None` is an index that no array has.
fn enter_element(scanner: &mut Scanner, index: Option<usize>) -> Result<(), Error> {
    scanner.open()?;
    let Some(mut left) = index else {
        return Err(scanner.exhaust(Expect::ValueOrEnd));
    };
    loop {
        if scanner.ended()? {
            return Err(scanner.exhaust(Expect::CommaOrEnd));
        }
        if left == 0 {
            return Ok(());
        }
        left -= 1;
        scanner.value()?;
        if !scanner.another_item()? {
            return Err(scanner.exhaust(Expect::CommaOrEnd));
        }
    }
}

/// Reads an index up to its `]`, which may be missing; returns it and the path after it.
fn index(path: &[u8]) -> (Option<usize>, &[u8]) {
    let end = memchr::memchr(b']', path).unwrap_or(path.len());
    let value = path[..end].iter().try_fold(0usize, |value, byte| {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 { None } else { value.checked_mul(10)?.checked_add(usize::from(digit)) }
    });
    (value, path.get(end + 1..).unwrap_or_default())
}
