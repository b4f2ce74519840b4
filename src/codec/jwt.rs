//! JSON Web Tokens (RFC 7519) in the compact form of RFC 7515: what is signed, and what a token says.
//! Signatures are made and checked elsewhere.
#![forbid(unsafe_code)]

use super::{base64url, json};

/// Seconds that clocks may differ by.
const LEEWAY: f64 = 60.0;

/// The bytes that a signature is for: header and claims in base64url. `None` when the claims are no
/// JSON object, or the header that `kid` and `members` make is none, or has a member twice.
pub fn signing_input(algorithm: &str, kid: &[u8], members: &[u8], claims: &[u8]) -> Option<Vec<u8>> {
    let mut header = format!("{{\"alg\":\"{algorithm}\",\"typ\":\"JWT\"").into_bytes();
    if !kid.is_empty() {
        header.extend_from_slice(b",\"kid\":\"");
        escape(kid, &mut header);
        header.push(b'"');
    }
    if !members.is_empty() {
        header.push(b',');
        header.extend_from_slice(members);
    }
    header.push(b'}');
    let mut names = keys(&header)?;
    names.sort_unstable();
    if names.windows(2).any(|pair| pair[0] == pair[1]) || !is_object(claims) {
        return None;
    }
    let room = base64url::encoded_len(header.len())?.checked_add(base64url::encoded_len(claims.len())?)?;
    let mut out = Vec::with_capacity(room.checked_add(1)?);
    base64url::encode(&header, &mut out);
    out.push(b'.');
    base64url::encode(claims, &mut out);
    Some(out)
}

/// A token, taken apart.
pub struct Token<'a> {
    /// What the signature is for.
    pub signed: &'a [u8],
    /// The signature.
    pub signature: Vec<u8>,
    claims: &'a [u8],
}

impl<'a> Token<'a> {
    /// Takes a token of this algorithm apart. `None` when it is none: other parts, another
    /// algorithm, something that is critical (nothing of that is understood), or base64url with more
    /// than one spelling.
    pub fn parse(token: &'a [u8], algorithm: &str) -> Option<Token<'a>> {
        let end = token.iter().rposition(|b| *b == b'.')?;
        let signed = &token[..end];
        let dot = signed.iter().position(|b| *b == b'.')?;
        let claims = &signed[dot + 1..];
        if claims.contains(&b'.') {
            return None;
        }
        let header = base64url::decode_strict(&signed[..dot])?;
        let names = keys(&header)?;
        let count = |wanted: &[u8]| names.iter().filter(|name| *name == wanted).count();
        if count(b"alg") != 1 || count(b"crit") != 0 || member(&header, b"alg")? != algorithm.as_bytes() {
            return None;
        }
        let signature = base64url::decode_strict(&token[end + 1..]).filter(|s| !s.is_empty())?;
        Some(Token { signed, signature, claims })
    }

    /// The claims, of a token whose signature is right; `None` when they are no JSON object.
    pub fn claims(&self) -> Option<Vec<u8>> {
        base64url::decode_strict(self.claims).filter(|claims| is_object(claims))
    }
}

/// True when claims are valid at `now`, in seconds since 1970 (RFC 7519, sections 4.1.4 and 4.1.5).
pub fn is_in_time(claims: &[u8], now: f64) -> bool {
    each(claims, |key, value| match key {
        b"exp" => json::is_number(value) && json::to_f64(value) + LEEWAY > now,
        b"nbf" => json::is_number(value) && json::to_f64(value) <= now + LEEWAY,
        _ => true,
    })
}

/// True for one whole JSON object, with nothing before or after it.
fn is_object(text: &[u8]) -> bool {
    json::find(text, b"$").is_ok_and(|range| {
        let space = |b: &u8| matches!(b, b' ' | b'\t' | b'\r' | b'\n');
        text[range.start] == b'{' && text[range.end..].iter().all(space)
    })
}

/// Calls `check` with the decoded key and the raw value of each member; true when it always says so.
fn each(object: &[u8], mut check: impl FnMut(&[u8], &[u8]) -> bool) -> bool {
    let start = object.iter().position(|b| *b == b'{').unwrap_or(0);
    let (object, mut at) = (&object[start..], 0);
    while let Some(member) = json::next(object, at) {
        let key = member.key.and_then(|key| decoded(&object[key]));
        if !key.is_some_and(|key| check(&key, &object[member.value.clone()])) {
            return false;
        }
        at = member.next;
    }
    true
}

/// The keys of an object; `None` when it is none.
fn keys(object: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut keys = Vec::new();
    let whole = is_object(object)
        && each(object, |key, _| {
            keys.push(key.to_vec());
            true
        });
    whole.then_some(keys)
}

/// The decoded text of a member that is a string.
fn member(object: &[u8], wanted: &[u8]) -> Option<Vec<u8>> {
    let mut found = None;
    each(object, |key, value| {
        if key == wanted {
            found = decoded(value);
        }
        true
    });
    found
}

fn decoded(string: &[u8]) -> Option<Vec<u8>> {
    let body = json::string_body(string)?;
    let mut out = vec![0; body.len()];
    let len = json::unescape_utf8(body, &mut out)?;
    out.truncate(len);
    Some(out)
}

/// Appends text as it is written between the quotes of a JSON string.
fn escape(text: &[u8], out: &mut Vec<u8>) {
    for byte in text {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', *byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0x08 => out.extend_from_slice(b"\\b"),
            0x0c => out.extend_from_slice(b"\\f"),
            0..0x20 => out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
            _ => out.push(*byte),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_token_is_not_signed() {
        for (kid, members, claims) in [
            (&b""[..], &b""[..], &b""[..]),
            (b"", b"", b"not json"),
            (b"", b"", b"[1]"),
            (b"", b"", b"{} x"),
            (b"", b"\"alg\":\"none\"", b"{}"),
            (b"", b"\"\\u0061lg\":\"none\"", b"{}"),
            (b"k", b"\"kid\":\"x\"", b"{}"),
            (b"", b"junk", b"{}"),
            (b"", b"\"a\":1},{\"b\":1", b"{}"),
        ] {
            assert_eq!(signing_input("HS256", kid, members, claims), None, "{members:?} {claims:?}");
        }
        let made = signing_input("HS256", b"a\"b\\\n\x01\0", b"\"cty\":\"JWT\"", b"{}").unwrap();
        let header = base64url::decode_strict(made.split(|b| *b == b'.').next().unwrap()).unwrap();
        let expected = br#"{"alg":"HS256","typ":"JWT","kid":"a\"b\\\n\u0001\u0000","cty":"JWT"}"#;
        assert_eq!(header, expected);
    }

    #[test]
    fn headers() {
        for (header, valid) in [
            (r#"{"alg":"HS256"}"#, true),
            (r#"{"alg":"\u0048S256","typ":"XX"}"#, true),
            (r#"{"alg":"hs256"}"#, false),
            (r#"{"alg":"none","alg":"HS256"}"#, false),
            (r#"{"alg":"HS256","alg":"none"}"#, false),
            (r#"{"alg":"HS256","crit":["exp"]}"#, false),
            (r#"{"alg":"HS256""#, false),
            (r#"{"alg":"HS256"}x"#, false),
            (r#"{"alg":1}"#, false),
            ("[1]", false),
            ("{}", false),
        ] {
            let mut token = Vec::new();
            base64url::encode(header.as_bytes(), &mut token);
            token.extend_from_slice(b".e30.AAAA");
            assert_eq!(Token::parse(&token, "HS256").is_some(), valid, "{header}");
        }
        for token in ["", "..", "a.b", "a..c", "e30.e30", "e30.e30.", "e30.e30.AA.AA"] {
            assert!(Token::parse(token.as_bytes(), "HS256").is_none(), "{token}");
        }
    }

    #[test]
    fn times() {
        for (claims, valid) in [
            ("{}", true),
            (r#"{"exp":1}"#, false),
            (r#"{"exp":1000000}"#, true),
            (r#"{"exp":999950.5}"#, true),
            (r#"{"exp":999940}"#, false),
            (r#"{"exp":1e300}"#, true),
            (r#"{"exp":"1000001"}"#, false),
            (r#"{"exp":null}"#, false),
            (r#"{"nbf":99999999999}"#, false),
            (r#"{"nbf":1000060}"#, true),
            (r#"{"nbf":1000061}"#, false),
            (r#"{"iat":99999999999}"#, true),
            (r#"{"exp":2000000,"exp":1}"#, false),
        ] {
            assert_eq!(is_in_time(claims.as_bytes(), 1_000_000.0), valid, "{claims}");
        }
    }
}
