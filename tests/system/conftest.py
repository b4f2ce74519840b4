"""Tests of the project as a whole: its programs, its documents, its repository."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent / "scripts"))


@pytest.fixture
def need() -> Callable[[str], None]:
    """need("tool") skips a test where a tool is missing; continuous integration has them all."""

    def check(tool: str) -> None:
        if shutil.which(tool) is None:
            assert os.environ.get("CI") != "true", f"{tool} is not installed"
            pytest.skip(f"{tool} is not installed")

    return check
