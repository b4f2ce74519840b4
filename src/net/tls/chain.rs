//! Peer verification: webpki decides about all certificates, see `docs/reference/tls.md`.
//!
//! What a program trusts is not an anchor to webpki but an authority (or a leaf) like those that
//! peers send: its dates, usages, path length and constraints count. The one anchor, which has no
//! key, "signed" exactly the certificates that the program named ([`Listed`]).

use super::identity::certificates;
use crate::codec::tls::x509::{Certificate, Purpose, Rewritten, Unfit, trusted};
use crate::codec::tls::{crl, pem};
use core::cmp::Reverse;
use core::ffi::CStr;
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::{
    AlgorithmIdentifier, CertificateDer, Der, InvalidSignature, ServerName, SignatureVerificationAlgorithm,
    TrustAnchor, UnixTime,
};
use rustls::{CertificateError, Error, OtherError};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use webpki::{
    CertRevocationList, EndEntityCert, ExpirationPolicy, KeyUsage, OwnedCertRevocationList,
    RevocationCheckDepth, RevocationOptionsBuilder, UnknownStatusPolicy, VerifiedPath,
};

/// What peer verification trusts.
#[derive(Debug, Default)]
pub struct Trust {
    /// All certificates that the program named, as they are.
    named: HashSet<Vec<u8>>,
    /// Those of them that may sign others, by their subjects.
    authorities: HashMap<Vec<u8>, Vec<Rewritten>>,
    /// Who has been revoked.
    crls: Vec<CertRevocationList<'static>>,
}

impl Trust {
    /// True unless `ca` turns peer verification off.
    pub fn is_wanted(ca: &[u8]) -> bool {
        !ca.is_empty() && ca != b"*"
    }

    /// Reads `ca` and `crl`. `None`: peers are not verified.
    pub fn new(ca: &[u8], crl: &[u8]) -> Result<Option<Trust>, &'static CStr> {
        if !Trust::is_wanted(ca) {
            return Ok(None);
        }
        let mut trust = Trust::default();
        for der in certificates(ca) {
            if let Some(certificate) = Certificate::parse(&der)
                && let Some(authority) = certificate.as_authority(true)
            {
                trust.authorities.entry(certificate.subject.to_vec()).or_default().push(authority);
            }
            trust.named.insert(der.to_vec());
        }
        trust.crls = revocation_lists(crl)?;
        Ok(Some(trust))
    }

    /// No peer is trusted.
    pub fn is_empty(&self) -> bool {
        self.named.is_empty()
    }

    /// Checks a peer's certificate and those it sent along.
    pub fn check(
        &self,
        leaf: &CertificateDer<'_>,
        sent: &[CertificateDer<'_>],
        purpose: Purpose,
        host: Option<&ServerName<'_>>,
        now: UnixTime,
        algorithms: &WebPkiSupportedAlgorithms,
    ) -> Result<(), Error> {
        let is_named = self.named.contains(leaf.as_ref());
        let leaf = parse(leaf)?;
        let host = match host {
            Some(ServerName::DnsName(host)) => host.as_ref(),
            _ => "",
        };
        let end = leaf.as_leaf(purpose, host, is_named).map_err(|unfit| match unfit {
            Unfit::Unreadable => CertificateError::BadEncoding,
            Unfit::Purpose => CertificateError::InvalidPurpose,
        })?;
        let sent: Vec<_> = sent.iter().filter_map(|der| Certificate::parse(der)).collect();
        let between: Vec<_> = sent.iter().filter_map(|sent| sent.as_authority(false)).collect();
        // Those that anybody on the way could have been signed by.
        let issuers: HashSet<_> = sent.iter().chain([&leaf]).map(|signed| signed.issuer).collect();
        let ours: Vec<_> =
            issuers.into_iter().flat_map(|name| self.authorities.get(name)).flatten().collect();

        let listed = Listed(ours.iter().copied().chain(is_named.then_some(&end)).collect());
        let signed: HashMap<_, _> =
            between.iter().chain([&end]).map(|new| (&new.signed[..], &new.original[..])).collect();
        let checks: Vec<_> = algorithms.all.iter().map(|known| AsSigned(*known, &signed)).collect();
        let mut known: Vec<&dyn SignatureVerificationAlgorithm> = vec![&listed];
        known.extend(checks.iter().map(|check| check as &dyn SignatureVerificationAlgorithm));

        let ways: Vec<_> =
            ours.into_iter().chain(&between).map(|way| CertificateDer::from(&way.der[..])).collect();
        let end = CertificateDer::from(&end.der[..]);
        let usage = match purpose {
            Purpose::Server => KeyUsage::server_auth(),
            Purpose::Client => KeyUsage::client_auth(),
        };
        let anchors = [TrustAnchor {
            subject: Der::from_slice(trusted::NAME),
            subject_public_key_info: Der::from_slice(trusted::KEY),
            name_constraints: None,
        }];
        let crls: Vec<_> = self.crls.iter().collect();
        let revoked = RevocationOptionsBuilder::new(&crls).ok().map(|options| {
            let options = options.with_depth(RevocationCheckDepth::Chain);
            let options = options.with_status_policy(UnknownStatusPolicy::Allow);
            options.with_expiration_policy(ExpirationPolicy::Enforce).build()
        });
        let is_covered = |path: &VerifiedPath<'_>| self.has_list_for(path);
        EndEntityCert::try_from(&end)
            .and_then(|end| {
                let found =
                    end.verify_for_usage(&known, &anchors, &ways, now, usage, revoked, Some(&is_covered));
                found.map(|_| ())
            })
            .map_err(explain)
    }

    /// Who gives lists of revoked certificates wants the peer's to be looked up. (For authorities
    /// a list need not be there.)
    fn has_list_for(&self, path: &VerifiedPath<'_>) -> Result<(), webpki::Error> {
        let issuer = path.end_entity().issuer();
        let is_covered = issuer == trusted::NAME || self.crls.iter().any(|crl| crl.issuer() == issuer);
        if self.crls.is_empty() || is_covered { Ok(()) } else { Err(webpki::Error::UnknownRevocationStatus) }
    }
}

/// The lists of revoked certificates in a text, or the one of a DER file. The newest comes first:
/// webpki takes the first of an authority.
fn revocation_lists(text: &[u8]) -> Result<Vec<CertRevocationList<'static>>, &'static CStr> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let blocks = pem::blocks(text).filter(|block| block.label == b"X509 CRL");
    let mut lists: Vec<_> = match pem::is_der(text) {
        true => vec![text.to_vec()],
        false => blocks.map(|block| block.contents.unwrap_or_default()).collect(),
    };
    if lists.is_empty() {
        return Err(c"crl: no list in it");
    }
    lists.sort_by_key(|list| Reverse(crl::issued(list)));
    let read = |list: &Vec<u8>| OwnedCertRevocationList::from_der(list).map(CertRevocationList::Owned);
    lists.iter().map(|list| read(list).map_err(explain_list)).collect()
}

/// Why webpki does not read a list.
fn explain_list(error: webpki::Error) -> &'static CStr {
    use webpki::Error as E;
    match error {
        E::UnsupportedCrlVersion | E::MalformedExtensions => {
            c"crl: not version 2 with extensions (openssl ca -crlexts)"
        }
        E::UnsupportedDeltaCrl => c"crl: a delta list, whole ones are wanted",
        E::UnsupportedCriticalExtension => c"crl: an unknown critical extension",
        E::UnsupportedIndirectCrl
        | E::UnsupportedRevocationReasonsPartitioning
        | E::UnsupportedCrlIssuingDistributionPoint => c"crl: a partial list, whole ones are wanted",
        _ => c"crl: a list cannot be read",
    }
}

/// Checks that a server's certificate is for a host.
pub fn check_name(leaf: &CertificateDer<'_>, name: &ServerName<'_>) -> Result<(), Error> {
    let names = parse(leaf)?.as_names().ok_or(CertificateError::BadEncoding)?.der;
    let names = CertificateDer::from(names);
    EndEntityCert::try_from(&names)
        .and_then(|names| names.verify_is_valid_for_subject_name(name))
        .map_err(explain)
}

/// Takes a peer's certificate apart.
pub fn parse<'a>(der: &'a CertificateDer<'_>) -> Result<Certificate<'a>, Error> {
    let found = Certificate::parse(der).filter(|found| found.der.len() == der.len());
    found.ok_or_else(|| CertificateError::BadEncoding.into())
}

/// "Signs" those that the program trusts.
#[derive(Debug)]
struct Listed<'a>(Vec<&'a Rewritten>);

impl SignatureVerificationAlgorithm for Listed<'_> {
    fn verify_signature(&self, _key: &[u8], message: &[u8], _: &[u8]) -> Result<(), InvalidSignature> {
        let is_listed = self.0.iter().any(|listed| listed.signed == message);
        is_listed.then_some(()).ok_or(InvalidSignature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        AlgorithmIdentifier::from_slice(trusted::ALGORITHM)
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        AlgorithmIdentifier::from_slice(trusted::ALGORITHM)
    }
}

/// An algorithm that checks signatures of rewritten certificates: over what was signed.
#[derive(Debug)]
struct AsSigned<'a>(&'static dyn SignatureVerificationAlgorithm, &'a HashMap<&'a [u8], &'a [u8]>);

impl SignatureVerificationAlgorithm for AsSigned<'_> {
    fn verify_signature(&self, key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        let original = self.1.get(message).copied().unwrap_or(message);
        self.0.verify_signature(key, original, signature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        self.0.public_key_alg_id()
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        self.0.signature_alg_id()
    }
}

/// A signature that is too weak, or of an unknown kind.
#[derive(Debug)]
struct UnknownAlgorithm;

impl std::fmt::Display for UnknownAlgorithm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("unknown algorithm")
    }
}

impl std::error::Error for UnknownAlgorithm {}

/// What webpki says, in the terms that rustls has alerts for.
fn explain(error: webpki::Error) -> Error {
    use webpki::Error as E;
    match error {
        E::CertExpired { .. } | E::InvalidCertValidity => CertificateError::Expired,
        E::CertNotValidYet { .. } => CertificateError::NotValidYet,
        E::CertNotValidForName(_) => CertificateError::NotValidForName,
        E::UnknownIssuer | E::EndEntityUsedAsCa => CertificateError::UnknownIssuer,
        E::RequiredEkuNotFoundContext(_) | E::EmptyEkuExtension => CertificateError::InvalidPurpose,
        E::UnsupportedCriticalExtension => CertificateError::UnhandledCriticalExtension,
        E::InvalidSignatureForPublicKey => CertificateError::BadSignature,
        E::CertRevoked => CertificateError::Revoked,
        E::UnknownRevocationStatus => CertificateError::UnknownRevocationStatus,
        E::CrlExpired { .. } => CertificateError::ExpiredRevocationList,
        E::BadDer | E::BadDerTime | E::TrailingData(_) => CertificateError::BadEncoding,
        E::UnsupportedSignatureAlgorithmContext(_)
        | E::UnsupportedSignatureAlgorithmForPublicKeyContext(_) => {
            CertificateError::Other(OtherError(Arc::new(UnknownAlgorithm)))
        }
        other => CertificateError::Other(OtherError(Arc::new(other))),
    }
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_trusted() {
        assert!(matches!(Trust::new(b"", b""), Ok(None)));
        assert!(matches!(Trust::new(b"*", b"no list"), Ok(None)));
        assert!(Trust::new(b"/etc/ssl/cert.pem", b"").is_ok_and(|trust| trust.is_some_and(|t| t.is_empty())));
        assert!(Trust::new(b"/etc/ssl/cert.pem", b"no list").is_err());
    }
}
