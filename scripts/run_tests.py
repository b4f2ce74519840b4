#!/usr/bin/env python3
"""Runs every test and closes with one line: N passed, M failed.

Each stage writes its full output to target/test-logs/; what failed is shown here too.

    scripts/run_tests.py              all stages
    scripts/run_tests.py c python     these stages
    scripts/run_tests.py --check      a choice of tests for everyday work (`make check`)
"""

from __future__ import annotations

import concurrent.futures
import dataclasses
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOGS = Path(os.environ.get("MONGOOSE_TEST_LOGS", ROOT / "target" / "test-logs"))
LINES_SHOWN = 50
# A stage that hangs is ended. No machine that is used for this work needs so long.
SECONDS_MAX = 7200

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
RUST: tuple[str, ...] = ("cargo", "test", "--profile", "quick", "--no-fail-fast")
RUST_CHECK: tuple[str, ...] = (*RUST, "--lib", "--tests")
if shutil.which("cargo-nextest"):
    nextest = ("cargo", "nextest", "run", "--cargo-profile", "quick", "--lib", "--tests")
    RUST_CHECK = (*nextest, "--no-fail-fast", "--status-level", "fail")
# These compile the header in each way that there is.
COMPILERS = (
    "no_compiler_has",
    "options_of_programs",
    "macros_",
    "other_platforms",
    "rules_of_each_platform",
    "however_the_program",
)
RUST_CHECK += ("--", *(word for name in COMPILERS for word in ("--skip", name)))
# proptest tries the same examples in each run, as hypothesis does (tests/conftest.py).
SAME_EXAMPLES = {} if os.environ.get("MONGOOSE_EXPLORE") == "1" else {"PROPTEST_RNG_SEED": "7"}
PYTEST = (PYTHON, "-m", "pytest", "-q", "-n", "auto", "--dist", "loadfile")
TOOLS = Stage("tools", ("scripts/tools.sh", "test"), tests=False)

# Stages of one step run side by side: what the one leaves of the processors, as the release build does
# that links for minutes on one of them, or tests that wait, is for the other.
STAGES = (
    (TOOLS,),
    (
        Stage("library", ("cargo", "build", "--release"), tests=False),
        Stage("programs", (*RUST, "--no-run"), tests=False),
    ),
    (Stage("venv", ("scripts/venv.sh", "--dev"), tests=False),),
    (
        # The quick profile has the checks of a debug build; C and Python programs get what is shipped.
        Stage("rust", RUST, environment=SAME_EXAMPLES),
        # The longest of them gets what the others leave, and both processors at the end.
        Stage("c", ("nice", sys.executable, "tests/c/run_programs.py")),
        # The tests of one file share servers, so a file stays in one process.
        Stage("python", PYTEST),
    ),
)

# What `make check` runs, on a library that is linked in seconds: what says something about the code that
# is worked on. What says something about the world around it (browsers, other programs, packages,
# compilers) or takes long is left to `make test`.
QUICK = {"MONGOOSE_PROFILE": "quick"}
CHECK_STAGES = (
    (TOOLS,),
    (Stage("library", ("cargo", "build", "--profile", "quick"), tests=False),),
    (Stage("venv", ("scripts/venv.sh", "--dev"), tests=False, environment=QUICK),),
    (
        Stage("rust", RUST_CHECK, environment=SAME_EXAMPLES),
        Stage(
            "c",
            ("nice", sys.executable, "tests/c/run_programs.py", "--configurations", "gcc-so"),
            environment=QUICK,
        ),
        Stage(
            "python",
            (*PYTEST, "-m", "not browser and not slow", "tests/python", "tests/http", "tests/ws"),
            environment=QUICK,
        ),
    ),
)

# What a run needs and how long it takes, on 2 quiet processors.
NEEDS = "It needs some 3 GB below target/, and Debian packages that it installs if it may."
ANNOUNCED = {
    False: f"every test; some 8 minutes, 15 if nothing is built yet. {NEEDS}",
    True: "what says something about the code at hand; some 70 seconds, 150 after a change in src/.",
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
# A parameter of pytest may have spaces.
PYTEST_FAILED = re.compile(
    r"^(?:FAILED|ERROR) (tests/\S+?\.py(?:::[^\s\[]+(?:\[.*?\](?= - |$))?)?)", re.MULTILINE
)
NEXTEST_FAILED = re.compile(r"^ *(?:FAIL|TIMEOUT|SIG\w+) \[[^]]*\] (?:\([^)]*\) )?(\S+) (\S+)$", re.MULTILINE)
CARGO_FAILED = re.compile(r"^ *Running (?:unittests )?(\S+) |^test (\S+) \.\.\. FAILED$", re.MULTILINE)
AGAIN = re.compile(r"^again: (.*)$", re.MULTILINE)


def rust_failures(output: str) -> Iterator[tuple[str, str]]:
    """(option of cargo that chooses the test program, name) of each failed test."""
    for binary, name in NEXTEST_FAILED.findall(output):
        program = binary.partition("::")[2]
        yield (f"--test {program}" if program else "--lib", name)
    program = "--lib"
    for source, name in CARGO_FAILED.findall(output):
        if name:
            yield program, name
        else:
            # tests/NAME.rs or tests/NAME/main.rs
            folder, _, rest = source.removesuffix(".rs").partition("/")
            program = f"--test {rest.partition('/')[0]}" if folder == "tests" else "--lib"


def repeats(stage: Stage, output: str) -> list[str]:
    """The command for each failed test that runs just that one, as the stage ran it."""
    variables = "".join(f"{name}={value} " for name, value in stage.environment.items())
    commands = [
        f"{variables}.venv/bin/python -m pytest -n0 {shlex.quote(t)}" for t in PYTEST_FAILED.findall(output)
    ]
    commands += [
        f"{variables}cargo test --profile quick {program} -- --exact {name}"
        for program, name in rust_failures(output)
    ]
    return list(dict.fromkeys(commands + AGAIN.findall(output)))


def wait(process: subprocess.Popen[bytes], stage: Stage, start: float) -> tuple[int, float]:
    """Waits for the end: the exit status, and the seconds of processors that the stage used."""
    while True:
        ended, status, used = os.wait4(process.pid, os.WNOHANG)
        if ended:
            process.returncode = os.waitstatus_to_exitcode(status)
            return process.returncode, used.ru_utime + used.ru_stime
        if time.monotonic() - start >= SECONDS_MAX:
            raise subprocess.TimeoutExpired(stage.command, SECONDS_MAX)
        time.sleep(0.1)


class Progress:
    """On a terminal, how far the stages are: the last words of each one's log."""

    def __init__(self) -> None:
        self._running: dict[str, tuple[Path, float]] = {}
        self._lock = threading.Lock()
        self._ended = threading.Event()

    def begin(self, stage: Stage, log: Path) -> None:
        with self._lock:
            self._running[stage.name] = (log, time.monotonic())

    def end(self, stage: Stage, text: str) -> None:
        """Replaces the stage's progress by what became of it."""
        with self._lock:
            del self._running[stage.name]
            erased = f"\r{'':110}\r" if sys.stdout.isatty() else ""
            print(f"{erased}{text}", flush=True)

    def _show(self) -> None:
        parts = []
        for name, (log, start) in self._running.items():
            with log.open("rb") as file:
                file.seek(max(0, log.stat().st_size - 300))
                last = file.read().decode(errors="replace").strip().splitlines()[-1:] or [""]
            parts.append(f"{name} {time.monotonic() - start:.0f} s {last[0][-30:]}")
        print(f"\r{' | '.join(parts)[:110]:110}", end="", flush=True)

    def run(self) -> None:
        while sys.stdout.isatty() and not self._ended.wait(1):
            with self._lock:
                if self._running:
                    self._show()

    def __enter__(self) -> Progress:
        self._thread = threading.Thread(target=self.run, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()


def excerpt(output: str) -> list[str]:
    """The part worth showing of a stage that failed: what cargo test says of failures, or the end."""
    failures = CARGO_FAILURES.findall(output)
    return "".join(failures or [output]).splitlines()[-LINES_SHOWN:]


def run(stage: Stage, progress: Progress) -> Counts:
    """Runs a stage and reports on it."""
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
        _processes.add(process)
        progress.begin(stage, log)
        try:
            status, cpu = wait(process, stage, start)
        except subprocess.TimeoutExpired:
            # Nothing that the stage started may outlive it.
            end(process)
            status, cpu = 1, 0.0
            file.write(f"\nnot done after {SECONDS_MAX} s\n".encode())
        finally:
            _processes.discard(process)
    output = log.read_text(errors="replace")
    counts = counted(output) if stage.tests else Counts()
    # A runner that died before it could count has failed too, and so has one that ran nothing.
    if counts.failed == 0 and (status != 0 or (stage.tests and counts.passed == 0)):
        counts.failed = 1
    words = f"{counts.passed} passed, {counts.failed} failed, {counts.skipped} skipped" if stage.tests else ""
    outcome = words or ("FAILED" if counts.failed else "done")
    lines = [f"{stage.name:9} {time.monotonic() - start:6.1f} s  {cpu:6.1f} s of processors  {outcome}"]
    lines += [f"  {line}" for line in output.splitlines() if "SKIPPED" in line]
    if counts.failed:
        lines += [f"  | {line}" for line in excerpt(output)]
        lines += [f"  again: {command}" for command in repeats(stage, output)[:LINES_SHOWN]]
        lines += [f"  everything: {log}"]
    progress.end(stage, "\n".join(lines))
    return counts


_processes: set[subprocess.Popen[bytes]] = set()


def end(process: subprocess.Popen[bytes]) -> None:
    """Ends a stage with all that it started."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def main(names: Sequence[str]) -> int:
    check = "--check" in names
    steps = CHECK_STAGES if check else STAGES
    names = [name for name in names if name != "--check"]
    unknown = set(names) - {stage.name for step in steps for stage in step}
    if unknown:
        print(f"no such stage: {', '.join(sorted(unknown))}", file=sys.stderr)
        return 2
    LOGS.mkdir(parents=True, exist_ok=True)
    if not names:
        print(f"{'make check' if check else 'make test'}: {ANNOUNCED[check]}", flush=True)
    start = time.monotonic()
    total = Counts()
    with Progress() as progress, concurrent.futures.ThreadPoolExecutor() as pool:
        try:
            for step in steps:
                stages = [stage for stage in step if not names or stage.name in names]
                results = list(pool.map(lambda stage: run(stage, progress), stages))
                for counts in results:
                    total.add(counts)
                if any(counts.failed and not stage.tests for stage, counts in zip(stages, results)):
                    break  # Nothing that follows could work.
        except BaseException:
            for process in list(_processes):
                end(process)
            raise
    if total.skipped and os.environ.get("CI") == "true":
        print(f"{total.skipped} skipped: with CI=true nothing may be")
        total.failed += total.skipped
    print(f"{time.monotonic() - start:.0f} s in all")
    print(f"{total.passed} passed, {total.failed} failed")
    return 1 if total.failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
