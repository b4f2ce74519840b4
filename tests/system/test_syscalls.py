"""What a request costs in system calls, counted by strace."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

import cprogram
import loopback
from needs import need

CONNECTIONS = 20
REQUESTS = 10_000
REQUEST = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
BODY = b'{"message":"Hello, World!"}'

RECEIVE = {"recvfrom", "recvmsg", "recvmmsg", "read", "readv"}
SEND = {"sendto", "sendmsg", "sendmmsg", "write", "writev"}
WAIT = {"epoll_wait", "epoll_pwait", "epoll_pwait2"}


@pytest.fixture(scope="module")
def hello(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The C hello of the benchmarks."""
    source = cprogram.ROOT / "benches" / "hello.c"
    return cprogram.build(source, tmp_path_factory.mktemp("hello") / "hello", flags=["-O2"])


@contextmanager
def counting(program: Path, port: int, table: Path) -> Iterator[None]:
    """Runs the server under `strace -c`, which writes its table when the server has ended."""
    url = f"http://127.0.0.1:{port}"
    # strace passes SIGTERM on to the server with -I2.
    with loopback.running(["strace", "-I2", "-c", "-f", "-o", str(table), str(program), url]) as process:
        loopback.wait_for(process, port)
        yield


def ask(connections: list[socket.socket]) -> None:
    """One request on each connection."""
    for sock in connections:
        sock.sendall(REQUEST)
    for sock in connections:
        reply = b""
        while not reply.endswith(BODY):
            more = sock.recv(65536)
            assert more, f"closed after {reply!r}"
            reply += more


def calls(table: Path) -> dict[str, int]:
    """System call -> how often, from the table of `strace -c`."""
    rows = (line.split() for line in table.read_text().splitlines())
    return {row[-1]: int(row[3]) for row in rows if len(row) in (5, 6) and row[3].isdigit()}


def test_a_request_costs_one_recv_and_one_send(hello: Path, tmp_path: Path) -> None:
    need("strace")
    port = loopback.free_port()
    table = tmp_path / "calls.txt"
    with counting(hello, port, table), ExitStack() as stack:
        connections = [
            stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=30))
            for _ in range(CONNECTIONS)
        ]
        for _ in range(REQUESTS // CONNECTIONS):
            ask(connections)
    count = calls(table)
    count.pop("total")
    assert sum(count.get(name, 0) for name in RECEIVE) <= 1.01 * REQUESTS, count
    assert sum(count.get(name, 0) for name in SEND) <= 1.01 * REQUESTS, count
    # Registered once and perhaps removed once, plus the loop's own descriptors.
    assert count["epoll_ctl"] <= 2 * CONNECTIONS + 10, count
    # One for each request, where the server runs after each; and those that end without an event.
    assert sum(count.get(name, 0) for name in WAIT) <= 1.1 * REQUESTS, count
    others = sum(n for name, n in count.items() if name not in RECEIVE | SEND | WAIT)
    assert others <= 20 * CONNECTIONS + 200, count
