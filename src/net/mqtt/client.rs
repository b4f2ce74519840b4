//! What `mg_mqtt_connect` does for its program beyond one network connection: connects again, sends again
//! what was not acknowledged, and keeps alive. Each part counts while its setting is on.

use super::options::MqttOptions;
use super::state::MqttState;
use crate::abi::{MG_EV_MQTT_DISCONNECTED, MG_EV_MQTT_RECONNECTED, MQTT_CMD_PINGREQ, Setting, flag};
use crate::codec::mqtt::{
    self, Body, Due, Frame, Limits, MqttRefusal, Outbox, Packet, Publish, TOPIC_ALIAS, TooLong, encode,
};
use crate::net::event_loop::clock::millis;
use crate::net::event_loop::conn::{self, call, runs_engine};
use crate::net::event_loop::handle::Conn;
use crate::net::event_loop::settings::Settings;
use crate::net::event_loop::state::ConnState;
use crate::net::event_loop::{connect, deadline, log, mem, sys};
use core::cell::{Cell, RefCell, RefMut};
use core::ffi::c_int;

/// Where in CONNECT's body its flags are, and the flag that asks for a new session.
const FLAGS: usize = 7;
const CLEAN_START: u8 = 2;
/// Reason of a DISCONNECT: another client has logged in with the same id (MQTT 5.0, section 3.14.2.1).
const SESSION_TAKEN_OVER: u8 = 0x8e;

/// What is kept of a client.
#[derive(Default)]
pub struct Client {
    url: Box<[u8]>,
    /// CONNECT.
    login: Vec<u8>,
    /// Where its flags are.
    flags_at: usize,
    v5: bool,
    /// Seconds, of CONNECT.
    keep_alive: u16,
    limits: Limits,
    outbox: Outbox,
    /// Logged in.
    is_up: bool,
    /// Was logged in.
    was_up: bool,
    /// Its program has ended it, or its server.
    is_over: bool,
    /// Since when it has been logged in, in `mg_millis` time.
    since: u64,
    /// Attempts in a row that did not last.
    losses: u32,
    /// Milliseconds, without chance, until the newest attempt.
    wait: u64,
}

/// Times of keeping alive, in `mg_millis` time; 0: not set.
#[derive(Default)]
pub struct KeepAlive {
    /// Milliseconds; 0: nothing is sent.
    interval: Cell<u64>,
    /// When bytes were sent last.
    sent: Cell<u64>,
    /// When a packet came last.
    heard: Cell<u64>,
    /// When PINGREQ was sent that is not answered.
    pinged: Cell<u64>,
}

/// What is to be done with a packet that has come.
#[derive(Default)]
pub struct After {
    /// Packets to send before its events.
    pub bytes: Vec<u8>,
    /// Logged in again; with the session, or without.
    pub reconnected: Option<bool>,
    /// What to report after its events.
    reports: Vec<String>,
    /// The connection ends after its events.
    taken_over: bool,
}

/// What there is to do at some time.
#[derive(Clone, Copy)]
pub enum Task {
    /// The connection fails with this text.
    Fail(&'static [u8]),
    /// PINGREQ is sent.
    Ping,
    /// The client connects again.
    Connect,
}

/// A connection that is to be opened to `url` is a client's.
pub fn create(c: Conn, url: &[u8]) {
    if let Some(state) = c.state().and_then(ConnState::extension::<MqttState>) {
        let client = Client { url: url.into(), ..Client::default() };
        state.client.replace(Some(Box::new(client)));
    }
}

/// Keeps what a client logs in with.
pub fn keep_login<'a, P: mqtt::Properties<'a>>(c: Conn, packet: &mqtt::Connect<'a, P>) {
    let Some(mut client) = of(c) else { return };
    let Ok(login) = encode(packet) else { return };
    client.flags_at = login.len() - packet.measure().unwrap_or(0) as usize + FLAGS;
    client.v5 = packet.is_v5();
    client.keep_alive = packet.keepalive;
    client.login = login;
}

/// The client of a connection.
fn of(c: Conn<'_>) -> Option<RefMut<'_, Client>> {
    let state = c.state()?.extensions.get::<MqttState>()?;
    RefMut::filter_map(state.client.try_borrow_mut().ok()?, |client| client.as_deref_mut()).ok()
}

/// How long a client waits before it connects again; `None`: it does not.
fn first_wait(settings: &Settings) -> Option<u64> {
    settings.time(Setting::MG_SET_MQTT_RECONNECT)
}

/// How many messages a client keeps.
pub fn queued(c: Conn) -> usize {
    of(c).map_or(0, |client| client.outbox.count())
}

/// The program has sent DISCONNECT: the connection is not opened again.
pub fn finish(c: Conn) {
    if let Some(mut client) = of(c) {
        client.is_over = true;
    }
    if deadline::is_detached(c) {
        c.set(flag::CLOSING);
        conn::queue(c);
    }
}

/// Keeps what a client publishes and subscribes to.
pub struct Keeper<'g> {
    c: Conn<'g>,
    /// Bytes that may be kept.
    room: usize,
}

/// `None`: what is published goes out at once, and is not kept.
pub fn keeper(c: Conn<'_>) -> Option<Keeper<'_>> {
    let settings = c.state()?.settings.borrow();
    first_wait(&settings)?;
    let room = settings.size(Setting::MG_SET_MQTT_QUEUE);
    let is_kept = !of(c)?.is_over && runs_engine(c) && !conn::is_closed(c);
    is_kept.then_some(Keeper { c, room })
}

impl Keeper<'_> {
    /// Publishes a message. Returns its packet id; 0 for QoS 0, and with `errno` when it was not kept.
    pub fn publish(&self, options: MqttOptions) -> u16 {
        let kept = self.keep(options);
        self.done(kept)
    }

    /// Subscribes to a filter, or ends that.
    pub fn subscribe<B: Body>(&self, filter: &[u8], packet: impl FnOnce(bool, u16) -> B) {
        let kept = self.keep_filter(filter, packet);
        self.done(kept);
    }

    fn done(&self, kept: Result<u16, c_int>) -> u16 {
        let Err(errno) = kept else {
            flush(self.c);
            sys::set_errno(0);
            return kept.unwrap_or(0);
        };
        log::error(format_args!("{} MQTT: {}", self.c.id(), std::io::Error::from_raw_os_error(errno)));
        sys::set_errno(errno);
        0
    }

    fn keep(&self, options: MqttOptions) -> Result<u16, c_int> {
        let m = self.c.mgr().ok_or(libc::ENOTCONN)?;
        let client = &mut *of(self.c).ok_or(libc::ENOTCONN)?;
        let v5 = client.v5;
        let again = options.retransmit_id();
        let draft = options.publish(v5, 0);
        let id = match draft.has_id() {
            false => 0,
            // It is sent again without being asked for.
            true if again != 0 && client.outbox.has_message(again) => return Ok(again),
            true => client.outbox.fresh_id(m.mqtt_id()).ok_or(libc::ENOBUFS)?,
        };
        let is_alias = |id: u8| id == TOPIC_ALIAS;
        let alias = draft.properties.and_then(|mut all| all.find(|p| is_alias(p.id)));
        let alias = alias.map(|property| property.number as u16);
        let packet = Publish {
            qos: draft.qos,
            retain: draft.retain,
            again: false,
            id,
            topic: client.outbox.topic(draft.topic, alias, self.room).map_err(errno_of)?,
            // An alias counts for one network connection.
            properties: draft.properties.map(|all| all.filter(move |p| !is_alias(p.id))),
            data: draft.data,
        };
        let bytes = encode(&packet).map_err(|_: TooLong| libc::EMSGSIZE)?;
        if let Some(refusal) = client.limits.refuses(&bytes).filter(|_| client.is_up) {
            return Err(errno_of(refusal));
        }
        client.outbox.publish(id, bytes, self.room).map_err(errno_of)?;
        if id != 0 {
            m.set_mqtt_id(id);
        }
        Ok(id)
    }

    fn keep_filter<B: Body>(&self, filter: &[u8], packet: impl FnOnce(bool, u16) -> B) -> Result<u16, c_int> {
        let m = self.c.mgr().ok_or(libc::ENOTCONN)?;
        let client = &mut *of(self.c).ok_or(libc::ENOTCONN)?;
        let id = client.outbox.fresh_id(m.mqtt_id()).ok_or(libc::ENOBUFS)?;
        let packet = packet(client.v5, id);
        packet.measure().map_err(|_: TooLong| libc::EMSGSIZE)?;
        let mut body = Vec::new();
        packet.write(&mut body);
        client.outbox.subscribe(packet.first(), id, filter, &body[2..], self.room).map_err(errno_of)?;
        m.set_mqtt_id(id);
        Ok(id)
    }
}

fn errno_of(refusal: MqttRefusal) -> c_int {
    match refusal {
        MqttRefusal::Full => libc::ENOBUFS,
        MqttRefusal::TooLarge => libc::EMSGSIZE,
        MqttRefusal::Unsupported => libc::EOPNOTSUPP,
        MqttRefusal::NoTopic => libc::EINVAL,
    }
}

/// What may be sent now.
fn due(c: Conn, client: &mut Client) -> Due {
    let Some(m) = c.mgr().filter(|_| client.is_up) else { return Due::default() };
    let mut newest = m.mqtt_id();
    let due = client.outbox.due(&client.limits, &mut newest);
    m.set_mqtt_id(newest);
    due
}

/// Sends what may be sent.
fn flush(c: Conn) {
    let Some(due) = of(c).map(|mut client| due(c, &mut client)) else { return };
    if due.bytes.is_empty() {
    } else if c.send().append(&due.bytes) {
        conn::output_queued(c);
    } else {
        conn::error(c, b"OOM");
    }
}

/// A packet has come. Runs no code of the program.
pub fn received(c: Conn, state: &MqttState, frame: &Frame, packet: &Packet, now: u64) -> After {
    let mut after = After::default();
    let Some(mut client) = of(c) else { return after };
    let client = &mut *client;
    state.keep_alive.heard.set(now);
    let acknowledges = match packet.command {
        mqtt::CONNACK if packet.ack == 0 && !client.is_up => {
            client.limits = Limits::of(frame, packet, client.v5);
            let seconds = client.limits.keep_alive.unwrap_or(client.keep_alive);
            state.keep_alive.start(u64::from(seconds) * 1000, now);
            if !client.limits.session_present {
                state.delivered.borrow_mut().clear();
            }
            after.bytes = client.outbox.resume(client.limits.session_present);
            after.reconnected = client.was_up.then_some(client.limits.session_present);
            (client.is_up, client.was_up, client.since) = (true, true, now);
            true
        }
        mqtt::PINGRESP => {
            state.keep_alive.pinged.set(0);
            false
        }
        mqtt::DISCONNECT if client.v5 && frame.reason() == Some(SESSION_TAKEN_OVER) => {
            (client.is_over, after.taken_over) = (true, true);
            false
        }
        _ => client.outbox.acknowledge(frame, packet, client.v5),
    };
    if acknowledges {
        if let Some(reason) = frame.refusal(packet, client.v5) {
            after.reports.push(format!("MQTT message refused: {reason:#x}"));
        }
        let due = due(c, client);
        after.bytes.extend(due.bytes);
        after.reports.extend(due.refused.iter().map(|_| "MQTT message not supported by the server".into()));
    }
    after
}

/// The events of a packet have fired, whose effects are reported.
pub fn report(c: Conn, after: After) {
    for text in after.reports {
        if !conn::is_closed(c) {
            conn::report(c, text.as_bytes());
        }
    }
    if after.taken_over && !conn::is_closed(c) {
        conn::error(c, b"MQTT session taken over");
    }
}

/// Logged in again.
pub fn reconnected(c: Conn, session_present: bool) {
    let mut present = c_int::from(session_present);
    call(c, MG_EV_MQTT_RECONNECTED, (&raw mut present).cast());
}

impl KeepAlive {
    /// The next network connection starts.
    pub fn restart(&self) {
        self.start(0, 0);
    }

    fn start(&self, interval: u64, now: u64) {
        self.interval.set(interval);
        self.sent.set(now);
        self.heard.set(now);
        self.pinged.set(0);
    }

    /// Bytes were sent.
    pub fn sent(&self, now: u64) {
        self.sent.set(now);
    }

    /// When PINGREQ is to be sent, or was to be answered.
    pub fn due(&self, c: Conn, settings: &Settings, now: u64) -> Option<(u64, Task)> {
        let patience =
            settings.time(Setting::MG_SET_MQTT_PONG_TIMEOUT).filter(|_| self.interval.get() > 0)?;
        if self.pinged.get() == 0 {
            let idle_since = self.sent.get().min(self.heard.get());
            return Some((idle_since.saturating_add(self.interval.get() / 4 * 3), Task::Ping));
        }
        if c.has(flag::FULL) {
            // The program does not want to read the answer.
            self.pinged.set(now.max(1));
        }
        Some((self.pinged.get().saturating_add(patience), Task::Fail(b"MQTT pong timeout")))
    }

    fn ping(&self, c: Conn, now: u64) {
        self.pinged.set(now.max(1));
        if c.send().append(&[MQTT_CMD_PINGREQ << 4, 0]) {
            conn::output_queued(c);
        }
    }
}

/// The client of a connection that is not connected, or is idle, does what is due.
pub fn act(c: Conn, state: &MqttState, task: Task, now: u64) {
    match task {
        Task::Fail(text) => conn::error(c, text),
        Task::Ping => state.keep_alive.ping(c, now),
        Task::Connect => connect_again(c),
    }
}

/// The connection was lost: true when it will be opened again.
pub fn on_lost(c: Conn) -> bool {
    let Some(state) = c.state().filter(|_| runs_engine(c)) else { return false };
    let (first, most) = {
        let settings = state.settings.borrow();
        let Some(first) = first_wait(&settings) else { return false };
        (first, settings.time(Setting::MG_SET_MQTT_RECONNECT_MAX).unwrap_or(first))
    };
    let now = millis();
    let chance = mem::random().map_or(0, u32::from_ne_bytes);
    let Some(mut wait) = of(c).and_then(|mut client| client.lose(first, most, chance, now)) else {
        return false;
    };
    connect::detach(c, now.saturating_add(wait));
    if of(c).is_some_and(|client| client.v5) {
        c.set(flag::MQTT5);
    }
    if let Some(state) = state.extensions.get::<MqttState>() {
        state.restart();
    }
    call(c, MG_EV_MQTT_DISCONNECTED, (&raw mut wait).cast());
    // It may have been ended there.
    conn::queue(c);
    true
}

impl Client {
    /// The connection was lost. How long to wait until the next attempt; `None`: there is none.
    fn lose(&mut self, first: u64, most: u64, chance: u32, now: u64) -> Option<u64> {
        if self.is_over || self.login.is_empty() {
            return None;
        }
        if self.is_up && now.saturating_sub(self.since) >= self.wait {
            // It has lasted.
            self.losses = 0;
        }
        self.is_up = false;
        self.wait = back_off(first, most, self.losses);
        self.losses = self.losses.saturating_add(1);
        let least = self.wait.div_ceil(2);
        Some(least + u64::from(chance) % (self.wait - least + 1))
    }
}

/// Milliseconds to wait after so many attempts that failed, without chance.
fn back_off(first: u64, most: u64, losses: u32) -> u64 {
    let factor = 1u64.checked_shl(losses.min(32)).unwrap_or(u64::MAX);
    first.saturating_mul(factor).min(most.max(1))
}

/// Opens a lost connection again, and logs in.
fn connect_again(c: Conn) {
    let Some((url, login)) = of(c).map(|mut client| {
        if client.was_up && client.v5 {
            // The session is this client's own by now.
            let at = client.flags_at;
            if let Some(flags) = client.login.get_mut(at) {
                *flags &= !CLEAN_START;
            }
        }
        (client.url.clone(), client.login.clone())
    }) else {
        return;
    };
    // What the program has sent meanwhile belongs to no session.
    c.send().set_len(0);
    if !c.send().append(&login) {
        return conn::error(c, b"OOM");
    }
    connect::again(c, &url);
}

/// The state of the helper, among that of the protocol.
pub type Slot = RefCell<Option<Box<Client>>>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_most() {
        let waits: Vec<u64> = (0..8).map(|losses| back_off(100, 3000, losses)).collect();
        assert_eq!(waits, [100, 200, 400, 800, 1600, 3000, 3000, 3000]);
        assert_eq!(back_off(u64::MAX, 7, u32::MAX), 7);
        assert_eq!(back_off(5, 1, 0), 1);
    }

    #[test]
    fn chance_takes_up_to_half() {
        for chance in [0, 1, 49, 50, 51, u32::MAX] {
            let mut client = Client { login: vec![1], ..Client::default() };
            let wait = client.lose(100, 1000, chance, 0).expect("again");
            assert!((50..=100).contains(&wait), "{wait}");
        }
    }

    #[test]
    fn a_connection_that_lasted_starts_anew() {
        let mut client = Client { login: vec![1], ..Client::default() };
        for wait in [100, 200, 400] {
            client.lose(100, 1000, 0, 0);
            assert_eq!(client.wait, wait);
        }
        // One that ends at once does not count as a success.
        (client.is_up, client.since) = (true, 1000);
        client.lose(100, 1000, 0, 1399);
        assert_eq!(client.wait, 800);
        (client.is_up, client.since) = (true, 2000);
        client.lose(100, 1000, 0, 2800);
        assert_eq!(client.wait, 100);
    }
}
