//! Directories of a flat list of paths.
#![forbid(unsafe_code)]

/// The rest of `path` below the directory `dir`; `None` when `path` is not below it.
///
/// The directory may be written with a slash at its end or without. The empty one contains all.
pub fn below<'a>(path: &'a [u8], dir: &[u8]) -> Option<&'a [u8]> {
    let rest = path.strip_prefix(dir).filter(|rest| !rest.is_empty())?;
    match (dir, rest) {
        ([], [b'/', rest @ ..]) => Some(rest),
        ([] | [.., b'/'], _) => Some(rest),
        (_, [b'/', rest @ ..]) => Some(rest),
        _ => None,
    }
}

/// The name in directory `dir` under which `path` is found: a file, or a directory on the way to
/// it. Nothing for names that no listing shows.
pub fn name_in<'a>(path: &'a [u8], dir: &[u8]) -> Option<&'a [u8]> {
    let name = below(path, dir)?.split(|b| *b == b'/').next()?;
    (!matches!(name, b"" | b"." | b"..")).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILES: [&str; 5] = ["/a.txt", "/data/ca.pem", "/data/sub/x", "/data/sub/y", "/data2/z"];

    fn names(files: &[&str], dir: &str) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for name in files.iter().filter_map(|f| name_in(f.as_bytes(), dir.as_bytes())) {
            names.push(String::from_utf8_lossy(name).into());
        }
        names.dedup();
        names
    }

    #[test]
    fn directories() {
        for dir in ["", "/", "/data", "/data/", "/data/sub", "/data/sub/", "/data2"] {
            assert!(FILES.iter().any(|f| below(f.as_bytes(), dir.as_bytes()).is_some()), "{dir}");
        }
        for no in ["//", "/data//", "/data/ca", "/dat", "/nope", "a.txt", "/a.txt", "/a.txt/", "/data/ca.pem"]
        {
            assert!(!FILES.iter().any(|f| below(f.as_bytes(), no.as_bytes()).is_some()), "{no}");
        }
    }

    #[test]
    fn listings() {
        for dir in ["", "/"] {
            assert_eq!(names(&FILES, dir), ["a.txt", "data", "data2"]);
        }
        for dir in ["/data", "/data/"] {
            assert_eq!(names(&FILES, dir), ["ca.pem", "sub"]);
        }
        assert_eq!(names(&FILES, "/data/sub"), ["x", "y"]);
        assert_eq!(names(&FILES, "/dat"), [""; 0]);
        assert_eq!(names(&["a.txt", "b/c"], ""), ["a.txt", "b"]);
        assert_eq!(names(&["/./x", "/../x", "//x", "/d/"], "/"), ["d"]);
        assert_eq!(names(&["/d/"], "/d"), [""; 0]);
    }
}
