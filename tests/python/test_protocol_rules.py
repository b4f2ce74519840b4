"""Rules of MQTT, TLS, numbers and names, by way of Python. tests/c has their rows for the library."""

from __future__ import annotations

import json
import math
import random
import socket
import ssl
import struct
import subprocess
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from conftest import DEADLINE, Server, poll_until

from pymongoose import (
    MG_EV_CLOSE,
    MG_EV_CONNECT,
    MG_EV_ERROR,
    MG_EV_HTTP_MSG,
    MG_EV_MQTT_CMD,
    MG_EV_MQTT_MSG,
    MG_EV_MQTT_OPEN,
    MG_EV_RESOLVE,
    Connection,
    Manager,
    TlsOpts,
    base64_decode,
    json_get_num,
)

# MQTT: what is malformed ends the connection (MQTT 3.1.1, section 4.8).

CONNECT = bytes.fromhex("100f00044d5154540402003c0003616263")
CONNACK = bytes.fromhex("20020000")
PING, PONG = b"\xc0\0", b"\xd0\0"
PINGREQ = 12
# Packets, and whether a receiver continues after one; the section of MQTT 3.1.1.
PACKETS = [
    ("3003000161", True, "3.3"),
    ("30050003e282ac", True, "1.5.3"),
    ("62020001", True, "3.6.1"),
    ("60020001", False, "3.6.1: flags of PUBREL"),
    ("64020001", False, "3.6.1"),
    ("0000", False, "2.2.1: packet type 0"),
    ("0f020001", False, "2.2.1"),
    ("30020000", False, "4.7.3: an empty topic"),
    ("30050003612f2b", False, "3.3.2.1: a wildcard"),
    ("3003000123", False, "3.3.2.1"),
    ("30050003610062", False, "1.5.3: NUL"),
    ("30040002c328", False, "1.5.3: not UTF-8"),
    ("30050003eda080", False, "1.5.3: a surrogate"),
    ("36050001610001", False, "3.3.1.2: QoS 3"),
    ("32050001610000", False, "2.3.1: packet identifier 0"),
    ("30ffffffff7f", False, "2.2.3: five bytes of length"),
]


class Broker:
    """Answers pings, and keeps topics."""

    def __init__(self) -> None:
        self.topics: list[str] = []

    def __call__(self, conn: Connection, ev: int, data: Any) -> None:
        if ev == MG_EV_MQTT_CMD and data.cmd == PINGREQ:
            conn.mqtt_pong()
        elif ev == MG_EV_MQTT_MSG:
            self.topics.append(data.topic)


@pytest.mark.parametrize(("packet", "goes_on", "section"), PACKETS)
def test_packets_to_a_server(manager: Manager, packet: str, goes_on: bool, section: str) -> None:
    broker = Broker()
    listener = manager.mqtt_listen("mqtt://127.0.0.1:0", broker)
    assert listener.local_addr is not None
    with socket.create_connection(("127.0.0.1", listener.local_addr[1])) as client:
        client.sendall(CONNECT + bytes.fromhex(packet) + PING)
        client.setblocking(False)
        received: list[bytes] = []
        poll_until(manager, lambda: _takes(client, received))
    assert (b"".join(received)[-2:] == PONG) is goes_on, section
    assert bool(broker.topics) is (goes_on and packet.startswith("30"))


def _takes(client: socket.socket, received: list[bytes]) -> bool:
    """Reads what there is; whether that is the end, or an answer to PING."""
    try:
        data = client.recv(1000)
    except BlockingIOError:
        return False
    except ConnectionResetError:
        return True
    received.append(data)
    return not data or b"".join(received).endswith(PONG)


@pytest.mark.parametrize(("packet", "goes_on", "section"), PACKETS)
def test_packets_to_a_client(manager: Manager, packet: str, goes_on: bool, section: str) -> None:
    events: list[int] = []
    topics: list[str] = []

    def handler(conn: Connection, ev: int, data: Any) -> None:
        events.append(ev)
        if ev == MG_EV_MQTT_MSG:
            topics.append(data.topic)
        elif ev == MG_EV_MQTT_CMD and data.cmd == PINGREQ:
            conn.mqtt_pong()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        manager.mqtt_connect(f"mqtt://127.0.0.1:{listener.getsockname()[1]}", handler)
        peer, _ = listener.accept()
        with peer:
            peer.sendall(CONNACK)
            poll_until(manager, lambda: MG_EV_MQTT_OPEN in events)
            peer.sendall(bytes.fromhex(packet) + PING)
            peer.setblocking(False)
            received: list[bytes] = []
            poll_until(manager, lambda: _takes(peer, received))
    assert (b"".join(received)[-2:] == PONG) is goes_on, section
    assert bool(topics) is (goes_on and packet.startswith("30"))


def test_no_password_without_a_user_name(manager: Manager) -> None:
    """MQTT 3.1.1, section 3.1.2.9."""
    events: list[int] = []
    listener = manager.mqtt_listen("mqtt://127.0.0.1:0", lambda conn, ev, data: events.append(ev))
    assert listener.local_addr is not None
    with socket.create_connection(("127.0.0.1", listener.local_addr[1])) as client:
        client.sendall(bytes.fromhex("101100044d5154540442003c00016100027077"))
        poll_until(manager, lambda: MG_EV_CLOSE in events)
    assert MG_EV_MQTT_CMD not in events


# TLS: the end of a stream is that of a body only if the peer says so (RFC 9112, section 9.8).

OK200 = b"HTTP/1.1 200 OK\r\n"
CUT = "HTTP response cut short"


@pytest.fixture(scope="module")
def identity(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    """A server's certificate, which nobody has to believe."""
    place = tmp_path_factory.mktemp("identity")
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    made = ["-keyout", str(place / "key"), "-out", str(place / "crt"), "-nodes", "-subj", "/CN=localhost"]
    subprocess.run(["openssl", "req", "-x509", *curve, *made], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(place / "crt", place / "key")
    return context


@pytest.mark.parametrize("notifies", [False, True])
@pytest.mark.parametrize(
    ("response", "needs_notify"),
    [
        (OK200 + b"\r\nok", True),
        (b"HTTP/1.0 200 OK\r\n\r\nok", True),
        (OK200 + b"Connection: close\r\n\r\nok", True),
        (OK200 + b"Content-Length: 2\r\n\r\nok", False),
        (OK200 + b"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", False),
    ],
)
def test_the_end_of_a_tls_stream(
    manager: Manager, identity: ssl.SSLContext, response: bytes, needs_notify: bool, notifies: bool
) -> None:
    bodies: list[bytes] = []
    errors: list[str] = []
    closed: list[int] = []

    def handler(conn: Connection, ev: int, data: Any) -> None:
        if ev == MG_EV_CONNECT:
            conn.tls_init(TlsOpts(skip_verification=True))
            conn.send(b"GET / HTTP/1.1\r\n\r\n")
        elif ev == MG_EV_HTTP_MSG:
            bodies.append(data.body_bytes)
        elif ev == MG_EV_ERROR:
            errors.append(data)
        elif ev == MG_EV_CLOSE:
            closed.append(ev)

    def serve(listener: socket.socket) -> None:
        plain, _ = listener.accept()
        with plain:
            plain.settimeout(DEADLINE)
            peer = identity.wrap_socket(plain, server_side=True, do_handshake_on_connect=True)
            peer.recv(1000)
            peer.sendall(response)
            if notifies:
                peer.unwrap()  # sends close_notify, and waits for that of the client
            else:
                # A FIN, and not the RST of a close with bytes that nobody has read.
                socket.socket.shutdown(peer, socket.SHUT_WR)
                while socket.socket.recv(peer, 1000):
                    pass
            peer.close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,), daemon=True)
        thread.start()
        manager.connect(f"https://127.0.0.1:{listener.getsockname()[1]}/", handler, http=True)
        poll_until(manager, lambda: closed)
        thread.join(DEADLINE)
    assert bodies == [b"ok"]
    assert errors == ([CUT] if needs_notify and not notifies else [])


# Numbers are read and written exactly (IEEE 754: 17 digits name a double).


def doubles() -> Iterator[float]:
    source = random.Random(13)
    while True:
        (number,) = struct.unpack("d", source.randbytes(8))
        if math.isfinite(number):
            yield number


def test_numbers_come_back() -> None:
    numbers = [number for number, _ in zip(doubles(), range(2000), strict=False)]
    numbers += [0.10204910504969822, 121138202.9447383, 5e-324, 1.7976931348623157e308, 2.0**53, 0.1, -0.0]
    for number in numbers:
        for text in (repr(number), f"{number:.17g}", f"{number:.16e}"):
            assert json_get_num(f'{{"a":[{text}]}}', "$.a[0]") == number, text


def test_numbers_of_replies() -> None:
    numbers = [0.10204910504969822, 121138202.9447383, 5e-324, 1e23, 2**53 + 1, -1.5]

    def handler(conn: Connection, ev: int, data: Any) -> None:
        if ev == MG_EV_HTTP_MSG:
            conn.reply_json(numbers)

    with Server(handler) as server:
        assert json.loads(server.get()) == numbers


@pytest.mark.parametrize(
    ("text", "data"), [("-_-_", b""), ("Zg", b""), ("Z===", b""), ("+/+/", b"\xfb\xff\xbf")]
)
def test_base64_is_not_base64url(text: str, data: bytes) -> None:
    """RFC 4648, section 5: the other alphabet has another function (mg_base64url_decode)."""
    assert base64_decode(text) == data


# Names of this machine (RFC 6761, section 6.3) are asked of nobody.


@pytest.mark.parametrize(
    "name", ["localhost", "LOCALHOST.", "app.localhost", "a.b.LocalHost", "x.localhost."]
)
def test_localhost(manager: Manager, name: str) -> None:
    seen: list[tuple[str, int, bool]] = []

    def handler(conn: Connection, ev: int, data: Any) -> None:
        if ev == MG_EV_RESOLVE:
            address = conn.remote_addr
            assert address is not None
            seen.append(address)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        manager.connect(f"tcp://{name}:{listener.getsockname()[1]}", handler)
        # Inside of the call: nobody can have been asked.
        assert [address[0] for address in seen] == ["127.0.0.1"]
