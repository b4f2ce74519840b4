"""An ASGI server: python -m pymongoose.asgi module:app

The event loop of asyncio and that of the library run in one thread: asyncio watches the library's
poller (its epoll descriptor) and gives it a turn when there is something to do.
"""

from __future__ import annotations

import asyncio
import signal
import traceback
from collections import deque
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from . import _serve
from ._core import ffi, lib
from ._lifespan import TIMEOUT, App, Lifespan, Message
from .connection import Connection, _Native, header_lines
from .constants import (
    MG_EV_CLOSE,
    MG_EV_HTTP_MSG,
    MG_EV_WRITE,
    MG_EV_WS_CTL,
    MG_EV_WS_MSG,
    WEBSOCKET_OP_BINARY,
    WEBSOCKET_OP_CLOSE,
    WEBSOCKET_OP_TEXT,
)
from .manager import Manager
from .settings import ManagerSettings

EVENTS = (MG_EV_HTTP_MSG, MG_EV_WS_MSG, MG_EV_WS_CTL, MG_EV_CLOSE)
HIGH_WATER = 256 * 1024  # bytes queued at which send() waits
LOW_WATER = 64 * 1024  # bytes queued at which it goes on
GOING_AWAY, NO_STATUS, ABNORMAL = 1001, 1005, 1006


class ClientGone(OSError):
    """Raised by send() when there is nobody any more to send to."""


def _report(exc: BaseException) -> None:
    """Prints what an application raised, unless it only passes on that its client is gone."""
    cause: BaseException | None = exc
    while cause is not None:
        if isinstance(cause, ClientGone):
            return
        cause = cause.__cause__ or cause.__context__
    traceback.print_exception(type(exc), exc, exc.__traceback__)


class ASGIServer:
    """Serves an ASGI application on the running asyncio loop."""

    def __init__(
        self,
        app: App | str,
        error_handler: Callable[[Exception], object] | None = None,
        *,
        settings: ManagerSettings | None = None,
    ) -> None:
        self._app = _serve.load(app)
        self._settings: ManagerSettings = settings or {}
        self._error_handler = error_handler
        self._manager: Manager | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lifespan: Lifespan | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._turn_due = False
        self._fd = -1
        self._scheme = "http"
        self._server: tuple[str, int] = ("127.0.0.1", 0)

    @property
    def manager(self) -> Manager:
        """The Manager."""
        if self._manager is None:
            raise RuntimeError("ASGIServer is not started")
        return self._manager

    async def start(self, url: str = "http://127.0.0.1:8000", *, reuse_port: bool = False) -> Connection:
        """Runs the application's startup, then listens. Returns the listener."""
        self._loop = asyncio.get_running_loop()
        self._lifespan = Lifespan(self._app)
        await self._lifespan.startup()
        self._manager = Manager(self._handle, error_handler=self._error_handler, events=EVENTS)
        try:
            self._manager.set(**self._settings)
            listener = self._manager.listen(url, http=True, reuse_port=reuse_port)
        except (RuntimeError, TypeError, ValueError):
            await self.stop()
            raise
        address = listener.local_addr
        assert address is not None
        self._scheme = "https" if _serve.is_tls(url) else "http"
        self._server = (_serve.server_name(url), address[1])
        self._fd = self._manager._epoll_fd
        self._loop.add_reader(self._fd, self._turn)
        self.wake()
        return listener

    async def stop(self) -> None:
        """Closes all connections, then runs the application's shutdown."""
        manager, self._manager = self._manager, None
        if self._loop is not None and self._fd >= 0:
            self._loop.remove_reader(self._fd)
            self._fd = -1
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if manager is not None:
            for conn in manager.connections:
                if isinstance(conn.userdata, _WebSocket):
                    conn.userdata.go_away()
            manager.poll(0)
            manager.close()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=TIMEOUT)
            for task in self._tasks:
                task.cancel()
        lifespan, self._lifespan = self._lifespan, None
        if lifespan is not None:
            await lifespan.shutdown()

    def wake(self) -> None:
        """Gives the library a turn soon: something was queued."""
        if not self._turn_due and self._loop is not None:
            self._turn_due = True
            self._loop.call_soon(self._turn)

    def _turn(self) -> None:
        self._turn_due = False
        if self._manager is None or self._loop is None:
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        again = self._manager._turn()
        if again == 0:
            self.wake()
        elif again > 0:
            self._timer = self._loop.call_later(again / 1000, self._turn)

    def _handle(self, conn: Connection, ev: int, data: Any) -> None:
        cycle = conn.userdata
        if ev == MG_EV_HTTP_MSG:
            is_websocket = (data.header("Upgrade") or "").lower() == "websocket"
            kind = _WebSocket if is_websocket else _Http
            cycle = conn.userdata = kind(self, conn, data)
            self.run(cycle.run(self._app))
        elif cycle is not None:
            cycle.event(ev, data)

    def run(self, coroutine: Any) -> None:
        """Runs a coroutine as a task of this server."""
        assert self._loop is not None
        task = self._loop.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def scope(self, conn: Connection, request: Any, kind: str, scheme: str) -> Message:
        """What HTTP and WebSocket scopes have in common."""
        address = conn.remote_addr
        path = request.uri
        return {
            "type": kind,
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": request.proto.partition("/")[2] or "1.1",
            "scheme": scheme,
            "path": unquote(path) if "%" in path else path,
            "raw_path": path.encode("utf-8", "surrogateescape"),
            "query_string": request.query.encode("utf-8", "surrogateescape"),
            "root_path": "",
            "headers": request.raw_headers(),
            "state": {} if self._lifespan is None else self._lifespan.state.copy(),
            "client": None if address is None else [address[0], address[1]],
            "server": list(self._server),
        }


class _Exchange:
    """One request and its response, or one WebSocket: the connection's userdata."""

    def __init__(self, server: ASGIServer, conn: Connection) -> None:
        self.server = server
        self.conn = conn
        self.closed = False
        self.waiter: asyncio.Future[None] | None = None  # of receive()
        self.drained: asyncio.Future[None] | None = None  # of send()

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
        self.conn.set_handler(self.server._handle, events=(*EVENTS, MG_EV_WRITE))
        await self.drained
        self.drained = None
        if not self.closed:
            self.conn.set_handler(self.server._handle, events=EVENTS)


class _Http(_Exchange):
    """One HTTP request."""

    def __init__(self, server: ASGIServer, conn: Connection, request: Any) -> None:
        super().__init__(server, conn)
        self.scope = server.scope(conn, request, "http", server._scheme)
        self.scope["method"] = request.method
        self.body: bytes | None = request.body_bytes
        self.is_head = request.method == "HEAD"
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.started = False
        self.chunked = False
        self.finished = False

    async def run(self, app: App) -> None:
        try:
            await app(self.scope, self.receive, self.send)
        except asyncio.CancelledError:
            self.abort()
            raise
        except Exception as e:
            _report(e)
            self.abort()
        else:
            self.abort()

    def abort(self) -> None:
        """Ends an exchange that the application left unfinished."""
        if self.finished or self.closed:
            return
        self.finished = True
        if self.started:
            self.conn.drain()  # The client sees that the body is cut.
        else:
            self.conn.reply(500, b"Internal Server Error")
        self.wake_receiver()
        self.server.wake()

    async def receive(self) -> Message:
        if self.body is not None:
            body, self.body = self.body, None
            return {"type": "http.request", "body": body, "more_body": False}
        while not self.closed and not self.finished:
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
            self.conn.reply(self.status, body, self.headers)
            self.started = self.finished = True
            self.wake_receiver()
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
        line = f"{self.status} {_serve.REASONS.get(self.status, '')}".encode()
        self.conn._respond(_serve.head(line, headers), False)
        self.started = True

    def finish_stream(self) -> None:
        self.finished = True
        if self.chunked and not self.is_head:
            self.conn.http_chunk(b"")
        else:
            self.conn._respond(b"", True)
            if self.scope["http_version"] == "1.0":
                self.conn.drain()
        self.wake_receiver()


class _WebSocket(_Exchange):
    """One WebSocket. The handshake is answered when the application accepts."""

    def __init__(self, server: ASGIServer, conn: Connection, request: Any) -> None:
        super().__init__(server, conn)
        self.scope = server.scope(conn, request, "websocket", "wss" if server._scheme == "https" else "ws")
        offered = request.header("Sec-WebSocket-Protocol") or ""
        self.scope["subprotocols"] = [name.strip() for name in offered.split(",") if name.strip()]
        # What the library needs for its answer; the request itself is gone by then.
        names = ("Sec-WebSocket-Key", "Sec-WebSocket-Version")
        self.request = "GET / HTTP/1.1\r\n" + "".join(
            f"{name}: {request.header(name)}\r\n" for name in names if request.header(name) is not None
        )
        self.incoming: deque[Message] = deque([{"type": "websocket.connect"}])
        self.accepted = False
        self.close_code = ABNORMAL
        self.close_reason = ""
        self.close_sent = False

    async def run(self, app: App) -> None:
        try:
            await app(self.scope, self.receive, self.send)
        except asyncio.CancelledError:
            self.end(GOING_AWAY)
            raise
        except Exception as e:
            _report(e)
            self.end(1011)
        else:
            self.end(1000)

    def end(self, code: int) -> None:
        """Closes a WebSocket that the application left open."""
        if self.closed or self.close_sent:
            return
        if self.accepted:
            self.send_close(code, "")
        else:
            self.conn.reply(500 if code == 1011 else 403, b"")
        self.server.wake()

    def go_away(self) -> None:
        """The server stops."""
        if self.accepted and not self.close_sent:
            self.close_code = GOING_AWAY
            self.send_close(GOING_AWAY, "")

    def event(self, ev: int, data: Any) -> None:
        if ev == MG_EV_WS_MSG:
            if data.flags & 15 == WEBSOCKET_OP_TEXT:
                self.incoming.append({"type": "websocket.receive", "text": data.text})
            else:
                self.incoming.append({"type": "websocket.receive", "bytes": data.data})
            self.wake_receiver()
        elif ev == MG_EV_WS_CTL and data.flags & 15 == WEBSOCKET_OP_CLOSE:
            payload = data.data
            self.close_code = int.from_bytes(payload[:2], "big") if len(payload) >= 2 else NO_STATUS
            self.close_reason = payload[2:].decode("utf-8", "replace")
        else:
            super().event(ev, data)

    async def receive(self) -> Message:
        while not self.incoming:
            if self.closed:
                return {
                    "type": "websocket.disconnect",
                    "code": self.close_code,
                    "reason": self.close_reason,
                }
            await self.wait()
        return self.incoming.popleft()

    async def send(self, message: Message) -> None:
        kind = message["type"]
        if self.closed and kind == "websocket.send":
            raise ClientGone("the client closed the connection")
        if self.closed or self.close_sent:
            return
        if kind == "websocket.accept":
            self.accept(message)
        elif kind == "websocket.send":
            text = message.get("text")
            if text is not None:
                self.conn.ws_send(text, WEBSOCKET_OP_TEXT)
            else:
                self.conn.ws_send(message["bytes"], WEBSOCKET_OP_BINARY)
        elif kind == "websocket.close":
            if self.accepted:
                self.send_close(message.get("code", 1000), message.get("reason") or "")
            else:
                self.close_sent = True
                self.conn.reply(403, b"")
        else:
            raise RuntimeError(f"unexpected message {kind!r}")
        await self.flow()

    def accept(self, message: Message) -> None:
        headers = [
            (bytes(k).decode("latin-1"), bytes(v).decode("latin-1")) for k, v in message.get("headers") or ()
        ]
        if message.get("subprotocol"):
            headers.append(("Sec-WebSocket-Protocol", message["subprotocol"]))
        lines = header_lines(headers)
        request = ffi.new("char[]", (self.request + "\r\n").encode("utf-8", "surrogateescape"))
        parsed = ffi.new("struct mg_http_message *")
        lib.mg_http_parse(request, len(request) - 1, parsed)
        self.accepted = True
        with _Native(self.conn) as c:
            lib.mg_ws_upgrade(c, parsed, b"%s", ffi.new("char[]", lines))

    def send_close(self, code: int, reason: str) -> None:
        self.close_sent = True
        self.conn.ws_send(code.to_bytes(2, "big") + reason.encode(), WEBSOCKET_OP_CLOSE)


def serve(
    app: App | str,
    url: str = "http://127.0.0.1:8000",
    *,
    reuse_port: bool = False,
    settings: ManagerSettings | None = None,
) -> None:
    """Serves an application, or "module:app", until SIGINT or SIGTERM."""

    async def main() -> None:
        server = ASGIServer(app, settings=settings)
        await server.start(url, reuse_port=reuse_port)
        print(f"ASGI server on {url}\nCtrl+C stops it.", flush=True)
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        try:
            await stop.wait()
        finally:
            await server.stop()

    asyncio.run(main())
    print("Server stopped.")


if __name__ == "__main__":
    from ._command import main

    main("asgi")
