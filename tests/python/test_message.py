"""HttpMessage: a window on the request, empty when its event is over."""

from __future__ import annotations

import gc
from typing import Any

import pytest
from conftest import Server

from pymongoose import (
    MG_EV_HTTP_HDRS,
    MG_EV_HTTP_MSG,
    MG_EV_WS_OPEN,
    Connection,
    HttpMessage,
    MqttMessage,
    WsMessage,
)


def test_empty_messages() -> None:
    for message in (HttpMessage(), HttpMessage.__new__(HttpMessage)):
        assert not message
        assert (message.method, message.uri, message.query, message.proto) == ("", "", "", "")
        assert (message.body_text, message.body_bytes, message.body) == ("", b"", b"")
        assert message.headers() == []
        assert message.header("Host") is None
        assert message.header("Host", 7) == 7
        assert message.query_var("a") is None
        assert message.header_var("Content-Type", "charset") is None
        assert message.status() is None
        with pytest.raises(ValueError, match="not valid"):
            _ = message.body_view
    ws = WsMessage()
    assert (bool(ws), ws.data, ws.text, ws.flags) == (False, b"", "", 0)
    mqtt = MqttMessage()
    assert (mqtt.topic, mqtt.data, mqtt.text) == ("", b"", "")
    assert (mqtt.id, mqtt.cmd, mqtt.qos, mqtt.ack, mqtt.properties()) == (0, 0, 0, 0, [])


def during_request(check: Any, path: str = "/", body: bytes | None = None, headers: Any = None) -> bytes:
    """Runs check(conn, message) in the handler of one request; its exception fails the test."""
    problems: list[BaseException] = []

    def handler(conn: Connection, ev: int, data: Any) -> None:
        if ev == MG_EV_HTTP_MSG:
            try:
                check(conn, data)
            except BaseException as e:
                problems.append(e)
            conn.reply(200, b"done")

    with Server(handler) as server:
        reply = server.request("POST" if body is not None else "GET", path, body, **(headers or {}))[2]
    if problems:
        raise problems[0]
    return reply


def test_attributes_of_a_request() -> None:
    def check(conn: Connection, message: HttpMessage) -> None:
        assert message
        assert (message.method, message.uri, message.proto) == ("POST", "/a%20b", "HTTP/1.1")
        assert message.query == "x=1"
        assert message.body_bytes == message.body == b"\0\xff body"
        assert message.body_text == "\0\udcff body"
        assert message.header("USER-agent") == "test"
        assert message.header("None", default="d") == "d"
        assert ("User-Agent", "test") in message.headers()
        assert message.status() == 0

    during_request(check, "/a%20b?x=1", b"\0\xff body", {"User-Agent": "test"})


def test_raw_headers_have_names_in_lower_case_of_any_length() -> None:
    def check(conn: Connection, message: HttpMessage) -> None:
        found = message.raw_headers()
        assert (b"a", b"One") in found
        assert (b"long-" * 100, b"Two") in found
        assert message.header("A") == "One"  # `b"A"` is one object in all of Python: still intact

    during_request(check, headers={"A": "One", "Long-" * 100: "Two"})


def test_query_variables() -> None:
    def check(conn: Connection, message: HttpMessage) -> None:
        assert message.query_var("a") == "1"
        assert message.query_var("b") == " z"
        assert message.query_var("c") is None
        assert message.query_var("d") == "x y"
        assert message.query_var("missing") is None
        assert message.query_var("") is None
        assert message.query_var("long") == "L" * 20000

    during_request(check, "/?a=1&b=%20z&c=&d=x+y&long=" + "L" * 20000)


def test_header_variables() -> None:
    def check(conn: Connection, message: HttpMessage) -> None:
        assert message.header_var("Content-Type", "charset") == "utf-8"
        assert message.header_var("Content-Type", "b") == "q r"
        assert message.header_var("Content-Type", "none") is None
        assert message.header_var("None", "charset") is None

    during_request(check, body=b"", headers={"Content-Type": 'text/html; charset=utf-8; b="q r"'})


def test_state_of_the_connection_in_a_request() -> None:
    def check(conn: Connection, message: HttpMessage) -> None:
        assert conn.is_readable
        assert not conn.is_writable
        assert conn.recv_len == len(conn.recv_data())
        assert conn.recv_data().endswith(b"\r\n\r\nbody")
        assert conn.recv_data(4) == b"POST"
        assert conn.recv_size == 16384
        conn.reply(200, b"first")
        assert conn.send_data().endswith(b"first")
        assert conn.send_len == len(conn.send_data(-1))

    during_request(check, body=b"body")


def test_a_kept_message_is_empty_afterwards() -> None:
    kept: list[HttpMessage] = []

    def check(conn: Connection, message: HttpMessage) -> None:
        assert not any(kept)
        kept.append(message)

    for _ in range(3):
        during_request(check)
    assert not any(kept)
    assert [message.uri for message in kept] == ["", "", ""]


def test_messages_that_are_kept_are_not_used_again() -> None:
    kept: list[HttpMessage] = []

    def handler(conn: Connection, ev: int, data: Any) -> None:
        if ev == MG_EV_HTTP_MSG:
            kept.append(data)
            assert [message.uri for message in kept] == [""] * (len(kept) - 1) + [data.uri]
            conn.reply(200, data.uri)

    with Server(handler) as server:
        assert [server.get(f"/{i}") for i in range(5)] == [f"/{i}".encode() for i in range(5)]
    assert len({id(message) for message in kept}) == 5


def test_a_message_is_over_when_its_bytes_are_consumed() -> None:
    def check(conn: Connection, message: HttpMessage) -> None:
        assert conn.recv_consume() > 0
        assert not message
        assert message.uri == ""

    assert during_request(check) == b"done"


def test_body_view_reads_without_a_copy_and_is_released() -> None:
    views: list[memoryview] = []

    def check(conn: Connection, message: HttpMessage) -> None:
        view = message.body_view
        assert view.readonly
        assert bytes(view) == b"some body"
        assert message.body_view is view
        views.append(view)

    during_request(check, body=b"some body")
    with pytest.raises(ValueError, match="released"):
        bytes(views[0])


def test_slices_of_a_body_view_keep_their_bytes() -> None:
    slices: list[memoryview] = []

    def handler(conn: Connection, ev: int, data: Any) -> None:
        if ev == MG_EV_HTTP_MSG:
            slices.append(data.body_view[5:])
            conn.reply(200, data.body_bytes)

    with Server(handler) as server:
        for i in range(5):
            body = b"head " + str(i).encode() * 5000
            assert server.request("POST", "/", body)[2] == body
    gc.collect()
    assert [bytes(piece) for piece in slices] == [str(i).encode() * 5000 for i in range(5)]


def test_body_before_it_has_arrived_is_what_has_arrived() -> None:
    seen: list[int] = []

    def handler(conn: Connection, ev: int, data: Any) -> None:
        if ev == MG_EV_HTTP_HDRS:
            seen.append(len(data.body_bytes))
        elif ev == MG_EV_HTTP_MSG:
            conn.reply(200, str(len(data.body_bytes)))

    with Server(handler) as server, server.connect() as client:
        client.sendall(b"POST / HTTP/1.1\r\nContent-Length: 8\r\n\r\nabc")
        while not seen:
            pass
        client.sendall(b"defgh")
        assert client.recv(1000).endswith(b"8")
    assert seen[0] <= 3


def test_consuming_in_an_inner_event_ends_the_outer_message() -> None:
    """MG_EV_WS_OPEN is delivered from inside ws_upgrade()."""
    seen: list[Any] = []

    def handler(conn: Connection, ev: int, data: Any) -> None:
        if ev == MG_EV_WS_OPEN:
            seen.append(bool(data))
            conn.recv_consume()
            seen.append(bool(data))
        elif ev == MG_EV_HTTP_MSG:
            conn.ws_upgrade(data)
            seen.extend((bool(data), data.uri, data.headers()))

    with Server(handler) as server, server.connect() as client:
        client.sendall(
            b"GET /chat HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        assert client.recv(1000).startswith(b"HTTP/1.1 101 ")
    assert seen == [True, False, False, "", []]
