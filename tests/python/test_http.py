"""An HTTP server in Python, as clients see it."""

from __future__ import annotations

import re
import resource
import socket
from pathlib import Path
from typing import Any

import pytest
from conftest import DEADLINE, Server, poll_until, read_all, read_response

from pymongoose import (
    MG_EV_ACCEPT,
    MG_EV_CLOSE,
    MG_EV_HTTP_MSG,
    Connection,
    Manager,
    event_name,
)


def without_date(data: bytes) -> bytes:
    return re.sub(rb"Date: [^\r]*\r\n", b"", data)


def echo(conn: Connection, ev: int, data: Any) -> None:
    if ev == MG_EV_HTTP_MSG:
        conn.reply(200, f"{data.method} {data.uri} {data.query} ".encode() + data.body_bytes)


@pytest.mark.parametrize("path", ["/", "/test", "/api/data"])
def test_get(path: str) -> None:
    with Server(echo) as server:
        assert server.get(path) == f"GET {path}  ".encode()


def test_query_is_apart_from_the_path() -> None:
    with Server(echo) as server:
        assert server.get("/test?foo=bar&baz=qux") == b"GET /test foo=bar&baz=qux "


def test_order_of_events() -> None:
    events: list[tuple[int, str]] = []

    def handler(conn: Connection, ev: int, data: Any) -> None:
        if event_name(ev) != "MG_EV_POLL":
            events.append((conn.id, event_name(ev)))
        echo(conn, ev, data)

    with Server(handler) as server:
        server.get()
        listener, conn = server.listener.id, server.listener.id + 1
    assert [name for number, name in events if number == listener] == ["MG_EV_OPEN", "MG_EV_CLOSE"]
    names = [name.removeprefix("MG_EV_") for number, name in events if number == conn]
    assert names == ["OPEN", "ACCEPT", "HTTP_HDRS", "HTTP_MSG", "READ", "WRITE", "CLOSE"]


def test_bytes_on_the_wire() -> None:
    def handler(conn: Connection, ev: int, data: Any) -> None:
        if ev == MG_EV_HTTP_MSG:
            conn.reply(201, b"ok", {"X-Custom-Header": "TestValue", "Content-Type": "application/json"})

    with Server(handler) as server, server.connect() as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert without_date(read_response(client)) == (
            b"HTTP/1.1 201 Created\r\nX-Custom-Header: TestValue\r\nContent-Type: application/json\r\n"
            b"Content-Length: 2          \r\n\r\nok"
        )


def replying(*args: Any, **kwargs: Any) -> Any:
    def handler(conn: Connection, ev: int, data: Any) -> None:
        if ev == MG_EV_HTTP_MSG:
            conn.reply(*args, **kwargs)

    return handler


def test_content_type_is_plain_text_unless_given() -> None:
    with Server(replying(200, "x")) as server:
        assert server.request()[1]["Content-Type"] == "text/plain"
    with Server(replying(200, "x", {"X-A": "1"})) as server:
        assert list(server.request()[1].items())[:2] == [("Content-Type", "text/plain"), ("X-A", "1")]
    with Server(replying(200, "x", {"content-TYPE": "text/html"})) as server:
        assert [k for k in server.request()[1] if k.lower() == "content-type"] == ["content-TYPE"]


def test_headers_may_be_pairs_and_repeat() -> None:
    with Server(replying(200, b"", headers=[("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")])) as server:
        with server.connect() as client:
            client.sendall(b"GET / HTTP/1.1\r\n\r\n")
            assert b"Set-Cookie: a=1\r\nSet-Cookie: b=2\r\n" in read_response(client)


@pytest.mark.parametrize(
    "body",
    [
        b"\0\1\2 binary \0 with NUL",
        bytes(range(256)) * 5,
        b"x" * 1_000_000,
        b"100% literal %s %d",
    ],
)
def test_binary_bodies_arrive_whole(body: bytes) -> None:
    with Server(replying(200, body)) as server:
        assert server.get() == body


@pytest.mark.parametrize("body", [bytearray(b"abc"), memoryview(b"abc"), [97, 98, 99], "abc", b"abc"])
def test_kinds_of_bodies(body: Any) -> None:
    with Server(replying(200, body)) as server:
        assert server.get() == b"abc"


def test_unicode_body() -> None:
    with Server(replying(200, "Hello, 世界!")) as server:
        assert server.get().decode() == "Hello, 世界!"


def test_unknown_status_has_an_empty_reason() -> None:
    with Server(replying(299)) as server, server.connect() as client:
        client.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert read_response(client).startswith(b"HTTP/1.1 299 \r\n")


def test_no_body_where_none_may_be() -> None:
    def handler(conn: Connection, ev: int, data: Any) -> None:
        if ev == MG_EV_HTTP_MSG:
            conn.reply(204 if data.uri == "/204" else 200, b"body")

    with Server(handler) as server, server.connect() as client:
        client.sendall(
            b"GET /204 HTTP/1.1\r\n\r\nHEAD / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\nConnection: close\r\n\r\n"
        )
        data = read_all(client)
    heads = [part for part in data.split(b"\r\n\r\n") if part.startswith(b"HTTP/1.1")]
    assert len(heads) == 3
    assert without_date(data).startswith(
        b"HTTP/1.1 204 No Content\r\nContent-Type: text/plain\r\n\r\nHTTP/1.1 200 OK"
    )
    assert heads[1].endswith(b"Content-Length: 4          ")
    assert data.count(b"body") == 1


def test_two_replies_are_two_responses() -> None:
    def handler(conn: Connection, ev: int, data: Any) -> None:
        if ev == MG_EV_HTTP_MSG:
            conn.reply(200, b"one")
            conn.reply(200, b"two")

    with Server(handler) as server, server.connect() as client:
        client.sendall(b"GET / HTTP/1.1\r\n\r\n")
        data = b""
        while b"two" not in data:
            data += client.recv(4096)
        assert data.count(b"HTTP/1.1 200 OK") == 2


BAD = ["a\rb", "a\nb", "a\0b", "a\r\nInjected: yes"]


@pytest.mark.parametrize("text", BAD)
def test_header_injection_is_refused(text: str) -> None:
    problems: list[str] = []

    def handler(conn: Connection, ev: int, data: Any) -> None:
        if ev == MG_EV_HTTP_MSG:
            for headers in ({"X-A": text}, {text: "v"}, [("X-A", text)]):
                with pytest.raises(ValueError, match="illegal character") as caught:
                    conn.reply(200, b"no", headers)
                problems.append(str(caught.value))
            conn.reply(200, b"clean")

    with Server(handler) as server:
        _, headers, body = server.request()
    assert body == b"clean"
    assert "Injected" not in headers
    assert problems[0] == f"Header value contains illegal character (CR, LF, or NUL): {text!r}"
    assert problems[1] == f"Header name contains illegal character (CR, LF, or NUL): {text!r}"


def test_reply_json() -> None:
    def handler(conn: Connection, ev: int, data: Any) -> None:
        if ev == MG_EV_HTTP_MSG:
            conn.reply_json({"a": [1, "ü"]}, 404, {"X-A": "1", "Content-Type": "text/html"})

    with Server(handler) as server:
        status, headers, body = server.request()
    assert (status, headers["Content-Type"], headers["X-A"]) == (404, "application/json", "1")
    assert body == b'{"a": [1, "\\u00fc"]}'


def test_reply_json_keeps_repeated_headers() -> None:
    def handler(conn: Connection, ev: int, data: Any) -> None:
        if ev == MG_EV_HTTP_MSG:
            conn.reply_json({}, headers=[("Set-Cookie", "a=1"), ("Content-Type", "x"), ("Set-Cookie", "b=2")])

    with Server(handler) as server, server.connect() as client:
        client.sendall(b"GET / HTTP/1.1\r\n\r\n")
        head = read_response(client).partition(b"\r\n\r\n")[0].split(b"\r\n")
    assert head[1:4] == [b"Set-Cookie: a=1", b"Set-Cookie: b=2", b"Content-Type: application/json"]


def test_chunks() -> None:
    def handler(conn: Connection, ev: int, data: Any) -> None:
        if ev == MG_EV_HTTP_MSG:
            conn.reply(200, b"", {"Transfer-Encoding": "chunked"})
            for chunk in ("First", b"Second", "Drittes ü", "X" * 10000, ""):
                conn.http_chunk(chunk)

    with Server(handler) as server:
        _, headers, body = server.request()
        assert "Content-Length" not in headers
        assert body == "FirstSecondDrittes ü".encode() + b"X" * 10000
        assert server.request()[2] == body


def test_chunk_framing() -> None:
    def handler(conn: Connection, ev: int, data: Any) -> None:
        if ev == MG_EV_HTTP_MSG:
            conn.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            conn.http_chunk(b"a" * 26)
            conn.http_sse("tick", "line 1\nline 2")
            conn.http_chunk(b"")
            conn.drain()

    with Server(handler) as server, server.connect() as client:
        client.sendall(b"GET / HTTP/1.1\r\n\r\n")
        body = read_all(client).partition(b"\r\n\r\n")[2]
    event = b"event: tick\ndata: line 1\ndata: line 2\n\n"
    assert body == b"1a\r\n" + b"a" * 26 + b"\r\n%x\r\n" % len(event) + event + b"\r\n0\r\n\r\n"


def test_large_reply_then_drain() -> None:
    body = bytes(10_000_000)
    closed: list[int] = []

    def handler(conn: Connection, ev: int, data: Any) -> None:
        if ev == MG_EV_HTTP_MSG:
            assert not conn.is_draining
            conn.reply(200, body)
            conn.drain()
            assert conn.is_draining
        elif ev == MG_EV_CLOSE and not conn.is_listening:
            closed.append(conn.id)

    with Server(handler) as server:
        with server.connect() as client:
            client.sendall(b"GET / HTTP/1.1\r\n\r\n")
            assert read_all(client).partition(b"\r\n\r\n")[2] == body
    assert len(closed) == 1


@pytest.mark.parametrize(
    ("request_head", "closes"),
    [
        (b"GET / HTTP/1.0\r\n\r\n", True),
        (b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", False),
        (b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n", True),
        (b"GET / HTTP/1.1\r\n\r\n", False),
    ],
)
def test_who_closes(request_head: bytes, closes: bool) -> None:
    with Server(echo) as server, server.connect() as client:
        client.sendall(request_head)
        assert read_response(client).endswith(b"GET /  ")
        if closes:
            assert client.recv(1) == b""
        else:
            client.sendall(b"GET /again HTTP/1.1\r\n\r\n")
            assert read_response(client).endswith(b"GET /again  ")


def test_pipelined_requests_are_answered_in_order() -> None:
    with Server(echo) as server, server.connect() as client:
        count = 500
        client.sendall(b"".join(b"GET /%d HTTP/1.1\r\n\r\n" % i for i in range(count)))
        data = b""
        while data.count(b"HTTP/1.1 200") < count or not data.endswith(b"GET /%d  " % (count - 1)):
            data += client.recv(65536)
    bodies = [int(part.split(b"GET /")[1].split()[0]) for part in data.split(b"HTTP/1.1 200 OK")[1:]]
    assert bodies == list(range(count))


def test_one_byte_at_a_time() -> None:
    with Server(echo) as server, server.connect() as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in b"POST /slow HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc":
            client.sendall(bytes([byte]))
        assert read_response(client).endswith(b"POST /slow  abc")


def test_clients_that_leave_in_the_middle() -> None:
    def handler(conn: Connection, ev: int, data: Any) -> None:
        if ev == MG_EV_HTTP_MSG:
            conn.reply(200, bytes(2_000_000) if data.uri == "/big" else b"ok")

    with Server(handler) as server:
        for half in (
            b"GET / HT",
            b"POST / HTTP/1.1\r\nContent-Length: 100\r\n\r\nabc",
            b"GET /big HTTP/1.1\r\n\r\n",
        ):
            for linger in (False, True):
                client = server.connect()
                if linger:  # close() then resets the connection
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                client.sendall(half)
                client.close()
        assert server.get() == b"ok"


def test_two_thousand_connections() -> None:
    accepted = 0
    closed = 0

    def handler(conn: Connection, ev: int, data: Any) -> None:
        nonlocal accepted, closed
        if ev == MG_EV_HTTP_MSG:
            conn.reply(200, b"OK")
        elif ev == MG_EV_ACCEPT:
            accepted += 1
        elif ev == MG_EV_CLOSE:
            closed += 1

    with Server(handler) as server:
        for _ in range(4):
            clients = [server.connect() for _ in range(500)]
            for client in clients:
                client.sendall(b"GET / HTTP/1.1\r\n\r\n")
            for client in clients:
                assert read_response(client).endswith(b"OK")
                client.close()
        assert server.get() == b"OK"
    assert accepted == 2001
    assert closed == 2002  # and the listener


def test_serve_dir_and_file(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("<p>index</p>")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "data.bin").write_bytes(bytes(range(256)))
    (tmp_path / "404.html").write_text("gone")

    def handler(conn: Connection, ev: int, data: Any) -> None:
        if ev == MG_EV_HTTP_MSG:
            if data.uri == "/file":
                conn.serve_file(data, str(tmp_path / "sub" / "data.bin"))
            elif data.uri == "/nofile":
                conn.serve_file(data, str(tmp_path / "none"))
            elif data.uri.startswith("/missing"):
                conn.serve_dir(data, str(tmp_path), page404=str(tmp_path / "404.html"))
            else:
                conn.serve_dir(data, str(tmp_path), extra_headers="X-Custom: test-value\r\n")

    with Server(handler) as server:
        status, headers, body = server.request(path="/")
        assert (status, body, headers["X-Custom"]) == (200, b"<p>index</p>", "test-value")
        assert "text/html" in headers["Content-Type"]
        assert server.get("/sub/data.bin") == bytes(range(256))
        assert server.get("/file") == bytes(range(256))
        assert server.request(path="/none")[0] == 404
        assert server.request(path="/nofile")[0] == 404
        assert server.request(path="/missing")[2] == b"gone"
        with server.connect() as client:
            client.sendall(b"GET /sub/data.bin HTTP/1.0\r\n\r\n")
            assert read_all(client).endswith(bytes(range(256)))


def test_connect_request() -> None:
    with Server(echo) as server, server.connect() as client:
        client.sendall(b"CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n")
        assert read_response(client).endswith(b"CONNECT example.com:443  ")


@pytest.mark.slow
def test_idle_connections_give_their_memory_back(manager: Manager) -> None:
    """Also what lies between those that continue."""
    descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    count = min(1000, (descriptors - 100) // 2)

    def resident_kib() -> int:
        # In statm and status the kernel rounds by what each processor has not reported yet.
        return int(re.search(r"Rss:\s+(\d+)", Path("/proc/self/smaps_rollup").read_text())[1])  # type: ignore[index]

    def handler(conn: Connection, ev: int, data: Any) -> None:
        if ev == MG_EV_HTTP_MSG:
            conn.reply(200, "x" * 1000)

    listener = manager.listen("http://127.0.0.1:0", handler)
    assert listener.local_addr is not None
    before = resident_kib()
    clients = []
    for _ in range(count):
        client = socket.create_connection(("127.0.0.1", listener.local_addr[1]), DEADLINE)
        client.sendall(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        clients.append(client)
        manager.poll(0)
    poll_until(
        manager,
        lambda: (
            len(manager.connections) == count + 1 and all(conn.recv_size == 0 for conn in manager.connections)
        ),
    )
    # A client's socket object is part of this, too.
    poll_until(manager, lambda: resident_kib() - before < 12 * count)
    for client in clients:
        client.close()
