#!/usr/bin/env python3
"""Compares formatting with the C library's: builds the library and benches/format.c, and runs it.

benches/format.py         all cases
benches/format.py d json  these cases
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "scripts"))
import cprogram  # noqa: E402

subprocess.run(["cargo", "build", "--release", "--quiet"], stderr=subprocess.DEVNULL, cwd=ROOT, check=True)
program = cprogram.build(ROOT / "benches/format.c", ROOT / "target/benches/format", flags=["-O2"])
subprocess.run([program, *sys.argv[1:]], check=True)
