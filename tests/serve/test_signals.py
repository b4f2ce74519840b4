"""What signals do to workers and masters; test_signal_matrix.py has what becomes of requests."""

from __future__ import annotations

import http.client
import os
import signal
from pathlib import Path

from serving import DEADLINE, Serving, is_alive, until


def answers(server: Serving) -> bool:
    """Whether a request gets an answer."""
    try:
        return server.get()[0] == 200
    except (OSError, http.client.HTTPException):
        return False


def test_a_worker_that_dies_is_replaced() -> None:
    with Serving("apps:asgi") as server:
        (first,) = server.ready(1)
        os.kill(first, signal.SIGKILL)
        assert server.ready(2)[1] != first
        assert server.get()[0] == 200


def test_a_worker_that_hangs_is_replaced() -> None:
    with Serving("apps:asgi", "--timeout-worker-healthcheck", "1") as server:
        server.ready(1)
        client = server.connect()
        client.request("GET", "/hang")
        server.wait_for("has not answered")
        server.ready(2)
        client.close()
        until(lambda: answers(server))  # On a busy machine a worker that is well may be late, too.


def test_more_and_fewer_workers() -> None:
    with Serving("apps:asgi") as server:
        server.ready(1)
        server.signal(signal.SIGTTIN)
        pids = server.ready(2)
        server.signal(signal.SIGTTOU)
        until(lambda: sum(map(is_alive, pids)) == 1)
        assert server.get()[0] == 200


def test_a_reload_that_fails_changes_nothing(tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    with Serving("apps:asgi", BROKEN=str(broken)) as server:
        (first,) = server.ready(1)
        broken.touch()
        server.signal(signal.SIGHUP)
        server.wait_for("the old ones go on")
        assert f'"pid": {first}' in server.get()[2]


def test_a_successor_takes_the_sockets(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    with Serving("apps:asgi", "--pid", str(pid)) as server:
        (first,) = server.ready(1)
        server.signal(signal.SIGUSR2)
        (successor,) = (int(n) for n in server.wait_for(r"new master (\d+)"))
        try:
            server.ready(2)
            until(lambda: int(pid.read_text() or 0) == successor)
            server.signal(signal.SIGTERM)
            server.process.wait(DEADLINE)
            until(lambda: not is_alive(first))
            assert server.get()[0] == 200
        finally:
            os.kill(successor, signal.SIGTERM)
        until(lambda: not is_alive(successor))
        until(lambda: not pid.exists())


def test_an_application_that_does_not_start_ends_the_master() -> None:
    with Serving("apps:asgi", BROKEN=__file__) as server:
        assert server.end() == 3
        server.wait_for("broken on purpose")
