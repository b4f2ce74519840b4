//! What a client keeps so that nothing is lost with a connection: messages until the server has
//! acknowledged them (MQTT 5.0, sections 4.3 and 4.4), and its subscriptions.

#![forbid(unsafe_code)]

use super::packet::FAILURE;
use super::{
    CONNACK, DUP, Frame, PUBACK, PUBCOMP, PUBLISH, PUBREC, PUBREL, Packet, SUBACK, SUBSCRIBE, UNSUBACK, qos,
};
use std::collections::BTreeMap;

/// What a message, or a subscription, takes beside its bytes.
const OVERHEAD: usize = 160;
/// First byte of a PUBLISH: the server keeps the message.
const RETAIN: u8 = 1;

/// Messages that a server of MQTT 3.1.1 gets at a time: it cannot say how many it takes, and mosquitto's
/// limit, beyond which it loses some, is this.
const RECEIVE_MAX_3_1_1: usize = 20;

/// What a server allows, as its CONNACK says (MQTT 5.0, section 3.2.2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Messages with QoS 1 and 2 that may be unacknowledged at a time.
    pub receive_max: usize,
    /// Bytes of a packet.
    pub packet: usize,
    /// The best quality of service.
    pub qos: u8,
    /// Messages may be retained.
    pub retain: bool,
    /// Seconds that take the place of those in CONNECT.
    pub keep_alive: Option<u16>,
    /// The server has kept the session.
    pub session_present: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            receive_max: usize::from(u16::MAX),
            packet: usize::MAX,
            qos: 2,
            retain: true,
            keep_alive: None,
            session_present: false,
        }
    }
}

/// Why a packet cannot be sent to a server, or not be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MqttRefusal {
    /// The queue is full.
    Full,
    /// The packet is longer than the server takes.
    TooLarge,
    /// The server has no such quality of service, or keeps no messages.
    Unsupported,
    /// A topic alias without a topic, then or earlier.
    NoTopic,
}

impl Limits {
    /// What the CONNACK `packet` says.
    pub fn of(frame: &Frame, packet: &Packet, v5: bool) -> Limits {
        let mut limits = Limits {
            session_present: frame.body().first().is_some_and(|flags| flags & 1 != 0),
            ..Limits::default()
        };
        if !v5 {
            limits.receive_max = RECEIVE_MAX_3_1_1;
        }
        for property in frame.properties(packet).filter(|_| v5 && packet.command == CONNACK) {
            let number = usize::try_from(property.number).unwrap_or(usize::MAX);
            match property.id {
                0x13 => limits.keep_alive = u16::try_from(property.number).ok(),
                0x21 => limits.receive_max = number.max(1),
                0x24 => limits.qos = property.number.min(2) as u8,
                0x25 => limits.retain = number != 0,
                0x27 => limits.packet = number,
                _ => {}
            }
        }
        limits
    }

    /// Why the server would not take a packet.
    pub fn refuses(&self, packet: &[u8]) -> Option<MqttRefusal> {
        let first = packet.first().copied().unwrap_or_default();
        if packet.len() > self.packet {
            Some(MqttRefusal::TooLarge)
        } else if first >> 4 == PUBLISH && (qos(first) > self.qos || (first & RETAIN != 0 && !self.retain)) {
            Some(MqttRefusal::Unsupported)
        } else {
            None
        }
    }
}

/// How far a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum DeliveryStep {
    /// It is to be sent.
    Waiting,
    /// PUBACK or PUBREC is to come.
    Sent,
    /// PUBREC has come, and PUBCOMP is to come.
    Released,
}

struct Message {
    /// Packet id; 0 with QoS 0.
    id: u16,
    step: DeliveryStep,
    packet: Box<[u8]>,
}

/// A subscription, or its end.
struct Filter {
    first: u8,
    /// What follows the packet id.
    rest: Box<[u8]>,
    /// Packet id, until the server has answered.
    id: u16,
    is_sent: bool,
}

/// What a packet id stands for.
enum Owner {
    Message(u64),
    Filter(Box<[u8]>),
}

/// What a client keeps.
#[derive(Default)]
pub struct Outbox {
    /// In the order of their publication.
    messages: BTreeMap<u64, Message>,
    filters: BTreeMap<Box<[u8]>, Filter>,
    ids: BTreeMap<u16, Owner>,
    /// Topics by the aliases that the program has given them.
    aliases: BTreeMap<u16, Box<[u8]>>,
    /// The number of the next message.
    next: u64,
    /// No message before this one waits.
    waiting: u64,
    in_flight: usize,
    /// A filter may have to be sent.
    has_unsent: bool,
    bytes: usize,
}

/// What is to be sent, and what is not.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Due {
    /// Whole packets.
    pub bytes: Vec<u8>,
    /// What the server does not take.
    pub refused: Vec<MqttRefusal>,
}

impl Outbox {
    /// How many messages are kept.
    pub fn count(&self) -> usize {
        self.messages.len()
    }

    /// A packet id that is not in use, after `newest`. `None` while all are.
    pub fn fresh_id(&self, newest: u16) -> Option<u16> {
        let mut id = newest;
        for _ in 0..=self.ids.len() {
            id = id.checked_add(1).unwrap_or(1);
            if !self.ids.contains_key(&id) {
                return Some(id);
            }
        }
        None
    }

    /// True for a packet id that stands for a message.
    pub fn has_message(&self, id: u16) -> bool {
        matches!(self.ids.get(&id), Some(Owner::Message(_)))
    }

    /// The topic of a message: that which is given, or that which its alias had.
    ///
    /// # Errors
    /// The alias has no topic, or there is no room for it.
    pub fn topic<'a>(
        &'a mut self,
        topic: &'a [u8],
        alias: Option<u16>,
        room: usize,
    ) -> Result<&'a [u8], MqttRefusal> {
        match alias {
            Some(alias) if topic.is_empty() => {
                self.aliases.get(&alias).map(|topic| &topic[..]).ok_or(MqttRefusal::NoTopic)
            }
            Some(alias) if self.aliases.get(&alias).is_none_or(|known| **known != *topic) => {
                let before = self.aliases.get(&alias).map_or(0, |known| known.len() + OVERHEAD);
                let bytes = self.bytes - before + topic.len() + OVERHEAD;
                if bytes > room {
                    return Err(MqttRefusal::Full);
                }
                self.bytes = bytes;
                self.aliases.insert(alias, topic.into());
                Ok(topic)
            }
            _ => Ok(topic),
        }
    }

    /// Keeps a PUBLISH. `room`: bytes that may be kept.
    ///
    /// # Errors
    /// There is no room.
    pub fn publish(&mut self, id: u16, packet: Vec<u8>, room: usize) -> Result<(), MqttRefusal> {
        let bytes = self.bytes.saturating_add(packet.len()).saturating_add(OVERHEAD);
        if bytes > room {
            return Err(MqttRefusal::Full);
        }
        self.bytes = bytes;
        if id != 0 {
            self.ids.insert(id, Owner::Message(self.next));
        }
        self.messages.insert(self.next, Message { id, step: DeliveryStep::Waiting, packet: packet.into() });
        self.next += 1;
        Ok(())
    }

    /// Keeps a SUBSCRIBE or UNSUBSCRIBE of one filter, in place of an earlier one. `rest`: what follows the
    /// packet id.
    ///
    /// # Errors
    /// There is no room.
    pub fn subscribe(
        &mut self,
        first: u8,
        id: u16,
        filter: &[u8],
        rest: &[u8],
        room: usize,
    ) -> Result<(), MqttRefusal> {
        let old = self.filters.get(filter).map_or(0, |old| Self::cost(filter, &old.rest));
        let bytes = (self.bytes - old).saturating_add(Self::cost(filter, rest));
        if bytes > room {
            return Err(MqttRefusal::Full);
        }
        self.forget(filter);
        self.bytes = bytes;
        self.has_unsent = true;
        self.ids.insert(id, Owner::Filter(filter.into()));
        self.filters.insert(filter.into(), Filter { first, rest: rest.into(), id, is_sent: false });
        Ok(())
    }

    /// What a subscription takes.
    fn cost(filter: &[u8], rest: &[u8]) -> usize {
        2 * filter.len() + rest.len() + OVERHEAD
    }

    fn forget(&mut self, filter: &[u8]) {
        if let Some(old) = self.filters.remove(filter) {
            self.bytes -= Self::cost(filter, &old.rest);
            self.ids.remove(&old.id);
        }
    }

    fn remove(&mut self, number: u64) {
        if let Some(message) = self.messages.remove(&number) {
            self.bytes -= message.packet.len() + OVERHEAD;
            self.ids.remove(&message.id);
            self.in_flight -= usize::from(message.id != 0 && message.step != DeliveryStep::Waiting);
        }
    }

    /// The client has logged in. What was not acknowledged is due again. In a new session the server knows
    /// of no subscription, and what it has acknowledged by PUBREC is its own. Returns what is sent first.
    pub fn resume(&mut self, session_present: bool) -> Vec<u8> {
        if !session_present {
            let released: Vec<u64> = self
                .messages
                .iter()
                .filter(|(_, m)| m.step == DeliveryStep::Released)
                .map(|(n, _)| *n)
                .collect();
            for number in released {
                self.remove(number);
            }
            let ended: Vec<Box<[u8]>> = self
                .filters
                .iter()
                .filter(|(_, f)| f.first >> 4 != SUBSCRIBE)
                .map(|(n, _)| n.clone())
                .collect();
            for filter in ended {
                self.forget(&filter);
            }
        }
        for message in self.messages.values_mut().filter(|message| message.step == DeliveryStep::Sent) {
            message.step = DeliveryStep::Waiting;
            message.packet[0] |= DUP;
        }
        self.in_flight = 0;
        self.waiting = 0;
        self.has_unsent = true;
        for filter in self.filters.values_mut() {
            filter.is_sent = session_present && filter.id == 0;
        }
        let mut releases = Vec::new();
        for message in self.messages.values().filter(|message| message.step == DeliveryStep::Released) {
            let [high, low] = message.id.to_be_bytes();
            releases.extend([PUBREL << 4 | 2, 2, high, low]);
            self.in_flight += 1;
        }
        releases
    }

    /// What may be sent now. `newest`: the newest packet id, which goes on.
    pub fn due(&mut self, limits: &Limits, newest: &mut u16) -> Due {
        let mut due = Due::default();
        if self.has_unsent {
            self.has_unsent = !self.due_filters(limits, newest, &mut due);
        }
        while let Some((&number, message)) = self.messages.range_mut(self.waiting..).next() {
            if message.step == DeliveryStep::Waiting {
                if let Some(refusal) = limits.refuses(&message.packet) {
                    due.refused.push(refusal);
                    self.remove(number);
                    continue;
                }
                if message.id != 0 && self.in_flight >= limits.receive_max {
                    break;
                }
                due.bytes.extend_from_slice(&message.packet);
                if message.id == 0 {
                    self.remove(number);
                } else {
                    message.step = DeliveryStep::Sent;
                    self.in_flight += 1;
                }
            }
            self.waiting = number + 1;
        }
        due
    }

    /// False when packet ids have run out.
    fn due_filters(&mut self, limits: &Limits, newest: &mut u16, due: &mut Due) -> bool {
        let unsent: Vec<Box<[u8]>> =
            self.filters.iter().filter(|(_, filter)| !filter.is_sent).map(|(name, _)| name.clone()).collect();
        for name in unsent {
            let Some(filter) = self.filters.get(&name) else { continue };
            let id = match filter.id {
                0 => self.fresh_id(*newest).inspect(|id| *newest = *id),
                id => Some(id),
            };
            let (Some(id), Some(filter)) = (id, self.filters.get_mut(&name)) else { return false };
            let (remaining, len) = super::write_varint(2 + filter.rest.len() as u32);
            let mut packet = vec![filter.first];
            packet.extend_from_slice(&remaining[..len]);
            packet.extend(id.to_be_bytes());
            packet.extend_from_slice(&filter.rest);
            if let Some(refusal) = limits.refuses(&packet) {
                due.refused.push(refusal);
                self.forget(&name);
                continue;
            }
            (filter.id, filter.is_sent) = (id, true);
            self.ids.insert(id, Owner::Filter(name));
            due.bytes.extend(packet);
        }
        true
    }

    /// The server has sent a packet. True when it acknowledges something.
    pub fn acknowledge(&mut self, frame: &Frame, packet: &Packet, v5: bool) -> bool {
        let fails = frame.refusal(packet, v5).is_some();
        match (packet.command, self.ids.get(&packet.id)) {
            (PUBACK | PUBREC | PUBCOMP, Some(Owner::Message(number))) => {
                let number = *number;
                let Some(message) = self.messages.get_mut(&number) else { return false };
                let qos = qos(message.packet[0]);
                match (packet.command, message.step) {
                    (PUBACK, DeliveryStep::Sent) if qos == 1 => self.remove(number),
                    (PUBREC, DeliveryStep::Sent) if qos == 2 && fails => self.remove(number),
                    (PUBREC, DeliveryStep::Sent) if qos == 2 => {
                        message.step = DeliveryStep::Released;
                        // PUBREL needs no more than the packet id.
                        self.bytes -= message.packet.len() - 1;
                        message.packet = message.packet[..1].into();
                    }
                    (PUBCOMP, DeliveryStep::Released) => self.remove(number),
                    _ => return false,
                }
                true
            }
            (SUBACK | UNSUBACK, Some(Owner::Filter(name))) => {
                let name = name.clone();
                let Some(filter) = self.filters.get_mut(&name) else { return false };
                let is_subscription = filter.first >> 4 == SUBSCRIBE;
                if is_subscription != (packet.command == SUBACK) || !filter.is_sent {
                    return false;
                }
                self.ids.remove(&packet.id);
                filter.id = 0;
                let is_refused = frame.body().last().is_none_or(|code| *code >= FAILURE);
                if !is_subscription || is_refused {
                    self.forget(&name);
                }
                true
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests;
