//! What a session asks about its peer: certificate, name, and that the key is the peer's.

use super::chain::{self, Trust};
use super::hello::restored;
use super::provider::provider;
use crate::codec::tls::x509::Purpose;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls13_signature_with_raw_key};
use rustls::pki_types::{CertificateDer, ServerName, SubjectPublicKeyInfoDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, OtherError, SignatureScheme,
};
use std::fmt;
use std::sync::Arc;
use webpki::RawPublicKeyEntity;

fn algorithms() -> &'static WebPkiSupportedAlgorithms {
    &provider().signature_verification_algorithms
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

/// Which name a server's certificate has to carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names {
    /// Any.
    Any,
    /// The one that the session asks for.
    Asked,
    /// One that no certificate can carry.
    Impossible,
}

/// What a client asks about a server.
#[derive(Debug)]
pub struct Server {
    /// `None`: no peer verification.
    pub trust: Option<Arc<Trust>>,
    /// The name that the certificate has to carry.
    pub names: Names,
}

impl ServerCertVerifier for Server {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if let Some(trust) = &self.trust {
            trust.check(end_entity, intermediates, Purpose::Server, Some(server_name), now, algorithms())?;
        }
        let is_named = match self.names {
            Names::Any => Ok(()),
            Names::Asked => chain::check_name(end_entity, server_name),
            Names::Impossible => Err(CertificateError::NotValidForName.into()),
        };
        is_named.map_err(|e| if self.trust.is_some() { e } else { WrongName.into() })?;
        Ok(ServerCertVerified::assertion())
    }

    key_checks!();
}

/// Nothing but the name was asked for, and that is another.
#[derive(Debug)]
pub struct WrongName;

impl fmt::Display for WrongName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("failed to verify hostname")
    }
}

impl std::error::Error for WrongName {}

impl From<WrongName> for Error {
    fn from(wrong: WrongName) -> Error {
        CertificateError::Other(OtherError(Arc::new(wrong))).into()
    }
}

/// What a server asks about a client.
#[derive(Debug)]
pub struct Client {
    /// Who signs clients.
    pub trust: Arc<Trust>,
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
        self.trust.check(end_entity, intermediates, Purpose::Client, None, now, algorithms())?;
        Ok(ClientCertVerified::assertion())
    }

    key_checks!();
}

// The signature of a handshake is checked by the bare key: the helpers of rustls that take a
// certificate read version 3 only.

fn signed_tls12(
    message: &[u8],
    cert: &CertificateDer<'_>,
    dss: &DigitallySignedStruct,
) -> Result<HandshakeSignatureValid, Error> {
    let info = SubjectPublicKeyInfoDer::from(chain::parse(cert)?.key);
    let key = RawPublicKeyEntity::try_from(&info).map_err(|_| CertificateError::BadEncoding)?;
    let message = &restored(message).concat();
    // In TLS 1.2 the scheme does not say which curve.
    let known = algorithms().mapping.iter().find(|(scheme, _)| *scheme == dss.scheme);
    let known = known.map_or(&[][..], |(_, known)| known);
    if known.iter().any(|known| key.verify_signature(*known, message, dss.signature()).is_ok()) {
        Ok(HandshakeSignatureValid::assertion())
    } else {
        Err(CertificateError::BadSignature.into())
    }
}

fn signed_tls13(
    message: &[u8],
    cert: &CertificateDer<'_>,
    dss: &DigitallySignedStruct,
) -> Result<HandshakeSignatureValid, Error> {
    let info = SubjectPublicKeyInfoDer::from(chain::parse(cert)?.key);
    verify_tls13_signature_with_raw_key(message, &info, dss, algorithms())
}

/// What is reported when a handshake fails.
pub fn failure(error: &Error) -> String {
    if let Error::InvalidCertificate(CertificateError::Other(e)) = error
        && let Some(wrong) = e.0.downcast_ref::<WrongName>()
    {
        return wrong.to_string(); // As the original has it.
    }
    format!("tls hs: {}", reason(error))
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
            CertificateError::Revoked => "certificate revoked".into(),
            CertificateError::UnknownRevocationStatus => "no revocation list for the certificate".into(),
            CertificateError::ExpiredRevocationList => "revocation list expired".into(),
            CertificateError::UnhandledCriticalExtension => "unknown critical extension".into(),
            CertificateError::Other(e) => {
                let debug = format!("{:?}", e.0);
                let name = debug.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
                format!("bad certificate: {}", words(name))
            }
            other => format!("bad certificate: {}", words(&format!("{other:?}"))),
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
}
