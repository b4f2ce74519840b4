//! Strings, buffers, addresses, timers, queue, manager and connection.

use super::config::MG_DATA_SIZE;
use core::ffi::{c_char, c_int, c_long, c_uint, c_ulong, c_void};

/// A view of bytes: no ownership, not NUL-terminated; `buf` may be NULL when `len` is 0.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Str {
    /// First byte.
    pub buf: *mut c_char,
    /// Number of bytes.
    pub len: usize,
}

impl Str {
    /// `{NULL, 0}`.
    pub const NULL: Str = Str { buf: core::ptr::null_mut(), len: 0 };
}

impl From<&[u8]> for Str {
    fn from(b: &[u8]) -> Str {
        Str { buf: b.as_ptr().cast_mut().cast(), len: b.len() }
    }
}

/// A growable buffer. The memory is that of `mg_calloc` and `mg_free`.
#[repr(C)]
#[derive(Debug)]
pub struct IoBuf {
    /// First byte, or NULL when `size` is 0.
    pub buf: *mut u8,
    /// Bytes allocated.
    pub size: usize,
    /// Bytes in use.
    pub len: usize,
    /// `size` is kept a multiple of this; 0 means exact.
    pub align: usize,
}

/// Address bytes, in network order.
#[repr(C)]
#[derive(Clone, Copy)]
pub union IpBytes {
    /// As 16 bytes; IPv4 uses the first four.
    pub ip: [u8; 16],
    /// As an IPv4 number in network order.
    pub ip4: u32,
    /// As two 64-bit halves in network order.
    pub ip6: [u64; 2],
}

/// A network address and port.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Addr {
    /// The address. cbindgen.toml has C's words for it.
    #[cfg(not(cbindgen))]
    pub addr: IpBytes,
    /// The port, in network byte order.
    pub port: u16,
    /// IPv6 scope.
    pub scope_id: u8,
    /// IPv6 rather than IPv4.
    pub is_ip6: bool,
    /// What the compiler would leave as padding: programs may compare whole structs.
    #[cfg(not(cbindgen))]
    pub padding: AddrPadding,
}

/// Bytes of an address up to its last field.
const ADDR_END: usize = size_of::<IpBytes>() + 4;
/// None where numbers of 64 bits are aligned to 4 bytes.
type AddrPadding = [u8; ADDR_END.next_multiple_of(align_of::<IpBytes>()) - ADDR_END];

/// A timer in a list.
#[repr(C)]
pub struct Timer {
    /// Interval in milliseconds.
    pub period_ms: u64,
    /// When it fires next, in `mg_millis()` time; 0: not armed yet.
    pub expire: u64,
    /// `MG_TIMER_*`.
    pub flags: c_uint,
    /// Called when the timer fires.
    pub r#fn: Option<unsafe extern "C" fn(arg: *mut c_void)>,
    /// Argument of `fn`.
    pub arg: *mut c_void,
    /// Next in the list.
    pub next: *mut Timer,
}

/// A timer that fires once.
pub const MG_TIMER_ONCE: c_uint = 0;
/// A timer that fires every period.
pub const MG_TIMER_REPEAT: c_uint = 1;
/// Fire at the first poll that sees the timer.
pub const MG_TIMER_RUN_NOW: c_uint = 2;
/// Set by the library after the first firing.
pub const MG_TIMER_CALLED: c_uint = 4;
/// Release the timer by `mg_free` when it is done.
pub const MG_TIMER_AUTODELETE: c_uint = 8;

/// A queue for one producer thread and one consumer thread.
#[repr(C)]
pub struct Queue {
    /// Memory of the queue.
    pub buf: *mut c_char,
    /// Bytes of memory.
    pub size: usize,
    /// Where the consumer reads.
    #[cfg(cbindgen)]
    pub tail: VolatileSize,
    /// Where the producer writes.
    #[cfg(cbindgen)]
    pub head: VolatileSize,
    /// Where the consumer reads. Shared by two threads: access it as an atomic.
    #[cfg(not(cbindgen))]
    pub tail: usize,
    /// Where the producer writes. Shared by two threads: access it as an atomic.
    #[cfg(not(cbindgen))]
    pub head: usize,
}

/// Results of the low-level I/O functions that are not a number of bytes.
#[repr(C)]
#[allow(non_camel_case_types)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IoResult {
    /// The connection failed or was closed by the peer.
    MG_IO_ERR = -1,
    /// Nothing could be done now; try again later.
    MG_IO_WAIT = -2,
}

enum_constants!(IoResult as c_long: MG_IO_ERR, MG_IO_WAIT);

/// Handles the events of a connection: one of `MG_EV_*`, with data that depends on the event.
pub type EventHandler = Option<unsafe extern "C" fn(c: *mut Connection, ev: c_int, ev_data: *mut c_void)>;

/// A DNS server: its URL and the connection to it.
#[repr(C)]
pub struct Dns {
    /// URL of the server; not copied.
    pub url: *const c_char,
    /// Connection to it, made by the first lookup.
    pub c: *mut Connection,
}

/// The wakeup channel.
#[repr(C)]
#[derive(Clone, Copy)]
pub union Pipe {
    /// Not -1 while `mg_wakeup` works.
    pub fd: c_int,
    /// Unused on hosted systems.
    pub q: *mut c_void,
}

/// The event manager: all connections and timers of one event loop.
#[repr(C)]
pub struct Manager {
    /// List of connections, newest first.
    pub conns: *mut Connection,
    /// IPv4 resolver.
    pub dns4: Dns,
    /// IPv6 resolver.
    pub dns6: Dns,
    /// The mDNS listener.
    pub mdns: *mut Connection,
    /// Milliseconds after which a DNS query fails.
    pub dnstimeout: c_int,
    /// Ask `dns6`, for AAAA records.
    pub use_dns6: bool,
    /// Id of the newest connection.
    pub nextid: c_ulong,
    /// Free for the program.
    pub userdata: *mut c_void,
    /// TLS state shared by all connections.
    pub tls_ctx: *mut c_void,
    /// Newest MQTT packet id.
    pub mqtt_id: u16,
    /// Private.
    pub active_dns_requests: *mut c_void,
    /// Private.
    pub active_mdns_requests: *mut c_void,
    /// List of timers.
    pub timers: *mut Timer,
    /// Descriptor of the poller: readable when a poll has I/O to do.
    pub epoll_fd: c_int,
    /// Private.
    #[cfg(cbindgen)]
    pub ifp: *mut TcpipIf,
    /// State of the event loop.
    #[cfg(not(cbindgen))]
    pub ifp: *mut c_void,
    /// Extra bytes after each connection, zeroed, for the program.
    pub extraconnsize: usize,
    /// The wakeup channel.
    pub pipe: Pipe,
}

/// A connection: listening, accepted, outgoing, or a wrapped descriptor.
#[repr(C)]
pub struct Connection {
    /// Next in `mgr->conns`.
    pub next: *mut Connection,
    /// The manager.
    pub mgr: *mut Manager,
    /// Local address.
    pub loc: Addr,
    /// Address of the peer.
    pub rem: Addr,
    /// The descriptor: `(int) (size_t) c->fd`.
    pub fd: *mut c_void,
    /// 1, 2, 3 and so on in each manager; never reused.
    pub id: c_ulong,
    /// Bytes received and not consumed.
    pub recv: IoBuf,
    /// Bytes to send.
    pub send: IoBuf,
    /// Profile; unused unless the program uses it.
    pub prof: IoBuf,
    /// TLS: bytes received and not decrypted.
    pub rtls: IoBuf,
    /// The program's handler.
    pub r#fn: EventHandler,
    /// Free for the program's handler.
    pub fn_data: *mut c_void,
    /// The protocol handler; runs before `fn`.
    pub pfn: EventHandler,
    /// Belongs to the protocol handler.
    pub pfn_data: *mut c_void,
    /// Free for the program; zeroed.
    pub(super) data: [c_char; MG_DATA_SIZE],
    /// TLS state.
    pub(super) tls: *mut c_void,
    /// Listening socket.
    /// cbindgen:bitfield=1
    #[cfg(cbindgen)]
    pub is_listening: c_uint,
    /// Outgoing connection.
    /// cbindgen:bitfield=1
    #[cfg(cbindgen)]
    pub is_client: c_uint,
    /// Accepted connection.
    /// cbindgen:bitfield=1
    #[cfg(cbindgen)]
    pub is_accepted: c_uint,
    /// A name is being resolved.
    /// cbindgen:bitfield=1
    #[cfg(cbindgen)]
    pub is_resolving: c_uint,
    /// Never set on hosted systems.
    /// cbindgen:bitfield=1
    #[cfg(cbindgen)]
    pub is_arplooking: c_uint,
    /// A TCP connect is pending.
    /// cbindgen:bitfield=1
    #[cfg(cbindgen)]
    pub is_connecting: c_uint,
    /// TLS connection.
    /// cbindgen:bitfield=1
    #[cfg(cbindgen)]
    pub is_tls: c_uint,
    /// TLS handshake in progress.
    /// cbindgen:bitfield=1
    #[cfg(cbindgen)]
    pub is_tls_hs: c_uint,
    /// UDP.
    /// cbindgen:bitfield=1
    #[cfg(cbindgen)]
    pub is_udp: c_uint,
    /// WebSocket.
    /// cbindgen:bitfield=1
    #[cfg(cbindgen)]
    pub is_websocket: c_uint,
    /// MQTT version 5.
    /// cbindgen:bitfield=1
    #[cfg(cbindgen)]
    pub is_mqtt5: c_uint,
    /// Set it to log a hex dump of all traffic.
    /// cbindgen:bitfield=1
    #[cfg(cbindgen)]
    pub is_hexdumping: c_uint,
    /// Set it to close when everything is sent.
    /// cbindgen:bitfield=1
    #[cfg(cbindgen)]
    pub is_draining: c_uint,
    /// Set it to close now.
    /// cbindgen:bitfield=1
    #[cfg(cbindgen)]
    pub is_closing: c_uint,
    /// Set it to stop reading, clear it to continue.
    /// cbindgen:bitfield=1
    #[cfg(cbindgen)]
    pub is_full: c_uint,
    /// TLS output waits for the socket.
    /// cbindgen:bitfield=1
    #[cfg(cbindgen)]
    pub is_tls_throttled: c_uint,
    /// A response is being produced; a program that streams one clears it at the end.
    /// cbindgen:bitfield=1
    #[cfg(cbindgen)]
    pub is_resp: c_uint,
    /// Found readable by the wait of this poll.
    /// cbindgen:bitfield=1
    #[cfg(cbindgen)]
    pub is_readable: c_uint,
    /// Found writable by the wait of this poll.
    /// cbindgen:bitfield=1
    #[cfg(cbindgen)]
    pub is_writable: c_uint,
    /// What packets are marked with, see `mg_dscp`. Writing it does nothing.
    /// cbindgen:bitfield=6
    #[cfg(cbindgen)]
    pub dscp: c_uint,
    /// The bit fields of C; see [`flag`].
    #[cfg(not(cbindgen))]
    pub flags: c_uint,
}

/// The bits of [`Connection::flags`].
#[cfg(not(cbindgen))]
pub mod flag {
    /// Listening socket.
    pub const LISTENING: u32 = 1 << 0;
    /// Outgoing connection.
    pub const CLIENT: u32 = 1 << 1;
    /// Accepted connection.
    pub const ACCEPTED: u32 = 1 << 2;
    /// A name is being resolved.
    pub const RESOLVING: u32 = 1 << 3;
    /// Never set on hosted systems.
    pub const ARPLOOKING: u32 = 1 << 4;
    /// A TCP connect is pending.
    pub const CONNECTING: u32 = 1 << 5;
    /// TLS connection.
    pub const TLS: u32 = 1 << 6;
    /// TLS handshake in progress.
    pub const TLS_HS: u32 = 1 << 7;
    /// UDP.
    pub const UDP: u32 = 1 << 8;
    /// WebSocket.
    pub const WEBSOCKET: u32 = 1 << 9;
    /// MQTT version 5.
    pub const MQTT5: u32 = 1 << 10;
    /// Log a hex dump of all traffic.
    pub const HEXDUMPING: u32 = 1 << 11;
    /// Close when everything is sent.
    pub const DRAINING: u32 = 1 << 12;
    /// Close now.
    pub const CLOSING: u32 = 1 << 13;
    /// Do not read.
    pub const FULL: u32 = 1 << 14;
    /// TLS output waits for the socket.
    pub const TLS_THROTTLED: u32 = 1 << 15;
    /// A response is being produced.
    pub const RESP: u32 = 1 << 16;
    /// Found readable by the wait of this poll.
    pub const READABLE: u32 = 1 << 17;
    /// Found writable by the wait of this poll.
    pub const WRITABLE: u32 = 1 << 18;
    /// The six bits of `dscp`.
    pub const DSCP: u32 = 63 << 19;
}
