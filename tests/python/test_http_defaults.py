"""What a Python server does that a C server does only when it is asked to."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from conftest import DEADLINE, Server

from pymongoose import MG_EV_HTTP_MSG, Connection


def handler(conn: Connection, ev: int, data: Any) -> None:
    if ev == MG_EV_HTTP_MSG:
        conn.reply(200, data.body_bytes)


def talk(server: Server, request: bytes, then: bytes = b"", until: bytes = b"") -> bytes:
    """What the server answers until it closes, or up to a text."""
    answer = b""
    with socket.create_connection(("127.0.0.1", server.port), DEADLINE) as sock:
        sock.sendall(request)
        while not until or until not in answer:
            more = sock.recv(4096)
            answer += more
            if b"100 Continue" in more:
                sock.sendall(then)
            if not more:
                return answer
    return answer


@pytest.mark.parametrize(
    "request_",
    [
        b"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost : h\r\n\r\n",
    ],
)
def test_a_malformed_request_is_told_so(request_: bytes) -> None:
    with Server(handler) as server:
        answer = talk(server, request_)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"connection: close" in answer.lower()


def test_http_1_0_closes_after_the_reply() -> None:
    with Server(handler) as server:
        assert talk(server, b"GET / HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.1 200 ")


def test_http_1_0_closes_after_a_late_reply() -> None:
    def late(conn: Connection, ev: int, data: Any) -> None:
        if ev == MG_EV_HTTP_MSG:
            server.manager.timer_add(20, lambda: conn.reply(200, b"late"))

    with Server(late) as server:
        assert talk(server, b"GET / HTTP/1.0\r\n\r\n").endswith(b"late")


def test_a_body_is_invited() -> None:
    head = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n"
    with Server(handler) as server:
        answer = talk(server, head, b"body", until=b"body")
    assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 ")
