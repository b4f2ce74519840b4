//! The `Range` header, and replies with several ranges (RFC 9110, section 14).

#![forbid(unsafe_code)]

use super::fields::entries;
use super::scan::trim;
use core::ops::RangeInclusive;

/// Parts of one reply at most.
const MAX_PARTS: usize = 16;

/// When too many parts are asked for, those are sent as one that have fewer bytes between them than the
/// frame of a part takes.
const GAP: u64 = 80;

/// Which parts of a file are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    /// All of it: status 200.
    Whole,
    /// From the first to the last byte of each part, at least one, all within the file: status 206.
    Parts(Vec<RangeInclusive<u64>>),
    /// Nothing that the file has: status 416.
    Unsatisfiable,
}

/// What a `Range` header selects of a file of `size` bytes. Allocates the parts.
///
/// A header that is not understood selects the whole file: another unit than bytes, bad syntax, a range
/// that ends before it begins (section 14.1.1). Ranges that overlap become one; of more than 16, also
/// those that are close together, and if that does not help, the whole file is selected (section 14.2).
///
/// A single range that ends exactly one byte past the file is refused and not clipped: programs rely
/// on that answer.
pub fn select(header: &[u8], size: u64) -> Selection {
    let Some(set) = header.split_at_checked(6).filter(|(unit, _)| unit.eq_ignore_ascii_case(b"bytes="))
    else {
        return Selection::Whole;
    };
    let mut count = 0;
    let mut parts = Vec::new();
    for spec in entries([set.1]) {
        count += 1;
        match range(spec, size) {
            Ok(Some(part)) => parts.push(part),
            Ok(None) => {}
            Err(Invalid) => return Selection::Whole,
        }
    }
    let past_end = |part: &RangeInclusive<u64>| *part.end() == size;
    if count == 0 {
        return Selection::Whole;
    }
    if parts.is_empty() || (count == 1 && parts.iter().any(past_end)) {
        return Selection::Unsatisfiable;
    }
    let clip = |part: RangeInclusive<u64>| *part.start()..=(*part.end()).min(size - 1);
    let parts: Vec<_> = parts.into_iter().map(clip).collect();
    let mut merged = merge(&parts, 0);
    if parts.len() > MAX_PARTS {
        merged = merge(&parts, GAP);
    }
    match merged.len() {
        n if n > MAX_PARTS => Selection::Whole,
        // Without overlap the parts keep their order.
        n if n == parts.len() => Selection::Parts(parts),
        _ => Selection::Parts(merged),
    }
}

/// A range that makes no sense.
struct Invalid;

/// One range of a set; `None` when the file has nothing of it. The end may lie past the file's end.
fn range(spec: &[u8], size: u64) -> Result<Option<RangeInclusive<u64>>, Invalid> {
    let dash = memchr::memchr(b'-', spec).ok_or(Invalid)?;
    let part = match (number(&spec[..dash])?, number(&spec[dash + 1..])?) {
        (None, None) => return Err(Invalid),
        (Some(first), Some(last)) if last < first => return Err(Invalid),
        (Some(first), Some(last)) => first..=last,
        (Some(first), None) => first..=size.saturating_sub(1).max(first),
        (None, Some(0)) => return Ok(None),
        (None, Some(n)) => size.saturating_sub(n)..=size.saturating_sub(1),
    };
    Ok((*part.start() < size).then_some(part))
}

/// A decimal number within blanks, `None` without any; one that is too large is the largest.
fn number(text: &[u8]) -> Result<Option<u64>, Invalid> {
    let text = trim(text);
    if !text.iter().all(u8::is_ascii_digit) {
        return Err(Invalid);
    }
    let add = |n: u64, b: &u8| n.saturating_mul(10).saturating_add(u64::from(b - b'0'));
    Ok((!text.is_empty()).then(|| text.iter().fold(0, add)))
}

/// The parts in ascending order, those as one that overlap or have fewer than `gap` bytes between them.
fn merge(parts: &[RangeInclusive<u64>], gap: u64) -> Vec<RangeInclusive<u64>> {
    let mut sorted = parts.to_vec();
    sorted.sort_unstable_by_key(|part| *part.start());
    let mut merged: Vec<RangeInclusive<u64>> = Vec::with_capacity(sorted.len());
    for part in sorted {
        match merged.last_mut() {
            Some(last) if *part.start() <= last.end().saturating_add(gap) => {
                *last = *last.start()..=*last.end().max(part.end());
            }
            _ => merged.push(part),
        }
    }
    merged
}

/// What precedes a part of a `multipart/byteranges` body (section 14.6).
pub fn part_head(
    boundary: &str,
    is_first: bool,
    content_type: &[u8],
    part: &RangeInclusive<u64>,
    size: u64,
) -> Vec<u8> {
    let delimiter = format!("{}--{boundary}\r\nContent-Type: ", if is_first { "" } else { "\r\n" });
    let range = format!("\r\nContent-Range: bytes {}-{}/{size}\r\n\r\n", part.start(), part.end());
    [delimiter.as_bytes(), content_type, range.as_bytes()].concat()
}

/// What follows the last part.
pub fn parts_end(boundary: &str) -> Vec<u8> {
    format!("\r\n--{boundary}--\r\n").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(all: &[(u64, u64)]) -> Selection {
        Selection::Parts(all.iter().map(|(first, last)| *first..=*last).collect())
    }

    #[test]
    fn one_range() {
        let part = |first, last| parts(&[(first, last)]);
        for (header, size, expected) in [
            ("bytes=0-0", 10, part(0, 0)),
            ("bytes=2-5", 10, part(2, 5)),
            ("bytes=5-", 10, part(5, 9)),
            ("bytes=0-9", 10, part(0, 9)),
            ("bytes= 2 - 4 ", 10, part(2, 4)),
            ("bytes=9-", 10, part(9, 9)),
            ("Bytes=0-1", 10, part(0, 1)),
            ("bytes=,0-1,", 10, part(0, 1)),
            // Clipped at the end of the file; but see `select`.
            ("bytes=0-11", 10, part(0, 9)),
            ("bytes=9-100", 10, part(9, 9)),
            ("bytes=0-99999999999999999999", 10, part(0, 9)),
            ("bytes=0-10", 10, Selection::Unsatisfiable),
            ("bytes=10-", 10, Selection::Unsatisfiable),
            ("bytes=10-20", 10, Selection::Unsatisfiable),
            ("bytes=99999999999999999999-", 10, Selection::Unsatisfiable),
            ("bytes=18446744073709551615-18446744073709551615", u64::MAX, Selection::Unsatisfiable),
            ("bytes=18446744073709551614-", u64::MAX, part(u64::MAX - 1, u64::MAX - 1)),
            // The last bytes.
            ("bytes=-3", 10, part(7, 9)),
            ("bytes=-10", 10, part(0, 9)),
            ("bytes=-11", 10, part(0, 9)),
            ("bytes=-99999999999999999999", 10, part(0, 9)),
            ("bytes=-0", 10, Selection::Unsatisfiable),
            // An empty file has no part.
            ("bytes=0-", 0, Selection::Unsatisfiable),
            ("bytes=0-0", 0, Selection::Unsatisfiable),
            ("bytes=-1", 0, Selection::Unsatisfiable),
            // Not understood.
            ("bytes=5-4", 10, Selection::Whole),
            ("bytes=20-19", 10, Selection::Whole),
            ("bytes=3", 10, Selection::Whole),
            ("bytes=-", 10, Selection::Whole),
            ("bytes=", 10, Selection::Whole),
            ("bytes=,", 10, Selection::Whole),
            ("bytes", 10, Selection::Whole),
            ("bytes=1-x", 10, Selection::Whole),
            ("bytes=x-y", 10, Selection::Whole),
            ("bytes=+1-2", 10, Selection::Whole),
            ("bytes=1--2", 10, Selection::Whole),
            ("items=0-1", 10, Selection::Whole),
            ("", 10, Selection::Whole),
        ] {
            assert_eq!(select(header.as_bytes(), size), expected, "{header} of {size}");
        }
    }

    #[test]
    fn several_ranges() {
        for (header, expected) in [
            ("bytes=0-1,3-4", parts(&[(0, 1), (3, 4)])),
            ("bytes=50-60, 0-1 ,-1", parts(&[(50, 60), (0, 1), (99, 99)])),
            ("bytes=0-4,5-9", parts(&[(0, 4), (5, 9)])),
            ("bytes=0-1,98-100", parts(&[(0, 1), (98, 99)])),
            // Those that the file does not have are left out.
            ("bytes=0-1,200-,-0", parts(&[(0, 1)])),
            ("bytes=100-,200-,-0", Selection::Unsatisfiable),
            // Overlapping ones are sent once.
            ("bytes=0-5,3-8", parts(&[(0, 8)])),
            ("bytes=50-,0-1,90-", parts(&[(0, 1), (50, 99)])),
            ("bytes=0-,0-,0-", parts(&[(0, 99)])),
            // One that makes no sense spoils them all.
            ("bytes=0-1,5-4", Selection::Whole),
            ("bytes=0-1,x", Selection::Whole),
        ] {
            assert_eq!(select(header.as_bytes(), 100), expected, "{header}");
        }
    }

    #[test]
    fn many_ranges() {
        let every = |n: u64, step: u64| {
            let set: Vec<_> = (0..n).map(|i| format!("{}-{}", i * step, i * step)).collect();
            select(format!("bytes={}", set.join(",")).as_bytes(), 1_000_000)
        };
        let Selection::Parts(parts) = every(16, 1000) else { panic!() };
        assert_eq!(parts.len(), 16);
        assert_eq!(every(17, 1000), Selection::Whole);
        assert_eq!(every(17, 10), super::tests::parts(&[(0, 160)]));
        assert_eq!(every(8000, 3), super::tests::parts(&[(0, 23997)]));
    }

    #[test]
    fn frames() {
        let head = part_head("B", true, b"text/plain", &(1..=2), 10);
        assert_eq!(head, b"--B\r\nContent-Type: text/plain\r\nContent-Range: bytes 1-2/10\r\n\r\n");
        assert!(part_head("B", false, b"x", &(1..=2), 10).starts_with(b"\r\n--B\r\n"));
        assert_eq!(parts_end("B"), b"\r\n--B--\r\n");
    }
}
