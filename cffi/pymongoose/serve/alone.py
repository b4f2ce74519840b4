"""One worker in this process, without a master: nothing replaces it, and it has no heartbeat."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

from . import process, sockets, worker
from .board import Board


class Alone(process.Context):
    """What a worker gets that has no master."""

    on_ready: Callable[[list[sockets.Listener]], None]

    def ready(self, what: str) -> None:
        """Serves from now on. The worker has the only copies of the sockets: it can refuse clients."""
        self.on_ready(self.listeners)
        sockets.close_all(self.listeners, remove=False)

    def is_orphan(self) -> bool:
        """There is no parent process to watch."""
        return False


def run(options: Any, on_ready: Callable[[list[sockets.Listener]], None]) -> int:
    """Serves until SIGINT or SIGTERM, which let requests in progress end; a second SIGINT does not.

    Main thread only. on_ready: called when requests are served, with the sockets. Returns the exit status.
    """
    listeners = sockets.open_all(options)
    board = Board()
    context = Alone(listeners, board, board.take(), -1, -1, [])
    context.on_ready = on_ready
    interrupted = False

    def interrupt(*unused: Any) -> None:
        nonlocal interrupted
        # The servers of all kinds know SIGTERM and SIGQUIT.
        os.kill(os.getpid(), signal.SIGQUIT if interrupted else signal.SIGTERM)
        interrupted = True

    before = signal.signal(signal.SIGINT, interrupt)
    try:
        return worker.run(options, context)
    finally:
        signal.signal(signal.SIGINT, before)
        sockets.close_all(listeners, remove=True)
