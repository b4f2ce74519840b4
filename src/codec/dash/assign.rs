//! New values for variables, out of JSON.

#![forbid(unsafe_code)]

use crate::codec::json;
use core::ops::Range;

/// Longest path of a variable: `$.` and its name.
const PATH_MAX: usize = 127;

/// The members of an object, each with its raw key without quotes and its value; none if `text` is
/// no object, or has a mistake anywhere. Allocates.
pub fn members(text: &[u8]) -> Vec<(Range<usize>, Range<usize>)> {
    let mut found = Vec::new();
    let Ok(object) = json::find(text, b"$") else { return found };
    let (start, object) = (object.start, &text[object]);
    if object.first() != Some(&b'{') {
        return found;
    }
    let mut at = 0;
    while let Some(member) = json::next(object, at) {
        if let Some(key) = member.key
            && json::string_body(&object[key.clone()]).is_some()
        {
            let inside = |r: Range<usize>| start + r.start..start + r.end;
            found.push((inside(key.start + 1..key.end - 1), inside(member.value)));
        }
        at = member.next;
    }
    found
}

/// The token for the variable `name` in the object of its set.
pub fn token<'a>(object: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let path = [b"$.", name].concat();
    if path.len() > PATH_MAX {
        return None;
    }
    json::find(object, &path).ok().map(|range| &object[range])
}

/// A whole number that an `int` can be.
pub fn int(token: &[u8]) -> Option<i32> {
    let value = double(token)?;
    (value.fract() == 0.0 && (f64::from(i32::MIN)..=f64::from(i32::MAX)).contains(&value))
        .then_some(value as i32)
}

/// A whole number that is not negative. Digits are exact, whatever their number; what is written
/// in another way has to be exact as a double.
pub fn uint64(token: &[u8]) -> Option<u64> {
    const EXACT: f64 = 9_007_199_254_740_992.0; // 2^53
    if token.iter().all(u8::is_ascii_digit) {
        return core::str::from_utf8(token).ok()?.parse().ok();
    }
    let value = double(token)?;
    (value.fract() == 0.0 && (0.0..=EXACT).contains(&value)).then_some(value as u64)
}

/// Any number.
pub fn double(token: &[u8]) -> Option<f64> {
    json::is_number(token).then(|| json::to_f64(token))
}

/// `true` or `false`.
pub fn boolean(token: &[u8]) -> Option<bool> {
    match token {
        b"true" => Some(true),
        b"false" => Some(false),
        _ => None,
    }
}

/// The text of a string, cut to `max` bytes, not within a character, and at a NUL. Allocates.
pub fn text(token: &[u8], max: usize) -> Option<Vec<u8>> {
    let body = json::string_body(token)?;
    let mut out = vec![0; body.len()];
    let len = json::unescape_utf8(body, &mut out)?;
    out.truncate(len);
    if out.len() > max {
        // Bytes within a character begin with the bits 10; no character has more than three.
        let inside = (0..3).take_while(|n| *n < max && out[max - n] & 0xc0 == 0x80).count();
        out.truncate(max - inside);
    }
    out.truncate(out.iter().position(|b| *b == 0).unwrap_or(out.len()));
    Some(out)
}

/// The object of a set as the value of a variable with room for `max` bytes.
pub fn raw(object: &[u8], max: usize) -> Option<&[u8]> {
    (object.len() <= max && !object.contains(&0)).then_some(object)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects() {
        let names = |text: &str| {
            let found = members(text.as_bytes());
            found
                .iter()
                .map(|(k, v)| format!("{}={}", &text[k.clone()], &text[v.clone()]))
                .collect::<Vec<_>>()
        };
        assert_eq!(names(r#" {"a":{"b":1}, "c" : [2]} x"#), [r#"a={"b":1}"#, "c=[2]"]);
        for bad in ["", "{", "x", "[1]", "\"a\"", r#"{"a":{"b":1}"#, r#"{"a":{"b":1},x}"#, r#"{"a" 1}"#] {
            assert!(names(bad).is_empty(), "{bad}");
        }
        assert!(names("{}").is_empty());
    }

    #[test]
    fn tokens() {
        let object = br#"{"a":1,"long":"x"}"#;
        assert_eq!(token(object, b"a"), Some(&b"1"[..]));
        assert_eq!(token(object, b"long"), Some(&b"\"x\""[..]));
        assert_eq!(token(object, b"b"), None);
        assert_eq!(token(b"5", b"a"), None);
        let wide = |n: usize| format!(r#"{{"{}":1}}"#, "n".repeat(n));
        assert!(token(wide(125).as_bytes(), "n".repeat(125).as_bytes()).is_some());
        assert!(token(wide(126).as_bytes(), "n".repeat(126).as_bytes()).is_none());
    }

    #[test]
    fn numbers() {
        for (text, value) in
            [("0", 0), ("-5", -5), ("2147483647", i32::MAX), ("-2147483648", i32::MIN), ("2e3", 2000)]
        {
            assert_eq!(int(text.as_bytes()), Some(value), "{text}");
        }
        for text in ["1.5", "2147483648", "-2147483649", "1e300", "\"1\"", "true", "null", ""] {
            assert_eq!(int(text.as_bytes()), None, "{text}");
        }
        for (text, value) in [
            ("0", 0),
            ("9007199254740993", 9_007_199_254_740_993),
            ("18446744073709551615", u64::MAX),
            ("1e3", 1000),
        ] {
            assert_eq!(uint64(text.as_bytes()), Some(value), "{text}");
        }
        for text in ["-1", "1.5", "18446744073709551616", "1e300", "\"1\"", "false", ""] {
            assert_eq!(uint64(text.as_bytes()), None, "{text}");
        }
        assert_eq!(double(b"-1.5e1"), Some(-15.0));
        assert_eq!(double(b"\"1\""), None);
        assert_eq!((boolean(b"true"), boolean(b"false"), boolean(b"1")), (Some(true), Some(false), None));
    }

    #[test]
    fn texts() {
        let cut = |token: &str, max: usize| text(token.as_bytes(), max);
        assert_eq!(cut(r#""a\n\u20ac""#, 9).as_deref(), Some("a\n\u{20ac}".as_bytes()));
        assert_eq!(cut("\"abcdef\"", 3).as_deref(), Some(&b"abc"[..]));
        assert_eq!(cut("\"a\u{20ac}b\"", 3).as_deref(), Some(&b"a"[..]));
        assert_eq!(cut("\"a\u{20ac}b\"", 4).as_deref(), Some("a\u{20ac}".as_bytes()));
        assert_eq!(cut("\"\u{20ac}\"", 0).as_deref(), Some(&b""[..]));
        assert_eq!(cut(r#""a\u0000b""#, 9).as_deref(), Some(&b"a"[..]));
        assert_eq!(text(b"\"\x80\x80\x80\x80\x80\"", 2).as_deref(), Some(&b""[..]));
        for bad in ["5", "null", r#""\x""#, r#""\u12""#] {
            assert_eq!(cut(bad, 9), None, "{bad}");
        }
        assert_eq!(raw(b"{}", 2), Some(&b"{}"[..]));
        assert_eq!(raw(b"{}", 1), None);
        assert_eq!(raw(b"{\0}", 9), None);
    }
}
