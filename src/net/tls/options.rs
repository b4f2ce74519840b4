//! What a session begins with.

/// A certificate, with those between it and its authority, and its private key.
#[derive(Clone, Copy, Default)]
#[cfg_attr(not(feature = "tls"), expect(dead_code, reason = "nobody reads them without TLS"))]
pub struct Pair<'a> {
    /// The certificate.
    pub cert: &'a [u8],
    /// Its private key.
    pub key: &'a [u8],
}

/// What a program gives `mg_tls_init` or `mg_tls_start`; empty is not given.
#[derive(Clone, Copy, Default)]
#[cfg_attr(not(feature = "tls"), expect(dead_code, reason = "nobody reads them without TLS"))]
pub struct Options<'a> {
    /// Authorities.
    pub ca: &'a [u8],
    /// Own certificate and those between it and its authority.
    pub cert: &'a [u8],
    /// Its private key.
    pub key: &'a [u8],
    /// The server's name; `*`: any.
    pub name: &'a [u8],
    /// The host of the connection's URL, if that is one of TLS: the name of who has authorities.
    pub host: &'a [u8],
    /// Believe any server.
    pub skip_verification: bool,
    /// Other certificates of a server.
    pub pairs: &'a [Pair<'a>],
    /// Protocols, with commas between.
    pub alpn: &'a [u8],
    /// Lists of revoked certificates.
    pub crl: &'a [u8],
    /// What the authority says about the certificate.
    pub ocsp: &'a [u8],
    /// Sessions may be resumed.
    pub tickets: bool,
    /// Keys go to the file that the environment names.
    pub key_log: bool,
}
