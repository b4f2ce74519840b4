//! Which pages of other origins may read a reply (the Fetch standard, "CORS protocol").

#![forbid(unsafe_code)]

use super::scan::{is_token, trim};

/// What an origin is granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grant {
    /// Nothing: its pages may not read the reply.
    None,
    /// That all may.
    Any,
    /// That it may.
    This,
}

/// What `origin` is granted by `list`: origins separated by commas, or `*` for all.
///
/// Origins are compared byte by byte, as browsers write them: scheme, host and port, in lower case.
pub fn grant(list: &[u8], origin: &[u8]) -> Grant {
    let mut listed = list.split(|b| *b == b',').map(trim);
    if listed.clone().any(|item| item == b"*") {
        Grant::Any
    } else if !origin.is_empty() && listed.any(|item| item == origin) {
        Grant::This
    } else {
        Grant::None
    }
}

/// Whether `value` is a list of header names, and so can be said back to the browser.
pub fn is_name_list(value: &[u8]) -> bool {
    value.split(|b| *b == b',').map(trim).all(is_token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grants() {
        for (list, origin, expected) in [
            ("*", "https://a", Grant::Any),
            ("https://b, *", "https://a", Grant::Any),
            ("https://a", "https://a", Grant::This),
            ("https://b , https://a", "https://a", Grant::This),
            ("https://a", "https://a:8443", Grant::None),
            ("https://a", "http://a", Grant::None),
            ("https://a", "https://a.evil", Grant::None),
            ("https://a.b", "https://b", Grant::None),
            ("https://a", "null", Grant::None),
            ("null", "null", Grant::This),
            ("https://a", "", Grant::None),
            ("", "", Grant::None),
            (",", "", Grant::None),
            ("", "https://a", Grant::None),
        ] {
            assert_eq!(grant(list.as_bytes(), origin.as_bytes()), expected, "{list} {origin}");
        }
    }

    #[test]
    fn name_lists() {
        assert!(is_name_list(b"content-type") && is_name_list(b"x-a,x-b , x-c"));
        assert!(
            !is_name_list(b"") && !is_name_list(b"a b") && !is_name_list(b"a,,b") && !is_name_list(b"a:b")
        );
    }
}
