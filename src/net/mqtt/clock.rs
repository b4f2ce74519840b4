//! How long a peer may take: to log in, for a packet, and between two of them.

use super::client::Task;
use super::state::MqttState;
use crate::abi::{Setting, flag};
use crate::codec::mqtt::{self, Frame};
use crate::net::event_loop::clock::millis;
use crate::net::event_loop::conn::runs_engine;
use crate::net::event_loop::deadline;
use crate::net::event_loop::handle::Conn;
use crate::net::event_loop::progress::{self, GRACE};
use crate::net::event_loop::settings::Settings;
use crate::net::event_loop::state::ConnState;
use core::cell::Cell;

/// Times, as of `mg_millis`; 0: not set.
#[derive(Default)]
pub struct Clock {
    /// When the peer could first send.
    started: Cell<u64>,
    /// CONNECT has come, or CONNACK.
    logged_in: Cell<bool>,
    /// When the packet began that is not complete.
    begun: Cell<u64>,
    /// When the newest packet came, while that counts.
    heard: Cell<u64>,
    /// Milliseconds in which a client has to send something.
    silence: Cell<u64>,
}

impl Clock {
    /// The next network connection starts.
    pub fn restart(&self) {
        self.started.set(0);
        self.logged_in.set(false);
        self.begun.set(0);
        self.heard.set(0);
        self.silence.set(0);
    }

    /// A packet has come.
    pub fn saw(&self, c: Conn, frame: &Frame, command: u8) {
        if command == mqtt::CONNACK || command == mqtt::CONNECT {
            self.logged_in.set(true);
        }
        let strict = |state: &ConnState| state.settings.borrow().is_on(Setting::MG_SET_MQTT_STRICT);
        if command == mqtt::CONNECT && c.has(flag::ACCEPTED) && c.state().is_some_and(strict) {
            // MQTT 5.0, section 3.1.2.10: one and a half times of what it has said.
            self.silence.set(u64::from(frame.keep_alive().unwrap_or(0)) * 1500);
        }
    }

    /// The packets that are complete were taken off `recv`; `any`: there were some.
    pub fn looked(&self, c: Conn, any: bool) {
        let waits = c.recv().len() > 0;
        if waits && (any || self.begun.get() == 0) {
            self.begun.set(millis());
        } else if !waits {
            self.begun.set(0);
        }
        if any && self.silence.get() > 0 {
            self.heard.set(millis());
        }
    }
}

/// Milliseconds for the login of a client that connects again, if no setting has others.
const LOGIN: u64 = 30_000;

/// When there is something to do: what a peer does takes too long, or a client has its turn.
pub fn due(c: Conn, now: u64) -> Option<(u64, Task)> {
    let conn = c.state().filter(|_| runs_engine(c) && !c.has(flag::TLS_HS))?;
    if deadline::is_detached(c) {
        return Some((conn.next_attempt.get(), Task::Connect));
    }
    let settings = conn.settings.borrow();
    let known = conn.extensions.get::<MqttState>();
    let login = match known {
        Some(state) if state.clock.logged_in.get() => None,
        _ => settings.time(Setting::MG_SET_HANDSHAKE_TIMEOUT).or_else(|| {
            let again = c.has(flag::CLIENT) && settings.time(Setting::MG_SET_MQTT_RECONNECT).is_some();
            again.then_some(LOGIN)
        }),
    };
    let state = match (known, login) {
        (None, None) => return None,
        (Some(state), _) => state,
        (None, Some(_)) => conn.extension::<MqttState>()?,
    };
    let login = login.map(|limit| {
        let clock = &state.clock;
        if clock.started.get() == 0 {
            clock.started.set(now);
        }
        (clock.started.get().saturating_add(limit), &b"MQTT login timeout"[..])
    });
    let late = [login, packet(c, state, &settings, now), silence(c, state, now)].into_iter().flatten();
    let late = late.map(|(at, text)| (at, Task::Fail(text)));
    late.chain(state.keep_alive.due(c, &settings, now)).min_by_key(|(at, _)| *at)
}

/// When the packet that is being collected is too late.
fn packet(c: Conn, state: &MqttState, settings: &Settings, now: u64) -> Option<(u64, &'static [u8])> {
    let begun = &state.clock.begun;
    let rate = settings.time(Setting::MG_SET_MESSAGE_RATE).filter(|_| begun.get() > 0)?;
    if c.has(flag::FULL) {
        // The program is slow, not its peer. Nothing tells when it is ready again.
        begun.set(now.saturating_add(GRACE));
    }
    Some((progress::due(begun.get(), c.recv().len() as u64, rate), b"MQTT packet timeout"))
}

/// When a client has been silent for too long.
fn silence(c: Conn, state: &MqttState, now: u64) -> Option<(u64, &'static [u8])> {
    let clock = &state.clock;
    if clock.silence.get() == 0 {
        return None;
    }
    if c.has(flag::FULL) {
        clock.heard.set(now);
    }
    Some((clock.heard.get().saturating_add(clock.silence.get()), b"MQTT keep-alive timeout"))
}
