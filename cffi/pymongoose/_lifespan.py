"""The lifespan protocol of ASGI: an application's startup and shutdown."""

from __future__ import annotations

import asyncio
import sys
import traceback
from collections.abc import Callable
from typing import Any

TIMEOUT = 5.0  # seconds that an application gets to end

Message = dict[str, Any]
App = Callable[..., Any]


class Lifespan:
    """Startup and shutdown of the application, if it cares."""

    def __init__(self, app: App, required: bool = False) -> None:
        self.app = app
        self.required = required  # an application without it does not start
        self.incoming: asyncio.Queue[Message] = asyncio.Queue()
        self.answers: asyncio.Queue[Message] = asyncio.Queue()
        self.task: asyncio.Task[None] | None = None
        self.began = False  # the application takes part
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
            if self.required:
                raise RuntimeError("the application has no lifespan, or fails in it")

    async def run(self) -> None:
        asgi = {"version": "3.0", "spec_version": "2.0"}
        scope = {"type": "lifespan", "asgi": asgi, "state": self.state}
        try:
            await self.app(scope, self.receive, self.answers.put)
        except (Exception, SystemExit):
            # One that raises at once has no lifespan support, and says so.
            if self.began:
                traceback.print_exc()
        self.answers.put_nowait({"type": "none"})

    async def receive(self) -> Message:
        self.began = True
        return await self.incoming.get()

    async def shutdown(self) -> None:
        task, self.task = self.task, None
        if task is None or task.done():
            return
        self.incoming.put_nowait({"type": "lifespan.shutdown"})
        try:
            answer = await asyncio.wait_for(self.answers.get(), TIMEOUT)
            if answer["type"] == "lifespan.shutdown.failed":
                print(f"ASGI lifespan shutdown failed: {answer.get('message', '')}", file=sys.stderr)
            await asyncio.wait_for(task, TIMEOUT)
        except asyncio.TimeoutError:
            print(f"ASGI lifespan shutdown took more than {TIMEOUT:g} seconds", file=sys.stderr)
            task.cancel()
