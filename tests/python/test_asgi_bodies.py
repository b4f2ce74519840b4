"""Bodies of requests that the ASGI server does not collect: read in pieces, or by way of a file."""

from __future__ import annotations

import asyncio
import hashlib
import os
import socket
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import DEADLINE, expect_error, read_all, read_response

from pymongoose._bodies import LONG
from pymongoose._command import arguments
from pymongoose._core import gate
from pymongoose.asgi import ASGIServer

Message = dict[str, Any]
HELD = 256 * 1024  # bytes that may wait for the application
POST = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
EXPECTING = CHUNKED.replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\n\r\n")
INVITATION = b"HTTP/1.1 100 Continue\r\n\r\n"


def chunks(body: bytes, size: int = 50_000) -> bytes:
    pieces = (body[at : at + size] for at in range(0, len(body), size))
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


class App:
    """An application that reads whole bodies, and answers with their digests."""

    def __init__(self) -> None:
        self.messages: list[list[Message]] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            raise NotImplementedError
        messages: list[Message] = []
        self.messages.append(messages)
        more = True
        while more:
            messages.append(await receive())
            more = messages[-1].get("more_body", False)
        digest = hashlib.sha256(b"".join(m.get("body", b"") for m in messages)).hexdigest()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": digest.encode()})


def digest(body: bytes) -> bytes:
    return hashlib.sha256(body).hexdigest().encode()


def serving(app: Any, client: Callable[[int], Any], **options: Any) -> Any:
    """Runs client(port) in a thread against the application."""

    async def main() -> Any:
        server = ASGIServer(app, **options)
        address = (await server.start("http://127.0.0.1:0")).local_addr
        assert address is not None
        try:
            return await asyncio.wait_for(asyncio.to_thread(client, address[1]), DEADLINE * 3)
        finally:
            await server.stop()

    return asyncio.run(main())


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=DEADLINE)


def send(connection: socket.socket, *pieces: bytes) -> bytes:
    """Sends a request in pieces, which asks for the end of the connection; returns all until then.

    After a head that expects an invitation the rest waits for it, so the server has seen the head alone.
    """
    head, end, rest = pieces[0].partition(b"\r\n\r\n")
    for piece in (head + b"\r\nConnection: close" + end + rest, *pieces[1:]):
        connection.sendall(piece)
        if b"\r\nExpect: " in piece:
            answer = connection.recv(len(INVITATION), socket.MSG_WAITALL)
            if answer != INVITATION:
                return answer + read_all(connection)
    return read_all(connection)


def read_until(connection: socket.socket, end: bytes) -> bytes:
    """Byte by byte: what comes after the end is the next response."""
    data = b""
    while not data.endswith(end):
        piece = connection.recv(1)
        assert piece, data
        data += piece
    return data


def ask(*pieces: bytes) -> Callable[[int], bytes]:
    """A client that does so on a connection of its own."""

    def client(port: int) -> bytes:
        with connect(port) as connection:
            return send(connection, *pieces)

    return client


@pytest.mark.parametrize("size", [0, 5, 20_000, LONG])
def test_short_bodies_come_at_once(size: int) -> None:
    app, body = App(), os.urandom(size)

    def client(port: int) -> None:
        with connect(port) as connection:
            for _ in range(2):  # The connection is kept.
                connection.sendall(POST % size)
                connection.sendall(body)
                assert read_response(connection).endswith(digest(body))

    serving(app, client)
    assert app.messages == [[{"type": "http.request", "body": body, "more_body": False}]] * 2


def test_a_long_body_comes_in_pieces() -> None:
    app, body = App(), os.urandom(8_000_000)
    reply = serving(app, ask(POST % len(body), body))
    assert reply.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"Connection: close\r\n" in reply
    assert reply.endswith(digest(body))
    (messages,) = app.messages
    assert len(messages) > 1
    assert {m["type"] for m in messages} == {"http.request"}
    assert [m["more_body"] for m in messages] == [True] * (len(messages) - 1) + [False]
    assert all(m["body"] for m in messages)
    assert max(len(m["body"]) for m in messages) <= 2 * HELD


def test_curl_is_invited_to_send_its_body(tmp_path: Path) -> None:
    app, body = App(), os.urandom(5_000_000)
    (tmp_path / "body").write_bytes(body)

    def client(port: int) -> bytes:
        command = ["curl", "-s", "-S", "--expect100-timeout", "60", "-H", "Expect: 100-continue"]
        command += ["-T", str(tmp_path / "body"), f"http://127.0.0.1:{port}/"]
        return subprocess.run(command, capture_output=True, timeout=DEADLINE * 2, check=True).stdout

    assert serving(app, client) == digest(body)


def test_a_slow_application_holds_its_client_back() -> None:
    block, blocks = os.urandom(1 << 20), 64
    expected = hashlib.sha256()
    for _ in range(blocks):
        expected.update(block)
    sizes: list[int] = []
    sent: list[int] = []
    servers: list[ASGIServer] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            raise NotImplementedError
        (conn,) = (c for c in servers[0].manager.connections if not c.is_listening)
        found, more, reads = hashlib.sha256(), True, 0
        while more:
            if reads < 20:  # Waits until reading has stopped.
                while not conn.is_full:
                    await asyncio.sleep(0.001)
                reads += 1
            sizes.append(conn.recv_size)
            if reads == 20 and len(sizes) == 20:
                sent.append(len(sent_blocks))
            message = await receive()
            found.update(message["body"])
            more = message["more_body"]
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": found.hexdigest().encode()})

    sent_blocks: list[int] = []

    def client(port: int) -> bytes:
        with connect(port) as connection:
            connection.sendall(POST.replace(b"Host", b"Connection: close\r\nHost") % (blocks << 20))
            for number in range(blocks):
                connection.sendall(block)
                sent_blocks.append(number)
            return read_all(connection)

    async def main() -> bytes:
        servers.append(ASGIServer(app))
        address = (await servers[0].start("http://127.0.0.1:0")).local_addr
        assert address is not None
        try:
            return await asyncio.wait_for(asyncio.to_thread(client, address[1]), DEADLINE * 3)
        finally:
            await servers[0].stop()

    assert asyncio.run(main()).endswith(expected.hexdigest().encode())
    assert max(sizes) <= 2 * HELD
    assert sent[0] < blocks  # The client had to wait.


def test_what_follows_a_long_body_is_dropped() -> None:
    app, body = App(), os.urandom(LONG + 1)
    reply = serving(app, ask(POST % len(body), body + b"GET /next HTTP/1.1\r\nHost: a\r\n\r\n" * 1000))
    assert reply.count(b"HTTP/1.1 ") == 1
    assert reply.endswith(digest(body))
    assert len(app.messages) == 1


def test_a_client_that_leaves() -> None:
    app = App()
    read = threading.Event()

    async def told(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            try:
                await app(scope, receive, send)
            finally:
                read.set()

    def client(port: int) -> None:
        with connect(port) as connection:
            connection.sendall(POST % 5_000_000 + bytes(1_000_000))
        assert read.wait(DEADLINE)

    serving(told, client)
    assert app.messages[0][-1] == {"type": "http.disconnect"}
    assert all(m["more_body"] for m in app.messages[0][:-1])


@pytest.mark.parametrize("in_pieces", [False, True])
def test_the_response_need_not_wait_for_the_body(in_pieces: bool) -> None:
    """A client that sends all of its body first gets to see the response all the same."""
    received: list[Message] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            raise NotImplementedError
        headers = [(b"connection", b"keep-alive")]
        await send({"type": "http.response.start", "status": 401, "headers": headers})
        if in_pieces:
            await send({"type": "http.response.body", "body": b"not ", "more_body": True})
        await send({"type": "http.response.body", "body": b"now"})
        received.append(await receive())

    body = bytes(2_000_000)
    reply = serving(app, ask(POST % len(body) + body[:100_000], body[100_000:]))
    assert reply.startswith(b"HTTP/1.1 401 ")
    head = reply.partition(b"\r\n\r\n")[0].lower()
    assert b"\r\nconnection: close" in head
    assert b"keep-alive" not in head
    assert b"now" in reply
    assert received == [{"type": "http.disconnect"}]


def test_an_application_that_fails(capsys: pytest.CaptureFixture[str]) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        raise KeyError("of the application")

    body = bytes(4_000_000)
    reply = serving(app, ask(POST % len(body) + body))
    assert reply.startswith(b"HTTP/1.1 500 ")
    assert b"Connection: close\r\n" in reply
    expect_error(capsys, "of the application")


@pytest.mark.slow
def test_a_client_that_is_too_slow() -> None:
    """The library answers; the response of the application, which comes too late, is not sent."""
    app = App()
    reply = serving(app, ask(POST % 5_000_000), settings={"http_body_rate": 1_000_000_000})
    assert reply.startswith(b"HTTP/1.1 408 ")
    assert reply.count(b"HTTP/1.1 ") == 1
    assert app.messages == [[{"type": "http.disconnect"}]]


def test_a_reply_after_one_to_head_has_its_body() -> None:
    app, body = App(), os.urandom(LONG + 1)

    def client(port: int) -> bytes:
        with connect(port) as connection:
            connection.sendall(b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n")
            while not connection.recv(65536).endswith(b"\r\n\r\n"):
                pass
            connection.sendall(POST % len(body) + body)
            return read_response(connection)

    assert serving(app, client).endswith(digest(body))


@pytest.mark.parametrize("size", [0, 3, LONG, LONG + 1, 5_000_000])
def test_bodies_in_chunks(size: int) -> None:
    app, body = App(), os.urandom(size)
    reply = serving(app, ask(EXPECTING, chunks(body)))
    assert reply.endswith(digest(body))
    (messages,) = app.messages
    assert [m["more_body"] for m in messages] == [True] * (len(messages) - 1) + [False]


@pytest.mark.parametrize("head", [CHUNKED, POST % 2_000_000])
def test_the_application_gets_what_has_come(head: bytes) -> None:
    """From the first byte on, while the client waits for an answer to it."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            raise NotImplementedError
        await send({"type": "http.response.start", "status": 200, "headers": []})
        more = True
        while more:
            message = await receive()
            more = message["more_body"]
            if message["body"]:
                await send({"type": "http.response.body", "body": message["body"][:1], "more_body": True})
        await send({"type": "http.response.body"})

    pieces = [b"a" * 1_000_000, b"b" * 1_000_000]
    first = [b"x", b"y", b"z"]

    def client(port: int) -> bytes:
        chunked = head is CHUNKED
        with connect(port) as connection:
            connection.sendall(head)
            file = connection.makefile("rb")
            for number, byte in enumerate(first):
                connection.sendall(b"1\r\n%b\r\n" % byte if chunked else byte)
                while number == 0 and file.readline() != b"\r\n":
                    pass  # The head, which waits for the first piece of the body.
                assert file.readline() == b"1\r\n"
                assert file.readline() == byte + b"\r\n"
            rest = b"".join(pieces)[3:]
            connection.sendall(b"%x\r\n%b\r\n0\r\n\r\n" % (len(rest), rest) if chunked else rest)
            answer = b""
            while not answer.endswith(b"0\r\n\r\n"):
                answer += file.readline()
            return answer

    assert serving(app, client).endswith(b"0\r\n\r\n")


@pytest.mark.parametrize("early", [False, True])
@pytest.mark.parametrize("head", [CHUNKED, POST % 2_000_000])
def test_the_connection_stays_open_after_a_body(head: bytes, early: bool) -> None:
    app = App()
    body = os.urandom(2_000_000)

    def client(port: int) -> None:
        with connect(port) as connection:
            for _ in range(3):
                connection.sendall(head)
                rest = chunks(body) if head is CHUNKED else body
                connection.sendall(rest + (POST % 1 + b"x" if early else b""))
                assert read_until(connection, digest(body)).endswith(digest(body))
                if not early:
                    connection.sendall(POST % 1 + b"x")
                assert read_response(connection).endswith(digest(b"x"))

    serving(app, client)
    assert len(app.messages) == 6


def test_chunks_that_are_here_are_collected() -> None:
    app, body = App(), os.urandom(3000)

    def client(port: int) -> None:
        with connect(port) as connection:
            for _ in range(2):
                connection.sendall(CHUNKED + chunks(body, 100))
                assert read_response(connection).endswith(digest(body))
            connection.sendall((CHUNKED + chunks(body)) * 2)
            assert read_response(connection).endswith(digest(body))

    serving(app, client)
    assert app.messages[0] == [{"type": "http.request", "body": body, "more_body": False}]


def test_a_client_that_leaves_amid_its_chunks() -> None:
    app = App()

    def client(port: int) -> None:
        with connect(port) as connection:
            connection.sendall(CHUNKED + chunks(bytes(4_000_000))[:1_000_000])
        with connect(port) as connection:  # When this is answered, the end of the first was seen.
            connection.sendall(POST % 1 + b"x")
            read_response(connection)

    serving(app, client)
    assert app.messages[0][-1] == {"type": "http.disconnect"}
    assert app.messages[1][0]["body"] == b"x"


@pytest.mark.parametrize(
    ("pieces", "status"),
    [
        ((POST % 2_000_001,), 413),
        ((POST % 2_000_000 + bytes(2_000_000),), 200),
        ((b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3000000\r\n\r\n",), 413),
        ((CHUNKED, chunks(bytes(2_100_000))), 413),
        ((CHUNKED + chunks(bytes(2_100_000)),), 413),
        ((CHUNKED, b"x\r\n"), 400),
        ((CHUNKED + b"-1\r\n",), 400),
        ((CHUNKED.replace(b"chunked", b"gzip, chunked"), b"0\r\n\r\n"), 501),
        ((CHUNKED.replace(b"HTTP/1.1", b"HTTP/1.0"), b"0\r\n\r\n"), 400),
        (
            (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9000000\r\nTransfer-Encoding: chunked\r\n\r\n",),
            400,
        ),
        ((b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Length: 9000000\r\n\r\n",), 400),
        ((b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9_0\r\n\r\n",), 400),
    ],
)
def test_what_is_refused(pieces: tuple[bytes, ...], status: int) -> None:
    app = App()
    reply = serving(app, ask(*pieces), max_body=2_000_000)
    assert reply.startswith(b"HTTP/1.1 %d " % status)
    assert b"Connection: close\r\n" in reply
    assert reply.count(b"HTTP/1.1 ") == 1
    # A body in chunks that cannot be is known when the application runs already.
    assert status == 200 or all(m[-1] == {"type": "http.disconnect"} for m in app.messages)


def test_the_smaller_limit_counts() -> None:
    cases: list[tuple[Any, int, int]] = [
        ({"max_body": 1000}, 1001, 413),
        ({"settings": {"http_max_body": 1000}}, 1001, 413),
        ({"settings": {"http_max_body": 1000}, "max_body": 0}, 3_000_000, 413),
        ({"settings": {"http_max_body": 4_000_000}, "max_body": 3_500_000}, 3_500_001, 413),
        ({"settings": {"http_max_body": 3_500_000}, "max_body": 4_000_000}, 3_500_001, 413),
        ({"max_body": 0}, 3_500_001, 200),
        # What does not fit the buffer is not collected.
        ({"settings": {"recv_limit": 100_000}}, 99_999, 200),
    ]
    for options, length, status in cases:
        body = bytes(length)
        request = POST % length + (body if status == 200 else b"")
        reply = serving(App(), ask(request), **options)
        assert reply.startswith(b"HTTP/1.1 %d " % status), (options, length)
    with pytest.raises(ValueError, match="max_body"):
        ASGIServer(App(), max_body=-1)


def test_the_commands_take_the_limit(capsys: pytest.CaptureFixture[str]) -> None:
    for kind in ("asgi", "wsgi"):
        assert arguments(kind, ["a:b"]).max_body == 1 << 30
        assert arguments(kind, ["a:b", "--max-body", "5"]).max_body == 5
        with pytest.raises(SystemExit):
            arguments(kind, ["a:b", "--max-body", "-5"])
        expect_error(capsys, "--max-body")


def test_requests_without_a_late_body_cost_no_event() -> None:
    servers: list[ASGIServer] = []

    async def main() -> int:
        servers.append(ASGIServer(App()))
        address = (await servers[0].start("http://127.0.0.1:0")).local_addr
        assert address is not None
        before = servers[0].manager._crossings

        def client(port: int) -> None:
            with connect(port) as connection:
                for _ in range(10):
                    connection.sendall(POST % 3 + b"abc")
                    read_response(connection)

        await asyncio.to_thread(client, address[1])
        try:
            return servers[0].manager._crossings - before
        finally:
            await servers[0].stop()

    assert asyncio.run(main()) <= 11  # a message each, and the end of the connection


@pytest.mark.parametrize(
    ("body", "whole"),
    [
        (b"", False),
        (b"0\r\n", False),
        (b"0\r\n\r\n", True),
        (b"3\r\nabc\r\n0\r\n\r\nGET", True),
        (b"3;x=y\r\nabc\r\n", False),
        (b"3\r\nabc\r\n0\r\nX: y\r\n", False),
        (b"3\r\nabc\r\n0\r\nX: y\r\n\r\n", True),
        (b"7\r\n0\r\n\r\n", False),
        (b"f", False),
        (b"nonsense\r\n", True),
        (b"-5\r\n", True),
    ],
)
def test_the_end_of_chunks(body: bytes, whole: bool) -> None:
    assert gate.body_is_whole(body) is whole
