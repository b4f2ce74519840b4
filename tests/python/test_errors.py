"""What becomes of exceptions of handlers."""

from __future__ import annotations

import subprocess
import sys
import threading
from typing import Any

import pytest
from conftest import Server, expect_error, poll_until, read_response

from pymongoose import MG_EV_HTTP_MSG, MG_EV_OPEN, Connection, Manager


def raising_once(conn: Connection, ev: int, data: Any) -> None:
    if ev == MG_EV_HTTP_MSG:
        if data.uri == "/raise":
            raise ValueError("from the handler")
        conn.reply(200, b"fine")


def test_traceback_on_stderr_and_the_server_lives(capsys: pytest.CaptureFixture[str]) -> None:
    with Server(raising_once) as server, server.connect() as client:
        client.sendall(b"GET /raise HTTP/1.1\r\n\r\n")
        assert server.get() == b"fine"
        assert any(c for c in server.manager.connections if c is not server.listener)
    err = capsys.readouterr().err
    assert "Traceback" in err
    assert "ValueError: from the handler" in err


def test_error_handler_gets_the_exception(capsys: pytest.CaptureFixture[str]) -> None:
    caught: list[Exception] = []
    with Server(raising_once, error_handler=caught.append) as server, server.connect() as client:
        client.sendall(b"GET /raise HTTP/1.1\r\n\r\n")
        assert server.get() == b"fine"
    assert [str(e) for e in caught] == ["from the handler"]
    assert caught[0].__traceback__ is not None
    assert capsys.readouterr().err == ""


def test_error_handler_that_raises(capsys: pytest.CaptureFixture[str]) -> None:
    def error_handler(exc: Exception) -> None:
        raise KeyError("from the error handler") from exc

    with Server(raising_once, error_handler=error_handler) as server, server.connect() as client:
        client.sendall(b"GET /raise HTTP/1.1\r\n\r\n")
        assert server.get() == b"fine"
    expect_error(capsys, "from the error handler")


def test_not_callable(manager: Manager) -> None:
    refused = pytest.raises(TypeError, match="handler must be callable, not int")
    with refused:
        Manager(42)  # type: ignore[arg-type]
    with refused:
        manager.listen("tcp://127.0.0.1:0", 42)  # type: ignore[arg-type]
    with refused:
        manager.listen("tcp://127.0.0.1:0").set_handler(42)  # type: ignore[arg-type]


@pytest.mark.parametrize("exception", [SystemExit(3), KeyboardInterrupt("stop")])
def test_what_stops_a_program_leaves_poll(exception: BaseException) -> None:
    def handler(conn: Connection, ev: int, data: Any) -> None:
        if ev == MG_EV_HTTP_MSG:
            if data.uri == "/stop":
                raise exception
            conn.reply(200, b"fine")

    with Manager(handler) as manager:
        listener = manager.listen("http://127.0.0.1:0")
        assert listener.local_addr is not None
        import socket

        with socket.create_connection(("127.0.0.1", listener.local_addr[1])) as client:
            client.sendall(b"GET /stop HTTP/1.1\r\n\r\n")
            with pytest.raises(type(exception)) as caught:
                poll_until(manager, lambda: False)
            assert caught.value is exception
        with socket.create_connection(("127.0.0.1", listener.local_addr[1])) as client:
            client.sendall(b"GET / HTTP/1.1\r\n\r\n")
            thread = threading.Thread(target=lambda: poll_until(manager, done.is_set))
            done = threading.Event()
            thread.start()
            assert read_response(client).endswith(b"fine")
            done.set()
            thread.join()


def test_what_stops_a_program_leaves_listen() -> None:
    def handler(conn: Connection, ev: int, data: Any) -> None:
        if ev == MG_EV_OPEN:
            raise SystemExit(4)

    with Manager(handler) as manager, pytest.raises(SystemExit):
        manager.listen("tcp://127.0.0.1:0")


def test_sys_exit_ends_the_process_with_its_status() -> None:
    code = (
        "import sys, pymongoose\n"
        "manager = pymongoose.Manager()\n"
        "manager.timer_add(0, lambda: sys.exit(7))\n"
        "while True: manager.poll(10)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60)
    assert (done.returncode, done.stderr) == (7, b"")


# Daemon threads that are in poll(), in a handler, or in a long sleep when the program ends.
EXIT = """
import threading, time, socket, sys
import pymongoose
from pymongoose import Manager, MG_EV_HTTP_MSG, MG_EV_POLL

def busy(conn, ev, data):
    if ev == MG_EV_HTTP_MSG:
        started.set()
        if sys.argv[1] == "sleep":
            time.sleep(30)
        while True:
            sum(range(100))

started = threading.Event()
manager = Manager(busy)
port = manager.listen("http://127.0.0.1:0").local_addr[1]
idle = Manager(lambda conn, ev, data: None)
idle.listen("http://127.0.0.1:0")

def loop(manager, ms):
    while True:
        manager.poll(ms)

for target, ms in ((manager, 10), (idle, 0), (Manager(), 1000)):
    threading.Thread(target=loop, args=(target, ms), daemon=True).start()
client = socket.create_connection(("127.0.0.1", port))
client.sendall(b"GET / HTTP/1.1\\r\\n\\r\\n")
started.wait()
"""


def test_an_exit_function_may_poll() -> None:
    code = """
import atexit
def drain():  # Registered before the import, so it runs after what the package registered.
    for _ in range(3):
        manager.poll(10)
    print("drained")
atexit.register(drain)
from pymongoose import Manager
manager = Manager()
manager.listen("http://127.0.0.1:0")
"""
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"USE_NOGIL=1\ndrained\n", b"")


def test_other_interpreters_are_refused() -> None:
    code = """
import pymongoose
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters
other = interpreters.create()
interpreters.run_string(other, '''
try:
    import pymongoose
except ImportError as e:
    print(type(e).__name__, flush=True)
''')
interpreters.destroy(other)
manager = pymongoose.Manager(lambda conn, ev, data: None)
manager.listen("http://127.0.0.1:0")
manager.poll(10)
manager.close()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"USE_NOGIL=1\nImportError\n", b"")


@pytest.mark.parametrize("mode", ["busy", "sleep"])
def test_the_interpreter_ends_cleanly_under_polling_threads(mode: str) -> None:
    for _ in range(5):
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", EXIT, mode], capture_output=True, timeout=60
        )
        assert (done.returncode, done.stderr) == (0, b"")
