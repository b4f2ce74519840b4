//! Packets that came.

#![forbid(unsafe_code)]

use super::{
    CONNACK, Malformed, PUBACK, PUBCOMP, PUBLISH, PUBREC, PUBREL, SUBACK, SUBSCRIBE, UNSUBACK, UNSUBSCRIBE,
    varint,
};
use core::ops::Range;

/// The first reason code that means failure (MQTT 5.0, section 2.4).
pub(super) const FAILURE: u8 = 0x80;

/// What kind of packet a first byte starts.
pub fn command(first: u8) -> u8 {
    first >> 4
}

/// The quality of service in the first byte of a PUBLISH.
pub fn qos(first: u8) -> u8 {
    first >> 1 & 3
}

/// A whole packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// All its bytes.
    pub bytes: &'a [u8],
    /// Where its body starts.
    body: usize,
}

impl<'a> Frame<'a> {
    /// How long the packet at the start of `bytes` is; `None` while that is not known.
    ///
    /// # Errors
    /// The remaining length does not end within its four bytes.
    pub fn len(bytes: &[u8]) -> Result<Option<usize>, Malformed> {
        Ok(Self::split(bytes)?.map(|(body, rest)| body + rest))
    }

    /// Where the body starts, and how long it is.
    fn split(bytes: &[u8]) -> Result<Option<(usize, usize)>, Malformed> {
        let number = varint::read(bytes.get(1..).unwrap_or_default())?;
        Ok(number.map(|(rest, len)| (1 + len, rest as usize)))
    }

    /// The packet at the start of `bytes`; `None` while it is incomplete.
    ///
    /// # Errors
    /// As for [`Frame::len`].
    pub fn parse(bytes: &'a [u8]) -> Result<Option<Self>, Malformed> {
        let Some((body, rest)) = Self::split(bytes)? else { return Ok(None) };
        Ok(bytes.get(..body + rest).map(|bytes| Frame { bytes, body }))
    }

    fn first(&self) -> u8 {
        self.bytes[0]
    }

    pub(super) fn body(&self) -> &'a [u8] {
        &self.bytes[self.body..]
    }

    /// The parts of the packet. `v5`: a PUBLISH has properties. One without even their length passes.
    ///
    /// # Errors
    /// A part is missing, or longer than the packet.
    pub fn packet(&self, v5: bool) -> Result<Packet<'a>, Malformed> {
        let body = self.body();
        let mut packet = Packet {
            command: command(self.first()),
            qos: qos(self.first()),
            id: 0,
            ack: 0,
            topic: &[],
            data: &[],
            properties: 0..0,
        };
        match packet.command {
            CONNACK => packet.ack = *body.get(1).ok_or(Malformed)?,
            PUBACK | PUBREC | PUBREL | PUBCOMP | SUBSCRIBE | SUBACK | UNSUBSCRIBE | UNSUBACK => {
                packet.id = number(body)?.0;
            }
            PUBLISH => {
                let (topic_len, rest) = number(body)?;
                let (topic, mut rest) = rest.split_at_checked(topic_len.into()).ok_or(Malformed)?;
                packet.topic = topic;
                if packet.qos > 0 {
                    (packet.id, rest) = number(rest)?;
                }
                if v5 && !rest.is_empty() {
                    let (block, len) = varint::read(rest)?.ok_or(Malformed)?;
                    let start = self.bytes.len() - rest.len() + len;
                    packet.properties = start..start + block as usize;
                    rest = self.bytes.get(packet.properties.end..).ok_or(Malformed)?;
                }
                packet.data = rest;
            }
            _ => {}
        }
        Ok(packet)
    }

    /// The reason code of a DISCONNECT.
    pub fn reason(&self) -> Option<u8> {
        self.body().first().copied()
    }

    /// The reason code with which a message was refused (MQTT 5).
    pub fn refusal(&self, packet: &Packet, v5: bool) -> Option<u8> {
        let is_answer = v5 && matches!(packet.command, PUBACK | PUBREC);
        self.body().get(2).copied().filter(|reason| is_answer && *reason >= FAILURE)
    }

    /// The packet that is sent in answer to this one automatically, whatever the program does.
    pub fn answer(&self, packet: &Packet, v5: bool) -> Option<Answer> {
        let reason = self.body().get(2).copied().unwrap_or_default();
        let (command, flags, has_reason) = match packet.command {
            PUBLISH if packet.qos == 2 => (PUBREC, 0, v5),
            PUBLISH if packet.qos > 0 => (PUBACK, 0, v5),
            PUBREC if !v5 || reason < FAILURE => (PUBREL, 2, false),
            PUBREL => (PUBCOMP, 0, false),
            _ => return None,
        };
        let [high, low] = packet.id.to_be_bytes();
        let len = if has_reason { 4 } else { 2 };
        Some(Answer { bytes: [command << 4 | flags, len, high, low, 0, 0], len: 2 + usize::from(len) })
    }
}

/// A number of two bytes, and what follows it.
fn number(bytes: &[u8]) -> Result<(u16, &[u8]), Malformed> {
    let (number, rest) = bytes.split_first_chunk().ok_or(Malformed)?;
    Ok((u16::from_be_bytes(*number), rest))
}

/// The parts of a packet. What its kind does not have is 0 or empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    /// What kind of packet it is.
    pub command: u8,
    /// The bits that are the quality of service of a PUBLISH, of any packet.
    pub qos: u8,
    /// Packet id.
    pub id: u16,
    /// Return or reason code of a CONNACK.
    pub ack: u8,
    /// Topic of a PUBLISH.
    pub topic: &'a [u8],
    /// Payload of a PUBLISH.
    pub data: &'a [u8],
    /// Where in the frame the properties of a PUBLISH are.
    pub properties: Range<usize>,
}

/// A packet that answers another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    bytes: [u8; 6],
    len: usize,
}

impl Answer {
    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}
