//! Matching text against patterns with `?`, `*` and `#`.
//!
//! A pattern is an anchored regular expression with lazy groups: `?` is `(.)`, `*` is `([^/]*?)`,
//! `#` is `(.*?)`, all else stands for itself. The cost is at most pattern length times text
//! length, whatever the pattern.
#![forbid(unsafe_code)]

use core::ops::Range;

#[cfg(test)]
mod tests;

/// Wildcards that are tracked without allocating.
const INLINE: usize = 16;

/// Whether `pattern` matches the whole of `text`.
///
/// On a match, `capture` is called with the part that each wildcard took, from left to right.
/// Patterns with more than 16 `*` and `#` allocate.
pub fn matches(text: &[u8], pattern: &[u8], mut capture: impl FnMut(Range<usize>)) -> bool {
    let wilds = pattern.iter().filter(|b| is_wild(b)).count();
    let mut inline = [Wild::default(); INLINE];
    let mut heap;
    let wilds = if wilds <= INLINE {
        &mut inline[..wilds]
    } else {
        heap = vec![Wild::default(); wilds];
        &mut heap[..]
    };
    if !place(text, pattern, wilds) {
        return false;
    }
    let mut wilds = wilds.iter();
    let mut at = 0;
    for byte in pattern {
        if is_wild(byte) {
            if let Some(wild) = wilds.next() {
                capture(wild.start..wild.end);
                at = wild.end;
            }
        } else {
            if *byte == b'?' {
                capture(at..at + 1);
            }
            at += 1;
        }
    }
    true
}

fn is_wild(byte: &u8) -> bool {
    matches!(byte, b'*' | b'#')
}

/// One `*` or `#`, and what it takes at the moment.
#[derive(Clone, Copy, Default)]
struct Wild {
    /// Where the block after it begins in the pattern.
    block: usize,
    start: usize,
    end: usize,
}

/// Finds what each wildcard takes. Blocks are the pieces of the pattern between wildcards.
///
/// Each wildcard takes as little as lets the block after it match. When a `*` runs into a `/`,
/// the wildcard before it has to give its block a later place, and only a place that makes the
/// block itself swallow that `/` can help: with an earlier one the `*` would try the places again
/// that have just failed. So for each block every place is tried once at most. A `#` is never
/// stopped, so once the block after it is found, what precedes it needs no second look.
fn place(text: &[u8], pattern: &[u8], wilds: &mut [Wild]) -> bool {
    let first = block(pattern);
    if !matches_at(text, 0, first) {
        return false;
    }
    let mut at = first.len();
    if wilds.is_empty() {
        return at == text.len();
    }
    let mut block_start = at + 1;
    let mut current = 0;
    // The block after wilds[current] may not begin before `from`.
    let mut from = at;
    wilds[0] = Wild { block: block_start, start: at, end: at };
    loop {
        let wild = wilds[current];
        let any = pattern[wild.block - 1] == b'#';
        let after = block(&pattern[wild.block..]);
        let last = current + 1 == wilds.len();
        match find(text, wild.start, from, after, any, last) {
            Found::At(place) => {
                wilds[current].end = place;
                if last {
                    return true;
                }
                at = place + after.len();
                block_start = wild.block + after.len() + 1;
                current += 1;
                wilds[current] = Wild { block: block_start, start: at, end: at };
                from = at;
            }
            Found::Never => return false,
            Found::Stopped(slash) => {
                // Back to the wildcard before, whose block has to swallow the slash.
                let Some(previous) = current.checked_sub(1) else {
                    return false;
                };
                current = previous;
                let wild = wilds[current];
                let length = block(&pattern[wild.block..]).len();
                from = (wild.end + 1).max((slash + 1).saturating_sub(length));
            }
        }
    }
}

/// The part of a pattern before its first wildcard.
fn block(pattern: &[u8]) -> &[u8] {
    let len = pattern.iter().position(is_wild).unwrap_or(pattern.len());
    &pattern[..len]
}

enum Found {
    /// The block is at this place.
    At(usize),
    /// No later place exists, and none would for a wildcard that starts later.
    Never,
    /// A `/` at this place stops the wildcard first.
    Stopped(usize),
}

/// The first place of `block`, at or after `from`, that a wildcard which starts at `start` lets
/// it have; `last` ones have to reach the end of the text.
fn find(text: &[u8], start: usize, from: usize, block: &[u8], any: bool, last: bool) -> Found {
    let Some(final_place) = text.len().checked_sub(block.len()) else {
        return Found::Never;
    };
    let slash = if any {
        None
    } else {
        memchr::memchr(b'/', text.get(start..).unwrap_or_default()).map(|n| start + n)
    };
    let mut from = from;
    if last {
        // One place is left.
        from = from.max(final_place);
        if from > final_place {
            return Found::Never;
        }
    }
    loop {
        // Nothing but the first byte is looked for: `?` matches at once, literals by a search.
        let next = match block.first() {
            Some(b'?') | None => Some(from),
            Some(&byte) => {
                let end = (final_place + 1).min(slash.map_or(usize::MAX, |s| s + 1));
                text.get(from..end).and_then(|t| memchr::memchr(byte, t)).map(|n| from + n)
            }
        };
        let place = next.unwrap_or(final_place + 1);
        if let Some(slash) = slash
            && place > slash
        {
            return Found::Stopped(slash);
        }
        if place > final_place {
            return match slash {
                Some(slash) => Found::Stopped(slash),
                None => Found::Never,
            };
        }
        if matches_at(text, place, block) {
            return Found::At(place);
        }
        from = place + 1;
    }
}

fn matches_at(text: &[u8], at: usize, block: &[u8]) -> bool {
    text.get(at..at + block.len())
        .is_some_and(|part| part.iter().zip(block).all(|(byte, wanted)| wanted == byte || *wanted == b'?'))
}
