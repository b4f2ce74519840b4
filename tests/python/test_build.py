"""Options of a build, as cffi/native_build.py understands them."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def build() -> Any:
    spec = importlib.util.spec_from_file_location("native_build", ROOT / "cffi" / "native_build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # Where dataclasses look for it.
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    "cflags",
    [
        "-DMG_IO_SIZE=65536",
        "-O3 -D MG_IO_SIZE=65536 -march=native",
        "-DMG_IO_SIZE=0x10000 -DOTHER='a b'",
        "-DMG_IO_SIZE=65536UL",
        "-DMG_IO_SIZE=1 -DMG_IO_SIZE=(64*1024)",
    ],
)
def test_sizes_in_cflags(build: Any, monkeypatch: pytest.MonkeyPatch, cflags: str) -> None:
    monkeypatch.delenv("MG_IO_SIZE", raising=False)
    monkeypatch.setenv("CFLAGS", cflags)
    assert build.Options().library() == {"MG_IO_SIZE": "65536"}


@pytest.mark.parametrize("value", ["64K", "big", ""])
def test_a_size_that_is_not_understood_stops_the_build(
    build: Any, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("CFLAGS", f"-DMG_IO_SIZE={value}")
    with pytest.raises(SystemExit, match="MG_IO_SIZE"):
        build.Options().library()


def test_the_processor_of_this_machine(build: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CFLAGS", "-O3 -march=native")
    monkeypatch.setenv("RUSTFLAGS", "-C debuginfo=0")
    assert build.Options().cargo()[1]["RUSTFLAGS"] == "-C debuginfo=0 -C target-cpu=native"


@pytest.mark.parametrize(
    ("value", "on"), [("0", False), ("no", False), ("OFF", False), ("1", True), ("", True)]
)
def test_switches(build: Any, monkeypatch: pytest.MonkeyPatch, value: str, on: bool) -> None:
    monkeypatch.setenv("USE_TLS", value)
    monkeypatch.setenv("USE_NOGIL", value)
    options = build.Options()
    assert (options.tls, options.nogil) == (on, on)
