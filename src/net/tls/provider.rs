//! The cryptography: AWS-LC by rustls, with one more group for key exchange.

use super::hello::Restoring;
use aws_lc_rs::agreement::{ECDH_P521, EphemeralPrivateKey, PublicKey, UnparsedPublicKey, agree_ephemeral};
use aws_lc_rs::rand::SystemRandom;
use rustls::crypto::{
    ActiveKeyExchange, CipherSuiteCommon, CryptoProvider, GetRandomFailed, SharedSecret, SupportedKxGroup,
    aws_lc_rs as aws_lc,
};
use rustls::{Error, NamedGroup, PeerMisbehaved, SupportedCipherSuite, Tls12CipherSuite, Tls13CipherSuite};
use std::sync::{Arc, OnceLock};

/// The cryptography, without asking or telling the rest of the process.
pub fn provider() -> &'static Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    PROVIDER.get_or_init(|| {
        let mut provider = aws_lc::default_provider();
        provider.kx_groups.push(&P521);
        provider.cipher_suites.iter_mut().for_each(|suite| *suite = with_restoring_hash(*suite));
        Arc::new(provider)
    })
}

/// The same suite with [`Restoring`] for a hash function. It stays for as long as the process runs, as
/// rustls demands of suites.
fn with_restoring_hash(suite: SupportedCipherSuite) -> SupportedCipherSuite {
    let common = |of: &CipherSuiteCommon| CipherSuiteCommon {
        suite: of.suite,
        hash_provider: Box::leak(Box::new(Restoring(of.hash_provider))),
        confidentiality_limit: of.confidentiality_limit,
    };
    match suite {
        SupportedCipherSuite::Tls12(suite) => {
            SupportedCipherSuite::Tls12(Box::leak(Box::new(Tls12CipherSuite {
                common: common(&suite.common),
                ..*suite
            })))
        }
        SupportedCipherSuite::Tls13(suite) => {
            SupportedCipherSuite::Tls13(Box::leak(Box::new(Tls13CipherSuite {
                common: common(&suite.common),
                ..*suite
            })))
        }
    }
}

/// Ephemeral ECDH on P-521 (RFC 8446, 4.2.8.2), which rustls does not have.
#[derive(Debug)]
struct P521;

impl SupportedKxGroup for P521 {
    fn start(&self) -> Result<Box<dyn ActiveKeyExchange>, Error> {
        let key = EphemeralPrivateKey::generate(&ECDH_P521, &SystemRandom::new())
            .map_err(|_| Error::from(GetRandomFailed))?;
        let public = key.compute_public_key().map_err(|_| Error::from(GetRandomFailed))?;
        Ok(Box::new(Exchange { key, public }))
    }

    fn name(&self) -> NamedGroup {
        NamedGroup::secp521r1
    }
}

struct Exchange {
    key: EphemeralPrivateKey,
    public: PublicKey,
}

impl ActiveKeyExchange for Exchange {
    fn complete(self: Box<Self>, peer: &[u8]) -> Result<SharedSecret, Error> {
        let bad = Error::from(PeerMisbehaved::InvalidKeyShare);
        if peer.first() != Some(&4) {
            return Err(bad); // Uncompressed points only.
        }
        let peer = UnparsedPublicKey::new(&ECDH_P521, peer);
        agree_ephemeral(self.key, peer, bad, |secret| Ok(SharedSecret::from(secret)))
    }

    fn pub_key(&self) -> &[u8] {
        self.public.as_ref()
    }

    fn group(&self) -> NamedGroup {
        NamedGroup::secp521r1
    }
}
