#!/usr/bin/env python3
"""Writes what a build drops in: mongoose.h, mongoose.c, and libmongoose.a with nothing but mg_ names.

    scripts/dropin.py DIR                builds the library, with the options of the environment
    scripts/dropin.py DIR --library L    takes the library in L, with its header in L/include

TLS=0 in the environment leaves TLS out. MG_IO_SIZE and MG_MAX_RECV_SIZE there change the defaults; a
program that is compiled with such macros, or with MG_DATA_SIZE, hands its own values over.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OPTIONS = ("MG_IO_SIZE", "MG_MAX_RECV_SIZE")
SOURCE = """\
/*
 * The library is in libmongoose.a, which the link needs beside this file. Compiled with the macros of
 * a program, this hands them over: docs/reference/macros.md.
 */
#include "mongoose.h"
"""


def build() -> Path:
    """Builds the library with the options of the environment; where it is."""
    chosen = [f"{name}={os.environ[name]}" for name in OPTIONS if os.environ.get(name)]
    flags = ["--no-default-features"] if os.environ.get("TLS") == "0" else []
    target = ROOT / "target"
    environment = dict(os.environ)
    if chosen or flags:
        # A build with other options in the same place would make the next plain one start anew.
        mark = hashlib.sha256(" ".join([*chosen, *flags]).encode()).hexdigest()[:12]
        target = target / f"dropin-{mark}"
        environment["MG_HEADER_DIR"] = str(target / "include")
    environment["CARGO_TARGET_DIR"] = str(target)
    command = ["cargo", "build", "--release", "--lib", "--quiet", *flags]
    subprocess.run(command, cwd=ROOT, env=environment, check=True)
    return target / "release"


def exported(archive: Path) -> list[str]:
    """The names of the interface that an archive defines."""
    lines = subprocess.run(
        ["nm", "-g", "--defined-only", "--format=posix", str(archive)],
        check=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ).stdout.splitlines()
    names = {line.split()[0] for line in lines if line.startswith("mg_")}
    # What Rust and C say to each other inside of the library.
    inner = ("mg_va_", "mg_put_log_prefix", "mg_old_")
    return sorted(name for name in names if not name.startswith(inner))


def close_archive(archive: Path, to: Path) -> None:
    """Links an archive into one object in which all names but those of the interface are local."""
    with tempfile.TemporaryDirectory() as scratch:
        parts = ("plain.a", "whole.o", "mongoose.o", "names")
        plain, whole, closed, keep = (Path(scratch) / name for name in parts)
        # Rust leaves bitcode in its objects, which the plugins of nm, ld and ar take for all there is.
        bitcode = ["--remove-section=.llvmbc", "--remove-section=.llvmcmd"]
        subprocess.run(["objcopy", *bitcode, str(archive), str(plain)], check=True)
        names = exported(plain)
        if "mg_mgr_init" not in names:
            raise SystemExit(f"{archive}: no library")
        keep.write_text("".join(f"{name}\n" for name in names))
        asked = [word for name in names for word in ("-u", name)]
        # A group that another Rust archive has too would be taken from one of them, names and all.
        linked = ["ld", "-r", "--force-group-allocation", *asked, "-o", str(whole), str(plain)]
        subprocess.run(linked, check=True)
        local = ["objcopy", f"--keep-global-symbols={keep}", "--strip-debug", str(whole), str(closed)]
        subprocess.run(local, check=True)
        to.unlink(missing_ok=True)
        subprocess.run(["ar", "rcs", str(to), str(closed)], check=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("directory", type=Path)
    parser.add_argument("--library", type=Path, help="directory of libmongoose.a and include/")
    options = parser.parse_args()
    library = options.library or build()
    directory: Path = options.directory
    directory.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(library / "include" / "mongoose.h", directory / "mongoose.h")
    (directory / "mongoose.c").write_text(SOURCE)
    close_archive(library / "libmongoose.a", directory / "libmongoose.a")
    print(f"{directory}: mongoose.h, mongoose.c, libmongoose.a")


if __name__ == "__main__":
    main()
