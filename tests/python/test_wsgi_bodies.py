"""Bodies of requests that the WSGI server does not collect: they come in a temporary file."""

from __future__ import annotations

import gc
import hashlib
import os
import resource
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from conftest import DEADLINE, expect_error, read_response
from test_asgi_bodies import CHUNKED, EXPECTING, POST, chunks, connect, digest, send
from test_wsgi import Serving

from pymongoose._bodies import LONG
from pymongoose.wsgi import WSGIServer


@pytest.fixture(autouse=True)
def spools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary files are made."""
    (tmp_path / "spools").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "spools"))
    return tmp_path / "spools"


class App:
    """An application that answers with the digest of the body."""

    def __init__(self) -> None:
        self.environs: list[dict[str, Any]] = []

    def __call__(self, environ: Any, start_response: Any) -> Any:
        self.environs.append(environ)
        found = hashlib.sha256()
        while piece := environ["wsgi.input"].read(65536):
            found.update(piece)
        start_response("200 OK", [])
        return [found.hexdigest().encode()]


def ask(port: int, *pieces: bytes) -> bytes:
    """Sends a request in pieces; returns all until the server closes."""
    with connect(port) as connection:
        return send(connection, *pieces)


@pytest.mark.parametrize("size", [0, 5, 20_000, LONG])
def test_short_bodies_are_collected(size: int) -> None:
    app, body = App(), os.urandom(size)
    with Serving(app) as serving, connect(serving.port) as connection:
        for _ in range(2):  # The connection is kept.
            connection.sendall(POST % size)
            connection.sendall(body)
            assert read_response(connection).endswith(digest(body))


@pytest.mark.parametrize("size", [LONG + 1, 8_000_000])
def test_a_long_body_comes_in_a_file(size: int, spools: Path) -> None:
    app, body = App(), os.urandom(size)
    with Serving(app) as serving:
        reply = ask(serving.port, POST % size, body + b"GET /next HTTP/1.1\r\nHost: a\r\n\r\n")
    assert reply.startswith(b"HTTP/1.1 200 OK\r\n")
    assert reply.count(b"HTTP/1.1 ") == 1
    assert b"Connection: close\r\n" in reply
    assert reply.endswith(digest(body))
    (environ,) = app.environs
    assert environ["CONTENT_LENGTH"] == str(size)
    assert environ["wsgi.input_terminated"] is True
    assert environ["wsgi.input"].closed
    assert list(spools.iterdir()) == []


@pytest.mark.parametrize("size", [0, 3, LONG, 5_000_000])
def test_bodies_in_chunks(size: int, spools: Path) -> None:
    app, body = App(), os.urandom(size)
    with Serving(app) as serving:
        reply = ask(serving.port, EXPECTING, chunks(body))
    assert b"Connection: close\r\n" in reply
    assert reply.endswith(digest(body))
    assert app.environs[0]["CONTENT_LENGTH"] == str(size)
    assert list(spools.iterdir()) == []


def test_chunks_that_are_here_are_collected() -> None:
    app, body = App(), os.urandom(3000)
    with Serving(app) as serving, connect(serving.port) as connection:
        for _ in range(2):
            connection.sendall(CHUNKED + chunks(body, 100))
            assert read_response(connection).endswith(digest(body))


def test_curl_is_invited_to_send_its_body(tmp_path: Path) -> None:
    body = os.urandom(5_000_000)
    (tmp_path / "body").write_bytes(body)
    with Serving(App()) as serving:
        for header in ("Content-Type: a/b", "Transfer-Encoding: chunked"):
            command = ["curl", "-s", "-S", "--expect100-timeout", "60", "-H", "Expect: 100-continue"]
            command += ["-H", header, "-T", str(tmp_path / "body"), f"http://127.0.0.1:{serving.port}/"]
            done = subprocess.run(command, capture_output=True, timeout=DEADLINE * 2, check=True)
            assert done.stdout == digest(body)


def test_a_stream_in_answer() -> None:
    """Each piece is large, so the response goes out while it is made."""

    def app(environ: Any, start_response: Any) -> Any:
        body = environ["wsgi.input"].read()
        start_response("200 OK", [("Connection", "keep-alive")])
        yield from (body, body)

    body = os.urandom(2_000_000)
    with Serving(app) as serving:
        reply = ask(serving.port, POST % len(body) + body)
    head, _, rest = reply.partition(b"\r\n\r\n")
    assert b"\r\nConnection: close" in head
    assert b"keep-alive" not in head
    assert len(rest) > 4_000_000
    assert rest.endswith(b"0\r\n\r\n")


def test_an_application_that_fails(capsys: pytest.CaptureFixture[str]) -> None:
    def app(environ: Any, start_response: Any) -> Any:
        raise KeyError("of the application")

    body = bytes(2_000_000)
    with Serving(app) as serving:
        reply = ask(serving.port, POST % len(body) + body)
    assert reply.startswith(b"HTTP/1.1 500 ")
    assert b"Connection: close\r\n" in reply
    expect_error(capsys, "of the application")


def test_the_file_has_no_name(spools: Path) -> None:
    app = App()
    with Serving(app) as serving, connect(serving.port) as connection:
        connection.sendall(POST % 5_000_000 + bytes(1_000_000))
        eventually(lambda: bool(serving.server.manager.connections[1:]) and opened(spools) == 1)
        eventually(lambda: not list(spools.iterdir()))
    assert app.environs == []
    eventually(lambda: opened(spools) == 0)  # The server closed with the upload in progress.


def opened(directory: Path) -> int:
    """Open descriptors of files below a directory."""
    count = 0
    for link in Path("/proc/self/fd").iterdir():
        try:
            count += os.readlink(link).startswith(str(directory))
        except FileNotFoundError:
            pass  # That of the walk itself.
    return count


def eventually(condition: Any) -> None:
    deadline = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true"
        time.sleep(0.002)


def test_a_client_that_leaves(spools: Path) -> None:
    app = App()
    with Serving(app) as serving:
        with connect(serving.port) as connection:
            connection.sendall(POST % 5_000_000 + bytes(1_000_000))
            eventually(lambda: opened(spools) == 1)
        eventually(lambda: opened(spools) == 0)
    assert app.environs == []


def test_requests_that_no_worker_began_give_their_files_back(spools: Path) -> None:
    busy, go_on = threading.Semaphore(0), threading.Event()

    def app(environ: Any, start_response: Any) -> Any:
        busy.release()
        assert go_on.wait(DEADLINE)
        start_response("200 OK", [])
        return []

    with Serving(app, workers=2) as serving:
        with connect(serving.port) as first, connect(serving.port) as second, connect(serving.port) as third:
            for connection in (first, second):
                connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                assert busy.acquire(timeout=DEADLINE)
            third.sendall(POST % 2_000_000 + bytes(2_000_000))
            eventually(lambda: len(serving.server._active) == 3)
            assert opened(spools) == 1
            serving.stop = True
            serving.thread.join(DEADLINE)
            serving.server.close()
            eventually(lambda: opened(spools) == 0)
        go_on.set()
    gc.collect()


@pytest.mark.parametrize(
    ("pieces", "status"),
    [
        ((POST % 2_000_001,), 413),
        ((POST % 2_000_000 + bytes(2_000_000),), 200),
        ((CHUNKED, chunks(bytes(2_100_000))), 413),
        ((CHUNKED, b"x\r\n"), 400),
        ((CHUNKED.replace(b"chunked", b"gzip, chunked"), b"0\r\n\r\n"), 501),
    ],
)
def test_what_is_refused(pieces: tuple[bytes, ...], status: int, spools: Path) -> None:
    app = App()
    with Serving(app, max_body=2_000_000) as serving:
        reply = ask(serving.port, *pieces)
    assert reply.startswith(b"HTTP/1.1 %d " % status)
    assert b"Connection: close\r\n" in reply
    assert reply.count(b"HTTP/1.1 ") == 1
    assert len(app.environs) == (status == 200)
    eventually(lambda: opened(spools) == 0)


def test_a_disk_that_is_full(spools: Path) -> None:
    app = App()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    with Serving(app) as serving:
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, before[1]))
        try:
            reply = ask(serving.port, CHUNKED, chunks(bytes(100_000)))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert reply.startswith(b"HTTP/1.1 500 ")
    assert app.environs == []
    eventually(lambda: opened(spools) == 0)


def test_a_limit_that_makes_no_sense() -> None:
    with pytest.raises(ValueError, match="max_body"):
        WSGIServer(App(), max_body=-1)
