"""Request bodies that are too long to be collected, for the ASGI and the WSGI server.

One that says its length can be read while it arrives: `Arriving`. Others are written to a temporary
file by the library, which frees them from their chunk framing: `spool()`, and `Spooled` to read it.
Either way the connection serves no other request.
"""

from __future__ import annotations

import os
import tempfile
import traceback
from collections.abc import Callable
from typing import Any, BinaryIO

from ._core import ffi
from .connection import Connection, _Native
from .settings import ManagerSettings

MAX_BODY = 1 << 30  # the default limit
LONG = 1 << 20  # a body of more bytes is not collected
HELD = 256 * 1024  # bytes that may wait for the application; then reading stops
PIECE = 64 * 1024  # bytes of a file that the application gets at once

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
        self.held = min(HELD, collected // 2)

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
    return None if is_valid and not is_whole(_behind_head(conn, request)) else 0


def _behind_head(conn: Connection, request: Any) -> bytes:
    """What has come behind the head of a request."""
    with conn._answering(request) as (c, message):
        end = ffi.cast("char *", c.recv.buf) + c.recv.len
        return bytes(ffi.buffer(message.body.buf, end - message.body.buf))


def is_whole(chunks: bytes) -> bool:
    """Whether a body in chunks has come to its end, or is none: then the library says so."""
    at = 0
    while (end := chunks.find(b"\r\n", at)) >= 0:
        try:
            size = int(chunks[at:end].partition(b";")[0], 16)
        except ValueError:
            return True
        if size <= 0:
            return size < 0 or b"\r\n\r\n" in chunks[end:]
        at = end + size + 4  # behind the line, the data, and the end of its line
    return False


class Arriving:
    """A body that the application takes out of the receive buffer while it arrives.

    While the application does not, nothing more is read: the client has to wait.
    """

    def __init__(
        self, conn: Connection, request: Any, length: int, held: int, resume: Callable[[], None]
    ) -> None:
        self.left = length  # bytes that were not taken yet
        self._conn = conn
        self._held = held
        self._resume = resume
        self._is_full = False
        # From here on the bytes of the connection are ours.
        conn.recv_consume(int(conn._request(request).head.len))

    def take(self) -> bytes | None:
        """The next piece; None when there is none yet, or none any more."""
        length = min(self._conn.recv_len, self.left)
        if length == 0:
            return None
        piece = self._conn.recv_data(length)
        self.left -= length
        self._conn.recv_consume(length if self.left else -1)
        self._set_full(False)
        return piece

    def arrived(self) -> None:
        """Something came."""
        if self.left == 0:
            self._conn.recv_consume()  # It belongs to no request that is answered.
        elif self._conn.recv_len >= self._held:
            self._set_full(True)

    def drop(self) -> None:
        """Nobody wants the rest."""
        self.left = 0
        if not self._conn.is_closing:
            self._conn.recv_consume()
            self._set_full(False)

    def _set_full(self, is_full: bool) -> None:
        if is_full != self._is_full:
            self._is_full = is_full
            with _Native(self._conn) as c:
                c.is_full = is_full
            if not is_full:
                self._resume()


class Spooled:
    """A body in a file, which is closed when it was read."""

    def __init__(self, file: BinaryIO) -> None:
        self.left = size_of(file)
        self._file = file

    def take(self) -> bytes | None:
        """The next piece; None when there is none any more."""
        if self.left == 0:
            return None
        piece = self._file.read(PIECE)
        self.left -= len(piece)
        if self.left == 0:
            self._file.close()
        return piece

    def arrived(self) -> None:
        """What comes behind the body is dropped by the library."""

    def drop(self) -> None:
        """Nobody wants the rest."""
        self.left = 0
        self._file.close()


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
