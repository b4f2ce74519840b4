"""The Debian packages: built from this tree, unpacked into a root of their own, and used."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

import cprogram
from needs import need

PROGRAM = """
#include <mongoose.h>
#include <stdio.h>
int main(void) {
  struct mg_mgr mgr;
  mg_mgr_init(&mgr);
  mg_mgr_free(&mgr);
  puts("ok");
  return 0;
}
"""


def run(command: list[str], cwd: Path, **environment: str) -> str:
    done = subprocess.run(
        command, cwd=cwd, env={**os.environ, **environment}, capture_output=True, text=True, errors="replace"
    )
    assert done.returncode == 0, f"{command}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the packages, made from what cargo has built."""
    need("dpkg-buildpackage")
    need("dh")
    place = tmp_path_factory.mktemp("debian")
    tree = place / "tree"
    tree.mkdir()
    listed = run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cprogram.ROOT)
    for name in filter(None, listed.split("\0")):
        if (cprogram.ROOT / name).is_file():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(cprogram.ROOT / name, tree / name)
    run(
        ["dpkg-buildpackage", "-b", "-us", "-uc", "-d"],
        tree,
        BUILT=str(cprogram.LIBRARY),
        DEB_BUILD_OPTIONS="nostrip noautodbgsym",
    )
    return place


@pytest.fixture(scope="module")
def root(packages: Path) -> Path:
    """What an installation of all packages puts on the disk."""
    place = packages / "root"
    for package in sorted(packages.glob("*.deb")):
        run(["dpkg-deb", "-x", str(package), str(place)], packages)
    return place


def test_the_packages(packages: Path) -> None:
    names = {path.name.split("_")[0] for path in packages.glob("*.deb")}
    assert names == {
        "libmongoose7",
        "libmongoose-net-dev",
        "libmongoose-net-doc",
        "mongoose-tools",
        "python3-libmongoose",
    }


def test_a_program_builds_and_runs(root: Path, tmp_path: Path) -> None:
    need("pkg-config")
    (tmp_path / "program.c").write_text(PROGRAM)
    (library,) = root.glob("usr/lib/*/libmongoose.so.7")
    folder = library.parent
    flags = run(
        ["pkg-config", "--cflags", "--libs", "mongoose"],
        tmp_path,
        PKG_CONFIG_LIBDIR=str(folder / "pkgconfig"),
        PKG_CONFIG_SYSROOT_DIR=str(root),
    ).split()
    run(["cc", "program.c", "-o", "program", *flags], tmp_path)
    assert run([str(tmp_path / "program")], tmp_path, LD_LIBRARY_PATH=str(folder)).endswith("ok\n")


def test_no_file_is_suitesparses(root: Path) -> None:
    """libsuitesparse-dev has libmongoose.so and libmongoose.a in the multiarch folder."""
    assert not list(root.glob("usr/lib/*/libmongoose.so"))
    assert not list(root.glob("usr/lib/*/libmongoose.a"))
    assert len(list(root.glob("usr/lib/*/mongoose/libmongoose.*"))) == 2


def test_the_python_module(root: Path, tmp_path: Path) -> None:
    modules = root / "usr/lib/python3/dist-packages"
    code = "import pymongoose; m = pymongoose.Manager(); m.close(); print(pymongoose.__file__)"
    found = run(["/usr/bin/python3", "-c", code], tmp_path, PYTHONPATH=str(modules), PYMONGOOSE_QUIET="1")
    assert found.strip().startswith(str(modules))


def test_manual_and_licences(root: Path) -> None:
    assert (root / "usr/share/man/man3/mg_mgr_poll.3.gz").exists()
    assert (root / "usr/share/man/man1/mongoose-pack.1.gz").exists()
    assert (root / "usr/share/doc/libmongoose7/copyright").exists()
