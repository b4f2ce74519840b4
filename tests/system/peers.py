"""Programs of tests/system/programs, and the network namespaces that some of them live in."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import cprogram
import loopback
from needs import need, skip

PROGRAMS = Path(__file__).parent / "programs"
FLAGS = ("-std=c99", "-Wall", "-Wextra", "-Werror", "-O1")


def build(name: str, place: Path) -> Path:
    """Builds one of the programs."""
    return cprogram.build(PROGRAMS / f"{name}.c", place / name, flags=FLAGS)


def output(command: Sequence[str | Path]) -> list[str]:
    """Lines that a command prints."""
    return subprocess.run(
        command, check=True, stdout=subprocess.PIPE, text=True, timeout=120
    ).stdout.splitlines()


@contextmanager
def running(
    command: Sequence[str | Path], environment: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A program in the background whose output is read."""
    with loopback.running(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, env=environment
    ) as process:
        yield process


def wait_until_ready(process: subprocess.Popen[bytes]) -> None:
    """Returns when the program has printed that it is ready."""
    assert process.stdout
    assert process.stdout.readline() == b"ready\n"


@dataclass(frozen=True)
class Host:
    """A network namespace with one address."""

    name: str
    address: str

    @property
    def inside(self) -> tuple[str, ...]:
        """What a command line begins with that runs there."""
        return ("ip", "netns", "exec", self.name)


@contextmanager
def two_hosts() -> Iterator[tuple[Host, Host]]:
    """Two hosts on a link of their own, which leads nowhere else."""
    need("ip")
    a, b = (Host(f"mongoose-{os.getpid()}-{n}", f"10.77.0.{n}") for n in (1, 2))
    with ExitStack() as stack:
        for host in (a, b):
            made = subprocess.run(["ip", "netns", "add", host.name], capture_output=True, text=True)
            if made.returncode != 0:
                skip(f"no network namespaces: {made.stderr.strip()}")
            stack.callback(subprocess.run, ["ip", "netns", "del", host.name], check=True)
        for command in (
            f"link add name one netns {a.name} type veth peer name two netns {b.name}",
            f"-n {a.name} addr add {a.address}/24 dev one",
            f"-n {b.name} addr add {b.address}/24 dev two",
            *(f"-n {h.name} link set {i} up" for h, i in ((a, "one"), (b, "two"), (a, "lo"), (b, "lo"))),
        ):
            subprocess.run(["ip", *command.split()], check=True)
        yield a, b
