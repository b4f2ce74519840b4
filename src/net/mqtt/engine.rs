//! MQTT as the loop sees it.

use super::client::{self, Task};
use super::clock::due;
use super::on_event;
use super::state::MqttState;
use crate::abi::flag;
use crate::net::event_loop::conn;
use crate::net::event_loop::engine::{Engine, Event, Handler};
use crate::net::event_loop::handle::Conn;

/// The engine of MQTT connections.
pub struct Mqtt;

impl Engine for Mqtt {
    fn handler(&self) -> Handler {
        on_event
    }

    fn on_event(&self, c: Conn, event: Event) {
        super::handle(c, event);
    }

    fn deadline(&self, c: Conn, now: u64) -> Option<u64> {
        due(c, now).map(|(at, _)| at)
    }

    fn on_deadline(&self, c: Conn, now: u64) {
        let Some((at, task)) = due(c, now) else { return };
        let is_answered = matches!(task, Task::Fail(_)) && conn::has_unread(c);
        if at <= now
            && !is_answered
            && let Some(state) = c.state().and_then(|state| state.extensions.get::<MqttState>())
        {
            client::act(c, state, task, now);
        }
    }

    fn sent(&self, c: Conn, _offered: &[u8], _n: usize) {
        if c.has(flag::CLIENT)
            && let Some(conn) = c.state()
            && let (Some(state), Some(root)) = (conn.extensions.get::<MqttState>(), conn.root())
        {
            state.keep_alive.sent(root.now.get());
        }
    }

    fn on_lost(&self, c: Conn) -> bool {
        client::on_lost(c)
    }
}
