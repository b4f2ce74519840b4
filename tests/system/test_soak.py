"""Half a minute of the soak. `make soak` runs ten."""

from __future__ import annotations

import subprocess
import sys

import pytest

import cprogram

pytestmark = pytest.mark.slow


def test_half_a_minute() -> None:
    run = cprogram.ROOT / "tests" / "soak" / "run.py"
    done = subprocess.run([sys.executable, str(run), "30", "1"], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
