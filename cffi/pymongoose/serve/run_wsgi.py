"""Serves a WSGI application in a worker."""

from __future__ import annotations

import os
import signal
import time
from typing import Any, cast

from .. import wsgi
from ..settings import ManagerSettings
from . import wrappers
from .worker import LINGER, TICK, Worker

POLL = 100  # milliseconds; signals are seen between two polls


def run(worker: Worker, app: Any) -> int:
    """Polls until the worker stops."""
    options = worker.options

    def stop(*unused: Any) -> None:
        worker.stopping = True

    wrapped = wrappers.around_wsgi(app, worker, stop)
    server = wsgi.WSGIServer(
        wrapped,
        options.threads,
        settings=cast(ManagerSettings, worker.settings()),
        max_body=options.max_body,
        multiprocess=options.workers > 1,
        is_proxy=worker.is_proxy(),
    )
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGQUIT, lambda number, frame: os._exit(0))
    signal.signal(signal.SIGUSR1, lambda number, frame: worker.context.reopen())
    server.manager._set_mounts(options.mounts)
    worker.tick(server.manager)
    worker.listen(server.listen)
    worker.ready(f"{options.target} (WSGI)")
    due = 0.0
    while not worker.stopping:
        if time.monotonic() >= due:
            due = time.monotonic() + TICK
            worker.tick(server.manager)
        server.turn(POLL)
    server.drain(options.timeout_graceful_shutdown, linger=LINGER)
    server.close()
    worker.end()
    return 0
