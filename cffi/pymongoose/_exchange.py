"""One exchange of the ASGI server: a request and its response, or a WebSocket."""

from __future__ import annotations

import asyncio
import traceback
from typing import TYPE_CHECKING, Any, BinaryIO

from . import _bodies, _serve
from ._lifespan import App, Message
from .connection import Connection
from .constants import (
    MG_EV_CLOSE,
    MG_EV_ERROR,
    MG_EV_HTTP_HDRS,
    MG_EV_HTTP_MSG,
    MG_EV_READ,
    MG_EV_WRITE,
    MG_EV_WS_CTL,
    MG_EV_WS_MSG,
)

if TYPE_CHECKING:
    from .asgi import ASGIServer

EVENTS: tuple[int, ...] = (MG_EV_HTTP_HDRS, MG_EV_HTTP_MSG, MG_EV_WS_MSG, MG_EV_WS_CTL, MG_EV_CLOSE)
HIGH_WATER = 256 * 1024  # bytes queued at which send() waits
LOW_WATER = 64 * 1024  # bytes queued at which it goes on


class ClientGone(OSError):
    """Raised by send() when there is nobody any more to send to."""


def report(exc: BaseException) -> None:
    """Prints what an application raised, unless it only passes on that its client is gone."""
    cause: BaseException | None = exc
    while cause is not None:
        if isinstance(cause, ClientGone):
            return
        cause = cause.__cause__ or cause.__context__
    traceback.print_exception(type(exc), exc, exc.__traceback__)


class Exchange:
    """One request and its response, or one WebSocket: the connection's userdata."""

    def __init__(self, server: ASGIServer, conn: Connection) -> None:
        self.server = server
        self.conn = conn
        self.closed = False
        self.waiter: asyncio.Future[None] | None = None  # of receive()
        self.drained: asyncio.Future[None] | None = None  # of send()
        self.events = EVENTS

    def event(self, ev: int, data: Any) -> None:
        """An event of the connection."""
        if ev == MG_EV_CLOSE:
            self.closed = True
            self.wake_receiver()
            self.wake_sender()
        elif ev == MG_EV_WRITE and self.conn.send_len <= LOW_WATER:
            self.wake_sender()

    def wake_receiver(self) -> None:
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_result(None)

    def wake_sender(self) -> None:
        if self.drained is not None and not self.drained.done():
            self.drained.set_result(None)

    async def wait(self) -> None:
        """Until something may have come in."""
        self.waiter = asyncio.get_running_loop().create_future()
        await self.waiter
        self.waiter = None

    async def flow(self) -> None:
        """After output was queued: sends it, and waits while there is too much of it."""
        self.server.wake()
        if self.closed or self.conn.send_len <= HIGH_WATER:
            return
        self.drained = asyncio.get_running_loop().create_future()
        self.conn.set_handler(self.server._handle, events=(*self.events, MG_EV_WRITE))
        await self.drained
        self.drained = None
        if not self.closed:
            self.conn.set_handler(self.server._handle, events=self.events)


class Http(Exchange):
    """One HTTP request.

    late: its body has yet to come, and the connection closes behind the response.
    """

    def __init__(self, server: ASGIServer, conn: Connection, request: Any, late: bool = False) -> None:
        super().__init__(server, conn)
        self.scope = server.scope(conn, request, "http", server._scheme)
        self.scope["method"] = request.method
        self.body: bytes | None = None if late else request.body_bytes
        self.late = late
        self.stream: _bodies.Arriving | _bodies.Spooled | None = None  # a body in pieces
        self.is_head = request.method == "HEAD"
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.started = False
        self.chunked = False
        self.finished = False

    def event(self, ev: int, data: Any) -> None:
        if ev == MG_EV_READ and self.stream is not None:
            self.stream.arrived()
            self.wake_receiver()
        elif ev == MG_EV_ERROR and self.stream is not None:
            # The library has answered, or closes.
            self.stream.drop()
            self.closed = True
            self.wake_receiver()
            self.wake_sender()
        else:
            super().event(ev, data)

    def read_while_it_arrives(self, request: Any, length: int, held: int) -> None:
        """The body comes from the connection, piece by piece."""
        self.stream = _bodies.Arriving(self.conn, request, length, held, self.server.wake)
        self.events = (*EVENTS, MG_EV_READ, MG_EV_ERROR)
        self.conn.set_handler(self.server._handle, events=self.events)

    def read_from(self, file: BinaryIO, collected: int) -> None:
        """The body comes from a file: at once, unless it has more bytes than are collected."""
        if _bodies.size_of(file) > collected:
            self.stream = _bodies.Spooled(file)
        else:
            with file:
                self.body = file.read()

    async def run(self, app: App) -> None:
        try:
            await app(self.scope, self.receive, self.send)
        except asyncio.CancelledError:
            self.abort()
            raise
        except Exception as e:
            report(e)
            self.abort()
        else:
            self.abort()
        finally:
            if self.stream is not None:
                self.stream.drop()

    def abort(self) -> None:
        """Ends an exchange that the application left unfinished."""
        if self.finished or self.closed:
            return
        if self.started:
            self.conn.drain()  # The client sees that the body is cut.
        else:
            self.conn.reply(500, b"Internal Server Error", self.with_connection([]))
        self.complete()
        self.server.wake()

    def complete(self) -> None:
        """The response is complete."""
        self.finished = True
        if self.stream is not None:
            self.stream.drop()
        if self.late:
            self.conn.drain()
        self.wake_receiver()

    def with_connection(self, headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        """Headers of the response, which says when the connection closes behind it."""
        return _bodies.closing(headers) if self.late else headers

    async def receive(self) -> Message:
        if self.body is not None:
            body, self.body = self.body, None
            return {"type": "http.request", "body": body, "more_body": False}
        while not self.finished:
            if self.stream is not None:
                await asyncio.sleep(0)  # Others want their turn, too, while there is always more.
                piece = self.stream.take()
                if piece is not None:
                    return {"type": "http.request", "body": piece, "more_body": self.stream.left > 0}
            if self.closed:
                break
            await self.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        kind = message["type"]
        if kind == "http.response.start":
            if self.status:
                raise RuntimeError("http.response.start was sent twice")
            self.status = message["status"]
            self.headers = [(bytes(k), bytes(v)) for k, v in message.get("headers") or ()]
        elif kind == "http.response.body":
            if not self.status:
                raise RuntimeError("http.response.body before http.response.start")
            if self.finished:
                raise RuntimeError("http.response.body after the response was complete")
            await self.send_body(message.get("body", b""), message.get("more_body", False))
        else:
            raise RuntimeError(f"unexpected message {kind!r}")

    async def send_body(self, body: bytes, more: bool) -> None:
        if self.closed:
            if more:
                raise ClientGone("the client closed the connection")
            self.finished = True
            return
        if self.status in (204, 304):  # No body, however many pieces it is said to have.
            if more:
                return
            body = b""
        if not self.started and not more:
            self.conn.reply(self.status, body, self.with_connection(self.headers))
            self.started = True
            self.complete()
            self.server.wake()
            return
        if not self.started:
            self.start_stream()
        if body and not self.is_head:
            if self.chunked:
                self.conn.http_chunk(body)
            else:
                self.conn._respond(body, False)
        if not more:
            self.finish_stream()
        await self.flow()

    def start_stream(self) -> None:
        """The head of a response whose body comes in pieces."""
        headers = self.headers
        if not _serve.has_header(headers, b"content-type"):
            headers = [(b"Content-Type", b"text/plain"), *headers]
        encoded = _serve.has_header(headers, b"transfer-encoding")
        self.chunked = encoded or not _serve.has_header(headers, b"content-length")
        if self.chunked and self.scope["http_version"] == "1.0":
            self.chunked = False  # The end of the connection is the end of the body.
            headers = [*headers, (b"Connection", b"close")]
        elif self.chunked and not encoded:
            headers = [*headers, (b"Transfer-Encoding", b"chunked")]
        headers = self.with_connection(headers)
        line = f"{self.status} {_serve.REASONS.get(self.status, '')}".encode()
        self.conn._respond(_serve.head(line, headers), False)
        self.started = True

    def finish_stream(self) -> None:
        if self.chunked and not self.is_head:
            self.conn.http_chunk(b"")
        else:
            self.conn._respond(b"", True)
            if self.scope["http_version"] == "1.0":
                self.conn.drain()
        self.complete()
