"""What signals do, and that no request is lost that is to be kept, and no process left."""

from __future__ import annotations

import http.client
import os
import signal
from pathlib import Path

import pytest
from serving import DEADLINE, Serving, is_alive, until

KINDS = ("asgi", "wsgi")
HELD = 3  # requests in progress


def hold(server: Serving) -> list[http.client.HTTPConnection]:
    """Requests that wait in the application."""
    clients = [server.connect() for _ in range(HELD)]
    for client in clients:
        client.request("GET", "/held")
    return clients


def answers(server: Serving) -> bool:
    """Whether a request gets an answer."""
    try:
        return server.get()[0] == 200
    except (OSError, http.client.HTTPException):
        return False


def in_progress(server: Serving, count: int) -> None:
    """Waits until the workers have that many requests."""
    host, _, port = server.wait_for(r"metrics on http://(\S+)/metrics")[0].rpartition(":")

    def told() -> bool:
        client = http.client.HTTPConnection(host, int(port), timeout=DEADLINE)
        client.request("GET", "/metrics")
        text = client.getresponse().read().decode()
        client.close()
        return f"pymongoose_http_requests_in_progress {count}\n" in text

    until(told)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGKILL])
def test_requests_in_progress_are_answered(kind: str, number: signal.Signals, tmp_path: Path) -> None:
    """TERM, INT, HUP, and a master that is killed."""
    gate = tmp_path / "gate"
    with Serving(f"apps:{kind}", "--workers", "2", "--metrics", "127.0.0.1:0", GATE=str(gate)) as server:
        pids = server.ready(2)
        clients = hold(server)
        in_progress(server, HELD)
        server.signal(number)
        if number == signal.SIGHUP:
            server.ready(4)
        elif number != signal.SIGKILL:
            server.wait_for("stopping")
        gate.touch()
        for client in clients:
            response = client.getresponse()
            assert response.status == 200
            response.read()
            client.close()
        until(lambda: not any(map(is_alive, pids)))
        if number == signal.SIGHUP:
            assert server.get()[0] == 200
            server.signal(signal.SIGTERM)
        if number != signal.SIGKILL:
            assert server.end() == 0


@pytest.mark.parametrize("kind", KINDS)
def test_quit_stops_at_once(kind: str) -> None:
    with Serving(f"apps:{kind}", "--workers", "2", GATE="/nowhere") as server:
        pids = server.ready(2)
        clients = hold(server)
        server.signal(signal.SIGQUIT)
        assert server.end() == 0
        assert not any(map(is_alive, pids))
        for client in clients:
            client.close()


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
            assert int(pid.read_text()) == successor
            server.signal(signal.SIGTERM)
            server.process.wait(DEADLINE)
            assert not is_alive(first)
            assert server.get()[0] == 200
        finally:
            os.kill(successor, signal.SIGTERM)
        until(lambda: not is_alive(successor))
        assert not pid.exists()


def test_an_application_that_does_not_start_ends_the_master() -> None:
    with Serving("apps:asgi", BROKEN=__file__) as server:
        assert server.end() == 3
        server.wait_for("broken on purpose")
