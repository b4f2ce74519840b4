//! From a request target to the path of a file, inside the directories that are served.
#![forbid(unsafe_code)]

use super::http::percent;
use super::http::target::Target;
use super::path::is_sane;

/// A file or directory below a root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RootedPath {
    /// Its path, without NUL and without a slash at its end, unless it is the root of the file
    /// system.
    pub path: Vec<u8>,
    /// Length of the root in the path; what follows begins with a slash, or is empty.
    pub root: usize,
}

impl RootedPath {
    /// The place of a file that the program names: the root is its directory.
    pub fn of_file(path: &[u8]) -> RootedPath {
        match memchr::memrchr(b'/', path) {
            Some(root) => RootedPath { path: path.to_vec(), root },
            None => RootedPath { path: [b"./", path].concat(), root: 1 },
        }
    }

    /// The place of `name` in this directory, which it cannot leave.
    ///
    /// # Errors
    /// See [`PathError`].
    pub fn child(&self, name: &[u8], max: usize) -> Result<RootedPath, PathError> {
        Ok(RootedPath { root: self.root, path: join(&self.path, name, max)? })
    }

    /// The directory that this is in.
    pub fn parent(&self) -> RootedPath {
        let end = memchr::memrchr(b'/', &self.path[self.root..]).map_or(self.root, |at| self.root + at);
        RootedPath { path: self.path[..end].to_vec(), root: self.root }
    }

    /// True when a part of the path below the root begins with a dot, as hidden files do;
    /// `.well-known` is meant to be found (RFC 8615).
    pub fn is_hidden(&self) -> bool {
        self.path[self.root..].split(|b| *b == b'/').any(is_hidden_name)
    }
}

/// True for names that begin with a dot, but for `.well-known` and the directory itself.
pub fn is_hidden_name(name: &[u8]) -> bool {
    name.starts_with(b".") && !matches!(name, b"." | b".well-known")
}

/// Why a request leads nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathError {
    /// Not a path, a broken escape, or a way out of the root.
    Invalid,
    /// The root has no room for a name after it.
    RootTooLong,
    /// No root has this path, or it is too long for a file.
    Nowhere,
}

/// Finds the place that `target` names, which is sent percent-encoded and without its query; and the
/// path component of the target, which begins with a slash.
///
/// `roots` are directories, separated by commas. One alone serves all paths; `/prefix=directory`
/// serves those below `/prefix`. The last that fits wins. An empty `roots` is the root of the file
/// system, if `whole` allows it. A path has at most `max` bytes, with a NUL. Allocates the path.
///
/// # Errors
/// See [`PathError`].
pub fn locate<'a>(
    target: &'a [u8],
    roots: &[u8],
    whole: bool,
    max: usize,
) -> Result<(RootedPath, &'a [u8]), PathError> {
    let uri = Target::new(target).and_then(Target::path).ok_or(PathError::Invalid)?;
    let (root, rest) = select(uri, roots, whole).ok_or(PathError::Nowhere)?;
    let mut decoded = vec![0; rest.len() + 1];
    let len = percent::decode(rest, &mut decoded, false).ok_or(PathError::Invalid)?;
    Ok((below(root, &decoded[..len], max)?, uri))
}

/// As [`locate`] for a path that is not encoded, such as one in a file.
///
/// # Errors
/// See [`PathError`].
pub fn locate_plain(path: &[u8], roots: &[u8], whole: bool, max: usize) -> Result<RootedPath, PathError> {
    let (root, rest) = select(path, roots, whole).ok_or(PathError::Nowhere)?;
    below(root, rest, max)
}

fn below(root: &[u8], name: &[u8], max: usize) -> Result<RootedPath, PathError> {
    if root.len() + 2 > max {
        return Err(PathError::RootTooLong);
    }
    let root = without_slashes(root);
    Ok(RootedPath { path: join(root, name, max)?, root: root.len() })
}

/// A directory without slashes at its end.
fn without_slashes(dir: &[u8]) -> &[u8] {
    let end = dir.iter().rposition(|b| *b != b'/').map_or(0, |at| at + 1);
    &dir[..end]
}

/// The path of `name` in directory `dir`, which it cannot leave.
fn join(dir: &[u8], name: &[u8], max: usize) -> Result<Vec<u8>, PathError> {
    let dir = without_slashes(dir);
    let start = name.iter().position(|b| *b != b'/').unwrap_or(name.len());
    let mut path = [dir, b"/", &name[start..]].concat();
    // What the program chose may lead anywhere; what the peer chose begins at the slash.
    if !is_sane(&path[dir.len()..]) {
        return Err(PathError::Invalid);
    }
    while let [_, .., b'/'] = path[..] {
        path.pop();
    }
    if path.len() + 1 > max { Err(PathError::Nowhere) } else { Ok(path) }
}

/// The root that serves `uri`, and what is left of `uri` below it.
fn select<'a, 'b>(uri: &'a [u8], roots: &'b [u8], whole: bool) -> Option<(&'b [u8], &'a [u8])> {
    if roots.is_empty() {
        return whole.then_some((roots, uri));
    }
    let mut found = None;
    for item in roots.split(|b| *b == b',').filter(|item| !item.is_empty()) {
        let (prefix, root) = match memchr::memchr(b'=', item) {
            Some(at) if at + 1 < item.len() => (&item[..at], &item[at + 1..]),
            Some(at) => (&[][..], &item[..at]),
            None => (&[][..], item),
        };
        if let Some(rest) = uri.strip_prefix(prefix)
            && (matches!(rest, [] | [b'/', ..]) || prefix.ends_with(b"/"))
        {
            found = Some((root, rest));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX: usize = 4096;

    fn path(target: &str, roots: &str) -> Result<String, PathError> {
        let (place, uri) = locate(target.as_bytes(), roots.as_bytes(), false, MAX)?;
        assert!(uri.starts_with(b"/"));
        assert!(matches!(place.path[place.root..], [] | [b'/', ..]));
        Ok(String::from_utf8(place.path).unwrap())
    }

    #[test]
    fn one_root() {
        for (target, expected) in [
            ("/a.txt", "./www/a.txt"),
            ("/%61.txt", "./www/a.txt"),
            ("//a.txt", "./www/a.txt"),
            ("/./a.txt", "./www/./a.txt"),
            ("/a+b", "./www/a+b"),
            ("/sub", "./www/sub"),
            ("/sub/", "./www/sub"),
            ("/sub/x.txt///", "./www/sub/x.txt"),
            ("/", "./www"),
            ("///", "./www"),
            ("/~root", "./www/~root"),
            ("/a..b", "./www/a..b"),
            ("/%252e%252e/a", "./www/%2e%2e/a"),
            ("/d\u{438}", "./www/d\u{438}"),
            ("http://h/a.txt", "./www/a.txt"),
            ("http://h", "./www"),
            ("https://h:1//a.txt", "./www/a.txt"),
        ] {
            assert_eq!(path(target, "./www").as_deref(), Ok(expected), "{target}");
        }
    }

    #[test]
    fn ways_out() {
        for target in [
            "/../x",
            "/..",
            "/%2e%2e/x",
            "/.%2e/x",
            "/.%2e%2fx",
            "/..%2f%20x",
            "/..%2fx%20",
            "/..ddot",
            "/..ddot/",
            "/sub/../a.txt",
            "/sub/..x",
            "/sub\\..\\a.txt",
            "/sub%5c..%5Ca.txt",
            "/..%5cx",
            "//../x",
            "/a.txt%00",
            "/a.txt%00.png",
            "/%00",
            "/%00/../x",
            "/%zz",
            "/%",
            "/a%4",
            "*",
            "a.txt",
            "",
            "../x",
            "://x/y",
            "ftp://h/a.txt",
            "http:///a.txt",
            "http://h/../x",
        ] {
            assert_eq!(path(target, "./www"), Err(PathError::Invalid), "{target}");
        }
    }

    #[test]
    fn several_roots() {
        for (target, roots, expected) in [
            ("/a.txt", "./data,/foo=./dir", "./data/a.txt"),
            ("/foo/version.h", "./data,/foo=./dir", "./dir/version.h"),
            ("/foo", "./data,/foo=./dir", "./dir"),
            ("/foo/", "./data,/foo=./dir", "./dir"),
            ("/fooa.txt", "./data,/foo=./dir", "./data/fooa.txt"),
            ("/fooa.txt", "./data,/foo/=./dir", "./data/fooa.txt"),
            ("/foo/a", "./data,/foo/=./dir", "./dir/a"),
            ("/m/deep/a", "./www,/m=./www2,/m/deep=./www3", "./www3/a"),
            ("/m/deep/a", "./www,/m/deep=./www3,/m=./www2", "./www2/deep/a"),
            ("/ord/a.txt", "/ord=./www2,./www", "./www/ord/a.txt"),
            ("/a", "/", "/a"),
            ("/", "/", "/"),
            ("/a", "./www=", "./www/a"),
            ("/a", "=./www", "./www/a"),
            ("/a", ",./www,", "./www/a"),
            ("/a", "../www", "../www/a"),
            ("/a/b", "./www/", "./www/a/b"),
            ("/", "./www///", "./www"),
            ("/a", "///", "/a"),
        ] {
            assert_eq!(path(target, roots).as_deref(), Ok(expected), "{target} {roots}");
        }
        for (target, roots) in
            [("/etc/hostname", ""), ("/etc/hostname", "/a=./data"), ("/ab", "/a=./data"), ("/a", ",")]
        {
            assert_eq!(path(target, roots), Err(PathError::Nowhere), "{target} {roots}");
        }
        assert_eq!(path("/foo/../x", "./data,/foo=./dir"), Err(PathError::Invalid));
    }

    #[test]
    fn the_whole_file_system() {
        let place = |target: &str| locate(target.as_bytes(), b"", true, MAX).map(|p| p.0.path);
        assert_eq!(place("/a/b").as_deref(), Ok(&b"/a/b"[..]));
        assert_eq!(place("/").as_deref(), Ok(&b"/"[..]));
        assert_eq!(place("/../b"), Err(PathError::Invalid));
    }

    #[test]
    fn lengths() {
        let name = "x".repeat(20);
        let place = |root: &str, max| locate(b"/abc", root.as_bytes(), false, max).map(|p| p.0.path.len());
        assert_eq!(place(&name, 25), Ok(24));
        assert_eq!(place(&name, 24), Err(PathError::Nowhere));
        assert_eq!(place(&name, 22), Err(PathError::Nowhere));
        assert_eq!(place(&name, 21), Err(PathError::RootTooLong));
    }

    #[test]
    fn children() {
        let dir = |path: &str, root| RootedPath { path: path.into(), root };
        let child = |name: &str| dir("r/d", 1).child(name.as_bytes(), MAX);
        assert_eq!(child("a/b"), Ok(dir("r/d/a/b", 1)));
        assert_eq!(child(""), Ok(dir("r/d", 1)));
        assert_eq!(child("/a"), Ok(dir("r/d/a", 1)));
        assert_eq!(child("../a"), Err(PathError::Invalid));
        assert_eq!(child("a\0b"), Err(PathError::Invalid));
        assert_eq!(dir("/", 0).child(b"a", MAX), Ok(dir("/a", 0)));
        assert_eq!(dir("r/d/f", 1).parent(), dir("r/d", 1));
        assert_eq!(dir("r/f", 1).parent(), dir("r", 1));
        assert_eq!(dir("r", 1).parent(), dir("r", 1));
        assert_eq!(dir("/f", 0).parent(), dir("", 0));
        assert_eq!(RootedPath::of_file(b"r/d/f"), dir("r/d/f", 3));
        assert_eq!(RootedPath::of_file(b"f"), dir("./f", 1));
        assert_eq!(RootedPath::of_file(b"/f").parent().child(b"g", MAX), Ok(dir("/g", 0)));
        assert_eq!(locate_plain(b"x", b"./www", false, MAX), Err(PathError::Nowhere));
        assert_eq!(locate_plain(b"/%41", b"./www", false, MAX), Ok(dir("./www/%41", 5)));
        assert_eq!(locate_plain(b"/a", b"/", false, MAX), Ok(dir("/a", 0)));
    }

    #[test]
    fn hidden() {
        let is_hidden = |path: &str| RootedPath { path: path.into(), root: 5 }.is_hidden();
        for path in [".www./.git/config", ".www./a/.x", ".www./.x/a", ".www./..."] {
            assert!(is_hidden(path), "{path}");
        }
        for path in [".www./a", ".www./a.b/c.", ".www./.well-known/x", ".www././a", ".www."] {
            assert!(!is_hidden(path), "{path}");
        }
    }
}
