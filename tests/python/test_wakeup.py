"""Wakeup: messages from other threads."""

from __future__ import annotations

import queue
import threading
import time
from typing import Any

import pytest
from conftest import DEADLINE, Server, poll_until

from pymongoose import MG_EV_HTTP_MSG, MG_EV_WAKEUP, Connection, Manager


def recording(messages: list[Any]) -> Any:
    def handler(conn: Connection, ev: int, data: Any) -> None:
        if ev == MG_EV_WAKEUP:
            messages.append((conn.id, data))

    return handler


def test_messages_arrive_in_order() -> None:
    messages: list[Any] = []
    with Manager(recording(messages), enable_wakeup=True) as manager:
        conn = manager.listen("tcp://127.0.0.1:0")
        payloads = [b"test-wakeup-data", b"", b"\0binary\0", bytes(100_000)]
        for payload in payloads:
            assert manager.wakeup(conn.id, payload) is True
        assert manager.wakeup(conn.id) is True
        poll_until(manager, lambda: len(messages) == 5)
        assert messages == [(conn.id, payload) for payload in [*payloads, b""]]


def test_results_and_arguments() -> None:
    with Manager(enable_wakeup=True) as manager:
        assert manager.wakeup(999_999, b"nobody") is True
        assert manager.wakeup(0, b"x") is False
        manager.poll(10)
        with pytest.raises(TypeError):
            manager.wakeup(1, "text")  # type: ignore[arg-type]
        with pytest.raises(TypeError):
            manager.wakeup("1", b"")  # type: ignore[arg-type]
        for number in (-1, 1 << 64):
            with pytest.raises(OverflowError):
                manager.wakeup(number)
    with Manager() as plain:
        assert plain.wakeup(1, b"x") is False


def test_nothing_is_lost_between_threads() -> None:
    messages: list[Any] = []
    with Server(recording(messages), enable_wakeup=True) as server:
        conn, senders, each = server.listener.id, 8, 2000

        def send(sender: int) -> None:
            for i in range(each):
                assert server.manager.wakeup(conn, b"%d %d" % (sender, i))

        threads = [threading.Thread(target=send, args=(sender,)) for sender in range(senders)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(DEADLINE)
        deadline = time.monotonic() + DEADLINE
        while len(messages) < senders * each and time.monotonic() < deadline:
            time.sleep(0.01)
    per_sender: dict[bytes, list[int]] = {}
    for _, data in messages:
        sender, number = data.split()
        per_sender.setdefault(sender, []).append(int(number))
    assert len(per_sender) == senders
    assert all(numbers == list(range(each)) for numbers in per_sender.values())


def test_worker_threads_answer_requests() -> None:
    jobs: queue.Queue[tuple[int, bytes] | None] = queue.Queue()

    def handler(conn: Connection, ev: int, data: Any) -> None:
        if ev == MG_EV_HTTP_MSG:
            jobs.put((conn.id, data.body_bytes))
        elif ev == MG_EV_WAKEUP:
            conn.reply(200, data)
            conn.drain()

    with Server(handler, enable_wakeup=True) as server:

        def work() -> None:
            while (job := jobs.get()) is not None:
                server.manager.wakeup(job[0], job[1].upper())

        workers = [threading.Thread(target=work) for _ in range(3)]
        for worker in workers:
            worker.start()
        for i in range(20):
            assert server.request("POST", "/", b"job %d" % i)[2] == b"JOB %d" % i
        for _ in workers:
            jobs.put(None)
        for worker in workers:
            worker.join(DEADLINE)


def test_a_connection_that_has_closed() -> None:
    messages: list[Any] = []
    with Manager(recording(messages), enable_wakeup=True) as manager:
        conn = manager.listen("tcp://127.0.0.1:0")
        number = conn.id
        conn.close()
        assert manager.wakeup(number, b"late") is True
        for _ in range(3):
            manager.poll(1)
    assert messages == []
