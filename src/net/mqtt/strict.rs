//! What `MG_SET_MQTT_STRICT` looks at: each packet whole, and what one packet has to do with those
//! before it.

use crate::abi::Setting;
use crate::codec::mqtt::{self, Fault, Frame, From, Packet, SESSION_EXPIRY, TOPIC_ALIAS};
use crate::net::event_loop::settings::Settings;
use std::collections::BTreeMap;

/// What is remembered of a connection.
#[derive(Default)]
pub struct PeerState {
    v5: bool,
    /// CONNECT came, or CONNACK.
    logged_in: bool,
    /// The session ends with the connection.
    is_short: bool,
    /// Topics by their aliases (MQTT 5.0, section 3.3.2.3.4).
    aliases: BTreeMap<u16, Box<[u8]>>,
}

/// What the other side may do.
pub struct Allowed {
    /// Messages with QoS 2 that are not released.
    open: usize,
    receive_maximum: usize,
    topic_aliases: u32,
}

impl Allowed {
    /// As the settings of a connection say, of which `open` messages are not released.
    pub fn new(settings: &Settings, open: usize) -> Self {
        Allowed {
            open,
            receive_maximum: settings.size(Setting::MG_SET_MQTT_RECEIVE_MAX),
            topic_aliases: settings.get(Setting::MG_SET_MQTT_TOPIC_ALIASES) as u32,
        }
    }
}

impl PeerState {
    /// One of a connection that speaks MQTT 5 or not: a client's, which has said so in CONNECT.
    pub fn new(v5: bool) -> Self {
        PeerState { v5, ..PeerState::default() }
    }

    /// Whether both sides speak MQTT 5.
    pub fn is_v5(&self) -> bool {
        self.v5
    }

    /// Whether the other side may be told why its connection ends.
    pub fn may_explain(&self) -> bool {
        self.v5 && self.logged_in
    }

    /// Judges a packet. The topic of a message that has none but an alias is returned.
    ///
    /// # Errors
    /// Why the connection ends.
    pub fn admit(
        &mut self,
        frame: &Frame,
        packet: &Packet,
        from: From,
        allowed: &Allowed,
    ) -> Result<Option<&[u8]>, Fault> {
        let logs_in = packet.command == if from == From::Client { mqtt::CONNECT } else { mqtt::CONNACK };
        // A server may ask for more, or refuse, before it answers (MQTT 5).
        let is_early = from == From::Server && matches!(packet.command, mqtt::AUTH | mqtt::DISCONNECT);
        if self.logged_in == logs_in && !is_early {
            return Err(Fault::Protocol);
        }
        frame.check(packet, self.v5, from)?;
        let expiry = || frame.properties(packet).find(|p| p.id == SESSION_EXPIRY).map(|p| p.number);
        match packet.command {
            mqtt::CONNECT => {
                self.v5 = frame.level() == Some(5);
                self.is_short = self.v5 && expiry().unwrap_or(0) == 0;
            }
            // A session that ends with its connection cannot be prolonged (MQTT 5.0, 3.14.2.2.2).
            mqtt::DISCONNECT if self.v5 => match expiry() {
                Some(_) if from == From::Server => return Err(Fault::Protocol),
                Some(1..) if self.is_short => return Err(Fault::Protocol),
                _ => {}
            },
            mqtt::PUBLISH => {
                if self.v5 && packet.qos == 2 && allowed.open >= allowed.receive_maximum {
                    return Err(Fault::ReceiveMaximum);
                }
                let alias = self.v5.then(|| frame.properties(packet).find(|p| p.id == TOPIC_ALIAS)).flatten();
                if let Some(alias) = alias {
                    return self.topic(alias.number, packet.topic, allowed);
                }
            }
            _ => {}
        }
        self.logged_in |= logs_in;
        Ok(None)
    }

    fn topic(&mut self, alias: u32, topic: &[u8], allowed: &Allowed) -> Result<Option<&[u8]>, Fault> {
        let number = u16::try_from(alias).map_err(|_| Fault::TopicAlias)?;
        if alias > allowed.topic_aliases {
            return Err(Fault::TopicAlias);
        }
        if topic.is_empty() {
            return self.aliases.get(&number).map(|topic| Some(&topic[..])).ok_or(Fault::Protocol);
        }
        self.aliases.insert(number, topic.into());
        Ok(None)
    }
}
