//! Credentials in requests: Basic (RFC 7617), Bearer (RFC 6750), and an `access_token` in a cookie
//! or in the query.

#![forbid(unsafe_code)]

use super::params::cookie as cookie_value;
use super::percent;
use super::scan::trim;
use super::vars::var;
use crate::codec::base64;
use crate::codec::fmt::Sink;

const TOKEN: &[u8] = b"access_token";

/// Finds the credentials of a request, cuts them to the room of `user` and `pass`, and ends both
/// with a NUL. A buffer without room is left alone.
///
/// The first of these counts, even when it turns out to be of no use: `Basic` or `Bearer` in
/// `authorization`, a `cookie`, the query. Only `Basic` has a user.
pub fn credentials(
    authorization: Option<&[u8]>,
    cookie: Option<&[u8]>,
    query: &[u8],
    user: &mut [u8],
    pass: &mut [u8],
) {
    let (mut user, mut pass) = (Text::new(user), Text::new(pass));
    let authorization = authorization.unwrap_or_default();
    if let Some(encoded) = of_scheme(authorization, b"Basic") {
        let mut colon = false;
        if decode(encoded, |b| colon |= b == b':').is_none() || !colon {
            return;
        }
        let mut in_pass = false;
        decode(encoded, |b| match b {
            b':' if !in_pass => in_pass = true,
            b if in_pass => pass.push(b),
            b => user.push(b),
        });
    } else if let Some(token) = of_scheme(authorization, b"Bearer") {
        pass.extend(token);
    } else if let Some(cookie) = cookie {
        pass.extend(cookie_value(cookie, TOKEN).unwrap_or_default());
    } else if let Some(token) = var(query, TOKEN) {
        percent::decode(token, pass.buf, true);
    }
}

/// What follows the name of an authentication scheme, which is compared ignoring case.
fn of_scheme<'a>(authorization: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let (scheme, rest) = authorization.split_at_checked(name.len())?;
    (scheme.eq_ignore_ascii_case(name) && rest.first() == Some(&b' ')).then(|| trim(rest))
}

/// Decodes base64, with or without padding, byte by byte; `None` when it is none.
fn decode(encoded: &[u8], mut each: impl FnMut(u8)) -> Option<()> {
    let groups = encoded.len().div_ceil(4);
    for (i, group) in encoded.chunks(4).enumerate() {
        let mut padded = [b'='; 4];
        padded[..group.len()].copy_from_slice(group);
        let mut bytes = [0; 3];
        let n = base64::decode(&padded, &mut bytes)?;
        if n < 3 && i + 1 < groups {
            return None;
        }
        bytes[..n].iter().for_each(|b| each(*b));
    }
    Some(())
}

/// Length of what [`put_basic`] writes, if it fits a `usize`.
pub fn basic_len(user: &[u8], pass: &[u8]) -> Option<usize> {
    let plain = user.len().checked_add(pass.len())?.checked_add(1)?;
    base64::encoded_len(plain)?.checked_add(PREFIX.len() + SUFFIX.len())
}

const PREFIX: &[u8] = b"Authorization: Basic ";
const SUFFIX: &[u8] = b"\r\n";

/// Writes the header line that sends `user` and `pass`. Without either nothing is encoded.
pub fn put_basic<S: Sink>(user: &[u8], pass: &[u8], out: &mut S) {
    out.put(PREFIX);
    if !user.is_empty() || !pass.is_empty() {
        let mut block = [0; 48]; // whole groups of three
        let mut n = 0;
        for b in user.iter().chain(b":").chain(pass) {
            block[n] = *b;
            n += 1;
            if n == block.len() {
                base64::put(&block, out);
                n = 0;
            }
        }
        base64::put(&block[..n], out);
    }
    out.put(SUFFIX);
}

/// A C string that grows up to the room there is.
struct Text<'a> {
    buf: &'a mut [u8],
    len: usize,
}

impl<'a> Text<'a> {
    fn new(buf: &'a mut [u8]) -> Self {
        if let Some(first) = buf.first_mut() {
            *first = 0;
        }
        Text { buf, len: 0 }
    }

    fn push(&mut self, b: u8) {
        if let Some([place, end, ..]) = self.buf.get_mut(self.len..) {
            (*place, *end) = (b, 0);
            self.len += 1;
        }
    }

    fn extend(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|b| self.push(*b));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(
        authorization: Option<&str>,
        cookie: Option<&str>,
        query: &str,
        room: usize,
    ) -> (String, String) {
        let (mut user, mut pass) = (vec![b'#'; room], vec![b'#'; room]);
        credentials(
            authorization.map(str::as_bytes),
            cookie.map(str::as_bytes),
            query.as_bytes(),
            &mut user,
            &mut pass,
        );
        let text = |buf: Vec<u8>| {
            let end = buf.iter().position(|b| *b == 0).expect("a NUL");
            String::from_utf8(buf[..end].to_vec()).unwrap()
        };
        (text(user), text(pass))
    }

    #[test]
    fn authorization() {
        for (value, user, pass) in [
            ("Basic Zm9vOmJhcg==", "foo", "bar"),
            ("Basic Zm9vOg==", "foo", ""),
            ("Basic OmJhcg==", "", "bar"),
            ("Basic Zm9vOmI6Yw==", "foo", "b:c"),
            ("Basic Zm9v", "", ""),
            ("Basic !!!", "", ""),
            ("Bearer x", "", "x"),
            // The name of a scheme has no case, and padding may be left out.
            ("basic Zm9vOmJhcg==", "foo", "bar"),
            ("BEARER  x", "", "x"),
            ("Basic Zm9vOmJhcg", "foo", "bar"),
            ("Basic Zm9vOg", "foo", ""),
            // Bytes after padding, a stray character.
            ("Basic Zm9vOg==Zm9v", "", ""),
            ("Basic Zm9vO", "", ""),
            // Another scheme.
            ("Basics Zm9vOmJhcg==", "", ""),
            ("Digest foo=bar", "", ""),
            ("", "", ""),
        ] {
            assert_eq!(found(Some(value), None, "", 100), (user.into(), pass.into()), "{value}");
        }
    }

    #[test]
    fn cookie_and_query() {
        for (authorization, cookie, query, pass) in [
            (None, Some("blah; access_token=hello"), "access_token=q", "hello"),
            (None, Some("access_token=x"), "", "x"),
            (None, Some("xaccess_token=evil"), "", ""),
            (None, Some("other=1"), "access_token=q", ""),
            (None, None, "access_token=x%20y+z", "x y z"),
            (None, None, "a=b", ""),
            (Some("Digest x"), Some("access_token=c"), "", "c"),
            (Some("Basic !"), Some("access_token=c"), "", ""),
            (Some("Bearer t"), Some("access_token=c"), "", "t"),
        ] {
            assert_eq!(found(authorization, cookie, query, 100), (String::new(), pass.into()));
        }
    }

    #[test]
    fn long_credentials_are_cut_to_the_room_only() {
        assert_eq!(found(Some("Bearer 0123456789"), None, "", 5).1, "0123");
        assert_eq!(found(Some("Basic Zm9vOmJhcg=="), None, "", 3), ("fo".into(), "ba".into()));
        assert_eq!(found(Some("Basic Zm9vOmJhcg=="), None, "", 1), ("".into(), "".into()));
        let mut line = Vec::new();
        put_basic(&[b'u'; 300], &[b'p'; 400], &mut line);
        let value = String::from_utf8(line).unwrap();
        let value = value.strip_prefix("Authorization: ").unwrap().trim_end();
        assert_eq!(found(Some(value), None, "", 1000), ("u".repeat(300), "p".repeat(400)));
        credentials(Some(b"Basic Zm9vOmJhcg=="), None, b"", &mut [], &mut []);
        credentials(None, None, b"access_token=x", &mut [], &mut []);
    }

    #[test]
    fn basic() {
        for (user, pass, expected) in [
            ("foo", "bar", "Zm9vOmJhcg=="),
            ("foo", "", "Zm9vOg=="),
            ("", "p", "OnA="),
            ("us:er", "p w", "dXM6ZXI6cCB3"),
            ("", "", ""),
        ] {
            let mut line = Vec::new();
            put_basic(user.as_bytes(), pass.as_bytes(), &mut line);
            assert_eq!(String::from_utf8(line).unwrap(), format!("Authorization: Basic {expected}\r\n"));
        }
        for n in 0..200 {
            let (user, pass, mut line) = (vec![b'u'; n], vec![b'p'; n], Vec::new());
            put_basic(&user, &pass, &mut line);
            assert!(n == 0 || basic_len(&user, &pass) == Some(line.len()));
        }
    }
}
