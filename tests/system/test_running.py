"""Processes that tests start end with the test that started them, however it ends."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from loopback import children, running

FOREVER = "print('ready', flush=True); import time; time.sleep(3600)"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {FOREVER}"


def test_a_block_that_fails_leaves_no_process() -> None:
    with pytest.raises(ZeroDivisionError):
        with running([sys.executable, "-c", FOREVER], stdout=subprocess.PIPE) as process:
            1 / 0  # noqa: B018
    assert process.returncode == -signal.SIGTERM


def test_a_process_that_ignores_the_signal_is_killed() -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        with running([sys.executable, "-c", STUBBORN], seconds=0.1, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
    assert process.returncode == -signal.SIGKILL


def test_children_are_seen_until_they_have_ended() -> None:
    with running([sys.executable, "-c", FOREVER], stdout=subprocess.PIPE) as process:
        assert process.pid in children()
    assert process.pid not in children()
