#!/usr/bin/env python3
"""Runs the suites of `make check` on machines that are not kind: busy, poor, foreign.

`make check` leaves out browsers, other programs and what takes long, so that all conditions take about
half an hour. Property tests try other examples each time (MONGOOSE_EXPLORE=1).

Each condition is made around the suites and ends with them: processes of its own, a network
namespace of its own, limits. One line for each condition; what could not be made is SKIPPED loudly.

    scripts/hostile.py                          every condition, every suite
    scripts/hostile.py --list                   the conditions
    scripts/hostile.py busy no-ipv6 --suites c  these conditions, this suite
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import loopback
import run_tests

ROOT = run_tests.ROOT
PLACE = ROOT / "target" / "hostile"
SUITES = ("rust", "c", "python")
LOOP = "ip link set lo up && ip route add 224.0.0.0/4 dev lo"


@contextlib.contextmanager
def nothing() -> Iterator[None]:
    yield


@contextlib.contextmanager
def busy() -> Iterator[None]:
    """Eight processes that never wait."""
    with contextlib.ExitStack() as stack:
        for _ in range(8):
            stack.enter_context(loopback.running([sys.executable, "-c", "while True: pass"]))
        yield


@dataclass(frozen=True)
class Condition:
    """What is unkind: a shell command that prepares, inside namespaces of its own, and more."""

    name: str
    words: str
    setup: str = "true"
    namespaces: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    around: Callable[[], contextlib.AbstractContextManager[None]] = nothing

    def wrapped(self, command: Sequence[str]) -> list[str]:
        script = f"{self.setup} && exec {shlex.join(command)}"
        shell = ["bash", "-euc", script]
        return ["unshare", *self.namespaces, *shell] if self.namespaces else shell

    def problem(self) -> str:
        """Why the condition cannot be made here; empty if it can."""
        if self.namespaces and shutil.which("unshare") is None:
            return "unshare is not installed"
        done = subprocess.run(self.wrapped(["true"]), capture_output=True, text=True)
        return "" if done.returncode == 0 else (done.stderr.strip() or "the setup fails").splitlines()[-1]


def buffers(name: str, words: str, smallest: int, start: int, largest: int) -> Condition:
    """TCP buffers of these sizes, in a network namespace."""
    sizes = f"{smallest} {start} {largest}"
    setup = f"{LOOP} && sysctl -qw net.ipv4.tcp_wmem='{sizes}' net.ipv4.tcp_rmem='{sizes}'"
    return Condition(name, words, setup, NETWORK)


def congestion(name: str) -> Condition:
    setup = f"{LOOP} && sysctl -qw net.ipv4.tcp_congestion_control={name}"
    return Condition(name, f"TCP congestion control {name}", setup, NETWORK)


# Someone who may not make a network namespace may make one inside a user namespace.
NETWORK = ("--net",) if os.geteuid() == 0 else ("--map-root-user", "--net")
USER = ("--user", "--map-user=65534", "--map-group=65534")
LOCALES = PLACE / "locales"
READ_ONLY = PLACE / "read-only-home"
CONDITIONS = (
    Condition("busy", "8 busy processes beside the tests", around=busy),
    buffers("small-buffers", "TCP buffers of 4 KiB", 4096, 4096, 4096),
    buffers("large-buffers", "TCP buffers of 32 MiB", 4096, 33554432, 33554432),
    congestion("cubic"),
    congestion("bbr"),
    Condition("few-descriptors", "ulimit -n 256", "ulimit -n 256"),
    Condition(
        "no-ipv6",
        "no IPv6",
        f"{LOOP} && sysctl -qw net.ipv6.conf.all.disable_ipv6=1",
        NETWORK,
    ),
    Condition(
        "read-only-home",
        "a home that cannot be written",
        f"mount -t tmpfs -o ro tmpfs {READ_ONLY} && export HOME={READ_ONLY}",
        ("--mount",) if os.geteuid() == 0 else ("--map-root-user", "--mount"),
    ),
    Condition(
        "abroad",
        "time zone and locale of another country",
        f"mkdir -p {LOCALES} && localedef -i de_DE -f UTF-8 {LOCALES}/de_DE.UTF-8",
        environment={
            "TZ": "Pacific/Chatham",
            "LOCPATH": str(LOCALES),
            "LC_ALL": "de_DE.UTF-8",
            "LANG": "de_DE.UTF-8",
        },
    ),
    Condition("user", "an ordinary user", "test $(id -u) -ne 0", USER if os.geteuid() == 0 else ()),
)


def environment(condition: Condition) -> dict[str, str]:
    """The condition's variables; the toolchains stay where they are if the home moves."""
    home = Path.home()
    kept = {
        "CARGO_HOME": os.environ.get("CARGO_HOME", str(home / ".cargo")),
        "RUSTUP_HOME": os.environ.get("RUSTUP_HOME", str(home / ".rustup")),
        "MONGOOSE_TEST_LOGS": str(PLACE / condition.name),
        "MONGOOSE_EXPLORE": "1",
    }
    return {**os.environ, **kept, **condition.environment}


def run(condition: Condition, suites: Sequence[str]) -> str:
    """Runs the suites; "green", or what to look at."""
    problem = condition.problem()
    if problem:
        return f"SKIPPED: {problem}"
    log = PLACE / f"{condition.name}.txt"
    command = [sys.executable, str(ROOT / "scripts" / "run_tests.py"), "--check", *suites]
    with log.open("wb") as file, condition.around():
        done = subprocess.run(
            condition.wrapped(command),
            cwd=ROOT,
            env=environment(condition),
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    closing = log.read_text(errors="replace").strip().splitlines()[-1:] or ["no output"]
    return f"green: {closing[0]}" if done.returncode == 0 else f"FAILED: {closing[0]}; {log}"


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--list", action="store_true", help="name the conditions")
    parser.add_argument("--suites", default=",".join(SUITES), help="of: %(default)s")
    parser.add_argument("conditions", nargs="*")
    options = parser.parse_args()
    if options.list:
        print("".join(f"{c.name:16} {c.words}\n" for c in CONDITIONS), end="")
        return 0
    unknown = set(options.conditions) - {c.name for c in CONDITIONS}
    if unknown:
        parser.error(f"no such condition: {', '.join(sorted(unknown))}")
    READ_ONLY.mkdir(parents=True, exist_ok=True)
    if run_tests.main(["--check", "tools", "library", "venv"]) != 0:
        return 1
    failed = False
    for condition in CONDITIONS:
        if options.conditions and condition.name not in options.conditions:
            continue
        print(f"{condition.name:16} {condition.words} ...", flush=True)
        start = time.monotonic()
        outcome = run(condition, options.suites.split(","))
        failed |= outcome.startswith("FAILED")
        print(f"{'':16} {outcome} ({time.monotonic() - start:.0f} s)", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
