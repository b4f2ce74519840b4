"""Applications for the tests: the answer tells what the server made of the request."""

from __future__ import annotations

import asyncio
import json
import os
import time
from typing import Any

GATE = os.environ.get("GATE", "")  # /held answers when this file is there
if os.environ.get("BROKEN") and os.path.exists(os.environ["BROKEN"]):
    raise RuntimeError("broken on purpose")


async def asgi(scope: Any, receive: Any, send: Any) -> None:
    """An ASGI application."""
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                print("lifespan ended", flush=True)
                return
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        while True:
            message = await receive()
            if message["type"] == "websocket.disconnect":
                print(f"disconnected {message['code']}", flush=True)
                return
            await send({**message, "type": "websocket.send"})
    if scope["path"] == "/held":
        print("held", flush=True)
    while scope["path"] == "/held" and not os.path.exists(GATE):
        await asyncio.sleep(0.01)
    if scope["path"] == "/exit":
        os._exit(7)
    if scope["path"] == "/hang":
        time.sleep(3600)
    client = scope["client"]
    facts = {
        "pid": os.getpid(),
        "scheme": scope["scheme"],
        "client": client[0] if isinstance(client, (list, tuple)) else client,
        "path": scope["path"],
        "root_path": scope["root_path"],
        "name": os.environ.get("NAME", ""),
    }
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": json.dumps(facts).encode()})


def wsgi(environ: Any, start_response: Any) -> list[bytes]:
    """A WSGI application."""
    if environ["PATH_INFO"] == "/held":
        print("held", flush=True)
    while environ["PATH_INFO"] == "/held" and not os.path.exists(GATE):
        time.sleep(0.01)
    if environ["PATH_INFO"] == "/exit":
        os._exit(7)
    facts = {
        "pid": os.getpid(),
        "scheme": environ["wsgi.url_scheme"],
        "client": environ.get("REMOTE_ADDR"),
        "path": environ["PATH_INFO"],
        "root_path": environ["SCRIPT_NAME"],
        "name": os.environ.get("NAME", ""),
    }
    start_response("200 OK", [])
    return [json.dumps(facts).encode()]


def make() -> Any:
    """For --factory."""
    return asgi
