#!/usr/bin/env python3
"""Builds and runs the soak: random traffic and misuse, for so many seconds, from a seed.

tests/soak/run.py              600 seconds, seed 1
tests/soak/run.py 30 7
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "scripts"))
import cprogram  # noqa: E402

FLAGS = ("-std=c99", "-Wall", "-Wextra", "-Werror", "-g", "-O1")


def main(seconds: str = "600", seed: str = "1") -> int:
    program = cprogram.build(Path(__file__).parent / "soak.c", ROOT / "target" / "soak" / "soak", flags=FLAGS)
    # What threads of glibc keep for themselves counts as allocated, and grows for long.
    environment = {**os.environ, "GLIBC_TUNABLES": "glibc.malloc.tcache_count=0"}
    return subprocess.run([str(program), seconds, seed], env=environment).returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
