"""The pages of docs/ show programs that exist, and options that there are."""

from __future__ import annotations

import re

import pytest

from cprogram import ROOT
from programs import EXAMPLES
from pymongoose.serve.options import OPTIONS
from pymongoose.settings import ManagerSettings

DOCS = ROOT / "docs"
SNIPPET = re.compile(r'^ *--8<-- "([^"]+)"$', re.MULTILINE)
SHOWN = {path: SNIPPET.findall(path.read_text()) for path in sorted(DOCS.glob("**/*.md"))}
FLAGS = {part for option in OPTIONS for flag in option.flags for part in flag.split("/")}


def test_each_tutorial_and_guide_shows_a_program() -> None:
    for path, shown in SHOWN.items():
        if path.parent.name in ("tutorials", "how-to"):
            assert shown, path
        assert [name for name in shown if not (ROOT / name).is_file()] == [], path


def test_each_program_is_shown() -> None:
    shown = {name for names in SHOWN.values() for name in names}
    files = [path for path in EXAMPLES.glob("**/*") if path.is_file() and "__pycache__" not in path.parts]
    assert [p for p in files if str(p.relative_to(ROOT)) not in shown] == []


@pytest.mark.parametrize("server", ["uvicorn", "gunicorn", "granian"])
def test_options_for_those_who_come_from_another_server(server: str) -> None:
    rows = re.findall(r"^\| (.*) \| (.*) \|$", (DOCS / f"coming-from/{server}.md").read_text(), re.MULTILINE)
    assert len(rows) > 20
    for theirs, ours in rows:
        named = theirs if ours.startswith("the same") else ours
        for flag in re.findall(r"`(--[a-z][a-z-]*)", named):
            assert flag in {*FLAGS, "--config"}, f"{theirs}: {ours}"


def test_settings_that_pages_name() -> None:
    for path in SHOWN:
        for name in re.findall(r"--set (\w+)=", path.read_text()):
            assert name == "nothing" or name in ManagerSettings.__annotations__, f"{path}: {name}"
