"""A WSGI server: python -m pymongoose.wsgi module:app

One thread polls. With one worker it runs the application, too; with more, requests go through a queue
to worker threads, which the polling thread never waits for. What happens once per request is native
(cffi/gate/wsgi.c and what it uses): the environment, start_response, and iterating over results.
"""

from __future__ import annotations

import io
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

from . import _bodies, _serve
from ._core import gate
from .connection import Connection
from .constants import MG_EV_ACCEPT, MG_EV_CLOSE, MG_EV_HTTP_HDRS, MG_EV_HTTP_MSG
from .manager import Manager
from .settings import ManagerSettings

EVENTS = (MG_EV_HTTP_HDRS, MG_EV_HTTP_MSG, MG_EV_CLOSE)
STREAM_TIMEOUT = 60.0  # seconds in which a client may take nothing of a response
COLLECTED = 64 * 1024  # bytes of a body that is kept in memory; longer ones come in a file
STEP = 10  # milliseconds between two looks at what is still in progress

App = Callable[..., Any]
Environ = dict[str, Any]


class FileWrapper:
    """Blocks of a file, as the body of a response."""

    def __init__(self, filelike: Any, blksize: int = 8192) -> None:
        self.filelike = filelike
        self.blksize = blksize

    def __iter__(self) -> Iterator[bytes]:
        while block := self.filelike.read(self.blksize):
            yield block.encode() if isinstance(block, str) else block

    def close(self) -> None:
        """Closes the file."""
        if hasattr(self.filelike, "close"):
            self.filelike.close()


def _template(multithread: bool, multiprocess: bool) -> Environ:
    """What all environments have in common."""
    return {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": "",
        "QUERY_STRING": "",
        "SERVER_NAME": "",
        "SERVER_PORT": "",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": None,
        "wsgi.input_terminated": True,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": multithread,
        "wsgi.multiprocess": multiprocess,
        "wsgi.run_once": False,
        "wsgi.file_wrapper": FileWrapper,
    }


def _report(exc: BaseException) -> None:
    """Prints what an application raised."""
    traceback.print_exception(type(exc), exc, exc.__traceback__)


def _temporary_file() -> Any:
    return tempfile.TemporaryFile(prefix="pymongoose-")


def _native(manager: Manager, app: App, template: Environ, servers: Any, *numbers: Any) -> Any:
    return gate.Wsgi(manager, app, _report, template, io.BytesIO, _temporary_file, servers, *numbers)


def _build_environ(hm: Any, conn: Any, server_name: str, server_port: int | str) -> Environ:
    """The environment of a request that has the attributes of an HttpMessage."""
    target = hm.uri if "?" in hm.uri or not hm.query else f"{hm.uri}?{hm.query}"
    lines = [f"{hm.method} {target} {hm.proto or 'HTTP/1.1'}", *(f"{k}: {v}" for k, v in hm.headers())]
    head = "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape")
    with Manager() as manager:
        native = _native(manager, _build_environ, _template(True, False), {}, 1, 0, 0, 0.0)
        environ: Environ = native.environ(head, conn.is_tls)
    environ.update({"SERVER_NAME": server_name, "SERVER_PORT": str(server_port)})
    environ["wsgi.input"] = io.BytesIO(hm.body_bytes)
    address = conn.remote_addr
    if address:
        environ["REMOTE_ADDR"] = environ["REMOTE_HOST"] = address[0]
        environ["REMOTE_PORT"] = str(address[1])
    return environ


class WSGIServer:
    """Serves a WSGI application.

    workers: threads that run it. With one, that is the thread that polls: the fastest way for an
    application that does not wait. stream_timeout: seconds in which a client may take nothing of its
    response. max_body: bytes of a request's body; 413 for longer ones. 0: no limit. Long bodies come
    in a temporary file. multiprocess: other processes serve the same application. is_proxy: whether an
    accepted connection begins with a header of the PROXY protocol, which names the client.
    """

    def __init__(
        self,
        app: App | str,
        workers: int = 4,
        error_handler: Callable[[Exception], object] | None = None,
        stream_timeout: float = STREAM_TIMEOUT,
        *,
        settings: ManagerSettings | None = None,
        max_body: int = _bodies.MAX_BODY,
        multiprocess: bool = False,
        is_proxy: Callable[[Connection], bool] | None = None,
    ) -> None:
        self._is_proxy = is_proxy
        if workers < 1:
            raise ValueError("workers must be at least 1")
        limits = _bodies.Limits(settings, max_body)
        self._manager = Manager(
            self._other_event, error_handler=error_handler, events=_serve.events(EVENTS, is_proxy)
        )
        _serve.apply(self._manager, limits.settings)
        self._servers: dict[int, tuple[str, str]] = {}
        threads = workers if workers > 1 else 0
        self._native = _native(
            self._manager,
            _serve.load(app),
            _template(threads > 0, multiprocess),
            self._servers,
            threads,
            limits.max_body or 0,
            min(COLLECTED, limits.long),
            stream_timeout,
        )
        self._threads: list[threading.Thread] = []
        self._missing = threads  # threads that have yet to be started
        self._stash: dict[int, Any] = {}  # Responses wait nowhere on their way to a connection.

    @property
    def manager(self) -> Manager:
        """The Manager; programs may poll it themselves."""
        return self._manager

    @property
    def _stream_timeout(self) -> float:
        seconds: float = self._native.stream_timeout
        return seconds

    @_stream_timeout.setter
    def _stream_timeout(self, seconds: float) -> None:
        self._native.stream_timeout = seconds

    @property
    def _streams(self) -> dict[int, bool]:
        """Responses that are being sent while they are made, by the ids of their connections."""
        return {key: True for key, streams in self._native.jobs().items() if streams}

    @property
    def _active(self) -> dict[int, bool]:
        """Requests in progress, by the ids of their connections."""
        jobs: dict[int, bool] = self._native.jobs()
        return jobs

    def listen(self, url: str = "http://127.0.0.1:8000", *, reuse_port: bool = False) -> Connection:
        """Listens on a URL; returns the listener."""
        listener = self._manager.listen(url, http=True, reuse_port=reuse_port)
        name, port = _serve.name_of(url, listener)
        self._servers[port or 0] = (name, str(port or ""))
        for number in range(self._missing):
            name = f"pymongoose-wsgi_{number}"
            self._threads.append(threading.Thread(target=self._native.work, name=name, daemon=True))
            self._threads[-1].start()
        self._missing = 0
        return listener

    def run(self, poll_ms: int = 100) -> None:
        """Serves until SIGINT or SIGTERM.

        Requests in progress are answered, within 30 seconds, unless another signal comes.
        """
        signals = 0

        def on_signal(number: int, frame: FrameType | None) -> None:
            nonlocal signals
            signals += 1

        before = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            while not signals:
                self.turn(poll_ms)
            self._drain(_serve.GRACEFUL, 0.0, lambda: signals > 1)
        finally:
            for number, handler in before.items():
                signal.signal(number, signal.SIG_DFL if handler is None else handler)
            self.close()

    def turn(self, poll_ms: int = 100) -> None:
        """Polls for so many milliseconds, or until a signal. Main thread only."""
        self._manager._turns(poll_ms, bool(self._threads))

    def drain(self, timeout: float, *, linger: float = 0.0) -> bool:
        """Takes no more connections, and lets requests in progress end, for so many seconds.

        Connections that wait for a request close after `linger` seconds: until then a request that is
        on its way is answered, too. The others close after their responses. Polls, so it is for the
        polling thread. Returns whether all have ended. close() is to follow.
        """
        return self._drain(timeout, linger, lambda: False)

    def _drain(self, timeout: float, linger: float, given_up: Callable[[], bool]) -> bool:
        start = time.monotonic()
        self._native.drain(linger <= 0)
        while self._manager.connections:
            elapsed = time.monotonic() - start
            if elapsed >= timeout or given_up():
                return False
            if linger > 0 and elapsed >= linger:
                linger = 0.0
                self._native.drain(True)
            self._manager.poll(STEP)
        return True

    def close(self) -> None:
        """Closes all connections; requests that are being worked on lose their client."""
        self._manager.close()
        self._native.stop()

    def _other_event(self, conn: Connection, ev: int, data: Any) -> None:
        """Events of connections that are not accepted, or only just."""
        if ev == MG_EV_ACCEPT and self._is_proxy is not None and self._is_proxy(conn):
            conn.set(proxy_protocol=True)


def serve(
    app: App | str,
    url: str = "http://127.0.0.1:8000",
    workers: int = 4,
    stream_timeout: float = STREAM_TIMEOUT,
    *,
    reuse_port: bool = False,
    settings: ManagerSettings | None = None,
    max_body: int = _bodies.MAX_BODY,
) -> None:
    """Serves an application, or "module:app", until SIGINT or SIGTERM, as WSGIServer.run() does.

    max_body: bytes of a request's body; 413 for longer ones. 0: no limit.
    """
    server = WSGIServer(
        app,
        workers,
        stream_timeout=stream_timeout,
        settings=settings,
        max_body=max_body,
        multiprocess=reuse_port,
    )
    server.listen(url, reuse_port=reuse_port)
    print(f"WSGI server on {url}\n  Workers: {workers}\nCtrl+C stops it.", flush=True)
    server.run()
    print("Server stopped.")


if __name__ == "__main__":
    from ._command import main

    main("wsgi")
