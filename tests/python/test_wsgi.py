"""The WSGI server."""

from __future__ import annotations

import http.client
import io
import itertools
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest
from conftest import DEADLINE, expect_error, read_all

from pymongoose.wsgi import FileWrapper, WSGIServer, _build_environ


class Serving:
    """A WSGI server that a thread polls."""

    def __init__(self, app: Any, **options: Any) -> None:
        self.server = WSGIServer(app, **options)
        address = self.server.listen("http://127.0.0.1:0").local_addr
        assert address is not None
        self.port = address[1]
        self.stop = False
        self.thread = threading.Thread(target=self.poll, daemon=True)

    def poll(self) -> None:
        while not self.stop:
            self.server.manager.poll(50)

    def __enter__(self) -> Serving:
        self.thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop = True
        self.thread.join(DEADLINE)
        self.server.close()

    def fetch(
        self, method: str = "GET", path: str = "/", body: bytes | None = None, headers: Any = None
    ) -> tuple[int, list[tuple[str, str]], bytes]:
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE)
        client.request(method, path, body, headers or {})
        response = client.getresponse()
        result = response.status, response.getheaders(), response.read()
        client.close()
        return result


def answering(*pieces: bytes, status: str = "200 OK", headers: Any = ()) -> Any:
    def app(environ: Any, start_response: Any) -> Any:
        start_response(status, list(headers))
        return list(pieces)

    return app


def test_simple_answer() -> None:
    app = answering(
        b"a",
        b"b",
        status="201 Very Good",
        headers=[("Set-Cookie", "a"), ("Set-Cookie", "b"), ("Set-Cookie", "c")],
    )
    with Serving(app) as serving:
        client = http.client.HTTPConnection("127.0.0.1", serving.port, timeout=DEADLINE)
        for _ in range(2):  # one connection, two requests
            client.request("GET", "/")
            response = client.getresponse()
            assert (response.status, response.reason, response.read()) == (201, "Very Good", b"ab")
            assert response.headers.get_all("Set-Cookie") == ["a", "b", "c"]
            assert response.headers["Content-Length"] == "2"
            assert response.headers["Content-Type"] == "text/plain"
        client.close()


def test_environment() -> None:
    seen: list[Any] = []

    def app(environ: Any, start_response: Any) -> Any:
        seen.append({**environ, "body": environ["wsgi.input"].read()})
        start_response("200 OK", [])
        return []

    with Serving(app) as serving:
        serving.fetch("POST", "/a%20b?x=1", b"body", {"Content-Type": "text/x", "X-Two": "1"})
    environ = seen[0]
    assert (environ["REQUEST_METHOD"], environ["PATH_INFO"], environ["QUERY_STRING"]) == (
        "POST",
        "/a b",
        "x=1",
    )
    assert (environ["CONTENT_TYPE"], environ["CONTENT_LENGTH"], environ["HTTP_X_TWO"]) == ("text/x", "4", "1")
    assert (environ["SERVER_NAME"], environ["SERVER_PORT"]) == ("127.0.0.1", str(serving.port))
    assert (environ["REMOTE_ADDR"], environ["wsgi.url_scheme"], environ["body"]) == (
        "127.0.0.1",
        "http",
        b"body",
    )


class FakeMessage:
    method, uri, query, proto, body_bytes = "GET", "/p%C3%A9?in=uri", "other", "HTTP/1.1", b""

    def header(self, name: str, default: Any = None) -> Any:
        return default

    def headers(self) -> list[tuple[str, str]]:
        return [("X-A", "1"), ("x-a", "2"), ("Content-Length", "0")]


class FakeConnection:
    is_tls = True
    remote_addr = ("1.2.3.4", 5, False)


def test_environment_of_fakes() -> None:
    environ = _build_environ(FakeMessage(), FakeConnection(), "name", 80)
    assert environ["PATH_INFO"] == "/pé".encode().decode("latin-1")
    assert environ["QUERY_STRING"] == "in=uri"
    assert environ["HTTP_X_A"] == "1, 2"
    assert (environ["SERVER_PORT"], environ["wsgi.url_scheme"]) == ("80", "https")
    assert (environ["REMOTE_ADDR"], environ["REMOTE_HOST"]) == ("1.2.3.4", "1.2.3.4")
    assert environ["wsgi.version"] == (1, 0)
    assert environ["wsgi.file_wrapper"] is FileWrapper
    assert isinstance(environ["wsgi.input"], io.BytesIO)


def test_a_chunked_body_has_a_length() -> None:
    seen: list[Any] = []

    def app(environ: Any, start_response: Any) -> Any:
        seen.append(environ)
        start_response("200 OK", [])
        return [environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))]

    with Serving(app) as serving:
        connection = http.client.HTTPConnection("127.0.0.1", serving.port, timeout=DEADLINE)
        connection.request("POST", "/", iter([b"one ", b"two"]), encode_chunked=True)
        assert connection.getresponse().read() == b"one two"
        connection.close()
    assert seen[0]["wsgi.input_terminated"] is True


def test_requests_run_at_the_same_time() -> None:
    barrier = threading.Barrier(4, timeout=DEADLINE)

    def app(environ: Any, start_response: Any) -> Any:
        barrier.wait()  # breaks unless four requests are here together
        start_response("200 OK", [])
        return [b"together"]

    with Serving(app) as serving:
        results: list[bytes] = []
        threads = [threading.Thread(target=lambda: results.append(serving.fetch()[2])) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(DEADLINE)
    assert results == [b"together"] * 4


@pytest.mark.parametrize("size", [500 * 1024, 1024 * 1024, 2 * 1024 * 1024])
def test_large_bodies(size: int) -> None:
    body = bytes(range(256)) * (size // 256)
    with Serving(answering(body)) as serving:
        _, headers, got = serving.fetch()
        assert got == body
        assert (dict(headers).get("Transfer-Encoding") == "chunked") is (size >= 1024 * 1024)
        assert serving.fetch()[2] == body
        assert serving.server._streams == {}
        assert len(serving.server._stash) == 0


def test_generator_of_small_pieces() -> None:
    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [(f"X-{i}", "v" * 100) for i in range(80)])
        for _ in range(300_000):
            yield b"12345"

    with Serving(app) as serving:
        client = socket.create_connection(("127.0.0.1", serving.port), DEADLINE)
        client.sendall(b"GET / HTTP/1.0\r\n\r\n")
        head, _, body = read_all(client).partition(b"\r\n\r\n")
        client.close()
    assert head.count(b"\r\nX-") == 80
    assert body == b"12345" * 300_000


def test_write_comes_first_and_close_is_called() -> None:
    closed: list[bool] = []

    class Result:
        def __iter__(self) -> Iterator[bytes]:
            return iter([b"second"])

        def close(self) -> None:
            closed.append(True)

    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [])(b"first ")
        return Result()

    with Serving(app) as serving:
        assert serving.fetch()[2] == b"first second"
    assert closed == [True]


def test_file_wrapper(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(100_000))

    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [])
        return environ["wsgi.file_wrapper"](path.open("rb"), 1000)

    with Serving(app) as serving:
        assert serving.fetch()[2] == bytes(100_000)
    assert list(FileWrapper(io.StringIO("text"))) == [b"text"]


def test_head() -> None:
    with Serving(answering(b"body")) as serving:
        status, headers, body = serving.fetch("HEAD")
    assert (status, dict(headers)["Content-Length"], body) == (200, "4", b"")
    with Serving(answering(bytes(2_000_000))) as serving:
        client = socket.create_connection(("127.0.0.1", serving.port), DEADLINE)
        client.sendall(b"HEAD / HTTP/1.1\r\n\r\nHEAD / HTTP/1.1\r\nConnection: close\r\n\r\n")
        answers = read_all(client).split(b"\r\n\r\n")
        client.close()
    assert [answer[:15] for answer in answers] == [b"HTTP/1.1 200 OK"] * 2 + [b""]


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
def test_no_body_where_none_may_be(status: str) -> None:
    with Serving(answering(b"body", status=status, headers=[("ETag", "x")])) as serving:
        client = socket.create_connection(("127.0.0.1", serving.port), DEADLINE)
        client.sendall(b"GET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\nConnection: close\r\n\r\n")
        answers = read_all(client)
        client.close()
    head = f"HTTP/1.1 {status}\r\nETag: x\r\n"
    assert answers.startswith(head.encode())
    assert answers.count(head.encode()) == 2
    assert b"Content-" not in answers
    assert b"body" not in answers


def test_output_is_not_held_back_while_the_next_piece_is_made() -> None:
    received = threading.Event()

    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [("Content-Type", "text/event-stream")])
        yield b"data: 1\n\n"
        yield b"data: 2\n\n"
        assert received.wait(DEADLINE)
        yield b"data: 3\n\n"

    with Serving(app) as serving:
        connection = http.client.HTTPConnection("127.0.0.1", serving.port, timeout=DEADLINE)
        for _ in range(2):
            connection.request("GET", "/")
            response = connection.getresponse()
            assert response.read(18) == b"data: 1\n\ndata: 2\n\n"
            received.set()
            assert response.read() == b"data: 3\n\n"
            received.clear()
        connection.close()
        assert serving.server._streams == {}


def test_a_late_error_is_no_second_response(capsys: pytest.CaptureFixture[str]) -> None:
    class Result:
        def __iter__(self) -> Iterator[bytes]:
            return iter([b"body"])

        def close(self) -> None:
            raise ValueError("while closing")

    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [])
        return Result()

    with Serving(app) as serving:
        client = socket.create_connection(("127.0.0.1", serving.port), DEADLINE)
        client.sendall(b"GET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\nConnection: close\r\n\r\n")
        answers = read_all(client)
        client.close()
    assert answers.count(b"HTTP/1.1 200 OK") == answers.count(b"HTTP/1.1 ") == 2
    expect_error(capsys, "ValueError: while closing")


def test_an_application_that_exits(capsys: pytest.CaptureFixture[str]) -> None:
    def app(environ: Any, start_response: Any) -> Any:
        raise SystemExit(1)

    with Serving(app) as serving:
        assert serving.fetch()[0] == 500
    expect_error(capsys, "SystemExit")


def test_errors(capsys: pytest.CaptureFixture[str]) -> None:
    def app(environ: Any, start_response: Any) -> Any:
        if environ["PATH_INFO"] == "/inject":
            start_response("200 OK", [("X", "a\r\nb")])
        if environ["PATH_INFO"] == "/exc_info":
            try:
                start_response("200 OK", [])
                raise ValueError("in between")
            except ValueError:
                import sys

                start_response("503 Sorry", [], sys.exc_info())
                return [b"sorry"]
        raise KeyError("from the app")

    with Serving(app) as serving:
        assert serving.fetch()[::2] == (500, b"Internal Server Error")
        assert serving.fetch(path="/inject")[0] == 500
        assert serving.fetch(path="/exc_info")[::2] == (503, b"sorry")
    expect_error(capsys, "KeyError: 'from the app'")


def test_a_client_that_leaves_frees_the_worker() -> None:
    made = 0

    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        nonlocal made
        start_response("200 OK", [])
        if environ["PATH_INFO"] == "/":
            while True:
                made += 1
                yield bytes(100_000)
        yield b"free"

    with Serving(app, workers=1) as serving:
        client = socket.create_connection(("127.0.0.1", serving.port), DEADLINE)
        client.sendall(b"GET / HTTP/1.1\r\n\r\n")
        client.recv(1000)
        assert len(serving.server._streams) == 1
        client.close()
        assert serving.fetch(path="/other")[2] == b"free"
        deadline = time.monotonic() + DEADLINE
        while serving.server._streams and time.monotonic() < deadline:
            time.sleep(0.01)
        assert serving.server._streams == {}
    assert made < 1000


def test_a_client_that_leaves_frees_the_worker_of_a_slow_stream() -> None:
    ended = threading.Event()

    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [])
        try:
            while True:
                yield b"x"
                time.sleep(0.01)
        finally:
            ended.set()

    with Serving(app, workers=1) as serving:
        with socket.create_connection(("127.0.0.1", serving.port), DEADLINE) as client:
            client.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert ended.wait(DEADLINE)


def test_a_stream_without_a_client_is_forgotten_while_its_worker_is_busy() -> None:
    release = threading.Event()

    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [])
        yield b"x"
        release.wait(DEADLINE)

    with Serving(app) as serving:
        with socket.create_connection(("127.0.0.1", serving.port), DEADLINE) as client:
            client.sendall(b"GET / HTTP/1.1\r\n\r\n")
            assert client.recv(1000)
            assert len(serving.server._streams) == 1
        deadline = time.monotonic() + DEADLINE / 2
        while serving.server._streams and time.monotonic() < deadline:
            time.sleep(0.01)
        assert serving.server._streams == {}
        release.set()


def test_a_client_that_reads_nothing_is_given_up() -> None:
    begun = threading.Event()

    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [])
        for number in itertools.count():
            yield bytes(1_000_000)
            if number > 0:  # The first piece is in the stream.
                begun.set()

    with Serving(app, stream_timeout=0.2) as serving:
        with socket.create_connection(("127.0.0.1", serving.port), DEADLINE) as client:
            client.sendall(b"GET / HTTP/1.1\r\n\r\n")
            assert begun.wait(DEADLINE)
            deadline = time.monotonic() + DEADLINE
            while serving.server._streams and time.monotonic() < deadline:
                time.sleep(0.01)
            assert serving.server._streams == {}
