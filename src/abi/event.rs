//! Event numbers. Handlers take `int ev`.

use core::ffi::c_int;

/// An error; `ev_data` is `char *`: NUL-terminated text of at most 63 characters.
pub const MG_EV_ERROR: c_int = 0;
/// A connection came into being; `ev_data` is NULL, or for outgoing connections the URL.
pub const MG_EV_OPEN: c_int = 1;
/// A turn of the loop; `ev_data` is `uint64_t *`: milliseconds of `mg_millis()`.
pub const MG_EV_POLL: c_int = 2;
/// The address of an outgoing connection is known; `ev_data` is NULL.
pub const MG_EV_RESOLVE: c_int = 3;
/// An outgoing connection is up; `ev_data` is NULL.
pub const MG_EV_CONNECT: c_int = 4;
/// A connection was accepted (fires on the new connection); `ev_data` is NULL.
pub const MG_EV_ACCEPT: c_int = 5;
/// A TLS handshake is complete; `ev_data` is NULL.
pub const MG_EV_TLS_HS: c_int = 6;
/// Bytes were appended to `c->recv`; `ev_data` is `long *`: how many.
pub const MG_EV_READ: c_int = 7;
/// Bytes left `c->send`; `ev_data` is `long *`: how many.
pub const MG_EV_WRITE: c_int = 8;
/// The last event of a connection; `ev_data` is NULL.
pub const MG_EV_CLOSE: c_int = 9;
/// HTTP headers arrived; `ev_data` is `struct mg_http_message *`.
pub const MG_EV_HTTP_HDRS: c_int = 10;
/// A whole HTTP message arrived; `ev_data` is `struct mg_http_message *`.
pub const MG_EV_HTTP_MSG: c_int = 11;
/// A WebSocket handshake is complete; `ev_data` is `struct mg_http_message *`.
pub const MG_EV_WS_OPEN: c_int = 12;
/// A WebSocket message arrived; `ev_data` is `struct mg_ws_message *`.
pub const MG_EV_WS_MSG: c_int = 13;
/// A WebSocket control frame arrived; `ev_data` is `struct mg_ws_message *`.
pub const MG_EV_WS_CTL: c_int = 14;
/// An MQTT packet arrived; `ev_data` is `struct mg_mqtt_message *`.
pub const MG_EV_MQTT_CMD: c_int = 15;
/// An MQTT PUBLISH arrived; `ev_data` is `struct mg_mqtt_message *`.
pub const MG_EV_MQTT_MSG: c_int = 16;
/// An MQTT CONNACK arrived; `ev_data` is `int *`: its return code.
pub const MG_EV_MQTT_OPEN: c_int = 17;
/// An SNTP answer arrived; `ev_data` is `uint64_t *`: milliseconds since 1970.
pub const MG_EV_SNTP_TIME: c_int = 18;
/// `mg_wakeup` data arrived; `ev_data` is `struct mg_str *`.
pub const MG_EV_WAKEUP: c_int = 19;
/// An mDNS query arrived; `ev_data` is `struct mg_mdns_req *`.
pub const MG_EV_MDNS_REQ: c_int = 20;
/// An mDNS answer arrived; `ev_data` is `struct mg_mdns_resp *`.
pub const MG_EV_MDNS_RESP: c_int = 21;
/// A Modbus request arrived; `ev_data` is `struct mg_modbus_req *`.
pub const MG_EV_MODBUS_REQ: c_int = 22;
/// The first number free for programs.
pub const MG_EV_USER: c_int = 23;
