"""What both servers for applications add to responses, without the command that runs them."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
from conftest import DEADLINE, read_all

from pymongoose.asgi import ASGIServer
from pymongoose.settings import ManagerSettings
from pymongoose.wsgi import WSGIServer

Headers = list[tuple[str, str]]
REQUEST = b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"


def ask(port: int) -> bytes:
    with socket.create_connection(("127.0.0.1", port), DEADLINE) as client:
        client.sendall(REQUEST)
        return read_all(client)


def by_asgi(headers: Headers, settings: ManagerSettings) -> bytes:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            raise NotImplementedError
        pairs = [(name.encode(), value.encode()) for name, value in headers]
        await send({"type": "http.response.start", "status": 200, "headers": pairs})
        await send({"type": "http.response.body", "body": b"x"})

    async def main() -> bytes:
        server = ASGIServer(app, settings=settings)
        address = (await server.start("http://127.0.0.1:0")).local_addr
        assert address is not None
        try:
            return await asyncio.to_thread(ask, address[1])
        finally:
            await server.stop()

    return asyncio.run(main())


def by_wsgi(headers: Headers, settings: ManagerSettings) -> bytes:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", headers)
        return [b"x"]

    server = WSGIServer(app, 2, settings=settings)
    address = server.listen("http://127.0.0.1:0").local_addr
    assert address is not None
    replies: list[bytes] = []
    client = threading.Thread(target=lambda: replies.append(ask(address[1])))
    client.start()
    while client.is_alive():
        server.turn(10)
    server.close()
    return replies[0]


@pytest.mark.parametrize("serve", [by_asgi, by_wsgi])
def test_responses_have_a_date(serve: Callable[[Headers, ManagerSettings], bytes]) -> None:
    """RFC 9110, section 6.6.1."""
    reply = serve([], {})
    [line] = [line for line in reply.split(b"\r\n") if line.startswith(b"Date: ")]
    parsedate_to_datetime(line[6:].decode())
    assert line.endswith(b" GMT")
    reply = serve([("date", "mine")], {})
    assert reply.lower().count(b"\r\ndate: ") == 1
    assert b"mine" in reply
    assert b"\r\nDate: " not in serve([], {"http_date": False})
