//! TLS options.

use super::core::Str;

/// TLS options: contents of PEM or DER files, never paths. Zero what is not needed.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct TlsOpts {
    /// Certificates of authorities. Client: verify the server; server: demand a client certificate.
    pub ca: Str,
    /// Own certificate, followed by intermediates.
    pub cert: Str,
    /// Private key of `cert`.
    pub key: Str,
    /// Client: name of the server, for SNI and verification; `*`: any.
    pub name: Str,
    /// Client: do not verify the server.
    pub skip_verification: bool,
}
