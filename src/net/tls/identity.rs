//! A program's own certificate and key.

use super::provider::provider;
use crate::codec::tls::pem::{self, Block};
use crate::codec::tls::x509::{self, Certificate};
use rustls::SignatureScheme;
use rustls::client::ResolvesClientCert;
use rustls::pki_types::{
    CertificateDer, PrivateKeyDer, PrivatePkcs1KeyDer, PrivatePkcs8KeyDer, PrivateSec1KeyDer,
};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::sync::Arc;

/// The two belong to different pairs.
pub const OTHER_KEY: &str = "key: it does not belong to the certificate";
const UNUSABLE_KEY: &str = "key: unreadable, too short, or of no known kind";

/// What this side shows to the other; nothing by default.
#[derive(Debug, Default)]
pub struct Identity(Option<Arc<CertifiedKey>>);

impl ResolvesServerCert for Identity {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.0.clone()
    }
}

impl ResolvesClientCert for Identity {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.0.clone()
    }

    fn has_certs(&self) -> bool {
        self.0.is_some()
    }
}

/// Puts certificate and key together; says what is wrong with them. rustls would do that, too, but
/// for version 3 only.
pub fn load(cert: &[u8], key: &[u8]) -> Result<Option<Identity>, &'static str> {
    if cert.is_empty() {
        return Ok(None);
    }
    let chain = own_chain(cert);
    let leaf = chain.first().and_then(|leaf| Certificate::parse(leaf)).ok_or_else(|| {
        if looks_like_key(cert) { "cert: a key, no certificate" } else { "cert: no certificate in it" }
    })?;
    if key.is_empty() {
        return Err("Certificate provided without a private key");
    }
    let key = private_key(key)?;
    let key = provider().key_provider.load_private_key(key).map_err(|_| UNUSABLE_KEY)?;
    let info = key.public_key().ok_or(UNUSABLE_KEY)?;
    if leaf.key_bits().is_none() || x509::key_bits(&info) != leaf.key_bits() {
        return Err(OTHER_KEY);
    }
    Ok(Some(Identity(Some(Arc::new(CertifiedKey::new(chain, key))))))
}

/// The certificates of a text up to the first that cannot be read, or the one of a DER file.
fn own_chain(text: &[u8]) -> Vec<CertificateDer<'static>> {
    if pem::is_der(text) {
        return certificate(text).into_iter().collect();
    }
    pem::blocks(text).filter(is_certificate).map_while(|b| certificate(&b.contents?)).collect()
}

/// All certificates of a text that can be read, or the one of a DER file.
pub fn certificates(text: &[u8]) -> Vec<CertificateDer<'static>> {
    if pem::is_der(text) {
        return certificate(text).into_iter().collect();
    }
    pem::blocks(text).filter(is_certificate).filter_map(|b| certificate(&b.contents?)).collect()
}

fn is_certificate(block: &Block<'_>) -> bool {
    matches!(block.label, b"CERTIFICATE" | b"X509 CERTIFICATE" | b"TRUSTED CERTIFICATE")
}

/// A certificate, without what may follow it.
fn certificate(der: &[u8]) -> Option<CertificateDer<'static>> {
    Certificate::parse(der).map(|certificate| certificate.der.to_vec().into())
}

fn looks_like_key(text: &[u8]) -> bool {
    pem::blocks(text).any(|block| block.label.ends_with(b"PRIVATE KEY"))
}

/// The first private key of a text, or the one of a DER file.
fn private_key(text: &[u8]) -> Result<PrivateKeyDer<'static>, &'static str> {
    if pem::is_der(text) {
        return PrivateKeyDer::try_from(text).map(|key| key.clone_key()).map_err(|_| UNUSABLE_KEY);
    }
    let mut blocks = pem::blocks(text).filter(|block| block.label.ends_with(b"PRIVATE KEY"));
    let Some(block) = blocks.next() else { return Err("key: no private key in it") };
    let der = match (block.label, block.contents) {
        (b"ENCRYPTED PRIVATE KEY", _) => return Err("key: it is encrypted"),
        (_, None) => return Err("key: damaged, or encrypted"),
        (_, Some(der)) => der,
    };
    match block.label {
        b"PRIVATE KEY" => Ok(PrivatePkcs8KeyDer::from(der).into()),
        b"RSA PRIVATE KEY" => Ok(PrivatePkcs1KeyDer::from(der).into()),
        b"EC PRIVATE KEY" => Ok(PrivateSec1KeyDer::from(der).into()),
        _ => Err(UNUSABLE_KEY),
    }
}
