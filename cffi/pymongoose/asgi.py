"""An ASGI server: python -m pymongoose.asgi module:app

The event loop of asyncio and that of the library run in one thread: asyncio watches the library's
poller (its epoll descriptor) and gives it a turn when there is something to do.
"""

from __future__ import annotations

import asyncio
import signal
from collections import deque
from collections.abc import Callable
from typing import Any, BinaryIO
from urllib.parse import unquote

from . import _bodies, _serve
from ._core import ffi, lib
from ._exchange import EVENTS, ClientGone, Exchange, Http, report
from ._lifespan import TIMEOUT, App, Lifespan, Message
from .connection import Connection, _Native, header_lines
from .constants import (
    MG_EV_HTTP_HDRS,
    MG_EV_HTTP_MSG,
    MG_EV_WS_CTL,
    MG_EV_WS_MSG,
    WEBSOCKET_OP_BINARY,
    WEBSOCKET_OP_CLOSE,
    WEBSOCKET_OP_TEXT,
)
from .manager import Manager
from .settings import ManagerSettings

GOING_AWAY, NO_STATUS, ABNORMAL = 1001, 1005, 1006


class ASGIServer:
    """Serves an ASGI application on the running asyncio loop.

    max_body: bytes of a request's body; 413 for longer ones. 0: no limit. The application gets long
    bodies in pieces, while they arrive.
    """

    def __init__(
        self,
        app: App | str,
        error_handler: Callable[[Exception], object] | None = None,
        *,
        settings: ManagerSettings | None = None,
        max_body: int = _bodies.MAX_BODY,
    ) -> None:
        self._app = _serve.load(app)
        self._limits = _bodies.Limits(settings, max_body)
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
        self._manager._late_bodies = True
        try:
            self._manager.set(**self._limits.settings)
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
            self._begin(_WebSocket(self, conn, data) if is_websocket else Http(self, conn, data))
        elif ev == MG_EV_HTTP_HDRS:
            self._take_body(conn, data)
        elif cycle is not None:
            cycle.event(ev, data)

    def _begin(self, cycle: Http | _WebSocket) -> None:
        cycle.conn.userdata = cycle
        self.run(cycle.run(self._app))

    def _take_body(self, conn: Connection, request: Any) -> None:
        """A request whose body has yet to come; what is not taken here is collected, or refused."""
        length = _bodies.announced(conn, request)
        if length is not None and not self._limits.is_long(length):
            return
        cycle = Http(self, conn, request, late=True)

        def begin(file: BinaryIO) -> None:
            cycle.read_from(file, self._limits.long)
            self._begin(cycle)

        if length is None:
            _bodies.spool(conn, request, self._limits.max_body, begin)
        else:
            cycle.read_while_it_arrives(request, length, self._limits.held)
            self._begin(cycle)

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


class _WebSocket(Exchange):
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
            report(e)
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
    max_body: int = _bodies.MAX_BODY,
) -> None:
    """Serves an application, or "module:app", until SIGINT or SIGTERM.

    max_body: bytes of a request's body; 413 for longer ones. 0: no limit.
    """

    async def main() -> None:
        server = ASGIServer(app, settings=settings, max_body=max_body)
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
