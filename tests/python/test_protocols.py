"""WebSocket, SNTP and name lookups from Python."""

from __future__ import annotations

import socket
import struct
import threading
from typing import Any

import pytest
from conftest import DEADLINE, Server, poll_until
from test_asgi import WsClient

from pymongoose import (
    MG_EV_ERROR,
    MG_EV_HTTP_MSG,
    MG_EV_SNTP_TIME,
    MG_EV_WS_CTL,
    MG_EV_WS_MSG,
    MG_EV_WS_OPEN,
    WEBSOCKET_OP_BINARY,
    WEBSOCKET_OP_TEXT,
    Connection,
    HttpMessage,
    Manager,
    WsMessage,
)


def echo(conn: Connection, ev: int, data: Any) -> None:
    if ev == MG_EV_HTTP_MSG:
        conn.ws_upgrade(data, {"X-Percent": "50%", "X-Double-Percent": "100%%s"})
        assert conn.is_websocket or not data.header("Sec-WebSocket-Key")
    elif ev == MG_EV_WS_MSG:
        if data.flags & 15 == WEBSOCKET_OP_TEXT:
            conn.ws_send(f"{data.flags}:{data.text}")
        else:
            conn.ws_send(data.data, WEBSOCKET_OP_BINARY)


def test_websocket_echo() -> None:
    with Server(echo) as server:
        client = WsClient(server.port)
        assert b"X-Percent: 50%\r\n" in client.head
        assert b"X-Double-Percent: 100%%s" in client.head
        client.send(1, "Hello, 世界!".encode())
        assert client.receive() == (1, "129:Hello, 世界!".encode())
        client.send(2, b"\0\1\xff")
        assert client.receive() == (2, b"\0\1\xff")
        client.send(9, b"ping")
        assert client.receive() == (10, b"ping")
        client.sock.close()


def test_not_a_websocket_request() -> None:
    with Server(echo) as server:
        status, _, body = server.request()
    assert (status, body) == (426, b"WS upgrade expected\n")


def test_upgrade_needs_the_message_of_the_event() -> None:
    problems: list[str] = []

    def handler(conn: Connection, ev: int, data: Any) -> None:
        if ev == MG_EV_HTTP_MSG:
            for method, arguments in (("ws_upgrade", ()), ("serve_dir", (".",)), ("serve_file", ("x",))):
                with pytest.raises(ValueError, match="HttpMessage is not valid for this event"):
                    getattr(conn, method)(HttpMessage(), *arguments)
            with pytest.raises(ValueError, match="illegal character"):
                conn.ws_upgrade(data, {"X": "a\r\nb"})
            problems.append("checked")
            conn.reply(200, b"ok")

    with Server(handler) as server:
        assert server.get() == b"ok"
    assert problems == ["checked"]


def test_websocket_client() -> None:
    seen: list[Any] = []
    kept: list[WsMessage] = []

    def client(conn: Connection, ev: int, data: Any) -> None:
        if ev == MG_EV_WS_OPEN:
            assert conn.is_websocket
            conn.ws_send("one")
            conn.ws_send(b"two", WEBSOCKET_OP_BINARY)
        elif ev == MG_EV_WS_MSG:
            kept.append(data)
            seen.append((data.flags & 15, data.data))
            if len(seen) == 2:
                conn.ws_send((1000).to_bytes(2, "big"), 8)
        elif ev == MG_EV_WS_CTL:
            seen.append(("control", data.flags & 15))

    with Manager(echo) as manager:
        listener = manager.listen("ws://127.0.0.1:0")
        assert listener.local_addr is not None
        conn = manager.ws_connect(f"ws://127.0.0.1:{listener.local_addr[1]}/ws", client)
        poll_until(manager, lambda: conn.is_closing)
    assert seen[:2] == [(1, b"129:one"), (2, b"two")]
    assert ("control", 8) in seen
    assert [(message.text, message.flags, bool(message)) for message in kept] == [("", 0, False)] * 2


def test_sntp() -> None:
    seconds = 4_000_000_000  # NTP time, since 1900
    times: list[int] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(DEADLINE)

        def answer() -> None:
            request, client = server.recvfrom(100)
            reply = bytearray(48)
            reply[0] = 0x24  # version 4, mode server
            reply[1] = 1
            reply[24:32] = request[40:48]
            reply[32:40] = reply[40:48] = struct.pack(">II", seconds, 0)
            server.sendto(reply, client)

        thread = threading.Thread(target=answer)
        thread.start()
        with Manager() as manager:
            conn = manager.sntp_connect(
                f"udp://127.0.0.1:{server.getsockname()[1]}",
                lambda conn, ev, data: times.append(data) if ev == MG_EV_SNTP_TIME else None,
            )
            assert conn.is_udp
            poll_until(manager, lambda: times)
        thread.join()
    assert {round(t / 1000) for t in times} == {seconds - 2_208_988_800}


def test_sntp_urls() -> None:
    with Manager() as manager:
        conn = manager.sntp_connect("sntp://127.0.0.1")
        assert conn.id > 0
        assert conn.remote_addr == ("127.0.0.1", 123, False)
        conn.sntp_request()


def test_lookups_do_no_harm() -> None:
    errors: list[Any] = []
    with Manager(lambda conn, ev, data: errors.append(data) if ev == MG_EV_ERROR else None) as manager:
        listener = manager.listen("tcp://127.0.0.1:0")
        listener.resolve_cancel()
        client = manager.connect("tcp://no-such-host.invalid:80")
        client.resolve_cancel()
        for _ in range(3):
            manager.poll(5)
        assert listener.is_listening
