//! Certificates and the texts that hold them.

use super::inside;
use mongoose::codec::tls::name::Name;
use mongoose::codec::tls::pem;
use mongoose::codec::tls::x509::{Certificate, GeneralName, Key, Purpose};

/// What is read of a certificate lies within it, and it can be asked anything.
pub fn certificate(data: &[u8]) {
    let _ = Key::from_info(data);
    let Some(found) = Certificate::parse(data) else { return };
    for part in [found.der, found.signed, found.signature, found.issuer, found.subject, found.key.bits] {
        inside(data, part);
    }
    for name in found.alternative_names() {
        if let GeneralName::Dns(name) | GeneralName::Ip(name) = name {
            inside(data, name);
        }
    }
    if let Some(name) = found.common_name() {
        inside(data, name);
    }
    let _ = (found.is_for(Purpose::Server), found.is_for(Purpose::Client));
    for name in ["localhost", "127.0.0.1", "::1", "a.example.com"] {
        let _ = Name::new(name.as_bytes()).is_on(&found);
    }
}

/// Blocks have their label from the text, and no more bytes than their characters can hold.
pub fn texts(data: &[u8]) {
    let _ = Name::new(data);
    let mut bytes = 0;
    for block in pem::blocks(data) {
        inside(data, block.label);
        let contents = block.contents.unwrap_or_default();
        bytes += contents.len();
        certificate(&contents);
    }
    assert!(bytes <= data.len());
}
