//! Is a certificate to be believed? The rules of `docs/tls.md`.
//!
//! webpki decides where it can. It reads neither certificates of version 1 nor authorities that
//! serve as servers themselves, which are normal here: for those the chain is walked by hand.

use crate::codec::tls::x509::{Certificate, Purpose};
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::{CertificateDer, SignatureVerificationAlgorithm, UnixTime};
use rustls::{CertificateError, Error};
use webpki::{EndEntityCert, KeyUsage};

/// Certificates between a leaf and an authority.
const DEPTH_MAX: usize = 8;
/// Signatures that one peer may have us check.
const SIGNATURES_MAX: usize = 64;

/// Checks a peer's certificate and those it sent along against authorities.
pub fn check(
    leaf: &Certificate<'_>,
    sent: &[CertificateDer<'_>],
    authorities: &[CertificateDer<'_>],
    purpose: Purpose,
    now: UnixTime,
    algorithms: &WebPkiSupportedAlgorithms,
) -> Result<(), Error> {
    is_valid_at(leaf, now)?;
    if !leaf.is_for(purpose) {
        return Err(CertificateError::InvalidPurpose.into());
    }
    // To have a certificate is to believe it.
    if authorities.iter().any(|authority| authority.as_ref() == leaf.der) {
        return Ok(());
    }
    match by_webpki(leaf, sent, authorities, purpose, now, algorithms) {
        Ok(()) => Ok(()),
        Err(webpki::Error::UnsupportedCertVersion | webpki::Error::CaUsedAsEndEntity) => {
            let mut walk = Walk { sent, authorities, now, algorithms, signatures: 0 };
            if walk.leads_to_authority(leaf, 0) {
                Ok(())
            } else {
                Err(CertificateError::UnknownIssuer.into())
            }
        }
        Err(webpki::Error::CertExpired { .. }) => Err(CertificateError::Expired.into()),
        Err(webpki::Error::CertNotValidYet { .. }) => Err(CertificateError::NotValidYet.into()),
        Err(webpki::Error::UnknownIssuer) => Err(CertificateError::UnknownIssuer.into()),
        Err(webpki::Error::InvalidSignatureForPublicKey) => Err(CertificateError::BadSignature.into()),
        Err(e) => Err(CertificateError::Other(rustls::OtherError(std::sync::Arc::new(e))).into()),
    }
}

fn is_valid_at(certificate: &Certificate<'_>, now: UnixTime) -> Result<(), Error> {
    let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    if now < certificate.not_before {
        return Err(CertificateError::NotValidYet.into());
    }
    if now > certificate.not_after {
        return Err(CertificateError::Expired.into());
    }
    Ok(())
}

fn by_webpki(
    leaf: &Certificate<'_>,
    sent: &[CertificateDer<'_>],
    authorities: &[CertificateDer<'_>],
    purpose: Purpose,
    now: UnixTime,
    algorithms: &WebPkiSupportedAlgorithms,
) -> Result<(), webpki::Error> {
    let der = CertificateDer::from(leaf.der);
    let end = EndEntityCert::try_from(&der)?;
    let anchors: Vec<_> =
        authorities.iter().filter_map(|der| webpki::anchor_from_trusted_cert(der).ok()).collect();
    let usage = match purpose {
        Purpose::Server => KeyUsage::server_auth(),
        Purpose::Client => KeyUsage::client_auth(),
    };
    end.verify_for_usage(algorithms.all, &anchors, sent, now, usage, None, None).map(|_| ())
}

/// A search for a way from a leaf to an authority.
struct Walk<'a> {
    sent: &'a [CertificateDer<'a>],
    authorities: &'a [CertificateDer<'a>],
    now: UnixTime,
    algorithms: &'a WebPkiSupportedAlgorithms,
    signatures: usize,
}

impl Walk<'_> {
    fn leads_to_authority(&mut self, from: &Certificate<'_>, depth: usize) -> bool {
        if from.has_unknown || depth > DEPTH_MAX {
            return false;
        }
        let (sent, authorities) = (self.sent, self.authorities);
        for authority in authorities.iter().filter_map(|der| Certificate::parse(der)) {
            if authority.subject == from.issuer
                && !authority.has_unknown
                && has_room(&authority, depth)
                && self.signed(&authority, from)
            {
                return true;
            }
        }
        for between in sent.iter().filter_map(|der| Certificate::parse(der)) {
            if between.subject == from.issuer
                && between.is_authority
                && !between.may_not_sign
                && has_room(&between, depth)
                && is_valid_at(&between, self.now).is_ok()
                && self.signed(&between, from)
                && self.leads_to_authority(&between, depth + 1)
            {
                return true;
            }
        }
        false
    }

    fn signed(&mut self, issuer: &Certificate<'_>, certificate: &Certificate<'_>) -> bool {
        self.signatures += 1;
        self.signatures <= SIGNATURES_MAX
            && self.algorithms.all.iter().any(|algorithm| {
                algorithm.signature_alg_id().as_ref() == certificate.signature_algorithm
                    && verifies(*algorithm, issuer, certificate.signed, certificate.signature)
            })
    }
}

/// The number of authorities below it that an authority allows.
fn has_room(authority: &Certificate<'_>, below: usize) -> bool {
    authority.path_limit.is_none_or(|limit| below <= usize::from(limit))
}

/// True when the key of `signer` made `signature`.
pub fn verifies(
    algorithm: &dyn SignatureVerificationAlgorithm,
    signer: &Certificate<'_>,
    message: &[u8],
    signature: &[u8],
) -> bool {
    algorithm.public_key_alg_id().as_ref() == signer.key.algorithm
        && algorithm.verify_signature(signer.key.bits, message, signature).is_ok()
}
