//! What a request asks of a dashboard.

#![forbid(unsafe_code)]

use crate::codec::http::percent;
use crate::codec::path::is_sane;

/// Elements of an array: from one to another, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// First.
    pub from: Option<i32>,
    /// Last.
    pub to: Option<i32>,
}

/// A request, by its path. Names of sets are as sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route<'a> {
    /// `/api/hi`: is anybody there?
    Hi,
    /// `/api/logout`: ends the session.
    Logout,
    /// `/api/login`: who am I?
    Login,
    /// `/api/ota`: new firmware.
    Ota,
    /// `/api/websocket`: changes from now on.
    WebSocket,
    /// `/fs/SET/NAME`: a file. Its name is still encoded.
    File(&'a [u8], &'a [u8]),
    /// `/api/del/SET/I` and `/api/del/SET/FROM/TO`: deletes elements.
    Delete(&'a [u8], Range),
    /// `/api/add/SET`: appends an element.
    Add(&'a [u8]),
    /// `/api/get`: everything.
    GetAll,
    /// `/api/get/SET`: a set, or the size of an array.
    Get(&'a [u8]),
    /// `/api/get/SET/I` and `/api/get/SET/FROM/TO`: elements. By POST, the former changes one.
    Elements(&'a [u8], Range, bool),
    /// `/api/set`: changes variables.
    Set,
    /// `/`: the page.
    Page,
    /// Anything else.
    Other,
}

impl<'a> Route<'a> {
    /// What the path of a request asks for.
    pub fn new(uri: &'a [u8]) -> Self {
        let mut words = uri.split(|b| *b == b'/');
        let mut word = || words.next();
        let all = [word(), word(), word(), word(), word(), word()];
        let (Some(b""), None) = (all[0], word()) else { return Route::Other };
        let [_, Some(first), second, third, fourth, fifth] = all else { return Route::Other };
        match (first, second, third, fourth, fifth) {
            (b"", None, ..) => Route::Page,
            (b"fs", Some(set), Some(name), None, None) => Route::File(set, name),
            (b"api", Some(b"hi"), None, ..) => Route::Hi,
            (b"api", Some(b"logout"), None, ..) => Route::Logout,
            (b"api", Some(b"login"), None, ..) => Route::Login,
            (b"api", Some(b"ota"), None, ..) => Route::Ota,
            (b"api", Some(b"websocket"), None, ..) => Route::WebSocket,
            (b"api", Some(b"set"), None, ..) => Route::Set,
            (b"api", Some(b"get"), None, ..) => Route::GetAll,
            (b"api", Some(b"get"), Some(set), None, _) => Route::Get(set),
            (b"api", Some(b"get"), Some(set), Some(i), None) => Route::Elements(set, one(i), true),
            (b"api", Some(b"get"), Some(set), Some(from), Some(to)) => {
                Route::Elements(set, Range { from: index(from), to: index(to) }, false)
            }
            (b"api", Some(b"add"), Some(set), None, _) => Route::Add(set),
            (b"api", Some(b"del"), Some(set), Some(i), None) => Route::Delete(set, one(i)),
            (b"api", Some(b"del"), Some(set), Some(from), Some(to)) => {
                Route::Delete(set, Range { from: index(from), to: index(to) })
            }
            _ => Route::Other,
        }
    }
}

/// Whether a path belongs to the API, known or not: only known users get there.
pub fn is_api(uri: &[u8]) -> bool {
    uri.starts_with(b"/api/")
}

fn one(text: &[u8]) -> Range {
    Range { from: index(text), to: index(text) }
}

/// The index of an element; `None` for what is no number. None is larger than an `i32`.
fn index(text: &[u8]) -> Option<i32> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0i32, |value, byte| {
        let digit = byte.is_ascii_digit().then(|| i32::from(byte - b'0'))?;
        Some(value.saturating_mul(10).saturating_add(digit))
    })
}

/// The file name in a path; `None` if it is none, or would leave its directory.
/// Allocates.
pub fn file_name(encoded: &[u8]) -> Option<Vec<u8>> {
    let mut name = vec![0; encoded.len() + 1];
    let len = percent::decode(encoded, &mut name, false)?;
    name.truncate(len);
    // The directory itself has other names.
    let is_file = name.split(|b| *b == b'/').next_back().is_some_and(|last| !matches!(last, b"" | b"."));
    (is_file && !name.contains(&0) && is_sane(&name)).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(from: i32, to: i32) -> Range {
        Range { from: Some(from), to: Some(to) }
    }

    #[test]
    fn routes() {
        let none = Range { from: None, to: None };
        for (uri, route) in [
            ("/", Route::Page),
            ("/api/hi", Route::Hi),
            ("/api/logout", Route::Logout),
            ("/api/login", Route::Login),
            ("/api/ota", Route::Ota),
            ("/api/websocket", Route::WebSocket),
            ("/api/set", Route::Set),
            ("/api/get", Route::GetAll),
            ("/api/get/a", Route::Get(b"a")),
            ("/api/get/", Route::Get(b"")),
            ("/api/get/a/7", Route::Elements(b"a", range(7, 7), true)),
            ("/api/get/a/7/9", Route::Elements(b"a", range(7, 9), false)),
            ("/api/get/a/x", Route::Elements(b"a", none, true)),
            ("/api/get/a/-1", Route::Elements(b"a", none, true)),
            ("/api/get/a/", Route::Elements(b"a", none, true)),
            ("/api/get/a/99999999999999999999", Route::Elements(b"a", range(i32::MAX, i32::MAX), true)),
            ("/api/del/a/3", Route::Delete(b"a", range(3, 3))),
            ("/api/del/a/1/3", Route::Delete(b"a", range(1, 3))),
            ("/api/add/a", Route::Add(b"a")),
            ("/fs/a/b.txt", Route::File(b"a", b"b.txt")),
            ("/fs/a/", Route::File(b"a", b"")),
        ] {
            assert_eq!(Route::new(uri.as_bytes()), route, "{uri}");
        }
        for uri in [
            "",
            "api",
            "x/api/hi",
            "//",
            "/api",
            "/api/",
            "/api/hi/",
            "/api/del/a",
            "/api/add",
            "/api/add/a/b",
            "/api/get/a/1/2/3",
            "/fs/a",
            "/fs/a/b/c",
            "/API/hi",
            "/dashboard.html",
        ] {
            assert_eq!(Route::new(uri.as_bytes()), Route::Other, "{uri}");
        }
    }

    #[test]
    fn file_names() {
        assert_eq!(file_name(b"a%20b.txt").as_deref(), Some(&b"a b.txt"[..]));
        assert_eq!(file_name(b"a%2fb").as_deref(), Some(&b"a/b"[..]));
        for bad in [
            "",
            ".",
            "..",
            "..%Fevil.txt",
            "%2e%2e/x",
            "a%00b",
            "%",
            "a%2",
            "a%2f",
            "a%2f.",
            "a%2f..%2fb",
            "~a",
        ] {
            assert_eq!(file_name(bad.as_bytes()), None, "{bad}");
        }
    }
}
