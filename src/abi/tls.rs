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

/// A certificate, followed by intermediates, and its private key: contents as in `struct mg_tls_opts`.
/// An addition of this library.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct TlsPair {
    /// The certificate.
    pub cert: Str,
    /// Its private key.
    pub key: Str,
}

/// What `mg_tls_start` takes. Zero what is not needed. An addition of this library.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct TlsConfig {
    /// The same as for `mg_tls_init`.
    pub opts: TlsOpts,
    /// Server: further certificates. The client gets the first, `opts.cert` before these, that is for
    /// the name that it asks for (SNI) and can sign in a way that it knows; else `opts.cert`.
    pub pairs: *const TlsPair,
    /// How many.
    pub num_pairs: usize,
    /// Protocols to agree on one of (ALPN, RFC 7301), the best first, with commas between:
    /// `h2,http/1.1`. Empty: `http/1.1` on HTTP connections, else none.
    pub alpn: Str,
    /// Lists of revoked certificates, PEM or DER. If given, the peer's certificate must be covered.
    pub crl: Str,
    /// Server: what the authority says about `opts.cert`, an OCSP response in DER, for clients that
    /// ask for it.
    pub ocsp: Str,
}

/// What the two sides of a TLS connection have agreed on; empty is not there. An addition of this
/// library.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct TlsInfo {
    /// `TLSv1.2` or `TLSv1.3`.
    pub version: Str,
    /// The suite, such as `TLS_AES_128_GCM_SHA256`.
    pub cipher: Str,
    /// The group of the key exchange, such as `X25519`.
    pub group: Str,
    /// The protocol (ALPN).
    pub alpn: Str,
    /// Server: the host that the client asked for (SNI).
    pub name: Str,
    /// The subject of the peer's certificate, as text (RFC 4514).
    pub peer_subject: Str,
    /// Its other names, one in a line: `DNS:`, `IP:`, `email:` or `URI:` and the name. Names with
    /// blanks or with bytes that are not printable ASCII are left out.
    pub peer_names: Str,
    /// The peer's certificate, in DER.
    pub peer_cert: Str,
    /// The session resumes an earlier one.
    pub resumed: bool,
}
