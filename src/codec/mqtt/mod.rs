//! MQTT 3.1.1 and 5.0 (OASIS standards): packets to their parts, and parts to packets.
//!
//! * `check`: what makes a packet malformed;
//! * `outbox`: what a client keeps until it is acknowledged;
//! * `packet`: what came, and what answers it automatically;
//! * `property`: the properties of MQTT 5;
//! * `write`: what is sent;
//! * `varint`: numbers of one to four bytes.

#![forbid(unsafe_code)]

mod check;
mod outbox;
mod packet;
mod property;
mod varint;
mod write;

pub use check::{Fault, From, SESSION_EXPIRY, TOPIC_ALIAS};
pub use outbox::{Due, Limits, MqttRefusal, Outbox};
pub use packet::{Answer, Frame, Packet, command, qos};
pub use property::{Kind, Property, kind, next_property};
pub use varint::{MAX as MAX_REMAINING, write as write_varint};
pub use write::{
    Body, Connect, Disconnect, Measure, Out, Properties, Publish, Subscribe, TooLong, Unsubscribe, Will,
    encode,
};

/// Client logs in.
pub const CONNECT: u8 = 1;
/// Server answers CONNECT.
pub const CONNACK: u8 = 2;
/// A message.
pub const PUBLISH: u8 = 3;
/// Answers PUBLISH with QoS 1.
pub const PUBACK: u8 = 4;
/// Answers PUBLISH with QoS 2.
pub const PUBREC: u8 = 5;
/// Answers PUBREC.
pub const PUBREL: u8 = 6;
/// Answers PUBREL.
pub const PUBCOMP: u8 = 7;
/// Client subscribes.
pub const SUBSCRIBE: u8 = 8;
/// Server answers SUBSCRIBE.
pub const SUBACK: u8 = 9;
/// Client unsubscribes.
pub const UNSUBSCRIBE: u8 = 10;
/// Server answers UNSUBSCRIBE.
pub const UNSUBACK: u8 = 11;
/// Keep-alive.
pub const PINGREQ: u8 = 12;
/// Answers PINGREQ.
pub const PINGRESP: u8 = 13;

/// The last packet of a connection.
pub const DISCONNECT: u8 = 14;
/// Further steps of authentication (MQTT 5).
pub const AUTH: u8 = 15;

/// First byte of a PUBLISH: it was sent before.
pub const DUP: u8 = 8;

/// The bytes are no MQTT, and what follows cannot be determined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

#[cfg(test)]
mod tests;
