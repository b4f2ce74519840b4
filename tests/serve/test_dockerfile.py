"""The Dockerfile's steps, as far as they can be played without Docker: its files, its user, its command."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from serving import DEADLINE, Serving

ROOT = Path(__file__).parents[2]
NOBODY = 65534


def instructions() -> list[tuple[str, str]]:
    """Those of the last stage."""
    text = (ROOT / "examples" / "docker" / "Dockerfile").read_text()
    lines = re.sub(r"\\\n", " ", text).splitlines()
    found = [line.split(None, 1) for line in lines if line and not line.startswith("#")]
    steps = [(name, rest) for name, rest in found]
    last = max(at for at, (name, _) in enumerate(steps) if name == "FROM")
    return steps[last + 1 :]


def as_ordinary_user(command: list[str]) -> list[str]:
    """A command that runs without the privileges of root."""
    if os.geteuid() != 0:
        return command
    other = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--no-new-privs"]
    probe = [*other, sys.executable, "-c", "import pymongoose"]
    if subprocess.run(probe, capture_output=True, timeout=DEADLINE).returncode == 0:
        return [*other, *command]
    # Another user may not read this Python; in a namespace of its own root is nobody.
    return ["unshare", "--user", *command]


@pytest.fixture
def image() -> Iterator[Path]:
    """A folder that every user may enter."""
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o755)
        yield Path(name)


def test_the_image_runs_as_an_ordinary_user(image: Path) -> None:
    steps = instructions()
    values = dict(steps)
    user = values["USER"]
    assert user not in ("root", "0")
    before = steps[: steps.index(("USER", user))]
    assert any(name == "RUN" and f"useradd {user}" in rest for name, rest in before)
    folder = image / values["WORKDIR"].strip("/")
    for name, rest in steps:
        if name == "COPY" and not rest.startswith("--from"):
            source, target = rest.split()
            place = image / target.strip("/")
            place.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / source, place)
    command = json.loads(values["CMD"])  # A shell would keep SIGTERM to itself.
    assert command[:2] == ["pymongoose", "serve"]
    command = [sys.executable, "-m", *command, "--port", "0", "--metrics", "127.0.0.1:0"]
    folder.chmod(0o555)  # as with --read-only
    before_start = {str(path) for path in folder.rglob("*")}
    start = as_ordinary_user(command)
    with Serving(start=start, cwd=folder, PYTHONDONTWRITEBYTECODE="1") as server:
        (worker, *_) = server.ready()
        status, _, body = server.get("/x")
        assert status == 200
        assert "/x" in body
        facts = Path(f"/proc/{worker}/status").read_text()
        assert re.search(r"^CapEff:\s+0+$", facts, re.M)
        server.signal(signal.SIGTERM)
        assert server.end() == 0
    assert {str(path) for path in folder.rglob("*")} == before_start
