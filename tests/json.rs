//! JSON access: a table of texts, and the same documents read by `serde_json`.

use mongoose::codec::json::{self, Error, find};
use proptest::prelude::*;
use serde_json::Value;

/// Undoes the escapes of the table.
fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            bytes.extend(c.to_string().bytes());
            continue;
        }
        bytes.push(match chars.next().expect("an escape") {
            't' => b'\t',
            'n' => b'\n',
            'r' => b'\r',
            '0' => 0,
            'x' => {
                let digits: String = chars.by_ref().take(2).collect();
                u8::from_str_radix(&digits, 16).expect("two hexadecimal digits")
            }
            other => other as u8,
        });
    }
    bytes
}

fn outcome(text: &[u8], path: &[u8]) -> String {
    match find(text, path) {
        Ok(range) => format!("{}+{}", range.start, range.len()),
        Err(Error::Invalid) => "invalid".into(),
        Err(Error::NotFound) => "not-found".into(),
        Err(Error::TooDeep) => "too-deep".into(),
    }
}

/// The search for a member ends with the object that should hold it. Where an object on the way to that
/// one is missing, what follows is read, too, and may be wrong.
#[test]
fn the_search_for_what_is_missing() {
    for (text, path, expected) in [
        ("{}", "$.a", "not-found"),
        ("{} x", "$.a", "not-found"),
        (r#"{"b":1} x"#, "$.a", "not-found"),
        (r#"{"a":{}} x"#, "$.a.b", "not-found"),
        ("{}", "$.a.b", "not-found"),
        ("{} x", "$.a.b", "invalid"),
        (r#"{"b":1} x"#, "$.a.b", "invalid"),
        (r#"{"b":1} x"#, "$.a[0]", "invalid"),
        (r#"{"a":{}} x"#, "$.a.b.c", "invalid"),
        (r#"{"a":{},"b":}"#, "$.a.b.c", "invalid"),
        (r#"{"a":{},"b":1}"#, "$.a.b.c", "not-found"),
        (r#"{"a":1} x"#, "$.a.b", "invalid"),
        ("[] x", "$[0]", "invalid"),
    ] {
        assert_eq!(outcome(text.as_bytes(), path.as_bytes()), expected, "{path} in {text}");
    }
}

#[test]
fn every_text_of_the_table() {
    let table = include_str!("json/cases.tsv");
    let mut count = 0;
    let mut wrong = Vec::new();
    for line in table.lines().filter(|l| !l.starts_with('#')) {
        let [kind, expected, text] =
            line.splitn(3, '\t').collect::<Vec<_>>().try_into().expect("three fields");
        let bytes = unescape(text);
        let found = outcome(&bytes, b"$");
        if found != expected {
            wrong.push(format!("{line}: {found}"));
        }
        let strict = serde_json::from_slice::<Value>(&bytes);
        match kind {
            "y" => match strict {
                Ok(value) if found != "too-deep" => check_all(&bytes, &mut b"$".to_vec(), &value),
                Ok(_) => {}
                Err(e) => wrong.push(format!("{line}: serde_json: {e}")),
            },
            "n" if strict.is_ok() => wrong.push(format!("{line}: serde_json accepts it")),
            "n" | "i" => {}
            other => panic!("{line}: unknown kind {other}"),
        }
        count += 1;
    }
    assert_eq!(wrong.join("\n"), "");
    assert!(count >= 500, "only {count} cases");
}

/// Compares what our reader finds at `path` and below with `value`.
fn check_all(text: &[u8], path: &mut Vec<u8>, value: &Value) {
    let shown = String::from_utf8_lossy(path).into_owned();
    let range = find(text, path).unwrap_or_else(|e| panic!("{shown}: {e:?}"));
    let token = &text[range];
    let len = path.len();
    match value {
        Value::Array(items) => {
            for (i, item) in items.iter().enumerate() {
                path.extend(format!("[{i}]").bytes());
                check_all(text, path, item);
                path.truncate(len);
            }
            path.extend(format!("[{}]", items.len()).bytes());
            assert_eq!(find(text, path), Err(Error::NotFound), "past the end of {shown}");
            path.truncate(len);
            assert_eq!(walk(token).len(), items.len());
        }
        Value::Object(members) => {
            let found = walk(token);
            // serde_json keeps the last of several equal keys, we enter the first.
            let unique = found.len() == members.len();
            for (key, item) in members {
                let raw = serde_json::to_string(key).expect("a string");
                let raw = &raw[1..raw.len() - 1];
                let written = format!("\"{raw}\"");
                if !unique || !found.iter().any(|m| token[m.key.clone().unwrap()] == *written.as_bytes()) {
                    continue;
                }
                path.push(b'.');
                path.extend(raw.bytes());
                check_all(text, path, item);
                path.truncate(len);
            }
        }
        Value::Number(number) => {
            assert!(json::is_number(token));
            let want = number.as_f64().expect("a double");
            assert_eq!(json::to_f64(token).to_bits(), want.to_bits(), "{shown}");
            if let Some(want) = number.as_i64() {
                assert_eq!(json::to_i64(token), want, "{shown}");
            }
        }
        Value::String(string) => {
            let body = json::string_body(token).expect("a string");
            let mut out = vec![0; body.len()];
            let len = json::unescape_utf8(body, &mut out).expect("decodable");
            assert_eq!(&out[..len], string.as_bytes(), "{shown}");
        }
        Value::Bool(true) => assert_eq!(token, b"true"),
        Value::Bool(false) => assert_eq!(token, b"false"),
        Value::Null => assert_eq!(token, b"null"),
    }
}

/// All members of a container.
fn walk(container: &[u8]) -> Vec<json::Member> {
    let mut members = Vec::new();
    let mut at = 0;
    while let Some(member) = json::next(container, at) {
        at = member.next;
        members.push(member);
    }
    members
}

/// Documents whose keys need no escapes and are no path syntax, up to eight levels deep.
fn document() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        "[a\"\\\\/\u{8}\n\u{1}é€😀]{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(8, 64, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
            prop::collection::hash_map("[a-z_ -]{0,6}", inner, 0..8)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// A document as text, compact or indented.
fn text(value: &Value, pretty: bool) -> Vec<u8> {
    if pretty { serde_json::to_vec_pretty(value) } else { serde_json::to_vec(value) }.expect("serialisable")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn every_path_of_a_document_leads_to_the_value_that_serde_json_has(
        value in document(),
        pretty: bool,
    ) {
        check_all(&text(&value, pretty), &mut b"$".to_vec(), &value);
    }

    #[test]
    fn a_cut_document_gives_the_same_token_or_none(
        value in document(),
        cut in any::<prop::sample::Index>(),
        path in "\\$((\\.[a-c])|(\\[[0-2]\\])){0,3}",
    ) {
        let whole = text(&value, false);
        let part = &whole[..cut.index(whole.len() + 1)];
        match (find(part, path.as_bytes()), find(&whole, path.as_bytes())) {
            (Ok(a), Ok(b)) if json::is_number(&part[a.clone()]) => prop_assert!(a.end <= b.end),
            (Ok(a), b) => prop_assert_eq!(Ok(a), b),
            (Err(e), _) => prop_assert!(e == Error::NotFound || e == Error::Invalid),
        }
    }

    #[test]
    fn any_bytes_and_any_path_are_survived(
        bytes in prop::collection::vec(
            prop_oneof![3 => prop::sample::select(b"[]{}:,\"\\ .0123456789-+eEtrufalsn\0".to_vec()), 1 => any::<u8>()],
            0..64,
        ),
        path in "\\$?[.a\\[\\]0-9]{0,8}",
        offset in 0usize..80,
    ) {
        if let Ok(range) = find(&bytes, path.as_bytes()) {
            let token = &bytes[range];
            prop_assert!(!token.is_empty());
            if let Some(body) = json::string_body(token) {
                let mut out = vec![0; body.len()];
                json::unescape(body, &mut out);
                json::unescape_utf8(body, &mut out);
                json::hex_pairs(body, &mut out);
            }
            prop_assert!(json::to_f64(token).is_finite());
            json::to_i64(token);
        }
        if let Some(member) = json::next(&bytes, offset) {
            prop_assert!(member.next > offset && member.next <= bytes.len());
            prop_assert!(member.value.end <= member.next);
        }
    }

    #[test]
    fn doubles_are_those_of_the_standard_library(number: f64, spelling in 0..3) {
        prop_assume!(number.is_finite());
        let text = match spelling {
            0 => format!("{number}"),
            1 => format!("{number:e}"),
            _ => format!("{number:.20e}"),
        };
        prop_assert_eq!(json::to_f64(text.as_bytes()).to_bits(), number.to_bits());
    }

    #[test]
    fn integers_survive_in_every_tolerated_spelling(number: i64, zeros in 0usize..900) {
        let (minus, digits) = if number < 0 { ("-", &number.to_string()[1..]) } else { ("", &*number.to_string()) };
        let padded = format!("{minus}{:0<zeros$}{digits}", "");
        prop_assert_eq!(json::to_i64(padded.as_bytes()), number);
        prop_assert_eq!(json::to_f64(padded.as_bytes()), number as f64);
        // `-+` keeps the standard parser out.
        let shifted = format!("{padded}{:0<zeros$}e-+{zeros}", "");
        prop_assert_eq!(json::to_f64(shifted.as_bytes()), number as f64);
    }
}
