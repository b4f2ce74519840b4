"""The C programs here, compiled and run."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import cprogram

FLAGS = ["-std=gnu99", "-O1", "-g", "-Wall", "-Wextra", "-Werror"]


@cache
def _directory() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="http-programs-")


@cache
def program(name: str) -> Path:
    """NAME.c, compiled."""
    source = Path(__file__).with_name(f"{name}.c")
    return cprogram.build(source, Path(_directory().name) / name, flags=FLAGS)


@contextmanager
def server(*settings: str) -> Iterator[int]:
    """server.c with settings; its port."""
    command = [str(program("server")), *settings]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
            assert process.poll() is None, f"the server ended with {process.returncode}"
        finally:
            process.stdin.close()
            try:
                process.wait(timeout=120)
            except subprocess.TimeoutExpired:
                process.kill()
    assert process.returncode == 0
