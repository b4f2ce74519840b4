"""Memory that the master shares with its workers: heartbeats and counters.

Each worker has a row, in which only it writes; a row of a worker that ended keeps its counters for the
one that gets it next, so sums never go down. Numbers are doubles at aligned addresses: one is read whole.
"""

from __future__ import annotations

import mmap
from typing import Any

ROWS = 512
WIDTH = 1024  # doubles in a row: two pages
BEAT, CONNECTIONS, ACTIVE, LAG, SENT, RECEIVED, SECONDS, COUNT, DROPPED = range(9)
BEAT_TIME = 1.0  # seconds between two heartbeats
GAUGES = (BEAT, CONNECTIONS, ACTIVE, LAG)
BUCKETS = 32  # first of the histogram of durations
STATUS = 64  # status 0 would be here
LIMITS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)  # seconds


class Board:
    """All rows."""

    def __init__(self) -> None:
        self._memory = memoryview(mmap.mmap(-1, ROWS * WIDTH * 8)).cast("d")
        self._taken = [False] * ROWS
        self.used: int = 0  # rows that have ever been taken

    def row(self, number: int) -> Any:
        """One row: a memoryview of doubles."""
        return self._memory[number * WIDTH : (number + 1) * WIDTH]

    def take(self) -> int:
        """The number of a free row."""
        number = self._taken.index(False)
        self._taken[number] = True
        self.used = max(self.used, number + 1)
        return number

    def give_back(self, number: int) -> None:
        """After the end of its worker: what is counted stays."""
        row = self.row(number)
        for gauge in GAUGES:
            row[gauge] = 0.0
        self._taken[number] = False
