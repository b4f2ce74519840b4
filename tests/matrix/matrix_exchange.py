"""One exchange with a server, as h11 sees it, and whether the connection is in step after it."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import socket
from pathlib import Path
from typing import Any
from urllib.parse import quote

import h11

PATIENCE = 60.0  # seconds: a server that is slow is not one that hangs


@dataclasses.dataclass(frozen=True)
class Case:
    """What is asked, and what the application answers."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: tuple[str, ...]
    method: str = "GET"
    version: str = "1.1"
    lines: tuple[str, ...] = ()  # of the request

    @property
    def target(self) -> str:
        wanted = {"status": self.status, "headers": self.headers, "body": self.body}
        return "/answer?" + quote(json.dumps(wanted))

    @property
    def request(self) -> bytes:
        lines = [f"{self.method} {self.target} HTTP/{self.version}", "Host: h", *self.lines]
        return ("\r\n".join(lines) + "\r\n\r\n").encode() + (b"abc" if self.method == "POST" else b"")


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What a client has in the end."""

    status: int
    body: str
    end: str  # whole, cut, or what h11 says
    then: str  # next: the connection is in step; closed
    headers: tuple[tuple[bytes, bytes], ...] = dataclasses.field(default=(), compare=False)

    def __str__(self) -> str:
        return f"{self.status} {self.body!r} {self.end} {self.then}"

    def header(self, name: bytes) -> str | None:
        """Its value. name: in lower case."""
        return next((value.decode("latin-1") for key, value in self.headers if key == name), None)


NEXT = b"GET /next HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"


def ask(path: Path, request: bytes, method: str) -> Outcome:
    """On a connection of its own."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(PATIENCE)
        client.connect(str(path))
        client.sendall(request)
        outcome = _response(client, method)
        if outcome.then == "closed":
            return outcome
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            client.sendall(NEXT)
        second = _response(client, "GET")
        if second.end == "nothing":
            return dataclasses.replace(outcome, then="closed")
        in_step = (second.status, second.body, second.end) == (200, "next", "whole")
        return dataclasses.replace(outcome, then="next" if in_step else f"out of step: {second}")


def _response(client: socket.socket, method: str) -> Outcome:
    """The next response, by h11."""
    connection = h11.Connection(h11.CLIENT)
    connection.send(h11.Request(method=method, target="/", headers=[("Host", "h")]))
    connection.send(h11.EndOfMessage())
    status, body, is_empty, ended = 0, b"", True, False
    headers: tuple[tuple[bytes, bytes], ...] = ()
    while True:
        try:
            event: Any = connection.next_event()
        except h11.RemoteProtocolError as e:
            if is_empty:
                return Outcome(0, "", "nothing", "closed")
            end = "cut" if ended else f"malformed: {e}"
            return Outcome(status, body.decode("latin-1"), end, "closed", headers)
        if event is h11.NEED_DATA:
            try:
                data = client.recv(65536)
            except ConnectionResetError:
                data = b""
            is_empty, ended = is_empty and not data, not data
            connection.receive_data(data)
        elif isinstance(event, h11.Response):
            status, headers = event.status_code, tuple(event.headers)
        elif isinstance(event, h11.Data):
            body += bytes(event.data)
        elif isinstance(event, h11.EndOfMessage):
            extra = connection.trailing_data[0]
            end = f"more than the message: {extra!r}" if extra else "whole"
            return Outcome(status, body.decode("latin-1"), end, "closed" if ended else "open", headers)
