"""The HTTP client: requests written by hand, responses as events. The servers are Python's own."""

from __future__ import annotations

import hashlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from conftest import DEADLINE, poll_until

from pymongoose import (
    MG_EV_CLOSE,
    MG_EV_CONNECT,
    MG_EV_ERROR,
    MG_EV_HTTP_HDRS,
    MG_EV_HTTP_MSG,
    MG_EV_READ,
    Connection,
    Manager,
)

BIG = 64 << 20


class Site(BaseHTTPRequestHandler):
    """Answers each path in another way."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        getattr(self, f"send_{self.path.strip('/')}")()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.head(201, {"Content-Length": len(body)})
        self.wfile.write(body.upper())

    do_HEAD = do_GET

    def head(self, status: int, headers: dict[str, Any]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, str(value))
        self.end_headers()

    def send_plain(self) -> None:
        self.head(200, {"Content-Length": 5, "Content-Type": "text/plain; charset=utf-8"})
        if self.command != "HEAD":
            self.wfile.write(b"hello")

    def send_missing(self) -> None:
        self.head(404, {"Content-Length": 0})

    def send_none(self) -> None:
        self.head(204, {})

    def send_chunked(self) -> None:
        self.head(200, {"Transfer-Encoding": "chunked"})
        self.wfile.write(b"3\r\nabc\r\n4;x=y\r\ndefg\r\n0\r\n\r\n")

    def send_interim(self) -> None:
        self.wfile.write(b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n")
        self.send_plain()

    def send_until_close(self) -> None:
        self.head(200, {"Connection": "close"})
        self.wfile.write(b"until the end")
        self.close_connection = True

    def send_big(self) -> None:
        self.head(200, {"Content-Length": BIG})
        for _ in range(BIG >> 20):
            self.wfile.write(b"x" * (1 << 20))

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def site() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join(DEADLINE)
        server.server_close()


def request(path: str, method: str = "GET", body: bytes = b"") -> bytes:
    length = f"Content-Length: {len(body)}\r\n" if body else ""
    return f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n{length}\r\n".encode() + body


class Client:
    """Sends requests one after the other over one connection, each when the one before is answered."""

    def __init__(self, *requests: bytes) -> None:
        self.requests = list(requests)
        self.responses: list[tuple[int | None, str, bytes]] = []
        self.problems: list[str] = []
        self.closed = False

    def handler(self, conn: Connection, ev: int, data: Any) -> None:
        if ev == MG_EV_CONNECT:
            conn.send(self.requests.pop(0))
        elif ev == MG_EV_HTTP_MSG:
            self.responses.append((data.status(), data.proto, data.body_bytes))
            if 100 <= data.status() < 200:
                return
            if self.requests:
                conn.send(self.requests.pop(0))
            else:
                conn.drain()
        elif ev == MG_EV_ERROR:
            self.problems.append(data)
        elif ev == MG_EV_CLOSE:
            self.closed = True

    def run(self, manager: Manager, url: str) -> list[tuple[int | None, str, bytes]]:
        manager.connect(url, self.handler)
        poll_until(manager, lambda: self.closed)
        assert self.problems == []
        assert self.requests == []
        return self.responses


def test_requests_over_one_connection(manager: Manager) -> None:
    client = Client(
        request("/plain"),
        request("/missing"),
        request("/chunked"),
        request("/none"),
        request("/plain", "HEAD"),
        request("/", "POST", b"body"),
        request("/interim"),
        request("/until_close"),
    )
    with site() as url:
        assert client.run(manager, url) == [
            (200, "OK", b"hello"),
            (404, "Not Found", b""),
            (200, "OK", b"abcdefg"),
            (204, "No Content", b""),
            (200, "OK", b""),
            (201, "Created", b"BODY"),
            (103, "Early Hints", b""),
            (200, "OK", b"hello"),
            (200, "OK", b"until the end"),
        ]


def test_pipelined_requests(manager: Manager) -> None:
    client = Client(request("/plain") + request("/chunked"))
    replies: list[bytes] = []

    def handler(conn: Connection, ev: int, data: Any) -> None:
        if ev == MG_EV_HTTP_MSG:
            replies.append(data.body_bytes)
            if len(replies) == 2:
                conn.close()
        else:
            client.handler(conn, ev, data)

    with site() as url:
        manager.connect(url, handler)
        poll_until(manager, lambda: client.closed)
    assert replies == [b"hello", b"abcdefg"]


def test_headers_of_a_response(manager: Manager) -> None:
    seen: list[Any] = []

    def handler(conn: Connection, ev: int, data: Any) -> None:
        if ev == MG_EV_CONNECT:
            conn.send(request("/plain"))
        elif ev == MG_EV_HTTP_MSG:
            seen.extend((data.header("content-type"), data.header_var("Content-Type", "charset")))
            seen.append(dict(data.headers())["Content-Length"])
            conn.close()

    with site() as url:
        manager.connect(url, handler)
        poll_until(manager, lambda: seen)
    assert seen == ["text/plain; charset=utf-8", "utf-8", "5"]


def test_a_body_of_any_length_is_read_by_hand(manager: Manager) -> None:
    digest, left, sizes = hashlib.sha256(), [0], []

    def take(conn: Connection, piece: bytes) -> None:
        digest.update(piece)
        left[0] -= len(piece)
        if left[0] == 0:
            conn.close()

    def handler(conn: Connection, ev: int, data: Any) -> None:
        if ev == MG_EV_CONNECT:
            conn.send(request("/big"))
        elif ev == MG_EV_HTTP_HDRS:
            assert data.status() == 200
            left[0] = int(data.header("Content-Length"))
            first = data.body_bytes
            conn.recv_consume()
            take(conn, first)
        elif ev == MG_EV_READ:
            sizes.append(conn.recv_size)
            piece = conn.recv_data()
            conn.recv_consume()
            take(conn, piece)

    with site() as url:
        conn = manager.connect(url, handler)
        poll_until(manager, lambda: conn.is_closing)
    assert left == [0]
    assert digest.digest() == hashlib.sha256(b"x" * BIG).digest()
    assert max(sizes) <= 1 << 18


@pytest.mark.parametrize(
    "reply", [b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", b"junk\0"]
)
def test_what_is_no_response_is_an_error(manager: Manager, reply: bytes) -> None:
    client = Client(request("/"))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        manager.connect(f"http://127.0.0.1:{listener.getsockname()[1]}", client.handler)
        accepted, _ = listener.accept()
        with accepted:
            accepted.sendall(reply)
            poll_until(manager, lambda: client.closed)
    assert len(client.problems) == 1
    assert client.responses == []
