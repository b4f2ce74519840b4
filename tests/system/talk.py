"""Our server that says what it agrees on over TLS, with its certificates."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import loopback
import peers
from needs import need

SCRIPT = Path(__file__).parent.parent / "c" / "tls_certs.sh"


def make_place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the program, certificates and keys; X.pem holds both."""
    need("openssl")
    place = tmp_path_factory.mktemp("talk")
    subprocess.run(["sh", SCRIPT], cwd=place, check=True, timeout=120)
    for name in ("server", "client", "wild"):
        (place / f"{name}.pem").write_text(
            (place / f"{name}.crt").read_text() + (place / f"{name}.key").read_text()
        )
    peers.build("tls_talk", place)
    place.chmod(0o755)  # nginx's workers may be somebody else.
    return place


class Ours:
    """Our server."""

    def __init__(self, port: int, process: subprocess.Popen[bytes]) -> None:
        self.port = port
        self.process = process

    def saw(self) -> list[str]:
        """The next handshake: version, protocol, name, subject, new or resumed."""
        assert self.process.stdout
        return self.process.stdout.readline().decode().strip().split("|")


@contextmanager
def our_server(
    place: Path, ca: str = "ca.crt", alpn: str = "http/1.1", cert: str = "server", **environment: str
) -> Iterator[Ours]:
    port = loopback.free_port()
    command: list[str | Path] = [place / "tls_talk", "server", f"tls://127.0.0.1:{port}"]
    command += [place / ca if ca != "-" else "-", alpn]
    command += [place / f"{name}.{kind}" for name in (cert, "wild") for kind in ("crt", "key")]
    with peers.running(command, os.environ | environment) as process:
        peers.wait_until_ready(process)
        yield Ours(port, process)
