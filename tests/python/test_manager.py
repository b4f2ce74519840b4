"""Manager: polling, closing, signals, life."""

from __future__ import annotations

import gc
import os
import signal
import socket
import threading
import time
import warnings
import weakref
from typing import Any

import pytest
from conftest import DEADLINE, Server, poll_until, read_all

from pymongoose import (
    MG_EV_CLOSE,
    MG_EV_HTTP_MSG,
    MG_EV_OPEN,
    MG_EV_POLL,
    Connection,
    Manager,
)

REENTRANT = r"poll\(\) is not reentrant and must not be called concurrently"
FREED = "Manager has been freed"
BUSY = r"Cannot close Manager while poll\(\) is active"


def test_arguments_of_poll(manager: Manager) -> None:
    manager.poll()
    manager.poll(0)
    manager.poll(timeout_ms=True)
    manager.poll(1.9)  # type: ignore[arg-type]
    for wrong in ("1", None, b"1"):
        with pytest.raises(TypeError, match="an integer is required"):
            manager.poll(wrong)  # type: ignore[arg-type]
    with pytest.raises(OverflowError):
        manager.poll(2**31)


def test_after_close_everything_raises(manager: Manager) -> None:
    manager.close()
    manager.close()
    for call in (
        lambda: manager.poll(0),
        lambda: manager.wakeup(1, b""),
        lambda: manager.timer_add(1, print),
        lambda: manager.listen("tcp://127.0.0.1:0"),
        lambda: manager.connect("tcp://127.0.0.1:1"),
    ):
        with pytest.raises(RuntimeError, match=FREED):
            call()
    assert manager.connections == ()
    assert manager.wakeup_id == 0


def test_context_manager_closes_and_lets_exceptions_through() -> None:
    with pytest.raises(KeyError), Manager() as manager:
        listener = manager.listen("tcp://127.0.0.1:0")
        raise KeyError
    assert listener.is_closing
    with pytest.raises(RuntimeError, match=FREED):
        manager.poll(0)


@pytest.mark.parametrize("url", ["invalid://address", "http://*:0", "tcp://no.such.host:80"])
def test_listen_fails_clearly(manager: Manager, url: str) -> None:
    with pytest.raises(RuntimeError, match=f"Failed to listen on '{url}'".replace("*", r"\*")):
        manager.listen(url, http=True)


def test_port_in_use(manager: Manager) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(RuntimeError, match="Failed to listen"):
            manager.listen(f"tcp://127.0.0.1:{taken.getsockname()[1]}")


def test_two_managers_share_a_port_only_when_asked() -> None:
    with Manager() as one, Manager() as two:
        first = one.listen("tcp://127.0.0.1:0", reuse_port=True)
        assert first.local_addr is not None
        url = f"tcp://127.0.0.1:{first.local_addr[1]}"
        with pytest.raises(RuntimeError, match="Failed to listen"):
            two.listen(url)
        assert two.listen(url, reuse_port=True).is_listening


@pytest.mark.parametrize(
    ("url", "http", "parsed"),
    [
        ("http://127.0.0.1:0", None, True),
        ("HTTP://127.0.0.1:0", None, True),
        ("ws://127.0.0.1:0", None, True),
        ("tcp://127.0.0.1:0", None, False),
        ("http://127.0.0.1:0", False, False),
        ("tcp://127.0.0.1:0", True, True),
    ],
)
def test_scheme_says_whether_http_is_parsed(url: str, http: bool | None, parsed: bool) -> None:
    events: set[int] = set()

    def handler(conn: Connection, ev: int, data: Any) -> None:
        events.add(ev)

    with Manager(handler) as manager:
        listener = manager.listen(url, http=http)
        assert listener.local_addr is not None
        with socket.create_connection(("127.0.0.1", listener.local_addr[1])) as client:
            client.sendall(b"GET / HTTP/1.1\r\n\r\n")
            poll_until(manager, lambda: 7 in events)
    assert (MG_EV_HTTP_MSG in events) is parsed


def test_connections_is_a_snapshot_without_the_wakeup_pipe() -> None:
    with Manager(enable_wakeup=True) as manager:
        assert not manager.connections
        assert manager.wakeup_id == 1
        first, second = manager.listen("tcp://127.0.0.1:0"), manager.listen("tcp://127.0.0.1:0")
        assert list(manager.connections) == [first, second]
        first.close()
        assert list(manager.connections) == [second]
    with Manager() as plain:
        assert plain.wakeup_id == 0
        assert plain.listen("tcp://127.0.0.1:0").id == 1


def test_close_tells_the_handlers() -> None:
    closed: list[Connection] = []

    def handler(conn: Connection, ev: int, data: Any) -> None:
        if ev == MG_EV_CLOSE:
            assert conn.is_closing
            closed.append(conn)

    manager = Manager(handler)
    listener = manager.listen("tcp://127.0.0.1:0")
    manager.close()
    assert closed == [listener]


def test_one_poll_event_per_idle_poll() -> None:
    polls = 0

    def handler(conn: Connection, ev: int, data: Any) -> None:
        nonlocal polls
        if ev == MG_EV_POLL:
            polls += 1

    with Manager(handler) as manager:
        manager.listen("tcp://127.0.0.1:0")
        manager.poll(10)
        assert polls == 1
        for _ in range(10):
            manager.poll(0)
        assert polls == 11


def test_poll_in_a_handler_is_refused() -> None:
    problems: list[str] = []

    def handler(conn: Connection, ev: int, data: Any) -> None:
        if ev in (MG_EV_OPEN, MG_EV_HTTP_MSG):
            with pytest.raises(RuntimeError, match=REENTRANT) as caught:
                server_manager[0].poll(0)
            problems.append(str(caught.value))
        if ev == MG_EV_HTTP_MSG:
            with pytest.raises(RuntimeError, match=BUSY):
                server_manager[0].close()
            conn.reply(200, b"alive")

    server_manager: list[Manager] = []
    manager = Manager(handler)
    server_manager.append(manager)
    listener = manager.listen("http://127.0.0.1:0")
    assert listener.local_addr is not None
    with socket.create_connection(("127.0.0.1", listener.local_addr[1])) as client:
        client.sendall(b"GET / HTTP/1.1\r\n\r\n")
        poll_until(manager, lambda: len(problems) >= 3)
        manager.poll(10)
        assert client.recv(1000).endswith(b"alive")
    assert problems[0].endswith("Use AsyncManager for multi-threaded access.")
    manager.close()


def test_poll_in_two_threads_is_refused() -> None:
    inside = threading.Event()
    manager = Manager(enable_wakeup=True)
    listener = manager.listen("tcp://127.0.0.1:0")

    def run() -> None:
        inside.set()
        while not listener.userdata:
            manager.poll(60_000)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    inside.wait()
    with pytest.raises(RuntimeError, match=REENTRANT):
        for _ in range(100_000):  # Nothing tells when the thread sleeps in there.
            manager.poll(0)
            time.sleep(0.001)
    assert thread.is_alive()
    listener.userdata = "stop"
    manager.wakeup(manager.wakeup_id, b"")
    thread.join(DEADLINE)
    assert not thread.is_alive()
    manager.close()


def test_close_waits_for_the_poll_of_another_thread() -> None:
    outcome: list[str] = []
    manager = Manager()
    manager.listen("tcp://127.0.0.1:0")
    started = threading.Event()

    def run() -> None:
        try:
            while True:
                started.set()
                manager.poll(60_000)
        except RuntimeError as e:
            outcome.append(str(e))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    started.wait()
    manager.close()
    thread.join(DEADLINE)
    assert outcome == [FREED]


def test_two_managers_in_two_threads() -> None:
    def handler(conn: Connection, ev: int, data: Any) -> None:
        if ev == MG_EV_HTTP_MSG:
            conn.reply(200, threading.current_thread().name)

    with Server(handler) as one, Server(handler) as two:
        one_name, two_name = one.thread.name.encode(), two.thread.name.encode()
        for _ in range(50):
            assert (one.get(), two.get()) == (one_name, two_name)


def test_abandoned_managers_are_collected() -> None:
    class Program:
        def __init__(self) -> None:
            self.manager = Manager(self.handle)
            self.listener = self.manager.listen("tcp://127.0.0.1:0")
            self.timer = self.manager.timer_add(1000, self.tick, repeat=True)
            self.listener.userdata = self

        def handle(self, conn: Connection, ev: int, data: Any) -> None: ...

        def tick(self) -> None: ...

    program = Program()
    address = program.listener.local_addr
    assert address is not None
    reference = weakref.ref(program)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        del program
        gc.collect()
    assert reference() is None
    assert [str(w.message).startswith("unclosed <pymongoose") for w in caught] == [True]
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", address[1]))


def test_a_signal_handler_ends_the_wait() -> None:
    seen: list[int] = []
    before = signal.signal(signal.SIGALRM, lambda number, frame: seen.append(number))
    try:
        with Manager() as manager:
            manager.listen("tcp://127.0.0.1:0")
            # More than once: on a busy machine the first may come before the wait.
            signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)
            start = time.monotonic()
            manager.poll(60_000)
            assert time.monotonic() - start < DEADLINE
            assert set(seen) == {signal.SIGALRM}
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_keyboard_interrupt_leaves_poll() -> None:
    # A shell starts programs in the background with SIGINT ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with Manager() as manager:
            manager.timer_add(10, lambda: signal.raise_signal(signal.SIGINT))
            with pytest.raises(KeyboardInterrupt):
                for _ in range(100):
                    manager.poll(60_000)
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_run_ends_at_a_signal_and_restores_handlers(number: signal.Signals) -> None:
    def mine(number: int, frame: object) -> None: ...

    before = signal.signal(signal.SIGINT, mine), signal.signal(signal.SIGTERM, mine)
    try:
        manager = Manager()
        manager.timer_add(20, lambda: signal.raise_signal(number))
        manager.run(poll_ms=60_000)
        assert signal.getsignal(signal.SIGINT) is mine
        assert signal.getsignal(signal.SIGTERM) is mine
        with pytest.raises(RuntimeError, match=FREED):
            manager.poll(0)
    finally:
        signal.signal(signal.SIGINT, before[0])
        signal.signal(signal.SIGTERM, before[1])


def test_run_restores_handlers_when_a_handler_stops_the_program() -> None:
    before = signal.getsignal(signal.SIGINT)

    def leave() -> None:
        raise SystemExit(3)

    manager = Manager()
    manager.timer_add(0, leave)
    with pytest.raises(SystemExit):
        manager.run()
    assert signal.getsignal(signal.SIGINT) is before


def test_run_is_for_the_main_thread() -> None:
    problems: list[BaseException] = []

    def run() -> None:
        with Manager() as manager:
            try:
                manager.run()
            except ValueError as e:
                problems.append(e)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(DEADLINE)
    assert len(problems) == 1


def test_run_can_finish_what_is_being_sent() -> None:
    body = bytes(5_000_000)

    def handler(conn: Connection, ev: int, data: Any) -> None:
        if ev == MG_EV_HTTP_MSG:
            conn.reply(200, body)
            signal.raise_signal(signal.SIGTERM)

    manager = Manager(handler)
    listener = manager.listen("http://127.0.0.1:0")
    assert listener.local_addr is not None
    port = listener.local_addr[1]
    received = 0

    def fetch() -> None:
        nonlocal received
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(b"GET / HTTP/1.1\r\n\r\n")
            while chunk := client.recv(65536):
                received += len(chunk)

    thread = threading.Thread(target=fetch)
    thread.start()
    manager.run(drain_timeout=DEADLINE)
    thread.join(DEADLINE)
    assert received > len(body)


def test_forked_processes_share_a_listener() -> None:
    def handler(conn: Connection, ev: int, data: Any) -> None:
        if ev == MG_EV_HTTP_MSG:
            conn.reply(200, str(os.getpid()))
            conn.drain()

    manager = Manager(handler)
    listener = manager.listen("http://127.0.0.1:0")
    assert listener.local_addr is not None
    port = listener.local_addr[1]
    children = []
    for _ in range(2):
        child = os.fork()
        if child == 0:
            try:
                while True:
                    manager.poll(10)
            finally:
                os._exit(1)
        children.append(child)
    try:
        pids: set[int] = set()
        for _ in range(1000):
            with socket.create_connection(("127.0.0.1", port), timeout=DEADLINE) as client:
                client.sendall(b"GET / HTTP/1.1\r\n\r\n")
                pids.add(int(read_all(client).partition(b"\r\n\r\n")[2]))
            if pids == set(children):
                break
        assert pids <= set(children)
        assert pids
    finally:
        for child in children:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        manager.close()


def test_a_url_may_be_bytes() -> None:
    def handler(conn: Connection, ev: int, data: Any) -> None:
        if ev == MG_EV_HTTP_MSG:
            conn.reply(200, "parsed")

    with Server(handler, url=b"HTTP://127.0.0.1:0") as server:
        assert server.get() == b"parsed"


def test_run_ends_well_when_a_signal_handler_is_not_of_python(monkeypatch: pytest.MonkeyPatch) -> None:
    """signal.signal() answers None for one that a C library installed, and does not take it back."""
    real = signal.signal

    def foreign(number: int, handler: Any) -> Any:
        before = real(number, handler)
        return None if number == signal.SIGTERM else before

    before = signal.getsignal(signal.SIGTERM)
    manager = Manager()
    manager.timer_add(1, lambda: signal.raise_signal(signal.SIGTERM))
    monkeypatch.setattr(signal, "signal", foreign)
    try:
        manager.run(10)
    finally:
        real(signal.SIGTERM, before)
    with pytest.raises(RuntimeError, match="freed"):
        manager.poll()


def test_a_closed_manager_has_no_descriptors() -> None:
    def descriptors() -> int:
        return len(os.listdir("/proc/self/fd"))

    gc.collect()  # What other tests left is closed before.
    before = descriptors()
    managers = [Manager(enable_wakeup=True) for _ in range(10)]
    assert descriptors() > before
    for manager in managers:
        manager.close()
    assert descriptors() == before
