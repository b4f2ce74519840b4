"""The lifespan protocol of ASGI: an application's startup and shutdown."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

TIMEOUT = 5.0  # seconds that an application gets to end

Message = dict[str, Any]
App = Callable[..., Any]


class Lifespan:
    """Startup and shutdown of the application, if it cares."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.incoming: asyncio.Queue[Message] = asyncio.Queue()
        self.answers: asyncio.Queue[Message] = asyncio.Queue()
        self.task: asyncio.Task[None] | None = None
        self.state: dict[str, Any] = {}  # of the application, for its requests

    async def startup(self) -> None:
        self.task = asyncio.get_running_loop().create_task(self.run())
        self.incoming.put_nowait({"type": "lifespan.startup"})
        answer = await self.answers.get()
        if answer["type"] == "lifespan.startup.failed":
            await self.task
            self.task = None
            raise RuntimeError(f"ASGI lifespan startup failed: {answer.get('message', '')}")
        if answer["type"] == "none":
            self.task = None

    async def run(self) -> None:
        asgi = {"version": "3.0", "spec_version": "2.0"}
        scope = {"type": "lifespan", "asgi": asgi, "state": self.state}
        try:
            await self.app(scope, self.incoming.get, self.answers.put)
        except Exception:
            pass  # An application without lifespan support.
        self.answers.put_nowait({"type": "none"})

    async def shutdown(self) -> None:
        task, self.task = self.task, None
        if task is None or task.done():
            return
        self.incoming.put_nowait({"type": "lifespan.shutdown"})
        try:
            await asyncio.wait_for(self.answers.get(), TIMEOUT)
            await asyncio.wait_for(task, TIMEOUT)
        except asyncio.TimeoutError:
            task.cancel()
