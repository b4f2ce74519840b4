"""Calls from threads other than the one that polls."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from conftest import DEADLINE, Server

from pymongoose import (
    MG_EV_ACCEPT,
    MG_EV_HTTP_MSG,
    MG_EV_READ,
    Connection,
)


def wait_for(condition: Any) -> None:
    deadline = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


class PatientServer(Server):
    """Its poll waits so long that only what wakes it can be the reason that it returns."""

    def _poll(self) -> None:
        while not self.stop.is_set():
            self.manager.poll(60_000)

    def __exit__(self, *exc_info: Any) -> None:
        self.stop.set()
        self.manager.close()
        self.thread.join(DEADLINE)


def ignoring_closed_manager(run: Any) -> Any:
    def wrapped() -> None:
        try:
            run()
        except RuntimeError as e:
            assert "freed" in str(e)

    return wrapped


def patient(handler: Any) -> PatientServer:
    server = PatientServer(handler, enable_wakeup=True)
    server.thread = threading.Thread(target=ignoring_closed_manager(server._poll), daemon=True)
    return server


def test_udp_from_the_main_thread() -> None:
    echoes: list[bytes] = []

    def serve(conn: Connection, ev: int, data: Any) -> None:
        if ev == MG_EV_READ:
            conn.send(conn.recv_data())

    def receive(conn: Connection, ev: int, data: Any) -> None:
        if ev == MG_EV_READ:
            echoes.append(conn.recv_data())

    with patient(None) as server:
        listener = server.manager.listen("udp://127.0.0.1:0", serve)
        assert listener.local_addr is not None
        client = server.manager.connect(f"udp://127.0.0.1:{listener.local_addr[1]}", handler=receive)
        client.send(b"Hello UDP!")
        wait_for(lambda: echoes == [b"Hello UDP!"])


def test_data_queued_by_another_thread_goes_out_at_once() -> None:
    accepted: list[Connection] = []

    def handler(conn: Connection, ev: int, data: Any) -> None:
        if ev == MG_EV_ACCEPT:
            accepted.append(conn)

    with patient(handler) as server, server.connect() as client:
        wait_for(lambda: accepted)
        for i in range(20):
            accepted[0].send(b"%d\n" % i)
            assert client.recv(100) == b"%d\n" % i
        accepted[0].reply(200, b"late reply")
        assert client.recv(1000).endswith(b"late reply")
        accepted[0].drain()
        assert client.recv(1) == b""


def test_close_from_another_thread() -> None:
    accepted: list[Connection] = []

    def handler(conn: Connection, ev: int, data: Any) -> None:
        if ev == MG_EV_ACCEPT:
            accepted.append(conn)

    with patient(handler) as server, server.connect() as client:
        wait_for(lambda: accepted)
        accepted[0].close()
        assert accepted[0].is_closing
        assert client.recv(1) == b""


def test_many_threads_use_one_manager() -> None:
    problems: list[BaseException] = []

    def handler(conn: Connection, ev: int, data: Any) -> None:
        if ev == MG_EV_HTTP_MSG:
            conn.reply(200, b"ok")

    with Server(handler, enable_wakeup=True) as server:

        def work() -> None:
            try:
                for _ in range(30):
                    conn = server.manager.listen("tcp://127.0.0.1:0")
                    assert conn in server.manager.connections
                    timer = server.manager.timer_add(1000, list)
                    server.manager.wakeup(conn.id, b"x")
                    conn.set_handler(handler)
                    timer.cancel()
                    conn.close()
                    assert server.get() == b"ok"
            except BaseException as e:
                problems.append(e)

        threads = [threading.Thread(target=work) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert not any(thread.is_alive() for thread in threads)
        assert problems == []
        # The server may not have seen yet that the last client hung up.
        wait_for(lambda: server.manager.connections == (server.listener,))


def test_other_threads_run_while_the_loop_waits() -> None:
    counted = 0
    with patient(None) as server:
        wait_for(lambda: server.thread.is_alive())
        for _ in range(100_000):
            counted += 1
    assert counted == 100_000


def test_a_busy_handler_does_not_lock_other_threads_out_for_good() -> None:
    in_handler = threading.Event()
    go_on = threading.Event()

    def handler(conn: Connection, ev: int, data: Any) -> None:
        if ev == MG_EV_HTTP_MSG:
            in_handler.set()
            go_on.wait(DEADLINE)
            conn.reply(200, b"done")

    with Server(handler) as server, server.connect() as client:
        client.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert in_handler.wait(DEADLINE)
        result: list[Any] = []
        other = threading.Thread(target=lambda: result.append(server.manager.connections))
        other.start()
        assert server.listener.is_listening  # Attributes need no lock.
        go_on.set()
        other.join(DEADLINE)
        assert len(result[0]) == 2


@pytest.mark.slow
def test_close_gives_up_on_a_handler_that_does_not_return() -> None:
    release = threading.Event()
    in_handler = threading.Event()

    def handler(conn: Connection, ev: int, data: Any) -> None:
        if ev == MG_EV_HTTP_MSG:
            in_handler.set()
            release.wait(60)

    with Server(handler) as server, server.connect() as client:
        client.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert in_handler.wait(DEADLINE)
        with pytest.raises(RuntimeError, match=r"Cannot close Manager while poll\(\) is active"):
            server.manager.close()
        release.set()
