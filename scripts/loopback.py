"""Servers on 127.0.0.1, for the tests and the benchmarks."""

from __future__ import annotations

import random
import socket
import subprocess
import time

# Below the range from which systems take the ports of clients and of bind(0), so that nobody else is
# given the port before the server has it.
PORTS = range(15000, 30000)
_given: set[int] = set()


def free_port() -> int:
    """A port that nobody uses, neither for TCP nor for UDP; each call gives another one."""
    for port in random.sample(PORTS, len(PORTS)):
        if port in _given:
            continue
        try:
            for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                with socket.socket(socket.AF_INET, kind) as probe:
                    probe.bind(("127.0.0.1", port))
        except OSError:
            continue
        _given.add(port)
        return port
    raise RuntimeError(f"no port of {PORTS} is free")


def wait_for(process: subprocess.Popen[bytes], port: int, seconds: float = 120) -> None:
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
