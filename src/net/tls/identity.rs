//! A program's own certificates and keys.

use super::options::{Options, Pair};
use super::provider::provider;
use crate::codec::tls::ocsp;
use crate::codec::tls::pem::{self, Block};
use crate::codec::tls::x509::{self, Certificate};
use core::ffi::CStr;
use rustls::SignatureScheme;
use rustls::client::ResolvesClientCert;
use rustls::pki_types::{
    CertificateDer, PrivateKeyDer, PrivatePkcs1KeyDer, PrivatePkcs8KeyDer, PrivateSec1KeyDer,
};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::sync::Arc;

const NO_CERT: &CStr = c"cert: no certificate in it";
const OTHER_KEY: &CStr = c"key: it does not belong to the certificate";
const UNUSABLE_KEY: &CStr = c"key: unreadable, or not RSA 2048+, P-256/384/521, Ed25519";

/// A certificate and its key.
#[derive(Debug)]
pub struct Identity(Arc<CertifiedKey>);

impl ResolvesClientCert for Identity {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(self.0.clone())
    }

    fn has_certs(&self) -> bool {
        true
    }
}

/// What a server shows: the first that is for the name that the client asks for and can sign by a
/// scheme that it knows; else the first that can sign; else the first.
#[derive(Debug)]
pub struct Identities(Vec<(Vec<String>, Arc<CertifiedKey>)>);

impl Identities {
    /// Reads all pairs of the options.
    pub fn load(options: &Options<'_>) -> Result<Identities, &'static CStr> {
        let mut found = Vec::new();
        let first = Pair { cert: options.cert, key: options.key };
        for (at, pair) in [first].into_iter().chain(options.pairs.iter().copied()).enumerate() {
            let ocsp = if at == 0 { options.ocsp } else { &[] };
            if let Some(Identity(pair)) = Identity::load(pair.cert, pair.key, ocsp)? {
                let names = pair.cert.first().and_then(|der| Some(Certificate::parse(der)?.hosts()));
                found.push((names.unwrap_or_default(), pair));
            }
        }
        Ok(Identities(found))
    }
}

impl ResolvesServerCert for Identities {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        if let [(_, only)] = &self.0[..] {
            return Some(only.clone());
        }
        let signs = |key: &CertifiedKey| key.key.choose_scheme(hello.signature_schemes()).is_some();
        let wanted = hello.server_name().map(str::to_ascii_lowercase);
        let is_for = |names: &[String]| wanted.as_deref().is_some_and(|host| covers(names, host));
        let found = self.0.iter().find(|(names, key)| is_for(names) && signs(key));
        let found = found.or_else(|| self.0.iter().find(|(_, key)| signs(key)));
        found.or(self.0.first()).map(|(_, key)| key.clone())
    }
}

/// True when one of the names is that of a host, or of all hosts of its domain.
fn covers(names: &[String], host: &str) -> bool {
    let parent = host.split_once('.').map(|(_, parent)| parent);
    names
        .iter()
        .any(|name| name == host || parent.is_some_and(|parent| name.strip_prefix("*.") == Some(parent)))
}

impl Identity {
    /// Puts certificate and key together; says what is wrong with them. rustls would do that, too,
    /// but for version 3 only. `ocsp` is what its authority says about it (RFC 6066, section 8).
    pub fn load(cert: &[u8], key: &[u8], ocsp: &[u8]) -> Result<Option<Identity>, &'static CStr> {
        match (cert, key) {
            (b"", b"") => return Ok(None),
            (b"", _) => return Err(c"cert: it is missing, there is only a key"),
            _ => {}
        }
        let chain = own_chain(cert);
        let leaf = chain.first().and_then(|leaf| Certificate::parse(leaf)).ok_or_else(|| match cert {
            _ if is_file_name(cert) => c"cert: a file name; the contents of the file are wanted",
            _ if looks_like_key(cert) => c"cert: a key, no certificate",
            _ => NO_CERT,
        })?;
        if key.is_empty() {
            return Err(c"Certificate provided without a private key");
        }
        let key = private_key(key)?;
        let key = provider().key_provider.load_private_key(key).map_err(|_| UNUSABLE_KEY)?;
        let info = key.public_key().ok_or(UNUSABLE_KEY)?;
        let belongs =
            |one: &Certificate<'_>| one.key_bits().is_some_and(|bits| x509::key_bits(&info) == Some(bits));
        if !belongs(&leaf) {
            let others = chain.iter().filter_map(|one| Certificate::parse(one));
            let is_out_of_order = others.into_iter().any(|one| belongs(&one));
            return Err(if is_out_of_order { c"cert: that of the key must come first" } else { OTHER_KEY });
        }
        let serial = leaf.serial.to_vec();
        let mut pair = CertifiedKey::new(chain, key);
        if !ocsp.is_empty() {
            pair.ocsp = Some(response(ocsp, &serial)?);
        }
        Ok(Some(Identity(Arc::new(pair))))
    }
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

/// An OCSP response about the certificate with a serial number, in PEM or DER.
fn response(text: &[u8], serial: &[u8]) -> Result<Vec<u8>, &'static CStr> {
    let in_text = || pem::blocks(text).find(|block| block.label == b"OCSP RESPONSE")?.contents;
    let response = if pem::is_der(text) { Some(text.to_vec()) } else { in_text() };
    let response = response.ok_or(c"ocsp: no response in it")?;
    match ocsp::check(&response, serial) {
        Ok(()) => Ok(response),
        Err(ocsp::Unfit::Unreadable) => Err(c"ocsp: the response is damaged"),
        Err(ocsp::Unfit::NoAnswer) => Err(c"ocsp: the authority's answer is an error"),
        Err(ocsp::Unfit::OtherCertificate) => Err(c"ocsp: it is about another certificate"),
    }
}

fn is_certificate(block: &Block<'_>) -> bool {
    matches!(block.label, b"CERTIFICATE" | b"X509 CERTIFICATE" | b"TRUSTED CERTIFICATE")
}

/// A certificate, without what may follow it.
fn certificate(der: &[u8]) -> Option<CertificateDer<'static>> {
    Certificate::parse(der).map(|certificate| certificate.der.to_vec().into())
}

/// True for what programs give by mistake: one line that may be a path.
fn is_file_name(text: &[u8]) -> bool {
    let is_line = !text.iter().any(u8::is_ascii_control) && !text.contains(&b'-');
    is_line && text.len() < 256 && text.iter().any(|b| matches!(b, b'/' | b'.'))
}

fn looks_like_key(text: &[u8]) -> bool {
    pem::blocks(text).any(|block| block.label.ends_with(b"PRIVATE KEY"))
}

/// The first private key of a text, or the one of a DER file.
fn private_key(text: &[u8]) -> Result<PrivateKeyDer<'static>, &'static CStr> {
    if pem::is_der(text) {
        return PrivateKeyDer::try_from(text).map(|key| key.clone_key()).map_err(|_| UNUSABLE_KEY);
    }
    let mut blocks = pem::blocks(text).filter(|block| block.label.ends_with(b"PRIVATE KEY"));
    let Some(block) = blocks.next() else {
        return Err(match text {
            _ if is_file_name(text) => c"key: a file name; the contents of the file are wanted",
            _ => c"key: no private key in it",
        });
    };
    let der = match (block.label, block.contents) {
        (b"ENCRYPTED PRIVATE KEY", _) => {
            return Err(c"key: it is encrypted; decrypt it: openssl pkey -in KEY");
        }
        (_, None) => return Err(c"key: damaged, or encrypted (decrypt: openssl pkey -in KEY)"),
        (_, Some(der)) => der,
    };
    match block.label {
        b"PRIVATE KEY" => Ok(PrivatePkcs8KeyDer::from(der).into()),
        b"RSA PRIVATE KEY" => Ok(PrivatePkcs1KeyDer::from(der).into()),
        b"EC PRIVATE KEY" => Ok(PrivateSec1KeyDer::from(der).into()),
        _ => Err(UNUSABLE_KEY),
    }
}
