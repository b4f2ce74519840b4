"""`python -m pymongoose.asgi` and `.wsgi`, and serve() of both: how they stop, and what they refuse."""

from __future__ import annotations

import http.client
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from serving import DEADLINE, HERE, Serving, until

from loopback import free_port

TERM, INT = signal.SIGTERM, signal.SIGINT


def module(kind: str) -> list[str]:
    """The command of a kind, on a port that is free."""
    return [sys.executable, "-m", f"pymongoose.{kind}", f"apps:{kind}", "--url", "http://127.0.0.1:0"]


def function(kind: str) -> list[str]:
    """serve() of a kind, in a program."""
    program = "import sys, apps, pymongoose.{0} as m; m.serve(apps.{0}, sys.argv[1])"
    return [sys.executable, "-c", program.format(kind), f"http://127.0.0.1:{free_port()}"]


def refused(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), DEADLINE).close()
    except OSError:  # refused, or reset as it closes
        return True
    return False


WAYS = [
    (module("asgi"), TERM),
    (module("asgi"), INT),
    ([*module("asgi"), "--workers", "2"], TERM),
    ([*module("wsgi"), "--threads", "1"], TERM),
    ([*module("wsgi"), "--threads", "3"], INT),
    ([*module("wsgi"), "--workers", "2"], INT),
    (function("asgi"), TERM),
    (function("wsgi"), INT),
]


@pytest.mark.parametrize(("start", "number"), WAYS)
def test_requests_in_progress_are_answered(start: list[str], number: signal.Signals, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    with Serving(start=start, GATE=str(gate)) as server:
        server.wait_for("Ctrl")
        client = server.connect()
        client.request("GET", "/held")
        server.wait_for("^held$")
        server.signal(number)
        if "--workers" in start:
            server.wait_for("stopping")
        elif "1" not in start:  # A thread that is in the application does nothing else.
            until(lambda: refused(server.port))
        gate.touch()
        response = client.getresponse()
        assert response.status == 200
        response.read()
        assert server.end() == 0
        server.wait_for("Server stopped")


@pytest.mark.parametrize("start", [module("asgi"), module("wsgi"), function("wsgi")])
def test_a_second_interrupt_stops_at_once(start: list[str]) -> None:
    with Serving(start=start, GATE="/nowhere") as server:
        server.wait_for("Ctrl")
        client = server.connect()
        client.request("GET", "/held")
        server.wait_for("^held$")
        server.signal(INT)
        until(lambda: refused(server.port))
        server.signal(INT)
        server.end()
        with pytest.raises((http.client.HTTPException, OSError)):
            client.getresponse()


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--url", "https://127.0.0.1:0"], "needs a certificate"),
        (["--url", "HTTPS://127.0.0.1:0"], "needs a certificate"),
        (["--url", "http://127.0.0.1:0/path"], "expected http"),
        (["--url", "http://127.0.0.1:0", "--ssl-certfile", __file__], "without TLS"),
        (["--workers", "0"], "--workers 0"),
        (["--max-body", "-1"], "--max-body"),
        (["--set", "no=1"], "no setting 'no'"),
        (["--nothing"], "--nothing"),
    ],
)
@pytest.mark.parametrize("kind", ["asgi", "wsgi"])
def test_mistakes_are_told(kind: str, options: list[str], complaint: str) -> None:
    command = [sys.executable, "-m", f"pymongoose.{kind}", f"apps:{kind}", *options]
    done = subprocess.run(command, capture_output=True, text=True, cwd=HERE, timeout=DEADLINE)
    assert done.returncode == 2
    assert complaint in done.stderr
    assert "Traceback" not in done.stderr
