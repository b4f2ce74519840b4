//! Settings that programs change at run time. An addition of this library.

use super::config::{MG_IO_SIZE, MG_JSON_MAX_DEPTH, MG_MAX_RECV_SIZE, MG_SOCK_LISTEN_BACKLOG_SIZE};
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
    /// Backlog of listening sockets. Managers only.
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
    /// Accepted connections at once; more are rejected. 0: no limit. Managers only.
    MG_SET_MAX_CONNECTIONS = 11,
    /// Accepted connections at once from one address; more are rejected. 0: no limit. Managers only.
    MG_SET_MAX_PER_ADDRESS = 12,
    /// 1 or 0: refuse messages that RFC 9112 calls invalid and the original accepts: odd methods, names,
    /// targets, statuses and versions, spaces, LF without CR, odd chunk sizes and extensions, a missing
    /// `Host`, a response that is sent to a server. `MG_SET_HTTP_ALLOW_NO_HOST` and the settings after it
    /// are single exceptions.
    MG_SET_HTTP_STRICT = 13,
    /// 1 or 0: answer requests that cannot be served with 400, 408, 411, 413, 414, 429, 431, 501, 503 or
    /// 505 before closing, instead of closing silently. What a client still sends is read for
    /// up to two seconds, so that the reply reaches it.
    MG_SET_HTTP_ERROR_REPLIES = 14,
    /// 1 or 0: answer `Expect: 100-continue` once `MG_EV_HTTP_HDRS` has not answered the request.
    MG_SET_HTTP_CONTINUE = 15,
    /// 1 or 0: close after the reply to an HTTP/1.0 request without `Connection: keep-alive`, and
    /// confirm that header where it is there; see `mg_http_connection_header`.
    MG_SET_HTTP10_CLOSE = 16,
    /// Bytes of the head of a message.
    MG_SET_HTTP_MAX_HEAD = 17,
    /// Bytes of the body of a request that is collected in `c->recv`; 0: only `MG_SET_RECV_LIMIT` counts.
    MG_SET_HTTP_MAX_BODY = 18,
    /// Requests on one connection; it closes after the reply to the last. 0: no limit.
    MG_SET_HTTP_MAX_REQUESTS = 19,
    /// Milliseconds from the first byte of a head to its last; 0: no limit.
    MG_SET_HTTP_HEAD_TIMEOUT = 20,
    /// Bytes per second that the body of a request must come in with, after five seconds of grace,
    /// whether it is collected, uploaded to a file or streamed; 0: no limit. A program that streams
    /// has all the time it wants to take what has come out of `c->recv`.
    MG_SET_HTTP_BODY_RATE = 21,
    /// Milliseconds that a connection may wait for its next request; 0: no limit.
    MG_SET_HTTP_IDLE_TIMEOUT = 22,
    /// Bytes of a WebSocket message, after decompression; a longer one ends the connection with
    /// code 1009. 0: only `MG_SET_RECV_LIMIT` counts.
    MG_SET_WS_MESSAGE_LIMIT = 23,
    /// Milliseconds in which nothing came over a WebSocket, then a ping is sent; 0: never.
    MG_SET_WS_PING = 24,
    /// Milliseconds after such a ping in which still nothing came, then `MG_EV_ERROR`
    /// "WS pong timeout"; 0: as long as `MG_SET_WS_PING`.
    MG_SET_WS_PONG_TIMEOUT = 25,
    /// Milliseconds for the peer to answer a close frame, then the connection closes; 0: no limit.
    MG_SET_WS_CLOSE_TIMEOUT = 26,
    /// permessage-deflate (RFC 7692): the largest window in bits, 9 to 15; 0: no compression.
    /// Counts for handshakes to come.
    MG_SET_WS_DEFLATE = 27,
    /// 1 or 0: compressed messages may refer to earlier ones (context takeover), which makes them
    /// smaller and costs memory for each connection.
    MG_SET_WS_DEFLATE_CONTEXT = 28,
    /// Milliseconds in which none of the bytes that wait to be sent leaves an HTTP server, then
    /// `MG_EV_ERROR` "HTTP send timeout"; 0: no limit. Not for WebSockets.
    MG_SET_HTTP_SEND_TIMEOUT = 29,
    /// 1 or 0: connections that a listener with a TLS URL, or one that was given to `mg_tls_init`,
    /// accepts begin TLS with what the listener was given, unless the handler of `MG_EV_ACCEPT` calls
    /// `mg_tls_init` itself.
    MG_SET_TLS_INHERIT = 30,
    /// 1 or 0: listeners on IPv6 addresses take no IPv4 peers. Managers only. `MG_IPV6_V6ONLY`.
    MG_SET_IPV6_ONLY = 31,
    /// 1 or 0: list directories without index file; 0: answer 403. `MG_ENABLE_DIRLIST`.
    MG_SET_HTTP_DIRLIST = 32,
    /// 1 or 0: files that match `ssi_pattern` have their includes in place. `MG_ENABLE_SSI`.
    MG_SET_HTTP_SSI = 33,
    /// How deep included files may include others. `MG_MAX_SSI_DEPTH`.
    MG_SET_HTTP_SSI_DEPTH = 34,
    /// 1 or 0: times in listings are local time, to the second. `MG_HTTP_DIRLIST_TIME_FMT`.
    MG_SET_HTTP_LOCAL_TIMES = 35,
    /// Bytes of the path of a file that is served, with its NUL. `MG_PATH_MAX`.
    MG_SET_PATH_MAX = 36,
    /// A text, for `mg_mgr_set_text`: the file that is served for a directory. Managers only.
    /// `MG_HTTP_INDEX`.
    MG_SET_HTTP_INDEX = 37,
    /// Containers that may be open at a time in JSON text, up to 128. For the whole process.
    /// `MG_JSON_MAX_DEPTH`.
    MG_SET_JSON_DEPTH = 38,
    /// 1 or 0: the library logs lines of its own. For the whole process. `MG_ENABLE_LOG`.
    MG_SET_LOG = 39,
    /// 1 or 0: `mg_fs_posix` works; 0: each of its functions fails. For the whole process.
    /// `MG_ENABLE_POSIX_FS`.
    MG_SET_POSIX_FS = 40,
    /// A text, for `mg_mgr_set_text`: the version that firmware updates are compared with. For the whole
    /// process. `MG_OTA_FIRMWARE_VERSION`.
    MG_SET_OTA_VERSION = 41,
    /// A text, for `mg_mgr_set_text`: certificates (PEM) that firmware servers are checked by; see also
    /// `mg_ota_set_ca`. For the whole process. `MG_OTA_TLS_CA`.
    MG_SET_OTA_CA = 42,
    /// What connections mark their packets with (RFC 2474), 0 to 63: see `mg_dscp`.
    MG_SET_DSCP = 43,
    /// 1 or 0: TLS sessions may be resumed: a server gives tickets, a client keeps those it gets. On
    /// by default. Counts for sessions to come.
    MG_SET_TLS_TICKETS = 44,
    /// 1 or 0: append the keys of TLS sessions to the file that the environment variable
    /// `SSLKEYLOGFILE` names, so that a recording of the traffic can be read. Counts for sessions to
    /// come. Whoever has that file can read everything.
    MG_SET_TLS_KEY_LOG = 45,
    /// 1 or 0: an MQTT connection ends for each packet that the standards forbid: malformed ones of any
    /// kind, those that this side does not take, a second CONNECT, and what the other settings here do
    /// not allow. In MQTT 5 a DISCONNECT says why. An accepted connection gets `c->is_mqtt5` from CONNECT.
    MG_SET_MQTT_STRICT = 46,
    /// Bytes of an MQTT packet; 0: only `MG_SET_RECV_LIMIT` counts. Counts where `MG_SET_MQTT_STRICT` is
    /// on, as the next two. `mg_mqtt_login` announces all three in MQTT 5; a server's CONNACK is the
    /// program's.
    MG_SET_MQTT_PACKET_LIMIT = 47,
    /// Messages with QoS 2 that a peer may have open at once in MQTT 5.
    MG_SET_MQTT_RECEIVE_MAX = 48,
    /// Topic aliases that a peer may use in MQTT 5; each keeps a topic. 0: none.
    MG_SET_MQTT_TOPIC_ALIASES = 49,
    /// Header lines of a request, 1 to 1024; one with more is answered with 431 if such replies are wanted.
    MG_SET_HTTP_MAX_HEADERS = 50,
    /// 1 or 0: replies say when they were made (`Date`, RFC 9110, section 6.6.1); see
    /// `mg_http_date_header`. Those with files do so in any case.
    MG_SET_HTTP_DATE = 51,
    /// 1 or 0: a reply after which the connection closes says `Connection: close` (RFC 9112, section
    /// 9.6), unless its headers have a `Connection` line; see `mg_http_connection_header`.
    MG_SET_HTTP_CLOSE_HEADER = 52,
    /// Milliseconds until a connection is of use: for the TLS handshake, for the response that a WebSocket
    /// client waits for, and until CONNECT or CONNACK of MQTT has come; each begins when what it needs is
    /// there. Then `MG_EV_ERROR` "TLS handshake timeout", "WS handshake timeout" or "MQTT login timeout";
    /// 0: no limit.
    MG_SET_HANDSHAKE_TIMEOUT = 53,
    /// Bytes per second that a WebSocket message or an MQTT packet must come in with once its first byte
    /// is there, after five seconds of grace. Then `MG_EV_ERROR` "WS message timeout" or "MQTT packet
    /// timeout"; 0: no limit. Frames between the fragments of a message do not count, and nothing does
    /// while the program has set `is_full`.
    MG_SET_MESSAGE_RATE = 54,
    /// Bytes that the connections of a manager may hold: the capacity of `recv`, `send` and `rtls`, and
    /// windows for compression; 0: no limit. At the limit nothing more is read; empty buffers are released,
    /// and connections that have waited for their peers for the longest time fail with `MG_EV_ERROR`
    /// "memory limit". What a program sends counts, but is not refused. Managers only; `mg_mgr_get` with
    /// `MG_GET_MEMORY` has the count.
    MG_SET_MEMORY_LIMIT = 55,
    /// 1 or 0: with `MG_SET_HTTP_STRICT`, requests of HTTP/1.1 may have no `Host`.
    MG_SET_HTTP_ALLOW_NO_HOST = 56,
    /// 1 or 0: with `MG_SET_HTTP_STRICT`, lines of a request's head may end in LF alone.
    MG_SET_HTTP_ALLOW_LF = 57,
    /// 1 or 0: with `MG_SET_HTTP_STRICT`, the target of a request may have bytes from 0x80 on, which belong
    /// percent-encoded.
    MG_SET_HTTP_ALLOW_RAW_TARGET = 58,
    /// 1 or 0: requests with a method that is neither registered nor of WebDAV are refused with 501.
    MG_SET_HTTP_KNOWN_METHODS = 59,
    /// Milliseconds between two `MG_EV_POLL` of a connection that has no I/O and whose handler does nothing
    /// there, while a manager of more than 32 connections is busy; 0: all get it in each poll, up to 1,000
    /// connections. A handler does something if it changes flags, `data`, `recv` or `send` of its
    /// connection: then it gets `MG_EV_POLL` in the next poll too. All get it in a poll without I/O.
    /// What a program changes by hand on another connection may be noticed that late. Managers only.
    MG_SET_POLL_INTERVAL = 60,
    /// 1 or 0: accepted connections begin with a header of the PROXY protocol, version 1 or 2, before TLS
    /// and everything else; the client that it names becomes `c->rem`. Without one, or with one that is
    /// malformed, they close. Set on a listener, or at `MG_EV_ACCEPT` for peers that are proxies: whoever
    /// may send a header can claim any address.
    MG_SET_PROXY_PROTOCOL = 61,
    /// Milliseconds until a client of `mg_mqtt_connect` whose connection was lost connects again, for the
    /// first attempt; the next ones wait twice as long each, up to `MG_SET_MQTT_RECONNECT_MAX`, and each up to
    /// half of that less, by chance. 0: the connection closes. While it is set, messages and subscriptions
    /// are kept, see `mg_mqtt_connect`.
    MG_SET_MQTT_RECONNECT = 62,
    /// Milliseconds between two attempts at the most.
    MG_SET_MQTT_RECONNECT_MAX = 63,
    /// Bytes of messages and subscriptions that such a client keeps, with 160 for each; beyond that
    /// `mg_mqtt_pub` and `mg_mqtt_sub` queue nothing, and `errno` is `ENOBUFS`.
    MG_SET_MQTT_QUEUE = 64,
    /// Milliseconds that a client of `mg_mqtt_connect` waits for PINGRESP, then `MG_EV_ERROR` "MQTT pong
    /// timeout". PINGREQ is sent when nothing was sent, or nothing has come, for three quarters of the
    /// keep-alive of CONNECT, or of the server's (MQTT 5.0, section 3.2.2.3.14). 0: the program does that.
    MG_SET_MQTT_PONG_TIMEOUT = 65,
}

/// An MQTT client with `MG_SET_MQTT_RECONNECT` is not connected; `ev_data` is `uint64_t *`: milliseconds
/// until it connects again. Fires for attempts that failed, too. An addition of this library.
pub const MG_EV_MQTT_DISCONNECTED: c_int = -2;

/// An MQTT client with `MG_SET_MQTT_RECONNECT` has logged in again; follows `MG_EV_MQTT_OPEN`. `ev_data` is
/// `int *`: 1 if the server has kept the session. If not, the subscriptions were made again. An addition
/// of this library.
pub const MG_EV_MQTT_RECONNECTED: c_int = -3;

/// For `mg_mgr_get`: bytes that the connections of a manager hold, as `MG_SET_MEMORY_LIMIT` counts them. An
/// addition of this library.
pub const MG_GET_MEMORY: c_int = -1;

/// For `mg_mgr_get`: accepted connections. An addition of this library.
pub const MG_GET_ACCEPTED: c_int = -2;

impl Setting {
    /// How many there are.
    pub const COUNT: usize = 65;

    /// All settings, in order of their numbers, which start at 1.
    pub const ALL: [Setting; Setting::COUNT] = [
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
        Setting::MG_SET_MAX_CONNECTIONS,
        Setting::MG_SET_MAX_PER_ADDRESS,
        Setting::MG_SET_HTTP_STRICT,
        Setting::MG_SET_HTTP_ERROR_REPLIES,
        Setting::MG_SET_HTTP_CONTINUE,
        Setting::MG_SET_HTTP10_CLOSE,
        Setting::MG_SET_HTTP_MAX_HEAD,
        Setting::MG_SET_HTTP_MAX_BODY,
        Setting::MG_SET_HTTP_MAX_REQUESTS,
        Setting::MG_SET_HTTP_HEAD_TIMEOUT,
        Setting::MG_SET_HTTP_BODY_RATE,
        Setting::MG_SET_HTTP_IDLE_TIMEOUT,
        Setting::MG_SET_WS_MESSAGE_LIMIT,
        Setting::MG_SET_WS_PING,
        Setting::MG_SET_WS_PONG_TIMEOUT,
        Setting::MG_SET_WS_CLOSE_TIMEOUT,
        Setting::MG_SET_WS_DEFLATE,
        Setting::MG_SET_WS_DEFLATE_CONTEXT,
        Setting::MG_SET_HTTP_SEND_TIMEOUT,
        Setting::MG_SET_TLS_INHERIT,
        Setting::MG_SET_IPV6_ONLY,
        Setting::MG_SET_HTTP_DIRLIST,
        Setting::MG_SET_HTTP_SSI,
        Setting::MG_SET_HTTP_SSI_DEPTH,
        Setting::MG_SET_HTTP_LOCAL_TIMES,
        Setting::MG_SET_PATH_MAX,
        Setting::MG_SET_HTTP_INDEX,
        Setting::MG_SET_JSON_DEPTH,
        Setting::MG_SET_LOG,
        Setting::MG_SET_POSIX_FS,
        Setting::MG_SET_OTA_VERSION,
        Setting::MG_SET_OTA_CA,
        Setting::MG_SET_DSCP,
        Setting::MG_SET_TLS_TICKETS,
        Setting::MG_SET_TLS_KEY_LOG,
        Setting::MG_SET_MQTT_STRICT,
        Setting::MG_SET_MQTT_PACKET_LIMIT,
        Setting::MG_SET_MQTT_RECEIVE_MAX,
        Setting::MG_SET_MQTT_TOPIC_ALIASES,
        Setting::MG_SET_HTTP_MAX_HEADERS,
        Setting::MG_SET_HTTP_DATE,
        Setting::MG_SET_HTTP_CLOSE_HEADER,
        Setting::MG_SET_HANDSHAKE_TIMEOUT,
        Setting::MG_SET_MESSAGE_RATE,
        Setting::MG_SET_MEMORY_LIMIT,
        Setting::MG_SET_HTTP_ALLOW_NO_HOST,
        Setting::MG_SET_HTTP_ALLOW_LF,
        Setting::MG_SET_HTTP_ALLOW_RAW_TARGET,
        Setting::MG_SET_HTTP_KNOWN_METHODS,
        Setting::MG_SET_POLL_INTERVAL,
        Setting::MG_SET_PROXY_PROTOCOL,
        Setting::MG_SET_MQTT_RECONNECT,
        Setting::MG_SET_MQTT_RECONNECT_MAX,
        Setting::MG_SET_MQTT_QUEUE,
        Setting::MG_SET_MQTT_PONG_TIMEOUT,
    ];

    /// What `mg_mgr_harden` sets: for servers that strangers reach. Times are milliseconds.
    pub const HARDENED: [(Setting, i64); 27] = [
        (Setting::MG_SET_MEMORY_LIMIT, i64::MAX),
        (Setting::MG_SET_MAX_CONNECTIONS, 5000),
        (Setting::MG_SET_MAX_PER_ADDRESS, 100),
        (Setting::MG_SET_CONNECT_TIMEOUT, 30_000),
        (Setting::MG_SET_HANDSHAKE_TIMEOUT, 20_000),
        (Setting::MG_SET_MESSAGE_RATE, 500),
        (Setting::MG_SET_HTTP_STRICT, 1),
        (Setting::MG_SET_HTTP_ERROR_REPLIES, 1),
        (Setting::MG_SET_HTTP_CONTINUE, 1),
        (Setting::MG_SET_HTTP10_CLOSE, 1),
        (Setting::MG_SET_HTTP_CLOSE_HEADER, 1),
        (Setting::MG_SET_HTTP_HEAD_TIMEOUT, 20_000),
        (Setting::MG_SET_HTTP_BODY_RATE, 500),
        (Setting::MG_SET_HTTP_IDLE_TIMEOUT, 60_000),
        (Setting::MG_SET_HTTP_SEND_TIMEOUT, 60_000),
        (Setting::MG_SET_HTTP_MAX_HEAD, 16 << 10),
        (Setting::MG_SET_HTTP_MAX_HEADERS, 100),
        (Setting::MG_SET_HTTP_MAX_BODY, 1 << 20),
        (Setting::MG_SET_HTTP_MAX_REQUESTS, 100_000),
        (Setting::MG_SET_WS_MESSAGE_LIMIT, 1 << 20),
        (Setting::MG_SET_WS_PING, 30_000),
        (Setting::MG_SET_WS_PONG_TIMEOUT, 30_000),
        (Setting::MG_SET_WS_CLOSE_TIMEOUT, 10_000),
        (Setting::MG_SET_MQTT_STRICT, 1),
        (Setting::MG_SET_MQTT_PACKET_LIMIT, 1 << 20),
        (Setting::MG_SET_MQTT_RECEIVE_MAX, 100),
        (Setting::MG_SET_TLS_INHERIT, 1),
    ];

    /// The setting with a number that came from C.
    pub fn from_c(number: c_int) -> Option<Setting> {
        let index = usize::try_from(number).ok()?.checked_sub(1)?;
        Setting::ALL.get(index).copied()
    }

    /// True for a setting that is a text.
    pub fn is_text(self) -> bool {
        matches!(self, Setting::MG_SET_HTTP_INDEX | Setting::MG_SET_OTA_VERSION | Setting::MG_SET_OTA_CA)
    }

    /// What the setting may be, and what it is if nobody sets it.
    pub const fn limits(self) -> Limits {
        const MS: i64 = u32::MAX as i64;
        const ANY: i64 = i64::MAX;
        match self {
            Setting::MG_SET_RECV_LIMIT => Limits::conn(MG_MAX_RECV_SIZE as i64, 1, ANY),
            Setting::MG_SET_READ_SIZE => Limits::conn(MG_IO_SIZE as i64, 1, 1 << 30),
            Setting::MG_SET_BACKLOG => Limits::mgr(MG_SOCK_LISTEN_BACKLOG_SIZE as i64, 1, i32::MAX as i64),
            Setting::MG_SET_NODELAY | Setting::MG_SET_KEEPALIVE => Limits::mgr(1, 0, 1),
            Setting::MG_SET_REUSEPORT | Setting::MG_SET_IPV6_ONLY => Limits::mgr(0, 0, 1),
            Setting::MG_SET_HTTP_DIRLIST | Setting::MG_SET_HTTP_SSI => Limits::conn(1, 0, 1),
            Setting::MG_SET_HTTP_SSI_DEPTH => Limits::conn(5, 0, 64),
            Setting::MG_SET_HTTP_LOCAL_TIMES => Limits::conn(0, 0, 1),
            Setting::MG_SET_PATH_MAX => Limits::conn(4096, 2, 4096),
            // A text: no number is one.
            Setting::MG_SET_HTTP_INDEX => Limits::mgr(0, 0, 0),
            Setting::MG_SET_OTA_VERSION | Setting::MG_SET_OTA_CA => Limits::process(0, 0, 0),
            Setting::MG_SET_DSCP => Limits::conn(0, 0, 63),
            Setting::MG_SET_JSON_DEPTH => Limits::process(MG_JSON_MAX_DEPTH as i64, 1, 128),
            Setting::MG_SET_LOG | Setting::MG_SET_POSIX_FS => Limits::process(1, 0, 1),
            Setting::MG_SET_MAX_CONNECTIONS | Setting::MG_SET_MEMORY_LIMIT => Limits::mgr(0, 0, ANY),
            Setting::MG_SET_POLL_INTERVAL => Limits::mgr(1, 0, MS),
            Setting::MG_SET_MAX_PER_ADDRESS => Limits::mgr(0, 0, u32::MAX as i64),
            Setting::MG_SET_POLL_EVENTS
            | Setting::MG_SET_WS_DEFLATE_CONTEXT
            | Setting::MG_SET_TLS_TICKETS => Limits::conn(1, 0, 1),
            Setting::MG_SET_TLS_INHERIT
            | Setting::MG_SET_TLS_KEY_LOG
            | Setting::MG_SET_MQTT_STRICT
            | Setting::MG_SET_HTTP_STRICT
            | Setting::MG_SET_HTTP_ALLOW_NO_HOST
            | Setting::MG_SET_HTTP_ALLOW_LF
            | Setting::MG_SET_HTTP_ALLOW_RAW_TARGET
            | Setting::MG_SET_HTTP_KNOWN_METHODS
            | Setting::MG_SET_PROXY_PROTOCOL
            | Setting::MG_SET_HTTP_ERROR_REPLIES
            | Setting::MG_SET_HTTP_CONTINUE
            | Setting::MG_SET_HTTP10_CLOSE
            | Setting::MG_SET_HTTP_DATE
            | Setting::MG_SET_HTTP_CLOSE_HEADER => Limits::conn(0, 0, 1),
            Setting::MG_SET_HTTP_MAX_HEADERS => Limits::conn(1024, 1, 1024),
            Setting::MG_SET_HIGH_WATER | Setting::MG_SET_HTTP_MAX_BODY | Setting::MG_SET_WS_MESSAGE_LIMIT => {
                Limits::conn(0, 0, ANY)
            }
            Setting::MG_SET_MQTT_PACKET_LIMIT => {
                Limits { or_zero: true, ..Limits::conn(0, 2, u32::MAX as i64) }
            }
            Setting::MG_SET_MQTT_RECEIVE_MAX => Limits::conn(u16::MAX as i64, 1, u16::MAX as i64),
            Setting::MG_SET_MQTT_TOPIC_ALIASES => Limits::conn(0, 0, u16::MAX as i64),
            Setting::MG_SET_MQTT_RECONNECT_MAX => Limits::conn(60_000, 1, MS),
            Setting::MG_SET_MQTT_QUEUE => Limits::conn(1 << 20, 0, ANY),
            Setting::MG_SET_HTTP_MAX_HEAD => Limits::conn(64 * 1024, 1, ANY),
            Setting::MG_SET_HTTP_MAX_REQUESTS
            | Setting::MG_SET_HTTP_BODY_RATE
            | Setting::MG_SET_MESSAGE_RATE => Limits::conn(0, 0, u32::MAX as i64),
            Setting::MG_SET_CONNECT_TIMEOUT
            | Setting::MG_SET_HANDSHAKE_TIMEOUT
            | Setting::MG_SET_IDLE_TIMEOUT
            | Setting::MG_SET_HTTP_HEAD_TIMEOUT
            | Setting::MG_SET_HTTP_IDLE_TIMEOUT
            | Setting::MG_SET_HTTP_SEND_TIMEOUT
            | Setting::MG_SET_MQTT_RECONNECT
            | Setting::MG_SET_MQTT_PONG_TIMEOUT
            | Setting::MG_SET_WS_PING
            | Setting::MG_SET_WS_PONG_TIMEOUT
            | Setting::MG_SET_WS_CLOSE_TIMEOUT => Limits::conn(0, 0, MS),
            Setting::MG_SET_WS_DEFLATE => Limits { or_zero: true, ..Limits::conn(0, 9, 15) },
        }
    }
}

/// What a setting may be.
#[derive(Clone, Copy)]
pub struct Limits {
    /// Its value while nobody sets it.
    pub default: i64,
    /// The least value.
    pub min: i64,
    /// The greatest value.
    pub max: i64,
    /// 0, for off, is allowed beside the range.
    pub or_zero: bool,
    /// Who has it.
    pub scope: Scope,
}

/// Who has a setting.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Managers.
    Manager,
    /// Managers, and connections of their own.
    Connection,
    /// All managers together.
    Process,
}

impl Limits {
    const fn mgr(default: i64, min: i64, max: i64) -> Limits {
        Limits { default, min, max, or_zero: false, scope: Scope::Manager }
    }

    const fn conn(default: i64, min: i64, max: i64) -> Limits {
        Limits { scope: Scope::Connection, ..Limits::mgr(default, min, max) }
    }

    const fn process(default: i64, min: i64, max: i64) -> Limits {
        Limits { scope: Scope::Process, ..Limits::mgr(default, min, max) }
    }

    /// True for a value that makes sense.
    pub const fn allow(self, value: i64) -> bool {
        (self.min <= value && value <= self.max) || (self.or_zero && value == 0)
    }
}
