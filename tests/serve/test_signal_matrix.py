"""What signals do to what is in progress: the table of docs/reference/python/serve.md, cell by cell.

A few cells run each time, all of them with MONGOOSE_SIGNALS=all (`make signals`).
"""

from __future__ import annotations

import http.client
import os
import re
import signal
import socket
import uuid
from pathlib import Path

import pytest
from serving import DEADLINE, Serving, until

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "python" / "serve.md"
SIGNALS = ("TERM", "INT", "HUP", "QUIT", "KILL", "KILL a worker", "USR2")
SITUATIONS = {"idle": 3, "requests": 20, "streams": 5, "WebSockets": 5, "uploads": 2}
LENGTH = 200_000  # bytes of an upload
SURVIVES = {"idle": "kept", "streams": "answered", "WebSockets": "kept"}  # in another worker
OUTCOMES = {"closed", "answered", "1012", "lost", "kept"}
SOME = [
    ("TERM", "requests", 2, "asgi"),
    ("TERM", "WebSockets", 1, "asgi"),
    ("INT", "streams", 1, "wsgi"),
    ("HUP", "uploads", 2, "wsgi"),
    ("HUP", "requests", 1, "asgi"),
    ("QUIT", "requests", 2, "wsgi"),
    ("KILL", "requests", 2, "wsgi"),
    ("KILL", "streams", 1, "asgi"),
    ("KILL a worker", "requests", 2, "asgi"),
    ("USR2", "WebSockets", 1, "asgi"),
]
ALL = [
    (number, situation, workers, kind)
    for number in SIGNALS
    for situation in SITUATIONS
    for workers in (1, 2)
    for kind in ("asgi", "wsgi")
    if (situation, kind) != ("WebSockets", "wsgi")
]


def table() -> dict[tuple[str, str], str]:
    """Outcomes by signal and situation, as the page says."""
    found = {}
    for row in re.findall(r"^\| ([^|]+) \|(.+)\|$", PAGE.read_text(), re.M):
        cells = [cell.strip() for cell in row[1].split("|")][: len(SITUATIONS)]
        if set(cells) <= OUTCOMES:
            for name in row[0].split(", "):
                found.update({(name, situation): cell for situation, cell in zip(SITUATIONS, cells)})
    return found


class Client:
    """A connection, with something in progress; and how that ends."""

    def __init__(self, port: int, situation: str) -> None:
        self.situation = situation
        self.sock = socket.create_connection(("127.0.0.1", port), DEADLINE)
        self.pid = 0  # of its worker, if it says so
        self.response = http.client.HTTPResponse(self.sock)
        getattr(self, f"begin_{situation}")()

    def close(self) -> None:
        self.response.close()
        self.sock.close()

    def ask(self, path: str, headers: str = "", method: str = "GET") -> None:
        self.sock.sendall(f"{method} {path} HTTP/1.1\r\nHost: x\r\n{headers}\r\n".encode())

    def body(self) -> bytes:
        self.response.begin()
        assert self.response.status == 200
        return self.response.read()

    def begin_idle(self) -> None:
        self.ask("/")
        self.pid = int(re.findall(rb'"pid": (\d+)', self.body())[0])

    def begin_requests(self) -> None:
        self.ask("/held")

    def begin_streams(self) -> None:
        self.ask("/stream")
        self.response.begin()
        self.pid = int(self.response.readline())

    def begin_WebSockets(self) -> None:
        self.ask(
            "/pid",
            "Upgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n",
        )
        self.file = self.sock.makefile("rb")
        assert self.file.readline().startswith(b"HTTP/1.1 101")
        while self.file.readline() != b"\r\n":
            pass
        self.pid = int(self.file.read(10)[2:])

    def begin_uploads(self) -> None:
        self.ask("/upload", f"Content-Length: {LENGTH}\r\nExpect: 100-continue\r\n", "POST")
        file = self.sock.makefile("rb", buffering=0)
        assert [file.readline(), file.readline()] == [b"HTTP/1.1 100 Continue\r\n", b"\r\n"]
        file.close()
        self.sock.sendall(bytes(LENGTH // 2))

    def outcome(self, expected: str) -> str:
        """What became of it. expected: what is to be tried where that matters."""
        try:
            return str(getattr(self, f"end_{self.situation}")(expected))
        except (ConnectionError, http.client.HTTPException):
            return "lost"

    def end_idle(self, expected: str) -> str:
        if expected == "closed":
            return "kept" if self.sock.recv(1) else "closed"
        self.response = http.client.HTTPResponse(self.sock)
        self.ask("/")
        self.body()
        return "kept"

    def end_requests(self, expected: str) -> str:
        self.pid = int(re.findall(rb'"pid": (\d+)', self.body())[0])
        return "answered"

    def end_streams(self, expected: str) -> str:
        return "answered" if self.response.read() == b"last\n" else "lost"

    def end_WebSockets(self, expected: str) -> str:
        if expected == "kept":
            self.sock.sendall(b"\x81\x85" + bytes(4) + b"hello")  # masked with zeros
            return "kept" if self.file.read(7) == b"\x81\x05hello" else "lost"
        head = self.file.read(4)
        if head[:1] != b"\x88":
            return "lost"
        self.sock.sendall(b"\x88\x82" + bytes(4) + head[2:])
        return str(int.from_bytes(head[2:], "big"))

    def end_uploads(self, expected: str) -> str:
        self.sock.sendall(bytes(LENGTH // 2))
        return "answered" if int(self.body()) == LENGTH else "lost"


def marked(mark: str) -> list[int]:
    """Processes that have this in their environment."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if mark.encode() in path.read_bytes() and int(path.parent.name) != os.getpid():
                found.append(int(path.parent.name))
        except OSError:  # It has ended, or is another user's.
            continue
    return found


@pytest.mark.parametrize(
    ("number", "situation", "workers", "kind"), ALL if os.environ.get("MONGOOSE_SIGNALS") == "all" else SOME
)
def test_signal(number: str, situation: str, workers: int, kind: str, tmp_path: Path) -> None:
    expected = table()[number, situation]
    gate = tmp_path / "gate"
    mark = f"signal-matrix-{uuid.uuid4()}"
    options = ["--workers", str(workers), *(["--threads", "24"] if kind == "wsgi" else [])]
    with Serving(f"apps:{kind}", *options, GATE=str(gate), MARK=mark) as server:
        pids = server.ready(workers)
        port = server.port
        clients = [Client(port, situation) for _ in range(SITUATIONS[situation])]
        if situation == "requests":
            server.wait_for("^held$", len(clients))
        successors = give(server, number, pids, workers)
        gate.touch()
        for client in clients:
            others = number == "KILL a worker" and client.pid not in (0, pids[0])
            wanted = SURVIVES[situation] if others else expected
            found = client.outcome(wanted)
            if number == "KILL a worker" and workers > 1 and situation in ("requests", "uploads"):
                # Only its answer says whose it was.
                assert found in ("answered", "lost")
                assert found == "lost" or client.pid != pids[0]
            else:
                assert found == wanted
            client.close()
        if number in ("HUP", "KILL a worker", "USR2"):
            for pid in (server.process.pid, *successors):
                assert server.get()[0] == 200
                os.kill(pid, signal.SIGTERM)
        status = server.end()
        assert status == (-signal.SIGKILL if number == "KILL" else 0)
    until(lambda: not marked(mark))


def give(server: Serving, number: str, pids: list[int], workers: int) -> list[int]:
    """Gives a signal, and waits until it has been taken. Returns masters that came of it."""
    if number == "KILL a worker":
        os.kill(pids[0], signal.SIGKILL)
        server.ready(workers + 1)
        return []
    server.signal(signal.Signals[f"SIG{number}"])
    if number in ("KILL", "QUIT"):
        server.process.wait(DEADLINE)
    elif number in ("HUP", "USR2"):
        server.ready(2 * workers)
    else:
        server.wait_for("stopping")
    return [int(pid) for pid in server.wait_for(r"new master (\d+)")] if number == "USR2" else []


def test_the_table_is_whole() -> None:
    assert set(table()) == {(number, situation) for number in SIGNALS for situation in SITUATIONS}
