"""AsyncManager: a Manager that polls in a thread of its own, for asyncio programs."""

from __future__ import annotations

import asyncio
import inspect
import threading
import warnings
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any

from ._core import gate
from .connection import Connection
from .interest import Handler
from .manager import Manager
from .settings import ManagerSettings

STEP = 5.0  # seconds between two warnings about a poll thread that does not stop


class _Poller:
    """A thread that polls a manager. Each entry of an AsyncManager has one of its own."""

    def __init__(self, manager: Manager, interval: int) -> None:
        self._manager = manager
        self._interval = interval
        self._loop = asyncio.get_running_loop()
        self._stop = False
        self.stopped = asyncio.Event()
        threading.Thread(target=self._run, name="pymongoose-poll", daemon=True).start()

    def _run(self) -> None:
        try:
            while not self._stop:
                self._manager.poll(self._interval)
        except RuntimeError as e:
            if "has been freed" not in str(e):  # The program closed the manager itself.
                raise
        finally:
            try:
                self._loop.call_soon_threadsafe(self.stopped.set)
            except RuntimeError:
                pass  # The loop was closed: no task waits any more.

    def stop(self) -> None:
        """Asks the thread to end, and interrupts its wait."""
        self._stop = True
        if not self._manager._closed:
            self._manager.wakeup(self._manager.wakeup_id)


class AsyncManager:
    """An async context manager around a Manager with wakeup enabled.

    Handlers run on the poll thread. From there schedule() hands work to the asyncio loop; from the
    loop, all methods may be called directly: they interrupt the wait of the poll thread.
    """

    def __init__(
        self,
        handler: Handler | None = None,
        poll_interval: int = 100,
        error_handler: Callable[[Exception], object] | None = None,
        shutdown_timeout: float = 30,
        *,
        settings: ManagerSettings | None = None,
    ) -> None:
        self._handler = handler
        self._poll_interval = poll_interval
        self._error_handler = error_handler
        self._shutdown_timeout = shutdown_timeout
        self._settings: ManagerSettings = settings or {}
        self._manager: Manager | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._poller: _Poller | None = None

    async def __aenter__(self) -> AsyncManager:
        self._loop = asyncio.get_running_loop()
        self._manager = Manager(self._handler, enable_wakeup=True, error_handler=self._error_handler)
        self._manager.set(**self._settings)
        self._poller = _Poller(self._manager, self._poll_interval)
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        manager, poller = self._manager, self._poller
        assert manager is not None
        assert poller is not None
        self._poller = None
        poller.stop()
        waited = 0.0
        while not poller.stopped.is_set():
            step = min(STEP, self._shutdown_timeout - waited)
            try:
                await asyncio.wait_for(poller.stopped.wait(), max(step, 0))
            except asyncio.TimeoutError:
                waited += step
                if waited >= self._shutdown_timeout:
                    warnings.warn(
                        f"AsyncManager poll thread did not stop within {self._shutdown_timeout}s; "
                        "abandoning thread",
                        RuntimeWarning,
                        stacklevel=2,
                    )
                    self._loop = None
                    return
                warnings.warn(
                    f"AsyncManager poll thread has not stopped after {waited:g}s; "
                    "a handler may be blocking. Retrying shutdown...",
                    RuntimeWarning,
                    stacklevel=2,
                )
        manager.close()
        self._manager = None
        self._loop = None

    @property
    def running(self) -> bool:
        """True between entering and leaving the context."""
        return self._poller is not None

    @property
    def manager(self) -> Manager:
        """The Manager."""
        if self._manager is None:
            raise RuntimeError("AsyncManager is not started")
        return self._manager

    def listen(
        self,
        url: str,
        handler: Handler | None = None,
        *,
        http: bool | None = None,
        events: Iterable[int] | None = None,
        reuse_port: bool = False,
    ) -> Connection:
        """See Manager.listen()."""
        return self.manager.listen(url, handler, http=http, events=events, reuse_port=reuse_port)

    def connect(
        self,
        url: str,
        handler: Handler | None = None,
        *,
        http: bool | None = None,
        events: Iterable[int] | None = None,
    ) -> Connection:
        """See Manager.connect()."""
        return self.manager.connect(url, handler, http=http, events=events)

    def ws_connect(self, url: str, handler: Handler | None = None) -> Connection:
        """See Manager.ws_connect()."""
        return self.manager.ws_connect(url, handler)

    def mqtt_connect(self, url: str, handler: Handler | None = None, **kwargs: Any) -> Connection:
        """See Manager.mqtt_connect()."""
        return self.manager.mqtt_connect(url, handler, **kwargs)

    def mqtt_listen(self, url: str, handler: Handler | None = None) -> Connection:
        """See Manager.mqtt_listen()."""
        return self.manager.mqtt_listen(url, handler)

    def sntp_connect(self, url: str, handler: Handler | None = None) -> Connection:
        """See Manager.sntp_connect()."""
        return self.manager.sntp_connect(url, handler)

    def timer_add(
        self,
        milliseconds: int,
        callback: Callable[[], object],
        *,
        repeat: bool = False,
        run_now: bool = False,
    ) -> gate.Timer:
        """See Manager.timer_add(). The callback runs on the poll thread."""
        return self.manager.timer_add(milliseconds, callback, repeat=repeat, run_now=run_now)

    def wakeup(self, connection_id: int, data: bytes = b"") -> bool:
        """See Manager.wakeup()."""
        return self.manager.wakeup(connection_id, data)

    @property
    def connections(self) -> tuple[Connection, ...]:
        """See Manager.connections."""
        return self.manager.connections

    @property
    def wakeup_id(self) -> int:
        """See Manager.wakeup_id."""
        return self.manager.wakeup_id

    def schedule(self, work: Any) -> None:
        """Runs a coroutine object, or calls a function without arguments, on the asyncio loop.

        May be called from any thread.
        """
        loop = self._loop
        if self._manager is None or loop is None:
            raise RuntimeError("AsyncManager is not started")
        if inspect.iscoroutine(work):
            asyncio.run_coroutine_threadsafe(work, loop)
        else:
            loop.call_soon_threadsafe(work)
