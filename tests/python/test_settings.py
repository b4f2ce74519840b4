"""Limits and timeouts: what a server has by default, and how programs change them."""

from __future__ import annotations

import re
import resource
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from conftest import DEADLINE, Server

from pymongoose import (
    MG_EV_ACCEPT,
    MG_EV_ERROR,
    MG_EV_HTTP_MSG,
    MG_EV_WS_MSG,
    AsyncManager,
    Connection,
    Manager,
    settings,
)
from pymongoose._core import ffi, lib
from pymongoose.asgi import ASGIServer
from pymongoose.wsgi import WSGIServer

# Those that Python has other means for: listen(reuse_port=True), events=, MG_EV_WRITE with send_len.
# The others are texts or settings of the whole process, for options of C builds.
ELSEWHERE = {
    *("reuseport", "poll_events", "poll_interval", "high_water"),
    *("http_index", "json_depth", "log", "posix_fs", "ota_version", "ota_ca"),
}


def handler(conn: Connection, ev: int, data: Any) -> None:
    if ev == MG_EV_HTTP_MSG:
        conn.reply(200, str(len(data.body_bytes)))


def ask(port: int, request: bytes) -> bytes:
    """The answer, up to the end of the connection or the first byte of a body."""
    answer = b""
    with socket.create_connection(("127.0.0.1", port), DEADLINE) as sock:
        sock.sendall(request)
        while more := sock.recv(65536):
            answer += more
            if not answer.endswith(b"\r\n\r\n") and b"\r\n\r\n" in answer:
                break
    return answer


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


POST = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%s"


def test_the_names_are_those_of_c() -> None:
    names = {name[len("MG_SET_") :].lower() for name in dir(lib) if name.startswith("MG_SET_")}
    assert set(settings.ManagerSettings.__annotations__) == names - ELSEWHERE


def test_a_limit_of_a_manager() -> None:
    with Server(handler, settings={"http_max_body": 10}) as server:
        assert status(ask(server.port, POST % (10, b"0123456789"))) == 200
        assert status(ask(server.port, POST % (11, b"0123456789a"))) == 413


def test_a_limit_of_a_listener() -> None:
    with Server(handler) as server:
        server.listener.set(http_max_body=10)
        assert status(ask(server.port, POST % (11, b"0123456789a"))) == 413
        server.listener.set(http_max_body=0)
        assert status(ask(server.port, POST % (11, b"0123456789a"))) == 200


def test_a_limit_of_one_connection() -> None:
    def strict_for_posts(conn: Connection, ev: int, data: Any) -> None:
        handler(conn, ev, data)
        if ev == MG_EV_ACCEPT:
            conn.set(http_max_requests=1)

    with Server(strict_for_posts) as server:
        answer = ask(server.port, b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
    assert b"\r\nConnection: close\r\n" in answer


def test_connections_beyond_the_limit_are_told_so() -> None:
    with Server(handler, settings={"max_connections": 1}) as server:
        with server.connect() as first:
            first.sendall(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
            assert first.recv(100).startswith(b"HTTP/1.1 200 ")
            assert status(ask(server.port, b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")) == 503


def test_a_client_that_does_not_read_is_let_go() -> None:
    errors = []

    def at_length(conn: Connection, ev: int, data: Any) -> None:
        if ev == MG_EV_HTTP_MSG:
            conn.reply(200, bytes(100_000_000))  # More than any kernel takes.
        elif ev == MG_EV_ERROR:
            errors.append(data)
            told.set()

    told = threading.Event()
    with Server(at_length, settings={"http_send_timeout": 100}) as server:
        with server.connect() as client:
            client.sendall(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
            assert told.wait(DEADLINE)
    assert errors == ["HTTP send timeout"]


def test_the_guide_has_the_defaults() -> None:
    text = (Path(__file__).parents[2] / "docs/reference/python/limits.md").read_text()
    rows = dict(re.findall(r"^\| `(\w+)` \| ([^|]+) \|", text, re.MULTILINE))
    assert set(rows) == set(settings.ManagerSettings.__annotations__)
    for name, value in settings.defaults().items():
        if name not in ("max_connections", "max_per_address", "memory_limit"):
            assert rows[name] == ("on" if value is True else f"{value:,}"), name


def test_websocket_settings_work() -> None:
    from websockets.sync.client import connect

    def echo(conn: Connection, ev: int, data: Any) -> None:
        if ev == MG_EV_HTTP_MSG:
            conn.ws_upgrade(data)
        elif ev == MG_EV_WS_MSG:
            conn.ws_send(data.text)

    with Server(echo, settings={"ws_deflate": 15, "ws_message_limit": 1000, "ws_ping": 60_000}) as server:
        with connect(f"ws://127.0.0.1:{server.port}/") as ws:
            assert [extension.name for extension in ws.protocol.extensions] == ["permessage-deflate"]
            ws.send("x" * 1000)
            assert ws.recv(DEADLINE) == "x" * 1000
            ws.send("x" * 1001)
            with pytest.raises(Exception, match="1009"):
                ws.recv(DEADLINE)


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"no_such": 1}, TypeError),
        ({"HTTP_MAX_BODY": 1}, TypeError),
        ({"reuseport": 1}, TypeError),
        ({"http_max_body": "1"}, TypeError),
        ({"http_max_body": 1.5}, TypeError),
        ({"http_max_body": -1}, ValueError),
        ({"http_max_body": 1 << 70}, ValueError),
        ({"http_strict": 2}, ValueError),
        ({"ws_deflate": 16}, ValueError),
    ],
)
def test_what_makes_no_sense_is_refused(given: dict[str, Any], error: type[Exception]) -> None:
    with Manager() as manager:
        listener = manager.listen("http://127.0.0.1:0")
        with pytest.raises(error, match=next(iter(given))):
            manager.set(**given)
        with pytest.raises(error, match=next(iter(given))):
            listener.set(**given)


def test_settings_of_managers_are_none_of_connections() -> None:
    with Manager() as manager:
        with pytest.raises(ValueError, match="backlog"):
            manager.listen("http://127.0.0.1:0").set(backlog=5)  # type: ignore[call-arg]


def test_after_close() -> None:
    manager = Manager()
    listener = manager.listen("http://127.0.0.1:0")
    manager.close()
    with pytest.raises(RuntimeError, match="freed"):
        manager.set(http_max_body=1)
    with pytest.raises(RuntimeError, match="closed"):
        listener.set(http_max_body=1)


def test_the_limit_of_connections_follows_that_of_descriptors() -> None:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    values = settings.defaults()
    assert 0 < values["max_per_address"] <= values["max_connections"] < soft
    script = (
        "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (1024, 4096));"
        "from pymongoose import settings; print(sorted(settings.defaults().items()))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "('max_connections', 1008), ('max_per_address', 1000)" in done.stdout


async def hello(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"hi"})


def test_servers_of_applications_take_settings() -> None:
    import asyncio

    async def main() -> bytes:
        server = ASGIServer(hello, settings={"http_max_body": 10})
        listener = await server.start("http://127.0.0.1:0")
        assert listener.local_addr is not None
        try:
            return await asyncio.to_thread(ask, listener.local_addr[1], POST % (11, b"0123456789a"))
        finally:
            await server.stop()

    assert status(asyncio.run(main())) == 413
    with pytest.raises(TypeError, match="no_such"):
        WSGIServer(lambda environ, start: [], settings={"no_such": 1})  # type: ignore[arg-type]

    async def managed() -> bytes:
        async with AsyncManager(handler, settings={"http_max_body": 10}) as am:
            address = am.listen("http://127.0.0.1:0").local_addr
            assert address is not None
            return await asyncio.to_thread(ask, address[1], POST % (11, b"0123456789a"))

    assert status(asyncio.run(managed())) == 413

    async def wrong() -> None:
        server = ASGIServer(hello, settings={"http_max_body": -1})
        with pytest.raises(ValueError, match="http_max_body"):
            await server.start("http://127.0.0.1:0")

    asyncio.run(wrong())


def test_the_command_line_takes_settings() -> None:
    for kind in ("asgi", "wsgi"):
        command = [sys.executable, "-m", f"pymongoose.{kind}", "no:app"]
        for given, complaint in (
            ("no_such=1", "no setting 'no_such'"),
            ("http_max_body=x", "takes a number"),
        ):
            done = subprocess.run([*command, "--set", given], capture_output=True, text=True)
            assert done.returncode == 2
            assert complaint in done.stderr


def test_a_broker_does_not_wait_for_a_silent_client() -> None:
    errors = []

    def broker(conn: Connection, ev: int, data: Any) -> None:
        if ev == MG_EV_ERROR:
            errors.append(data)

    server = Server(broker, settings={"handshake_timeout": 100})
    listener = server.manager.mqtt_listen("mqtt://127.0.0.1:0", broker)
    assert listener.local_addr is not None
    with server:
        with socket.create_connection(("127.0.0.1", listener.local_addr[1]), DEADLINE) as peer:
            assert peer.recv(1) == b""
    assert errors == ["MQTT login timeout"]


def test_the_memory_of_a_manager_has_a_limit() -> None:
    errors = []

    def keep(conn: Connection, ev: int, data: Any) -> None:
        if ev == MG_EV_ERROR:
            errors.append(data)

    server = Server(keep, settings={"memory_limit": 200_000})
    listener = server.manager.listen("tcp://127.0.0.1:0")
    assert listener.local_addr is not None
    assert server.manager.held_bytes == 0
    peers = [socket.create_connection(("127.0.0.1", listener.local_addr[1]), DEADLINE) for _ in range(30)]
    with server:
        for peer in peers:
            peer.sendall(b"x" * 20_000)
        until = time.monotonic() + DEADLINE
        while "memory limit" not in errors and time.monotonic() < until:
            assert server.manager.held_bytes <= 200_000
            time.sleep(0.01)
        assert set(errors) == {"memory limit"}
        for peer in peers:
            peer.close()
    with pytest.raises(RuntimeError):
        print(server.manager.held_bytes)


def test_the_limit_of_memory_follows_that_of_the_process() -> None:
    available = lib.mg_available_memory()
    assert settings.defaults()["memory_limit"] == available // 4
    limit = 1 << 32
    script = (
        f"import resource; resource.setrlimit(resource.RLIMIT_AS, ({limit}, {limit}));"
        "from pymongoose import settings; print(settings.defaults()['memory_limit'])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert int(done.stdout.split()[-1]) == min(available, limit) // 4


@pytest.mark.parametrize(
    ("request_", "expected", "exception"),
    [
        (b"GET / HTTP/1.1\r\nHost: h\r\n\r\n", 200, None),
        (b"GET / HTTP/1.1\r\n\r\n", 200, None),
        (b"\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", 200, None),
        (b"GET / HTTP/1.1\nHost: h\r\n\r\n", 400, "http_allow_lf"),
        (b"GET /\xc3\xa4 HTTP/1.1\r\nHost: h\r\n\r\n", 400, "http_allow_raw_target"),
        (b"GET  / HTTP/1.1\r\nHost: h\r\n\r\n", 400, None),
        (b"GET /\x7f HTTP/1.1\r\nHost: h\r\n\r\n", 400, None),
        (b"GET / HTTP/2.0\r\nHost: h\r\n\r\n", 505, None),
        (b"GET / HTTP/1.1\r\nHost: h\r\nHost: i\r\n\r\n", 400, None),
        (b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2;\r\nxx\r\n0\r\n\r\n", 400, None),
        (b"FOO / HTTP/1.1\r\nHost: h\r\n\r\n", 200, None),
    ],
)
def test_servers_are_strict(request_: bytes, expected: int, exception: str | None) -> None:
    with Server(handler) as server:
        assert status(ask(server.port, request_)) == expected
        if exception is not None:
            server.listener.set(**{exception: True})
            assert status(ask(server.port, request_)) == 200
        if expected != 200:
            server.listener.set(http_strict=False, http_allow_lf=False)
            assert status(ask(server.port, request_)) == (
                400 if b"\x7f" in request_ or b"i\r" in request_ else 200
            )


HEAD = b"Host: h\r\n\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"

# Each class of what a strict server refuses, with siblings; tests/c/http_strict.c has the same in C.
REFUSED = [
    b"GET  / HTTP/1.1\r\n" + HEAD,
    b"GET /  HTTP/1.1\r\n" + HEAD,
    b"GET / HTTP/1.1 \r\n" + HEAD,
    b" GET / HTTP/1.1\r\n" + HEAD,
    b"GET\t/ HTTP/1.1\r\n" + HEAD,
    b"G@T / HTTP/1.1\r\n" + HEAD,
    b"G\xc3T / HTTP/1.1\r\n" + HEAD,
    b"GET /\x7f HTTP/1.1\r\n" + HEAD,
    b"GET /?\x7f HTTP/1.1\r\n" + HEAD,
    b"GET http://h/\x7f HTTP/1.1\r\n" + HEAD,
    b"GET /\xff HTTP/1.1\r\n" + HEAD,
    b"GET /?\xc3\xa4 HTTP/1.1\r\n" + HEAD,
    b"GET http://h/\xc3\xa4 HTTP/1.1\r\n" + HEAD,
    b"GET x HTTP/1.1\r\n" + HEAD,
    b"GET /#a HTTP/1.1\r\n" + HEAD,
    b"GET / HTTP/1.1\n" + HEAD,
    b"GET / HTTP/1.1\r\nHost: h\n\r\n",
    b"GET / HTTP/1.1\r\nHost: h\r\n\n",
    b"\nGET / HTTP/1.1\r\n" + HEAD,
    b"GET / HTTP/1.1\r\nHost: h\xc3\r\n\r\n",
    b"GET / HTTP/1.1\r\nA: \x7f\r\n" + HEAD,
    b"GET / HTTP/1.1\r\n\xc3\xa4: b\r\n" + HEAD,
    b"GET / HTTP/1.1\r\nA : b\r\n" + HEAD,
    *(
        CHUNKED + body + (b"" if body.endswith(b"\n\n") else b"\r\n")
        for body in (
            b"2;\r\nxx\r\n0\r\n",
            b"2;=a\r\nxx\r\n0\r\n",
            b"2;a;\r\nxx\r\n0\r\n",
            b"2\r\nxx\r\n0;\r\n",
            b"00000000000000002\r\nxx\r\n0\r\n",
            b"2\r\nxx\r\n00000000000000000\r\n",
            b"2\nxx\r\n0\r\n",
            b"2\r\nxx\n0\r\n",
            b"2\r\nxx\r\n0\n",
            b"2\r\nxx\r\n0\r\nT: v\n",
            b"2\r\nxx\r\n0\r\nT : v\r\n",
        )
    ),
]


def test_every_class_is_refused_by_default() -> None:
    with Server(handler) as server:
        for request_ in REFUSED:
            assert status(ask(server.port, request_)) == 400, request_
        # An empty line before a request is skipped, and only who asks for that gets 501.
        for request_ in (b"\r\nGET / HTTP/1.1\r\n" + HEAD, b"FOO / HTTP/1.1\r\n" + HEAD):
            assert status(ask(server.port, request_)) == 200, request_


def test_the_guide_says_what_differs_from_c() -> None:
    """Python's defaults and mg_mgr_harden are two tables: each difference has its reason."""
    manager = Manager()
    try:
        mgr = ffi.cast("struct mg_mgr *", manager._address)

        def values() -> dict[str, int]:
            names = settings.ManagerSettings.__annotations__
            return {name: lib.mg_mgr_get(mgr, getattr(lib, f"MG_SET_{name.upper()}")) for name in names}

        python = values()
        plain = ffi.new("struct mg_mgr *")
        lib.mg_mgr_init(plain)
        assert lib.mg_mgr_harden(plain)
        mgr = plain
        hardened = values()
        lib.mg_mgr_free(plain)
    finally:
        manager.close()
    text = (Path(__file__).parents[2] / "docs/reference/python/limits.md").read_text()
    rows = re.findall(r"^\* (`[^:]+`): .+: .+\.$", text.split("## What differs")[1], re.MULTILINE)
    listed = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    # These depend on the limit of descriptors.
    always = {"max_connections", "max_per_address"}
    assert {name for name in python if python[name] != hardened[name]} | always == listed


def test_exceptions_and_more_can_be_chosen() -> None:
    with Server(handler, settings={"http_allow_no_host": False, "http_known_methods": True}) as server:
        assert status(ask(server.port, b"GET / HTTP/1.1\r\n\r\n")) == 400
        assert status(ask(server.port, b"FOO / HTTP/1.1\r\nHost: h\r\n\r\n")) == 501
