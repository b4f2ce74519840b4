//! MQTT messages, options and properties.

use super::core::Str;
use core::ffi::c_int;

/// Client asks for a session.
pub const MQTT_CMD_CONNECT: u8 = 1;
/// Server answers CONNECT.
pub const MQTT_CMD_CONNACK: u8 = 2;
/// A message.
pub const MQTT_CMD_PUBLISH: u8 = 3;
/// Answers PUBLISH with QoS 1.
pub const MQTT_CMD_PUBACK: u8 = 4;
/// Answers PUBLISH with QoS 2.
pub const MQTT_CMD_PUBREC: u8 = 5;
/// Answers PUBREC.
pub const MQTT_CMD_PUBREL: u8 = 6;
/// Answers PUBREL.
pub const MQTT_CMD_PUBCOMP: u8 = 7;
/// Client subscribes.
pub const MQTT_CMD_SUBSCRIBE: u8 = 8;
/// Server answers SUBSCRIBE.
pub const MQTT_CMD_SUBACK: u8 = 9;
/// Client unsubscribes.
pub const MQTT_CMD_UNSUBSCRIBE: u8 = 10;
/// Server answers UNSUBSCRIBE.
pub const MQTT_CMD_UNSUBACK: u8 = 11;
/// Keep-alive.
pub const MQTT_CMD_PINGREQ: u8 = 12;
/// Answers PINGREQ.
pub const MQTT_CMD_PINGRESP: u8 = 13;
/// The end of a session.
pub const MQTT_CMD_DISCONNECT: u8 = 14;
/// Authentication exchange (MQTT 5).
pub const MQTT_CMD_AUTH: u8 = 15;

/// Property: payload format indicator.
pub const MQTT_PROP_PAYLOAD_FORMAT_INDICATOR: u8 = 1;
/// Property: message expiry interval.
pub const MQTT_PROP_MESSAGE_EXPIRY_INTERVAL: u8 = 2;
/// Property: content type.
pub const MQTT_PROP_CONTENT_TYPE: u8 = 3;
/// Property: response topic.
pub const MQTT_PROP_RESPONSE_TOPIC: u8 = 8;
/// Property: correlation data.
pub const MQTT_PROP_CORRELATION_DATA: u8 = 9;
/// Property: subscription identifier.
pub const MQTT_PROP_SUBSCRIPTION_IDENTIFIER: u8 = 11;
/// Property: session expiry interval.
pub const MQTT_PROP_SESSION_EXPIRY_INTERVAL: u8 = 17;
/// Property: assigned client identifier.
pub const MQTT_PROP_ASSIGNED_CLIENT_IDENTIFIER: u8 = 18;
/// Property: server keep alive.
pub const MQTT_PROP_SERVER_KEEP_ALIVE: u8 = 19;
/// Property: authentication method.
pub const MQTT_PROP_AUTHENTICATION_METHOD: u8 = 21;
/// Property: authentication data.
pub const MQTT_PROP_AUTHENTICATION_DATA: u8 = 22;
/// Property: request problem information.
pub const MQTT_PROP_REQUEST_PROBLEM_INFORMATION: u8 = 23;
/// Property: will delay interval.
pub const MQTT_PROP_WILL_DELAY_INTERVAL: u8 = 24;
/// Property: request response information.
pub const MQTT_PROP_REQUEST_RESPONSE_INFORMATION: u8 = 25;
/// Property: response information.
pub const MQTT_PROP_RESPONSE_INFORMATION: u8 = 26;
/// Property: server reference.
pub const MQTT_PROP_SERVER_REFERENCE: u8 = 28;
/// Property: reason string.
pub const MQTT_PROP_REASON_STRING: u8 = 31;
/// Property: receive maximum.
pub const MQTT_PROP_RECEIVE_MAXIMUM: u8 = 33;
/// Property: topic alias maximum.
pub const MQTT_PROP_TOPIC_ALIAS_MAXIMUM: u8 = 34;
/// Property: topic alias.
pub const MQTT_PROP_TOPIC_ALIAS: u8 = 35;
/// Property: maximum QoS.
pub const MQTT_PROP_MAXIMUM_QOS: u8 = 36;
/// Property: retain available.
pub const MQTT_PROP_RETAIN_AVAILABLE: u8 = 37;
/// Property: user property.
pub const MQTT_PROP_USER_PROPERTY: u8 = 38;
/// Property: maximum packet size.
pub const MQTT_PROP_MAXIMUM_PACKET_SIZE: u8 = 39;
/// Property: wildcard subscription available.
pub const MQTT_PROP_WILDCARD_SUBSCRIPTION_AVAILABLE: u8 = 40;
/// Property: subscription identifier available.
pub const MQTT_PROP_SUBSCRIPTION_IDENTIFIER_AVAILABLE: u8 = 41;
/// Property: shared subscription available.
pub const MQTT_PROP_SHARED_SUBSCRIPTION_AVAILABLE: u8 = 42;

/// Type of the value of an MQTT 5 property.
#[repr(C)]
#[allow(non_camel_case_types)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MqttPropType {
    /// One byte, in `iv`.
    MQTT_PROP_TYPE_BYTE = 0,
    /// Text, in `val`.
    MQTT_PROP_TYPE_STRING = 1,
    /// Two texts, in `key` and `val`.
    MQTT_PROP_TYPE_STRING_PAIR = 2,
    /// Bytes, in `val`.
    MQTT_PROP_TYPE_BINARY_DATA = 3,
    /// Number of one to four bytes, in `iv`.
    MQTT_PROP_TYPE_VARIABLE_INT = 4,
    /// Number of four bytes, in `iv`.
    MQTT_PROP_TYPE_INT = 5,
    /// Number of two bytes, in `iv`.
    MQTT_PROP_TYPE_SHORT = 6,
}

enum_constants!(MqttPropType as c_int:
    MQTT_PROP_TYPE_BYTE,
    MQTT_PROP_TYPE_STRING,
    MQTT_PROP_TYPE_STRING_PAIR,
    MQTT_PROP_TYPE_BINARY_DATA,
    MQTT_PROP_TYPE_VARIABLE_INT,
    MQTT_PROP_TYPE_INT,
    MQTT_PROP_TYPE_SHORT,
);

/// Result of `mg_mqtt_parse`.
#[repr(C)]
#[allow(non_camel_case_types)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MqttResult {
    /// A whole packet.
    MQTT_OK = 0,
    /// More bytes are needed.
    MQTT_INCOMPLETE = 1,
    /// Not MQTT.
    MQTT_MALFORMED = 2,
}

enum_constants!(MqttResult as c_int: MQTT_OK, MQTT_INCOMPLETE, MQTT_MALFORMED);

/// An MQTT 5 property.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct MqttProp {
    /// `MQTT_PROP_*`.
    pub id: u8,
    /// Value of a number.
    pub iv: u32,
    /// Key of a pair.
    pub key: Str,
    /// Value of text or bytes.
    pub val: Str,
}

/// Options of the MQTT functions. Each function looks at the fields it needs only.
///
/// Nothing is kept: all bytes are copied before the function returns.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct MqttOpts {
    /// User name; empty: none.
    pub user: Str,
    /// Password; empty: none.
    pub pass: Str,
    /// Client id; empty: a random one.
    pub client_id: Str,
    /// Topic, filter, or topic of the will.
    pub topic: Str,
    /// Payload, or payload of the will.
    pub message: Str,
    /// Quality of service: 0, 1 or 2.
    pub qos: u8,
    /// Protocol level: 0 or 4 for MQTT 3.1.1, 5 for MQTT 5.
    pub version: u8,
    /// Seconds.
    pub keepalive: u16,
    /// Not 0: publish again, with this packet id.
    pub retransmit_id: u16,
    /// The server keeps the message.
    #[cfg(cbindgen)]
    pub retain: bool,
    /// The server forgets earlier sessions.
    #[cfg(cbindgen)]
    pub clean: bool,
    /// The server keeps the message. `bool` in C; not in Rust, as programs leave it uninitialised.
    #[cfg(not(cbindgen))]
    pub retain: u8,
    /// The server forgets earlier sessions. `bool` in C; see `retain`.
    #[cfg(not(cbindgen))]
    pub clean: u8,
    /// MQTT 5 properties; not looked at when `num_props` is 0.
    pub props: *mut MqttProp,
    /// How many.
    pub num_props: usize,
    /// MQTT 5 properties of the will.
    pub will_props: *mut MqttProp,
    /// How many.
    pub num_will_props: usize,
}

/// An MQTT packet: views into the receive buffer, valid during the event only.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct MqttMessage {
    /// Topic of a PUBLISH.
    pub topic: Str,
    /// Payload of a PUBLISH.
    pub data: Str,
    /// The whole packet.
    pub dgram: Str,
    /// Packet id.
    pub id: u16,
    /// `MQTT_CMD_*`.
    pub cmd: u8,
    /// Quality of service.
    pub qos: u8,
    /// Return code of a CONNACK.
    pub ack: u8,
    /// Where the MQTT 5 properties begin in `dgram`.
    pub props_start: usize,
    /// Bytes of MQTT 5 properties.
    pub props_size: usize,
}
