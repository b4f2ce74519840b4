"""What is done with each request that has been answered: counters, a line in the log, a limit."""

from __future__ import annotations

import threading
import time
from bisect import bisect_left
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from .access_log import AccessLog
from .board import ACTIVE, BUCKETS, COUNT, LIMITS, SECONDS, SENT, STATUS

if TYPE_CHECKING:
    from .worker import Worker


class Request:
    """One request and how it was answered."""

    __slots__ = (
        "began",
        "client",
        "headers",
        "method",
        "path",
        "protocol",
        "query",
        "response_headers",
        "scheme",
        "sent",
        "start",
        "status",
        "took",
    )  # fmt: skip

    def __init__(self, began: float, start: float) -> None:
        self.began: float = began  # seconds since 1970
        self.start: float = start
        self.took: float = 0.0
        self.status: int = 0
        self.sent: int = 0  # bytes of the body
        self.response_headers: Iterable[Any] = ()

    def of_asgi(self, scope: Any) -> None:
        """What the client asked for."""
        client = scope["client"]
        self.client: str = client[0] if isinstance(client, (tuple, list)) else ""
        self.method: str = scope.get("method", "GET")
        self.path: str = scope["raw_path"].decode("latin-1")
        self.query: str = scope["query_string"].decode("latin-1")
        self.protocol: str = f"HTTP/{scope['http_version']}"
        self.scheme: str = scope["scheme"]
        self.headers: dict[str, str] = {k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]}

    def of_wsgi(self, environ: Any) -> None:
        """The same of an environment."""
        from urllib.parse import quote

        self.client = environ.get("REMOTE_ADDR", "")
        self.method = environ["REQUEST_METHOD"]
        self.path = quote(
            (environ["SCRIPT_NAME"] + environ["PATH_INFO"]).encode("latin-1"), safe="/:@!$&'()*+,;=~"
        )
        self.query = environ["QUERY_STRING"]
        self.protocol = environ["SERVER_PROTOCOL"]
        self.scheme = environ["wsgi.url_scheme"]
        self.headers = {
            k[5:].replace("_", "-").lower(): v for k, v in environ.items() if k.startswith("HTTP_")
        }


class Observer:
    """Sees requests begin and end."""

    def __init__(self, row: Any, log: AccessLog | None, left: int | None, stop: Callable[[], None]) -> None:
        self._row = row
        self._log = log
        self._left = left
        self._stop = stop
        self._lock = threading.Lock()

    @classmethod
    def of(cls, worker: Worker, stop: Callable[[], None]) -> Observer | None:
        """One that does what the options ask for; None if that is nothing."""
        options = worker.options
        log = AccessLog.of(options)
        if log is not None:
            worker.context.on_reopen.append(log.reopen)
            worker.on_exit.append(log.close)
        if not options.metrics and log is None and worker.requests_left is None:
            return None
        return cls(worker.context.board.row(worker.context.row), log, worker.requests_left, stop)

    def begin(self) -> None:
        """A request has come."""
        with self._lock:
            self._row[ACTIVE] += 1

    def end(self, request: Request) -> None:
        """It has been answered."""
        request.took = took = time.perf_counter() - request.start
        row = self._row
        with self._lock:
            row[ACTIVE] -= 1
            row[COUNT] += 1
            row[SECONDS] += took
            row[SENT] += request.sent
            row[BUCKETS + bisect_left(LIMITS, took)] += 1
            if 100 <= request.status < 1000:
                row[STATUS + request.status - 100] += 1
            if self._left is not None:
                self._left -= 1
                if self._left == 0:
                    self._stop()
        if self._log is not None:
            self._log.write(request)
