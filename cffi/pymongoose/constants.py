"""Numbers of the library, under the names of the library.

The types repeat the numbers, for tools that do not run the library: Manager.on() has overloads by them.
"""

from __future__ import annotations

from typing import Final, Literal

from ._core import lib

MG_EV_ERROR: Final[Literal[0]] = lib.MG_EV_ERROR
MG_EV_OPEN: Final[Literal[1]] = lib.MG_EV_OPEN
MG_EV_POLL: Final[Literal[2]] = lib.MG_EV_POLL
MG_EV_RESOLVE: Final[Literal[3]] = lib.MG_EV_RESOLVE
MG_EV_CONNECT: Final[Literal[4]] = lib.MG_EV_CONNECT
MG_EV_ACCEPT: Final[Literal[5]] = lib.MG_EV_ACCEPT
MG_EV_TLS_HS: Final[Literal[6]] = lib.MG_EV_TLS_HS
MG_EV_READ: Final[Literal[7]] = lib.MG_EV_READ
MG_EV_WRITE: Final[Literal[8]] = lib.MG_EV_WRITE
MG_EV_CLOSE: Final[Literal[9]] = lib.MG_EV_CLOSE
MG_EV_HTTP_HDRS: Final[Literal[10]] = lib.MG_EV_HTTP_HDRS
MG_EV_HTTP_MSG: Final[Literal[11]] = lib.MG_EV_HTTP_MSG
MG_EV_WS_OPEN: Final[Literal[12]] = lib.MG_EV_WS_OPEN
MG_EV_WS_MSG: Final[Literal[13]] = lib.MG_EV_WS_MSG
MG_EV_WS_CTL: Final[Literal[14]] = lib.MG_EV_WS_CTL
MG_EV_MQTT_CMD: Final[Literal[15]] = lib.MG_EV_MQTT_CMD
MG_EV_MQTT_MSG: Final[Literal[16]] = lib.MG_EV_MQTT_MSG
MG_EV_MQTT_OPEN: Final[Literal[17]] = lib.MG_EV_MQTT_OPEN
MG_EV_SNTP_TIME: Final[Literal[18]] = lib.MG_EV_SNTP_TIME
MG_EV_WAKEUP: Final[Literal[19]] = lib.MG_EV_WAKEUP
MG_EV_MDNS_REQ: Final[Literal[20]] = lib.MG_EV_MDNS_REQ
MG_EV_MDNS_RESP: Final[Literal[21]] = lib.MG_EV_MDNS_RESP
MG_EV_MODBUS_REQ: Final[Literal[22]] = lib.MG_EV_MODBUS_REQ
MG_EV_USER: Final[Literal[23]] = lib.MG_EV_USER
MG_EV_MQTT_DISCONNECTED: Final[Literal[-2]] = lib.MG_EV_MQTT_DISCONNECTED
MG_EV_MQTT_RECONNECTED: Final[Literal[-3]] = lib.MG_EV_MQTT_RECONNECTED

WEBSOCKET_OP_CONTINUE: Final[Literal[0]] = lib.WEBSOCKET_OP_CONTINUE
WEBSOCKET_OP_TEXT: Final[Literal[1]] = lib.WEBSOCKET_OP_TEXT
WEBSOCKET_OP_BINARY: Final[Literal[2]] = lib.WEBSOCKET_OP_BINARY
WEBSOCKET_OP_CLOSE: Final[Literal[8]] = lib.WEBSOCKET_OP_CLOSE
WEBSOCKET_OP_PING: Final[Literal[9]] = lib.WEBSOCKET_OP_PING
WEBSOCKET_OP_PONG: Final[Literal[10]] = lib.WEBSOCKET_OP_PONG

MG_LL_NONE: Final[Literal[0]] = lib.MG_LL_NONE
MG_LL_ERROR: Final[Literal[1]] = lib.MG_LL_ERROR
MG_LL_INFO: Final[Literal[2]] = lib.MG_LL_INFO
MG_LL_DEBUG: Final[Literal[3]] = lib.MG_LL_DEBUG
MG_LL_VERBOSE: Final[Literal[4]] = lib.MG_LL_VERBOSE

MQTT_PROP_TYPE_BYTE: Final[Literal[0]] = lib.MQTT_PROP_TYPE_BYTE
MQTT_PROP_TYPE_STRING: Final[Literal[1]] = lib.MQTT_PROP_TYPE_STRING
MQTT_PROP_TYPE_STRING_PAIR: Final[Literal[2]] = lib.MQTT_PROP_TYPE_STRING_PAIR
MQTT_PROP_TYPE_BINARY_DATA: Final[Literal[3]] = lib.MQTT_PROP_TYPE_BINARY_DATA
MQTT_PROP_TYPE_VARIABLE_INT: Final[Literal[4]] = lib.MQTT_PROP_TYPE_VARIABLE_INT
MQTT_PROP_TYPE_INT: Final[Literal[5]] = lib.MQTT_PROP_TYPE_INT
MQTT_PROP_TYPE_SHORT: Final[Literal[6]] = lib.MQTT_PROP_TYPE_SHORT

_EVENT_NAMES = {value: name for name, value in list(globals().items()) if name.startswith("MG_EV_")}


def event_name(ev: int) -> str:
    """Name of an event number: "MG_EV_HTTP_MSG", "MG_EV_USER+1", "MG_EV_UNKNOWN(-1)"."""
    if ev > MG_EV_USER:
        return f"MG_EV_USER+{ev - MG_EV_USER}"
    return _EVENT_NAMES.get(ev) or f"MG_EV_UNKNOWN({ev})"
