"""Builds what the extension module is made of: the Rust library and cffi's C source.

The declarations that cffi needs are derived from the generated header, include/mongoose.h: the C
preprocessor resolves it with the system headers blanked, and what cffi cannot parse is cut.
"""

from __future__ import annotations

import hashlib
import importlib
import math
import os
import re
import shlex
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent

# The profile of cargo: "quick" is for tests in everyday work.
PROFILE = os.environ.get("MONGOOSE_PROFILE", "release")

# Options of the library's build that may come as -DNAME=VALUE in CFLAGS.
LIBRARY_OPTIONS = ("MG_IO_SIZE", "MG_MAX_RECV_SIZE")

# What C calls in the Python half of the package. (Events go another way, see cffi/gate/gate.h.)
CALLBACKS = 'extern "Python" void pymongoose_rpc(struct mg_rpc_req *);'


def version() -> str:
    """The version of the library, which is also the package's."""
    found = re.search(r'^version = "([^"]+)"', (ROOT / "Cargo.toml").read_text(), re.MULTILINE)
    assert found is not None
    return found[1]


def is_on(name: str) -> bool:
    """An option from the environment that is on unless it says 0."""
    return os.environ.get(name, "1").strip().lower() not in ("0", "no", "off", "false")


def _size(name: str, text: str) -> str:
    """A size as the Rust build takes it; C has more ways to write one."""
    try:
        return str(math.prod(int(factor.rstrip("uUlL"), 0) for factor in text.strip("()").split("*")))
    except ValueError:
        raise SystemExit(f"CFLAGS: {name}={text!r} is no number") from None


@dataclass
class Options:
    """What was asked for in the environment."""

    tls: bool = field(default_factory=lambda: is_on("USE_TLS"))
    nogil: bool = field(default_factory=lambda: is_on("USE_NOGIL"))
    cflags: list[str] = field(default_factory=lambda: shlex.split(os.environ.get("CFLAGS", "")))

    def library(self) -> dict[str, str]:
        """Options of the Rust library, as its build script reads them."""
        values = {name: os.environ[name] for name in LIBRARY_OPTIONS if name in os.environ}
        for before, flag in zip(["", *self.cflags], self.cflags):
            match = re.fullmatch(r"(\w+)=(.*)", flag.removeprefix("-D"))
            is_definition = flag.startswith("-D") or before == "-D"
            if is_definition and match and match[1] in LIBRARY_OPTIONS:
                values[match[1]] = _size(*match.groups())
        return values

    def cargo(self) -> tuple[list[str], dict[str, str]]:
        """Arguments and environment of cargo."""
        arguments = ["cargo", "build", "--profile", PROFILE, "--locked"]
        environment = self.library()
        if not self.tls:
            arguments.append("--no-default-features")
        if "-march=native" in self.cflags:
            rustflags = os.environ.get("RUSTFLAGS", "")
            environment["RUSTFLAGS"] = f"{rustflags} -C target-cpu=native".strip()
        return arguments, environment


def build_library(options: Options) -> Path:
    """Runs cargo; returns the folder with libmongoose.a and its include/mongoose.h. Each set of
    options has a target folder of its own, so that changing them takes effect and changing them
    back costs nothing. MONGOOSE_BUILT names a folder where cargo has built the library already, for
    packages that contain both."""
    if "MONGOOSE_BUILT" in os.environ:
        return Path(os.environ["MONGOOSE_BUILT"]).resolve()
    arguments, environment = options.cargo()
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    if environment or not options.tls:
        key = repr((sorted(environment.items()), options.tls)).encode()
        target = target / f"python-{hashlib.sha256(key).hexdigest()[:12]}"
    environment["CARGO_TARGET_DIR"] = str(target)
    try:
        subprocess.run(arguments, cwd=ROOT, env={**os.environ, **environment}, check=True)
    except FileNotFoundError:
        raise SystemExit("pymongoose is built with Rust: install it (package rustc or rustup)") from None
    return target / os.environ.get("CARGO_BUILD_TARGET", "") / PROFILE


def symbols(library: Path) -> set[str]:
    """What the library exports. (The header also declares what programs define.)"""
    listing = subprocess.run(
        ["nm", "--dynamic", "--defined-only", "--format=posix", str(library.with_suffix(".so"))],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout
    return {line.split()[0] for line in listing.splitlines()}


def declarations(header: Path, library: Path, cc: str = "cc") -> str:
    """What cffi is told of the library: types, functions, variables and integer constants."""
    text = header.read_text()
    with tempfile.TemporaryDirectory() as blank:
        for name in re.findall(r'#\s*include\s*[<"]([^>"]+)[>"]', text):
            path = Path(blank, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        command = [cc, "-nostdinc", "-I", blank, str(header)]
        source = subprocess.run([*command, "-E", "-P"], check=True, capture_output=True, text=True).stdout
        macros = subprocess.run([*command, "-E", "-dM"], check=True, capture_output=True, text=True).stdout
    return "\n".join([*_parsable(source, symbols(library)), *_constants(macros)])


def _statements(source: str) -> list[str]:
    """Top-level declarations, each with its end: ';' or the brace of a function body."""
    statements, depth, start = [], 0, 0
    for i, char in enumerate(source):
        if char == "{":
            depth += 1
        elif char == "}":
            depth -= 1
            is_body = depth == 0 and re.match(r"\s*static\b[^;={]*\)\s*{", source[start : i + 1])
            if is_body:
                statements.append(source[start : i + 1])
                start = i + 1
        elif char == ";" and depth == 0:
            statements.append(source[start : i + 1])
            start = i + 1
    return statements


def _declared(statement: str) -> str | None:
    """Name of the function or variable that a statement declares; None for types."""
    if statement.startswith("typedef") or "{" in statement:
        return None
    function = re.match(r"[\w\s*]+?(\w+)\s*\(", statement)
    if function:
        return function[1]
    variable = re.match(r"extern\b.*?(\w+)\s*(?:\[.*\])?;", statement, re.DOTALL)
    return variable[1] if variable else None


def _parsable(source: str, defined: set[str]) -> list[str]:
    """The declarations that the library supports and cffi can parse."""
    source = re.sub(r"__attribute__\s*\(\((?:[^()]|\([^()]*\))*\)\)", "", source)
    source = re.sub(r"^\s*#.*$", "", source, flags=re.MULTILINE)
    unknown = re.compile(r"\b(?:va_list|fd_set|DIR|FILE|time_t)\b")
    kept = []
    for statement in map(str.strip, _statements(source)):
        name = _declared(statement)
        if unknown.search(statement) or statement.endswith("}") or (name and name not in defined):
            continue
        kept.append(statement)
    return kept


def _constants(macros: str) -> list[str]:
    """Macros that are integers; the C compiler supplies the values."""
    names = []
    for name, value in re.findall(r"^#define ((?:MG|WEBSOCKET|MQTT)_\w+) (.+)$", macros, re.MULTILINE):
        if re.fullmatch(r"\(?-?(?:0x[0-9a-fA-F]+|\d+)[uUlL]*\)?", value.strip()):
            names.append(f"#define {name} ...")
    return names


def emit_source(header: Path, library: Path, path: Path, cc: str = "cc") -> None:
    """Writes the C source of cffi's half of the extension module."""
    cffi: Any = importlib.import_module("cffi")  # Not the folder of that name.

    ffi = cffi.FFI()
    ffi.cdef(declarations(header, library, cc))
    ffi.cdef(CALLBACKS)
    ffi.set_source("pymongoose._native", '#include "mongoose.h"')
    path.parent.mkdir(parents=True, exist_ok=True)
    ffi.emit_c_code(str(path))
