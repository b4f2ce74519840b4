//! What TLS needs to know of certificates: PEM texts, X.509 (RFC 5280), names (RFC 6125),
//! the extensions of a ClientHello.
#![forbid(unsafe_code)]

#[cfg(feature = "tls")]
pub mod crl;
#[cfg(feature = "tls")]
pub mod hello;
pub mod name;
#[cfg(feature = "tls")]
pub mod ocsp;
pub mod pem;
#[cfg(feature = "tls")]
pub mod x509;
