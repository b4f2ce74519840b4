"""A worker: it loads the application and serves it on the sockets of its master, until SIGTERM."""

from __future__ import annotations

import os
import random
import sys
import time
import traceback
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

from . import env_file, proxy, target
from .board import BEAT, BEAT_TIME, CONNECTIONS, LAG
from .errors import STARTUP_FAILED, Misuse
from .process import Context
from .tls import Certificates

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..connection import Connection
    from ..manager import Manager

LINGER = 1.0  # seconds in which a connection that waits may still send a request, at a stop
TICK = BEAT_TIME


class Worker:
    """What the servers of all kinds need: options, sockets, heartbeat, and reasons to stop."""

    def __init__(self, options: Any, context: Context) -> None:
        self.options = options
        self.context = context
        self.stopping: bool = False
        self._row = context.board.row(context.row)
        self._due = time.monotonic()
        self._certificates = Certificates.of(options)
        self._secure: list[Connection] = []
        jitter = random.randint(0, options.limit_max_requests_jitter)
        self.on_exit: list[Callable[[], None]] = []
        self.requests_left: int | None = (
            options.limit_max_requests + jitter if options.limit_max_requests else None
        )

    def is_proxy(self) -> Callable[[Connection], bool] | None:
        """Whose connections begin with a header of the PROXY protocol; None: nobody's."""
        if not self.options.proxy_protocol:
            return None
        return proxy.Trusted(self.options.forwarded_allow_ips).sent

    def settings(self) -> dict[str, int]:
        """Limits and timeouts for the manager."""
        return {
            "http_idle_timeout": int(self.options.timeout_keep_alive * 1000),
            **self.options.settings,
        }

    def listen(self, listen: Callable[[str], Connection]) -> None:
        """Listens on all sockets, with copies of their descriptors."""
        for listener in self.context.listeners:
            conn = listen(f"fd://{os.dup(listener.socket.fileno())}")
            if self._certificates is not None:
                conn.tls_init(self._certificates.options())
                self._secure.append(conn)

    def _lines(self) -> tuple[bytes, bytes, bytes]:
        """Header lines of all responses: those of the options, Server, and Date (RFC 9110, 6.6.1)."""
        server = b"Server: pymongoose\r\n" if self.options.server_header else b""
        date = f"Date: {formatdate(usegmt=True)}\r\n".encode() if self.options.date_header else b""
        return b"".join(self.options.headers), server, date

    def ready(self, what: str) -> None:
        """The application is loaded, and requests are served from now on."""
        self._row[BEAT] = time.monotonic()
        self.context.ready(what)

    def tick(self, manager: Manager) -> None:
        """Once in TICK seconds, in the thread that polls."""
        now = time.monotonic()
        self._row[LAG] = max(0.0, now - self._due)
        self._row[BEAT] = now
        self._due = now + TICK
        manager._set_lines(*self._lines())
        if self.options.metrics:
            self._row[CONNECTIONS] = max(0, len(manager.connections) - len(self.context.listeners))
        if self._certificates is not None and self._certificates.changed():
            for conn in self._secure:
                conn.tls_init(self._certificates.options())
        if self.context.is_orphan():
            self.stopping = True

    def end(self) -> None:
        """Writes what waits to be written."""
        for call in self.on_exit:
            call()


def run(options: Any, context: Context) -> int:
    """Serves until SIGTERM. Returns the exit status of the process."""
    if options.env_file:
        os.environ.update(env_file.read(options.env_file))
    worker = Worker(options, context)
    if options.interface == "files":
        from . import run_files

        return run_files.run(worker)
    sys.path.insert(0, options.app_dir)
    if options.app_dir != os.getcwd():
        os.chdir(options.app_dir)
    try:
        app = target.load(options.target, options.app_dir, options.factory)
    except Misuse:
        raise
    except Exception:
        traceback.print_exc()
        print(f"Error: {options.target} cannot be loaded", file=sys.stderr)
        return STARTUP_FAILED
    kind = options.interface if options.interface != "auto" else target.interface_of(app)
    if kind == "asgi":
        from . import run_asgi

        return run_asgi.run(worker, app)
    from . import run_wsgi

    return run_wsgi.run(worker, app)
