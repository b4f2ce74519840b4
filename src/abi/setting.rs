//! Settings that programs change at run time. An addition of this library.

use core::ffi::c_int;

/// `c->send` has reached its high-water mark; `ev_data` is `size_t *`: bytes queued. An addition of
/// this library. Fires once, and again after the buffer has been below the mark.
pub const MG_EV_HIGH_WATER: c_int = -1;

/// A setting for `mg_mgr_set` and `mg_conn_set`. The defaults are those of the original library.
#[repr(C)]
#[allow(non_camel_case_types)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Setting {
    /// Bytes in `c->recv` at which a connection that wants to read fails with `MG_MAX_RECV_SIZE`.
    MG_SET_RECV_LIMIT = 1,
    /// Bytes by which `c->recv` grows, and so the largest single read.
    MG_SET_READ_SIZE = 2,
    /// MG_SET_BACKLOG of listening sockets. Managers only.
    MG_SET_BACKLOG = 3,
    /// 1 or 0: `TCP_NODELAY` on accepted and outgoing connections. Managers only.
    MG_SET_NODELAY = 4,
    /// 1 or 0: `SO_KEEPALIVE` on accepted and outgoing connections. Managers only.
    MG_SET_KEEPALIVE = 5,
    /// 1 or 0: `SO_REUSEPORT` on listening sockets, so that processes share a port. Managers only.
    MG_SET_REUSEPORT = 6,
    /// Milliseconds for resolving and connecting, then `MG_EV_ERROR` "connect timeout"; 0: no limit.
    MG_SET_CONNECT_TIMEOUT = 7,
    /// Milliseconds without a byte in or out, then `MG_EV_ERROR` "idle timeout"; 0: no limit.
    MG_SET_IDLE_TIMEOUT = 8,
    /// Bytes in `c->send` at which `MG_EV_HIGH_WATER` fires; 0: never.
    MG_SET_HIGH_WATER = 9,
    /// 1 or 0: fire `MG_EV_POLL`.
    MG_SET_POLL_EVENTS = 10,
}

impl Setting {
    /// All settings, in order of their numbers, which start at 1.
    const ALL: [Setting; 10] = [
        Setting::MG_SET_RECV_LIMIT,
        Setting::MG_SET_READ_SIZE,
        Setting::MG_SET_BACKLOG,
        Setting::MG_SET_NODELAY,
        Setting::MG_SET_KEEPALIVE,
        Setting::MG_SET_REUSEPORT,
        Setting::MG_SET_CONNECT_TIMEOUT,
        Setting::MG_SET_IDLE_TIMEOUT,
        Setting::MG_SET_HIGH_WATER,
        Setting::MG_SET_POLL_EVENTS,
    ];

    /// The setting with a number that came from C.
    pub fn from_c(number: c_int) -> Option<Setting> {
        let index = usize::try_from(number).ok()?.checked_sub(1)?;
        Setting::ALL.get(index).copied()
    }
}
