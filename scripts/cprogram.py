"""How a C program is compiled against the library: for the C tests, the benchmarks and the docs."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# MONGOOSE_PROFILE=quick links what `cargo build --profile quick` made, in seconds instead of minutes.
PROFILE = os.environ.get("MONGOOSE_PROFILE", "release")
LIBRARY = ROOT / "target" / PROFILE

# What the Rust standard library needs on Linux when it is linked statically.
STATIC_LIBS = ("-lgcc_s", "-lutil", "-lrt", "-lpthread", "-lm", "-ldl", "-lc")


def linked(static: bool, library: Path) -> list[str]:
    """Arguments of a linker for the shared or static library."""
    if static:
        return [str(library / "libmongoose.a"), *STATIC_LIBS]
    return [f"-L{library}", f"-Wl,-rpath,{library}", "-lmongoose", "-lpthread"]


def command(
    source: Path,
    output: Path,
    *,
    cc: str = "cc",
    static: bool = False,
    flags: Sequence[str] = (),
    library: Path = LIBRARY,
) -> list[str]:
    """The compiler command line that makes `output` from `source` and the shared or static library.

    The header is the one beside the library, which has the library's build options.
    """
    include = f"-I{library / 'include'}"
    return [cc, *flags, include, str(source), "-o", str(output), *linked(static, library)]


def build(
    source: Path, output: Path, *, static: bool = False, flags: Sequence[str] = (), library: Path = LIBRARY
) -> Path:
    """Compiles `source`; the compiler's words go to standard error. Raises CalledProcessError.

    Processes may build the same program at once: each makes a file of its own and moves it there.
    """
    output.parent.mkdir(parents=True, exist_ok=True)
    made = output.with_name(f"{output.name}.{os.getpid()}")
    subprocess.run(command(source, made, static=static, flags=flags, library=library), check=True)
    made.replace(output)
    return output
