//! The cryptography: AWS-LC by rustls, and one more group for key exchange.

use aws_lc_rs::agreement::{ECDH_P521, EphemeralPrivateKey, PublicKey, UnparsedPublicKey, agree_ephemeral};
use aws_lc_rs::rand::SystemRandom;
use rustls::crypto::{
    ActiveKeyExchange, CryptoProvider, GetRandomFailed, SharedSecret, SupportedKxGroup, aws_lc_rs as aws_lc,
};
use rustls::{Error, NamedGroup, PeerMisbehaved};
use std::sync::{Arc, OnceLock};

/// The cryptography, without asking or telling the rest of the process.
pub fn provider() -> &'static Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    PROVIDER.get_or_init(|| {
        let mut provider = aws_lc::default_provider();
        provider.kx_groups.push(&P521);
        Arc::new(provider)
    })
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
