//! Settings that a program may change at run time. The defaults are those of the original library.

use super::handle::{Conn, Mgr};
use super::state::{ConnState, Root};
use crate::abi::{MG_IO_SIZE, MG_MAX_RECV_SIZE, MG_SOCK_LISTEN_BACKLOG_SIZE, Setting};
use crate::net::http::config::Policy;
use crate::net::ws;
use core::ops::RangeInclusive;

/// Settings of a manager: what new connections start with.
#[derive(Clone, Copy)]
pub struct Settings {
    /// MG_SET_BACKLOG of listening sockets.
    pub backlog: i32,
    /// `TCP_NODELAY` on accepted and outgoing connections.
    pub nodelay: bool,
    /// `SO_KEEPALIVE` on accepted and outgoing connections.
    pub keepalive: bool,
    /// `SO_REUSEPORT` on listening sockets.
    pub reuse_port: bool,
    /// Accepted connections at once; 0: no limit.
    pub max_connections: usize,
    /// Accepted connections at once from one address; 0: no limit.
    pub max_per_address: u32,
    /// What each connection has of its own.
    pub conn: ConnSettings,
    /// What the HTTP engine goes by on each connection.
    pub http: Policy,
}

/// Settings of one connection. Accepted connections take their listener's.
///
/// What every walk over all connections looks at comes last, as in [`ConnState`].
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ConnSettings {
    /// `recv.len` at or above which a read fails.
    pub recv_limit: usize,
    /// `send.len` at which `MG_EV_HIGH_WATER` fires; 0: never.
    pub high_water: usize,
    /// What the WebSocket engine goes by.
    pub ws: ws::Policy,
    /// Growth step of `recv`, and so the size of a read.
    pub read_size: u32,
    /// Milliseconds for resolving and connecting; 0: no limit.
    pub connect_timeout: u32,
    /// Milliseconds without a byte read or written; 0: no limit.
    pub idle_timeout: u32,
    /// Accepted connections begin TLS with what their listener was given.
    pub tls_inherit: bool,
    /// Fire `MG_EV_POLL`.
    pub poll: bool,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            backlog: MG_SOCK_LISTEN_BACKLOG_SIZE,
            nodelay: true,
            keepalive: true,
            reuse_port: false,
            max_connections: 0,
            max_per_address: 0,
            conn: ConnSettings::default(),
            http: Policy::default(),
        }
    }
}

impl Default for ConnSettings {
    fn default() -> ConnSettings {
        ConnSettings {
            recv_limit: MG_MAX_RECV_SIZE,
            high_water: 0,
            ws: ws::Policy::default(),
            read_size: MG_IO_SIZE as u32,
            connect_timeout: 0,
            idle_timeout: 0,
            tls_inherit: false,
            poll: true,
        }
    }
}

/// The settings of a manager.
pub fn of(m: Mgr) -> Settings {
    Root::of(m).map_or_else(Settings::default, |root| root.with(|inner| inner.settings))
}

/// Changes a setting of a manager: holds for connections made from now on. False when the value
/// makes no sense.
pub fn set(m: Mgr, setting: Setting, value: i64) -> bool {
    let Some(root) = Root::of(m) else { return false };
    root.with(|inner| {
        let s = &mut inner.settings;
        match setting {
            Setting::MG_SET_BACKLOG => store(&mut s.backlog, value, 1..=i64::from(i32::MAX)),
            Setting::MG_SET_NODELAY => store_bool(&mut s.nodelay, value),
            Setting::MG_SET_KEEPALIVE => store_bool(&mut s.keepalive, value),
            Setting::MG_SET_REUSEPORT => store_bool(&mut s.reuse_port, value),
            Setting::MG_SET_MAX_CONNECTIONS => store(&mut s.max_connections, value, 0..=i64::MAX),
            Setting::MG_SET_MAX_PER_ADDRESS => store(&mut s.max_per_address, value, 0..=i64::from(u32::MAX)),
            _ => s.conn.set(setting, value) || s.http.set(setting, value),
        }
    })
}

/// Changes a setting of one connection; a listener's accepted connections inherit it.
pub fn set_conn(c: Conn, setting: Setting, value: i64) -> bool {
    let Some(state) = ConnState::of(c) else { return false };
    let mut settings = state.settings.get();
    let mut policy = state.policy.get();
    let done = settings.set(setting, value) || policy.set(setting, value);
    give(c, settings, policy);
    ws::arm(c);
    done
}

/// Gives a connection its settings.
pub fn give(c: Conn, settings: ConnSettings, policy: Policy) {
    if let Some(state) = ConnState::of(c) {
        state.settings.set(settings);
        state.policy.set(policy);
        c.recv().set_align(settings.read_size as usize);
    }
}

impl ConnSettings {
    fn set(&mut self, setting: Setting, value: i64) -> bool {
        const TIME: RangeInclusive<i64> = 0..=u32::MAX as i64;
        match setting {
            Setting::MG_SET_RECV_LIMIT => store(&mut self.recv_limit, value, 1..=i64::MAX),
            Setting::MG_SET_READ_SIZE => store(&mut self.read_size, value, 1..=(1 << 30)),
            Setting::MG_SET_CONNECT_TIMEOUT => store(&mut self.connect_timeout, value, TIME),
            Setting::MG_SET_IDLE_TIMEOUT => store(&mut self.idle_timeout, value, TIME),
            Setting::MG_SET_HIGH_WATER => store(&mut self.high_water, value, 0..=i64::MAX),
            Setting::MG_SET_TLS_INHERIT => store_bool(&mut self.tls_inherit, value),
            Setting::MG_SET_POLL_EVENTS => store_bool(&mut self.poll, value),
            _ => self.ws.set(setting, value),
        }
    }
}

pub(in crate::net) fn store<T: TryFrom<i64>>(field: &mut T, value: i64, range: RangeInclusive<i64>) -> bool {
    match T::try_from(value) {
        Ok(v) if range.contains(&value) => {
            *field = v;
            true
        }
        _ => false,
    }
}

pub(in crate::net) fn store_bool(field: &mut bool, value: i64) -> bool {
    let valid = matches!(value, 0 | 1);
    if valid {
        *field = value == 1;
    }
    valid
}
