"""The pages about Python in docs/: every Python block is run, and the nginx configuration too."""

from __future__ import annotations

import http.client
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from conftest import DEADLINE, Server, poll_until, read_all

import pymongoose
from loopback import free_port, running, wait_for
from pymongoose import MG_EV_HTTP_MSG, Connection, Manager

ROOT = Path(__file__).resolve().parents[2]
GUIDES = sorted([*ROOT.glob("docs/reference/python/*.md"), *ROOT.glob("docs/explanation/python-*.md")])
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BLOCKS = [
    pytest.param(block, id=f"{guide.stem}-{number}")
    for guide in GUIDES
    for number, block in enumerate(BLOCK.findall(guide.read_text()), 1)
]


@pytest.fixture
def names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """What a block may use without defining it."""
    monkeypatch.chdir(tmp_path)  # The profile is written to a file.
    made: dict[str, Any] = {name: getattr(pymongoose, name) for name in pymongoose.__all__}

    def handler(conn: Connection, ev: int, data: Any) -> None:
        if ev == MG_EV_HTTP_MSG:
            conn.reply(200, b"OK")

    made.update(
        __name__="__main__",
        handler=handler,
        shutdown_requested=False,
        clients=[],
        json_str='{"user": {"id": 7, "name": "Ann"}}',
    )
    original = Manager.run

    def run(manager: Manager, *args: Any, **kwargs: Any) -> None:
        manager.timer_add(30, lambda: signal.raise_signal(signal.SIGTERM))
        original(manager, *args, **kwargs)

    monkeypatch.setattr(Manager, "run", run)
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield made
    for number, old in before.items():
        signal.signal(number, old)
    manager = made.get("manager")
    if isinstance(manager, Manager):
        manager.close()


def stopping(names: dict[str, Any], block: str) -> str:
    """The block, with a manager that stops itself soon, on a port that is free."""
    if "poll(100)" in block and "Manager(" not in block:
        names["manager"] = Manager()
        names["manager"].timer_add(30, lambda: names.update(shutdown_requested=True))
    elif "poll(100)" in block:

        def made(*args: Any, **kwargs: Any) -> Manager:
            manager = Manager(*args, **kwargs)
            manager.timer_add(30, lambda: signal.raise_signal(signal.SIGTERM))
            return manager

        names["Manager"] = made
    return re.sub(r"0\.0\.0\.0:8000|127\.0\.0\.1:8000", f"127.0.0.1:{free_port()}", block)


@pytest.mark.parametrize("block", BLOCKS)
def test_block(block: str, names: dict[str, Any]) -> None:
    block = stopping(names, block)
    if "cProfile" in block:
        profile(block)
        return
    exec(compile(block, "<block>", "exec"), names)
    if "json_get_num" in block:
        assert (names["user_id"], names["name"]) == (7.0, "Ann")
    if "def handler" in block and "jobs" not in block:
        serve(names)


PRELUDE = """from pymongoose import *

def handler(conn, ev, data):
    pass

"""


def profile(block: str) -> None:
    """cProfile.run() looks for names in __main__, so this block is a program."""
    Path("profiled.py").write_text(PRELUDE + block)
    done = subprocess.run([sys.executable, "profiled.py"], capture_output=True, text=True, check=True)
    (line,) = [line for line in done.stdout.splitlines() if "{method 'poll'" in line]
    assert line.split()[0] == "1000"


def serve(names: dict[str, Any]) -> None:
    """A handler of a block serves requests."""
    handler = names["handler"]
    answers = "reply" in handler.__code__.co_names
    with Server(handler) as server, server.connect() as client:
        names["clients"].extend(server.manager.connections)
        client.sendall(b"GET /x HTTP/1.1\r\nConnection: close\r\n\r\n")
        if answers:
            assert read_all(client).startswith(b"HTTP/1.1 200 OK")
    assert not names["clients"] or "remove" not in handler.__code__.co_names


def test_the_worker_example(names: dict[str, Any]) -> None:
    (block,) = BLOCK.findall((ROOT / "docs/reference/python/threading.md").read_text())
    exec(block, names)
    manager: Manager = names["manager"]
    listener = manager.listen("http://127.0.0.1:0")
    assert listener.local_addr is not None
    port, bodies = listener.local_addr[1], []

    def ask() -> None:
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE)
        client.request("POST", "/", b"work")
        bodies.append(client.getresponse().read())
        client.close()

    thread = threading.Thread(target=ask)
    thread.start()
    poll_until(manager, lambda: bodies)
    thread.join(DEADLINE)
    assert bodies == [b"WORK"]


# nginx in front of four processes, one of which is killed under load.


@dataclass(frozen=True)
class Cluster:
    """nginx and the servers that it passes requests to."""

    port: int
    servers: list[subprocess.Popen[bytes]]

    def get(self) -> tuple[int, bytes]:
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE)
        try:
            client.request("GET", "/")
            response = client.getresponse()
            return response.status, response.read()
        finally:
            client.close()


@contextmanager
def cluster(directory: Path) -> Iterator[Cluster]:
    """nginx and four servers, with the shipped configuration on free ports."""
    ports = {old: free_port() for old in (8000, 8001, 8002, 8003, 8080)}
    text = (ROOT / "examples" / "nginx.conf").read_text()
    for old, new in ports.items():
        text = text.replace(f"127.0.0.1:{old}", f"127.0.0.1:{new}")
    config = directory / "nginx.conf"
    config.write_text(text.replace("/tmp/nginx-pymongoose.pid", str(directory / "nginx.pid")))
    *backends, front = ports.values()
    server = [sys.executable, str(ROOT / "examples" / "python" / "server.py"), "--port"]
    quiet = {**os.environ, "PYMONGOOSE_QUIET": "1"}
    nginx = ["nginx", "-c", str(config), "-e", "stderr", "-g", "daemon off;"]
    with ExitStack() as stack:
        servers = [stack.enter_context(running([*server, str(port)], env=quiet)) for port in backends]
        proxy = stack.enter_context(running(nginx, stderr=subprocess.DEVNULL))
        for process, port in zip((*servers, proxy), (*backends, front)):
            wait_for(process, port)
        yield Cluster(front, servers)


def test_nginx_goes_on_when_a_process_is_killed(tmp_path: Path) -> None:
    if shutil.which("nginx") is None:
        assert os.environ.get("CI") != "true", "nginx is not installed"
        pytest.skip("nginx is not installed")
    with cluster(tmp_path) as made:
        answers: list[tuple[int, bytes]] = []
        for i in range(400):
            if i == 200:
                made.servers[0].kill()
                made.servers[0].wait()
            answers.append(made.get())
        assert {status for status, _ in answers} == {200}
        before = {body for _, body in answers[:200]}
        after = {body for _, body in answers[201:]}
        assert len(before) == 4
        assert len(after) == 3
    assert [server.returncode for server in made.servers] == [-signal.SIGKILL, 0, 0, 0]
