"""Applications for the tests: the answer tells what the server made of the request."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Iterable, Iterator
from typing import Any

GATE = os.environ.get("GATE", "")  # /held answers when this file is there
if os.environ.get("BROKEN") and os.path.exists(os.environ["BROKEN"]):
    raise RuntimeError("broken on purpose")


async def stream(receive: Any, send: Any) -> None:
    """A response in two parts; the second one comes when the gate is open."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": f"{os.getpid()}\n".encode(), "more_body": True})
    while not os.path.exists(GATE):
        await asyncio.sleep(0.01)
    await send({"type": "http.response.body", "body": b"last\n"})


async def upload(receive: Any, send: Any) -> None:
    """Tells how long the body was."""
    length, more = 0, True
    while more:
        message = await receive()
        length += len(message.get("body", b""))
        more = message.get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": str(length).encode()})


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
        if scope["path"] == "/pid":
            await send({"type": "websocket.send", "text": f"{os.getpid():08}"})
        while True:
            message = await receive()
            if message["type"] == "websocket.disconnect":
                print(f"disconnected {message['code']}", flush=True)
                return
            await send({**message, "type": "websocket.send"})
    if scope["path"] in ("/stream", "/upload"):
        await (stream if scope["path"] == "/stream" else upload)(receive, send)
        return
    if scope["path"] == "/held":
        os.write(1, b"held\n")  # in one piece, whichever threads do
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
        "loop": type(asyncio.get_running_loop()).__module__,
    }
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": json.dumps(facts).encode()})


def parts() -> Iterator[bytes]:
    """The same for WSGI."""
    yield f"{os.getpid()}\n".encode()
    while not os.path.exists(GATE):
        time.sleep(0.01)
    yield b"last\n"


def wsgi(environ: Any, start_response: Any) -> Iterable[bytes]:
    """A WSGI application."""
    if environ["PATH_INFO"] == "/stream":
        start_response("200 OK", [])
        return parts()
    if environ["PATH_INFO"] == "/upload":
        start_response("200 OK", [])
        return [str(len(environ["wsgi.input"].read())).encode()]
    if environ["PATH_INFO"] == "/held":
        os.write(1, b"held\n")  # in one piece, whichever threads do
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


def either(*arguments: Any) -> Any:
    """Takes the arguments of both interfaces."""
    return wsgi(*arguments) if len(arguments) == 2 else asgi(*arguments)


async def without_lifespan(scope: Any, receive: Any, send: Any) -> None:
    """Knows requests only."""
    assert scope["type"] == "http"
    await asgi(scope, receive, send)
