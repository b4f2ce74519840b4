#!/usr/bin/env python3
"""Installs the library, or removes what an installation left.

    make install                                to /usr/local
    make install PREFIX=/usr DESTDIR=/tmp/root LIBDIR=/usr/lib/x86_64-linux-gnu
    make uninstall                              with the same variables

The shared library is linked here from the archive that cargo built, by the system's C compiler and
linker, with a SONAME and the list of exported names as its version script.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import cprogram
import manpages

ROOT = Path(__file__).resolve().parent.parent
PACKAGING = ROOT / "packaging"

# The SONAME counts ABIs: it changes with the layout of a public struct or the removal of a function.
ABI = "7"
INTERFACE = "7.22"
SONAME = f"libmongoose.so.{ABI}"
URL = "https://crates.io/crates/libmongoose"


def cargo_version() -> str:
    """The version of the library."""
    found = re.search(r'^version = "([^"]+)"', (ROOT / "Cargo.toml").read_text(), re.MULTILINE)
    assert found is not None
    return found[1]


def exported(library: Path) -> list[str]:
    """The names that the shared library that cargo built exports."""
    listing = subprocess.run(
        ["nm", "--dynamic", "--defined-only", "--format=posix", str(library)],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout
    return sorted(line.split()[0] for line in listing.splitlines())


def link_shared(archive: Path, names: list[str], output: Path, cc: str) -> None:
    """Links the archive into a shared library with the SONAME that exports `names`."""
    with tempfile.NamedTemporaryFile("w", suffix=".map") as script:
        script.write("{\n  global:\n" + "".join(f"    {name};\n" for name in names) + "  local: *;\n};\n")
        script.flush()
        subprocess.run(
            [
                *cc.split(),
                "-shared",
                "-o",
                str(output),
                f"-Wl,-soname,{SONAME}",
                *(f"-Wl,-u,{name}" for name in names),
                str(archive),
                f"-Wl,--version-script={script.name}",
                "-Wl,--gc-sections",
                "-Wl,-z,relro,-z,now",
                *os.environ.get("LDFLAGS", "").split(),
                *cprogram.STATIC_LIBS,
            ],
            check=True,
        )


class Layout:
    """Where everything goes."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.destdir: str = options.destdir
        prefix = Path(options.prefix)
        self.prefix = prefix
        self.bindir = Path(options.bindir or prefix / "bin")
        self.libdir = Path(options.libdir or prefix / "lib")
        self.includedir = Path(options.includedir or prefix / "include")
        self.pkgconfigdir = Path(options.pkgconfigdir or self.libdir / "pkgconfig")
        self.cmakedir = Path(options.cmakedir or self.libdir / "cmake" / "mongoose")
        self.mandir = Path(options.mandir or prefix / "share" / "man")
        self.docdir = Path(options.docdir or prefix / "share" / "doc" / "libmongoose")
        # Where the linker finds -lmongoose: a folder of its own where another libmongoose.so may be.
        self.linkdir = self.libdir / options.linkdir if options.linkdir else self.libdir
        self.file = f"libmongoose.so.{INTERFACE}.{cargo_version()}"

    def placed(self, path: Path) -> Path:
        """Where a file is written for a staged installation."""
        return Path(self.destdir + str(path)) if self.destdir else path

    def values(self) -> dict[str, str]:
        """What the templates of packaging/ ask for."""
        up = os.path.relpath(self.prefix, self.cmakedir)
        return {
            "prefix": str(self.prefix),
            "libdir": str(self.libdir),
            "includedir": str(self.includedir),
            "linkdir": str(self.linkdir).removeprefix(str(self.libdir)),
            "url": URL,
            "version": f"{INTERFACE}.{cargo_version()}",
            "private": " ".join(cprogram.STATIC_LIBS),
            "private_list": ";".join(cprogram.STATIC_LIBS),
            "up": up,
            "relative_libdir": os.path.relpath(self.libdir, self.prefix),
            "relative_linkdir": os.path.relpath(self.linkdir, self.prefix),
            "relative_includedir": os.path.relpath(self.includedir, self.prefix),
            "file": self.file,
            "soname": SONAME,
        }


def filled(template: Path, values: dict[str, str]) -> str:
    """A template with its values."""
    return re.sub(r"@(\w+)@", lambda found: values[found[1]], template.read_text())


def stage(layout: Layout, built: Path, directory: Path, cc: str) -> Iterator[tuple[Path, Path, int]]:
    """Makes every file of the installation below `directory`; yields (made, destination, mode)."""
    shared = directory / layout.file
    link_shared(built / "libmongoose.a", exported(built / "libmongoose.so"), shared, cc)
    yield shared, layout.libdir / layout.file, 0o755
    yield built / "libmongoose.a", layout.linkdir / "libmongoose.a", 0o644
    yield built / "include" / "mongoose.h", layout.includedir / "mongoose.h", 0o644
    yield built / "mongoose-pack", layout.bindir / "mongoose-pack", 0o755
    values = layout.values()
    for template, to in (
        (PACKAGING / "mongoose.pc.in", layout.pkgconfigdir),
        (PACKAGING / "cmake" / "mongoose-config.cmake.in", layout.cmakedir),
        (PACKAGING / "cmake" / "mongoose-config-version.cmake.in", layout.cmakedir),
    ):
        made = directory / template.stem
        made.write_text(filled(template, values))
        yield made, to / template.stem, 0o644
    pages = directory / "man3"
    manpages.write(pages)
    for page in sorted(pages.iterdir()):
        yield page, layout.mandir / "man3" / page.name, 0o644
    for page in sorted((PACKAGING / "man").glob("*.1")):
        yield page, layout.mandir / "man1" / page.name, 0o644
    for name in ("LICENSE-MIT", "LICENSE-APACHE", "THIRD-PARTY-LICENSES.md", "README.md", "CHANGELOG.md"):
        yield ROOT / name, layout.docdir / name, 0o644


def links(layout: Layout) -> list[tuple[Path, str]]:
    """Symbolic links: the SONAME for programs that run, the plain name for the linker."""
    plain = os.path.relpath(layout.libdir / SONAME, layout.linkdir)
    return [(layout.libdir / SONAME, layout.file), (layout.linkdir / "libmongoose.so", plain)]


def manifest(layout: Layout) -> Path:
    """The list of what was installed, for `uninstall`."""
    return layout.docdir / "installed-files.txt"


def make_folder(folder: Path) -> list[Path]:
    """Makes a folder and what is missing above it; returns what was missing, innermost first."""
    missing = []
    while not folder.is_dir():
        missing.append(folder)
        folder = folder.parent
    for path in reversed(missing):
        path.mkdir()
    return missing


def install(layout: Layout, built: Path, cc: str) -> None:
    done: list[Path] = []
    folders: list[Path] = []

    def folder_of(destination: Path) -> Path:
        target = layout.placed(destination)
        folders.extend(make_folder(target.parent))
        return target

    with tempfile.TemporaryDirectory() as directory:
        for made, destination, mode in stage(layout, built, Path(directory), cc):
            target = folder_of(destination)
            # Never written in place: a running program keeps the file that it has mapped.
            beside = target.with_name(f".{target.name}.new")
            shutil.copyfile(made, beside)
            beside.chmod(mode)
            beside.replace(target)
            done.append(destination)
    for destination, value in links(layout):
        target = folder_of(destination)
        target.unlink(missing_ok=True)
        target.symlink_to(value)
        done.append(destination)
    listed = folder_of(manifest(layout))
    if listed.exists():
        # What an earlier version installed and this one does not; the folders that it made stay ours.
        files, made_before = read_manifest(listed)
        remove(layout, [path for path in files if path not in done])
        folders += [layout.placed(path) for path in made_before]
    own = [Path("/") / path.relative_to(layout.destdir or "/") for path in folders]
    lines = [*map(str, done), *(f"{path}/" for path in dict.fromkeys(own))]
    listed.write_text("".join(f"{line}\n" for line in lines))
    if not layout.destdir and os.geteuid() == 0 and shutil.which("ldconfig"):
        subprocess.run(["ldconfig"], check=False)
    print(f"installed {len(done)} files below {layout.placed(layout.prefix)}")


def read_manifest(listed: Path) -> tuple[list[Path], list[Path]]:
    """The files, and the folders that the installation made."""
    lines = [line for line in listed.read_text().split("\n") if line]
    return [Path(line) for line in lines if line[-1] != "/"], [
        Path(line) for line in lines if line[-1] == "/"
    ]


def remove(layout: Layout, paths: list[Path]) -> int:
    """Removes files."""
    removed = 0
    for path in map(layout.placed, paths):
        if path.exists() or path.is_symlink():
            path.unlink()
            removed += 1
    return removed


def uninstall(layout: Layout) -> int:
    listed = layout.placed(manifest(layout))
    if not listed.exists():
        print(f"nothing to remove: there is no {listed}", file=sys.stderr)
        return 1
    files, folders = read_manifest(listed)
    listed.unlink()
    count = remove(layout, files)
    for folder in sorted(map(layout.placed, folders), key=lambda path: -len(path.parts)):
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
    print(f"removed {count} files below {layout.placed(layout.prefix)}")
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("action", choices=("install", "uninstall"))
    parser.add_argument(
        "--destdir", default=os.environ.get("DESTDIR", ""), help="root of a staged installation"
    )
    parser.add_argument("--prefix", default=os.environ.get("PREFIX") or "/usr/local")
    for name in ("bindir", "libdir", "includedir", "pkgconfigdir", "cmakedir", "mandir", "docdir"):
        parser.add_argument(f"--{name}", default=os.environ.get(name.upper()))
    parser.add_argument(
        "--linkdir",
        default=os.environ.get("LINKDIR", ""),
        help="a folder below LIBDIR for libmongoose.so and .a, where LIBDIR holds another libmongoose.so",
    )
    parser.add_argument("--built", type=Path, default=cprogram.LIBRARY, help="where cargo built the library")
    options = parser.parse_args()
    layout = Layout(options)
    if not layout.prefix.is_absolute():
        parser.error(f"the prefix has to be an absolute path: {layout.prefix}")
    try:
        if options.action == "uninstall":
            return uninstall(layout)
        install(layout, options.built, os.environ.get("CC", "cc"))
    except OSError as e:
        print(f"{options.action}: {e.filename}: {e.strerror}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
