//! JSON access by path.

use mongoose::codec::json::{self, find};

/// Paths tried on each text, besides the one that comes with it.
const PATHS: [&[u8]; 4] = [b"$", b"$.a", b"$[0]", b"$.a[1].b"];

/// Whatever is found lies in the text, means the same on its own, and decodes without a panic.
///
/// The input is a text and a path, with the first NUL between them.
pub fn path(data: &[u8]) {
    let cut = data.iter().position(|&b| b == 0);
    let (text, own) = cut.map_or((data, &b""[..]), |at| (&data[..at], &data[at + 1..]));
    for path in PATHS.into_iter().chain([own]) {
        let Ok(range) = find(text, path) else { continue };
        let token = &text[range];
        assert_eq!(find(token, b"$"), Ok(0..token.len()));
        decode(token);
        walk(token);
    }
    walk(text);
}

fn decode(token: &[u8]) {
    if json::is_number(token) {
        let value = json::to_f64(token);
        assert!(value.is_finite());
        if value.abs() < 1e15 {
            assert_eq!(json::to_i64(token), value as i64);
        }
    }
    if let Some(body) = json::string_body(token) {
        let mut out = vec![0; body.len()];
        assert!(json::unescape(body, &mut out).len <= body.len());
        assert!(json::unescape_utf8(body, &mut out).is_none_or(|len| len <= body.len()));
        assert!(json::hex_pairs(body, &mut out).is_none_or(|len| len == body.len() / 2));
    }
}

fn walk(container: &[u8]) {
    let mut at = 0;
    while let Some(member) = json::next(container, at) {
        assert!(at < member.next && member.next <= container.len());
        assert!(member.value.start < member.value.end && member.value.end <= member.next);
        at = member.next;
    }
}
