//! What a session asks about its peer: certificate, name, and that the key is the peer's.

use super::chain;
use super::identity::certificates;
use super::session::provider;
use crate::codec::tls::name::Name;
use crate::codec::tls::x509::{Certificate, Purpose};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};

/// Who is believed.
#[derive(Debug)]
pub struct Trust(Vec<CertificateDer<'static>>);

impl Trust {
    /// Reads `ca`. `None`: nobody is asked for anything.
    pub fn new(ca: &[u8]) -> Option<Trust> {
        (!ca.is_empty() && ca != b"*").then(|| Trust(certificates(ca)))
    }

    /// Nobody is believed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn check(
        &self,
        leaf: &Certificate<'_>,
        sent: &[CertificateDer<'_>],
        purpose: Purpose,
        now: UnixTime,
    ) -> Result<(), Error> {
        chain::check(leaf, sent, &self.0, purpose, now, algorithms())
    }
}

fn algorithms() -> &'static WebPkiSupportedAlgorithms {
    &provider().signature_verification_algorithms
}

fn parse<'a>(der: &'a CertificateDer<'_>) -> Result<Certificate<'a>, Error> {
    Certificate::parse(der).ok_or_else(|| CertificateError::BadEncoding.into())
}

/// That a peer has the key of its certificate is checked in the same way for servers and clients.
macro_rules! key_checks {
    () => {
        fn verify_tls12_signature(
            &self,
            message: &[u8],
            cert: &CertificateDer<'_>,
            dss: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            signed_tls12(message, cert, dss)
        }

        fn verify_tls13_signature(
            &self,
            message: &[u8],
            cert: &CertificateDer<'_>,
            dss: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            signed_tls13(message, cert, dss)
        }

        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            algorithms().supported_schemes()
        }
    };
}

/// What a client asks about a server.
#[derive(Debug)]
pub struct Server {
    /// `None`: anybody is believed.
    pub trust: Option<Trust>,
    /// The name that the certificate has to carry then, if any.
    pub name: Option<Name>,
}

impl ServerCertVerifier for Server {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if let Some(trust) = &self.trust {
            let leaf = parse(end_entity)?;
            trust.check(&leaf, intermediates, Purpose::Server, now)?;
            if self.name.as_ref().is_some_and(|name| !name.is_on(&leaf)) {
                return Err(CertificateError::NotValidForName.into());
            }
        }
        Ok(ServerCertVerified::assertion())
    }

    key_checks!();
}

/// What a server asks about a client.
#[derive(Debug)]
pub struct Client {
    /// Who signs clients.
    pub trust: Trust,
}

impl ClientCertVerifier for Client {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.trust.check(&parse(end_entity)?, intermediates, Purpose::Client, now)?;
        Ok(ClientCertVerified::assertion())
    }

    key_checks!();
}

/// Checks the signature of a handshake. (What rustls has for this reads version 3 only.)
fn signed_tls12(
    message: &[u8],
    cert: &CertificateDer<'_>,
    dss: &DigitallySignedStruct,
) -> Result<HandshakeSignatureValid, Error> {
    signed(message, cert, dss, usize::MAX)
}

fn signed_tls13(
    message: &[u8],
    cert: &CertificateDer<'_>,
    dss: &DigitallySignedStruct,
) -> Result<HandshakeSignatureValid, Error> {
    use SignatureScheme as S;
    match dss.scheme {
        S::ECDSA_NISTP256_SHA256 | S::ECDSA_NISTP384_SHA384 | S::ECDSA_NISTP521_SHA512 | S::ED25519 => {}
        S::RSA_PSS_SHA256 | S::RSA_PSS_SHA384 | S::RSA_PSS_SHA512 => {}
        _ => return Err(rustls::PeerMisbehaved::SignedHandshakeWithUnadvertisedSigScheme.into()),
    }
    // In TLS 1.3 the scheme says which curve.
    signed(message, cert, dss, 1)
}

fn signed(
    message: &[u8],
    cert: &CertificateDer<'_>,
    dss: &DigitallySignedStruct,
    at_most: usize,
) -> Result<HandshakeSignatureValid, Error> {
    let leaf = parse(cert)?;
    let known = algorithms().mapping.iter().find(|(scheme, _)| *scheme == dss.scheme);
    let known = known.map_or(&[][..], |(_, known)| known);
    if known.iter().take(at_most).any(|known| chain::verifies(*known, &leaf, message, dss.signature())) {
        Ok(HandshakeSignatureValid::assertion())
    } else {
        Err(CertificateError::BadSignature.into())
    }
}

/// An error in few words: `MG_EV_ERROR` has room for 63 characters.
pub fn reason(error: &Error) -> String {
    match error {
        Error::InvalidCertificate(e) => match e {
            CertificateError::UnknownIssuer => "unknown CA".into(),
            CertificateError::NotValidForName => "name mismatch".into(),
            CertificateError::Expired => "certificate expired".into(),
            CertificateError::NotValidYet => "certificate not yet valid".into(),
            CertificateError::InvalidPurpose => "certificate is for another purpose".into(),
            CertificateError::BadSignature => "bad signature".into(),
            CertificateError::BadEncoding => "unreadable certificate".into(),
            CertificateError::Other(e) => format!("bad certificate: {:?}", e.0),
            other => format!("bad certificate: {other:?}"),
        },
        Error::AlertReceived(alert) => format!("alert: {}", words(&format!("{alert:?}"))),
        Error::NoCertificatesPresented => "no client certificate".into(),
        Error::PeerIncompatible(why) => words(&format!("{why:?}")),
        Error::InvalidMessage(_) => "not TLS".into(),
        Error::DecryptError => "cannot decrypt".into(),
        Error::General(text) => text.clone(),
        other => other.to_string(),
    }
}

/// `HandshakeFailure` becomes `handshake failure`.
fn words(name: &str) -> String {
    let mut text = String::new();
    let mut after_small = false;
    for letter in name.chars() {
        if letter.is_uppercase() && after_small {
            text.push(' ');
        }
        after_small = letter.is_lowercase();
        text.extend(letter.to_lowercase());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::AlertDescription;

    #[test]
    fn reasons_are_words() {
        for (alert, expected) in [
            (AlertDescription::HandshakeFailure, "alert: handshake failure"),
            (AlertDescription::UnknownCA, "alert: unknown ca"),
        ] {
            assert_eq!(reason(&Error::AlertReceived(alert)), expected);
        }
        assert_eq!(reason(&CertificateError::NotValidForName.into()), "name mismatch");
    }

    #[test]
    fn who_is_trusted() {
        assert!(Trust::new(b"").is_none());
        assert!(Trust::new(b"*").is_none());
        assert!(Trust::new(b"/etc/ssl/cert.pem").is_some_and(|trust| trust.is_empty()));
    }
}
