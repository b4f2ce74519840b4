//! What a session begins with.

/// What a program gives `mg_tls_init`; empty is not given.
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
}
