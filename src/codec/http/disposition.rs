//! File names in `Content-Disposition`, which a peer chooses.

#![forbid(unsafe_code)]

/// The part of a file name after the last `/` or `\`, or `None` when it is no name for a file:
/// empty, `.` or `..`, too long for a file system, or with control bytes.
///
/// Browsers send a bare name; others send paths, and some want to write elsewhere (RFC 7578,
/// section 4.2).
pub fn base_name(name: &[u8]) -> Option<&[u8]> {
    const LONGEST: usize = 255;
    let base = name.rsplit(|b| matches!(b, b'/' | b'\\')).next()?;
    let good = !matches!(base, b"" | b"." | b"..")
        && base.len() <= LONGEST
        && !base.iter().any(u8::is_ascii_control);
    good.then_some(base)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_names() {
        for (name, expected) in [
            ("a.txt", Some("a.txt")),
            ("a b.txt", Some("a b.txt")),
            ("київ.txt", Some("київ.txt")),
            (r"C:\temp\a.txt", Some("a.txt")),
            ("/etc/passwd", Some("passwd")),
            ("../../x", Some("x")),
            (r"..\x", Some("x")),
            ("..x", Some("..x")),
            (".htaccess", Some(".htaccess")),
            ("", None),
            (".", None),
            ("..", None),
            ("a/..", None),
            ("a/", None),
            ("a\0.txt", None),
            ("a\r\nb", None),
            ("a\x7f", None),
        ] {
            assert_eq!(base_name(name.as_bytes()), expected.map(str::as_bytes), "{name:?}");
        }
        assert!(base_name(&[b'a'; 255]).is_some());
        assert!(base_name(&[b'a'; 256]).is_none());
    }
}
