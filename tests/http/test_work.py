"""Twice the input makes twice the work and not four times, however a peer cuts it into pieces.

Instructions are counted, by callgrind, so the machine's load does not matter.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

import cprogram
from needs import need

LINEAR = 2.5  # Quadratic work would make it 4.

SCENARIOS = {
    "head": 8_000,  # one long header, byte by byte
    "headers": 8_000,  # many headers, byte by byte
    "body": 20_000,  # byte by byte
    "chunks": 20_000,  # of one byte, byte by byte
    "multipart": 100_000,  # small parts
    "dashes": 200_000,  # a multipart body that is all but delimiters
    "held": 60_000,  # pipelined requests, each answered one poll later
    "upload": 1_000_000,  # a body that is collected in the receive buffer
}


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    source = Path(__file__).with_name("work.c")
    output = tmp_path_factory.mktemp("work") / "work"
    return cprogram.build(source, output, flags=["-O1", "-Wall", "-Wextra", "-Werror"])


def instructions(program: Path, scenario: str, size: int) -> int:
    checker = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
    done = subprocess.run([*checker, str(program), scenario, str(size)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    collected = re.search(r"Collected : (\d+)", done.stderr)
    assert collected is not None, done.stderr
    return int(collected[1])


@pytest.mark.slow
@pytest.mark.parametrize(("scenario", "size"), SCENARIOS.items())
def test_work_grows_with_the_input_and_no_faster(program: Path, scenario: str, size: int) -> None:
    need("valgrind")
    once, twice = (instructions(program, scenario, n) for n in (size, 2 * size))
    assert twice < LINEAR * once, (once, twice)
