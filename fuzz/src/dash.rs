//! Requests to dashboards, and values for variables.

use mongoose::codec::dash::assign;
use mongoose::codec::dash::origin::is_foreign;
use mongoose::codec::dash::route::{Range, Route, file_name};
use mongoose::codec::dash::value::{Value, change};
use mongoose::codec::json;
use mongoose::codec::path::is_sane;

/// Names lie within the path and have no slash, indexes are not negative, names of files stay in
/// their directory.
pub fn request(data: &[u8]) {
    let name = |name: &[u8]| {
        super::inside(data, name);
        assert!(!name.contains(&b'/'));
    };
    let range = |range: Range| assert!(range.from.unwrap_or(0) >= 0 && range.to.unwrap_or(0) >= 0);
    match Route::new(data) {
        Route::File(set, file) => {
            name(set);
            name(file);
        }
        Route::Delete(set, which) | Route::Elements(set, which, _) => {
            name(set);
            range(which);
        }
        Route::Add(set) | Route::Get(set) => name(set),
        _ => assert!(!data.is_empty() || Route::new(data) == Route::Other),
    }
    if let Some(file) = file_name(data) {
        assert!(is_sane(&file) && !file.is_empty() && !file.contains(&0) && file.len() <= data.len());
    }
    let mut parts = data.splitn(3, |b| *b == b'\n');
    let (host, origin, site) = (parts.next(), parts.next(), parts.next());
    assert!(!is_foreign(host, None, None));
    let foreign = is_foreign(host, origin, None);
    assert!(is_foreign(host, origin, Some(b"cross-site")) && (!foreign || is_foreign(host, origin, site)));
}

/// Members lie within the text; values fit; what is printed is JSON.
pub fn values(data: &[u8]) {
    for (key, value) in assign::members(data) {
        let (key, value) = (&data[key], &data[value]);
        for token in [value, assign::token(value, b"a").unwrap_or(value), key] {
            if let (Some(n), Some(d)) = (assign::int(token), assign::double(token)) {
                assert_eq!(f64::from(n), d);
            }
            if let Some(n) = assign::uint64(token) {
                assert_eq!(assign::double(token).map(|d| d as u64), Some(n as f64 as u64));
            }
            for max in [0, 1, 2, 7, 100] {
                if let Some(text) = assign::text(token, max) {
                    assert!(text.len() <= max && !text.contains(&0));
                    printed(Value::Text(&text));
                }
                assert!(assign::raw(token, max).is_none_or(|raw| raw.len() <= max));
            }
            if let Some(d) = assign::double(token) {
                printed(Value::Double(d));
            }
        }
    }
    printed(Value::Text(data));
}

/// A value, also in the message about its change, is one token of JSON, followed by nothing.
fn printed(value: Value<'_>) {
    let (mut text, mut message) = (Vec::new(), Vec::new());
    value.put(&mut text);
    assert_eq!(json::find(&text, b"$"), Ok(0..text.len()));
    change(b"set", Some(1), &mut message, |out| value.put(out));
    assert_eq!(json::find(&message, b"$"), Ok(0..message.len()));
}
