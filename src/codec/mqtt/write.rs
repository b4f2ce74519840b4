//! Packets that are sent.
//!
//! A packet describes its body once, to an [`Out`]: first to a [`Measure`], which also finds what is
//! too long, then to where the bytes go.

#![forbid(unsafe_code)]

use super::{CONNECT, DISCONNECT, DUP, PUBLISH, Property, SUBSCRIBE, UNSUBSCRIBE, varint};
use core::fmt;

/// The protocol level of MQTT 3.1.1.
const LEVEL_3_1_1: u8 = 4;
/// The protocol level of MQTT 5.
const LEVEL_5: u8 = 5;

/// Where the bytes of a packet go.
pub trait Out {
    /// Takes bytes.
    fn put(&mut self, bytes: &[u8]);

    /// Takes text or bytes with a length prefix.
    fn text(&mut self, text: &[u8]) {
        self.put(&(text.len() as u16).to_be_bytes());
        self.put(text);
    }

    /// Takes a number of one to four bytes.
    fn varint(&mut self, number: u32) {
        let (bytes, len) = varint::write(number);
        self.put(&bytes[..len]);
    }
}

/// Counts bytes.
#[derive(Default)]
pub struct Measure {
    len: usize,
    /// A text was longer than its length can say.
    too_long: bool,
}

impl Out for Measure {
    fn put(&mut self, bytes: &[u8]) {
        self.len = self.len.saturating_add(bytes.len());
    }

    fn text(&mut self, text: &[u8]) {
        self.too_long |= u16::try_from(text.len()).is_err();
        self.put(&[0; 2]);
        self.put(text);
    }
}

impl Out for Vec<u8> {
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

/// What does not fit into a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TooLong {
    /// A topic, or another part with a length of two bytes.
    Text,
    /// The whole.
    Packet,
}

impl fmt::Display for TooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TooLong::Text => "MQTT string too long",
            TooLong::Packet => "MQTT packet too long",
        })
    }
}

/// A packet that can be written.
pub trait Body {
    /// Its first byte.
    fn first(&self) -> u8;

    /// Writes what follows the remaining length.
    fn write(&self, out: &mut impl Out);

    /// The remaining length.
    ///
    /// # Errors
    /// Something does not fit.
    fn measure(&self) -> Result<u32, TooLong> {
        let mut measure = Measure::default();
        self.write(&mut measure);
        match u32::try_from(measure.len) {
            _ if measure.too_long => Err(TooLong::Text),
            Ok(len) if len <= varint::MAX => Ok(len),
            _ => Err(TooLong::Packet),
        }
    }
}

/// A whole packet.
///
/// # Errors
/// Something does not fit.
pub fn encode(packet: &impl Body) -> Result<Vec<u8>, TooLong> {
    let rest = packet.measure()?;
    let mut bytes = Vec::with_capacity(5 + rest as usize);
    bytes.put(&[packet.first()]);
    bytes.varint(rest);
    packet.write(&mut bytes);
    Ok(bytes)
}

/// Properties, any number of times.
pub trait Properties<'a>: IntoIterator<Item = Property<'a>> + Clone {}

impl<'a, P: IntoIterator<Item = Property<'a>> + Clone> Properties<'a> for P {}

/// Writes a block of properties with its length; nothing before MQTT 5.
fn properties<'a>(out: &mut impl Out, properties: &Option<impl Properties<'a>>) {
    let Some(properties) = properties else { return };
    let mut measure = Measure::default();
    properties.clone().into_iter().for_each(|property| property.write(&mut measure));
    out.varint(u32::try_from(measure.len).unwrap_or(u32::MAX));
    properties.clone().into_iter().for_each(|property| property.write(out));
}

/// QoS as it may be sent: 3 means nothing.
fn sent_qos(qos: u8) -> u8 {
    match qos & 3 {
        3 => 2,
        qos => qos,
    }
}

/// CONNECT. Fields of type `Option<P>` here and below are `None` before MQTT 5.
#[derive(Clone, Debug)]
pub struct Connect<'a, P> {
    /// Protocol level.
    pub level: u8,
    /// The server forgets earlier sessions.
    pub clean: bool,
    /// Seconds.
    pub keepalive: u16,
    /// Properties.
    pub properties: Option<P>,
    /// Client id.
    pub client_id: &'a [u8],
    /// QoS of the will; in the flags even without a will.
    pub will_qos: u8,
    /// The server keeps the will; in the flags even without a will.
    pub will_retain: bool,
    /// What the server publishes when the client's connection is lost.
    pub will: Option<Will<'a, P>>,
    /// User name; empty: none.
    pub user: &'a [u8],
    /// Password; empty: none.
    pub password: &'a [u8],
}

/// What the server publishes when a client's connection is lost.
#[derive(Clone, Debug)]
pub struct Will<'a, P> {
    /// Properties.
    pub properties: Option<P>,
    /// Topic.
    pub topic: &'a [u8],
    /// Payload.
    pub message: &'a [u8],
}

impl<P> Connect<'_, P> {
    /// True when the protocol level is that of MQTT 5.
    pub fn is_v5(&self) -> bool {
        self.level == LEVEL_5
    }

    /// Before MQTT 5 a password takes a user name (MQTT 3.1.1, section 3.1.2.9), which may be empty.
    fn has_user(&self) -> bool {
        !self.user.is_empty() || (self.level == LEVEL_3_1_1 && !self.password.is_empty())
    }

    fn flags(&self) -> u8 {
        u8::from(self.has_user()) << 7
            | u8::from(!self.password.is_empty()) << 6
            | u8::from(self.will_retain) << 5
            | sent_qos(self.will_qos) << 3
            | u8::from(self.will.is_some()) << 2
            | u8::from(self.clean) << 1
    }
}

impl<'a, P: Properties<'a>> Body for Connect<'_, P> {
    fn first(&self) -> u8 {
        CONNECT << 4
    }

    fn write(&self, out: &mut impl Out) {
        out.text(b"MQTT");
        out.put(&[self.level, self.flags()]);
        out.put(&self.keepalive.to_be_bytes());
        properties(out, &self.properties);
        out.text(self.client_id);
        if let Some(will) = &self.will {
            properties(out, &will.properties);
            out.text(will.topic);
            out.text(will.message);
        }
        if self.has_user() {
            out.text(self.user);
        }
        if !self.password.is_empty() {
            out.text(self.password);
        }
    }
}

/// PUBLISH.
#[derive(Clone, Debug)]
pub struct Publish<'a, P> {
    /// Quality of service; counts modulo 4.
    pub qos: u8,
    /// The server keeps the message.
    pub retain: bool,
    /// It was sent before; only with a QoS.
    pub again: bool,
    /// Packet id; only with a QoS.
    pub id: u16,
    /// Topic.
    pub topic: &'a [u8],
    /// Properties.
    pub properties: Option<P>,
    /// Payload.
    pub data: &'a [u8],
}

impl<P> Publish<'_, P> {
    /// True when the packet has an id.
    pub fn has_id(&self) -> bool {
        sent_qos(self.qos) > 0
    }
}

impl<'a, P: Properties<'a>> Body for Publish<'_, P> {
    fn first(&self) -> u8 {
        let again = if self.again && self.has_id() { DUP } else { 0 };
        PUBLISH << 4 | again | sent_qos(self.qos) << 1 | u8::from(self.retain)
    }

    fn write(&self, out: &mut impl Out) {
        out.text(self.topic);
        if self.has_id() {
            out.put(&self.id.to_be_bytes());
        }
        properties(out, &self.properties);
        out.put(self.data);
    }
}

/// SUBSCRIBE to one filter.
#[derive(Clone, Debug)]
pub struct Subscribe<'a, P> {
    /// Packet id.
    pub id: u16,
    /// Properties.
    pub properties: Option<P>,
    /// Filter.
    pub filter: &'a [u8],
    /// Best quality of service that is wanted; counts modulo 4.
    pub qos: u8,
}

impl<'a, P: Properties<'a>> Body for Subscribe<'_, P> {
    fn first(&self) -> u8 {
        SUBSCRIBE << 4 | 2
    }

    fn write(&self, out: &mut impl Out) {
        out.put(&self.id.to_be_bytes());
        properties(out, &self.properties);
        out.text(self.filter);
        out.put(&[sent_qos(self.qos)]);
    }
}

/// UNSUBSCRIBE from one filter.
#[derive(Clone, Debug)]
pub struct Unsubscribe<'a, P> {
    /// Packet id.
    pub id: u16,
    /// Properties.
    pub properties: Option<P>,
    /// Filter.
    pub filter: &'a [u8],
}

impl<'a, P: Properties<'a>> Body for Unsubscribe<'_, P> {
    fn first(&self) -> u8 {
        UNSUBSCRIBE << 4 | 2
    }

    fn write(&self, out: &mut impl Out) {
        out.put(&self.id.to_be_bytes());
        properties(out, &self.properties);
        out.text(self.filter);
    }
}

/// DISCONNECT, with reason 0.
#[derive(Clone, Debug)]
pub struct Disconnect<P> {
    /// Properties.
    pub properties: Option<P>,
}

impl<'a, P: Properties<'a>> Body for Disconnect<P> {
    fn first(&self) -> u8 {
        DISCONNECT << 4
    }

    fn write(&self, out: &mut impl Out) {
        if self.properties.is_some() {
            out.put(&[0]);
        }
        properties(out, &self.properties);
    }
}
