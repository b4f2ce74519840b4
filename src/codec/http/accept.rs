//! The `Accept-Encoding` header (RFC 9110, section 12.5.3).

#![forbid(unsafe_code)]

use super::scan::trim;

/// How welcome a coding is: from 0, not acceptable, to 1000.
///
/// A coding that is not named is as welcome as `*`, and not acceptable without that. `identity`,
/// which is no coding, is acceptable unless the header rules it out.
pub fn quality(header: &[u8], coding: &[u8]) -> u16 {
    let identity = coding.eq_ignore_ascii_case(b"identity");
    let mut any = None;
    for item in header.split(|b| *b == b',') {
        let mut parts = item.split(|b| *b == b';');
        let name = trim(parts.next().unwrap_or_default());
        let named = name.eq_ignore_ascii_case(coding)
            || (name.eq_ignore_ascii_case(b"x-gzip") && coding.eq_ignore_ascii_case(b"gzip"));
        if !named && name != b"*" {
            continue;
        }
        let weight = parts.map(trim).find_map(|part| match part {
            [b'q' | b'Q', value @ ..] => trim(value).strip_prefix(b"=").map(|value| weight(trim(value))),
            _ => None,
        });
        let weight = weight.unwrap_or(1000);
        if named {
            return weight;
        }
        any = any.or(Some(weight));
    }
    // `*` does not stand for identity unless it rules out all that is not named.
    match any {
        Some(0) => 0,
        _ if identity => 1,
        Some(weight) => weight,
        None => 0,
    }
}

/// The most welcome of `available`, and the first of these; `None` when none is acceptable or no
/// coding at all is more welcome.
pub fn choose<'a>(header: &[u8], available: &[&'a [u8]]) -> Option<&'a [u8]> {
    let mut best = quality(header, b"identity").saturating_sub(1);
    let mut chosen = None;
    for coding in available {
        let quality = quality(header, coding);
        if quality > best {
            (best, chosen) = (quality, Some(*coding));
        }
    }
    chosen
}

/// A weight such as `0.5` in thousandths; 0 for anything else.
fn weight(text: &[u8]) -> u16 {
    let (whole, fraction) = match text {
        [whole] => (*whole, &text[1..]),
        [whole, b'.', fraction @ ..] if fraction.len() <= 3 => (*whole, fraction),
        _ => return 0,
    };
    if !fraction.iter().all(u8::is_ascii_digit) {
        return 0;
    }
    let thousandths = fraction.iter().zip([100, 10, 1]).map(|(b, unit)| u16::from(b - b'0') * unit).sum();
    match whole {
        b'0' => thousandths,
        b'1' if thousandths == 0 => 1000,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn qualities() {
        for (header, coding, expected) in [
            ("gzip", "gzip", 1000),
            ("foo,gzip", "gzip", 1000),
            ("deflate, GZIP ;q=0.8", "gzip", 800),
            ("gzip;q=0", "gzip", 0),
            ("gzip;q=0.000", "gzip", 0),
            ("gzip;q=0, *", "gzip", 0),
            ("*;q=0.5", "gzip", 500),
            ("*;q=0.5, gzip;q=0.1", "gzip", 100),
            ("*;q=0", "gzip", 0),
            ("x-gzip", "gzip", 1000),
            ("br", "gzip", 0),
            ("gzipped", "gzip", 0),
            ("", "gzip", 0),
            ("gzip;q=1.000", "gzip", 1000),
            ("gzip; Q = 0.25", "gzip", 250),
            ("gzip;q=1.5", "gzip", 0),
            ("gzip;q=.5", "gzip", 0),
            ("gzip;q=0.1234", "gzip", 0),
            ("gzip;q=-1", "gzip", 0),
            ("gzip;q=", "gzip", 0),
            ("gzip;x=y;q=0.5", "gzip", 500),
            ("identity;q=0", "identity", 0),
            ("*;q=0", "identity", 0),
            ("*;q=0, identity", "identity", 1000),
            ("gzip", "identity", 1),
        ] {
            assert_eq!(quality(header.as_bytes(), coding.as_bytes()), expected, "{header} {coding}");
        }
    }

    #[test]
    fn choice() {
        let available = [&b"br"[..], b"gzip"];
        for (header, expected) in [
            ("gzip, deflate, br", Some("br")),
            ("gzip;q=0.9, br;q=0.5", Some("gzip")),
            ("gzip", Some("gzip")),
            ("deflate", None),
            ("*", Some("br")),
            ("br;q=0, *", Some("gzip")),
            ("identity, gzip;q=0.5", None),
            ("identity, gzip", Some("gzip")),
            ("", None),
        ] {
            let found = choose(header.as_bytes(), &available);
            assert_eq!(found, expected.map(str::as_bytes), "{header}");
        }
    }
}
