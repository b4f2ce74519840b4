//! What sessions begin with. Connections with equal options share it: parsed certificates and keys,
//! the keys of tickets, the tickets of a server.

use super::chain::Trust;
use super::identity::{Identities, Identity};
use super::options::{Options, Pair};
use super::provider::provider;
use super::verify::{self, Names};
use crate::codec::tls::name::Name;
use core::ffi::CStr;
use rustls::client::Resumption;
use rustls::crypto::aws_lc_rs::Ticketer;
use rustls::pki_types::{DnsName, ServerName};
use rustls::server::{NoServerSessionStorage, ServerSessionMemoryCache};
use rustls::{ClientConfig, KeyLogFile, ServerConfig};
use sha2::{Digest, Sha256};
use std::net::SocketAddr;
use std::sync::Arc;

/// What sessions begin with.
pub enum Config {
    /// A client's, and the name that it asks for.
    Client(Arc<ClientConfig>, ServerName<'static>),
    /// A server's.
    Server(Arc<ServerConfig>),
}

/// What the connections of a manager have begun with: the newest of each kind.
pub struct Cache {
    servers: Kept<Arc<ServerConfig>>,
    clients: Kept<Arc<ClientConfig>>,
    trusts: Kept<Option<Arc<Trust>>>,
}

impl Default for Cache {
    fn default() -> Cache {
        Cache { servers: Kept::new(64), clients: Kept::new(64), trusts: Kept::new(16) }
    }
}

/// The newest values that were made of something, by its digest.
struct Kept<T> {
    most: usize,
    /// The one used last comes last.
    values: Vec<([u8; 32], T)>,
}

impl<T: Clone> Kept<T> {
    fn new(most: usize) -> Kept<T> {
        Kept { most, values: Vec::new() }
    }

    fn get<E>(&mut self, key: [u8; 32], make: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        if let Some(at) = self.values.iter().rposition(|(known, _)| *known == key) {
            self.values[at..].rotate_left(1);
        } else {
            let value = make()?;
            if self.values.len() == self.most {
                self.values.remove(0);
            }
            self.values.push((key, value));
        }
        let (_, value) = &self.values[self.values.len() - 1];
        Ok(value.clone())
    }
}

/// A digest of everything that a configuration is made of.
struct Key(Sha256);

impl Key {
    fn new(fields: &[&[u8]]) -> Key {
        let mut key = Key(Sha256::new());
        for field in fields {
            key.add(field);
        }
        key
    }

    fn add(&mut self, field: &[u8]) {
        self.0.update(field.len().to_ne_bytes());
        self.0.update(field);
    }

    fn of(options: &Options<'_>) -> Key {
        let mut key = Key::new(&[
            options.ca,
            options.crl,
            options.cert,
            options.key,
            options.ocsp,
            options.alpn,
            &[u8::from(options.tickets), u8::from(options.key_log)],
        ]);
        for Pair { cert, key: of_cert } in options.pairs {
            key.add(cert);
            key.add(of_cert);
        }
        key
    }

    fn done(self) -> [u8; 32] {
        self.0.finalize().into()
    }
}

impl Config {
    /// Reads a program's options. Also returns what the program should know about them, when they
    /// are new.
    pub fn new(
        cache: &mut Cache,
        is_client: bool,
        options: &Options<'_>,
        peer: SocketAddr,
    ) -> Result<(Config, Option<&'static str>), &'static CStr> {
        let mut doubt = None;
        let trusts = &mut cache.trusts;
        let mut trust = || {
            trusts.get(Key::new(&[options.ca, options.crl]).done(), || {
                let trust = Trust::new(options.ca, options.crl)?;
                if trust.as_ref().is_some_and(Trust::is_empty) {
                    doubt = Some("ca: no certificate in it, so nobody is trusted");
                }
                Ok(trust.map(Arc::new))
            })
        };
        let config = if is_client {
            client(&mut cache.clients, options, peer, trust)?
        } else {
            let key = Key::of(options).done();
            Config::Server(cache.servers.get(key, || server(options, trust()?).map(Arc::new))?)
        };
        Ok((config, doubt))
    }
}

fn client(
    kept: &mut Kept<Arc<ClientConfig>>,
    options: &Options<'_>,
    peer: SocketAddr,
    trust: impl FnOnce() -> Result<Option<Arc<Trust>>, &'static CStr>,
) -> Result<Config, &'static CStr> {
    let given = match options.name {
        b"*" => &[],
        // Who names authorities wants to know with whom it talks.
        b"" if Trust::is_wanted(options.ca) => options.host,
        name => name,
    };
    let (asked, names) = match Name::new(given) {
        _ if given.is_empty() => (None, Names::Any),
        Name::Host(host) => match DnsName::try_from(host) {
            Ok(host) => (Some(ServerName::DnsName(host)), Names::Asked),
            Err(_) => (None, Names::Impossible),
        },
        Name::Ip(ip) => (Some(ServerName::IpAddress(ip.into())), Names::Asked),
        Name::Impossible => (None, Names::Impossible),
    };
    // Tickets are valid for the server that gave them, and for the same verification rules.
    let mut key = Key::of(options);
    key.add(given);
    key.add(peer.to_string().as_bytes());
    key.add(&[u8::from(options.skip_verification), u8::from(names == Names::Impossible)]);
    let config = kept.get(key.done(), || {
        let verifier = if options.skip_verification {
            verify::Server { trust: None, names: Names::Any }
        } else {
            verify::Server { trust: trust()?, names }
        };
        let builder = ClientConfig::builder_with_provider(provider().clone())
            .with_safe_default_protocol_versions()
            .map_err(|_| UNUSABLE)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier));
        let mut config = match Identity::load(options.cert, options.key, options.ocsp)? {
            Some(identity) => builder.with_client_cert_resolver(Arc::new(identity)),
            None => builder.with_no_client_auth(),
        };
        config.resumption =
            if options.tickets { Resumption::in_memory_sessions(8) } else { Resumption::disabled() };
        config.alpn_protocols = protocols(options.alpn)?;
        if options.key_log {
            config.key_log = Arc::new(KeyLogFile::new());
        }
        Ok(Arc::new(config))
    })?;
    // Names that are addresses are not sent (RFC 6066, section 3).
    Ok(Config::Client(config, asked.unwrap_or(ServerName::IpAddress(peer.ip().into()))))
}

fn server(options: &Options<'_>, trust: Option<Arc<Trust>>) -> Result<ServerConfig, &'static CStr> {
    let builder = ServerConfig::builder_with_provider(provider().clone())
        .with_safe_default_protocol_versions()
        .map_err(|_| UNUSABLE)?;
    let builder = match trust {
        Some(trust) => builder.with_client_cert_verifier(Arc::new(verify::Client { trust })),
        None => builder.with_no_client_auth(),
    };
    let mut config = builder.with_cert_resolver(Arc::new(Identities::load(options)?));
    if options.tickets {
        // Some clients of TLS 1.2 take no tickets (curl): the newest of them are remembered.
        config.session_storage = ServerSessionMemoryCache::new(256);
        // Its keys are its own, so a ticket is good for these options only; they change every six
        // hours, and the previous ones are good for six more.
        config.ticketer = Ticketer::new().map_err(|_| UNUSABLE)?;
    } else {
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
    }
    config.alpn_protocols = protocols(options.alpn)?;
    if options.key_log {
        config.key_log = Arc::new(KeyLogFile::new());
    }
    Ok(config)
}

const UNUSABLE: &CStr = c"TLS: the cryptography does not start";

/// The names of protocols in a list with commas (RFC 7301, 3.1).
fn protocols(list: &[u8]) -> Result<Vec<Vec<u8>>, &'static CStr> {
    if list.is_empty() {
        return Ok(Vec::new());
    }
    let names = list.split(|b| *b == b',').map(<[u8]>::trim_ascii);
    let names: Vec<_> = names.map(<[u8]>::to_vec).collect();
    let is_name = |name: &Vec<u8>| (1..=255).contains(&name.len());
    if names.iter().all(is_name) { Ok(names) } else { Err(c"alpn: a name has 1 to 255 bytes") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_are_kept() {
        let mut kept = Kept::new(2);
        let mut made = Vec::new();
        for n in [1, 2, 1, 3, 1, 2] {
            let found = kept.get([n; 32], || {
                made.push(n);
                Ok::<_, ()>(n)
            });
            assert_eq!(found, Ok(n));
        }
        assert_eq!(made, [1, 2, 3, 2]);
        assert_eq!(kept.get([9; 32], || Err(())), Err(()));
        assert_eq!(kept.values.len(), 2);
    }

    #[test]
    fn a_key_tells_fields_apart() {
        assert!(Key::new(&[b"ab", b"c"]).done() != Key::new(&[b"a", b"bc"]).done());
    }

    #[test]
    fn lists_of_protocols() {
        assert_eq!(protocols(b""), Ok(vec![]));
        assert_eq!(protocols(b"h2, http/1.1"), Ok(vec![b"h2".to_vec(), b"http/1.1".to_vec()]));
        for wrong in [&b","[..], b"h2,", &[b'x'; 256]] {
            assert!(protocols(wrong).is_err());
        }
    }
}
