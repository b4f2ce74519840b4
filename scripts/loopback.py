"""Servers on 127.0.0.1 as processes, for the tests and the benchmarks."""

from __future__ import annotations

import random
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")
# Each port that was given to this process is a name in the abstract namespace, which lasts as long as
# the process, and which no other process gets: tests run side by side.
_given: list[socket.socket] = []


def candidates() -> list[int]:
    """Ports in random order, outside the range from which the system takes those of clients and of
    bind(0): nobody else is given the port before the server has it."""
    try:
        low, high = map(int, EPHEMERAL.read_text().split())
    except (OSError, ValueError):
        low, high = 32768, 60999
    below, above = range(max(1024, low - 15000), low), range(high + 1, 65536)
    ports = max(below, above, key=len)
    if len(ports) < 1000:
        ports = range(1024, 65536)
    return random.sample(ports, len(ports))


def free_port() -> int:
    """A port that is free for TCP and for UDP; no other call gives it, in any process."""
    for port in candidates():
        name = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            name.bind(f"\0mongoose-tests-{port}")
            for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                with socket.socket(socket.AF_INET, kind) as probe:
                    probe.bind(("127.0.0.1", port))
        except OSError:
            name.close()
            continue
        _given.append(name)
        return port
    raise RuntimeError("no port is free")


@contextmanager
def running(
    command: Sequence[str | Path], *, seconds: float = 120, **options: Any
) -> Iterator[subprocess.Popen[Any]]:
    """A process that ends with the block, also when the block fails. `options` are those of Popen.

    It gets SIGTERM. If it still runs after `seconds`, it is killed and TimeoutExpired is raised.
    """
    with subprocess.Popen(command, **options) as process:
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(seconds)
            except subprocess.TimeoutExpired:
                process.kill()
                raise


def children() -> dict[int, str]:
    """The processes that this one has started and that have not been waited for, with their names."""
    found = {}
    for listed in Path("/proc/self/task").glob("*/children"):
        try:
            for pid in map(int, listed.read_text().split()):
                found[pid] = Path(f"/proc/{pid}/comm").read_text().strip()
        except (FileNotFoundError, ProcessLookupError):
            continue  # The thread or the process has ended in between.
    return found


def wait_for(process: subprocess.Popen[Any], port: int, seconds: float = 120) -> None:
    """Returns when the process accepts connections on the port."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=seconds).close()
            return
        except OSError:
            if process.poll() is not None:
                raise RuntimeError(f"{process.args!r} ended with {process.returncode}") from None
            if time.monotonic() > deadline:
                raise RuntimeError(f"{process.args!r} does not listen on {port}") from None
            time.sleep(0.02)
