"""Numbers of the library, under the names of the library."""

from __future__ import annotations

from typing import Final

from ._core import lib

MG_EV_ERROR: Final[int] = lib.MG_EV_ERROR
MG_EV_OPEN: Final[int] = lib.MG_EV_OPEN
MG_EV_POLL: Final[int] = lib.MG_EV_POLL
MG_EV_RESOLVE: Final[int] = lib.MG_EV_RESOLVE
MG_EV_CONNECT: Final[int] = lib.MG_EV_CONNECT
MG_EV_ACCEPT: Final[int] = lib.MG_EV_ACCEPT
MG_EV_TLS_HS: Final[int] = lib.MG_EV_TLS_HS
MG_EV_READ: Final[int] = lib.MG_EV_READ
MG_EV_WRITE: Final[int] = lib.MG_EV_WRITE
MG_EV_CLOSE: Final[int] = lib.MG_EV_CLOSE
MG_EV_HTTP_HDRS: Final[int] = lib.MG_EV_HTTP_HDRS
MG_EV_HTTP_MSG: Final[int] = lib.MG_EV_HTTP_MSG
MG_EV_WS_OPEN: Final[int] = lib.MG_EV_WS_OPEN
MG_EV_WS_MSG: Final[int] = lib.MG_EV_WS_MSG
MG_EV_WS_CTL: Final[int] = lib.MG_EV_WS_CTL
MG_EV_MQTT_CMD: Final[int] = lib.MG_EV_MQTT_CMD
MG_EV_MQTT_MSG: Final[int] = lib.MG_EV_MQTT_MSG
MG_EV_MQTT_OPEN: Final[int] = lib.MG_EV_MQTT_OPEN
MG_EV_SNTP_TIME: Final[int] = lib.MG_EV_SNTP_TIME
MG_EV_WAKEUP: Final[int] = lib.MG_EV_WAKEUP
MG_EV_MDNS_REQ: Final[int] = lib.MG_EV_MDNS_REQ
MG_EV_MDNS_RESP: Final[int] = lib.MG_EV_MDNS_RESP
MG_EV_MODBUS_REQ: Final[int] = lib.MG_EV_MODBUS_REQ
MG_EV_USER: Final[int] = lib.MG_EV_USER

WEBSOCKET_OP_CONTINUE: Final[int] = lib.WEBSOCKET_OP_CONTINUE
WEBSOCKET_OP_TEXT: Final[int] = lib.WEBSOCKET_OP_TEXT
WEBSOCKET_OP_BINARY: Final[int] = lib.WEBSOCKET_OP_BINARY
WEBSOCKET_OP_CLOSE: Final[int] = lib.WEBSOCKET_OP_CLOSE
WEBSOCKET_OP_PING: Final[int] = lib.WEBSOCKET_OP_PING
WEBSOCKET_OP_PONG: Final[int] = lib.WEBSOCKET_OP_PONG

MG_LL_NONE: Final[int] = lib.MG_LL_NONE
MG_LL_ERROR: Final[int] = lib.MG_LL_ERROR
MG_LL_INFO: Final[int] = lib.MG_LL_INFO
MG_LL_DEBUG: Final[int] = lib.MG_LL_DEBUG
MG_LL_VERBOSE: Final[int] = lib.MG_LL_VERBOSE

MQTT_PROP_TYPE_BYTE: Final[int] = lib.MQTT_PROP_TYPE_BYTE
MQTT_PROP_TYPE_STRING: Final[int] = lib.MQTT_PROP_TYPE_STRING
MQTT_PROP_TYPE_STRING_PAIR: Final[int] = lib.MQTT_PROP_TYPE_STRING_PAIR
MQTT_PROP_TYPE_BINARY_DATA: Final[int] = lib.MQTT_PROP_TYPE_BINARY_DATA
MQTT_PROP_TYPE_VARIABLE_INT: Final[int] = lib.MQTT_PROP_TYPE_VARIABLE_INT
MQTT_PROP_TYPE_INT: Final[int] = lib.MQTT_PROP_TYPE_INT
MQTT_PROP_TYPE_SHORT: Final[int] = lib.MQTT_PROP_TYPE_SHORT

_EVENT_NAMES = {value: name for name, value in list(globals().items()) if name.startswith("MG_EV_")}


def event_name(ev: int) -> str:
    """Name of an event number: "MG_EV_HTTP_MSG", "MG_EV_USER+1", "MG_EV_UNKNOWN(-1)"."""
    if ev > MG_EV_USER:
        return f"MG_EV_USER+{ev - MG_EV_USER}"
    return _EVENT_NAMES.get(ev) or f"MG_EV_UNKNOWN({ev})"
