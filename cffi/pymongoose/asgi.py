"""An ASGI server: python -m pymongoose.asgi module:app

The event loop of asyncio and that of the library run in one thread: asyncio watches the library's
poller (its epoll descriptor) and gives it a turn when there is something to do. What happens once per
request is native (cffi/gate/asgi.c and what it uses): the scope, receive() and send(), and the first
part of the application, which runs without a task of its own as long as it does not wait.
"""

from __future__ import annotations

import asyncio
import inspect
import signal
import time
import traceback
from collections.abc import Callable
from typing import Any

from . import _bodies, _serve
from ._core import gate
from ._lifespan import TIMEOUT, App, Lifespan, Message
from .connection import Connection
from .constants import MG_EV_ACCEPT, MG_EV_CLOSE, MG_EV_HTTP_HDRS, MG_EV_HTTP_MSG, MG_EV_WS_CTL, MG_EV_WS_MSG
from .manager import Manager
from .settings import ManagerSettings

EVENTS = (MG_EV_HTTP_HDRS, MG_EV_HTTP_MSG, MG_EV_WS_MSG, MG_EV_WS_CTL, MG_EV_CLOSE)
ASGI = {"version": "3.0", "spec_version": "2.4"}
EXTENSIONS = (
    "http.response.early_hint",
    "http.response.pathsend",
    "http.response.trailers",
    "http.response.zerocopysend",
)
STEP = 0.005  # seconds between two looks at what is still in progress


class ClientGone(OSError):
    """Raised by send() after the client has disconnected."""


def report(exc: BaseException) -> None:
    """Prints what an application raised, unless it only passes on that its client has disconnected."""
    cause: BaseException | None = exc
    while cause is not None:
        if isinstance(cause, ClientGone):
            return
        cause = cause.__cause__ or cause.__context__
    traceback.print_exception(type(exc), exc, exc.__traceback__)


def single_callable(app: App) -> App:
    """An application of ASGI 3: itself, or one of ASGI 2, which is called twice, in a wrapper."""
    try:
        parameters = inspect.signature(app)
        parameters.bind(None)
    except (TypeError, ValueError):
        return app  # Takes more than the scope, or does not say.
    try:
        parameters.bind(None, None, None)
        return app
    except TypeError:
        pass

    async def wrapper(scope: Message, receive: Any, send: Any) -> None:
        await app(scope)(receive, send)

    return wrapper


class ASGIServer:
    """Serves an ASGI application on the running asyncio loop.

    max_body: bytes of a request's body; 413 for longer ones. 0: no limit. The application gets long
    bodies in pieces, while they arrive. is_proxy: whether an accepted connection begins with a header of
    the PROXY protocol, which names the client.
    """

    def __init__(
        self,
        app: App | str,
        error_handler: Callable[[Exception], object] | None = None,
        *,
        settings: ManagerSettings | None = None,
        max_body: int = _bodies.MAX_BODY,
        lifespan: str = "auto",
        is_proxy: Callable[[Connection], bool] | None = None,
    ) -> None:
        self._is_proxy = is_proxy
        self._app = single_callable(_serve.load(app))
        self._limits = _bodies.Limits(settings, max_body)
        self._error_handler = error_handler
        self._manager: Manager | None = None
        self._native: Any = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lifespan_mode = lifespan
        self._lifespan: Lifespan | None = None
        self._servers: dict[int, tuple[str, int | None]] = {}

    @property
    def manager(self) -> Manager:
        """The Manager."""
        if self._manager is None:
            raise RuntimeError("ASGIServer is not started")
        return self._manager

    async def start(self, url: str = "http://127.0.0.1:8000", *, reuse_port: bool = False) -> Connection:
        """Runs the application's startup, then listens. Returns the listener."""
        await self.open()
        try:
            return self.listen(url, reuse_port=reuse_port)
        except BaseException:
            await self.stop()
            raise

    async def open(self) -> None:
        """Runs the application's startup. listen() is to follow."""
        self._loop = asyncio.get_running_loop()
        if self._lifespan_mode != "off":
            lifespan = Lifespan(self._app, self._lifespan_mode == "on")
            await lifespan.startup()
            self._lifespan = lifespan
        self._manager = Manager(
            self._other_event, error_handler=self._error_handler, events=_serve.events(EVENTS, self._is_proxy)
        )
        try:
            _serve.apply(self._manager, self._limits.settings)
            self._native = self._make_native(self._manager)
        except BaseException:
            await self.stop()
            raise
        self._loop.add_reader(self._manager._epoll_fd, self._native.turn)

    def listen(self, url: str, *, reuse_port: bool = False) -> Connection:
        """Listens on one more URL. Returns the listener."""
        listener = self.manager.listen(url, http=True, reuse_port=reuse_port)
        self.wake()
        name = _serve.name_of(url, listener)
        self._servers[name[1] or 0] = name
        return listener

    def _make_native(self, manager: Manager) -> Any:
        assert self._loop is not None
        common: Message = {
            "type": "http",
            "asgi": ASGI,
            "http_version": "1.1",
            "server": None,
            "client": None,
            "scheme": "http",
            "method": "GET",
            "root_path": "",
            "path": "",
            "raw_path": b"",
            "query_string": b"",
            "headers": [],
            "state": {},
            "extensions": {},
        }
        socket = {**common, "type": "websocket", "scheme": "ws", "subprotocols": []}
        del socket["method"]
        return gate.Asgi(
            manager,
            self._app,
            self._loop,
            report,
            ClientGone,
            common,
            socket,
            ASGI,
            {} if self._lifespan is None else self._lifespan.state,
            {name: {} for name in EXTENSIONS},
            {"websocket.http.response": {}},
            self._servers,
            self._limits.max_body or 0,
            self._limits.long,
        )

    async def drain(self, timeout: float, *, code: int = 1001, linger: float = 0.0) -> bool:
        """Takes no more connections, and lets requests in progress end, for so many seconds.

        Connections that wait for a request close after `linger` seconds: until then a request that is
        on its way is answered, too. The others close after their responses, WebSockets with `code`.
        Returns whether all have ended. stop() is to follow.
        """
        if self._native is None:
            return True
        start = time.monotonic()
        self._native.drain(linger <= 0, code)
        while self._native.active or self.manager.connections:
            elapsed = time.monotonic() - start
            if elapsed >= timeout:
                return False
            if linger > 0 and elapsed >= linger:
                linger = 0.0
                self._native.drain(True, code)
            await asyncio.sleep(STEP)
        return True

    async def stop(self) -> None:
        """Closes all connections, then runs the application's shutdown."""
        manager, self._manager = self._manager, None
        native, self._native = self._native, None
        if manager is not None:
            if self._loop is not None:
                self._loop.remove_reader(manager._epoll_fd)
            if native is not None:
                native.drain()
            manager.poll(0)
            manager.close()
        if native is not None:
            await self._end_applications(native)
            native.close()
        lifespan, self._lifespan = self._lifespan, None
        if lifespan is not None:
            await lifespan.shutdown()

    async def _end_applications(self, native: Any) -> None:
        for limit in (TIMEOUT, TIMEOUT / 5):
            deadline = time.monotonic() + limit
            while native.active and time.monotonic() < deadline:
                await asyncio.sleep(STEP)
            if not native.active:
                return
            native.cancel_all()

    def wake(self) -> None:
        """Gives the library a turn soon: something was queued."""
        if self._native is not None:
            self._native.schedule()

    def _other_event(self, conn: Connection, ev: int, data: Any) -> None:
        """Events of connections that are not accepted, or only just."""
        if ev == MG_EV_ACCEPT and self._is_proxy is not None and self._is_proxy(conn):
            conn.set(proxy_protocol=True)


def serve(
    app: App | str,
    url: str = "http://127.0.0.1:8000",
    *,
    reuse_port: bool = False,
    settings: ManagerSettings | None = None,
    max_body: int = _bodies.MAX_BODY,
) -> None:
    """Serves an application, or "module:app", until SIGINT or SIGTERM.

    Requests in progress are answered, within 30 seconds, unless another signal comes. max_body: bytes of
    a request's body; 413 for longer ones. 0: no limit.
    """

    async def main() -> None:
        server = ASGIServer(app, settings=settings, max_body=max_body)
        await server.start(url, reuse_port=reuse_port)
        print(f"ASGI server on {url}\nCtrl+C stops it.", flush=True)
        stop, at_once = asyncio.Event(), asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, lambda: (at_once if stop.is_set() else stop).set())
        try:
            await stop.wait()
            drained = loop.create_task(server.drain(_serve.GRACEFUL))
            drained.add_done_callback(lambda task: at_once.set())
            await at_once.wait()
            drained.cancel()
        finally:
            await server.stop()

    asyncio.run(main())
    print("Server stopped.")


if __name__ == "__main__":
    from ._command import main

    main("asgi")
