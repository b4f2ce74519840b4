//! X.509 certificates (RFC 5280), and how they are put into the form that webpki reads.
//!
//! webpki builds and checks all paths. It reads version 3 only, takes no authority for a server, no
//! common name for a host, and anchors as a name and a key without the rest of their certificate.
//! So a certificate is rewritten for it: the same serial number, dates, subject and key, and the
//! extensions that say the same. What signs the original signs [`Rewritten::original`]. Thus every
//! rule of webpki holds for each certificate, whatever form it came in.
#![forbid(unsafe_code)]

use super::name::is_pattern;
use core::net::IpAddr;
use x509_cert::der::asn1::{AnyRef, BitStringRef, IntRef, OctetString, UintRef, UtcTime};
use x509_cert::der::oid::AssociatedOid;
use x509_cert::der::{Decode, Encode, Reader, SliceReader, Tag, TagNumber, Tagged};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::{
    BasicConstraints, CertificatePolicies, InhibitAnyPolicy, KeyUsage, PolicyConstraints, PolicyMappings,
    SubjectAltName,
};
use x509_cert::name::Name;

/// A certificate, taken apart. The slices are whole elements of DER within its bytes.
#[derive(Clone, Copy, Debug)]
pub struct Certificate<'a> {
    /// All of it.
    pub der: &'a [u8],
    /// Who signed.
    pub issuer: &'a [u8],
    /// Whose certificate it is.
    pub subject: &'a [u8],
    /// The key: a SubjectPublicKeyInfo.
    pub key: &'a [u8],
    /// What is signed.
    signed: &'a [u8],
    /// Algorithm and bits of the signature.
    signature: [&'a [u8]; 2],
    /// Its serial number.
    pub serial: &'a [u8],
    is_version_1: bool,
    algorithm: &'a [u8],
    validity: &'a [u8],
    extensions: Option<&'a [u8]>,
}

/// What a certificate is shown for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// By a server.
    Server,
    /// By a client.
    Client,
}

/// Why a certificate cannot be a leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// It breaks the syntax.
    Unreadable,
    /// Its key is for something else.
    Purpose,
}

/// A certificate as webpki reads it.
#[derive(Debug)]
pub struct Rewritten {
    /// All of it.
    pub der: Vec<u8>,
    /// The part that a signature is checked over.
    pub signed: Vec<u8>,
    /// What was signed.
    pub original: Vec<u8>,
}

/// The issuer, in rewritten form, of certificates that the program itself trusts: a name that no
/// certificate needs, and an algorithm (of the arc for examples) that signs nothing else. Who
/// checks a "signature" by it looks the certificate up among those that are trusted.
pub mod trusted {
    /// Contents of the issuer's name.
    pub const NAME: &[u8] = b"\x31\x0b\x30\x09\x06\x03\x55\x04\x03\x0c\x02ca";
    /// Contents of the algorithm's identifier.
    pub const ALGORITHM: &[u8] = b"\x06\x02\x88\x37";
    /// Contents of the issuer's key.
    pub const KEY: &[u8] = b"\x30\x04\x06\x02\x88\x37\x03\x01\x00";
}

impl<'a> Certificate<'a> {
    /// Takes a certificate apart. Bytes after it do not matter (a `TRUSTED CERTIFICATE` has some).
    pub fn parse(der: &'a [u8]) -> Option<Certificate<'a>> {
        let der = SliceReader::new(der).ok()?.tlv_bytes().ok()?;
        let mut outer = inside(der, Tag::Sequence)?;
        let signed = outer.tlv_bytes().ok()?;
        let signature = [take(&mut outer, Tag::Sequence)?, take(&mut outer, Tag::BitString)?];
        let mut fields = inside(signed, Tag::Sequence)?;
        let version = take(&mut fields, context(0, true));
        let mut certificate = Certificate {
            der,
            signed,
            signature,
            is_version_1: version.is_none(),
            serial: take(&mut fields, Tag::Integer)?,
            algorithm: take(&mut fields, Tag::Sequence)?,
            issuer: take(&mut fields, Tag::Sequence)?,
            validity: take(&mut fields, Tag::Sequence)?,
            subject: take(&mut fields, Tag::Sequence)?,
            key: take(&mut fields, Tag::Sequence)?,
            extensions: None,
        };
        for unique_id in [1, 2] {
            take(&mut fields, context(unique_id, false));
        }
        if let Some(extensions) = take(&mut fields, context(3, true)) {
            certificate.extensions = Some(take(&mut inside(extensions, context(3, true))?, Tag::Sequence)?);
        }
        IntRef::from_der(certificate.serial).ok()?;
        (outer.is_finished() && fields.is_finished()).then_some(certificate)
    }

    /// As the certificate of a peer, a server's for `host`. `is_trusted`: the program has named this
    /// very certificate, so no signature is needed.
    pub fn as_leaf(&self, purpose: Purpose, host: &str, is_trusted: bool) -> Result<Rewritten, Unfit> {
        let mut extensions = self.extensions().ok_or(Unfit::Unreadable)?;
        // RFC 5280, 4.2.1.3. Any use in a handshake will do: certificates for RSA key exchange are
        // common, and sign what newer suites have them sign.
        if let Some(usage) = find::<KeyUsage>(&extensions).ok_or(Unfit::Unreadable)? {
            let signs = usage.digital_signature() || usage.key_agreement();
            if !signs && (purpose == Purpose::Client || !usage.key_encipherment()) {
                return Err(Unfit::Purpose);
            }
        }
        // An authority may be a server, too. What it may sign does not matter here.
        basic_constraints(&mut extensions).ok_or(Unfit::Unreadable)?;
        // What looks like a domain, or is treated as the host, must be a name that the authority may give.
        let counts = |name: &[u8]| name.contains(&b'.') || name.eq_ignore_ascii_case(host.as_bytes());
        let names = self.names(&extensions, counts).ok_or(Unfit::Unreadable)?;
        extensions.retain(|e| e.extn_id != BasicConstraints::OID && e.extn_id != SubjectAltName::OID);
        extensions.extend(names);
        self.rewrite(extensions, is_trusted).ok_or(Unfit::Unreadable)
    }

    /// As the certificate of who signs others; `None` when it may not do that. `is_trusted`: the
    /// program has named this very certificate, so no signature is needed.
    pub fn as_authority(&self, is_trusted: bool) -> Option<Rewritten> {
        let mut extensions = self.extensions()?;
        let usage = find::<KeyUsage>(&extensions)?;
        if usage.as_ref().is_some_and(|usage| !usage.key_cert_sign()) {
            return None; // RFC 5280, 6.1.4 (n).
        }
        match basic_constraints(&mut extensions)? {
            Some(constraints) if constraints.ca => {}
            // Roots from before there were basic constraints.
            None if is_trusted && (usage.is_some() || self.is_old_root()) => {
                let value = BasicConstraints { ca: true, path_len_constraint: None }.to_der().ok()?;
                extensions.push(extension::<BasicConstraints>(true, value)?);
            }
            _ => return None, // RFC 5280, 6.1.4 (k).
        }
        self.rewrite(extensions, is_trusted)
    }

    /// Only with the names that a host may have.
    pub fn as_names(&self) -> Option<Rewritten> {
        let names = self.names(&self.extensions()?, |_| true)?;
        self.rewrite(names.into_iter().collect(), false)
    }

    /// The names of hosts that it has, in small letters; those of domains begin with `*.`.
    pub fn hosts(&self) -> Vec<String> {
        let names = self.extensions().and_then(|all| self.names(&all, |_| true)?);
        names.map_or_else(Vec::new, |names| {
            let text = |name: AnyRef<'_>| String::from_utf8_lossy(name.value()).to_ascii_lowercase();
            alternative_names(&names).filter(|name| name.tag() == context(2, false)).map(text).collect()
        })
    }

    /// Whose certificate it is, as text (RFC 4514).
    pub fn subject_text(&self) -> Option<String> {
        Some(Name::from_der(self.subject).ok()?.to_string())
    }

    /// Its alternative names as texts: `DNS:`, `IP:`, `email:` or `URI:` and the name. Those with
    /// blanks, control characters or bytes beyond ASCII are left out: they could pass for others.
    pub fn name_texts(&self) -> Vec<String> {
        let Some(extensions) = self.extensions() else { return Vec::new() };
        let found = extensions.iter().find(|e| e.extn_id == SubjectAltName::OID);
        let text = |name: AnyRef<'_>| {
            let bytes = name.value();
            let kind = match name.tag() {
                tag if tag == context(1, false) => "email",
                tag if tag == context(2, false) => "DNS",
                tag if tag == context(6, false) => "URI",
                tag if tag == context(7, false) => {
                    let v4 = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
                    let ip = v4.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from)).ok()?;
                    return Some(format!("IP:{ip}"));
                }
                _ => return None,
            };
            bytes
                .iter()
                .all(u8::is_ascii_graphic)
                .then(|| format!("{kind}:{}", String::from_utf8_lossy(bytes)))
        };
        found.map_or_else(Vec::new, |found| alternative_names(found).filter_map(text).collect())
    }

    /// The bits of its key.
    pub fn key_bits(&self) -> Option<&'a [u8]> {
        key_bits(self.key)
    }

    fn is_old_root(&self) -> bool {
        self.is_version_1 && self.issuer == self.subject
    }

    fn extensions(&self) -> Option<Vec<Extension>> {
        let extensions = Vec::<Extension>::from_der(self.extensions.unwrap_or(b"\x30\0")).ok()?;
        // RFC 5280, 4.2: not more than one of a kind.
        let mut kinds: Vec<_> = extensions.iter().map(|e| e.extn_id).collect();
        kinds.sort_unstable();
        kinds.windows(2).all(|two| two[0] != two[1]).then_some(extensions)
    }

    /// The alternative names; of a certificate that has no DNS names among them, with the common
    /// names that are hosts and count. `Some(None)`: it has no names.
    fn names(&self, extensions: &[Extension], counts: impl Fn(&[u8]) -> bool) -> Option<Option<Extension>> {
        let found = extensions.iter().find(|e| e.extn_id == SubjectAltName::OID);
        let dns = context(2, false);
        let mut names = Vec::new();
        if let Some(found) = found {
            let mut rest = inside(found.extn_value.as_bytes(), Tag::Sequence)?;
            while !rest.is_finished() {
                let name = rest.tlv_bytes().ok()?;
                if AnyRef::from_der(name).ok()?.tag() == dns {
                    return Some(Some(found.clone()));
                }
                names.extend_from_slice(name);
            }
        }
        for name in self.common_names()? {
            if is_pattern(name) && counts(name) {
                names.extend(wrap(dns, &[name])?);
            }
        }
        if found.is_none() && names.is_empty() {
            return Some(None);
        }
        let is_critical = found.is_some_and(|found| found.critical);
        Some(Some(extension::<SubjectAltName>(is_critical, wrap(Tag::Sequence, &[&names])?)?))
    }

    /// The common names of the subject.
    fn common_names(&self) -> Option<Vec<&'a [u8]>> {
        const COMMON_NAME: &[u8] = &[0x06, 3, 0x55, 4, 3];
        let mut found = Vec::new();
        let mut sets = inside(self.subject, Tag::Sequence)?;
        while !sets.is_finished() {
            let mut attributes = inside(sets.tlv_bytes().ok()?, Tag::Set)?;
            while !attributes.is_finished() {
                let mut attribute = inside(attributes.tlv_bytes().ok()?, Tag::Sequence)?;
                // Kinds of strings that der does not know are no names of hosts.
                if attribute.tlv_bytes().ok()? == COMMON_NAME
                    && let Ok(text) = attribute.tlv_bytes().and_then(AnyRef::from_der)
                {
                    found.push(text.value());
                }
            }
        }
        Some(found)
    }

    /// The validity. Starts before 1970, which webpki does not read, are in 1970.
    fn dates(&self) -> Option<Vec<u8>> {
        const YEAR: core::ops::Range<usize> = 2..4;
        let mut dates = inside(self.validity, Tag::Sequence)?;
        let mut start = take(&mut dates, Tag::UtcTime).unwrap_or_default().to_vec();
        // RFC 5280, 4.1.2.5.1: from 50 on it is the last century.
        if let Some([b'5' | b'6', _]) = start.get(YEAR) {
            start[YEAR].copy_from_slice(b"72"); // A leap year, like some of them.
            UtcTime::from_der(&start).ok()?;
            start[2..8].copy_from_slice(b"700101");
            return wrap(Tag::Sequence, &[&start, dates.tlv_bytes().ok()?]).filter(|_| dates.is_finished());
        }
        Some(self.validity.to_vec())
    }

    fn rewrite(&self, mut extensions: Vec<Extension>, is_trusted: bool) -> Option<Rewritten> {
        const VERSION_3: &[u8] = &[0xa0, 3, 2, 1, 2];
        extensions.retain(|e| !is_of_no_consequence(e));
        let extensions = match &extensions[..] {
            [] => Vec::new(),
            some => wrap(context(3, true), &[&some.to_vec().to_der().ok()?])?,
        };
        let name = wrap(Tag::Sequence, &[trusted::NAME])?;
        let algorithm = wrap(Tag::Sequence, &[trusted::ALGORITHM])?;
        let (issuer, algorithm, signature) = if is_trusted {
            (&name[..], &algorithm[..], [&algorithm[..], b"\x03\x01\0"])
        } else {
            (self.issuer, self.algorithm, self.signature)
        };
        let fields =
            [VERSION_3, self.serial, algorithm, issuer, &self.dates()?, self.subject, self.key, &extensions];
        let signed = wrap(Tag::Sequence, &fields)?;
        let der = wrap(Tag::Sequence, &[&signed, signature[0], signature[1]])?;
        Some(Rewritten { der, signed, original: self.signed.to_vec() })
    }
}

/// True for an extension about policies, unless it demands one. Any will do, so that there is nothing
/// to check about them (RFC 5280, 6.1.1 c, and 6.1.5 g: only if `explicit_policy` is 0).
fn is_of_no_consequence(extension: &Extension) -> bool {
    match extension.extn_id {
        CertificatePolicies::OID | PolicyMappings::OID | InhibitAnyPolicy::OID => true,
        PolicyConstraints::OID => PolicyConstraints::from_der(extension.extn_value.as_bytes())
            .is_ok_and(|constraints| constraints.require_explicit_policy.is_none()),
        _ => false,
    }
}

/// The basic constraints, as [`find`] has them. A path length of more than a byte, which neither it
/// nor webpki reads, is removed: no path is that long.
fn basic_constraints(extensions: &mut [Extension]) -> Option<Option<BasicConstraints>> {
    const CA: &[u8] = &[1, 1, 0xff];
    if let Some(found) = extensions.iter_mut().find(|e| e.extn_id == BasicConstraints::OID) {
        let mut fields = inside(found.extn_value.as_bytes(), Tag::Sequence)?;
        let is_ca = take(&mut fields, Tag::Boolean) == Some(CA);
        let length = take(&mut fields, Tag::Integer).and_then(|length| UintRef::from_der(length).ok());
        let is_long = length.is_some_and(|length| length.as_bytes().len() > 1);
        if is_ca && is_long && fields.is_finished() {
            found.extn_value = OctetString::new(wrap(Tag::Sequence, &[CA])?).ok()?;
        }
    }
    find(extensions)
}

/// The names in an extension, as far as they can be read.
fn alternative_names(extension: &Extension) -> impl Iterator<Item = AnyRef<'_>> {
    let mut rest = inside(extension.extn_value.as_bytes(), Tag::Sequence);
    core::iter::from_fn(move || AnyRef::decode(rest.as_mut()?).ok())
}

/// The bits of a key in a SubjectPublicKeyInfo.
pub fn key_bits(info: &[u8]) -> Option<&[u8]> {
    let mut fields = inside(info, Tag::Sequence)?;
    take(&mut fields, Tag::Sequence)?;
    BitStringRef::from_der(take(&mut fields, Tag::BitString)?).ok()?.as_bytes()
}

/// A tag of a context (X.680, 8.1.2).
pub(super) fn context(number: u32, constructed: bool) -> Tag {
    Tag::ContextSpecific { number: TagNumber(number), constructed }
}

/// A reader of the contents of an element, which must have this tag.
pub(super) fn inside(element: &[u8], tag: Tag) -> Option<SliceReader<'_>> {
    let element = AnyRef::from_der(element).ok().filter(|element| element.tag() == tag)?;
    SliceReader::new(element.value()).ok()
}

/// The next element, if it has this tag.
pub(super) fn take<'a>(reader: &mut SliceReader<'a>, tag: Tag) -> Option<&'a [u8]> {
    (Tag::peek(reader).ok()? == tag).then(|| reader.tlv_bytes().ok())?
}

/// An element with these contents.
fn wrap(tag: Tag, contents: &[&[u8]]) -> Option<Vec<u8>> {
    AnyRef::new(tag, &contents.concat()).ok()?.to_der().ok()
}

/// The extension of a kind, if there is one; `None` when it cannot be read.
fn find<T: AssociatedOid + for<'a> Decode<'a>>(extensions: &[Extension]) -> Option<Option<T>> {
    match extensions.iter().find(|e| e.extn_id == T::OID) {
        None => Some(None),
        Some(found) => T::from_der(found.extn_value.as_bytes()).ok().map(Some),
    }
}

fn extension<T: AssociatedOid>(critical: bool, value: Vec<u8>) -> Option<Extension> {
    Some(Extension { extn_id: T::OID, critical, extn_value: OctetString::new(value).ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &[u8]) -> Vec<u8> {
        crate::codec::tls::pem::blocks(text).find_map(|block| block.contents).expect("a certificate")
    }

    fn every_extension() -> Vec<u8> {
        read(include_bytes!("../../../tests/tls/every_extension.crt"))
    }

    #[test]
    fn nothing_is_a_certificate_but_a_certificate() {
        for wrong in [&[][..], &[0x30], &[0x30, 0], &[0x30, 0x82, 0xff, 0xff], &[0x30, 2, 0x30, 0]] {
            assert!(Certificate::parse(wrong).is_none());
        }
    }

    #[test]
    fn a_rewritten_certificate_is_one() {
        let texts = [
            &include_bytes!("../../../tests/tls/every_extension.crt")[..],
            include_bytes!("../../../tests/tls/version_1.crt"),
        ];
        for text in texts {
            let der = read(text);
            let found = Certificate::parse(&der).expect("a certificate");
            for is_trusted in [false, true] {
                let leaf = found.as_leaf(Purpose::Server, "localhost", is_trusted).expect("a leaf");
                let authority = found.as_authority(is_trusted);
                assert!(authority.is_some() || found.is_version_1);
                for new in authority.iter().chain([&leaf]) {
                    let again = Certificate::parse(&new.der).expect("a certificate");
                    assert_eq!((again.subject, again.key), (found.subject, found.key));
                    assert_eq!(again.signed, new.signed);
                    assert_eq!(again.issuer == found.issuer, !is_trusted);
                    assert_eq!(new.original, found.signed);
                }
            }
        }
    }

    #[test]
    fn only_a_root_that_is_trusted_may_lack_constraints() {
        let der = read(include_bytes!("../../../tests/tls/version_1.crt"));
        let found = Certificate::parse(&[&der[..], b"trust"].concat()).map(|found| {
            assert_eq!(found.der, der);
            (found.as_authority(true).is_some(), found.as_authority(false).is_some())
        });
        assert_eq!(found, Some((true, false)));
    }

    #[test]
    fn names() {
        let der = every_extension();
        let found = Certificate::parse(&der).expect("a certificate");
        assert_eq!(found.common_names(), Some(vec![&b"fuzz"[..]]));
        let texts = ["DNS:localhost", "DNS:*.example.com", "IP:127.0.0.1", "IP:::1"];
        assert_eq!(found.name_texts()[..4], texts);
        assert_eq!(found.hosts(), ["localhost", "*.example.com"]);
        assert_eq!(found.subject_text().as_deref(), Some("CN=fuzz,O=Test,C=IE"));
        // It has DNS names, so the common name is none.
        let names = found.as_names().expect("names").der;
        assert!(names.windows(9).any(|w| w == b"localhost"));
        assert!(names.windows(4).filter(|w| w == b"fuzz").count() <= 2); // Subject and issuer.
    }

    #[test]
    fn dates_before_1970() {
        let der = every_extension();
        let found = Certificate::parse(&der).expect("a certificate");
        let dates = |start: &[u8]| {
            let start = wrap(Tag::UtcTime, &[start]).expect("a time");
            let end = b"\x17\x0d491231235959Z";
            let validity = wrap(Tag::Sequence, &[&start, end]).expect("dates");
            Certificate { validity: &validity, ..found }.dates()
        };
        let expected = Some(b"\x30\x1e\x17\x0d700101120000Z\x17\x0d491231235959Z".to_vec());
        assert_eq!(dates(b"500101120000Z"), expected);
        assert_eq!(dates(b"520229120000Z"), expected);
        assert_eq!(dates(b"700101120000Z"), expected);
        assert_eq!(dates(b"501301120000Z"), None);
        assert_eq!(dates(b"5001011200Z"), None);
    }

    #[test]
    fn broken_extensions() {
        // After the identifier of each: whether it is critical, OCTET STRING, its length, contents.
        for (id, ahead) in [(&[0x55, 0x1d, 17][..], 2), (&[0x55, 0x1d, 19], 5), (&[0x55, 0x1d, 15], 5)] {
            let mut der = every_extension();
            let at = der.windows(3).position(|w| w == id).expect("the extension") + 3;
            der[at + ahead] = 0;
            let found = Certificate::parse(&der).expect("a certificate");
            let unfit = found.as_leaf(Purpose::Server, "", false).err();
            assert!(matches!(unfit, Some(Unfit::Unreadable | Unfit::Purpose)), "{id:?}");
        }
    }
}
