"""AsyncManager."""

from __future__ import annotations

import asyncio
import http.client
import threading
import time
from typing import Any

import pytest
from conftest import DEADLINE

import pymongoose
from pymongoose import MG_EV_HTTP_MSG, MG_EV_WAKEUP, AsyncManager, Connection


def port_of(conn: Connection) -> int:
    address = conn.local_addr
    assert address is not None
    return address[1]


async def get(port: int, path: str = "/") -> bytes:
    def fetch() -> bytes:
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE)
        client.request("GET", path)
        body = client.getresponse().read()
        client.close()
        return body

    return await asyncio.to_thread(fetch)


def test_serves_and_schedules() -> None:
    threads: list[Any] = []

    async def main() -> None:
        called = asyncio.Event()

        def handler(conn: Connection, ev: int, data: Any) -> None:
            if ev == MG_EV_HTTP_MSG:
                threads.append(threading.current_thread())
                am.schedule(called.set)
                am.schedule(note())
                am.timer_add(1, lambda: None)
                conn.reply(200, data.uri)

        async def note() -> None:
            threads.append(threading.current_thread())

        async with AsyncManager(handler) as am:
            assert am.running
            listener = am.listen("http://127.0.0.1:0")
            assert await get(port_of(listener), "/x") == b"/x"
            await asyncio.wait_for(called.wait(), DEADLINE)
            await asyncio.sleep(0)
            assert am.connections[0] is listener
            assert am.wakeup_id == 1
        assert not am.running
        assert am._manager is None

    asyncio.run(main())
    assert threads[0] is not threading.main_thread()
    assert threads[1] is threading.main_thread()


def test_calls_do_not_wait_for_the_poll_interval() -> None:
    async def main() -> None:
        got: list[bytes] = []

        def handler(conn: Connection, ev: int, data: Any) -> None:
            if ev == MG_EV_WAKEUP:
                got.append(data)

        async with AsyncManager(handler, poll_interval=60_000) as am:
            listener = am.listen("tcp://127.0.0.1:0")
            am.wakeup(listener.id, b"now")
            deadline = time.monotonic() + DEADLINE
            while not got and time.monotonic() < deadline:
                await asyncio.sleep(0.001)
            assert got == [b"now"]
            assert am.connect(f"tcp://127.0.0.1:{port_of(listener)}").id > 0

    start = time.monotonic()
    asyncio.run(main())
    assert time.monotonic() - start < DEADLINE


def test_can_be_entered_again() -> None:
    async def main() -> None:
        am = AsyncManager()
        for _ in range(2):
            async with am:
                assert am.listen("tcp://127.0.0.1:0").is_listening

    asyncio.run(main())


def test_not_started() -> None:
    am = AsyncManager()
    assert am.running is False
    for call in (
        lambda: am.manager,
        lambda: am.listen("tcp://127.0.0.1:0"),
        lambda: am.connect("tcp://127.0.0.1:1"),
        lambda: am.timer_add(1, print),
        lambda: am.wakeup(1),
        lambda: am.schedule(print),
        lambda: am.connections,
    ):
        with pytest.raises(RuntimeError, match="AsyncManager is not started"):
            call()


def test_an_abandoned_thread_ends_when_its_handler_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pymongoose.aio, "STEP", 0.05)
    release, blocked = threading.Event(), threading.Event()

    def block() -> None:
        blocked.set()
        release.wait(60)

    async def main() -> None:
        am = AsyncManager(shutdown_timeout=0.05)
        async with am:
            am.timer_add(0, block)
            await asyncio.to_thread(blocked.wait, DEADLINE)
            (first,) = (t for t in threading.enumerate() if t.name == "pymongoose-poll")
        am._shutdown_timeout = DEADLINE
        async with am:
            listener = am.listen("tcp://127.0.0.1:0")
            release.set()
            await asyncio.to_thread(first.join, DEADLINE)
            assert not first.is_alive()
            assert am.running
            assert not listener.is_closing
        assert listener.is_closing

    with pytest.warns(RuntimeWarning, match="abandoning thread"):
        asyncio.run(main())


def test_a_manager_that_the_program_closed(capsys: pytest.CaptureFixture[str]) -> None:
    async def main() -> None:
        async with AsyncManager() as am:
            am.manager.close()

    asyncio.run(main())
    assert capsys.readouterr().err == ""


def test_a_handler_that_does_not_return(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pymongoose.aio, "STEP", 0.1)
    release = threading.Event()
    blocked = threading.Event()

    def block() -> None:
        blocked.set()
        release.wait(60)

    async def main() -> AsyncManager:
        am = AsyncManager(shutdown_timeout=0.3)
        async with am:
            am.timer_add(0, block)
            await asyncio.to_thread(blocked.wait, DEADLINE)
        return am

    with pytest.warns(RuntimeWarning) as caught:
        am = asyncio.run(main())
    texts = [str(w.message) for w in caught]
    assert "has not stopped after 0.1s" in texts[0]
    assert "did not stop within 0.3s; abandoning thread" in texts[-1]
    manager = am._manager
    assert manager is not None
    release.set()
    manager.close()
