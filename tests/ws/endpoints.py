"""The library's WebSocket servers and clients as processes."""

from __future__ import annotations

import functools
import socket
import subprocess
from pathlib import Path
from types import TracebackType

import cprogram

HERE = Path(__file__).resolve().parent
FLAGS = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-O1"]


@functools.cache
def program() -> Path:
    return cprogram.build(HERE / "peer.c", cprogram.ROOT / "target" / "ws-tests" / "peer", flags=FLAGS)


class Process:
    """A peer that lives until its standard input is closed."""

    def __init__(self, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [program(), *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.communicate()
        assert self.process.returncode == 0


class Server(Process):
    """An echo server; `bits` is the window of permessage-deflate, 0: none."""

    def __init__(self, bits: int = 0) -> None:
        super().__init__("server", str(bits))
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline())

    def __enter__(self) -> Server:
        return self


class Client(Process):
    """An echo client; `listener` is where it connects, again and again."""

    def __init__(self, bits: int = 0) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        super().__init__("client", str(self.listener.getsockname()[1]), str(bits))

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        super().__exit__(kind, exc, trace)
        self.listener.close()
