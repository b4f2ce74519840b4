//! The parts of an X.509 certificate (RFC 5280) that decide whether it is to be believed.
//!
//! Reads version 1 as well as version 3. Whatever it does not understand and is told to be critical
//! is remembered ([`Certificate::has_unknown`]).
#![forbid(unsafe_code)]

use super::der::{Reader, bits, tag};

/// A certificate, taken apart. The slices point into its bytes.
#[derive(Clone, Copy, Debug)]
pub struct Certificate<'a> {
    /// All of it.
    pub der: &'a [u8],
    /// What is signed.
    pub signed: &'a [u8],
    /// Contents of the identifier of the signature's algorithm.
    pub signature_algorithm: &'a [u8],
    /// The signature.
    pub signature: &'a [u8],
    /// Contents of the name of who signed.
    pub issuer: &'a [u8],
    /// Contents of the name of whose certificate it is.
    pub subject: &'a [u8],
    /// Seconds since 1970 from which on it is valid.
    pub not_before: i64,
    /// Seconds since 1970 up to which it is valid.
    pub not_after: i64,
    /// The key.
    pub key: Key<'a>,
    /// Contents of the subject's other names.
    names: &'a [u8],
    /// May sign certificates: cA of the basic constraints.
    pub is_authority: bool,
    /// How many authorities may stand between it and a leaf.
    pub path_limit: Option<u8>,
    /// Contents of the purposes its key is for, if it says.
    purposes: Option<&'a [u8]>,
    /// Has a key usage without keyCertSign.
    pub may_not_sign: bool,
    /// Has an extension that must be understood and is not, or cannot be read; name constraints, too.
    pub has_unknown: bool,
}

/// A public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key<'a> {
    /// Contents of the identifier of its algorithm.
    pub algorithm: &'a [u8],
    /// The key itself.
    pub bits: &'a [u8],
}

/// Names that a certificate may carry beside its subject's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GeneralName<'a> {
    /// A host name.
    Dns(&'a [u8]),
    /// The 4 or 16 bytes of an address.
    Ip(&'a [u8]),
    /// Anything else.
    Other,
}

/// What a certificate is shown for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// By a server.
    Server,
    /// By a client.
    Client,
}

// Object identifiers, without tag and length.
const COMMON_NAME: &[u8] = &[0x55, 4, 3];
const KEY_USAGE: &[u8] = &[0x55, 0x1d, 15];
const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 17];
const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 19];
const EXTENDED_KEY_USAGE: &[u8] = &[0x55, 0x1d, 37];
const NAME_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 30];
const CERTIFICATE_POLICIES: &[u8] = &[0x55, 0x1d, 32];
const SERVER_AUTH: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 1];
const CLIENT_AUTH: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 2];

impl<'a> Certificate<'a> {
    /// Takes a certificate apart. Bytes behind it do not matter (a `TRUSTED CERTIFICATE` has some).
    pub fn parse(der: &'a [u8]) -> Option<Certificate<'a>> {
        let whole = Reader(der).take(tag::SEQUENCE)?;
        let mut outer = Reader(whole.body);
        let signed = outer.take(tag::SEQUENCE)?;
        let signature_algorithm = outer.take(tag::SEQUENCE)?.body;
        let signature = bits(outer.take(tag::BIT_STRING)?.body)?;

        let mut fields = Reader(signed.body);
        let version = fields.take(tag::constructed(0));
        fields.take(tag::INTEGER)?;
        if fields.take(tag::SEQUENCE)?.body != signature_algorithm {
            return None;
        }
        let issuer = fields.take(tag::SEQUENCE)?.body;
        let mut validity = fields.enter(tag::SEQUENCE)?;
        let (not_before, not_after) = (time(&mut validity)?, time(&mut validity)?);
        let subject = fields.take(tag::SEQUENCE)?.body;
        let key = Key::parse(fields.take(tag::SEQUENCE)?.body)?;
        fields.take(tag::primitive(1));
        fields.take(tag::primitive(2));
        let mut certificate = Certificate {
            der: whole.whole,
            signed: signed.whole,
            signature_algorithm,
            signature,
            issuer,
            subject,
            not_before,
            not_after,
            key,
            names: &[],
            is_authority: false,
            path_limit: None,
            purposes: None,
            may_not_sign: false,
            has_unknown: false,
        };
        if let Some(mut extensions) = fields.enter(tag::constructed(3)) {
            version?;
            let mut extensions = extensions.enter(tag::SEQUENCE)?;
            while !extensions.is_empty() {
                let mut extension = extensions.enter(tag::SEQUENCE)?;
                let id = extension.take(tag::OID)?.body;
                if certificate.extend(id, extension).is_none() {
                    // A key can be used in spite of that, but names would be taken from elsewhere.
                    (id != SUBJECT_ALT_NAME).then_some(())?;
                    certificate.has_unknown = true;
                }
            }
        }
        fields.is_empty().then_some(certificate)
    }

    fn extend(&mut self, id: &[u8], mut extension: Reader<'a>) -> Option<()> {
        let is_critical = extension.take(tag::BOOLEAN).is_some_and(|b| b.body != [0]);
        let mut value = Reader(extension.take(tag::OCTET_STRING)?.body);
        match id {
            BASIC_CONSTRAINTS => {
                let mut fields = value.enter(tag::SEQUENCE)?;
                self.is_authority = fields.take(tag::BOOLEAN).is_some_and(|b| b.body != [0]);
                self.path_limit = match fields.take(tag::INTEGER).map(|n| n.body) {
                    None => None,
                    Some(&[n]) if n < 0x80 => Some(n),
                    Some(_) => return None,
                };
            }
            KEY_USAGE => {
                const KEY_CERT_SIGN: u8 = 0x04;
                let usage = value.take(tag::BIT_STRING)?.body;
                self.may_not_sign = usage.get(1).is_none_or(|bits| bits & KEY_CERT_SIGN == 0);
            }
            EXTENDED_KEY_USAGE => self.purposes = Some(value.take(tag::SEQUENCE)?.body),
            SUBJECT_ALT_NAME => {
                self.names = value.take(tag::SEQUENCE)?.body;
                let mut names = Reader(self.names);
                while !names.is_empty() {
                    names.next()?;
                }
            }
            // Whether critical or not: to believe in spite of it would be wrong.
            NAME_CONSTRAINTS => self.has_unknown = true,
            CERTIFICATE_POLICIES => {}
            _ => self.has_unknown |= is_critical,
        }
        Some(())
    }

    /// Names beside the subject's.
    pub fn alternative_names(&self) -> impl Iterator<Item = GeneralName<'a>> {
        const DNS: u8 = tag::primitive(2);
        const IP: u8 = tag::primitive(7);
        let mut names = Reader(self.names);
        core::iter::from_fn(move || {
            names.next().map(|name| match name.tag {
                DNS => GeneralName::Dns(name.body),
                IP => GeneralName::Ip(name.body),
                _ => GeneralName::Other,
            })
        })
    }

    /// The common name of the subject; of several, the last.
    pub fn common_name(&self) -> Option<&'a [u8]> {
        let mut sets = Reader(self.subject);
        let mut found = None;
        while let Some(mut set) = sets.enter(tag::SET) {
            while let Some(mut attribute) = set.enter(tag::SEQUENCE) {
                if attribute.take(tag::OID).is_some_and(|id| id.body == COMMON_NAME) {
                    found = attribute.next().map(|value| value.body);
                }
            }
        }
        found
    }

    /// True when the key is for this purpose, or for any because the certificate does not say.
    pub fn is_for(&self, purpose: Purpose) -> bool {
        let wanted = match purpose {
            Purpose::Server => SERVER_AUTH,
            Purpose::Client => CLIENT_AUTH,
        };
        let Some(purposes) = self.purposes else { return true };
        let mut purposes = Reader(purposes);
        core::iter::from_fn(|| purposes.take(tag::OID)).any(|id| id.body == wanted)
    }
}

impl<'a> Key<'a> {
    /// Takes apart the contents of a SubjectPublicKeyInfo.
    fn parse(info: &'a [u8]) -> Option<Key<'a>> {
        let mut fields = Reader(info);
        let algorithm = fields.take(tag::SEQUENCE)?.body;
        Some(Key { algorithm, bits: bits(fields.take(tag::BIT_STRING)?.body)? })
    }

    /// Takes apart a SubjectPublicKeyInfo.
    pub fn from_info(der: &'a [u8]) -> Option<Key<'a>> {
        Key::parse(Reader(der).take(tag::SEQUENCE)?.body)
    }
}

/// A point in time, in seconds since 1970: `YYMMDDhhmmssZ` or `YYYYMMDDhhmmssZ`.
fn time(reader: &mut Reader<'_>) -> Option<i64> {
    let element = reader.next()?;
    let digits = element.body.strip_suffix(b"Z")?;
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number = |from: usize, len: usize| {
        digits.get(from..from + len).map(|d| d.iter().fold(0, |n, d| n * 10 + i64::from(d - b'0')))
    };
    let (year, at) = match (element.tag, digits.len()) {
        // Two digits mean 1950 to 2049.
        (tag::UTC_TIME, 12) => (number(0, 2).map(|y| if y < 50 { y + 2000 } else { y + 1900 })?, 2),
        (tag::GENERALIZED_TIME, 14) => (number(0, 4)?, 4),
        _ => return None,
    };
    let (month, day) = (number(at, 2)?, number(at + 2, 2)?);
    let (hour, minute, second) = (number(at + 4, 2)?, number(at + 6, 2)?, number(at + 8, 2)?);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    // Days since 1970 by counting years from March, so that February is last.
    let (y, m) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * y + y.div_euclid(4) - y.div_euclid(100) + y.div_euclid(400) + (153 * m + 2) / 5 + day
        - 1
        - 719_468;
    Some(days * 86_400 + hour * 3600 + minute * 60 + second)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(tag: u8, text: &str) -> Option<i64> {
        time(&mut Reader(&[&[tag, text.len() as u8], text.as_bytes()].concat()))
    }

    #[test]
    fn times() {
        assert_eq!(seconds(tag::UTC_TIME, "700101000000Z"), Some(0));
        assert_eq!(seconds(tag::UTC_TIME, "491231235959Z"), Some(2_524_607_999));
        assert_eq!(seconds(tag::UTC_TIME, "500101000000Z"), Some(-631_152_000));
        assert_eq!(seconds(tag::GENERALIZED_TIME, "20240229120000Z"), Some(1_709_208_000));
        assert_eq!(seconds(tag::GENERALIZED_TIME, "99991231235959Z"), Some(253_402_300_799));
        for wrong in ["7001010000Z", "700101000000+0100", "701301000000Z", "70010a000000Z", "700101000000"] {
            assert_eq!(seconds(tag::UTC_TIME, wrong), None, "{wrong}");
        }
    }

    #[test]
    fn nothing_is_a_certificate_but_a_certificate() {
        for wrong in [&[][..], &[0x30], &[0x30, 0], &[0x30, 0x82, 0xff, 0xff], &[0x30, 2, 0x30, 0]] {
            assert!(Certificate::parse(wrong).is_none());
        }
    }

    fn read(text: &[u8]) -> Vec<u8> {
        crate::codec::tls::pem::blocks(text).find_map(|block| block.contents).expect("a certificate")
    }

    #[test]
    fn every_extension() {
        let der = read(include_bytes!("../../../tests/tls/every_extension.crt"));
        let found = Certificate::parse(&der).expect("a certificate");
        assert_eq!((found.is_authority, found.path_limit, found.may_not_sign), (true, Some(2), false));
        assert!(!found.has_unknown);
        assert!(found.is_for(Purpose::Server) && found.is_for(Purpose::Client));
        assert_eq!(found.common_name(), Some(&b"fuzz"[..]));
        let ip6 = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
        let names = [
            GeneralName::Dns(b"localhost"),
            GeneralName::Dns(b"*.example.com"),
            GeneralName::Ip(&[127, 0, 0, 1]),
            GeneralName::Ip(&ip6),
            GeneralName::Other,
        ];
        assert_eq!(found.alternative_names().collect::<Vec<_>>(), names);
    }

    #[test]
    fn version_1() {
        let der = read(include_bytes!("../../../tests/tls/version_1.crt"));
        let found = Certificate::parse(&[&der[..], b"trust"].concat()).map(|found| {
            assert_eq!(found.der, der);
            (found.is_authority, found.common_name().map(<[u8]>::len), found.issuer == found.subject)
        });
        assert_eq!(found, Some((false, None, true)));
    }

    /// Changes one byte in front of `extension`'s contents, or in them.
    fn with_byte(der: &[u8], after: &[u8], ahead: usize, byte: u8) -> Vec<u8> {
        let at = der.windows(after.len()).position(|w| w == after).expect("the extension") + after.len();
        let mut changed = der.to_vec();
        changed[at + ahead] = byte;
        changed
    }

    #[test]
    fn broken_extensions() {
        let der = read(include_bytes!("../../../tests/tls/every_extension.crt"));
        // Behind the identifier of the alternative names: OCTET STRING, its length, SEQUENCE.
        assert!(Certificate::parse(&with_byte(&der, SUBJECT_ALT_NAME, 2, 0)).is_none());
        let found = with_byte(&der, EXTENDED_KEY_USAGE, 2, 0);
        assert!(Certificate::parse(&found).is_some_and(|found| found.has_unknown));
    }
}
