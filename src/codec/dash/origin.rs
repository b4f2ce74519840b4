//! Whether a request comes from a page of somebody else.

#![forbid(unsafe_code)]

/// Whether a browser says that a page of another site made the request. `host`, `origin` and
/// `site` are the headers `Host`, `Origin` and `Sec-Fetch-Site`.
pub fn is_foreign(host: Option<&[u8]>, origin: Option<&[u8]>, site: Option<&[u8]>) -> bool {
    if site.is_some_and(|site| site == b"cross-site") {
        return true;
    }
    let Some(origin) = origin else { return false };
    let at = origin.windows(3).position(|sep| sep == b"://");
    let (Some(at), Some(host)) = (at, host) else { return true };
    let port: &[u8] = if origin[..at].eq_ignore_ascii_case(b"https") { b":443" } else { b":80" };
    // Browsers leave the port of the scheme away, other clients may not.
    let plain = |host: &'_ [u8]| host.strip_suffix(port).unwrap_or(host).to_ascii_lowercase();
    plain(&origin[at + 3..]) != plain(host)
}

#[cfg(test)]
mod tests {
    use super::is_foreign;

    #[test]
    fn table() {
        let ask = |host: &str, origin: &str, site: &str| {
            let header = |text: &'static str| (!text.is_empty()).then_some(text.as_bytes());
            is_foreign(
                header(Box::leak(host.into())),
                header(Box::leak(origin.into())),
                header(Box::leak(site.into())),
            )
        };
        for (host, origin, site) in [
            ("", "", ""),
            ("a", "", ""),
            ("a", "", "same-origin"),
            ("a", "http://a", "same-origin"),
            ("a:8000", "http://a:8000", ""),
            ("a", "http://A:80", ""),
            ("a:443", "https://a", "none"),
            ("[::1]:8000", "http://[::1]:8000", ""),
        ] {
            assert!(!ask(host, origin, site), "{host} {origin} {site}");
        }
        for (host, origin, site) in [
            ("a", "", "cross-site"),
            ("a", "http://a", "cross-site"),
            ("a", "http://b", ""),
            ("a", "http://a:8000", ""),
            ("a", "http://a.b", ""),
            ("a", "null", ""),
            ("a", "http://", ""),
            ("", "http://a", ""),
        ] {
            assert!(ask(host, origin, site), "{host} {origin} {site}");
        }
    }
}
