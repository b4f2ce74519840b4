"""What a WSGI application may do, and what becomes of it on the wire, with one thread and with several.

docs/reference/python/wsgi.md has the rules.
"""

from __future__ import annotations

import contextvars
import socket
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from conftest import DEADLINE, expect_error, read_all
from test_wsgi import Serving, answering

from pymongoose import Connection

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
LAST = b"GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
CHUNKED = ("Transfer-Encoding", "chunked")
EACH = pytest.mark.parametrize("workers", [1, 2])


def with_last(app: Any) -> Any:
    """The application, except that /last is answered 'next'."""
    last = answering(b"next")

    def both(environ: Any, start_response: Any) -> Any:
        return (last if environ["PATH_INFO"] == "/last" else app)(environ, start_response)

    return both


def talk(app: Any, *requests: bytes, workers: int = 2) -> bytes:
    """Sends requests in one write; returns all until the server closes."""
    with Serving(with_last(app), workers=workers) as serving:
        with socket.create_connection(("127.0.0.1", serving.port), DEADLINE) as sock:
            sock.sendall(b"".join(requests))
            return read_all(sock)


def generator(*pieces: bytes, status: str = "200 OK", headers: Any = ()) -> Any:
    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response(status, list(headers))
        yield from pieces

    return app


FRAMING: list[tuple[str, list[tuple[str, str]], list[bytes], bytes, bool]] = [
    ("200 OK", [], [b"ok"], b"ok", True),
    ("200 OK", [], [b"a", b"b"], b"ab", True),
    ("200 OK", [CHUNKED], [b"ok"], b"2\r\nok\r\n0\r\n\r\n", True),
    ("200 OK", [CHUNKED], [], b"0\r\n\r\n", True),
    ("200 OK", [CHUNKED, ("Content-Length", "2")], [b"ok"], b"ok", True),
    ("200 OK", [("Content-Length", "4")], [b"Hello", b"World"], b"Hell", True),
    ("200 OK", [("Content-Length", "30")], [b"Hello", b"World"], b"HelloWorld", False),
    ("204 No Content", [CHUNKED], [b"abc"], b"", True),
    ("304 Not Modified", [("Content-Length", "3")], [b"abc"], b"", True),
    ("200 OK", [("Connection", "close")], [b"x"], b"x", False),
    ("200 OK", [("Connection", "keep-alive")], [b"x"], b"x", True),
]


@EACH
@pytest.mark.parametrize("make", [answering, generator])
@pytest.mark.parametrize(("status", "headers", "pieces", "wire", "goes_on"), FRAMING)
def test_framing_is_the_servers(
    status: str, headers: Any, pieces: list[bytes], wire: bytes, goes_on: bool, make: Any, workers: int
) -> None:
    data = talk(make(*pieces, status=status, headers=headers), GET, LAST, workers=workers)
    assert data.endswith(b"next") is goes_on
    head, _, rest = data.partition(b"\r\n\r\n")
    if goes_on:
        rest = rest[: rest.rindex(b"HTTP/1.1 200 OK\r\n")]
    assert rest == wire
    lines = head.lower().split(b"\r\n")
    assert sum(line.startswith((b"content-length:", b"transfer-encoding:")) for line in lines) <= 1
    assert (b"connection: close" in lines) is (not goes_on)


def raising(error: BaseException) -> Any:
    def app(environ: Any, start_response: Any) -> Any:
        raise error

    return app


def starting(status: Any, headers: Any) -> Any:
    def app(environ: Any, start_response: Any) -> Any:
        start_response(status, headers)
        return [b"body"]

    return app


def twice(environ: Any, start_response: Any) -> Any:
    start_response("200 OK", [])
    start_response("200 OK", [])
    return [b"body"]


def never(environ: Any, start_response: Any) -> Any:
    return [b"body"]


def in_iteration(environ: Any, start_response: Any) -> Iterator[bytes]:
    start_response("200 OK", [])
    yield b"lost"
    raise ValueError("amid the body")


@EACH
@pytest.mark.parametrize(
    "app",
    [
        answering("text"),  # type: ignore[arg-type]
        answering(5),  # type: ignore[arg-type]
        answering(None),  # type: ignore[arg-type]
        generator(b"", "text"),  # type: ignore[arg-type]
        raising(SystemExit(3)),
        raising(GeneratorExit()),
        raising(ValueError("of the application")),
        starting("100 Continue", []),
        starting("101 Switching Protocols", []),
        starting("OK", []),
        starting("20", []),
        starting(b"200 OK", []),
        starting("200 OK\r\nX: y", []),
        starting("200 OK", [("a b", "c")]),
        starting("200 OK", [("a", "b\r\nc: d")]),
        starting("200 OK", [(b"a", b"b")]),
        starting("200 OK", [("a", "\u20ac")]),
        starting("200 OK", [("Content-Length", "x")]),
        twice,
        never,
        in_iteration,
    ],
)
def test_errors_of_the_application_are_told(
    app: Any, workers: int, capsys: pytest.CaptureFixture[str]
) -> None:
    data = talk(app, GET, LAST, workers=workers)
    assert data.startswith(b"HTTP/1.1 500 ")
    assert data.endswith(b"next")
    expect_error(capsys, "Error", "Exit")


@EACH
def test_exc_info_replaces_what_was_held_back(workers: int) -> None:
    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [("X-A", "1")])(b"half of a page")
        try:
            raise ValueError("late")
        except ValueError:
            start_response("503 Sorry", [], sys.exc_info())
        return [b"sorry"]

    data = talk(app, GET, LAST, workers=workers)
    assert data.startswith(b"HTTP/1.1 503 Sorry\r\n")
    assert b"half" not in data
    assert b"X-A" not in data


@EACH
def test_exc_info_is_raised_when_the_response_has_begun(workers: int) -> None:
    raised: list[str] = []

    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [])(bytes(2_000_000))
        try:
            raise ValueError("too late")
        except ValueError:
            try:
                start_response("503 Sorry", [], sys.exc_info())
            except ValueError as e:
                raised.append(str(e))
                raise
        return [b"never"]

    data = talk(app, GET, LAST, workers=workers)
    assert data.startswith(b"HTTP/1.1 200 OK\r\n")
    assert not data.endswith(b"0\r\n\r\n")
    assert b"next" not in data
    assert raised == ["too late"]


def environ_of(request: bytes, workers: int = 2) -> dict[str, Any]:
    seen: list[dict[str, Any]] = []

    def app(environ: Any, start_response: Any) -> Any:
        seen.append({**environ, "body": environ["wsgi.input"].read()})
        start_response("200 OK", [])
        return []

    talk(app, request, LAST, workers=workers)
    return seen[0]


@EACH
def test_names_of_headers_cannot_pass_for_others(workers: int) -> None:
    lines = (
        b"X-User: alice\r\nX_User: mallory\r\nContent_Length: 5\r\nProxy: http://evil\r\n"
        b"X-Two: 1\r\nX-Two: 2\r\nContent-Type: a/b\r\nCookie: a=1\r\nCookie: b=2; c=3\r\ncookie: d=4\r\n"
    )
    environ = environ_of(b"GET /p HTTP/1.1\r\nHost: good\r\n" + lines + b"\r\n", workers)
    assert environ["HTTP_X_USER"] == "alice"
    assert environ["HTTP_HOST"] == "good"
    assert environ["HTTP_X_TWO"] == "1, 2"
    assert environ["HTTP_COOKIE"] == "a=1; b=2; c=3; d=4"
    assert environ["CONTENT_TYPE"] == "a/b"
    assert "HTTP_PROXY" not in environ
    assert "HTTP_CONTENT_LENGTH" not in environ
    assert "CONTENT_LENGTH" not in environ


@EACH
def test_names_that_are_no_token_reach_no_application(workers: int) -> None:
    called: list[str] = []

    def app(environ: Any, start_response: Any) -> Any:
        called.append(environ["PATH_INFO"])
        start_response("200 OK", [])
        return []

    request = b"GET /p HTTP/1.1\r\nHost: good\r\nHo\xc5\xbft: evil\r\n\r\n"
    assert talk(app, request, workers=workers).startswith(b"HTTP/1.1 400 ")
    assert called == []


@EACH
def test_the_environment_is_whole(workers: int) -> None:
    many = b"".join(b"X-H%d: v\r\n" % i for i in range(60))
    environ = environ_of(
        b"POST http://o:9/%C3%A9%2F;p?a=%20&b HTTP/1.1\r\nHost: other\r\nContent-Length: 3\r\n"
        + many
        + b"Cookie: s=1\r\n\r\nabc",
        workers,
    )
    assert environ["HTTP_COOKIE"] == "s=1"
    assert sum(key.startswith("HTTP_X_H") for key in environ) == 60
    assert environ["HTTP_HOST"] == "o:9"
    assert environ["REQUEST_METHOD"] == "POST"
    assert environ["SCRIPT_NAME"] == ""
    assert environ["PATH_INFO"] == "/é/;p".encode().decode("latin-1")
    assert environ["QUERY_STRING"] == "a=%20&b"
    assert environ["REQUEST_URI"] == environ["RAW_URI"] == "http://o:9/%C3%A9%2F;p?a=%20&b"
    assert environ["REMOTE_ADDR"] == "127.0.0.1"
    assert environ["REMOTE_PORT"].isdigit()
    assert environ["SERVER_PROTOCOL"] == "HTTP/1.1"
    assert (environ["CONTENT_LENGTH"], environ["body"]) == ("3", b"abc")
    assert environ["wsgi.input_terminated"] is True
    assert environ["wsgi.multithread"] is (workers > 1)
    assert environ["wsgi.multiprocess"] is False
    assert all(type(value) is str for key, value in environ.items() if key.isupper())


def the_connection(serving: Serving) -> Connection:
    """The only one, as soon as output waits in it."""
    deadline = time.monotonic() + DEADLINE
    while time.monotonic() < deadline:
        conn: Connection
        for conn in serving.server.manager.connections:
            if not conn.is_listening and conn.send_len > 0:
                return conn
        time.sleep(0.002)
    raise AssertionError("nothing waits")


@EACH
def test_a_slow_client_gets_all_of_it(workers: int) -> None:
    """It pauses, and reads by and by; what waits for it stays small."""
    piece, count = bytes(range(256)) * 400, 100

    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [("Content-Length", str(len(piece) * count))])
        for _ in range(count):
            yield piece

    with Serving(with_last(app), workers=workers) as serving:
        with socket.socket() as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
            sock.settimeout(DEADLINE)
            sock.connect(("127.0.0.1", serving.port))
            sock.sendall(GET + LAST)
            conn = the_connection(serving)
            assert conn.send_len < 4_000_000
            with socket.create_connection(("127.0.0.1", serving.port), DEADLINE) as other:
                other.sendall(LAST)  # Meanwhile others are served.
                assert read_all(other).endswith(b"next")
            assert conn.send_len < 4_000_000
            data = read_all(sock)
    assert data.partition(b"\r\n\r\n")[2].startswith(piece * count)
    assert data.endswith(b"next")


def test_a_client_that_does_not_read_holds_no_thread() -> None:
    pieces = [bytes(300_000) for _ in range(3)]

    with Serving(with_last(generator(*pieces)), workers=2) as serving:
        sockets = []
        for _ in range(4):  # twice as many as threads
            sock = socket.socket()
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sock.connect(("127.0.0.1", serving.port))
            sock.sendall(GET)
            sockets.append(sock)
        assert serving.fetch(path="/last")[2] == b"next"
        for sock in sockets:
            sock.close()


def test_one_thread_has_a_context_for_each_request() -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")
    seen: list[str] = []

    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        seen.append(variable.get())
        token = variable.set("set")
        start_response("200 OK", [])
        for _ in range(40):
            yield bytes(100_000)
        variable.reset(token)

    with Serving(app, workers=1) as serving:
        for _ in range(2):
            assert len(serving.fetch()[2]) == 4_000_000
    assert seen == ["unset"] * 2


def test_one_thread_goes_on_with_others_while_a_result_is_slow() -> None:
    ended = threading.Event()

    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [])
        try:
            while True:
                time.sleep(0.01)
                yield b"x"
        finally:
            ended.set()

    with Serving(with_last(app), workers=1) as serving:
        with socket.create_connection(("127.0.0.1", serving.port), DEADLINE) as sock:
            sock.sendall(GET)
            assert serving.fetch(path="/last")[2] == b"next"
            assert sock.recv(1000).startswith(b"HTTP/1.1 200 OK")
        assert ended.wait(DEADLINE)


@EACH
def test_requests_in_progress_end_before_the_server(workers: int) -> None:
    begun = threading.Event()

    def app(environ: Any, start_response: Any) -> Any:
        begun.set()
        time.sleep(0.1)
        start_response("200 OK", [])
        return [b"whole"]

    serving = Serving(app, workers=workers)
    with serving:
        with socket.create_connection(("127.0.0.1", serving.port), DEADLINE) as sock:
            sock.sendall(GET)
            assert begun.wait(DEADLINE)
            serving.stop = True
            serving.thread.join(DEADLINE)
            assert serving.server.drain(DEADLINE)
            assert read_all(sock).endswith(b"whole")
