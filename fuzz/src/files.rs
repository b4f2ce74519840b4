//! Paths of requests, includes, listings, and what an upload's query says.

use mongoose::codec::autoindex::{self, Entry};
use mongoose::codec::http::{cors, lifetime, upload};
use mongoose::codec::ssi::{self, Segment};
use mongoose::codec::{docroot, tree};

const MAX: usize = 300;

/// What a request names is below a root: the path begins with one, has no `..` after it, and no
/// NUL. The roots come first, up to a LF; then the target.
pub fn path(data: &[u8]) {
    let at = data.iter().position(|b| *b == b'\n').unwrap_or(0);
    let (roots, target) = (&data[..at], data[at..].strip_prefix(b"\n").unwrap_or(data));
    let roots = if roots.is_empty() { b"www,/foo=other/" } else { roots };
    for whole in [false, true] {
        let located = docroot::locate(target, roots, whole, MAX).map(|(place, uri)| {
            assert!(uri.starts_with(b"/"));
            super::inside(target, if target.ends_with(uri) { uri } else { &target[..0] });
            place
        });
        let plain = docroot::locate_plain(target, roots, whole, MAX);
        for place in [located, plain].into_iter().flatten() {
            check(&place, roots);
            let parent = place.parent();
            assert!(place.path.starts_with(&parent.path) && parent.path.len() >= place.root);
            if let Ok(child) = parent.child(target, MAX) {
                check(&child, roots);
            }
            let _ = place.is_hidden();
        }
    }
}

fn check(place: &docroot::RootedPath, roots: &[u8]) {
    let (root, rest) = place.path.split_at(place.root);
    assert!(root.is_empty() || roots.windows(root.len()).any(|part| part == root));
    assert!(matches!(rest, [] | [b'/', ..]) && place.path.len() < MAX);
    assert!(!rest.contains(&0));
    assert!(rest.split(|b| matches!(b, b'/' | b'\\')).all(|name| !name.starts_with(b"..")));
}

/// Texts and includes are parts of the page, in order, and nothing but directives is left out.
pub fn ssi(data: &[u8]) {
    let mut rest = data;
    for piece in ssi::pieces(data) {
        let (Segment::Text(part) | Segment::File(part) | Segment::Virtual(part)) = piece;
        super::inside(data, part);
        if let Segment::Text(text) = piece {
            rest = rest.strip_prefix(text).expect("texts follow each other");
            continue;
        }
        let end = rest.windows(3).position(|w| w == b"-->").expect("a directive has an end") + 3;
        assert!(rest.starts_with(b"<!--#include") && !part.contains(&b'"'));
        rest = &rest[end..];
    }
    assert!(rest.is_empty());
}

/// A name stays within its element and its attribute; the rest has no panics.
pub fn names(data: &[u8]) {
    let mut row = Vec::new();
    let number = data.iter().fold(0, |n: u64, b| n.wrapping_mul(257).wrapping_add(u64::from(*b)));
    let entry =
        Entry { name: data, is_dir: number % 2 == 0, size: number, mtime: number.cast_signed(), local: None };
    autoindex::row(&mut row, &entry);
    let count = |b| row.iter().filter(|r| **r == b).count();
    let expected = if entry.is_dir { (10, 2) } else { (12, 4) };
    assert_eq!((count(b'<'), count(b'"')), expected);
    assert_eq!((count(b'>'), count(b'\'')), (expected.0, 0));

    let (front, back) = data.split_at(data.len() / 2);
    if let Some(name) = tree::name_in(back, front) {
        assert!(!name.is_empty() && !name.contains(&b'/') && tree::below(back, front).is_some());
    }
    let _ = (upload::file(data, 20).is_none_or(|name| name.len() < 20), upload::offset(data));
    let _ = (cors::grant(front, back), cors::is_name_list(data), lifetime::seconds(front, back));
}
