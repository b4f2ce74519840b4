"""Serves an ASGI application in a worker."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import traceback
from typing import Any, cast

from .. import asgi
from ..settings import ManagerSettings
from . import wrappers
from .errors import STARTUP_FAILED, Misuse
from .worker import LINGER, TICK, Worker


def run(worker: Worker, app: Any) -> int:
    """Runs the loop until the worker stops."""
    choose_loop(worker.options.loop)
    return asyncio.run(_serve(worker, app))


def choose_loop(name: str) -> None:
    """Makes asyncio.run() use the loop of that name."""
    if name == "asyncio":
        return
    try:
        import uvloop
    except ImportError:
        if name == "uvloop":
            raise Misuse("--loop uvloop: uvloop is not installed") from None
        return
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())


async def _serve(worker: Worker, app: Any) -> int:
    options = worker.options
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    wrapped = wrappers.around_asgi(asgi.single_callable(app), worker, stop.set)
    settings = cast(ManagerSettings, worker.settings())
    server = asgi.ASGIServer(
        wrapped,
        settings=settings,
        max_body=options.max_body,
        lifespan=options.lifespan,
        is_proxy=worker.is_proxy(),
    )
    try:
        await server.open()
    except Exception as e:
        traceback.print_exception(type(e), e, e.__traceback__)
        print(f"Error: {options.target} does not start: {e}", file=sys.stderr)
        return STARTUP_FAILED
    try:
        server.manager._set_mounts(options.mounts)
        worker.tick(server.manager)
        worker.listen(server.listen)
        loop.add_signal_handler(signal.SIGTERM, stop.set)
        loop.add_signal_handler(signal.SIGQUIT, os._exit, 0)
        loop.add_signal_handler(signal.SIGUSR1, worker.context.reopen)
        beats = loop.create_task(_beat(worker, server, stop))
        beats.add_done_callback(lambda task: stop.set())  # A worker without a heartbeat would be killed.
        worker.ready(f"{options.target} (ASGI)")
        await stop.wait()
        await server.drain(options.timeout_graceful_shutdown, code=1012, linger=LINGER)
        beats.cancel()
    finally:
        await server.stop()
        worker.end()
    return 0


async def _beat(worker: Worker, server: asgi.ASGIServer, stop: asyncio.Event) -> None:
    while True:
        worker.tick(server.manager)
        if worker.stopping:
            stop.set()
        await asyncio.sleep(TICK)
