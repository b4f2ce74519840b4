"""Servers and clients for the tests of the Python package. Everything is on 127.0.0.1."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any

import pytest

from pymongoose import Connection, Manager

# Seconds until a test that waits for something gives up: longer than any machine needs.
DEADLINE = 60.0


class Server:
    """A manager that a thread polls, with one HTTP listener."""

    def __init__(self, handler: Callable[..., object] | None, **options: Any) -> None:
        url = options.pop("url", "http://127.0.0.1:0")
        settings = options.pop("settings", {})
        self.manager = Manager(handler, **options)
        self.manager.set(**settings)
        self.listener: Connection = self.manager.listen(url)
        address = self.listener.local_addr
        assert address is not None
        self.port = address[1]
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._poll, daemon=True)

    def _poll(self) -> None:
        while not self.stop.is_set():
            self.manager.poll(50)

    def __enter__(self) -> Server:
        self.thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop.set()
        self.thread.join(DEADLINE)
        self.manager.close()

    def connect(self) -> socket.socket:
        """A client socket."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=DEADLINE)

    def request(
        self, method: str = "GET", path: str = "/", body: bytes | None = None, **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        """One request on a connection of its own: status, headers, body."""
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE)
        try:
            client.request(method, path, body, headers)
            response = client.getresponse()
            return response.status, dict(response.getheaders()), response.read()
        finally:
            client.close()

    def get(self, path: str = "/") -> bytes:
        """The body of a GET that must succeed."""
        status, _, body = self.request(path=path)
        assert status == 200
        return body


@pytest.fixture
def manager() -> Iterator[Manager]:
    """A manager without a handler, closed at the end."""
    made = Manager(enable_wakeup=True)
    yield made
    made.close()


def poll_until(manager: Manager, condition: Callable[[], object]) -> None:
    """Polls until the condition holds."""
    deadline = time.monotonic() + DEADLINE
    while time.monotonic() < deadline:
        if condition():
            return
        manager.poll(10)
    raise AssertionError("the condition did not come true")


def expect_error(capsys: pytest.CaptureFixture[str], *words: str) -> None:
    """Waits until standard error has one of the words: another thread may be about to write it."""
    deadline = time.monotonic() + DEADLINE
    text = ""
    while time.monotonic() < deadline:
        text += capsys.readouterr().err
        if any(word in text for word in words):
            return
        time.sleep(0.01)
    raise AssertionError(f"{words} not in {text!r}")


def read_all(client: socket.socket) -> bytes:
    """Everything until the server closes."""
    data = b""
    while chunk := client.recv(65536):
        data += chunk
    return data


def read_response(client: socket.socket) -> bytes:
    """One response with a Content-Length, head and body."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += _more(client)
    head, _, body = data.partition(b"\r\n\r\n")
    length = next(
        int(line.split(b":")[1])
        for line in head.split(b"\r\n")
        if line.lower().startswith(b"content-length:")
    )
    while len(body) < length:
        body += _more(client)
    return head + b"\r\n\r\n" + body


def _more(client: socket.socket) -> bytes:
    chunk = client.recv(65536)
    assert chunk, "the server closed the connection"
    return chunk
