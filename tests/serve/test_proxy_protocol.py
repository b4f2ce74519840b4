"""--proxy-protocol: the client that a trusted proxy names at the start of a connection."""

from __future__ import annotations

import json
import signal
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from serving import DEADLINE, Serving, certificate

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
TO = bytes([5, 6, 7, 8])
REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


def binary(command: int, family: int, addresses: bytes) -> bytes:
    """A header of version 2."""
    return SIGNATURE + bytes([0x20 | command, family]) + len(addresses).to_bytes(2, "big") + addresses


LINE = b"PROXY TCP4 1.2.3.4 5.6.7.8 56324 443\r\n"
BINARY = binary(1, 0x11, bytes([1, 2, 3, 4]) + TO + bytes([0, 80, 1, 187]))
V6 = socket.inet_pton(socket.AF_INET6, "2001:db8::1")
GOOD = [
    (LINE, "1.2.3.4"),
    (b"PROXY TCP4 1.2.3.4 5.6.7.8 0 0\r\n", "1.2.3.4"),
    (b"PROXY TCP6 2001:db8::1 ::1 1 2\r\n", "2001:db8::1"),
    (b"PROXY UNKNOWN\r\n", "127.0.0.1"),
    (BINARY, "1.2.3.4"),
    (binary(1, 0x11, BINARY[16:] + bytes([4, 3, 232]) + bytes(1000)), "1.2.3.4"),
    (binary(1, 0x21, V6 + bytes(16) + bytes(4)), "2001:db8::1"),
    (binary(1, 0x31, b"/a".ljust(216, b"\0")), "127.0.0.1"),
    (binary(0, 0, b""), "127.0.0.1"),
]
BAD = [
    b"",
    LINE.replace(b"TCP4", b"TCP6"),
    LINE.replace(b"443", b"65536"),
    b"PROXY UNKNOWN " + b"x" * 200,
    binary(1, 0x11, b"short"),
    binary(2, 0x11, BINARY[16:]),
    SIGNATURE + b"\x11",
    binary(1, 0x11, BINARY[16:] + bytes(5000)),
]


def talk(sock: socket.socket, *parts: bytes) -> bytes:
    """What the server sends until it closes."""
    received = b""
    try:
        for part in parts:
            sock.sendall(part)
        while data := sock.recv(65536):
            received += data
    except (ConnectionResetError, BrokenPipeError):
        pass
    return received


def facts(reply: bytes) -> dict[str, Any]:
    """What the application says."""
    assert reply.startswith(b"HTTP/1.1 200 "), reply
    found: dict[str, Any] = json.loads(reply.partition(b"\r\n\r\n")[2])
    return found


@pytest.fixture(scope="module", params=["asgi", "wsgi"])
def server(request: pytest.FixtureRequest) -> Iterator[Serving]:
    with Serving(f"apps:{request.param}", "--proxy-protocol") as serving:
        serving.ready()
        yield serving


def connect(server: Serving) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), DEADLINE)


@pytest.mark.parametrize(("header", "client"), GOOD)
def test_the_client_is_the_one_that_is_named(server: Serving, header: bytes, client: str) -> None:
    with connect(server) as sock:
        assert facts(talk(sock, header + REQUEST))["client"] == client
    with connect(server) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        pieces = [header[at : at + 1] for at in range(min(20, len(header)))]
        assert facts(talk(sock, *pieces, header[20:], REQUEST))["client"] == client


@pytest.mark.parametrize("header", BAD)
def test_what_is_no_header_closes(server: Serving, header: bytes) -> None:
    with connect(server) as sock:
        assert talk(sock, header + REQUEST) == b""


def test_half_a_header_closes(server: Serving) -> None:
    with connect(server) as sock:
        sock.sendall(LINE[:10])
        sock.shutdown(socket.SHUT_WR)
        assert talk(sock) == b""


def test_the_named_client_is_not_a_trusted_proxy(server: Serving) -> None:
    request = REQUEST.replace(b"Host: x", b"Host: x\r\nX-Forwarded-For: 9.9.9.9\r\nX-Forwarded-Proto: https")
    with connect(server) as sock:
        found = facts(talk(sock, LINE + request))
    assert (found["client"], found["scheme"]) == ("1.2.3.4", "http")


@pytest.mark.parametrize("kind", ["asgi", "wsgi"])
def test_strangers_send_no_header(kind: str) -> None:
    with Serving(f"apps:{kind}", "--proxy-protocol", "--forwarded-allow-ips", "10.0.0.1") as server:
        server.ready()
        with connect(server) as sock:
            assert facts(talk(sock, REQUEST))["client"] == "127.0.0.1"
        with connect(server) as sock:
            assert talk(sock, LINE + REQUEST).startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize("kind", ["asgi", "wsgi"])
def test_a_header_before_tls_on_a_unix_socket_and_a_stop(kind: str, tmp_path: Path) -> None:
    cert, key, *_ = certificate(tmp_path, "server")
    path = tmp_path / "s"
    options = ["--uds", str(path), "--ssl-certfile", cert, "--ssl-keyfile", key]
    with Serving(f"apps:{kind}", "--proxy-protocol", *options, port=False) as server:
        server.ready()
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        for header, client in ((LINE, "1.2.3.4"), (BINARY, "1.2.3.4")):
            with socket.socket(socket.AF_UNIX) as plain:
                plain.settimeout(DEADLINE)
                plain.connect(str(path))
                plain.sendall(header)
                with context.wrap_socket(plain) as sock:
                    found = facts(talk(sock, REQUEST))
            assert (found["client"], found["scheme"]) == (client, "https")
        with socket.socket(socket.AF_UNIX) as idle:
            idle.settimeout(DEADLINE)
            idle.connect(str(path))
            server.signal(signal.SIGTERM)
            assert server.end() == 0
            assert talk(idle) == b""


def test_a_folder() -> None:
    with Serving(str(Path(__file__).parent), "--proxy-protocol") as server:
        server.ready()
        with connect(server) as sock:
            assert talk(sock, LINE + REQUEST.replace(b"/ ", b"/apps.py ", 1)).startswith(b"HTTP/1.1 200 ")
        with connect(server) as sock:
            assert talk(sock, REQUEST) == b""
