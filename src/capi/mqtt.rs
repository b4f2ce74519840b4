//! MQTT: connecting, listening, sending, parsing.

use super::arg;
use super::conn::{pointer, server_url};
use crate::abi::{
    Connection, EventHandler, MQTT_CMD_PINGREQ, MQTT_CMD_PINGRESP, MQTT_MALFORMED, Manager, MqttMessage,
    MqttOpts, MqttProp,
};
use crate::fence;
use crate::net::event_loop::listen::Handlers;
use crate::net::mqtt;
use core::ffi::{c_char, c_int, c_void};
use core::ptr;

/// Connects to an MQTT broker and queues CONNECT, as `mg_mqtt_login` does.
///
/// Default ports are 1883, and 8883 for `mqtts://`; what follows the port in the URL is ignored.
/// `opts` is needed during the call only; NULL: MQTT 3.1.1, a random client id, no credentials, no
/// will. Set `clean` with a random id: the broker may keep the session of a client that will never
/// come back.
///
/// `MG_EV_MQTT_OPEN` fires when the broker has answered; its data is an `int *`, the return code. If
/// that is not 0, the connection closes. `MG_EV_MQTT_MSG` fires for each message, `MG_EV_MQTT_CMD`
/// for each packet, messages included; their data is a `struct mg_mqtt_message *`. Messages are
/// acknowledged before these events. Packets may be queued at once.
///
/// Nothing is sent again and nothing is kept alive by itself, unless settings ask for that; `mg_mgr_set`
/// before this function, or `mg_conn_set` on its result, before the next poll:
///
/// - `MG_SET_MQTT_PONG_TIMEOUT`: sends PINGREQ, and fails without PINGRESP.
/// - `MG_SET_MQTT_RECONNECT`: a connection that was lost, or refused, is opened again, and logs in. It stays
///   this very `struct mg_connection`: `MG_EV_MQTT_DISCONNECTED` takes the place of `MG_EV_CLOSE`, and
///   until the next attempt `c->is_resolving` is set, without a socket. Messages with QoS 1 and 2 are
///   kept until they are acknowledged, and then sent again: PUBLISH with DUP, or PUBREL. Those of QoS 0, and
///   subscriptions, are kept while there is no connection. Subscriptions are made again when the server
///   did not keep the session. The limits of an MQTT 5 server's CONNACK count; messages wait for its
///   receive maximum. The connection ends when the program sets `is_closing` or `is_draining`, or calls
///   `mg_mqtt_disconnect` or `mg_close_conn`, and when another client has taken the session over (MQTT 5).
///
/// Set `MG_SET_CONNECT_TIMEOUT` and `MG_SET_HANDSHAKE_TIMEOUT` with it, so that no attempt takes for ever.
///
/// # Returns
/// The connection, or NULL for an empty URL or without memory.
///
/// # Threads
/// The polling thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_mqtt_connect(
    mgr: *mut Manager,
    url: *const c_char,
    opts: *const MqttOpts,
    r#fn: EventHandler,
    fn_data: *mut c_void,
) -> *mut Connection {
    fence!("mg_mqtt_connect", mgr: arg::mgr, url: arg::c_str);
    let Some(guard) = mgr else { return ptr::null_mut() };
    let Some(url) = server_url(url) else { return ptr::null_mut() };
    // SAFETY: the caller passes NULL or options, whose views are of readable bytes.
    pointer(unsafe { mqtt::start(guard.mgr(), url, opts, Handlers { handler: r#fn, data: fn_data }) })
}

/// Listens for MQTT clients: what a broker is made of.
///
/// Each packet of a client fires `MG_EV_MQTT_CMD`, a message `MG_EV_MQTT_MSG` before it. Messages are
/// acknowledged by themselves; everything else (CONNACK, SUBACK, subscriptions, `mg_mqtt_pong`) is
/// the program's. A broker that speaks MQTT 5 sets `c->is_mqtt5` when it has seen CONNECT; without
/// that, the properties of messages are part of their payload.
///
/// # Returns
/// The listener, or NULL: then the log says why.
///
/// # Threads
/// The polling thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_mqtt_listen(
    mgr: *mut Manager,
    url: *const c_char,
    r#fn: EventHandler,
    fn_data: *mut c_void,
) -> *mut Connection {
    fence!("mg_mqtt_listen", mgr: arg::mgr, url: arg::text);
    let Some(guard) = mgr else { return ptr::null_mut() };
    pointer(mqtt::start_listener(guard.mgr(), url, Handlers { handler: r#fn, data: fn_data }))
}

/// Queues CONNECT and sets `c->is_mqtt5` by `version`. NULL `opts` have all fields 0.
///
/// Of `opts` it takes `user`, `pass`, `client_id` (empty: random), `version` (0: 4), `keepalive`,
/// `clean`, and for MQTT 5 `props`. A `topic` makes a will of `topic`, `message`, `qos`, `retain` and
/// `will_props`. On a WebSocket, call `mg_ws_wrap` for what this and the functions below append.
///
/// # Errors
/// As all functions here that queue a packet: `MG_EV_ERROR` and nothing queued without memory ("OOM"),
/// for a topic, name or property of more than 65,535 bytes ("MQTT string too long"), and for a packet
/// of more than 256 MiB ("MQTT packet too long"). NULL for `c` does nothing.
///
/// # Threads
/// The polling thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_mqtt_login(c: *mut Connection, opts: *const MqttOpts) {
    fence!("mg_mqtt_login", c: arg::conn);
    if let Some(guard) = c {
        // SAFETY: the caller passes NULL or options, whose views are of readable bytes.
        unsafe { mqtt::login(guard.conn(), opts) };
    }
}

/// Queues PUBLISH: `message` to `topic` with `qos`, `retain`, and for MQTT 5 `props`. See
/// `mg_mqtt_login` for errors.
///
/// With `retransmit_id` the message is sent again: it gets that packet id, and DUP. A new one gets
/// the next id of `c->mgr->mqtt_id`. A QoS of 3 is sent as 2.
///
/// # Returns
/// The packet id. It comes back in `MG_EV_MQTT_CMD`: in PUBACK for QoS 1, in PUBREC and PUBCOMP for
/// QoS 2. For QoS 0 `retransmit_id`; 0 when nothing was queued.
///
/// With `MG_SET_MQTT_RECONNECT` 0 for QoS 0, and `errno` says whether the message is kept: 0; `ENOBUFS`: the
/// queue is full; `EMSGSIZE`: longer than MQTT or the server allows; `EOPNOTSUPP`: the server has no such
/// QoS, or retains nothing; `EINVAL`: a topic alias that has no topic yet. `MG_EV_ERROR`, which does not
/// close, tells of a kept message that the server refuses.
///
/// # Threads
/// The polling thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_mqtt_pub(c: *mut Connection, opts: *const MqttOpts) -> u16 {
    fence!("mg_mqtt_pub", c: arg::conn);
    // SAFETY: the caller passes NULL or options, whose views are of readable bytes.
    c.map_or(0, |guard| unsafe { mqtt::publish(guard.conn(), opts) })
}

/// Queues SUBSCRIBE to the filter `topic` with `qos`, and for MQTT 5 `props`. Its packet id is
/// `c->mgr->mqtt_id` afterwards, and that of the SUBACK. See `mg_mqtt_login` for errors.
///
/// # Threads
/// The polling thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_mqtt_sub(c: *mut Connection, opts: *const MqttOpts) {
    fence!("mg_mqtt_sub", c: arg::conn);
    if let Some(guard) = c {
        // SAFETY: the caller passes NULL or options, whose views are of readable bytes.
        unsafe { mqtt::subscribe(guard.conn(), opts) };
    }
}

/// Queues UNSUBSCRIBE from the filter `topic`, for MQTT 5 with `props`. As `mg_mqtt_sub`.
///
/// # Threads
/// The polling thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_mqtt_unsub(c: *mut Connection, opts: *const MqttOpts) {
    fence!("mg_mqtt_unsub", c: arg::conn);
    if let Some(guard) = c {
        // SAFETY: the caller passes NULL or options, whose views are of readable bytes.
        unsafe { mqtt::unsubscribe(guard.conn(), opts) };
    }
}

/// Queues DISCONNECT, for MQTT 5 with `props`; NULL `opts` have none. The connection stays: the
/// broker closes it, or the program sets `c->is_draining`. See `mg_mqtt_login` for errors.
///
/// # Threads
/// The polling thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_mqtt_disconnect(c: *mut Connection, opts: *const MqttOpts) {
    fence!("mg_mqtt_disconnect", c: arg::conn);
    if let Some(guard) = c {
        // SAFETY: the caller passes NULL or options, whose views are of readable bytes.
        unsafe { mqtt::disconnect(guard.conn(), opts) };
    }
}

/// How many messages a client of `mg_mqtt_connect` keeps with `MG_SET_MQTT_RECONNECT`: those that wait to
/// be sent, and those that the server has not acknowledged. 0 for other connections. An addition of this
/// library.
///
/// # Threads
/// The polling thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_mqtt_queued(c: *mut Connection) -> usize {
    fence!("mg_mqtt_queued", c: arg::conn);
    c.map_or(0, |guard| mqtt::queued(guard.conn()))
}

/// Queues a fixed header: what follows it, `len` bytes, is sent by `mg_send`. For packets that have no
/// function of their own, such as CONNACK and SUBACK. See `mg_mqtt_login` for errors.
///
/// # Threads
/// The polling thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_mqtt_send_header(c: *mut Connection, cmd: u8, flags: u8, len: u32) {
    fence!("mg_mqtt_send_header", c: arg::conn);
    if let Some(guard) = c {
        mqtt::header(guard.conn(), cmd << 4 | flags, len);
    }
}

/// Queues PINGREQ. A client sends one from a timer, sooner than its `keepalive`.
///
/// # Threads
/// The polling thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_mqtt_ping(c: *mut Connection) {
    fence!("mg_mqtt_ping", c: arg::conn);
    if let Some(guard) = c {
        mqtt::header(guard.conn(), MQTT_CMD_PINGREQ << 4, 0);
    }
}

/// Queues PINGRESP, a broker's answer to PINGREQ.
///
/// # Threads
/// The polling thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_mqtt_pong(c: *mut Connection) {
    fence!("mg_mqtt_pong", c: arg::conn);
    if let Some(guard) = c {
        mqtt::header(guard.conn(), MQTT_CMD_PINGRESP << 4, 0);
    }
}

/// Parses the packet at the start of `len` bytes at `buf` into `m`; its views point to `buf`.
///
/// `version` 5: a PUBLISH has properties. `m->dgram.len` says where the next packet starts.
///
/// # Returns
/// `MQTT_OK`, `MQTT_INCOMPLETE` when bytes are missing, or `MQTT_MALFORMED`. MQTT 3.1.1 and 5.0,
/// chapter 2.
///
/// # Threads
/// Any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_mqtt_parse(
    buf: *const u8,
    len: usize,
    version: u8,
    m: *mut MqttMessage,
) -> c_int {
    fence!("mg_mqtt_parse");
    if m.is_null() {
        return MQTT_MALFORMED;
    }
    // SAFETY: the caller passes len readable bytes at buf and a message to write to.
    unsafe {
        let result = mqtt::parse(super::slice::raw(buf, len), version == 5, m);
        (*m).dgram.buf = buf.cast_mut().cast();
        result
    }
}

/// Reads the MQTT 5 property at `ofs` of a PUBLISH into `prop`. Start with 0, and pass the result.
///
/// `iv` is the value of a number, `val` that of text and bytes; a user property has `key`, too. They
/// point to the packet. The rest is 0.
///
/// # Returns
/// Where the next property starts; 0 at the end, and for what is no property.
///
/// # Threads
/// Any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mg_mqtt_next_prop(msg: *mut MqttMessage, prop: *mut MqttProp, ofs: usize) -> usize {
    fence!("mg_mqtt_next_prop");
    if msg.is_null() || prop.is_null() {
        return 0;
    }
    // SAFETY: the caller passes a parsed message and a property to write to.
    unsafe { mqtt::next_property(msg, prop, ofs) }
}
