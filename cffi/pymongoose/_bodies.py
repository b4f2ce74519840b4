"""Request bodies that are too long to be collected.

An ASGI application gets them while they arrive (cffi/gate/body.c). For a WSGI application the library
writes them to a temporary file, and frees them from their chunk framing: `spool()`. The connection then
serves no other request.
"""

from __future__ import annotations

import os
import tempfile
import traceback
from collections.abc import Callable
from typing import Any, BinaryIO

from ._core import ffi, gate
from .connection import Connection
from .settings import ManagerSettings

MAX_BODY = 1 << 30  # the default limit
LONG = 1 << 20  # a body of more bytes is not collected

CLOSE = (b"Connection", b"close")

# How a body that could not be written is answered. After all other errors the connection is gone, or
# the library has replied.
FAILURES = {"too large": 413, "Invalid chunk": 400, "write error": 500, "open failed": 500}


class Limits:
    """How long bodies may be, and from which length on they are not collected."""

    def __init__(self, settings: ManagerSettings | None, max_body: int) -> None:
        if max_body < 0:
            raise ValueError("max_body must not be negative")
        self.settings: ManagerSettings = {**(settings or {})}
        given = self.settings.get("http_max_body", 0)
        if not given or 0 < max_body < given:
            # The library refuses what is longer, before it reads a byte of it.
            self.settings["http_max_body"] = max_body
        self.max_body = self.settings["http_max_body"] or None
        collected = self.settings.get("recv_limit", 1 << 62)
        self.long = min(LONG, collected // 2)

    def is_long(self, length: int) -> bool:
        """Whether a body of this length is allowed, and not collected."""
        return length > self.long and (self.max_body is None or length <= self.max_body)


def announced(conn: Connection, request: Any) -> int | None:
    """The length of a body that has yet to come; None for one in chunks.

    0 for a body in chunks that is here already, and for what the library is about to refuse.
    """
    coding = request.header("Transfer-Encoding")
    if coding is None:
        return int(conn._request(request).body.len)
    is_valid = coding.lower() == "chunked" and request.proto == "HTTP/1.1"
    return None if is_valid and not gate.body_is_whole(_behind_head(conn, request)) else 0


def _behind_head(conn: Connection, request: Any) -> bytes:
    """What has come behind the head of a request."""
    with conn._answering(request) as (c, message):
        end = ffi.cast("char *", c.recv.buf) + c.recv.len
        return bytes(ffi.buffer(message.body.buf, end - message.body.buf))


def size_of(file: BinaryIO) -> int:
    """Bytes of an open file."""
    return os.fstat(file.fileno()).st_size


def spool(conn: Connection, request: Any, limit: int | None, done: Callable[[BinaryIO], object]) -> None:
    """Writes a body to a temporary file while it arrives, then calls done(file), which closes it.

    The file has no name from the start, so nothing of it is left, whatever happens. When the body
    cannot be had, the client is told, and done is not called.
    """
    early: list[str | None] = []  # how it ended, when that was from inside start_upload()
    file: BinaryIO | None = None

    def ended(conn: Connection, error: str | None) -> None:
        if file is None:
            early.append(error)
        else:
            _conclude(conn, file, error, done)

    try:
        with tempfile.TemporaryDirectory(prefix="pymongoose-") as directory:
            conn.start_upload(request, "body", directory, ended, max_size=limit)
            path = os.path.join(directory, "body")
            if os.path.exists(path):
                file = open(path, "rb")
    except OSError:
        traceback.print_exc()
        refuse(conn, 500)
        return
    if early:
        _conclude(conn, file, early[0], done)


def _conclude(
    conn: Connection, file: BinaryIO | None, error: str | None, done: Callable[[BinaryIO], object]
) -> None:
    if file is not None and error is None:
        done(file)
        return
    if file is not None:
        file.close()
    if error in FAILURES:
        refuse(conn, FAILURES[error])


def refuse(conn: Connection, status: int) -> None:
    """Answers a request whose body cannot be had."""
    conn.reply(status, b"", [CLOSE])
    conn.drain()


def closing(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Headers of a reply behind which the connection closes."""
    return [*(pair for pair in headers if pair[0].lower() != b"connection"), CLOSE]
