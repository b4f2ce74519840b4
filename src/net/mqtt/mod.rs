//! The MQTT engine: the protocol handler that turns bytes in `c->recv` into events and answers what
//! is to be answered automatically. A client may have more done for it, see `client`; everything else is
//! up to the application.
//!
//! * this file: packets to events;
//! * `client`: what lasts longer than a network connection;
//! * `clock`: how long a peer may take;
//! * `engine`: MQTT as the loop sees it;
//! * `message`: packets as programs see them;
//! * `options`: what programs ask for, as packets;
//! * `send`: packets to bytes;
//! * `state`: what is kept of a connection;
//! * `strict`: what `MG_SET_MQTT_STRICT` looks at.

use super::event_loop::conn::{self, call, has_protocol};
use super::event_loop::engine::Event;
use super::event_loop::guard::ConnGuard;
use super::event_loop::handle::{Conn, Mgr};
use super::event_loop::listen::{Handlers, listen};
use super::event_loop::settings::Settings;
use super::event_loop::state::ConnState;
use super::event_loop::{clock::millis, connect, deadline, memory};
use crate::abi::{
    Connection, MG_EV_MQTT_CMD, MG_EV_MQTT_MSG, MG_EV_MQTT_OPEN, MqttMessage, MqttOpts, Setting, Str, flag,
};
use crate::codec::mqtt::{self, Fault, Frame, From};
use core::ffi::{CStr, c_int, c_void};
use core::mem::MaybeUninit;
use core::ptr;

mod client;
mod clock;
mod engine;
mod message;
mod options;
mod send;
mod state;
mod strict;

use engine::Mqtt;
use state::MqttState;
use strict::{Allowed, PeerState};

pub use client::queued;
pub use message::{next_property, parse};
pub use send::{disconnect, header, login, publish, subscribe, unsubscribe};

/// Bytes of answers that a peer may leave unread: those to messages with all packet ids that there
/// are. Who does not reuse an id before it is answered never has more.
const UNREAD_MAX: usize = 65535 * 6;

/// Milliseconds for a peer to read why its connection ends.
const FAREWELL: u64 = 2000;

/// Connects to a broker and queues CONNECT.
///
/// # Safety
/// `opts` is NULL or points to options for CONNECT.
pub unsafe fn start<'g>(
    m: Mgr<'g>,
    url: &CStr,
    opts: *const MqttOpts,
    handlers: Handlers,
) -> Option<Conn<'g>> {
    let c = connect::connect(m, url, handlers, Some(on_event), ptr::null_mut())?;
    c.state()?.set_engine(Some(&Mqtt));
    client::create(c, url.to_bytes());
    // SAFETY: the caller vouches for opts.
    unsafe { login(c, opts) };
    deadline::rearm(c);
    Some(c).filter(|c| !conn::is_closed(*c))
}

/// Listens for MQTT clients.
pub fn start_listener<'g>(m: Mgr<'g>, url: &[u8], handlers: Handlers) -> Option<Conn<'g>> {
    let c = listen(m, url, handlers)?;
    conn::set_engine(c, &Mqtt);
    c.set_protocol_data(m.as_ptr().cast());
    Some(c)
}

/// The protocol handler of MQTT connections.
unsafe extern "C" fn on_event(c: *mut Connection, ev: c_int, ev_data: *mut c_void) {
    crate::fence!("MQTT protocol handler");
    // SAFETY: called with a live connection and the event's data.
    if let (Some(event), Some(guard)) = unsafe { (Event::of(ev, ev_data), ConnGuard::new(c)) } {
        handle(guard.conn(), event);
    }
}

/// What the protocol handler does.
fn handle(c: Conn, event: Event) {
    let Some(state) = c.state().filter(|_| matches!(event, Event::Read(_) | Event::Write(_))) else { return };
    let Some(state) = state.extension::<MqttState>() else { return conn::error(c, b"OOM") };
    match event {
        Event::Write(sent) => state.unread.set(state.unread.get().saturating_sub(sent)),
        _ => take_packets(c, state),
    }
}

/// Takes all complete packets off `recv`.
fn take_packets(c: Conn, state: &MqttState) {
    if state.busy.replace(true) {
        return;
    }
    // Where the next packet starts: what precedes it was taken. It is removed once, at the end.
    let mut at = 0;
    while !state.over.get() && !c.has(flag::CLOSING) && !conn::is_closed(c) && has_protocol(c, on_event) {
        match take_packet(c, state, &mut at) {
            Ok(true) => {}
            Ok(false) => break,
            Err(fault) => refuse(c, state, fault),
        }
    }
    c.recv().consume(at);
    state.clock.looked(c, at > 0);
    state.busy.set(false);
    if c.send().len() > 0 {
        conn::output_queued(c);
    }
}

/// Takes the packet at `at` off `recv`; false while it is incomplete.
fn take_packet(c: Conn, state: &MqttState, at: &mut usize) -> Result<bool, Fault> {
    let buf = c.recv();
    // SAFETY: the slice is used before a handler runs.
    let bytes = unsafe { buf.bytes_mut() };
    // A program may have left less than it says.
    *at = (*at).min(bytes.len());
    let rest = bytes.len() - *at;
    let strict = Strict::of(c);
    let len = Frame::len(&bytes[*at..]).map_err(|_| Fault::Malformed)?;
    if strict.as_ref().is_some_and(|strict| len.is_some_and(|len| len > strict.packet_limit)) {
        return Err(Fault::TooLarge);
    }
    let Some(len) = len.filter(|len| *len <= rest) else {
        grow(c, *at);
        return Ok(false);
    };
    // Programs find the packet at the front of the buffer.
    if *at > 0 {
        bytes.copy_within(*at..*at + len, 0);
    }
    let v5 = c.has(flag::MQTT5);
    let parts = Frame::parse(&bytes[..len]).ok().flatten().and_then(|frame| {
        let packet = frame.packet(v5).ok().filter(|packet| frame.is_sound(packet, v5))?;
        Some((frame, packet))
    });
    let Some((frame, packet)) = parts else {
        bytes.copy_within(..len, *at);
        return Err(Fault::Malformed);
    };
    let mut topic = Str::NULL;
    if let Some(strict) = strict {
        let mut session = state.session.borrow_mut();
        let session = session.get_or_insert_with(|| Box::new(PeerState::new(v5)));
        let allowed = strict.allowed(state.delivered.borrow().len());
        topic = session.admit(&frame, &packet, strict.from, &allowed)?.map_or(Str::NULL, Str::from);
        if packet.command == mqtt::CONNECT {
            // What follows is read so.
            if session.is_v5() { c.set(flag::MQTT5) } else { c.clear(flag::MQTT5) }
        }
    }
    let answer = frame.answer(&packet, v5);
    let is_repeated = state.is_repeated(frame.bytes[0], &packet);
    let mut message = MaybeUninit::<MqttMessage>::zeroed();
    // SAFETY: the message is valid for writes.
    unsafe {
        message::fill(message.as_mut_ptr(), &frame, &packet);
        if topic.len > 0 {
            (*message.as_mut_ptr()).topic = topic;
        }
    }
    let (command, ack) = (packet.command, packet.ack);
    state.clock.saw(c, &frame, command);
    let now = c.state().and_then(ConnState::root).map_or(0, |root| root.now.get());
    let after = client::received(c, state, &frame, &packet, now);
    let before = buf.extent();
    // From here on code of the program may run: the packet is looked at through `message` only.
    let is_queued = answer.is_none_or(|answer| queue_answer(c, state, answer.bytes()));
    if !is_queued || !queue_more(c, &after.bytes) {
        *at += len;
        return Ok(true);
    }
    if buf.extent() != before || buf.len() < len {
        // The program's allocator has moved the bytes that the views are of.
        // SAFETY: the message is valid for writes.
        unsafe { message::clear_views(message.as_mut_ptr()) };
    }
    let replaced = buf.with_front(len.min(buf.len()), || {
        let message = message.as_mut_ptr();
        if command == mqtt::CONNACK {
            let mut code = c_int::from(ack);
            call(c, MG_EV_MQTT_OPEN, (&raw mut code).cast());
            if let Some(session_present) = after.reconnected.filter(|_| !conn::is_closed(c)) {
                client::reconnected(c, session_present);
            }
            if ack != 0 {
                conn::lose(c);
            }
        } else if command == mqtt::PUBLISH && !is_repeated {
            let base = buf.base();
            call(c, MG_EV_MQTT_MSG, message.cast());
            if buf.base() != base {
                // The program has released the bytes that the views are of.
                // SAFETY: the message is valid for writes.
                unsafe { message::clear_views(message) };
            }
        }
        // A program may have freed the manager.
        if !conn::is_closed(c) {
            call(c, MG_EV_MQTT_CMD, message.cast());
        }
    });
    *at = replaced.map_or(*at + len, |left| left.min(len));
    client::report(c, after);
    Ok(true)
}

/// What a strict receiver goes by.
struct Strict {
    from: From,
    packet_limit: usize,
    settings: Settings,
}

impl Strict {
    /// `None`: the receiver is not strict.
    fn of(c: Conn) -> Option<Strict> {
        let settings = ConnState::of(c)?.settings.borrow();
        if !settings.is_on(Setting::MG_SET_MQTT_STRICT) {
            return None;
        }
        let from = if c.has(flag::CLIENT) { From::Server } else { From::Client };
        let packet_limit = match settings.size(Setting::MG_SET_MQTT_PACKET_LIMIT) {
            0 => usize::MAX,
            limit => limit,
        };
        Some(Strict { from, packet_limit, settings: settings.clone() })
    }

    fn allowed(&self, open: usize) -> Allowed {
        Allowed::new(&self.settings, open)
    }
}

/// Ends a connection. A strict receiver of MQTT 5 says why (MQTT 5.0, section 4.13).
fn refuse(c: Conn, state: &MqttState, fault: Fault) {
    state.over.set(true);
    conn::mark_lost(c);
    let explains = state.session.borrow().as_ref().is_some_and(|session| session.may_explain());
    if !explains || !c.send().append(&[mqtt::DISCONNECT << 4, 1, fault as u8]) {
        return c.set(flag::CLOSING);
    }
    c.set(flag::DRAINING);
    // A peer that does not read it is not waited for.
    deadline::close_at(c, millis().saturating_add(FAREWELL));
}

/// Makes room for the incomplete packet at `at`. Without memory the next read says so.
fn grow(c: Conn, at: usize) {
    // SAFETY: the slice is used before a handler runs.
    let bytes = unsafe { c.recv().bytes() };
    if let Ok(Some(len)) = Frame::len(&bytes[at..])
        && let Some(state) = ConnState::of(c)
    {
        memory::grow(c, len.min(state.size_setting(Setting::MG_SET_RECV_LIMIT)));
    }
}

/// Queues packets of a client, but fires no event yet; false when the connection has failed.
fn queue_more(c: Conn, packets: &[u8]) -> bool {
    let done = packets.is_empty() || c.send().append(packets);
    if !done {
        conn::error(c, b"OOM");
    }
    done
}

/// Queues an answer, but fires no event yet; false when the connection has failed.
fn queue_answer(c: Conn, state: &MqttState, answer: &[u8]) -> bool {
    if !c.send().append(answer) {
        conn::error(c, b"OOM");
        return false;
    }
    let unread = state.unread.get() + answer.len();
    state.unread.set(unread);
    if unread > UNREAD_MAX {
        conn::error(c, b"MQTT acknowledgements are not read");
        return false;
    }
    true
}
