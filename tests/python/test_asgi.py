"""The ASGI server."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import DEADLINE, expect_error, read_all

from loopback import free_port, running
from pymongoose import Connection
from pymongoose.asgi import ASGIServer

Scope = dict[str, Any]


def port_of(conn: Connection) -> int:
    address = conn.local_addr
    assert address is not None
    return address[1]


def serving(app: Any, client: Callable[[int], Any]) -> Any:
    """Runs client(port) in a thread against the application."""

    async def main() -> Any:
        server = ASGIServer(app)
        port = port_of(await server.start("http://127.0.0.1:0"))
        try:
            return await asyncio.wait_for(asyncio.to_thread(client, port), DEADLINE * 3)
        finally:
            await server.stop()

    return asyncio.run(main())


def fetch(
    port: int, method: str = "GET", path: str = "/", body: bytes | None = None, headers: Any = None
) -> tuple[int, list[tuple[str, str]], bytes]:
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE)
    try:
        client.request(method, path, body, headers or {})
        response = client.getresponse()
        return response.status, response.getheaders(), response.read()
    finally:
        client.close()


def answering(status: int = 200, headers: Any = (), *pieces: bytes) -> Any:
    async def app(scope: Scope, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            raise NotImplementedError
        await send({"type": "http.response.start", "status": status, "headers": headers})
        for piece in pieces[:-1]:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": pieces[-1] if pieces else b""})

    return app


def test_scope_and_body() -> None:
    scopes: list[Scope] = []
    bodies: list[Any] = []

    async def app(scope: Scope, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            raise RuntimeError("no lifespan")
        scopes.append(scope)
        bodies.append(await receive())
        await answering(201, [(b"x-custom", b"val")], b"done")(scope, receive, send)

    status, headers, body = serving(
        app, lambda port: fetch(port, "POST", "/a%20b?q=1", b"\0body", {"X-Test": "Yes"})
    )
    assert (status, body) == (201, b"done")
    assert ("x-custom", "val") in headers
    assert ("Content-Type", "text/plain") in headers
    scope = scopes[0]
    assert scope["asgi"] == {"version": "3.0", "spec_version": "2.4"}
    assert (scope["type"], scope["method"], scope["http_version"], scope["scheme"]) == (
        "http",
        "POST",
        "1.1",
        "http",
    )
    assert (scope["path"], scope["raw_path"], scope["query_string"]) == ("/a b", b"/a%20b", b"q=1")
    assert scope["root_path"] == ""
    assert scope["client"][0] == scope["server"][0] == "127.0.0.1"
    assert [b"x-test", b"Yes"] in [list(pair) for pair in scope["headers"]]
    assert bodies == [{"type": "http.request", "body": b"\0body", "more_body": False}]


def test_repeated_headers_and_length() -> None:
    app = answering(200, [(b"Set-Cookie", b"a=1"), (b"Set-Cookie", b"b=2"), (b"content-length", b"2")], b"ok")
    _, headers, body = serving(app, fetch)
    assert [value for name, value in headers if name == "Set-Cookie"] == ["a=1", "b=2"]
    assert [int(value) for name, value in headers if name.lower() == "content-length"] == [2]
    assert body == b"ok"


def test_many_chunks_in_order() -> None:
    pieces = [b"%03d" % i + bytes(10240) for i in range(64)]
    _, headers, body = serving(answering(200, [], *pieces), fetch)
    assert body == b"".join(pieces)
    assert ("Transfer-Encoding", "chunked") in headers


def test_stream_with_a_length() -> None:
    _, headers, body = serving(answering(200, [(b"content-length", b"6")], b"abc", b"def"), fetch)
    assert body == b"abcdef"
    assert "Transfer-Encoding" not in dict(headers)


def test_large_stream_waits_for_the_client() -> None:
    queued: list[int] = []

    async def app(scope: Scope, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            raise NotImplementedError
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(200):
            await send({"type": "http.response.body", "body": bytes(100_000), "more_body": True})
            conn = next(c for c in servers[0].manager.connections if not c.is_listening)
            queued.append(conn.send_len)
        await send({"type": "http.response.body"})

    servers: list[ASGIServer] = []

    async def main() -> int:
        server = ASGIServer(app)
        servers.append(server)
        port = port_of(await server.start("http://127.0.0.1:0"))
        body = (await asyncio.to_thread(fetch, port))[2]
        await server.stop()
        return len(body)

    assert asyncio.run(main()) == 20_000_000
    assert max(queued) < 1_000_000


def test_head_and_http10() -> None:
    app = answering(200, [], b"abc", b"def")

    def client(port: int) -> list[bytes]:
        answers = []
        heads = b"HEAD / HTTP/1.1\r\n\r\nHEAD / HTTP/1.1\r\nConnection: close\r\n\r\n"
        for head in (heads, b"GET / HTTP/1.0\r\n\r\n"):
            with socket.create_connection(("127.0.0.1", port), DEADLINE) as sock:
                sock.sendall(head)
                answers.append(read_all(sock))
        return answers

    heads, old = serving(app, client)
    assert [head[:15] for head in heads.split(b"\r\n\r\n")] == [b"HTTP/1.1 200 OK"] * 2 + [b""]
    assert old.partition(b"\r\n\r\n")[2] == b"abcdef"
    assert b"chunked" not in old


@pytest.mark.parametrize("pieces", [(b"",), (b"abc",), (b"abc", b"def"), (b"", b"")])
@pytest.mark.parametrize("status", [204, 304])
def test_no_body_where_none_may_be(status: int, pieces: tuple[bytes, ...]) -> None:
    def client(port: int) -> bytes:
        with socket.create_connection(("127.0.0.1", port), DEADLINE) as sock:
            sock.sendall(b"GET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\nConnection: close\r\n\r\n")
            return read_all(sock)

    answers = serving(answering(status, [], *pieces), client).split(b"\r\n\r\n")
    assert [answer[:12] for answer in answers] == [f"HTTP/1.1 {status}".encode()] * 2 + [b""]
    assert b"chunked" not in answers[0]


def test_exceptions(capsys: pytest.CaptureFixture[str]) -> None:
    async def app(scope: Scope, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            raise NotImplementedError
        if scope["path"] == "/late":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"x", "more_body": True})
        if scope["path"] != "/silent":
            raise ValueError("from the app")

    assert serving(app, fetch)[::2] == (500, b"Internal Server Error")
    assert serving(app, lambda port: fetch(port, path="/silent"))[0] == 500
    with pytest.raises(http.client.IncompleteRead):
        serving(app, lambda port: fetch(port, path="/late"))
    expect_error(capsys, "ValueError: from the app")


def test_header_injection() -> None:
    assert serving(answering(200, [(b"x", b"a\r\nb: c")], b""), fetch)[0] == 500


def test_disconnect_is_told() -> None:
    told: list[Any] = []
    waiting = asyncio.Event()

    async def app(scope: Scope, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            raise NotImplementedError
        await receive()
        waiting.set()
        told.append(await receive())

    async def main() -> None:
        server = ASGIServer(app)
        port = port_of(await server.start("http://127.0.0.1:0"))
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        await asyncio.wait_for(waiting.wait(), DEADLINE)
        writer.close()
        for _ in range(6000):
            if told:
                break
            await asyncio.sleep(0.01)
        await server.stop()

    asyncio.run(main())
    assert told == [{"type": "http.disconnect"}]


def test_a_stream_ends_when_its_client_disconnects(capsys: pytest.CaptureFixture[str]) -> None:
    ended: list[type[BaseException]] = []

    async def app(scope: Scope, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            raise NotImplementedError
        await send({"type": "http.response.start", "status": 200, "headers": []})
        try:
            while True:
                await send({"type": "http.response.body", "body": b"x" * 1000, "more_body": True})
                await asyncio.sleep(0)
        except Exception as e:
            ended.append(type(e))
            raise RuntimeError("the client left") from e

    async def main() -> None:
        server = ASGIServer(app)
        port = port_of(await server.start("http://127.0.0.1:0"))
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
        writer.close()
        for _ in range(6000):
            if ended:
                break
            await asyncio.sleep(0.01)
        await server.stop()

    asyncio.run(main())
    assert len(ended) == 1
    assert issubclass(ended[0], OSError)  # ASGI 2.4: "raise an exception of type OSError"
    assert capsys.readouterr().err == ""  # That a client leaves is no error of the application.


def test_receive_ends_when_the_response_is_complete() -> None:
    told: list[Any] = []

    async def app(scope: Scope, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            raise NotImplementedError
        await receive()
        listener = asyncio.ensure_future(receive())
        await asyncio.sleep(0)
        await answering(200, [], *([b"a", b"b"] if scope["path"] == "/stream" else [b"ab"]))(
            scope, receive, send
        )
        told.append(await asyncio.wait_for(listener, DEADLINE))

    def client(port: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE)
        for path in ("/", "/stream", "/"):  # on one connection, which stays open
            connection.request("GET", path)
            assert connection.getresponse().read() == b"ab"
        for _ in range(6000):
            if len(told) == 3:
                break
            time.sleep(0.01)
        connection.close()
        assert told == [{"type": "http.disconnect"}] * 3

    serving(app, client)


def test_requests_get_the_state_of_the_lifespan() -> None:
    seen: list[Any] = []

    async def app(scope: Scope, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await receive()
            scope["state"]["database"] = "db"
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
            return
        seen.append(dict(scope["state"]))
        scope["state"]["mine"] = True  # A copy: the next request does not see it.
        await answering(200, [], b"")(scope, receive, send)

    def client(port: int) -> None:
        fetch(port)
        fetch(port)

    serving(app, client)
    assert seen == [{"database": "db"}] * 2


@pytest.mark.parametrize("outcome", ["complete", "failed", "raises", "silent"])
def test_lifespan(outcome: str) -> None:
    seen: list[str] = []

    async def app(scope: Scope, receive: Any, send: Any) -> None:
        assert scope["asgi"] == {"version": "3.0", "spec_version": "2.0"}
        if outcome == "raises":
            raise NotImplementedError
        if outcome == "silent":
            return
        seen.append((await receive())["type"])
        if outcome == "failed":
            await send({"type": "lifespan.startup.failed", "message": "no database"})
            return
        await send({"type": "lifespan.startup.complete"})
        seen.append((await receive())["type"])
        await send({"type": "lifespan.shutdown.complete"})

    async def main() -> None:
        server = ASGIServer(app)
        with pytest.raises(RuntimeError, match="ASGIServer is not started"):
            _ = server.manager
        await server.stop()
        if outcome == "failed":
            with pytest.raises(RuntimeError, match="ASGI lifespan startup failed: no database"):
                await server.start("http://127.0.0.1:0")
        else:
            await server.start("http://127.0.0.1:0")
        await server.stop()

    asyncio.run(main())
    expected = {"complete": ["lifespan.startup", "lifespan.shutdown"], "failed": ["lifespan.startup"]}
    assert seen == expected.get(outcome, [])


class WsClient:
    """A WebSocket client of a few lines."""

    def __init__(self, port: int, *headers: str) -> None:
        self.sock = socket.create_connection(("127.0.0.1", port), DEADLINE)
        lines = [
            "GET /ws HTTP/1.1",
            "Host: a",
            "Upgrade: websocket",
            "Connection: Upgrade",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
            *headers,
        ]
        self.sock.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        self.data = b""
        while b"\r\n\r\n" not in self.data:
            self.data += self.more()
        self.head, _, self.data = self.data.partition(b"\r\n\r\n")

    def more(self) -> bytes:
        chunk = self.sock.recv(65536)
        assert chunk
        return chunk

    def send(self, op: int, payload: bytes) -> None:
        assert len(payload) < 126
        mask = b"\1\2\3\4"
        masked = bytes(b ^ mask[i % 4] for i, b in enumerate(payload))
        self.sock.sendall(bytes([0x80 | op, 0x80 | len(payload)]) + mask + masked)

    def take(self, n: int) -> bytes:
        while len(self.data) < n:
            self.data += self.more()
        taken, self.data = self.data[:n], self.data[n:]
        return taken

    def receive(self) -> tuple[int, bytes]:
        first, length = self.take(2)
        if length == 126:
            (length,) = struct.unpack(">H", self.take(2))
        return first & 15, self.take(length)


async def ws_app(scope: Scope, receive: Any, send: Any) -> None:
    if scope["type"] != "websocket":
        raise NotImplementedError
    assert await receive() == {"type": "websocket.connect"}
    if "deny" in scope["subprotocols"]:
        await send({"type": "websocket.close"})
        return
    await send(
        {
            "type": "websocket.accept",
            "subprotocol": "b" if scope["subprotocols"] else None,
            "headers": [(b"x-a", b"1")],
        }
    )
    while True:
        message = await receive()
        if message["type"] == "websocket.disconnect":
            codes.append((message["code"], message["reason"]))
            with contextlib.suppress(OSError):
                await send({"type": "websocket.send", "text": "to nobody"})
                codes.append((0, "the client has disconnected, and no message says so"))
            return
        if message.get("text") == "close":
            await send({"type": "websocket.close", "code": 4001, "reason": "going away"})
        elif "text" in message:
            await send({"type": "websocket.send", "text": message["text"] + "!"})
        else:
            await send({"type": "websocket.send", "bytes": message["bytes"][::-1]})


codes: list[tuple[int, str]] = []


def test_websocket() -> None:
    def client(port: int) -> None:
        ws = WsClient(port, "Sec-WebSocket-Protocol: a, b")
        assert ws.head.startswith(b"HTTP/1.1 101 ")
        assert b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" in ws.head
        assert ws.head.lower().count(b"sec-websocket-protocol: b") == 1
        assert b"x-a: 1" in ws.head
        ws.send(1, "hé".encode())
        assert ws.receive() == (1, "hé!".encode())
        ws.send(2, b"\0\1\2")
        assert ws.receive() == (2, b"\2\1\0")
        ws.send(1, b"close")
        assert ws.receive() == (8, (4001).to_bytes(2, "big") + b"going away")
        ws.send(8, (4001).to_bytes(2, "big"))
        ws.sock.close()

        plain = WsClient(port)
        assert b"sec-websocket-protocol" not in plain.head.lower()
        plain.send(8, (1000).to_bytes(2, "big") + "tschüß".encode())
        plain.receive()
        plain.sock.close()

        denied = WsClient(port, "Sec-WebSocket-Protocol: deny")
        assert denied.head.startswith(b"HTTP/1.1 403 ")
        denied.sock.close()

    codes.clear()
    serving(ws_app, client)
    assert codes == [(4001, ""), (1000, "tschüß")]


def test_clients_are_told_that_the_server_goes_away() -> None:
    async def main() -> None:
        server = ASGIServer(ws_app)
        port = port_of(await server.start("http://127.0.0.1:0"))
        ws = await asyncio.to_thread(WsClient, port)
        await server.stop()
        assert ws.receive() == (8, (1001).to_bytes(2, "big"))
        assert ws.sock.recv(1) == b""
        ws.sock.close()

    codes.clear()
    asyncio.run(main())
    assert codes == [(1001, "")]


def test_many_requests_at_once() -> None:
    async def app(scope: Scope, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            raise NotImplementedError
        await asyncio.sleep(0.01)
        await answering(200, [], scope["path"].encode())(scope, receive, send)

    async def one(port: int, i: int) -> bool:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        ok = True
        for k in range(10):
            writer.write(b"GET /%d-%d HTTP/1.1\r\n\r\n" % (i, k))
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
            ok &= await reader.readexactly(length) == b"/%d-%d" % (i, k)
        writer.close()
        return ok

    async def main() -> list[bool]:
        server = ASGIServer(app)
        port = port_of(await server.start("http://127.0.0.1:0"))
        jobs: list[Awaitable[bool]] = [one(port, i) for i in range(50)]
        results = await asyncio.wait_for(asyncio.gather(*jobs), DEADLINE * 3)
        await server.stop()
        return list(results)

    assert all(asyncio.run(main()))


APP = """
import os
async def app(scope, receive, send):
    if scope["type"] != "http": raise NotImplementedError
    if scope["path"] == "/die": os._exit(1)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": str(os.getpid()).encode()})
def wsgi(environ, start_response):
    start_response("200 OK", [])
    return [str(os.getpid()).encode()]
"""


@pytest.mark.parametrize(("module", "app"), [("asgi", "served:app"), ("wsgi", "served:wsgi")])
def test_several_processes_on_one_port(tmp_path: Path, module: str, app: str) -> None:
    (tmp_path / "served.py").write_text(APP)
    port = free_port()
    command = [
        sys.executable,
        "-m",
        f"pymongoose.{module}",
        app,
        "--url",
        f"http://127.0.0.1:{port}",
        "--workers",
        "2",
    ]
    pids: set[bytes] = set()

    def collect(count: int) -> None:
        deadline = time.monotonic() + 60
        while len(pids) < count:
            assert time.monotonic() < deadline
            try:
                pids.add(fetch(port)[2])
            except (OSError, http.client.HTTPException):
                time.sleep(0.02)

    with running(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        collect(2)
        if module == "asgi":
            with pytest.raises((OSError, http.client.HTTPException)):
                fetch(port, path="/die")
            collect(3)
        process.terminate()
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert b"Server stopped." in out
