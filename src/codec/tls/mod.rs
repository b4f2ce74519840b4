//! What TLS needs to know of certificates: PEM texts, X.509 (RFC 5280), names (RFC 6125).
#![forbid(unsafe_code)]

pub mod name;
pub mod pem;
#[cfg(feature = "tls")]
pub mod x509;
