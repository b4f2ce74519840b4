"""The MQTT tab: a small broker, and a client of it for each open page, which talks by WebSocket."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

from .. import (
    MG_EV_CLOSE,
    MG_EV_ERROR,
    MG_EV_MQTT_CMD,
    MG_EV_MQTT_MSG,
    MG_EV_MQTT_OPEN,
    Connection,
    HttpMessage,
    Manager,
    WsMessage,
)

CONNECT, SUBSCRIBE, UNSUBSCRIBE, PINGREQ, DISCONNECT = 1, 8, 10, 12, 14
FILTERS_MAX = 20  # of a client
RETAINED_MAX = 100  # topics
TEXT_MAX = 1000  # characters of a topic or message from a page
UNREAD_MAX = 256 * 1024  # bytes; a client that reads so slowly is closed


def matches(topic: str, wanted: str) -> bool:
    """Whether a topic matches a filter: + is any one level, # all that follow."""
    levels, filters = topic.split("/"), wanted.split("/")
    for i, part in enumerate(filters):
        if part == "#":
            return True
        if i >= len(levels) or part not in ("+", levels[i]):
            return False
    return len(levels) == len(filters)


def filters_of(packet: bytes, has_qos: bool) -> list[str]:
    """The topic filters of a SUBSCRIBE or UNSUBSCRIBE packet."""
    at, length, shift = 1, 0, 0
    while True:
        length |= (packet[at] & 127) << shift
        at, shift = at + 1, shift + 7
        if packet[at - 1] < 128:
            break
    body, found = packet[at + 2 : at + length], []
    while len(body) >= 2:
        size = int.from_bytes(body[:2], "big")
        found.append(body[2 : 2 + size].decode("utf-8", "replace"))
        body = body[2 + size + has_qos :]
    return found


class Broker:
    """MQTT 3.1.1 with QoS 0 and retained messages."""

    def __init__(self, manager: Manager, host: str) -> None:
        self.filters: dict[Connection, list[str]] = {}
        self.retained: dict[str, str] = {}
        self.listener: Connection = manager.mqtt_listen(f"mqtt://{host}:0", self.handle)

    @property
    def port(self) -> int:
        """Where it listens."""
        address = self.listener.local_addr
        assert address is not None
        return address[1]

    def handle(self, conn: Connection, ev: int, data: Any) -> None:
        """All events of its connections."""
        if ev == MG_EV_MQTT_MSG:
            self.publish(data.topic, data.text)
        elif ev == MG_EV_CLOSE:
            self.filters.pop(conn, None)
        elif ev == MG_EV_MQTT_CMD:
            packet = conn.recv_data()
            if data.cmd == CONNECT:
                # The level of the protocol comes after its name, "MQTT".
                is_311 = packet[packet.find(b"MQTT") + 4] == 4
                conn.send(bytes([0x20, 2, 0, 0 if is_311 else 1]))
                self.filters[conn] = []
                if not is_311:
                    conn.drain()
            elif data.cmd == SUBSCRIBE:
                self.subscribe(conn, data.id, filters_of(packet, True))
            elif data.cmd == UNSUBSCRIBE:
                leaving = filters_of(packet, False)
                self.filters[conn] = [f for f in self.filters.get(conn, []) if f not in leaving]
                conn.send(b"\xb0\x02" + data.id.to_bytes(2, "big"))
            elif data.cmd == PINGREQ:
                conn.mqtt_pong()
            elif data.cmd == DISCONNECT:
                conn.drain()

    def subscribe(self, conn: Connection, number: int, wanted: list[str]) -> None:
        """Grants QoS 0, or refuses more filters than a client may have; retained messages follow."""
        mine = self.filters.setdefault(conn, [])
        granted = bytearray()
        for one in wanted:
            if one not in mine and len(mine) >= FILTERS_MAX:
                granted.append(0x80)
                continue
            if one not in mine:
                mine.append(one)
            granted.append(0)
        conn.send(bytes([0x90, 2 + len(granted)]) + number.to_bytes(2, "big") + granted)
        for topic, text in self.retained.items():
            if any(matches(topic, one) for one in wanted):
                conn.mqtt_pub(topic, text, retain=True)

    def publish(self, topic: str, text: str, retain: bool = False) -> None:
        """Sends a message to everybody who has subscribed to its topic."""
        if retain and (topic in self.retained or len(self.retained) < RETAINED_MAX):
            self.retained[topic] = text
        for conn, filters in list(self.filters.items()):
            if any(matches(topic, one) for one in filters):
                if conn.send_len > UNREAD_MAX:
                    conn.close()
                else:
                    conn.mqtt_pub(topic, text)


class Mqtt:
    """The pages: each has a client of the broker."""

    def __init__(self, manager: Manager, host: str) -> None:
        self.manager = manager
        self.broker: Broker = Broker(manager, host)
        self.clients: dict[Connection, Connection] = {}
        self._url = f"mqtt://{host}:{self.broker.port}"

    def join(self, page: Connection, request: HttpMessage) -> None:
        """Answers the handshake of a page, and connects its client."""
        page.ws_upgrade(request)
        if page.is_websocket:
            name = f"page-{page.id}"
            self.clients[page] = self.manager.mqtt_connect(self._url, partial(self.arrived, page), name)

    def leave(self, page: Connection) -> None:
        """The page is closed, or never had a client."""
        client = self.clients.pop(page, None)
        if client is not None and not client.is_closing:
            client.close()

    def say(self, page: Connection, message: WsMessage) -> None:
        """What a page wants: {"subscribe": FILTER}, or {"topic": TOPIC, "text": TEXT} to publish."""
        client = self.clients.get(page)
        try:
            wanted = {str(key): str(value)[:TEXT_MAX] for key, value in message.json().items()}
        except (ValueError, AttributeError):
            return
        if client is None:
            return
        if wanted.get("subscribe"):
            client.mqtt_sub(wanted["subscribe"])
        elif wanted.get("unsubscribe"):
            client.mqtt_unsub(wanted["unsubscribe"])
        elif wanted.get("topic"):
            client.mqtt_pub(wanted["topic"], wanted.get("text", ""))

    def arrived(self, page: Connection, client: Connection, ev: int, data: Any) -> None:
        """An event of a page's client: passed on to the page."""
        if page not in self.clients:
            return
        if ev == MG_EV_MQTT_OPEN:
            page.ws_send(json.dumps({"open": data, "port": self.broker.port}))
        elif ev == MG_EV_MQTT_MSG:
            if page.send_len < UNREAD_MAX:
                page.ws_send(json.dumps({"topic": data.topic, "text": data.text}))
        elif ev == MG_EV_ERROR:
            page.ws_send(json.dumps({"error": str(data)}))
        elif ev == MG_EV_CLOSE:
            page.close()
