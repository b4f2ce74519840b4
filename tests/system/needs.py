"""Tools that a test cannot do without."""

from __future__ import annotations

import os
import shutil

import pytest


def need(tool: str) -> None:
    """Skips a test where a tool is missing; continuous integration has them all."""
    if shutil.which(tool) is None:
        assert os.environ.get("CI") != "true", f"{tool} is not installed"
        pytest.skip(f"{tool} is not installed")
