#!/usr/bin/env python3
"""Autobahn's WebSocket test suite against the library's servers and clients, in C and in Python.

    run.py [PEER...] [--cases 1.*,2.*]

PEER is server-c, server-python, client-c or client-python; without one all run. The suite runs on
Python 2.7 only: from $PYTHON2, the PATH or pyenv. It is installed from PyPI into target/autobahn,
and its reports are written there. Exit code: 0 when no case failed, 1 when one did, 77 when
there is no Python 2.7.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
WORK = ROOT / "target" / "autobahn"
SUITE = WORK / "suite"
REQUIREMENTS = HERE / "requirements.txt"
PEERS = ("server-c", "client-c", "server-python", "client-python")
SKIPPED = 77
# By chapters: the cheap ones first, so that a failure shows early.
CASES = "1.*,2.*,3.*,4.*,5.*,6.*,7.*,10.*,9.*,12.*,13.*"
sys.path.insert(0, str(ROOT / "scripts"))

import cprogram  # noqa: E402

FLAGS = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-O1"]


def python2() -> str | None:
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for name in (os.environ.get("PYTHON2"), "python2.7", *map(str, pyenv.glob("2.7*/bin/python2.7"))):
        found = name and shutil.which(name)
        # pyenv's stand-in on the PATH may have no version to start.
        if found and subprocess.run([found, "-c", ""], capture_output=True).returncode == 0:
            return found
    return None


def install(python: str) -> None:
    stamp = SUITE / "requirements.txt"
    if stamp.exists() and stamp.read_bytes() == REQUIREMENTS.read_bytes():
        return
    print("autobahn: installing the suite into target/autobahn ...", flush=True)
    shutil.rmtree(SUITE, ignore_errors=True)
    pip = [python, "-m", "pip", "--disable-pip-version-check", "install"]
    subprocess.run([*pip, "--quiet", "--target", SUITE, "-r", REQUIREMENTS], check=True)
    shutil.copyfile(REQUIREMENTS, stamp)


def program(source: str) -> Path:
    output = WORK / Path(source).stem
    return cprogram.build(HERE / source, output, flags=FLAGS)


@contextmanager
def suite(python: str, mode: str, spec: dict[str, object], name: str) -> Iterator[subprocess.Popen[bytes]]:
    """The suite as a process; what it prints goes to a file beside its report."""
    folder = WORK / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "spec.json").write_text(
        json.dumps({"outdir": str(folder), "options": {"failByDrop": False}} | spec)
    )
    # A site folder, not a PYTHONPATH: zope is a namespace package of the old kind, by a .pth file.
    start = f"import site; site.addsitedir({str(SUITE)!r}); from autobahntestsuite.wstest import run; run()"
    arguments: list[str | Path] = [
        python,
        "-u",
        "-c",
        start,
        "-m",
        mode,
        "-s",
        folder / "spec.json",
        "--webport",
        "0",
    ]
    with (folder / "log.txt").open("wb") as log:
        process = subprocess.Popen(arguments, cwd=folder, stdout=log, stderr=log)
        try:
            yield process
        finally:
            process.terminate()
            process.wait()


def test_server(python: str, name: str, cases: list[str], command: list[str | Path]) -> None:
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        # The Python package may say something of its own first.
        port = next(line.strip() for line in server.stdout if line.strip().isdigit())
        url = f"ws://127.0.0.1:{port}"
        spec: dict[str, object] = {"servers": [{"agent": name, "url": url}], "cases": cases}
        with suite(python, "fuzzingclient", spec, name) as client:
            while client.poll() is None:
                time.sleep(5)
                progress(
                    name, (WORK / name / "log.txt").read_text(errors="replace").count("Running test case")
                )
        server.stdin.close()
    if server.returncode != 0:
        sys.exit(f"autobahn: {name} ended with {server.returncode}")


def test_client(python: str, name: str, cases: list[str], command: list[str | Path]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    spec: dict[str, object] = {"url": f"ws://127.0.0.1:{port}", "cases": cases}
    with suite(python, "fuzzingserver", spec, name) as server:
        while server.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except ConnectionRefusedError:
                time.sleep(0.1)
        with subprocess.Popen([*command, str(port), name], stdout=subprocess.PIPE, text=True) as client:
            assert client.stdout is not None
            for line in client.stdout:
                if (number := line.split("/")[0]).isdigit():
                    progress(name, int(number))
    if client.returncode != 0:
        sys.exit(f"autobahn: {name} ended with {client.returncode}")


told = 0.0


def progress(name: str, number: int) -> None:
    global told
    if time.monotonic() > told + 20:
        told = time.monotonic()
        print(f"autobahn: {name}: case {number}", flush=True)


def report(name: str, seconds: float) -> bool:
    """Prints what came of the cases; says whether none failed."""
    results = json.loads((WORK / name / "index.json").read_text())[name]
    counts = Counter(result["behavior"] for result in results.values())
    words = ", ".join(f"{count} {behaviour}" for behaviour, count in sorted(counts.items()))
    print(f"autobahn: {name}: {len(results)} cases: {words}; {seconds:.0f} s", flush=True)
    good = True
    for case, result in sorted(results.items(), key=lambda item: [int(n) for n in item[0].split(".")]):
        # A close is judged on its own: "FAILED" there is a connection that did not end as it should.
        failed = "FAILED" in (result["behavior"], result["behaviorClose"])
        if failed or result["behavior"] in ("NON-STRICT", "UNIMPLEMENTED"):
            print(f"  {case}: {result['behavior']}, close {result['behaviorClose']}")
        good &= not failed
    return good and bool(results)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("peers", nargs="*", metavar="PEER", help=", ".join(PEERS))
    parser.add_argument("--cases", default=CASES, help="patterns of the suite, with commas between them")
    options = parser.parse_args()
    peers = options.peers or PEERS
    if unknown := set(peers) - set(PEERS):
        parser.error(f"no such peer: {', '.join(unknown)}")
    python = python2()
    if python is None:
        print("autobahn: SKIPPED: the suite needs Python 2.7 with pip, by $PYTHON2, in the PATH or of pyenv.")
        return SKIPPED
    WORK.mkdir(parents=True, exist_ok=True)
    install(python)
    cases = options.cases.split(",")
    good = True
    for name in peers:
        kind, language = name.split("-")
        start = time.monotonic()
        command: list[str | Path]
        if language == "python":
            command = [ROOT / ".venv" / "bin" / "python", HERE / "peer.py", kind]
        elif kind == "server":
            command = [program("../ws/peer.c"), "server", "15"]
        else:
            command = [program("client.c")]
        (test_server if kind == "server" else test_client)(python, name, cases, command)
        good &= report(name, time.monotonic() - start)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
