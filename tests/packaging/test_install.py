"""`make install`: what a packager and the author of a C program rely on."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

import cprogram
from needs import need

INSTALL = [sys.executable, str(cprogram.ROOT / "scripts" / "install.py")]

PROGRAM = r"""
#include <mongoose.h>
#include <stdio.h>
static void handler(struct mg_connection *c, int ev, void *ev_data) {
  if (ev == MG_EV_HTTP_MSG) mg_http_reply(c, 200, "", "hello\n");
  (void) ev_data;
}
static void client(struct mg_connection *c, int ev, void *ev_data) {
  if (ev == MG_EV_CONNECT) mg_printf(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  if (ev == MG_EV_HTTP_MSG) {
    *(int *) c->fn_data = mg_strcmp(((struct mg_http_message *) ev_data)->body, mg_str("hello\n")) == 0;
  }
}
int main(void) {
  struct mg_mgr mgr;
  struct mg_connection *c;
  char url[40];
  int done = 0, i;
  mg_mgr_init(&mgr);
  c = mg_http_listen(&mgr, "http://127.0.0.1:0", handler, NULL);
  if (c == NULL) return 1;
  mg_snprintf(url, sizeof(url), "http://127.0.0.1:%d", mg_ntohs(c->loc.port));
  mg_http_connect(&mgr, url, client, &done);
  for (i = 0; i < 3000 && !done; i++) mg_mgr_poll(&mgr, 10);
  mg_mgr_free(&mgr);
  if (done) puts(MG_VERSION);
  return !done;
}
"""


def run(*command: str | Path, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> str:
    """Runs a command that has to succeed; returns what it printed."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**os.environ, **(env or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}"
    return done.stdout


@pytest.fixture(scope="module")
def prefix(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installation outside the source tree."""
    place = tmp_path_factory.mktemp("installed") / "usr"
    run(*INSTALL, "install", "--prefix", place)
    return place


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A folder with a program."""
    (tmp_path / "program.c").write_text(PROGRAM)
    return tmp_path


def answers(program: Path, prefix: Path) -> bool:
    """True if the program runs with the installed library."""
    return run(program, env={"LD_LIBRARY_PATH": str(prefix / "lib")}).splitlines()[-1] == "7.22"


def test_with_pkg_config(prefix: Path, source: Path) -> None:
    need("pkg-config")
    path = {"PKG_CONFIG_PATH": str(prefix / "lib" / "pkgconfig")}
    flags = run("pkg-config", "--cflags", "--libs", "mongoose", env=path).split()
    run("cc", "program.c", "-o", "program", *flags, cwd=source)
    assert answers(source / "program", prefix)
    version = run("pkg-config", "--modversion", "mongoose", env=path).strip()
    assert version.startswith("7.22.")


def test_with_pkg_config_static(prefix: Path, source: Path) -> None:
    need("pkg-config")
    path = {"PKG_CONFIG_PATH": str(prefix / "lib" / "pkgconfig")}
    flags = run("pkg-config", "--cflags", "--libs", "--static", "mongoose", env=path).split()
    flags = [flag if flag != "-lmongoose" else "-l:libmongoose.a" for flag in flags]
    run("cc", "program.c", "-o", "program", *flags, cwd=source)
    assert run(source / "program").splitlines()[-1] == "7.22"


def test_with_cc_alone(prefix: Path, source: Path) -> None:
    run(
        "cc", "program.c", "-o", "program", f"-I{prefix}/include", f"-L{prefix}/lib", "-lmongoose", cwd=source
    )
    assert answers(source / "program", prefix)
    assert "libmongoose.so.7" in run("readelf", "-d", source / "program")


@pytest.mark.parametrize("target", ["mongoose::mongoose", "mongoose::static"])
def test_with_cmake(prefix: Path, source: Path, target: str) -> None:
    need("cmake")
    (source / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.10)\nproject(p C)\nfind_package(mongoose 7.22 REQUIRED)\n"
        f"add_executable(program program.c)\ntarget_link_libraries(program {target})\n"
    )
    run("cmake", "-S", ".", "-B", "out", f"-DCMAKE_PREFIX_PATH={prefix}", cwd=source)
    run("cmake", "--build", "out", cwd=source)
    assert answers(source / "out" / "program", prefix)


def test_with_meson(prefix: Path, source: Path) -> None:
    need("meson")
    (source / "meson.build").write_text(
        "project('p', 'c')\nexecutable('program', 'program.c', dependencies: dependency('mongoose'))\n"
    )
    path = {"PKG_CONFIG_PATH": str(prefix / "lib" / "pkgconfig")}
    run("meson", "setup", "out", cwd=source, env=path)
    run("meson", "compile", "-C", "out", cwd=source)
    assert answers(source / "out" / "program", prefix)


@pytest.mark.parametrize("linker", ["bfd", "gold", "lld", "mold"])
def test_every_linker_makes_the_shared_library(linker: str, source: Path) -> None:
    need(f"ld.{linker}" if linker != "mold" else "mold")
    # gcc 12 knows -fuse-ld for all four.
    run(*INSTALL, "install", "--prefix", source / "usr", env={"CC": f"gcc -fuse-ld={linker}"})
    names = run("nm", "--dynamic", "--defined-only", "--format=posix", source / "usr/lib/libmongoose.so")
    assert {"mg_printf", "mg_calloc", "mg_mgr_poll"} <= {line.split()[0] for line in names.splitlines()}
    run("cc", "program.c", "-o", "program", "-Iusr/include", "-Lusr/lib", "-lmongoose", cwd=source)
    assert answers(source / "program", source / "usr")


EXPORTS = """
#[unsafe(export_name = "{pattern}")]
pub static EXPORTED: u8 = 0;
#[unsafe(no_mangle)]
pub extern "C" fn mg_of_rust() {{}}
"""


@pytest.mark.parametrize("linker", ["bfd", "gold", "lld", "mold"])
def test_every_linker_exports_what_c_defines(linker: str, tmp_path: Path) -> None:
    """The library is a Rust cdylib with C inside; here is a small one, with the same exported name."""
    need(f"ld.{linker}" if linker != "mold" else "mold")
    found = re.search(r'export_name = "(.*?)"', (cprogram.ROOT / "src/capi/mod.rs").read_text())
    assert found is not None
    (tmp_path / "lib.rs").write_text(EXPORTS.format(pattern=found[1]))
    hidden = '__attribute__((visibility("hidden"))) void mg_hidden(void) {}'
    (tmp_path / "shim.c").write_text(f"void mg_of_c(void) {{}}\n{hidden}\nvoid other(void) {{}}\n")
    run("cc", "-c", "-fPIC", "-ffunction-sections", "shim.c", cwd=tmp_path)
    run("ar", "rcs", "libshim.a", "shim.o", cwd=tmp_path)
    rustc = ("rustc", "--crate-type=cdylib", "-L.", "-lstatic:+whole-archive=shim")
    run(*rustc, "-Clinker=gcc", f"-Clink-arg=-fuse-ld={linker}", "lib.rs", cwd=tmp_path)
    library = tmp_path / "liblib.so"
    listed = run("nm", "--dynamic", "--defined-only", "--extern-only", "--format=posix", library)
    assert {line.split()[0] for line in listed.splitlines()} == {"mg_of_rust", "mg_of_c"}


def test_soname_links_and_names(prefix: Path) -> None:
    library = prefix / "lib"
    assert os.readlink(library / "libmongoose.so") == "libmongoose.so.7"
    real = library / os.readlink(library / "libmongoose.so.7")
    assert not real.is_symlink()
    assert "[libmongoose.so.7]" in run("readelf", "-d", real)
    exported = run("nm", "--dynamic", "--defined-only", "--format=posix", real).splitlines()
    assert exported
    assert all(line.startswith("mg_") for line in exported), exported


def test_manual(prefix: Path) -> None:
    need("mandoc")
    pages = sorted((prefix / "share" / "man").glob("man[13]/*"))
    assert {"mongoose.3", "mg_mgr_poll.3", "mg_http_reply.3", "mongoose-pack.1"} <= {p.name for p in pages}
    # The date is left out, so that two builds are the same.
    found = run("sh", "-c", "mandoc -Tlint -Wwarning " + " ".join(map(str, pages)) + " || true")
    assert [line for line in found.splitlines() if "missing date" not in line] == []


def files(place: Path) -> list[str]:
    return sorted(str(path.relative_to(place)) for path in place.rglob("*"))


def test_a_staged_installation_names_no_stage(tmp_path: Path) -> None:
    env = {"DESTDIR": str(tmp_path)}
    run(*INSTALL, "install", "--prefix", "/usr", "--libdir", "/usr/lib/x", env=env)
    assert (tmp_path / "usr/lib/x/libmongoose.so.7").is_symlink()
    for path in tmp_path.rglob("*"):
        if path.is_file() and path.suffix in (".pc", ".cmake", ".txt"):
            assert str(tmp_path) not in path.read_text(), path


def test_upgrade_and_removal_leave_nothing(tmp_path: Path) -> None:
    place = tmp_path / "a" / "usr"
    run(*INSTALL, "install", "--prefix", place)
    before = files(place)
    # An earlier version had a page that this one has not.
    stale = place / "share/man/man3/mg_removed.3"
    stale.write_text("")
    listed = place / "share/doc/libmongoose/installed-files.txt"
    listed.write_text(f"{stale}\n{listed.read_text()}")
    run(*INSTALL, "install", "--prefix", place)
    assert files(place) == before
    run(*INSTALL, "uninstall", "--prefix", place)
    assert not (tmp_path / "a").exists()


def test_other_peoples_files_stay(tmp_path: Path) -> None:
    mine = tmp_path / "lib" / "libmongoose.so"
    mine.parent.mkdir()
    mine.write_text("another library of this name")
    run(*INSTALL, "install", "--prefix", tmp_path, "--linkdir", "mongoose")
    assert mine.read_text() == "another library of this name"
    assert (tmp_path / "lib" / "mongoose" / "libmongoose.so").resolve().name.startswith("libmongoose.so.7.22")
    run(*INSTALL, "uninstall", "--prefix", tmp_path)
    assert files(tmp_path) == ["lib", "lib/libmongoose.so"]


def test_nothing_to_remove_is_told(tmp_path: Path) -> None:
    done = subprocess.run([*INSTALL, "uninstall", "--prefix", str(tmp_path)], capture_output=True, text=True)
    assert done.returncode == 1
    assert "nothing to remove" in done.stderr
    assert "Traceback" not in done.stderr


def test_licences_of_what_is_inside() -> None:
    need("cargo")
    run(sys.executable, cprogram.ROOT / "scripts" / "third_party.py", "licences", "--check")


def test_no_crate_needs_a_newer_rust() -> None:
    """What rust-version in Cargo.toml promises holds for all crates that the library is built of."""
    need("cargo")
    text = subprocess.run(
        ["cargo", "metadata", "--locked", "--format-version=1"],
        cwd=cprogram.ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    metadata = json.loads(text)
    packages = {package["id"]: package for package in metadata["packages"]}
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    reached, new = set(), [metadata["resolve"]["root"]]
    while new:
        package = new.pop()
        if package not in reached:
            reached.add(package)
            uses = nodes[package]["deps"]
            kinds = {use["pkg"]: {kind["kind"] for kind in use["dep_kinds"]} for use in uses}
            new += [use for use, kind in kinds.items() if kind != {"dev"}]

    def numbers(version: str) -> list[int]:
        return [int(part) for part in version.split(".")]

    promised = packages[metadata["resolve"]["root"]]["rust_version"]
    newer = {
        packages[p]["name"]: packages[p]["rust_version"]
        for p in reached
        if packages[p]["rust_version"] and numbers(packages[p]["rust_version"]) > numbers(promised)
    }
    assert newer == {}


def test_bill_of_materials() -> None:
    text = run(sys.executable, cprogram.ROOT / "scripts" / "third_party.py", "sbom")
    bom = json.loads(text)
    assert (bom["bomFormat"], bom["specVersion"]) == ("CycloneDX", "1.5")
    names = {component["name"] for component in bom["components"]}
    assert {"rustls", "mio"} <= names
    assert "proptest" not in names
    refs = {component["bom-ref"] for component in bom["components"]}
    assert all(set(d["dependsOn"]) <= refs for d in bom["dependencies"])
