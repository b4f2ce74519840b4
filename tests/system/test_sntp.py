"""The time, asked of chrony."""

from __future__ import annotations

import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import peers
from cprogram import ROOT
from loopback import free_port
from needs import skip


def chronyd() -> str:
    """The program, installed or unpacked by scripts/tools.sh."""
    unpacked = ROOT / "target" / "tools" / "usr" / "sbin" / "chronyd"
    found = shutil.which("chronyd") or (str(unpacked) if unpacked.exists() else None)
    return found or skip("chronyd is not there")


@contextmanager
def server(place: Path, *lines: str) -> Iterator[str]:
    """A time server that leaves the clock alone; returns its URL."""
    port = free_port()
    config = place / "chrony.conf"
    common = [
        f"port {port}",
        "bindaddress 127.0.0.1",
        "cmdport 0",
        "bindcmdaddress /",
        f"pidfile {place}/pid",
    ]
    config.write_text("\n".join([*common, "allow 127.0.0.1", *lines, ""]))
    with peers.running([chronyd(), "-d", "-x", "-U", "-u", "root", "-f", str(config)]) as process:
        wait_for(port)
        assert process.poll() is None
        yield f"udp://127.0.0.1:{port}"


def wait_for(port: int) -> None:
    """Returns when something answers."""
    deadline = time.monotonic() + 120
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect(("127.0.0.1", port))
        sock.settimeout(0.1)
        while True:
            try:
                sock.send(b"\x23" + bytes(47))
                sock.recv(100)
                return
            except OSError:
                assert time.monotonic() < deadline
                time.sleep(0.02)


def test_the_time(tmp_path: Path) -> None:
    clock = peers.build("clock", tmp_path)
    with server(tmp_path, "local stratum 5") as url:
        before = time.time()
        [line] = peers.output([clock, url])
        # The same clock; what is allowed for is that it counts in whole milliseconds.
        assert before - 0.01 <= int(line) / 1000 <= time.time() + 0.01


def test_a_server_without_the_time(tmp_path: Path) -> None:
    """It is not synchronised, and says so."""
    clock = peers.build("clock", tmp_path)
    with server(tmp_path) as url:
        assert peers.output([clock, url]) == ["no time"]
