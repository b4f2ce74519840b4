#!/usr/bin/env python3
"""Runs every test and closes with one line: N passed, M failed.

Each stage writes its full output to target/test-logs/; what failed is shown here too.

    scripts/run_tests.py              all stages
    scripts/run_tests.py c python     these stages
    scripts/run_tests.py --check      a choice of tests for everyday work (`make check`)
"""

from __future__ import annotations

import dataclasses
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOGS = Path(os.environ.get("MONGOOSE_TEST_LOGS", ROOT / "target" / "test-logs"))
LINES_SHOWN = 50
# A stage that hangs is ended. No machine that is used for this work needs so long.
SECONDS_MAX = 2400

# cargo test closes every test program with a line, the others the whole run:
# "test result: ok. 3 passed; 0 failed; ...", nextest "Summary [0.1s] 3 tests run: 3 passed, 0 skipped",
# pytest "3 passed, 1 skipped in 0.1s", tests/c/run_programs.py "3 passed, 0 failed".
CARGO_CLOSING = re.compile(r"^(?:test result:| *Summary \[) ?.*$", re.MULTILINE)
CLOSING = re.compile(r"^(?:=+ )?\d+ (?:passed|failed|skipped|errors?)\b.*$", re.MULTILINE)
CARGO_FAILURES = re.compile(r"^---- .*?(?=^failures:$)", re.MULTILINE | re.DOTALL)
COUNT = re.compile(r"(\d+) (passed|failed|skipped|ignored|errors?)\b")


@dataclasses.dataclass
class Counts:
    """What became of the tests."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def add(self, other: Counts) -> None:
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped


def counted(output: str) -> Counts:
    """What the closing lines of test runners say."""
    counts = Counts()
    for line in CARGO_CLOSING.findall(output) or CLOSING.findall(output)[-1:]:
        for number, word in COUNT.findall(line):
            if word == "passed":
                counts.passed += int(number)
            elif word in ("skipped", "ignored"):
                counts.skipped += int(number)
            else:
                counts.failed += int(number)
    return counts


@dataclasses.dataclass(frozen=True)
class Stage:
    """A command; a stage without tests only prepares."""

    name: str
    command: tuple[str, ...]
    tests: bool = True
    environment: Mapping[str, str] = dataclasses.field(default_factory=dict)


PYTHON = str(ROOT / ".venv" / "bin" / "python")
STAGES = (
    Stage("tools", ("scripts/tools.sh", "test"), tests=False),
    Stage("library", ("cargo", "build", "--release"), tests=False),
    # The quick profile has the checks of a debug build; C and Python programs get what is shipped.
    Stage("rust", ("cargo", "test", "--profile", "quick", "--no-fail-fast")),
    Stage("c", (sys.executable, "tests/c/run_programs.py")),
    Stage("venv", ("scripts/venv.sh", "--dev"), tests=False),
    # The tests of one file share servers, so a file stays in one process.
    Stage("python", (PYTHON, "-m", "pytest", "-q", "-n", "auto", "--dist", "loadfile")),
)

# What `make check` runs: everything once, on a library that is linked in seconds.
QUICK = {"MONGOOSE_PROFILE": "quick"}
RUST_CHECK: tuple[str, ...]
if shutil.which("cargo-nextest"):
    RUST_CHECK = (
        "cargo",
        "nextest",
        "run",
        "--cargo-profile",
        "quick",
        "--no-fail-fast",
        "--status-level",
        "fail",
    )
else:
    RUST_CHECK = ("cargo", "test", "--profile", "quick", "--no-fail-fast")
CHECK_STAGES = (
    Stage("tools", ("scripts/tools.sh", "test"), tests=False),
    Stage("library", ("cargo", "build", "--profile", "quick"), tests=False),
    Stage("rust", RUST_CHECK),
    Stage("c", (sys.executable, "tests/c/run_programs.py", "--configurations", "gcc-so"), environment=QUICK),
    Stage("venv", ("scripts/venv.sh", "--dev"), tests=False, environment=QUICK),
    Stage(
        "python",
        (PYTHON, "-m", "pytest", "-q", "-n", "auto", "--dist", "loadfile", "-m", "not browser and not slow"),
        environment=QUICK,
    ),
)

# What a run needs and how long it takes, on 2 quiet processors.
NEEDS = "It needs some 3 GB below target/, and Debian packages that it installs if it may."
ANNOUNCED = {
    False: f"every test; some 14 minutes, 20 if nothing is built yet. {NEEDS}",
    True: "each test once, without browsers and soak; some 5 minutes.",
}


def environment(stage: Stage) -> dict[str, str]:
    """The stage's variables. A C file that was compiled for one profile is not compiled for the next."""
    variables = {**os.environ, **stage.environment}
    if os.path.isdir(CCACHE):
        variables["PATH"] = f"{CCACHE}{os.pathsep}{variables['PATH']}"
        variables.setdefault("CCACHE_DIR", str(ROOT / "target" / "ccache"))
    return variables


CCACHE = "/usr/lib/ccache"  # Compilers by their own names, as Debian's package ccache has them.

# How failed tests are named: pytest, nextest, cargo test; tests/c/run_programs.py says it itself.
PYTEST_FAILED = re.compile(r"^(?:FAILED|ERROR) (tests/\S+\.py(?:::[^\s]+)?)", re.MULTILINE)
NEXTEST_FAILED = re.compile(r"^ *(?:FAIL|TIMEOUT|SIG\w+) \[[^]]*\] (?:\([^)]*\) )?(\S+) (\S+)$", re.MULTILINE)
CARGO_FAILED = re.compile(r"^test (\S+) \.\.\. FAILED$", re.MULTILINE)
AGAIN = re.compile(r"^again: (.*)$", re.MULTILINE)


def repeats(stage: Stage, output: str) -> list[str]:
    """The command for each failed test that runs just that one."""
    profile = "".join(f"{k}={v} " for k, v in stage.environment.items() if k == "MONGOOSE_PROFILE")
    commands = [
        f"{profile}.venv/bin/python -m pytest -n0 {shlex.quote(t)}" for t in PYTEST_FAILED.findall(output)
    ]
    names = [name for _, name in NEXTEST_FAILED.findall(output)] or CARGO_FAILED.findall(output)
    commands += [f"cargo test --profile quick -- --exact {name}" for name in names]
    return list(dict.fromkeys(commands + AGAIN.findall(output)))


def wait(process: subprocess.Popen[bytes], stage: Stage, log: Path, start: float) -> int:
    """Waits for the end; on a terminal it shows how far the stage is: the last words of its log."""
    while True:
        left = start + SECONDS_MAX - time.monotonic()
        try:
            return process.wait(timeout=min(left, 1) if sys.stdout.isatty() else left)
        except subprocess.TimeoutExpired:
            if time.monotonic() - start >= SECONDS_MAX:
                raise
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 300))
            last = file.read().decode(errors="replace").strip().splitlines()[-1:] or [""]
        print(
            f"\r{stage.name:9} ... {time.monotonic() - start:6.0f} s  {last[0][-60:]:60}", end="", flush=True
        )


def excerpt(output: str) -> list[str]:
    """The part worth showing of a stage that failed: what cargo test says of failures, or the end."""
    failures = CARGO_FAILURES.findall(output)
    return "".join(failures or [output]).splitlines()[-LINES_SHOWN:]


def run(stage: Stage) -> Counts:
    """Runs a stage and reports on it."""
    print(f"{stage.name:9} ...", end="", flush=True)
    start = time.monotonic()
    log = LOGS / f"{stage.name}.txt"
    with log.open("wb") as file:
        process = subprocess.Popen(
            stage.command,
            cwd=ROOT,
            env=environment(stage),
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            status = wait(process, stage, log, start)
        except BaseException as e:
            # Nothing that the stage started may stay behind.
            os.killpg(process.pid, signal.SIGKILL)
            status = process.wait()
            if not isinstance(e, subprocess.TimeoutExpired):
                raise
            file.write(f"\nnot done after {SECONDS_MAX} s\n".encode())
    output = log.read_text(errors="replace")
    counts = counted(output) if stage.tests else Counts()
    # A runner that died before it could count has failed too, and so has one that ran nothing.
    if counts.failed == 0 and (status != 0 or (stage.tests and counts.passed == 0)):
        counts.failed = 1
    words = f"{counts.passed} passed, {counts.failed} failed, {counts.skipped} skipped" if stage.tests else ""
    if sys.stdout.isatty():
        print(f"\r{'':85}\r{stage.name:9} ...", end="")
    print(
        f" {time.monotonic() - start:6.1f} s  {words or 'done' if not counts.failed else words or 'FAILED'}"
    )
    skipped = [line for line in output.splitlines() if "SKIPPED" in line]
    print("".join(f"  {line}\n" for line in skipped), end="", flush=True)
    if counts.failed:
        print("".join(f"  | {line}\n" for line in excerpt(output)), end="")
        for command in repeats(stage, output)[:LINES_SHOWN]:
            print(f"  again: {command}")
        print(f"  everything: {log}", flush=True)
    return counts


def main(names: Sequence[str]) -> int:
    check = "--check" in names
    stages = CHECK_STAGES if check else STAGES
    names = [name for name in names if name != "--check"]
    unknown = set(names) - {stage.name for stage in stages}
    if unknown:
        print(f"no such stage: {', '.join(sorted(unknown))}", file=sys.stderr)
        return 2
    LOGS.mkdir(parents=True, exist_ok=True)
    if not names:
        print(f"{'make check' if check else 'make test'}: {ANNOUNCED[check]}", flush=True)
    total = Counts()
    for stage in stages:
        if names and stage.name not in names:
            continue
        counts = run(stage)
        total.add(counts)
        if counts.failed and not stage.tests:
            break  # Nothing that follows could work.
    if total.skipped and os.environ.get("CI") == "true":
        print(f"{total.skipped} skipped: with CI=true nothing may be")
        total.failed += total.skipped
    print(f"{total.passed} passed, {total.failed} failed")
    return 1 if total.failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
