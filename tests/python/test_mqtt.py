"""MQTT from Python: a client, and a broker written with the package."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from conftest import DEADLINE, Server, poll_until

from pymongoose import (
    MG_EV_CLOSE,
    MG_EV_CONNECT,
    MG_EV_ERROR,
    MG_EV_MQTT_CMD,
    MG_EV_MQTT_DISCONNECTED,
    MG_EV_MQTT_MSG,
    MG_EV_MQTT_OPEN,
    MG_EV_MQTT_RECONNECTED,
    AsyncManager,
    Connection,
    Manager,
    MqttMessage,
)

CONNECT, CONNACK, PUBLISH, PUBACK, PUBREC, PUBREL, PUBCOMP, SUBSCRIBE, SUBACK = range(1, 10)
UNSUBSCRIBE, UNSUBACK, PINGREQ, PINGRESP, DISCONNECT = range(10, 15)


@dataclass
class Broker:
    """Forwards every message to all that have subscribed to anything."""

    qos: int = 0
    code: int = 0
    seen: list[int] = field(default_factory=list)
    subscribers: list[Connection] = field(default_factory=list)

    def __call__(self, conn: Connection, ev: int, data: Any) -> None:
        if ev == MG_EV_MQTT_CMD:
            assert isinstance(data, MqttMessage)
            self.seen.append(data.cmd)
            if data.cmd == CONNECT:
                conn.send(bytes([0x20, 2, 0, self.code]))
            elif data.cmd == SUBSCRIBE:
                assert data.topic == ""
                self.subscribers.append(conn)
                conn.send(b"\x90\x03" + data.id.to_bytes(2, "big") + bytes([self.qos]))
            elif data.cmd == UNSUBSCRIBE:
                self.subscribers.remove(conn)
                conn.send(b"\xb0\x02" + data.id.to_bytes(2, "big"))
            elif data.cmd == PINGREQ:
                conn.mqtt_pong()
            elif data.cmd == DISCONNECT:
                conn.drain()
        elif ev == MG_EV_MQTT_MSG:
            for other in self.subscribers:
                other.mqtt_pub(data.topic, data.data, data.qos)
        elif ev == MG_EV_CLOSE and conn in self.subscribers:
            self.subscribers.remove(conn)


@dataclass
class Client:
    """Keeps what came."""

    opens: list[int] = field(default_factory=list)
    cmds: list[int] = field(default_factory=list)
    ids: list[int] = field(default_factory=list)
    messages: list[tuple[str, bytes]] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    closed: bool = False
    kept: MqttMessage | None = None

    def __call__(self, conn: Connection, ev: int, data: Any) -> None:
        if ev == MG_EV_MQTT_OPEN:
            assert type(data) is int
            self.opens.append(data)
        elif ev == MG_EV_MQTT_CMD:
            self.cmds.append(data.cmd)
            self.ids.append(data.id)
            self.kept = data
        elif ev == MG_EV_MQTT_MSG:
            assert isinstance(data, MqttMessage)
            assert data.cmd == PUBLISH
            self.messages.append((data.topic, data.data))
            self.texts.append(data.text)
        elif ev == MG_EV_ERROR:
            self.errors.append(data)
        elif ev == MG_EV_CLOSE:
            self.closed = True


@pytest.fixture
def broker(manager: Manager) -> tuple[Broker, str]:
    made = Broker()
    listener = manager.mqtt_listen("mqtt://127.0.0.1:0", made)
    assert listener.local_addr is not None
    return made, f"mqtt://127.0.0.1:{listener.local_addr[1]}"


def test_connect_and_ping(manager: Manager, broker: tuple[Broker, str]) -> None:
    server, url = broker
    client = Client()
    conn = manager.mqtt_connect(url, client)
    assert conn.is_client
    assert conn.send_data()[:2] == b"\x10\x1f"
    poll_until(manager, lambda: client.cmds)
    assert (client.opens, client.cmds, server.seen) == ([0], [CONNACK], [CONNECT])
    conn.mqtt_ping()
    poll_until(manager, lambda: len(client.cmds) == 2)
    assert client.cmds[1] == PINGRESP
    conn.mqtt_disconnect()
    poll_until(manager, lambda: client.closed)
    assert server.seen == [CONNECT, PINGREQ, DISCONNECT]
    # A message that is read later is empty.
    assert client.kept is not None
    assert (client.kept.cmd, client.kept.topic, client.kept.data) == (0, "", b"")


def test_login(manager: Manager) -> None:
    """What the arguments become on the wire: MQTT 3.1.1."""
    conn = manager.mqtt_connect(
        "mqtt://127.0.0.1:1", client_id="dev7", username="bob", password="pw", keepalive=30
    )
    assert conn.send_data() == b"\x10\x19\0\4MQTT\4\xc2\0\x1e\0\4dev7\0\3bob\0\2pw"
    conn = manager.mqtt_connect("mqtt://127.0.0.1:1", None, "x", clean_session=False)
    assert conn.send_data() == b"\x10\x0d\0\4MQTT\4\0\0\x3c\0\1x"


def test_refusal(manager: Manager, broker: tuple[Broker, str]) -> None:
    server, url = broker
    server.code = 5
    client = Client()
    manager.mqtt_connect(url, client)
    poll_until(manager, lambda: client.closed)
    assert (client.opens, client.cmds, client.errors) == ([5], [CONNACK], [])


ANSWERS = {0: {PUBLISH}, 1: {PUBLISH, PUBACK}, 2: {PUBLISH, PUBREC, PUBREL, PUBCOMP}}


@pytest.mark.parametrize("qos", [0, 1, 2])
def test_publish(manager: Manager, broker: tuple[Broker, str], qos: int) -> None:
    """A client that receives its own messages: payloads are exact, and come in order."""
    server, url = broker
    client = Client()
    conn = manager.mqtt_connect(url, client)
    conn.mqtt_sub("a/#", qos)
    poll_until(manager, lambda: SUBACK in client.cmds)
    client.cmds.clear()
    payloads: list[Any] = ["world", "", bytes(range(256)), bytearray(b"x\0y"), "Grüße", *map(str, range(5))]
    ids = [conn.mqtt_pub("a/ü", payload, qos=qos) for payload in payloads]
    assert all(ids) if qos else ids == [0] * len(ids)
    wanted = len(ANSWERS[qos]) * len(payloads)
    poll_until(manager, lambda: len(client.cmds) == wanted)
    expected = [p.encode() if isinstance(p, str) else bytes(p) for p in payloads]
    assert client.messages == [("a/ü", payload) for payload in expected]
    assert client.texts[4] == "Grüße"
    assert set(client.cmds) == ANSWERS[qos]
    assert set(ids) <= {0, *client.ids}
    conn.mqtt_unsub("a/#")
    poll_until(manager, lambda: UNSUBACK in client.cmds)
    assert server.subscribers == []


def test_retain_flag(manager: Manager) -> None:
    conn = manager.connect("tcp://127.0.0.1:1")
    assert conn.mqtt_pub("t", "m", retain=True) == 0
    assert conn.send_data() == b"\x31\4\0\1tm"


@pytest.mark.parametrize("url", ["tcp://127.0.0.1:0", "http://127.0.0.1:0", "mqtt://127.0.0.1:0"])
def test_listeners_take_it(manager: Manager, url: str) -> None:
    """The methods only queue bytes, on whatever connection."""
    listener = manager.mqtt_listen(url) if url.startswith("mqtt") else manager.listen(url)
    for qos in (0, 1, 2):
        assert isinstance(listener.mqtt_pub("t", "m", qos=qos), int)
    listener.mqtt_sub("t", qos=1)
    listener.mqtt_unsub("t")
    listener.mqtt_ping()
    listener.mqtt_pong()
    listener.mqtt_disconnect()
    for _ in range(5):
        manager.poll(1)
    assert listener.is_listening


def test_without_answers(manager: Manager) -> None:
    """No CONNACK ever comes; the connection stays all the same."""
    manager.mqtt_listen("mqtt://127.0.0.1:0")
    listener = manager.connections[0]
    assert listener.local_addr is not None
    conn = manager.mqtt_connect(f"mqtt://127.0.0.1:{listener.local_addr[1]}", client_id="")
    for qos in (0, 1, 2):
        conn.mqtt_pub("t", "m", qos)
    conn.mqtt_sub("t")
    conn.mqtt_ping()
    poll_until(manager, lambda: conn.send_len == 0)
    for _ in range(5):
        manager.poll(1)
    assert not conn.is_closing
    assert len(manager.connections) == 3


@pytest.mark.parametrize("version", [4, 5])
def test_properties(manager: Manager, version: int) -> None:
    """A message of MQTT 5, to clients of both versions."""
    found: list[Any] = []

    def handler(conn: Connection, ev: int, data: Any) -> None:
        if ev == MG_EV_MQTT_MSG:
            found.append((data.topic, data.data, data.properties()))

    with socket.create_server(("127.0.0.1", 0)) as server:
        conn = manager.mqtt_connect(
            f"mqtt://127.0.0.1:{server.getsockname()[1]}", handler, "dev7", version=version
        )
        assert conn.send_data()[8:9] == bytes([version])
        peer, _ = server.accept()
        with peer:
            peer.sendall(b"\x30\x0f\0\1x\x0a\x0b\5\x26\0\1k\0\2vvm")
            poll_until(manager, lambda: found)
    if version == 4:
        assert found == [("x", b"\x0a\x0b\5\x26\0\1k\0\2vvm", [])]
    else:
        numbers = {"id": 0x0B, "iv": 5, "key": "", "val": ""}
        assert found == [("x", b"m", [numbers, {"id": 0x26, "iv": 0, "key": "k", "val": "vv"}])]


def test_mistakes(manager: Manager, broker: tuple[Broker, str]) -> None:
    _, url = broker
    with pytest.raises(RuntimeError, match="Failed to listen for MQTT on 'mqtt://nonsense'"):
        manager.mqtt_listen("mqtt://nonsense")
    with pytest.raises(RuntimeError, match="Failed to listen for MQTT"):
        manager.mqtt_listen(url)
    with pytest.raises(RuntimeError, match="Failed to connect to MQTT broker ''"):
        manager.mqtt_connect("")
    client = Client()
    conn = manager.mqtt_connect(url, client)
    assert conn.mqtt_pub("t" * 65536, "m", 1) == 0
    assert client.errors == ["MQTT string too long"]
    poll_until(manager, lambda: client.closed)
    for call in (
        lambda: conn.mqtt_pub("t", "m"),
        lambda: conn.mqtt_sub("t"),
        lambda: conn.mqtt_unsub("t"),
        conn.mqtt_ping,
        conn.mqtt_pong,
        conn.mqtt_disconnect,
    ):
        with pytest.raises(RuntimeError, match="closed"):
            call()


def test_with_other_threads() -> None:
    """Publishing while another thread polls."""
    broker = Broker()
    with Server(None) as server:
        listener = server.manager.mqtt_listen("mqtt://127.0.0.1:0", broker)
        assert listener.local_addr is not None
        client = Client()
        conn = server.manager.mqtt_connect(f"mqtt://127.0.0.1:{listener.local_addr[1]}", client)
        conn.mqtt_sub("t", 2)
        wait_until(lambda: SUBACK in client.cmds)
        for n in range(200):
            conn.mqtt_pub("t", str(n), n % 3)
        wait_until(lambda: len(client.messages) == 200)
    assert client.messages == [("t", str(n).encode()) for n in range(200)]


def wait_until(condition: Callable[[], object]) -> None:
    async def waiting() -> None:
        while not condition():
            await asyncio.sleep(0.005)

    asyncio.run(asyncio.wait_for(waiting(), DEADLINE))


def test_asyncio() -> None:
    async def program() -> Client:
        client = Client()
        async with AsyncManager() as manager:
            listener = manager.mqtt_listen("mqtt://127.0.0.1:0", Broker())
            assert listener.local_addr is not None
            url = f"mqtt://127.0.0.1:{listener.local_addr[1]}"
            conn = manager.mqtt_connect(url, client, client_id="a", keepalive=10)
            assert conn.id > 0
            conn.mqtt_sub("t")
            conn.mqtt_pub("t", "m")
            while not client.messages:
                await asyncio.sleep(0.005)
        return client

    client = asyncio.run(asyncio.wait_for(program(), DEADLINE))
    assert client.messages == [("t", b"m")]


def test_reconnect(manager: Manager, broker: tuple[Broker, str]) -> None:
    """The connection stays the same object; what is published meanwhile waits, up to a limit."""
    server, url = broker
    events: list[tuple[int, Any]] = []
    of_interest = (MG_EV_MQTT_OPEN, MG_EV_MQTT_DISCONNECTED, MG_EV_MQTT_RECONNECTED, MG_EV_CLOSE)
    client = Client()

    def handler(conn: Connection, ev: int, data: Any) -> None:
        client(conn, ev, data)
        if ev in of_interest:
            events.append((ev, data))

    manager.set(mqtt_reconnect=20, mqtt_reconnect_max=20, mqtt_queue=1000)
    conn = manager.mqtt_connect(url, handler, reconnect=True)
    conn.mqtt_sub("#", 1)
    poll_until(manager, lambda: SUBACK in client.cmds)
    server.subscribers[0].close()
    poll_until(manager, lambda: len(events) == 2)
    assert events[0] == (MG_EV_MQTT_OPEN, 0)
    assert events[1][0] == MG_EV_MQTT_DISCONNECTED
    assert 10 <= events[1][1] <= 20
    assert conn.mqtt_pub("a", "1", 1) > 0
    assert conn.mqtt_pub("a", "2", 0) == 0
    assert conn.mqtt_queued == 2
    for call in (lambda: conn.mqtt_pub("a", bytes(1000), 1), lambda: conn.mqtt_sub("b" * 1000)):
        with pytest.raises(OSError, match="mqtt_queue") as caught:
            call()
        assert caught.value.errno == errno.ENOBUFS
    poll_until(manager, lambda: len(client.messages) == 2 and conn.mqtt_queued == 0)
    assert client.messages == [("a", b"1"), ("a", b"2")]
    assert events[2:] == [(MG_EV_MQTT_OPEN, 0), (MG_EV_MQTT_RECONNECTED, 0)]
    conn.close()
    assert events[4:] == [(MG_EV_CLOSE, None)]


def test_events_of_reconnecting_can_be_chosen(manager: Manager) -> None:
    seen = []
    manager.set(mqtt_reconnect=5, mqtt_reconnect_max=5)
    manager.mqtt_connect("mqtt://127.0.0.1:1", lambda conn, ev, data: seen.append(ev), reconnect=True)
    conn = manager.mqtt_connect("mqtt://127.0.0.1:1", reconnect=True)
    conn.set_handler(lambda conn, ev, data: seen.append(ev * 100), events=[MG_EV_MQTT_DISCONNECTED])
    poll_until(manager, lambda: seen.count(MG_EV_MQTT_DISCONNECTED * 100) > 1)
    poll_until(manager, lambda: seen.count(MG_EV_MQTT_DISCONNECTED) > 1)
    assert MG_EV_CLOSE not in seen
    assert MG_EV_ERROR in seen
    assert MG_EV_CONNECT * 100 not in seen
