//! Event numbers. Handlers take `int ev`.

use core::ffi::c_int;

/// What happened to a connection; handlers get the number as `int ev`.
///
/// `ev_data` and what it points at are valid during the call only.
#[repr(C)]
#[allow(non_camel_case_types)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// An error; `ev_data` is `char *`: NUL-terminated text of at most 63 characters.
    MG_EV_ERROR = 0,
    /// A connection came into being; `ev_data` is NULL, or for outgoing connections the URL.
    MG_EV_OPEN = 1,
    /// A turn of the loop; `ev_data` is `uint64_t *`: milliseconds of `mg_millis()`.
    MG_EV_POLL = 2,
    /// The address of an outgoing connection is known; `ev_data` is NULL.
    MG_EV_RESOLVE = 3,
    /// An outgoing connection is up; `ev_data` is NULL.
    MG_EV_CONNECT = 4,
    /// A connection was accepted (fires on the new connection); `ev_data` is NULL.
    MG_EV_ACCEPT = 5,
    /// A TLS handshake is complete; `ev_data` is NULL.
    MG_EV_TLS_HS = 6,
    /// Bytes were appended to `c->recv`; `ev_data` is `long *`: how many.
    MG_EV_READ = 7,
    /// Bytes left `c->send`; `ev_data` is `long *`: how many.
    MG_EV_WRITE = 8,
    /// The last event of a connection; `ev_data` is NULL.
    MG_EV_CLOSE = 9,
    /// HTTP headers arrived; `ev_data` is `struct mg_http_message *`.
    MG_EV_HTTP_HDRS = 10,
    /// A whole HTTP message arrived; `ev_data` is `struct mg_http_message *`.
    MG_EV_HTTP_MSG = 11,
    /// A WebSocket handshake is complete; `ev_data` is `struct mg_http_message *`.
    MG_EV_WS_OPEN = 12,
    /// A WebSocket message arrived; `ev_data` is `struct mg_ws_message *`.
    MG_EV_WS_MSG = 13,
    /// A WebSocket control frame arrived; `ev_data` is `struct mg_ws_message *`.
    MG_EV_WS_CTL = 14,
    /// An MQTT packet arrived; `ev_data` is `struct mg_mqtt_message *`.
    MG_EV_MQTT_CMD = 15,
    /// An MQTT PUBLISH arrived; `ev_data` is `struct mg_mqtt_message *`.
    MG_EV_MQTT_MSG = 16,
    /// An MQTT CONNACK arrived; `ev_data` is `int *`: its return code.
    MG_EV_MQTT_OPEN = 17,
    /// An SNTP answer arrived; `ev_data` is `uint64_t *`: milliseconds since 1970.
    MG_EV_SNTP_TIME = 18,
    /// `mg_wakeup` data arrived; `ev_data` is `struct mg_str *`.
    MG_EV_WAKEUP = 19,
    /// An mDNS query arrived; `ev_data` is `struct mg_mdns_req *`.
    MG_EV_MDNS_REQ = 20,
    /// An mDNS answer arrived; `ev_data` is `struct mg_mdns_resp *`.
    MG_EV_MDNS_RESP = 21,
    /// A Modbus request arrived; `ev_data` is `struct mg_modbus_req *`.
    MG_EV_MODBUS_REQ = 22,
    /// The first number free for programs.
    MG_EV_USER = 23,
}

enum_constants!(Event as c_int:
    MG_EV_ERROR,
    MG_EV_OPEN,
    MG_EV_POLL,
    MG_EV_RESOLVE,
    MG_EV_CONNECT,
    MG_EV_ACCEPT,
    MG_EV_TLS_HS,
    MG_EV_READ,
    MG_EV_WRITE,
    MG_EV_CLOSE,
    MG_EV_HTTP_HDRS,
    MG_EV_HTTP_MSG,
    MG_EV_WS_OPEN,
    MG_EV_WS_MSG,
    MG_EV_WS_CTL,
    MG_EV_MQTT_CMD,
    MG_EV_MQTT_MSG,
    MG_EV_MQTT_OPEN,
    MG_EV_SNTP_TIME,
    MG_EV_WAKEUP,
    MG_EV_MDNS_REQ,
    MG_EV_MDNS_RESP,
    MG_EV_MODBUS_REQ,
    MG_EV_USER,
);
