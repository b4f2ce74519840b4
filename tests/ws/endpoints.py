"""The library's WebSocket servers and clients as processes."""

from __future__ import annotations

import functools
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import cprogram
from loopback import running

HERE = Path(__file__).resolve().parent
FLAGS = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-O1"]


@functools.cache
def program() -> Path:
    return cprogram.build(HERE / "peer.c", cprogram.ROOT / "target" / "ws-tests" / "peer", flags=FLAGS)


@contextmanager
def peer(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A peer that lives until its standard input is closed."""
    command: list[str | Path] = [program(), *arguments]
    with running(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.communicate()
    assert process.returncode == 0


class Server(NamedTuple):
    """An echo server."""

    port: int


class Client(NamedTuple):
    """An echo client; `listener` is where it connects, again and again."""

    listener: socket.socket


@contextmanager
def server(bits: int = 0) -> Iterator[Server]:
    """A server; `bits` is the window of permessage-deflate, 0: none."""
    with peer("server", str(bits)) as process:
        assert process.stdout is not None
        yield Server(int(process.stdout.readline()))


@contextmanager
def client(bits: int = 0) -> Iterator[Client]:
    """A client."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        with peer("client", str(listener.getsockname()[1]), str(bits)):
            yield Client(listener)
