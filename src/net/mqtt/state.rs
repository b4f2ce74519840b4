//! What is kept of an MQTT connection.

use super::client::{self, KeepAlive};
use super::clock::Clock;
use super::strict::PeerState;
use crate::codec::mqtt::{self, Packet};
use core::cell::{Cell, RefCell};
use std::collections::BTreeSet;

/// What the engine remembers beside the public struct.
#[derive(Default)]
pub struct MqttState {
    /// Packet ids of messages with QoS 2 that were delivered and not released yet.
    pub delivered: RefCell<BTreeSet<u16>>,
    /// Bytes of answers that were queued, less all bytes that were sent since.
    pub unread: Cell<usize>,
    /// Packets are being taken off `recv`: a handler that fires READ by hand must not start anew.
    pub busy: Cell<bool>,
    /// What a strict receiver remembers.
    pub session: RefCell<Option<Box<PeerState>>>,
    /// The connection ends, so nothing more is taken off `recv`.
    pub over: Cell<bool>,
    pub clock: Clock,
    pub keep_alive: KeepAlive,
    pub client: client::Slot,
}

impl MqttState {
    /// The next network connection starts. What outlives it stays.
    pub fn restart(&self) {
        self.unread.set(0);
        self.busy.set(false);
        self.session.replace(None);
        self.over.set(false);
        self.clock.restart();
        self.keep_alive.restart();
    }

    /// Notes what a packet says about QoS 2; true for a message that was delivered before.
    pub fn is_repeated(&self, first: u8, packet: &Packet) -> bool {
        let mut delivered = self.delivered.borrow_mut();
        if packet.command == mqtt::PUBREL {
            delivered.remove(&packet.id);
        }
        packet.command == mqtt::PUBLISH
            && packet.qos == 2
            && !delivered.insert(packet.id)
            && first & mqtt::DUP != 0
    }
}
