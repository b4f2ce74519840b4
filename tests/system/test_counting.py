"""The closing line of `make test` must be true."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

import run_tests
from run_tests import Counts, Stage

CARGO = """
test result: ok. 13 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.06s
test result: FAILED. 2 passed; 3 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.00s
"""


@pytest.mark.parametrize(
    ("output", "counts"),
    [
        (CARGO, Counts(15, 3, 1)),
        ("..F\n1 failed, 5 passed, 2 skipped, 4 warnings, 1 error in 1.61s\n", Counts(5, 2, 2)),
        ("=== 7 passed in 0.10s ===\n", Counts(7, 0, 0)),
        ("20 errors generated.\n7 passed, 1 failed\n", Counts(7, 1, 0)),
        ("test a ... ok\nthat 3 passed; is prose\n", Counts(0, 0, 0)),
    ],
)
def test_closing_lines_add_up(output: str, counts: Counts) -> None:
    assert run_tests.counted(output) == counts


FAILURES = """
FAILED tests/python/test_x.py::test_a[input - not read] - AssertionError: [1] != [2]
ERROR tests/http/test_y.py::test_b
ERROR tests/ws/test_z.py
        FAIL [   0.010s] (  1/374) libmongoose codec::url::tests::of_nobody
     SIGABRT [   1.010s] libmongoose::abi options::macros
     Running unittests src/lib.rs (target/quick/deps/mongoose-0)
test codec::dns::tests::a ... FAILED
     Running tests/abi/main.rs (target/quick/deps/abi-0)
test facts ... ok
test wrong ... FAILED
     Running tests/queue.rs (target/quick/deps/queue-0)
test two_threads ... FAILED
again: tests/c/run_programs.py --configurations valgrind timers
"""


def test_the_command_that_repeats_a_failure() -> None:
    pytest_again = "A=7 .venv/bin/python -m pytest -n0"
    cargo_again = "A=7 cargo test --profile quick"
    assert run_tests.repeats(Stage("x", (), environment={"A": "7"}), FAILURES) == [
        f"{pytest_again} 'tests/python/test_x.py::test_a[input - not read]'",
        f"{pytest_again} tests/http/test_y.py::test_b",
        f"{pytest_again} tests/ws/test_z.py",
        f"{cargo_again} --lib -- --exact codec::url::tests::of_nobody",
        f"{cargo_again} --test abi -- --exact options::macros",
        f"{cargo_again} --lib -- --exact codec::dns::tests::a",
        f"{cargo_again} --test abi -- --exact wrong",
        f"{cargo_again} --test queue -- --exact two_threads",
        "tests/c/run_programs.py --configurations valgrind timers",
    ]


@pytest.mark.parametrize(
    ("program", "counts"),
    [
        ("print('4 passed, 0 failed')", Counts(4, 0, 0)),
        ("print('4 passed, 0 failed'); raise SystemExit(1)", Counts(4, 1, 0)),
        ("raise SystemExit(0)", Counts(0, 1, 0)),
    ],
)
def test_a_stage_that_dies_or_runs_nothing_has_failed(
    program: str, counts: Counts, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(run_tests, "LOGS", tmp_path)
    assert run_tests.run(Stage("x", (sys.executable, "-c", program)), run_tests.Progress()) == counts


def test_a_stage_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def patience_ends(process: subprocess.Popen[bytes], stage: Stage, start: float) -> tuple[int, float]:
        while "4 passed" not in (tmp_path / "x.txt").read_text():
            assert process.poll() is None
            time.sleep(0.01)
        raise subprocess.TimeoutExpired(stage.command, 0)

    monkeypatch.setattr(run_tests, "LOGS", tmp_path)
    monkeypatch.setattr(run_tests, "wait", patience_ends)
    program = "import time; print('4 passed', flush=True); time.sleep(1000)"
    assert run_tests.run(Stage("x", (sys.executable, "-c", program)), run_tests.Progress()) == Counts(4, 1, 0)
