//! What an answer says about services (RFC 6763): one finding for each instance that it names.
//!
//! Records may come in any order, among answers and additional records; names are compared without
//! case.
#![forbid(unsafe_code)]

use super::{CLASS_IN, HEADER_LEN, Header, Name, Record, TYPE_A, TYPE_PTR, TYPE_SRV, TYPE_TXT, be16};
use core::ops::Range;

/// Records of one packet that are looked at.
const MOST: usize = 64;
/// Class, without the bit that flushes caches.
const CLASS: u16 = 0x7fff;
const LOCAL: &[u8] = b".local";

/// An instance of a service.
pub struct Found {
    /// The record that names it.
    pub record: Record,
    /// Where it is, if that is known: the host. Else what it is called.
    pub name: Vec<u8>,
    /// Service and protocol: `_http._tcp`.
    pub service: Vec<u8>,
    /// Its text, in the packet: strings with a length byte each.
    pub text: Option<Range<usize>>,
    /// Its port.
    pub port: u16,
    /// The host's address.
    pub address: [u8; 4],
}

/// The instances that a packet names: by a PTR each, or without any by its first SRV or TXT.
pub fn discover(packet: &[u8], header: &Header) -> Vec<Found> {
    let records = records(packet, header);
    let answers = || records.iter().filter(|(_, _, is_answer)| *is_answer);
    let mut found: Vec<Found> =
        answers().filter_map(|(owner, record, _)| pointed(packet, &records, owner, record)).collect();
    if found.is_empty() {
        let first = answers().find(|(_, record, _)| matches!(record.kind, TYPE_SRV | TYPE_TXT));
        found.extend(first.and_then(|(owner, record, _)| {
            let (label, service) = split(owner)?;
            Some(Found { name: label.to_vec(), ..describe(packet, &records, owner, record, label, service)? })
        }));
    }
    found
}

type Entry = (Name, Record, bool);

/// The records of answers and additional ones; those of authorities are passed over. One that cannot
/// be read ends the list.
fn records(packet: &[u8], header: &Header) -> Vec<Entry> {
    let mut out = Vec::new();
    let mut at = HEADER_LEN;
    let count = |at| be16(packet, at).unwrap_or(0);
    let sections =
        [(header.questions, None), (header.answers, Some(true)), (count(8), None), (count(10), Some(false))];
    for (index, (count, is_answer)) in sections.into_iter().enumerate() {
        for _ in 0..count {
            let mut name = Name::default();
            let Some(record) = Record::parse(packet, at, index == 0, &mut name) else { return out };
            at = record.end;
            if let Some(is_answer) = is_answer.filter(|_| record.class & CLASS == CLASS_IN) {
                out.push((name, record, is_answer));
            }
            if out.len() == MOST {
                return out;
            }
        }
    }
    out
}

/// What a PTR record points at, if it is an instance of a service.
fn pointed(packet: &[u8], records: &[Entry], owner: &Name, record: &Record) -> Option<Found> {
    if record.kind != TYPE_PTR {
        return None;
    }
    let service = strip_local(owner)?;
    let (instance, _) = Name::read(packet, record.data.start)?;
    // The first label may have dots in it: what follows it is the owner.
    let label = instance.len().checked_sub(owner.len() + 1).map(|end| &instance[..end]);
    let label = label.or_else(|| split(&instance).map(|(label, _)| label))?;
    describe(packet, records, &instance, record, label, service)
}

/// Collects what the packet says about an instance.
fn describe(
    packet: &[u8],
    records: &[Entry],
    instance: &[u8],
    record: &Record,
    label: &[u8],
    service: &[u8],
) -> Option<Found> {
    let of = |kind: u16, name: &[u8]| {
        records
            .iter()
            .find(|(owner, r, _)| r.kind == kind && owner.eq_ignore_ascii_case(name))
            .map(|(owner, r, _)| (owner, r))
    };
    let location = of(TYPE_SRV, instance).and_then(|(_, r)| {
        let (target, _) = Name::read(packet, r.data.start + 6).filter(|_| r.data.len() > 6)?;
        Some((be16(packet, r.data.start + 4)?, target)).filter(|(_, target)| !target.is_empty())
    });
    let host = location.as_ref().map_or(instance, |(_, target)| target);
    let address =
        of(TYPE_A, host).and_then(|(owner, r)| Some((owner, packet.get(r.data.clone())?.try_into().ok()?)));
    let name = match (&location, address) {
        (Some((_, target)), _) => target.to_vec(),
        (None, Some((owner, _))) => owner.to_vec(),
        (None, None) => label.to_vec(),
    };
    let text = of(TYPE_TXT, instance).map(|(_, r)| r.data.clone()).filter(|data| is_text(packet, data));
    Some(Found {
        record: record.clone(),
        name,
        service: service.to_vec(),
        text,
        port: location.map_or(0, |(port, _)| port),
        address: address.map_or([0; 4], |(_, bytes)| bytes),
    })
}

/// True when the strings of a TXT record lie within it.
fn is_text(packet: &[u8], data: &Range<usize>) -> bool {
    let Some(mut rest) = packet.get(data.clone()) else { return false };
    while let Some((len, after)) = rest.split_first() {
        let Some(next) = after.get(usize::from(*len)..) else { return false };
        rest = next;
    }
    true
}

/// The name of an instance: its first label, and service and protocol.
fn split(instance: &[u8]) -> Option<(&[u8], &[u8])> {
    let dot = instance.iter().position(|b| *b == b'.')?;
    Some((&instance[..dot], strip_local(&instance[dot + 1..])?))
}

fn strip_local(name: &[u8]) -> Option<&[u8]> {
    let (front, end) = name.split_at_checked(name.len().checked_sub(LOCAL.len())?)?;
    (end.eq_ignore_ascii_case(LOCAL) && !front.is_empty()).then_some(front)
}
