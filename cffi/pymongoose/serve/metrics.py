"""--metrics: a process that shows the counters of all workers, as Prometheus reads them, and /healthz."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from typing import Any

from ..constants import MG_EV_HTTP_MSG
from ..manager import Manager
from . import sockets
from .board import ACTIVE, BEAT, BUCKETS, CONNECTIONS, COUNT, LAG, LIMITS, ROWS, SECONDS, SENT, STATUS, Board
from .process import Context

TYPE = [("Content-Type", "text/plain; version=0.0.4; charset=utf-8")]
POLL = 500  # milliseconds


def text_of(board: Board) -> str:
    """All metrics."""
    rows = [row for row in map(board.row, range(ROWS)) if row[BEAT] or row[COUNT]]
    live = [row for row in rows if row[BEAT]]

    def total(field: int) -> float:
        return float(sum(row[field] for row in rows))

    def lines() -> Iterator[str]:
        yield from _head("http_requests_total", "counter", "Requests, by status.")
        for status in range(100, 1000):
            count = total(STATUS + status - 100)
            if count:
                yield f'pymongoose_http_requests_total{{status="{status}"}} {count:g}'
        yield from _head(
            "http_request_duration_seconds", "histogram", "Time from a request's head to its end."
        )
        below = 0.0
        for index, limit in enumerate(LIMITS):
            below += total(BUCKETS + index)
            yield f'pymongoose_http_request_duration_seconds_bucket{{le="{limit:g}"}} {below:.0f}'
        yield f'pymongoose_http_request_duration_seconds_bucket{{le="+Inf"}} {total(COUNT):.0f}'
        yield f"pymongoose_http_request_duration_seconds_sum {total(SECONDS):.6f}"
        yield f"pymongoose_http_request_duration_seconds_count {total(COUNT):.0f}"
        yield from _head("http_response_bytes_total", "counter", "Bytes of the bodies of responses.")
        yield f"pymongoose_http_response_bytes_total {total(SENT):.0f}"
        yield from _head("http_requests_in_progress", "gauge", "Requests that are not answered yet.")
        yield f"pymongoose_http_requests_in_progress {total(ACTIVE):.0f}"
        yield from _head("connections", "gauge", "Open connections.")
        yield f"pymongoose_connections {total(CONNECTIONS):.0f}"
        yield from _head("workers", "gauge", "Workers that serve.")
        yield f"pymongoose_workers {len(live)}"
        yield from _head("loop_lag_seconds", "gauge", "Delay of the slowest event loop.")
        yield f"pymongoose_loop_lag_seconds {max((row[LAG] for row in live), default=0.0):.6f}"

    return "\n".join(lines()) + "\n"


def _head(name: str, kind: str, help: str) -> Iterator[str]:
    yield f"# HELP pymongoose_{name} {help}"
    yield f"# TYPE pymongoose_{name} {kind}"


def run(options: Any, context: Context) -> int:
    """Answers scrapes until SIGTERM."""
    stopping = False
    silence = options.timeout_worker_healthcheck or float("inf")

    def stop(*unused: Any) -> None:
        nonlocal stopping
        stopping = True

    def handle(conn: Any, ev: int, data: Any) -> None:
        if data.uri == "/metrics":
            conn.reply(200, text_of(context.board), TYPE)
        elif data.uri == "/healthz":
            rows = (context.board.row(number) for number in range(ROWS))
            healthy = any(time.monotonic() - row[BEAT] < silence for row in rows if row[BEAT])
            conn.reply(200 if healthy else 503, "ok\n" if healthy else "no worker answers\n")
        else:
            conn.reply(404, "see /metrics and /healthz\n")

    signal.signal(signal.SIGTERM, stop)
    manager = Manager(handle, events=(MG_EV_HTTP_MSG,))
    for listener in context.metrics:
        manager.listen(f"fd://{os.dup(listener.socket.fileno())}", http=True)
    for listener in context.listeners:
        listener.socket.close()
    context.ready("metrics")
    while not stopping and not context.is_orphan():
        manager.poll(POLL)
    manager.close()
    return 0


def open_sockets(options: Any) -> list[sockets.Listener]:
    """The sockets of --metrics, bound by the master."""
    return sockets.bind_tcp(options.metrics, 128) if options.metrics else []
