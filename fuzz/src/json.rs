//! JSON access by path.

use mongoose::codec::json::{self, find};
use serde_json::{Map, Value};

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
    compare(text);
}

/// What serde_json reads, we read the same.
fn compare(text: &[u8]) {
    let Ok(theirs) = serde_json::from_slice::<Value>(text) else { return };
    match find(text, b"$") {
        Ok(range) => {
            assert_eq!(&text[range.clone()], text.trim_ascii());
            same(&text[range], &theirs);
        }
        // They allow more containers to be open.
        Err(error) => assert_eq!(error, json::Error::TooDeep),
    }
}

fn same(token: &[u8], theirs: &Value) {
    match theirs {
        Value::Null => assert_eq!(token, b"null"),
        Value::Bool(value) => assert_eq!(token, if *value { &b"true"[..] } else { b"false" }),
        Value::Number(number) => {
            assert!(json::is_number(token));
            let (ours, theirs) = (json::to_f64(token), number.as_f64().expect("a double"));
            // What vanishes is not 0 with us: the exponent is cut to -308.
            assert!(ours == theirs || (theirs == 0.0 && ours.abs() < 1e-290), "{ours} {theirs}");
            assert!(number.as_i64().is_none_or(|whole| json::to_i64(token) == whole));
        }
        Value::String(string) => assert_eq!(text_of(token), *string),
        Value::Array(elements) => {
            let ours = members(token);
            assert_eq!(ours.len(), elements.len());
            ours.into_iter().zip(elements).for_each(|((_, value), theirs)| same(value, theirs));
        }
        // Of keys that come twice they keep the last.
        Value::Object(object) => {
            let ours: Map<_, _> = members(token)
                .into_iter()
                .map(|(key, value)| {
                    (text_of(key.expect("a key")), serde_json::from_slice(value).expect("JSON"))
                })
                .collect();
            assert_eq!(&ours, object);
            members(token).into_iter().for_each(|(_, value)| compare(value));
        }
    }
}

fn members(container: &[u8]) -> Vec<(Option<&[u8]>, &[u8])> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(member) = json::next(container, at) {
        found.push((member.key.map(|key| &container[key]), &container[member.value]));
        at = member.next;
    }
    found
}

fn text_of(token: &[u8]) -> String {
    let body = json::string_body(token).expect("a string");
    let mut out = vec![0; body.len()];
    let len = json::unescape_utf8(body, &mut out).expect("what serde_json can read");
    out.truncate(len);
    String::from_utf8(out).expect("UTF-8")
}

fn decode(token: &[u8]) {
    if json::is_number(token) {
        let value = json::to_f64(token);
        assert!(value.is_finite());
        // Beyond that doubles leave whole numbers out, which an integer does not.
        if value.abs() < (1u64 << 53) as f64 {
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
