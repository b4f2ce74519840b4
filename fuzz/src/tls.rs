//! Certificates and the texts that hold them.

use super::inside;
use mongoose::codec::tls::name::Name;
use mongoose::codec::tls::pem;
use mongoose::codec::tls::x509::{Certificate, Purpose, Rewritten, key_bits};

/// What is read of a certificate lies within it, and what is made of it is one.
pub fn certificate(data: &[u8]) {
    if let Some(bits) = key_bits(data) {
        inside(data, bits);
    }
    let Some(found) = Certificate::parse(data) else { return };
    for part in [found.der, found.issuer, found.subject, found.key] {
        inside(data, part);
    }
    for is_trusted in [false, true] {
        for purpose in [Purpose::Server, Purpose::Client] {
            same(&found, found.as_leaf(purpose, "localhost", is_trusted).ok());
        }
        same(&found, found.as_authority(is_trusted));
    }
    same(&found, found.as_names());
}

fn same(found: &Certificate<'_>, new: Option<Rewritten>) {
    let Some(new) = new else { return };
    inside(&new.der, Certificate::parse(&new.der).expect("what was written").der);
    let again = Certificate::parse(&new.der).expect("what was written");
    assert_eq!((again.subject, again.key), (found.subject, found.key));
    assert!(found.der.windows(new.original.len()).any(|part| part == new.original));
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
