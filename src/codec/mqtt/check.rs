//! What makes a packet malformed.
//!
//! [`Frame::is_sound`] looks at what every receiver must refuse, [`Frame::check`] at everything that
//! the standards say about one packet.

#![forbid(unsafe_code)]

use super::packet::Frame;
use super::property::{Kind, Property, kind, next_property};
use super::{
    AUTH, CONNACK, CONNECT, DISCONNECT, PINGREQ, PINGRESP, PUBACK, PUBCOMP, PUBLISH, PUBREC, PUBREL, Packet,
    SUBACK, SUBSCRIBE, UNSUBACK, UNSUBSCRIBE, varint,
};

/// Why a connection ends: reason codes of MQTT 5 (section 2.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The bytes are not what they should be.
    Malformed = 0x81,
    /// The packet may not be there, or not have this.
    Protocol = 0x82,
    /// More messages than may be open at once.
    ReceiveMaximum = 0x93,
    /// A topic alias that was not allowed, or has no topic.
    TopicAlias = 0x94,
    /// The packet is longer than allowed.
    TooLarge = 0x95,
}

/// Who sent a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum From {
    /// A client.
    Client,
    /// A server.
    Server,
}

/// What the properties of a will stand for in [`places`].
const WILL: u8 = 0;
/// Properties that may occur in a packet more than once.
const USER_PROPERTY: u8 = 0x26;
const SUBSCRIPTION_ID: u8 = 0x0b;
const RESPONSE_TOPIC: u8 = 0x08;
/// The property with which a client asks for its session to be kept, in seconds.
pub const SESSION_EXPIRY: u8 = 0x11;
/// The property that stands for a topic.
pub const TOPIC_ALIAS: u8 = 0x23;

/// The packets that a property may occur in, a bit for each (MQTT 5.0, table 2-4).
fn places(id: u8) -> u16 {
    const fn of(commands: &[u8]) -> u16 {
        let (mut mask, mut at) = (0, 0);
        while at < commands.len() {
            mask |= 1 << commands[at];
            at += 1;
        }
        mask
    }
    match id {
        0x01..=0x03 | 0x08 | 0x09 => of(&[PUBLISH, WILL]),
        SUBSCRIPTION_ID => of(&[PUBLISH, SUBSCRIBE]),
        SESSION_EXPIRY => of(&[CONNECT, CONNACK, DISCONNECT]),
        0x12 | 0x13 | 0x1a | 0x24 | 0x25 | 0x28..=0x2a => of(&[CONNACK]),
        0x15 | 0x16 => of(&[CONNECT, CONNACK, AUTH]),
        0x17 | 0x19 => of(&[CONNECT]),
        0x18 => of(&[WILL]),
        0x1c => of(&[CONNACK, DISCONNECT]),
        0x1f => of(&[CONNACK, PUBACK, PUBREC, PUBREL, PUBCOMP, SUBACK, UNSUBACK, DISCONNECT, AUTH]),
        0x21 | 0x22 | 0x27 => of(&[CONNECT, CONNACK]),
        TOPIC_ALIAS => of(&[PUBLISH]),
        USER_PROPERTY => u16::MAX,
        _ => 0,
    }
}

/// Whether the value is one that the property may have.
fn has_sense(property: &Property) -> bool {
    match kind(property.id) {
        Some(Kind::Byte) => property.number <= 1,
        Some(Kind::Pair) => is_text(property.key) && is_text(property.value),
        Some(Kind::Bytes) => match property.id {
            0x09 | 0x16 => true,
            RESPONSE_TOPIC => is_topic(property.value),
            _ => is_text(property.value),
        },
        _ => !matches!(property.id, SUBSCRIPTION_ID | 0x21 | TOPIC_ALIAS | 0x27) || property.number > 0,
    }
}

/// Whether a block of properties is well-formed, and allowed in a packet.
fn are_properties(mut block: &[u8], command: u8) -> bool {
    let mut seen = 0u64;
    while !block.is_empty() {
        let Some((property, len)) = next_property(block) else { return false };
        block = &block[len..];
        let bit = 1 << property.id;
        let may_repeat =
            property.id == USER_PROPERTY || (property.id == SUBSCRIPTION_ID && command == PUBLISH);
        if places(property.id) & 1 << command == 0
            || (seen & bit != 0 && !may_repeat)
            || !has_sense(&property)
        {
            return false;
        }
        seen |= bit;
    }
    true
}

/// UTF-8 without NUL (MQTT 5.0, section 1.5.4).
fn is_text(text: &[u8]) -> bool {
    memchr::memchr(0, text).is_none() && str::from_utf8(text).is_ok()
}

/// A name that a message can have (MQTT 5.0, section 4.7): some text without wildcards.
fn is_topic(topic: &[u8]) -> bool {
    !topic.is_empty() && memchr::memchr2(b'#', b'+', topic).is_none() && is_text(topic)
}

/// A filter: wildcards stand for whole levels, `#` for the last ones. A shared one has a name and a
/// filter (section 4.8.2).
fn is_filter(filter: &[u8], v5: bool) -> bool {
    let filter = match filter.strip_prefix(b"$share/").filter(|_| v5) {
        None => filter,
        Some(shared) => {
            let Some(at) = memchr::memchr(b'/', shared).filter(|at| *at > 0) else { return false };
            if memchr::memchr2(b'#', b'+', &shared[..at]).is_some() {
                return false;
            }
            &shared[at + 1..]
        }
    };
    let mut levels = filter.split(|b| *b == b'/').peekable();
    while let Some(level) = levels.next() {
        let has_wildcard = memchr::memchr2(b'#', b'+', level).is_some();
        if has_wildcard && (level.len() > 1 || (level == b"#" && levels.peek().is_some())) {
            return false;
        }
    }
    !filter.is_empty() && is_text(filter)
}

/// The low bits of the first byte that a packet must have; any for PUBLISH.
fn has_right_flags(first: u8) -> bool {
    match first >> 4 {
        PUBLISH => true,
        PUBREL | SUBSCRIBE | UNSUBSCRIBE => first & 15 == 2,
        _ => first & 15 == 0,
    }
}

impl Frame<'_> {
    /// Whether a receiver may continue after this packet. No: a command that is none, wrong flags (MQTT
    /// 3.1.1, section 2.2.2), and of a message QoS 3, a packet id 0, a topic that is none or properties
    /// that it cannot have.
    pub fn is_sound(&self, packet: &Packet, v5: bool) -> bool {
        if !has_right_flags(self.bytes[0]) || packet.command == 0 {
            return false;
        }
        if packet.command == CONNECT {
            // A password takes a user name before MQTT 5 (MQTT 3.1.1, section 3.1.2.9).
            return !matches!(self.body(), [_, _, b'M', b'Q', b'T', b'T', 4, flags, ..] if flags & 0xc0 == 0x40);
        }
        if packet.command != PUBLISH {
            return true;
        }
        if packet.qos == 3 || (packet.qos > 0 && packet.id == 0) {
            return false;
        }
        let block = self.bytes.get(packet.properties.clone()).unwrap_or_default();
        let has_alias = || Properties(block).any(|property| property.id == TOPIC_ALIAS);
        (is_topic(packet.topic) || (v5 && packet.topic.is_empty() && has_alias()))
            && (block.is_empty() || are_properties(block, PUBLISH))
    }

    /// Everything that can be said about one packet. `v5` is what is known from CONNECT; for that
    /// packet it makes no difference.
    ///
    /// # Errors
    /// What is wrong.
    pub fn check(&self, packet: &Packet, v5: bool, from: From) -> Result<(), Fault> {
        let may_send = match packet.command {
            CONNECT | SUBSCRIBE | UNSUBSCRIBE | PINGREQ => from == From::Client,
            CONNACK | SUBACK | UNSUBACK | PINGRESP => from == From::Server,
            DISCONNECT => v5 || from == From::Client,
            AUTH => v5,
            _ => true,
        };
        if !may_send {
            return Err(Fault::Protocol);
        }
        let number = self.bytes.len() - self.body().len() - 1;
        if number != varint::write(self.body().len() as u32).1 || !self.is_sound(packet, v5) {
            return Err(Fault::Malformed);
        }
        if packet.command == PUBLISH {
            let block = self.bytes.get(packet.properties.clone()).unwrap_or_default();
            let is_repeated_for_nothing = packet.qos == 0 && self.bytes[0] & super::DUP != 0;
            if is_repeated_for_nothing || (v5 && packet.properties.start == 0) {
                return Err(Fault::Malformed);
            }
            let has_id = Properties(block).any(|property| property.id == SUBSCRIPTION_ID);
            return if has_id && from == From::Client { Err(Fault::Protocol) } else { Ok(()) };
        }
        body(packet.command, &mut Reader(self.body()), v5, from).ok_or(Fault::Malformed)
    }

    /// The properties after a reason code, of a DISCONNECT for example, or those of a CONNECT.
    pub fn properties(&self, packet: &Packet) -> impl Iterator<Item = Property<'_>> {
        let block = match packet.command {
            PUBLISH => self.bytes.get(packet.properties.clone()),
            CONNECT => self.body().get(10..).and_then(|rest| Reader(rest).block()),
            DISCONNECT => self.body().get(1..).and_then(|rest| Reader(rest).block()),
            CONNACK => self.body().get(2..).and_then(|rest| Reader(rest).block()),
            _ => None,
        };
        Properties(block.unwrap_or_default())
    }

    /// The seconds of keep-alive in a CONNECT (MQTT 5.0, section 3.1.2.10).
    pub fn keep_alive(&self) -> Option<u16> {
        let body = self.body();
        let name = usize::from(u16::from_be_bytes([*body.first()?, *body.get(1)?]));
        // After the protocol's name: its level, and flags.
        let at = 2 + name + 2;
        Some(u16::from_be_bytes([*body.get(at)?, *body.get(at + 1)?]))
    }

    /// The protocol level in a CONNECT.
    pub fn level(&self) -> Option<u8> {
        self.body().get(6).copied()
    }
}

/// Checks what follows the fixed header. `None`: it is not what it should be.
fn body(command: u8, reader: &mut Reader, v5: bool, from: From) -> Option<()> {
    match command {
        CONNECT => connect(reader)?,
        CONNACK => {
            let [present, code] = reader.take()?;
            let is_code = if v5 { is_connack_code(code) } else { code <= 5 };
            ensure(present <= 1 && is_code && (code == 0 || present == 0))?;
            reader.properties(command, v5)?;
        }
        PUBACK | PUBREC | PUBREL | PUBCOMP => {
            reader.id()?;
            if v5 && !reader.0.is_empty() {
                let [code] = reader.take()?;
                ensure(match command {
                    PUBACK | PUBREC => {
                        matches!(code, 0 | 0x10 | 0x80 | 0x83 | 0x87 | 0x90 | 0x91 | 0x97 | 0x99)
                    }
                    _ => matches!(code, 0 | 0x92),
                })?;
                reader.last_properties(command)?;
            }
        }
        SUBSCRIBE => {
            reader.id()?;
            reader.properties(command, v5)?;
            loop {
                let filter = reader.bytes()?;
                let [options] = reader.take()?;
                let retain_handling = options >> 4 & 3;
                let is_valid = if v5 { options >> 6 == 0 && retain_handling < 3 } else { options >> 2 == 0 };
                // Shared, and "no local" (section 3.8.3.1).
                let is_odd = v5 && filter.starts_with(b"$share/") && options & 4 != 0;
                ensure(is_filter(filter, v5) && options & 3 < 3 && is_valid && !is_odd)?;
                if reader.0.is_empty() {
                    break;
                }
            }
        }
        UNSUBSCRIBE => {
            reader.id()?;
            reader.properties(command, v5)?;
            loop {
                ensure(is_filter(reader.bytes()?, v5))?;
                if reader.0.is_empty() {
                    break;
                }
            }
        }
        SUBACK | UNSUBACK => {
            reader.id()?;
            reader.properties(command, v5)?;
            if command == SUBACK || v5 {
                let codes = core::mem::take(&mut reader.0);
                let is_code = |code: &u8| match (command, v5) {
                    (SUBACK, false) => matches!(code, 0..=2 | 0x80),
                    (SUBACK, true) => {
                        matches!(code, 0..=2 | 0x80 | 0x83 | 0x87 | 0x8f | 0x91 | 0x97 | 0x9e | 0xa1 | 0xa2)
                    }
                    _ => matches!(code, 0 | 0x11 | 0x80 | 0x83 | 0x87 | 0x8f | 0x91),
                };
                ensure(!codes.is_empty() && codes.iter().all(is_code))?;
            }
        }
        DISCONNECT if v5 && !reader.0.is_empty() => {
            let [code] = reader.take()?;
            ensure(match from {
                From::Client => matches!(code, 0 | 0x04 | 0x80..=0x83 | 0x90 | 0x93..=0x99),
                From::Server => {
                    matches!(code, 0 | 0x80..=0x83 | 0x87 | 0x89 | 0x8b | 0x8d..=0x90 | 0x93..=0xa2)
                }
            })?;
            reader.last_properties(command)?;
        }
        AUTH if !reader.0.is_empty() => {
            let [code] = reader.take()?;
            ensure(matches!(code, 0 | 0x18 | 0x19))?;
            reader.last_properties(command)?;
        }
        _ => {}
    }
    ensure(reader.0.is_empty())
}

fn is_connack_code(code: u8) -> bool {
    matches!(code, 0 | 0x80..=0x8a | 0x8c | 0x90 | 0x95 | 0x97 | 0x99..=0x9d | 0x9f)
}

fn connect(reader: &mut Reader) -> Option<()> {
    let name = reader.bytes()?;
    let [level, flags] = reader.take()?;
    let _keepalive: [u8; 2] = reader.take()?;
    let v5 = level == 5;
    let (has_user, has_password, has_will) = (flags & 0x80 != 0, flags & 0x40 != 0, flags & 4 != 0);
    ensure(name == b"MQTT" && (level == 4 || v5) && flags & 1 == 0 && flags >> 3 & 3 < 3)?;
    ensure(has_will || flags & 0x38 == 0)?;
    ensure(v5 || has_user || !has_password)?;
    reader.properties(CONNECT, v5)?;
    let id = reader.bytes()?;
    ensure(is_text(id) && (v5 || !id.is_empty() || flags & 2 != 0))?;
    if has_will {
        reader.properties(WILL, v5)?;
        ensure(is_topic(reader.bytes()?))?;
        reader.bytes()?;
    }
    if has_user {
        ensure(is_text(reader.bytes()?))?;
    }
    if has_password {
        reader.bytes()?;
    }
    Some(())
}

fn ensure(condition: bool) -> Option<()> {
    condition.then_some(())
}

/// Takes parts off the front of a body.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (bytes, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*bytes)
    }

    /// A packet id, which is never 0.
    fn id(&mut self) -> Option<()> {
        ensure(self.take::<2>()? != [0, 0])
    }

    /// Text or bytes with a length prefix.
    fn bytes(&mut self) -> Option<&'a [u8]> {
        let len = u16::from_be_bytes(self.take()?);
        let (bytes, rest) = self.0.split_at_checked(len.into())?;
        self.0 = rest;
        Some(bytes)
    }

    /// A block of properties with its length.
    fn block(&mut self) -> Option<&'a [u8]> {
        let (number, len) = varint::read(self.0).ok()??;
        let (block, rest) = self.0[len..].split_at_checked(number as usize)?;
        ensure(varint::write(number).1 == len)?;
        self.0 = rest;
        Some(block)
    }

    /// The properties that a packet has in MQTT 5.
    fn properties(&mut self, command: u8, v5: bool) -> Option<()> {
        if v5 { ensure(are_properties(self.block()?, command)) } else { Some(()) }
    }

    /// Properties that may be left out.
    fn last_properties(&mut self, command: u8) -> Option<()> {
        if self.0.is_empty() { Some(()) } else { self.properties(command, true) }
    }
}

/// The properties in a block, up to what is none.
struct Properties<'a>(&'a [u8]);

impl<'a> Iterator for Properties<'a> {
    type Item = Property<'a>;

    fn next(&mut self) -> Option<Property<'a>> {
        let (property, len) = next_property(self.0)?;
        self.0 = &self.0[len..];
        Some(property)
    }
}
