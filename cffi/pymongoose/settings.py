"""Settings of managers and connections: limits, timeouts, what an HTTP server insists on.

The names are those of `enum mg_setting` in mongoose.h, without MG_SET_ and in lower case; that is
where each is explained in full. Times are milliseconds, sizes bytes. 1, 0, True and False switch.
"""

from __future__ import annotations

import resource
from collections.abc import Callable, Mapping
from typing import Any, TypedDict

from ._core import lib


class Settings(TypedDict, total=False):
    """What a connection can have of its own. On a listener: for what it accepts from then on."""

    recv_limit: int  # bytes in the receive buffer at which the connection fails; default 3 MiB
    read_size: int  # bytes by which that buffer grows, and so of the largest single read
    connect_timeout: int  # for resolving and connecting
    handshake_timeout: int  # for TLS, a WebSocket client's response, MQTT's CONNECT or CONNACK
    message_rate: int  # bytes per second of a WebSocket message or an MQTT packet
    idle_timeout: int  # without a byte in or out, of any protocol
    dscp: int  # what packets are marked with (RFC 2474), 0 to 63
    proxy_protocol: int  # accepted connections begin with a PROXY header, which names the client
    tls_inherit: int  # accepted connections begin TLS with the options of their listener
    tls_tickets: int  # TLS sessions may be resumed; on unless it is set to 0
    tls_key_log: int  # append the keys of TLS sessions to the file that SSLKEYLOGFILE names
    http_strict: int  # refuse what RFC 9112 calls invalid
    http_allow_no_host: int  # where http_strict is on: HTTP/1.1 without Host
    http_allow_lf: int  # where http_strict is on: lines of a head may end in LF alone
    http_allow_raw_target: int  # where http_strict is on: targets may have bytes from 0x80 on
    http_known_methods: int  # reject unknown methods with 501
    http_error_replies: int  # answer with 400 and the like before closing
    http_continue: int  # answer Expect: 100-continue
    http10_close: int  # close after HTTP/1.0 without keep-alive
    http_max_head: int  # bytes of a head
    http_max_headers: int  # lines of a request's head, up to 1024; more are answered with 431
    http_date: int  # replies have a Date
    http_close_header: int  # a reply after which the connection closes says so
    http_max_body: int  # bytes of a body that is collected; 0: recv_limit counts
    http_dirlist: int  # list directories without an index file; else 403
    http_ssi: int  # expand server-side includes
    http_ssi_depth: int  # of nested includes, up to 64
    http_local_times: int  # in lists of directories, local times
    path_max: int  # bytes of the path of a served file, with its NUL, up to 4096
    http_max_requests: int  # on one connection; 0: no limit
    http_head_timeout: int  # from the first byte of a head to the last
    http_body_rate: int  # bytes per second of a request's body
    http_idle_timeout: int  # between requests
    http_send_timeout: int  # in which a client takes nothing of its reply
    mqtt_strict: int  # refuse all packets that the MQTT standards forbid
    mqtt_packet_limit: int  # bytes of an MQTT packet, where mqtt_strict is on; 0: recv_limit counts
    mqtt_receive_max: int  # messages with QoS 2 that a peer may have open, where mqtt_strict is on
    mqtt_topic_aliases: int  # that a peer may use, where mqtt_strict is on
    mqtt_reconnect: int  # first wait until a client whose connection was lost connects again; 0: never
    mqtt_reconnect_max: int  # waits double up to this
    mqtt_queue: int  # bytes of messages and subscriptions that such a client keeps
    mqtt_pong_timeout: int  # for the answer to a client's PINGREQ; 0: the program sends those
    ws_message_limit: int  # bytes of a WebSocket message, decompressed; 0: recv_limit counts
    ws_ping: int  # a ping is sent after so much silence; 0: never
    ws_pong_timeout: int  # for the answer to it; 0: as long as ws_ping
    ws_close_timeout: int  # for the answer to a close frame
    ws_deflate: int  # compression: bits of the largest window, 9 to 15; 0: none
    ws_deflate_context: int  # compression may refer to earlier messages


class ManagerSettings(Settings, total=False):
    """What a manager gives to the connections that are made from then on."""

    backlog: int  # of listening sockets
    ipv6_only: int  # IPv6 listeners take no IPv4 peers
    nodelay: int  # TCP_NODELAY
    keepalive: int  # SO_KEEPALIVE
    max_connections: int  # accepted at once; 0: no limit
    memory_limit: int  # bytes that the connections may hold; 0: no limit
    max_per_address: int  # accepted at once from one address; 0: no limit


# Descriptors that a process needs beside its connections.
SPARE_DESCRIPTORS = 16
# A proxy in front of the server is one address, too.
LEAST_PER_ADDRESS = 1000


def defaults() -> ManagerSettings:
    """What a new manager has.

    A server says what is wrong with a request, does not wait for ever, and turns clients away before
    it runs out of file descriptors. In C these are off, as programs know it.
    """
    descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    connections = 0 if descriptors == resource.RLIM_INFINITY else max(1, descriptors - SPARE_DESCRIPTORS)
    return {
        "backlog": 2048,
        "http_strict": True,
        "http_allow_no_host": True,
        "http_error_replies": True,
        "http_continue": True,
        "http10_close": True,
        "http_date": True,
        "http_close_header": True,
        "http_max_headers": 100,
        "http_head_timeout": 30_000,
        "http_body_rate": 240,
        "http_idle_timeout": 75_000,
        "http_send_timeout": 60_000,
        "http_max_requests": 1_000_000,
        "ws_close_timeout": 10_000,
        "handshake_timeout": 30_000,
        "message_rate": 240,
        "mqtt_pong_timeout": 30_000,
        "tls_inherit": True,
        "max_connections": connections,
        "memory_limit": lib.mg_available_memory() // 4,
        "max_per_address": min(connections, max(LEAST_PER_ADDRESS, connections * 3 // 4)),
    }


def reconnecting(value_of: Callable[[int], int]) -> Settings:
    """What mqtt_connect(reconnect=True) sets unless the manager has it: no attempt takes for ever."""
    return {
        "mqtt_reconnect": value_of(lib.MG_SET_MQTT_RECONNECT) or 1000,
        "connect_timeout": value_of(lib.MG_SET_CONNECT_TIMEOUT) or 30_000,
    }


def guess(name: str) -> str:
    """The setting that a misspelled name may have meant, in words; "" when there is none."""
    from difflib import get_close_matches  # Only mistakes need it.

    found = get_close_matches(name, ManagerSettings.__annotations__, 1)
    return f" (did you mean {found[0]!r}?)" if found else ""


def apply(store: Callable[[int, int], bool], settings: Mapping[str, Any]) -> None:
    """Changes settings. TypeError for a name that there is not, ValueError for a value out of range."""
    for name, value in settings.items():
        if name not in ManagerSettings.__annotations__:
            raise TypeError(f"there is no setting {name!r}{guess(name)}; see pymongoose.settings")
        if not isinstance(value, int):
            raise TypeError(f"{name} must be an int, not {type(value).__name__}")
        if not -(1 << 63) <= value < 1 << 63 or not store(getattr(lib, f"MG_SET_{name.upper()}"), value):
            raise ValueError(f"{name}={value} is out of range, or no setting of this object")
