#!/usr/bin/env python3
"""Compiles every tests/c/*.c and runs it, in each of the configurations below.

A program passes when it compiles without a warning, exits with 0, and (under a checker) breaks no
rule of memory. It runs in an empty directory of its own. Closes with "N passed, M failed".

    tests/c/run_programs.py                 all programs
    tests/c/run_programs.py timers url      these programs
    tests/c/run_programs.py --configurations gcc-so,valgrind timers
                                            in these configurations; --list names them all
    tests/c/run_programs.py --library DIR   against a library in another place; gcc only
    tests/c/run_programs.py --library DIR --platform aarch64-linux-gnu:qemu-aarch64-static
                                            for another processor: scripts/cross.sh calls it so
"""

from __future__ import annotations

import argparse
import atexit
import collections
import concurrent.futures
import dataclasses
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "scripts"))
import cprogram  # noqa: E402

OUT = ROOT / "target" / "c-tests"
FLAGS = ("-std=c99", "-Wall", "-Wextra", "-Werror", "-g", "-O1")
SANITIZE = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer")
VALGRIND = (
    "valgrind",
    "--quiet",
    "--error-exitcode=99",
    "--leak-check=full",
    "--errors-for-leak-kinds=definite,indirect,possible",
)
SECONDS_MAX = 600  # A program that hangs is ended; no machine needs so long.


@dataclasses.dataclass(frozen=True)
class Configuration:
    """One way to build and run a program."""

    name: str
    cc: str
    static: bool = False
    flags: tuple[str, ...] = ()
    under: tuple[str, ...] = ()
    only: frozenset[str] = frozenset()  # these programs; empty: all
    runs_them: bool = True  # or only compiles, for the warnings
    built_as: str = ""  # the configuration whose programs it runs; empty: its own
    emulator: tuple[str, ...] = ()  # what runs programs for another processor

    def on(self, platform: str) -> Configuration:
        """The configuration for another processor: `prefix of the compiler:emulator`."""
        prefix, emulator = platform.split(":")
        return dataclasses.replace(
            self,
            name=f"{prefix}-{self.name}",
            cc=f"{prefix}-{self.cc}",
            emulator=(emulator, "-L", f"/usr/{prefix}"),
        )

    def runs(self, program: str) -> bool:
        return not self.only or program in self.only

    @property
    def has_checker(self) -> bool:
        return bool(self.under) or SANITIZE[0] in self.flags

    @property
    def tools(self) -> set[str]:
        return {self.cc, *self.under[:1], *self.emulator[:1]}


# What a program proves, it proves once; a configuration runs all programs only if each of them can
# tell something there that it tells nowhere else.
#
# The static library is the same code, linked in another way: programs that reach each part of it
# (TLS, files, threads, the symbols that a program may replace, names) prove the linking. They also
# prove that structs and macros are the same for the other compiler.
LINKING = frozenset(
    "tls_events files_serve threads log_custom memory random resolver http_server ws_echo".split()
)
# Every program above proves with gcc that its part of the archive is found. The other compiler's linker
# and the sanitizers' own allocator can only differ in the symbols that both sides have: memory, the
# functions that a program replaces, threads, and the most code.
INTERPOSING = frozenset("memory log_custom random threads tls_events".split())
# Sanitizers see what the program itself does with the memory, the structs and the macros that the
# library gives it, in registers and on the stack, and what nobody releases, quickly: all programs.
# The library is not instrumented; that it reads what was never written, or beyond what it was given,
# is seen by valgrind, which is 20 times slower: for each area of the library the programs that lead it
# through most of its code, and those that end what it owns in every way.
UNDER_VALGRIND = frozenset(
    "closing events handlers wrapfd udp unix fork descriptors threads wakeup "  # connections
    "iobuf memory queue format misuse misuse_protocols faults hostile reply "  # memory, C strings, failures
    "http_server http_client http_both http_rules takeover "
    "files_serve files_exchange files_fs files_packed files_ssi files_upload dash_api dash_files "
    "ws_server ws_client ws_more oom_ws mqtt_client mqtt_events mqtt_oom "
    "resolver resolver_rules mdns dns sntp modbus rpc json ota tls_events".split()
)

# One library serves every layout of structs: few headers and much data as the original's own tests
# want it, and more headers than a message has room for on the stack.
SMALL = ("-DMG_MAX_HTTP_HEADERS=7", "-DMG_DATA_SIZE=64", "-DMG_DASH_MAX_USER_NAME=40")
LARGE = ("-DMG_MAX_HTTP_HEADERS=100", "-DMG_DATA_SIZE=5", "-DMG_DASH_MAX_USER_NAME=19")
SEES_LAYOUT = frozenset(
    "client_rules dash_api dash_sessions files_serve files_upload http_parse http_rules http_server "
    "misuse takeover tls_events whole_events ws_client ws_server".split()
)

CONFIGURATIONS = (
    Configuration("gcc-so", "gcc"),
    Configuration("gcc-a", "gcc", static=True, only=LINKING),
    # The other compiler: its warnings are about every program. They do not depend on the code it makes.
    Configuration("clang-warnings", "clang", flags=("-O0", "-g0"), runs_them=False),
    Configuration("clang-so", "clang", only=LINKING),
    Configuration("clang-a", "clang", static=True, only=INTERPOSING),
    Configuration("asan-so", "gcc", flags=SANITIZE),
    Configuration("asan-a", "gcc", static=True, flags=SANITIZE, only=INTERPOSING),
    Configuration("layout-small", "gcc", flags=SMALL, only=SEES_LAYOUT),
    Configuration("layout-large", "gcc", flags=(*LARGE, *SANITIZE), only=SEES_LAYOUT),
    Configuration("valgrind", "gcc", under=VALGRIND, only=UNDER_VALGRIND, built_as="gcc-so"),
)

# Loses memory, so every checker has to catch it: one that is off must not go unnoticed.
MUST_BE_CAUGHT = """
#include <stdlib.h>
static void *volatile lost;
int main(void) {
  lost = malloc(10);
  lost = NULL;
  return 0;
}
"""


_locks: collections.defaultdict[Path, threading.Lock] = collections.defaultdict(threading.Lock)
_built: dict[Path, str] = {}


def output(command: Sequence[str], cwd: Path) -> str:
    """The empty string, or what went wrong."""
    try:
        done = subprocess.run(
            command,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=SECONDS_MAX,
        )
    except subprocess.TimeoutExpired as late:
        text = (late.stdout or b"").decode(errors="replace")
        return f"{' '.join(command)}\nnot done after {late.timeout:.0f} s\n{text}"
    if done.returncode == 0:
        return ""
    text = done.stdout.decode(errors="replace")
    return f"{' '.join(command)}\nexit status {done.returncode}\n{text}"


def build(configuration: Configuration, source: Path, library: Path) -> tuple[Path, str]:
    """A program, built once for the configurations that share it; what went wrong.

    Compiled and linked in two steps: what ccache knows is not compiled again.
    """
    program = OUT / library.name / (configuration.built_as or configuration.name) / source.stem
    with _locks[program]:
        if program not in _built:
            program.parent.mkdir(parents=True, exist_ok=True)
            made = program.with_suffix(".o")
            include = f"-I{library / 'include'}"
            cc = (configuration.cc, *FLAGS, *configuration.flags)
            problem = output((*cc, include, "-c", str(source), "-o", str(made)), program.parent)
            if not problem and configuration.runs_them:
                link = cprogram.linked(configuration.static, library)
                problem = output((*cc, str(made), "-o", str(program), *link), program.parent)
            _built[program] = problem
        return program, _built[program]


def run(configuration: Configuration, source: Path, library: Path) -> str:
    """Builds and runs one program; the empty string, or what went wrong."""
    program, problem = build(configuration, source, library)
    if problem or not configuration.runs_them:
        return problem
    place = OUT / library.name / "run" / configuration.name / source.stem
    shutil.rmtree(place, ignore_errors=True)
    cwd = place / "cwd"
    cwd.mkdir(parents=True)
    return output((*configuration.emulator, *configuration.under, str(program)), cwd)


def make_certificates() -> None:
    """Keys and certificates for all programs; one of them is good for a day, so each run makes its own."""
    place = OUT / f"certificates.{os.getpid()}"
    place.mkdir()
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    script = Path(__file__).with_name("tls_certs.sh")
    subprocess.run(["sh", script], cwd=place, check=True)
    os.environ["TEST_CERTS"] = str(place)


def caught(configuration: Configuration) -> str:
    """Runs the program that the configuration's checker has to catch."""
    words = run(configuration, OUT / "must_be_caught.c", cprogram.LIBRARY)
    if "AddressSanitizer: 10 byte(s) leaked" in words or "10 bytes in 1 blocks are definitely lost" in words:
        return ""
    return words or "a program that loses memory passed"


def again(configuration: Configuration, program: str, library: Path | None) -> str:
    """The command that runs a program in a configuration."""
    profile = "" if library or cprogram.PROFILE == "release" else f"MONGOOSE_PROFILE={cprogram.PROFILE} "
    where = f" --library {library}" if library else ""
    return f"{profile}tests/c/run_programs.py --configurations {configuration.name}{where} {program}"


def chosen(names: str) -> list[Configuration]:
    """The configurations of a list like "gcc-so,valgrind"."""
    by_name = {c.name: c for c in CONFIGURATIONS}
    unknown = set(names.split(",")) - set(by_name)
    if unknown:
        raise argparse.ArgumentTypeError(f"no such configuration: {', '.join(sorted(unknown))}")
    return [by_name[name] for name in names.split(",")]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--library", type=Path, help="directory of libmongoose.so, .a and include/")
    parser.add_argument(
        "--configurations",
        type=chosen,
        metavar="NAME,NAME",
        help=f"how to build and run them: {', '.join(c.name for c in CONFIGURATIONS)}; default: all",
    )
    parser.add_argument("--platform", help="prefix of a cross compiler, a colon, an emulator")
    parser.add_argument("--list", action="store_true", help="name the configurations and the programs")
    parser.add_argument("names", nargs="*", help="programs, without .c")
    options = parser.parse_args()
    every = sources = sorted(Path(__file__).parent.glob("*.c"))
    if options.list:
        print("configurations:", *(c.name for c in CONFIGURATIONS))
        print("programs:", *(s.stem for s in sources))
        return 0
    unknown = set(options.names) - {s.stem for s in sources}
    if unknown:
        parser.error(f"no such program: {', '.join(sorted(unknown))}")
    if options.names:
        sources = [s for s in sources if s.stem in options.names]
    gone = {name for c in CONFIGURATIONS for name in c.only} - {s.stem for s in every}
    if gone:
        print(f"in a list of programs, and not there: {', '.join(sorted(gone))}")
        return 1
    # Programs that are named in configurations that are named are run, come what may.
    explicit = bool(options.names and options.configurations) or options.library is not None
    library = options.library.resolve() if options.library else cprogram.LIBRARY
    configurations = options.configurations or (CONFIGURATIONS[:2] if options.library else CONFIGURATIONS)
    if options.platform:
        configurations = tuple(c.on(options.platform) for c in configurations)
    missing = {tool for c in configurations for tool in c.tools if shutil.which(tool) is None}
    if missing and os.environ.get("CI") == "true":
        print(f"not installed: {', '.join(sorted(missing))}")
        return 1
    usable = [c for c in configurations if not c.tools & missing]
    for configuration in configurations:
        if configuration not in usable:
            print(
                f"SKIPPED all of '{configuration.name}': {', '.join(configuration.tools & missing)} missing"
            )

    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / "must_be_caught.c").write_text(MUST_BE_CAUGHT)
    if any('"tls.h"' in source.read_text() for source in sources):
        make_certificates()
    passed, failed = 0, 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        # A checker is tried in each run of its configuration: any program repeats it.
        jobs = {
            pool.submit(caught, c): (f"the checker of '{c.name}'", again(c, "random", options.library))
            for c in usable
            if c.has_checker
        }
        # Slow checkers first: what is long must not begin at the end.
        jobs |= {
            pool.submit(run, c, s, library): (f"{s.name} ({c.name})", again(c, s.stem, options.library))
            for c in reversed(usable)
            for s in sources
            if explicit or c.runs(s.stem)
        }
        for job in concurrent.futures.as_completed(jobs):
            problem = job.result()
            if problem:
                failed += 1
                name, command = jobs[job]
                print(f"FAILED {name}\n{problem}\nagain: {command}\n", flush=True)
            else:
                passed += 1
            if sys.stderr.isatty():
                print(f"\r{passed + failed} of {len(jobs)} ", end="", file=sys.stderr, flush=True)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
