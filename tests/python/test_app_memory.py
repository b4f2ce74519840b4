"""What peers and applications can make the servers for applications keep is bounded, in every direction."""

from __future__ import annotations

import select
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from conftest import DEADLINE

from loopback import free_port, running

pytestmark = pytest.mark.slow

MUCH = 200_000_000
MORE = 8_000_000  # bytes that may be kept
QUIET = 0.5  # seconds in which nothing moves: then the other side has stopped

APP = """
import asyncio, threading
stop = threading.Event()

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        raise NotImplementedError
    if scope["type"] == "websocket":
        await send({"type": "websocket.accept"})
        if scope["path"] == "/out":
            while True:
                await send({"type": "websocket.send", "bytes": bytes(100_000)})
        await asyncio.sleep(1000)
    if scope["path"] == "/out":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while True:
            await send({"type": "http.response.body", "body": bytes(100_000), "more_body": True})
    if scope["path"] == "/in":
        await asyncio.sleep(1000)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": bytes(10_000)})

def wsgi(environ, start_response):
    if environ["PATH_INFO"] == "/in":
        stop.wait(1000)
    start_response("200 OK", [])
    if environ["PATH_INFO"] == "/out":
        return (bytes(100_000) for _ in iter(int, 1))
    return [bytes(10_000)]
"""


class Served:
    """A server in a process of its own."""

    def __init__(self, process: subprocess.Popen[bytes], port: int) -> None:
        self.process = process
        self.port = port

    def memory(self) -> int:
        # In statm and status the kernel rounds by what each processor has not reported yet.
        lines = Path(f"/proc/{self.process.pid}/smaps_rollup").read_text().splitlines()
        (kib,) = (line.split()[1] for line in lines if line.startswith("Rss:"))
        return int(kib) * 1024

    def connect(self, head: bytes) -> socket.socket:
        sock = socket.create_connection(("127.0.0.1", self.port), DEADLINE)
        sock.sendall(head)
        return sock

    def ask(self) -> None:
        with self.connect(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n") as sock:
            while sock.recv(65536):
                pass


@contextmanager
def serving(tmp_path: Path, kind: str, app: str, *options: str) -> Iterator[Served]:
    (tmp_path / "served.py").write_text(APP)
    port = free_port()
    command = [sys.executable, "-m", f"pymongoose.{kind}", f"served:{app}", *options]
    command += ["--url", f"http://127.0.0.1:{port}"]
    with running(command, cwd=tmp_path, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        while b"Ctrl+C" not in (line := process.stdout.readline()):
            assert line, "the server did not start"
        served = Served(process, port)
        served.ask()
        yield served
        process.kill()  # What it holds is not waited for.


def push(sock: socket.socket, piece: bytes) -> int:
    """Sends pieces until the other side takes no more; returns how many bytes."""
    sock.setblocking(False)
    sent, at = 0, 0
    while sent < MUCH and select.select([], [sock], [], QUIET)[1]:
        n = sock.send(piece[at:])
        sent, at = sent + n, (at + n) % len(piece)
    return sent


UPGRADE = (
    b"GET /%b HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
FRAME = struct.pack(">BBHI", 0x82, 0x80 | 126, 60_000, 0) + bytes(60_000)
TINY = struct.pack(">BBI", 0x82, 0x80, 0) * 10_000
POST = b"POST /in HTTP/1.1\r\nHost: a\r\n%b\r\n\r\n"


@pytest.mark.parametrize(
    ("head", "piece"),
    [
        (POST % b"Content-Length: 300000000", bytes(1 << 16)),
        (POST % b"Transfer-Encoding: chunked", b"10000\r\n" + bytes(1 << 16) + b"\r\n"),
        (UPGRADE % b"in", FRAME),
        (UPGRADE % b"in", TINY),
        (b"GET /in HTTP/1.1\r\nHost: a\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" * 1000),
        (b"", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" * 1000),
    ],
    ids=["length", "chunks", "frames", "empty frames", "pipelined", "answers that are not read"],
)
def test_input_of_an_asgi_application_that_does_not_read(tmp_path: Path, head: bytes, piece: bytes) -> None:
    with serving(tmp_path, "asgi", "app") as served:
        before = served.memory()
        with served.connect(head) as sock:
            assert push(sock, piece) < MUCH
            assert served.memory() - before < MORE
        served.ask()


@pytest.mark.parametrize(
    ("kind", "app", "options", "head"),
    [
        ("asgi", "app", [], b"GET /out HTTP/1.1\r\nHost: a\r\n\r\n"),
        ("asgi", "app", [], UPGRADE % b"out"),
        ("wsgi", "wsgi", ["--threads", "1"], b"GET /out HTTP/1.1\r\nHost: a\r\n\r\n"),
        ("wsgi", "wsgi", ["--threads", "4"], b"GET /out HTTP/1.1\r\nHost: a\r\n\r\n"),
    ],
    ids=["http", "websocket", "one thread", "threads"],
)
def test_output_to_a_client_that_does_not_read(
    tmp_path: Path, kind: str, app: str, options: list[str], head: bytes
) -> None:
    with serving(tmp_path, kind, app, *options) as served:
        before = served.memory()
        with served.connect(head) as sock:
            while (
                select.select([sock], [], [], QUIET)[0] and len(sock.recv(1 << 22, socket.MSG_PEEK)) < 100_000
            ):
                pass
            select.select([], [], [], QUIET)
            assert served.memory() - before < MORE
            served.ask()


def test_the_queue_of_wsgi(tmp_path: Path) -> None:
    """More bodies than workers: they wait on disk."""
    with serving(tmp_path, "wsgi", "wsgi", "--threads", "2") as served:
        before = served.memory()
        sockets = [served.connect(POST % b"Content-Length: 1000000") for _ in range(100)]
        for sock in sockets:
            sock.sendall(bytes(1_000_000))
        select.select([], [], [], QUIET)
        assert served.memory() - before < MORE
        for sock in sockets:
            sock.close()
