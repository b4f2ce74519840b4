"""The ASGI server's state machine: every message in every state, seen from the wire.

docs/reference/python/asgi.md has the table.
"""

from __future__ import annotations

import asyncio
import contextvars
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import DEADLINE, expect_error, read_all
from test_asgi import WsClient, serving

from pymongoose.asgi import ASGIServer

Message = dict[str, Any]
CHUNKED = (b"transfer-encoding", b"chunked")
GET = b"GET /%b HTTP/1.1\r\nHost: a\r\n\r\n"
LAST = b"GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"


def start(status: int = 200, *headers: tuple[bytes, bytes], **more: Any) -> Message:
    return {"type": "http.response.start", "status": status, "headers": headers, **more}


def body(data: bytes = b"", more: bool = False) -> Message:
    return {"type": "http.response.body", "body": data, "more_body": more}


class Sender:
    """An application that sends messages, and keeps what they raised. What follows is answered 'next'."""

    def __init__(self, *messages: Message) -> None:
        self.messages = messages
        self.raised: list[BaseException | None] = []
        self.scopes: list[Any] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            raise NotImplementedError
        self.scopes.append(scope)
        if scope["path"] == "/last":
            await send(start())
            await send(body(b"next"))
            return
        for message in self.messages:
            try:
                await send(message)
                self.raised.append(None)
            except Exception as e:
                self.raised.append(e)

    @property
    def kinds(self) -> list[type | None]:
        return [None if e is None else type(e) for e in self.raised]


def talk(app: Any, *requests: bytes) -> bytes:
    """Sends requests in one write; returns all until the server closes."""

    def client(port: int) -> bytes:
        with socket.create_connection(("127.0.0.1", port), DEADLINE) as sock:
            sock.sendall(b"".join(requests))
            return read_all(sock)

    result: bytes = serving(app, client)
    return result


def outcome(*messages: Message, request: bytes = GET % b"") -> tuple[bytes, bytes, list[type | None]]:
    """Head and body of the response, less that to the next request, and what send() raised."""
    app = Sender(*messages)
    data = talk(app, request, LAST)
    follows = data.rfind(b"HTTP/1.1 200 OK\r\n") if data.endswith(b"next") else len(data)
    head, _, rest = data[:follows].partition(b"\r\n\r\n")
    return head.lower(), rest, app.kinds


# Response headers, pieces, the body on the wire, and whether the connection stays open.
FRAMING: list[tuple[int, list[tuple[bytes, bytes]], list[bytes], bytes, bool]] = [
    (200, [], [b"ok"], b"ok", True),
    (200, [], [b"a", b"b"], b"1\r\na\r\n1\r\nb\r\n0\r\n\r\n", True),
    (200, [], [b"a", b""], b"1\r\na\r\n0\r\n\r\n", True),
    (200, [CHUNKED], [b"ok"], b"2\r\nok\r\n0\r\n\r\n", True),
    (200, [CHUNKED], [b""], b"0\r\n\r\n", True),
    (200, [CHUNKED], [b"a", b"b"], b"1\r\na\r\n1\r\nb\r\n0\r\n\r\n", True),
    (200, [CHUNKED, (b"content-length", b"2")], [b"a", b"b"], b"ab", True),
    (200, [(b"content-length", b"4")], [b"Hello", b"World"], b"Hell", True),
    (200, [(b"content-length", b"4")], [b"HelloWorld"], b"Hell", True),
    (200, [(b"content-length", b"0")], [b"Hello"], b"", True),
    (200, [(b"content-length", b"30")], [b"Hello", b"World"], b"HelloWorld", False),
    (200, [(b"content-length", b"30")], [b"Hello"], b"Hello", False),
    (200, [(b"content-length", b"2"), (b"Content-Length", b"2")], [b"ok"], b"ok", True),
    (204, [CHUNKED], [b""], b"", True),
    (204, [(b"content-length", b"3")], [b"abc"], b"", True),
    (304, [(b"content-length", b"3")], [b""], b"", True),
    (304, [CHUNKED], [b"abc", b"def"], b"", True),
    (200, [(b"connection", b"close")], [b"ok"], b"ok", False),
    (200, [(b"Connection", b"x, Close")], [b"a", b"b"], b"1\r\na\r\n1\r\nb\r\n0\r\n\r\n", False),
    (200, [(b"connection", b"keep-alive")], [b"ok"], b"ok", True),
]


@pytest.mark.parametrize(("status", "headers", "pieces", "wire", "goes_on"), FRAMING)
def test_framing_is_the_servers(
    status: int, headers: list[tuple[bytes, bytes]], pieces: list[bytes], wire: bytes, goes_on: bool
) -> None:
    messages = [body(piece, number < len(pieces)) for number, piece in enumerate(pieces, 1)]
    app = Sender(start(status, *headers), *messages)
    data = talk(app, GET % b"", LAST)
    assert data.endswith(b"next") is goes_on
    head, _, rest = data.partition(b"\r\n\r\n")
    if goes_on:
        rest = rest[: rest.rindex(b"HTTP/1.1 200 OK\r\n")]
    assert rest == wire
    lines = head.lower().split(b"\r\n")
    assert sum(line.startswith((b"content-length:", b"transfer-encoding:")) for line in lines) <= 1
    if goes_on or not (headers == [(b"content-length", b"30")] and len(pieces) > 1):  # which shows too late
        assert (b"connection: close" in lines) is (not goes_on)
    if status == 204:
        assert not any(line.startswith((b"content-", b"transfer-")) for line in lines)
    assert b"transfer-encoding: chunked" not in lines or b"0\r\n\r\n" in wire


def test_a_wrong_length_is_told() -> None:
    _, rest, kinds = outcome(start(200, (b"content-length", b"4")), body(b"Hello", True), body(b"World"))
    assert rest == b"Hell"
    assert kinds == [None, RuntimeError, RuntimeError]
    _, _, kinds = outcome(start(200, (b"content-length", b"9")), body(b"Hello", True), body(b""))
    assert kinds == [None, None, RuntimeError]


@pytest.mark.parametrize(
    ("method", "headers", "expected"),
    [
        (b"HEAD", [], b"content-length: 6"),
        (b"HEAD", [(b"content-length", b"77")], b"content-length: 77"),
        (b"HEAD", [CHUNKED], b"transfer-encoding: chunked"),
    ],
)
def test_head_has_no_body(method: bytes, headers: Any, expected: bytes) -> None:
    head, rest, _ = outcome(
        start(200, *headers), body(b"abcdef"), request=method + b" / HTTP/1.1\r\nHost: a\r\n\r\n"
    )
    assert expected in head.split(b"\r\n")
    assert rest == b""


def test_http10_ends_with_the_connection() -> None:
    head, rest, _ = outcome(
        start(200, CHUNKED), body(b"abc", True), body(b"def"), request=b"GET / HTTP/1.0\r\n\r\n"
    )
    assert rest == b"abcdef"
    assert b"chunked" not in head
    assert b"connection: close" in head


# What the application has sent before, the message, and what becomes of it: None is good.
RUNTIME, VALUE = RuntimeError, ValueError
STATES: list[tuple[list[Message], Message, type | None]] = [
    ([], body(), RUNTIME),
    ([], {"type": "http.response.trailers", "headers": []}, RUNTIME),
    ([], {"type": "http.response.pathsend", "path": "/dev/null"}, RUNTIME),
    ([], {"type": "http.response.zerocopysend", "file": 0}, RUNTIME),
    ([], {"type": "http.response.early_hint", "links": [b"</a>"]}, None),
    ([], {"type": "http.response.debug", "info": {}}, RUNTIME),
    ([], {"type": "websocket.send", "text": "x"}, RUNTIME),
    ([], {"type": "http.request"}, RUNTIME),
    ([], start(100), VALUE),
    ([], start(101), VALUE),
    ([], start(1000), VALUE),
    ([], start(200, (b"a b", b"c")), VALUE),
    ([], start(200, (b"", b"c")), VALUE),
    ([], start(200, (b"a", b"c\r\nd: e")), VALUE),
    ([], start(200, (b"content-length", b"x")), VALUE),
    ([], start(200, (b"content-length", b"-1")), VALUE),
    ([], start(200, (b"content-length", b"1"), (b"content-length", b"2")), VALUE),
    ([], {"type": "http.response.start"}, KeyError),
    ([], start(200, ("a", "b")), TypeError),  # type: ignore[arg-type]
    ([start()], start(), RUNTIME),
    ([start()], {"type": "http.response.early_hint", "links": [b"</a>"]}, RUNTIME),
    ([start()], {"type": "http.response.trailers", "headers": []}, RUNTIME),
    ([start()], {"type": "http.response.pathsend", "path": "/no/such/file"}, OSError),
    ([start()], {"type": "http.response.body", "body": "text"}, TypeError),
    ([start(), body(b"x", True)], start(), RUNTIME),
    ([start(), body(b"x", True)], {"type": "http.response.trailers", "headers": []}, RUNTIME),
    ([start(), body(b"x")], start(), RUNTIME),
    ([start(), body(b"x")], body(), RUNTIME),
    ([start(), body(b"x")], {"type": "http.response.pathsend", "path": "/dev/null"}, RUNTIME),
    ([start(trailers=True), body(b"x")], body(), RUNTIME),
    ([start(trailers=True), body(b"x")], {"type": "http.response.trailers", "headers": [(b"a", b"b")]}, None),
]


@pytest.mark.parametrize(("before", "message", "expected"), STATES)
def test_every_message_in_every_state(before: list[Message], message: Message, expected: type | None) -> None:
    app = Sender(*before, message)
    data = talk(app, GET % b"", LAST)
    assert app.kinds[: len(before)] == [None] * len(before)
    assert app.kinds[-1] is expected or (expected is OSError and issubclass(app.kinds[-1] or int, OSError))
    # The response of an application that gave up: 500, if nothing was said; else it is cut.
    if not before:
        assert b"HTTP/1.1 500 " in data
        assert data.endswith(b"next")


def test_hints_and_trailers() -> None:
    app = Sender(
        {"type": "http.response.early_hint", "links": [b"</a>; rel=preload", b"</b>"]},
        start(200, trailers=True),
        body(b"abc", True),
        body(b"def"),
        {"type": "http.response.trailers", "headers": [(b"x-sum", b"6")]},
    )
    data = talk(app, GET % b"", LAST)
    hint = b"HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\nLink: </b>\r\n\r\n"
    assert data.startswith(hint + b"HTTP/1.1 200 OK\r\n")
    assert b"3\r\nabc\r\n3\r\ndef\r\n0\r\nx-sum: 6\r\n\r\nHTTP/1.1 200 OK\r\n" in data
    assert app.kinds == [None] * 5


@pytest.mark.parametrize("size", [0, 10, 3_000_000])
@pytest.mark.parametrize("with_length", [False, True])
def test_files(tmp_path: Path, size: int, with_length: bool) -> None:
    content = bytes(i % 251 for i in range(1000)) * (size // 1000) + b"x" * (size % 1000)
    (tmp_path / "file").write_bytes(content)
    headers = [(b"content-length", b"%d" % size)] if with_length else []
    head, rest, kinds = outcome(
        start(200, *headers), {"type": "http.response.pathsend", "path": str(tmp_path / "file")}
    )
    assert (rest, kinds) == (content, [None, None])
    assert b"content-length: %d" % size in head
    with (tmp_path / "file").open("rb") as file:
        head, rest, kinds = outcome(
            start(200),
            {"type": "http.response.zerocopysend", "file": file, "offset": 2, "count": 5, "more_body": True},
            body(b"end"),
        )
    assert kinds == [None] * 3
    first = content[2:7]
    assert rest == (b"%x\r\n%b\r\n" % (len(first), first) if first else b"") + b"3\r\nend\r\n0\r\n\r\n"


@pytest.mark.parametrize("error", [ValueError("of the application"), SystemExit(3)])
@pytest.mark.parametrize("later", [False, True])
def test_what_an_application_raises_is_no_end_of_the_server(
    error: BaseException, later: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            raise NotImplementedError
        if later:
            await asyncio.sleep(0)
        if scope["path"] == "/last":
            await Sender()(scope, receive, send)
        else:
            raise error

    data = talk(app, GET % b"", LAST)
    assert data.startswith(b"HTTP/1.1 500 ")
    assert data.endswith(b"next")
    expect_error(capsys, type(error).__name__)


def test_scopes() -> None:
    app = Sender(start(), body())
    many = b"".join(b"X-H%d: v\r\n" % i for i in range(60))
    talk(
        app,
        b"GET http://o:9/s/abs?q HTTP/1.1\r\nHost: other\r\n\r\n",
        b"GET /%C3%A9%2F?a=%20 HTTP/1.1\r\nHost: a\r\n" + many + b"Cookie: s=1\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
        LAST,
    )
    first, second, third = app.scopes[:3]
    assert (first["path"], first["raw_path"], first["query_string"]) == ("/s/abs", b"/s/abs", b"q")
    assert first["headers"] == [(b"host", b"o:9")]
    assert (second["path"], second["raw_path"], second["query_string"]) == ("/é/", b"/%C3%A9%2F", b"a=%20")
    assert len(second["headers"]) == 62
    assert second["headers"][-1] == (b"cookie", b"s=1")
    assert (third["method"], third["path"]) == ("OPTIONS", "*")
    host, port = first["client"]
    assert (host, type(port)) == ("127.0.0.1", int)
    assert set(first["extensions"]) >= {"http.response.pathsend", "http.response.trailers"}
    assert "http.response.debug" not in first["extensions"]


@pytest.mark.parametrize("debug", [False, True])
def test_each_request_has_one_task_and_one_context(debug: bool) -> None:
    """Whether it waits or not, and whatever state those before it left."""
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")
    seen: list[tuple[str, str]] = []

    async def child() -> str:
        return variable.get()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            raise NotImplementedError
        task = asyncio.current_task()
        assert task is not None
        before = variable.get()
        if scope["path"] != "/plain":
            variable.set(scope["path"])
        if scope["path"] in ("/wait", "/cancel"):
            if scope["path"] == "/cancel":
                task.cancel()
            try:
                await asyncio.sleep(0.001)
                assert scope["path"] == "/wait"
            except asyncio.CancelledError:
                assert scope["path"] == "/cancel"
                if sys.version_info >= (3, 11):
                    task.uncancel()
            assert asyncio.current_task() is task
            assert await asyncio.create_task(child()) == scope["path"]
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(asyncio.sleep(DEADLINE), 0.001)
        seen.append((before, variable.get()))
        await send(start())
        await send(body(b"next"))

    paths = [b"plain", b"wait", b"plain", b"set", b"plain", b"cancel", b"plain"] * 3

    def client(port: int) -> bytes:
        with socket.create_connection(("127.0.0.1", port), DEADLINE) as sock:
            sock.sendall(b"".join(GET % path for path in paths) + LAST)
            return read_all(sock)

    async def main() -> bytes:
        asyncio.get_running_loop().set_debug(debug)
        server = ASGIServer(app)
        address = (await server.start("http://127.0.0.1:0")).local_addr
        assert address is not None
        data = await asyncio.to_thread(client, address[1])
        await server.stop()
        return data

    assert asyncio.run(main()).count(b"next") == len(paths) + 1
    assert [before for before, _ in seen] == ["unset"] * len(seen)
    assert [after for _, after in seen[:-1]] == [
        "unset" if path == b"plain" else "/" + path.decode() for path in paths
    ]


# WebSockets ------------------------------------------------------------------------------------


ACCEPT: Message = {"type": "websocket.accept"}
SEND: Message = {"type": "websocket.send", "text": "x"}
CLOSE: Message = {"type": "websocket.close"}
DENY: Message = {"type": "websocket.http.response.start", "status": 401, "headers": [(b"x-why", b"you")]}
DENIED: Message = {"type": "websocket.http.response.body", "body": b"no"}

SOCKET_STATES: list[tuple[list[Message], Message, type | None]] = [
    ([], SEND, RUNTIME),
    ([], DENIED, RUNTIME),
    ([], start(), RUNTIME),
    ([], CLOSE, None),
    ([], DENY, None),
    ([ACCEPT], ACCEPT, RUNTIME),
    ([ACCEPT], DENY, RUNTIME),
    ([ACCEPT], DENIED, RUNTIME),
    ([ACCEPT], SEND, None),
    ([ACCEPT], {"type": "websocket.send"}, VALUE),
    ([ACCEPT], {"type": "websocket.send", "text": None, "bytes": None}, VALUE),
    ([ACCEPT], {"type": "websocket.send", "text": b"x"}, TypeError),
    ([ACCEPT], {"type": "websocket.close", "code": 1005}, VALUE),
    ([ACCEPT], {"type": "websocket.close", "code": 70000}, VALUE),
    ([ACCEPT], {"type": "websocket.close", "reason": "x" * 124}, VALUE),
    ([ACCEPT, CLOSE], SEND, RUNTIME),
    ([ACCEPT, CLOSE], CLOSE, RUNTIME),
    ([ACCEPT, CLOSE], ACCEPT, RUNTIME),
    ([CLOSE], ACCEPT, RUNTIME),
    ([CLOSE], SEND, RUNTIME),
    ([DENY], ACCEPT, RUNTIME),
    ([DENY], SEND, RUNTIME),
    ([DENY], CLOSE, RUNTIME),
    ([DENY], DENIED, None),
    ([DENY, DENIED], DENIED, RUNTIME),
    ([DENY, DENIED], ACCEPT, RUNTIME),
]


@pytest.mark.parametrize(("before", "message", "expected"), SOCKET_STATES)
def test_every_message_of_a_websocket_in_every_state(
    before: list[Message], message: Message, expected: type | None
) -> None:
    app = Sender(*before, message)

    def client(port: int) -> bytes:
        ws = WsClient(port)
        head = ws.head
        ws.sock.close()
        return head

    head = serving(app, client)
    assert app.kinds[: len(before)] == [None] * len(before)
    assert app.kinds[-1] is expected
    accepted = ACCEPT in before[:1]
    denied = DENY in [*before, message][:1]
    if accepted:
        assert head.startswith(b"HTTP/1.1 101 ")
    elif denied and DENIED in [*before, message]:
        assert head.startswith(b"HTTP/1.1 401 ")
    assert accepted or not head.startswith(b"HTTP/1.1 101 ")


def test_a_denial_is_a_response() -> None:
    app = Sender(DENY, {**DENIED, "more_body": True}, DENIED)

    def client(port: int) -> tuple[bytes, bytes]:
        ws = WsClient(port)
        while not ws.data.endswith(b"0\r\n\r\n"):
            ws.data += ws.more()
        ws.sock.close()
        return ws.head, ws.data

    head, data = serving(app, client)
    assert head.startswith(b"HTTP/1.1 401 Unauthorized\r\n")
    assert b"x-why: you" in head
    assert data == b"2\r\nno\r\n2\r\nno\r\n0\r\n\r\n"
    assert "websocket.http.response" in app.scopes[0]["extensions"]


@pytest.mark.parametrize(
    ("old", "new", "status"),
    [
        ("Sec-WebSocket-Version: 13\r\n", "", 426),
        ("Version: 13", "Version: 12", 426),
        ("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", "", 400),
        ("dGhlIHNhbXBsZSBub25jZQ==", "short", 400),
        ("GET", "POST", 400),
    ],
)
def test_bad_handshakes_do_not_reach_the_application(old: str, new: str, status: int) -> None:
    app = Sender(ACCEPT)
    request = (
        "GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    ).replace(old, new)
    data = talk(app, request.encode())
    assert data.startswith(b"HTTP/1.1 %d " % status)
    assert b"connection: close" in data.lower()
    assert app.scopes == []


def test_an_upgrade_that_connection_does_not_name_is_none() -> None:
    app = Sender(start(), body(b"http"))
    data = talk(app, b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: close\r\n\r\n")
    assert data.endswith(b"http")
    assert app.scopes[0]["type"] == "http"


def test_an_application_of_asgi_2() -> None:
    class App:
        def __init__(self, scope: Any) -> None:
            self.scope = scope

        async def __call__(self, receive: Any, send: Any) -> None:
            await Sender(start(), body(b"two"))(self.scope, receive, send)

    assert talk(App, GET % b"", LAST).endswith(b"next")

    def function(scope: Any) -> Callable[..., Any]:
        return App(scope)

    assert talk(function, GET % b"", LAST).endswith(b"next")


@pytest.mark.parametrize("moment", ["startup", "shutdown", "says so"])
def test_failures_of_the_lifespan_are_shown(moment: str, capsys: pytest.CaptureFixture[str]) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "lifespan":
            await Sender()(scope, receive, send)
            return
        await receive()
        if moment == "startup":
            raise KeyError("no database")
        await send({"type": "lifespan.startup.complete"})
        await receive()
        if moment == "shutdown":
            raise KeyError("no database")
        await send({"type": "lifespan.shutdown.failed", "message": "no database"})

    assert talk(app, LAST).endswith(b"next")
    expect_error(capsys, "no database")
