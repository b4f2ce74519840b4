"""The interface from other languages, bound as they do it: each serves one request and answers it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "scripts"))
import cprogram  # noqa: E402
from needs import need  # noqa: E402

BINDINGS = ROOT / "tests" / "bindings"
SHARED = cprogram.LIBRARY / "libmongoose.so"
REQUEST = "POST /a b hi Host Content-Length Connection\n"


def output(*command: str | Path, **environment: str) -> str:
    words = [str(word) for word in command]
    done = subprocess.run(
        words, capture_output=True, text=True, timeout=100, env={**os.environ, **environment}
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_ctypes() -> None:
    assert output(sys.executable, BINDINGS / "server.py", SHARED) == f"{REQUEST}from ctypes\n"


def test_cpp(tmp_path: Path) -> None:
    program = tmp_path / "server"
    flags = ("-std=c++20", "-Wall", "-Wextra", "-Werror")
    output(*cprogram.command(BINDINGS / "server.cpp", program, cc="g++", flags=flags))
    assert output(program) == f"{REQUEST}from C++\n"


def test_luajit() -> None:
    need("luajit")
    assert output("luajit", BINDINGS / "server.lua", SHARED) == f"{REQUEST}from Lua\n"


def test_rust_by_bindgen(tmp_path: Path) -> None:
    need("bindgen")
    need("rustc")
    made, program = tmp_path / "bindings.rs", tmp_path / "server"
    wanted = [f"--allowlist-{kind}=(mg|MG)_.*" for kind in ("function", "var", "type")]
    output("bindgen", cprogram.LIBRARY / "include" / "mongoose.h", *wanted, "-o", made)
    # The extern blocks of older releases of bindgen are those of this edition.
    flags = ("--edition=2021", f"-L{cprogram.LIBRARY}", "-lmongoose")
    rpath = f"-Clink-arg=-Wl,-rpath,{cprogram.LIBRARY}"
    output("rustc", *flags, rpath, BINDINGS / "server.rs", "-o", program, BINDINGS=str(made))
    assert output(program) == f"{REQUEST}from Rust\n"
