//! HTTP and URLs.

use super::inside;
use core::cell::Cell;
use mongoose::codec::http::chunked::{Chunked, compact};
use mongoose::codec::http::multipart::next_part;
use mongoose::codec::http::range::{Selection, select};
use mongoose::codec::http::strict::{Allow, parse_request};
use mongoose::codec::http::target::Target;
use mongoose::codec::http::{
    Header, accept, auth, conditional, disposition, head_len, mime, params, parse_head, percent, vars,
};
use mongoose::codec::url::Url;
use std::borrow::Cow;

/// A head points into its buffer, ends where its search ends, and its prefixes are incomplete.
pub fn head(data: &[u8]) {
    let mut headers = [Header::default(); 8];
    let parsed = parse_head(data, &mut headers);
    let end = head_len(data, 0);
    for cut in [data.len() / 2, data.len().saturating_sub(1)] {
        if head_len(&data[..cut], 0) == Ok(None) {
            assert_eq!(head_len(data, cut), end);
        }
    }
    match parsed {
        Ok(None) => assert_eq!(end, Ok(None)),
        Err(error) => {
            assert_ne!(end, Ok(None));
            assert!(error.at < data.len());
        }
        Ok(Some(head)) => {
            assert_eq!(end, Ok(Some(head.len)));
            let stored = &headers[..head.headers.min(headers.len())];
            let fields = [head.method, head.uri, head.proto, head.query.unwrap_or_default()];
            let coding = head.transfer_encoding.unwrap_or_default();
            for text in stored.iter().flat_map(|h| [h.name, h.value]).chain(fields).chain([coding]) {
                if !text.is_empty() {
                    inside(&data[..head.len], text);
                }
            }
            assert!(stored.iter().all(|h| !h.name.is_empty()));
            assert!(!head.method.is_empty() && !head.uri.is_empty());
            assert!(head.announced_len().is_none_or(|n| n.checked_add(head.len).is_some()));
            let _ = (head.framing(), head.check(Allow::default()));
            let mut again = [Header::default(); 8];
            for cut in [head.len / 2, head.len - 1] {
                assert_eq!(parse_head(&data[..cut], &mut again), Ok(None));
            }
        }
    }
}

/// What strict servers take, the other grammar reads the same; with fewer exceptions less is taken.
pub fn strict(data: &[u8]) {
    let all = Allow { no_host: true, bare_lf: true, raw_target: true };
    let mut theirs = Vec::new();
    let strict = parse_request(data, 64, all, |header| theirs.push(header));
    let none = parse_request(data, 64, Allow::default(), |_| ());
    if let Ok(Some(_)) = none {
        assert_eq!(none, strict);
    }
    let Ok(Some(head)) = strict else { return };
    // Leading blank lines are skipped by the engine.
    if head.check(all).is_ok() && !data.starts_with(b"\r") && !data.starts_with(b"\n") {
        let mut ours = [Header::default(); 64];
        assert_eq!(parse_head(data, &mut ours), Ok(Some(head)));
        assert_eq!(ours[..theirs.len()], theirs);
    }
}

/// A chunked body that comes in two parts gives what it gives in one.
pub fn chunked(data: &[u8]) {
    let Some((&at, data)) = data.split_first() else { return };
    let cut = data.len() * usize::from(at) / 256;
    let (mut whole, mut parts) = (Chunked::new(), Chunked::new());
    let end = whole.scan(data);
    // What a strict reader takes is the same.
    if let Ok(Some(n)) = Chunked::strict().scan(data) {
        assert_eq!(end, Ok(Some(n)));
    }
    match parts.scan(&data[..cut]) {
        Ok(None) => assert_eq!(parts.scan(data), end),
        early => assert_eq!(early, end),
    }
    assert!(whole.position() <= data.len());
    if let Ok(Some(end)) = end {
        assert!(end <= data.len());
        assert_eq!(whole.body_len(), parts.body_len());
        let mut copy = data.to_vec();
        assert_eq!(compact(&mut copy, Chunked::new()), whole.body_len());
        assert!(whole.body_len() + 5 <= end);
    }
}

/// The parts of a body lie within it, one after the other.
pub fn multipart(data: &[u8]) {
    let mut ofs = 0;
    while let Some((part, next)) = next_part(data, ofs) {
        assert!(next > ofs);
        inside(&data[ofs..next], part.body);
        for text in [part.name, part.filename].into_iter().flatten() {
            // What had to be decoded is a text of its own.
            if let Cow::Borrowed(text) = text {
                inside(&data[ofs..next], text);
            }
        }
        ofs = next;
    }
}

/// The parts of a URL lie within it.
pub fn url(data: &[u8]) {
    let url = Url::new(data);
    let (slash, rest) = url.target();
    for text in [url.user, url.pass, url.host, rest] {
        if !text.is_empty() {
            inside(data, text);
        }
    }
    assert!([slash, rest].concat().starts_with(b"/") && !rest.contains(&b'#'));
    let _ = (url.port(), url.is_tls());
}

/// Values lie within their text; decoding in place is decoding; what was encoded decodes.
pub fn vars(data: &[u8]) {
    let Some((&n, data)) = data.split_first() else { return };
    let (name, text) = data.split_at(data.len().min(usize::from(n % 8)));
    for value in [vars::var(text, name), params::header_var(text, name)].into_iter().flatten() {
        inside(text, value);
    }
    if let Some(Cow::Borrowed(value)) = params::param(text, name) {
        inside(text, value);
    }
    if let Some(value) = params::cookie(text, name) {
        inside(text, value);
    }
    assert!(params::extended_param(text, name).is_none_or(|value| core::str::from_utf8(&value).is_ok()));
    for form in [false, true] {
        let mut copy = vec![0; text.len() + 1];
        let decoded = percent::decode(text, &mut copy, form);
        let mut same = [text, b"\0"].concat();
        let cells = Cell::from_mut(&mut same[..]).as_slice_of_cells();
        assert_eq!(percent::decode_cells(&cells[..text.len()], cells, form), decoded);
        if let Some(n) = decoded {
            assert!(n <= text.len());
            assert_eq!(same[..=n], copy[..=n]);
        }
    }
    let mut encoded = vec![0; text.len() * 3 + 5];
    let n = percent::encode(text, &mut encoded).expect("room for all");
    let mut back = vec![0; n + 1];
    assert_eq!(percent::decode(&encoded[..n], &mut back, true), Some(text.len()));
    assert_eq!(&back[..text.len()], text);
    let small = n % 5;
    let _ = percent::encode(text, &mut encoded[..small]);
    let _ = percent::decode(text, &mut encoded[..small], true);
}

/// Header values: parts lie within the file, what is accepted was offered, views within the text.
pub fn fields(data: &[u8]) {
    let Some((&n, data)) = data.split_first() else { return };
    if let Selection::Parts(parts) = select(data, u64::from(n)) {
        assert!((1..=16).contains(&parts.len()));
        assert!(parts.iter().all(|part| part.start() <= part.end() && *part.end() < u64::from(n)));
        assert!(parts.iter().map(|part| part.end() - part.start() + 1).sum::<u64>() <= u64::from(n));
    }
    let offers = [&b"br"[..], b"gzip"];
    if let Some(coding) = accept::choose(data, &offers) {
        assert!(offers.contains(&coding) && accept::quality(data, coding) > 0);
    }
    let tag = conditional::Etag::new(i64::from(n), data.len() as u64);
    let list = [data, b", ", tag.as_bytes()].concat();
    let file = conditional::Validators { etag: tag.as_bytes(), modified: i64::from(n) };
    let conditions = conditional::Conditions {
        matches: Some(&list),
        unmodified_since: Some(data),
        none_match: Some(&list),
        modified_since: Some(data),
    };
    let _ = (conditions.evaluate(file, n % 2 == 0, 0), conditional::if_range(data, file, 0));
    if let Some(name) = disposition::base_name(data) {
        inside(data, name);
        assert!(!name.contains(&b'/') && !name.contains(&0));
    }
    if let Some(path) = Target::new(data).and_then(Target::path) {
        assert!(path.starts_with(b"/"));
    }
    assert!(!mime::content(data, b"").kind.is_empty());
    let _ = mime::content(b"a.txt", data);
    let (mut user, mut pass) = ([1; 8], [1; 8]);
    auth::credentials(Some(data), Some(data), data, &mut user, &mut pass);
    assert!(user.contains(&0) && pass.contains(&0));
}
