//! Paths that a peer may name.
#![forbid(unsafe_code)]

/// Whether a path cannot leave the directory it is appended to: no `..` after a separator or at the
/// start, no `~` at the start, no NUL inside.
///
/// Escapes such as `%2e` are not decoded. A path that starts with a NUL counts as empty.
pub fn is_sane(path: &[u8]) -> bool {
    match path {
        [] | [0, ..] => true,
        [b'~', ..] | [b'.', b'.', ..] => false,
        _ => !path.contains(&0) && !path.windows(3).any(|part| matches!(part, [b'/' | b'\\', b'.', b'.'])),
    }
}

#[cfg(test)]
mod tests {
    use super::is_sane;

    #[test]
    fn table() {
        let sane = [
            "", ".", "/.", "a/.", "./", ".a", ".a.", "a.b", "a..b", "a..", "././a..", "a/~", "/~", "a~",
            "a\\b", "//", "C:\\x", "%2e%2e/", "\0", "\0/..",
        ];
        let insane = [
            "..", "../", "./..", "a/../", "a/../b", "..a", "...", "/..", "/..a", "a/..b", "a/...",
            "a\\..\\b", "~", "~/x", "a\0b", "a\0",
        ];
        for path in sane {
            assert!(is_sane(path.as_bytes()), "{path:?}");
        }
        for path in insane {
            assert!(!is_sane(path.as_bytes()), "{path:?}");
        }
        assert!(is_sane(&b"a/.."[..2]) && is_sane(&b"a/.."[..3]));
    }
}
