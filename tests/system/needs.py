"""Tools that a test cannot do without."""

from __future__ import annotations

import os
import shutil
from typing import NoReturn

import pytest


def skip(reason: str) -> NoReturn:
    """Skips a test; in continuous integration there is no reason to."""
    assert os.environ.get("CI") != "true", reason
    pytest.skip(reason)


def need(tool: str) -> None:
    """Skips a test where a tool is missing; continuous integration has them all."""
    if shutil.which(tool) is None:
        skip(f"{tool} is not installed")
