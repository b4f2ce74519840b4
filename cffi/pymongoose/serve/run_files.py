"""Serves a folder in a worker."""

from __future__ import annotations

import os
import signal
import time
from typing import Any

from .. import _serve
from ..constants import MG_EV_HTTP_MSG
from ..manager import Manager
from .worker import TICK, Worker

POLL = 100  # milliseconds; signals are seen between two polls


def run(worker: Worker) -> int:
    """Polls until the worker stops."""
    options = worker.options
    root = os.path.abspath(options.target)

    def stop(*unused: Any) -> None:
        worker.stopping = True

    is_proxy = worker.is_proxy()

    def handle(conn: Any, ev: int, data: Any) -> None:
        if ev == MG_EV_HTTP_MSG:
            conn.serve_dir(data, root)
        elif is_proxy is not None and is_proxy(conn):
            conn.set(proxy_protocol=True)

    manager = Manager(handle, events=_serve.events((MG_EV_HTTP_MSG,), is_proxy))
    manager.set(**worker.settings())
    manager._set_mounts(options.mounts)
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGQUIT, lambda number, frame: os._exit(0))
    signal.signal(signal.SIGUSR1, lambda number, frame: worker.context.reopen())
    worker.tick(manager)
    worker.listen(lambda url: manager.listen(url, http=True))
    worker.ready(f"{root} (files)")
    due = 0.0
    while not worker.stopping:
        if time.monotonic() >= due:
            due = time.monotonic() + TICK
            worker.tick(manager)
        manager.poll(POLL)
    manager._drain(options.timeout_graceful_shutdown)
    manager.close()
    return 0
