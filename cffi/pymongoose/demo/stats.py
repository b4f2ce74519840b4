"""What the page plots: requests per second, latency percentiles, open connections."""

from __future__ import annotations

import time
from collections import deque
from typing import TypedDict

HISTORY = 240  # samples kept for pages that are opened later
LATENCIES_MAX = 20_000  # per sample; beyond, what came last counts
REQUESTS_MIN = 200  # in a sample; with fewer, CPU time per request says nothing


class Sample(TypedDict):
    """One point of the plots."""

    time: float
    rate: float
    p50: float
    p99: float
    open: int
    total: int
    cpu: float  # microseconds for each request; 0 with too few of them


def percentile(ordered: list[float], share: float) -> float:
    """The value that this share of an ordered list does not exceed; 0 for an empty list."""
    if not ordered:
        return 0.0
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


class Stats:
    """Counts requests and turns the counts into samples."""

    def __init__(self) -> None:
        self.total: int = 0
        self.history: deque[Sample] = deque(maxlen=HISTORY)
        self._latencies: deque[float] = deque(maxlen=LATENCIES_MAX)
        self._since_total = 0
        self._since = time.perf_counter()
        self._since_cpu = time.process_time()

    def finished(self, seconds: float) -> None:
        """A reply has left."""
        self.total += 1
        self._latencies.append(seconds)

    def sample(self, open_connections: int) -> Sample:
        """The point for the time since the previous one."""
        now, cpu = time.perf_counter(), time.process_time()
        requests = self.total - self._since_total
        elapsed = max(now - self._since, 1e-6)
        ordered = sorted(self._latencies)
        point = Sample(
            time=time.time(),
            rate=requests / elapsed,
            p50=percentile(ordered, 0.50) * 1000,
            p99=percentile(ordered, 0.99) * 1000,
            open=open_connections,
            total=self.total,
            cpu=(cpu - self._since_cpu) / requests * 1e6 if requests >= REQUESTS_MIN else 0.0,
        )
        self._since, self._since_total, self._since_cpu = now, self.total, cpu
        self._latencies.clear()
        self.history.append(point)
        return point
