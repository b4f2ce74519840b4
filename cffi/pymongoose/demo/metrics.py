"""The metrics tab: counters as Prometheus reads them."""

from __future__ import annotations

import time
from collections.abc import Iterator

from .. import Connection, HttpMessage, Manager
from .stats import Stats

TYPE = {"Content-Type": "text/plain; version=0.0.4; charset=utf-8", "Cache-Control": "no-store"}


class Metrics:
    """Answers GET /metrics."""

    def __init__(self, manager: Manager, stats: Stats) -> None:
        self.manager = manager
        self.stats = stats

    def lines(self) -> Iterator[str]:
        """The metrics, one after the other."""
        last = self.stats.history[-1] if self.stats.history else None
        yield from metric("http_requests_total", "counter", "Requests.", self.stats.total)
        yield from metric("connections", "gauge", "Open connections.", last["open"] if last else 0)
        for name in ("p50", "p99"):
            value = (last["p50"] if name == "p50" else last["p99"]) / 1000 if last else 0.0
            help = f"Latency in the last half second, {name}."
            yield from metric(f"latency_{name}_seconds", "gauge", help, value)
        yield from metric("held_bytes", "gauge", "Bytes in buffers.", self.manager.held_bytes)
        yield from metric("cpu_seconds_total", "counter", "CPU time of this process.", time.process_time())

    def answer(self, conn: Connection, request: HttpMessage) -> None:
        """All metrics."""
        conn.reply(200, "\n".join(self.lines()) + "\n", TYPE)


def metric(name: str, kind: str, help: str, value: float) -> Iterator[str]:
    """A metric with its two lines of description."""
    yield f"# HELP demo_{name} {help}"
    yield f"# TYPE demo_{name} {kind}"
    yield f"demo_{name} {value:.9g}"
