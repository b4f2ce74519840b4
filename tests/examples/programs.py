"""How the programs of examples/ are started and asked."""

from __future__ import annotations

import http.client
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import cprogram
from cprogram import ROOT
from loopback import running

EXAMPLES = ROOT / "examples"
PATIENCE = 60  # seconds; longer than any machine needs
FLAGS = (
    "-std=c99",
    "-D_POSIX_C_SOURCE=200809L",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-pedantic",
    "-Wno-overlength-strings",
)


@dataclass
class Program:
    """A server that runs."""

    process: subprocess.Popen[str]
    url: str = ""

    @property
    def port(self) -> int:
        port = urlsplit(self.url).port
        assert port is not None
        return port

    def line(self, *starts: str) -> str:
        """The next line that it prints and that begins like one of these; C programs also log there."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith(starts):
                return line.rstrip("\n")
        raise AssertionError(f"{self.process.args!r} ended")

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        /,
        *,
        context: Any = None,
        **headers: str,
    ) -> tuple[int, dict[str, str], bytes]:
        """One request: status, headers, body."""
        host = ("127.0.0.1", self.port)
        client: http.client.HTTPConnection
        if context is None:
            client = http.client.HTTPConnection(*host, timeout=PATIENCE)
        else:
            client = http.client.HTTPSConnection(*host, timeout=PATIENCE, context=context)
        try:
            client.request(method, path, body, {name.replace("_", "-"): v for name, v in headers.items()})
            response = client.getresponse()
            return response.status, dict(response.getheaders()), response.read()
        finally:
            client.close()

    def get(self, path: str) -> str:
        """The text of a GET that must succeed."""
        status, _, body = self.ask("GET", path)
        assert status == 200
        return body.decode()


class Runner:
    """Makes and starts programs by their names, such as c/hello or python/hello."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def command(self, name: str) -> list[str]:
        language, _, stem = name.partition("/")
        if language == "python":
            return [sys.executable, str(EXAMPLES / f"{name}.py")]
        made = self.directory / stem
        if not made.exists():
            source = EXAMPLES / f"{name}.c"
            cprogram.build(source, made, flags=(*FLAGS, *self.parts(source)))
        return [str(made)]

    def parts(self, source: Path) -> list[str]:
        """What a program with a page is made of beside its source: other sources, and the packed page."""
        pages = sorted(source.parent.glob("*.html"))
        if not pages:
            return []
        packed = self.directory / "packed.c"
        command = [str(cprogram.LIBRARY / "mongoose-pack"), "-s", f"{source.parent}/", *map(str, pages)]
        packed.write_bytes(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
        return [*(str(other) for other in sorted(source.parent.glob("*.c")) if other != source), str(packed)]

    @contextmanager
    def start(self, name: str, *arguments: str, listens: bool = True, **options: Any) -> Iterator[Program]:
        """The program, on a port that the system chooses; it prints its URL."""
        command = [*self.command(name), *arguments]
        quiet = {**os.environ, "PYMONGOOSE_QUIET": "1"}
        with running(command, stdout=subprocess.PIPE, text=True, env=quiet, **options) as process:
            program = Program(process)
            if listens:
                program.url = program.line("http://", "https://", "mqtt://")
            yield program


def certificate(directory: Path, name: str) -> Sequence[str]:
    """Paths of a new certificate for 127.0.0.1, which signs itself, and of its key."""
    cert, key = str(directory / f"{name}.crt"), str(directory / f"{name}.key")
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
    ]
    command += [
        "-keyout",
        key,
        "-out",
        cert,
        "-subj",
        f"/CN={name}",
        "-addext",
        "subjectAltName=IP:127.0.0.1",
    ]
    subprocess.run(command, check=True, capture_output=True)
    return cert, key


# Programs are compiled once for each process of the tests.
_made = tempfile.TemporaryDirectory(prefix="examples")
RUN = Runner(Path(_made.name))
