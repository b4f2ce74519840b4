//! DNS messages (RFC 1035): names, records, queries, and what a resolver wants from an answer.
//!
//! Reads never pass the packet, pointers are followed backwards only, and a name is no longer than
//! its limit, so no packet costs more than its length allows.

#![forbid(unsafe_code)]

mod addresses;
mod answer;
mod discovery;
mod name;

pub use addresses::addresses;
pub use answer::{Service, Subject, answer, query};
pub use discovery::{Found, discover};
pub use name::{Name, encode_name};

use super::addr::Address;
use core::ops::Range;

/// Bytes of a packet's header.
pub const HEADER_LEN: usize = 12;
/// Longest name on the wire, with its length bytes.
pub const NAME_MAX: usize = 255;
/// Answers that are looked at.
const ANSWERS_MAX: u16 = 10;

/// Type of an IPv4 address.
pub const TYPE_A: u16 = 1;
/// Type of an alias.
pub const TYPE_CNAME: u16 = 5;
/// Type of a pointer to another name.
pub const TYPE_PTR: u16 = 12;
/// Type of a text.
pub const TYPE_TXT: u16 = 16;
/// Type of an IPv6 address.
pub const TYPE_AAAA: u16 = 28;
/// Type of a service's host and port.
pub const TYPE_SRV: u16 = 33;
/// Response code of an answer, which may have no record.
pub const NO_ERROR: u16 = 0;
/// Response code: there is no such name, with no record of any type.
pub const NO_SUCH_NAME: u16 = 3;
/// The class of the Internet.
pub const CLASS_IN: u16 = 1;

/// The fixed part of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Transaction id.
    pub id: u16,
    /// Flags.
    pub flags: u16,
    /// Number of questions.
    pub questions: u16,
    /// Number of answers.
    pub answers: u16,
}

impl Header {
    /// Reads the header of a packet; `None` if it is too short.
    pub fn parse(packet: &[u8]) -> Option<Self> {
        Some(Header {
            id: be16(packet, 0)?,
            flags: be16(packet, 2)?,
            questions: be16(packet, 4)?,
            answers: be16(packet, 6)?,
        })
        .filter(|_| packet.len() >= HEADER_LEN)
    }

    /// Whether the packet is an answer.
    pub fn is_response(&self) -> bool {
        self.flags & 0x8000 != 0
    }

    /// Whether the answer was cut to fit a datagram.
    pub fn is_truncated(&self) -> bool {
        self.flags & 0x0200 != 0
    }

    /// What became of the query: `NO_ERROR`, `NO_SUCH_NAME`, or a failure of the server.
    pub fn code(&self) -> u16 {
        self.flags & 15
    }

    /// Query (0) or another operation.
    pub fn opcode(&self) -> u16 {
        self.flags >> 11 & 15
    }
}

fn be16(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// A question or a resource record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Bytes of the name on the wire.
    pub name_len: usize,
    /// `TYPE_*`.
    pub kind: u16,
    /// The class; in mDNS with a flag in its highest bit.
    pub class: u16,
    /// Where in the packet the data is; empty for questions.
    pub data: Range<usize>,
    /// Where the record ends.
    pub end: usize,
}

impl Record {
    /// Reads the question, or the resource record, at `at`. Its name goes to `name`, which stays as
    /// it is if the record is malformed.
    pub fn parse(packet: &[u8], at: usize, is_question: bool, name: &mut Name) -> Option<Self> {
        let (own, name_len) = Name::read(packet, at)?;
        let fields = at + name_len;
        let (kind, class) = (be16(packet, fields)?, be16(packet, fields + 2)?);
        let data = if is_question {
            fields + 4..fields + 4
        } else {
            // After the time to live.
            let start = fields + 10;
            start..start + usize::from(be16(packet, fields + 8)?)
        };
        let end = data.end;
        if end > packet.len() {
            return None;
        }
        *name = own;
        Some(Record { name_len, kind, class, data, end })
    }

    /// The address in a record of type A or AAAA.
    pub fn address(&self, packet: &[u8]) -> Option<Address> {
        let data = packet.get(self.data.clone())?;
        match self.kind {
            TYPE_A => Some(Address::V4(data.try_into().ok()?)),
            TYPE_AAAA => Some(Address::V6(data.try_into().ok()?, 0)),
            _ => None,
        }
    }
}

/// What a resolver wants from a packet.
#[derive(Clone, Debug, Default)]
pub struct Message {
    /// Transaction id.
    pub id: u16,
    /// The name in the question, or that of the last answer looked at.
    pub name: Name,
    /// The first address among the answers.
    pub address: Option<Address>,
}

impl Message {
    /// Reads a packet: its question, and of an answer the records up to the first address.
    ///
    /// Returns false for a malformed packet; what was read before the fault stays. An answer
    /// without an address is fine. The response code is not looked at.
    pub fn parse(&mut self, packet: &[u8]) -> bool {
        *self = Message::default();
        self.read(packet).is_some()
    }

    fn read(&mut self, packet: &[u8]) -> Option<()> {
        let header = Header::parse(packet).filter(|h| h.questions <= 1)?;
        self.id = header.id;
        let mut at = HEADER_LEN;
        if header.questions == 1 {
            at = Record::parse(packet, at, true, &mut self.name)?.end;
        }
        if !header.is_response() {
            return Some(());
        }
        for _ in 0..header.answers.min(ANSWERS_MAX) {
            let record = Record::parse(packet, at, false, &mut self.name)?;
            at = record.end;
            if record.class == CLASS_IN {
                self.address = record.address(packet);
            }
            if self.address.is_some() {
                break;
            }
        }
        Some(())
    }
}
