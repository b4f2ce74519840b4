"""The load: many clients in a process of its own, beside the server.

python -m pymongoose.demo.load HOST PORT [--connections N] [--seconds N]

Each client sends a request, waits for the response, and sends the next one on the same connection. The
process ends after --seconds, and when its standard input is closed: it never outlives the server.
"""

from __future__ import annotations

import argparse
import selectors
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import IO, TypedDict

CONNECTIONS = 50
SECONDS = 10
CONNECTIONS_MAX, SECONDS_MAX = 200, 60
PATH = "/api/hello"
REPLY = b'{"message":"Hello, World!"}'
STOP_SECONDS = 10.0  # that a worker has to end before it is killed


class State(TypedDict):
    """What the page shows of the load."""

    running: bool
    left: float  # seconds
    connections: int
    failed: bool


class Load:
    """Starts and stops the worker. There is at most one."""

    def __init__(self, host: str, port: int) -> None:
        self.target: tuple[str, str] = (host, str(port))
        self.failed: bool = False
        self._process: subprocess.Popen[bytes] | None = None
        self._until = 0.0

    @property
    def running(self) -> bool:
        """Whether a worker runs."""
        if self._process is None:
            return False
        code = self._process.poll()
        if code is None:
            return True
        self.failed = code != 0
        self._close(self._process)
        self._process = None
        return False

    def start(self, seconds: float = SECONDS) -> bool:
        """Starts a worker; False if one runs already."""
        if self.running:
            return False
        seconds = min(max(seconds, 1), SECONDS_MAX)
        command = [sys.executable, "-m", __name__, *self.target, "--seconds", str(seconds)]
        self.failed = False
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        self._until = time.monotonic() + seconds
        return True

    def stop(self) -> None:
        """Ends the worker. It sees the end of its standard input."""
        if self._process is not None:
            self._close(self._process)

    def close(self) -> None:
        """Ends the worker and waits for it."""
        self.stop()
        if self._process is not None:
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    def state(self) -> State:
        """For the page."""
        running = self.running
        left = max(0.0, self._until - time.monotonic()) if running else 0.0
        return State(running=running, left=left, connections=CONNECTIONS, failed=self.failed)

    @staticmethod
    def _close(process: subprocess.Popen[bytes]) -> None:
        if process.stdin is not None:
            process.stdin.close()


class Client:
    """One connection with one request on its way at a time."""

    __slots__ = ("received", "request", "sock")

    def __init__(self, address: tuple[str, int]) -> None:
        self.sock: socket.socket = socket.create_connection(address)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        host = f"[{address[0]}]" if ":" in address[0] else address[0]
        self.request: bytes = f"GET {PATH} HTTP/1.1\r\nHost: {host}:{address[1]}\r\n\r\n".encode()
        self.received: bytes = b""
        self.sock.sendall(self.request)

    def read(self) -> bool:
        """Takes what has arrived; after a whole response sends the next request. False: not served."""
        more = self.sock.recv(4096)
        self.received += more
        if self.received.endswith(REPLY):
            if not self.received.startswith(b"HTTP/1.1 200 "):
                return False
            self.received = b""
            self.sock.sendall(self.request)
        return bool(more)


def run(address: tuple[str, int], connections: int, seconds: float, stop: IO[bytes]) -> int:
    """Sends requests until the time is over or `stop` ends; 1 if the server does not serve them."""
    deadline = time.monotonic() + seconds
    with selectors.DefaultSelector() as selector:
        selector.register(stop, selectors.EVENT_READ)
        try:
            for _ in range(connections):
                client = Client(address)
                selector.register(client.sock, selectors.EVENT_READ, client)
            while (left := deadline - time.monotonic()) > 0:
                for key, _ in selector.select(left):
                    if key.data is None:
                        return 0
                    if not key.data.read():
                        return 1
        except OSError:
            return 1
        finally:
            for key in [*selector.get_map().values()]:
                if key.data is not None:
                    key.data.sock.close()
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m pymongoose.demo.load", description="Loads the demo.")
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    parser.add_argument("--connections", type=int, default=CONNECTIONS)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    options = parser.parse_args(argv)
    connections = min(options.connections, CONNECTIONS_MAX)
    return run((options.host, options.port), connections, min(options.seconds, SECONDS_MAX), sys.stdin.buffer)


if __name__ == "__main__":
    sys.exit(main())
