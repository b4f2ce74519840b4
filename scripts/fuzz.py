#!/usr/bin/env python3
"""Runs the fuzz targets: coverage-guided by libFuzzer on a nightly toolchain, else by the tests' driver.

    fuzz.py [--time SECONDS] [TARGET...]     all targets, SECONDS in sum (60)
    fuzz.py --runs N TARGET...               N executions of each
    fuzz.py --input FILE TARGET              repeats a finding
    fuzz.py --minimise TARGET...             writes what was learned to fuzz/corpus/TARGET.txt

libFuzzer needs a nightly toolchain (rustup toolchain install nightly) and a C++ compiler. Targets are
built with AddressSanitizer, or without by --sanitizer none, which is faster and enough for those
that are safe code only. A line for each target says what came of it. What it learned and what it
found is kept in target/fuzz. Exit code: 0, or 1 when there is a finding.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FUZZ = ROOT / "fuzz"
WORK = ROOT / "target" / "fuzz"
# Of the end-to-end target an execution is a thousand times as much work.
SHARES = {"end_to_end": 10}
# Corpora are part of the repository: what is longer than that stays out.
CORPUS_MAX = 48 * 1024
COVERAGE = (
    "--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4"
    " -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table"
    " -Cllvm-args=-sanitizer-coverage-trace-compares"
)


def targets() -> dict[str, str]:
    """The targets, and the module of each."""
    found = {}
    for path in sorted((FUZZ / "fuzz_targets").glob("*.rs")):
        module = re.search(r"mongoose_fuzz::(\w+)", path.read_text())
        found[path.stem] = module[1] if module else path.stem
    return found


def unescape(line: str) -> bytes:
    plain = {"n": b"\n", "r": b"\r", "t": b"\t", "\\": b"\\"}
    out = b""
    for code, sign, char in re.findall(r"\\x([0-9a-f]{2})|\\(.)|([^\\])", line):
        out += bytes.fromhex(code) if code else plain[sign] if sign else char.encode()
    return out


def escape(data: bytes) -> str:
    signs = {0x0A: "\\n", 0x0D: "\\r", 0x09: "\\t", 0x5C: "\\\\"}
    return "".join(signs.get(b) or (chr(b) if 0x20 <= b < 0x7F else f"\\x{b:02x}") for b in data)


def nightly() -> str | None:
    """What is missing for libFuzzer; None when nothing is."""
    try:
        subprocess.run(["cargo", "+nightly", "--version"], capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "a nightly toolchain (rustup toolchain install nightly)"
    return None if shutil.which("c++") or shutil.which("clang++") else "a C++ compiler"


def build(names: list[str], sanitizer: str) -> Path:
    """Builds the targets; returns the folder of their programs."""
    # With a target given, what runs during the build is not instrumented.
    host = subprocess.run(["rustc", "+nightly", "-vV"], capture_output=True, text=True, check=True).stdout
    triple = host.split("host: ")[1].split()[0]
    folder = WORK / sanitizer
    flags = COVERAGE + (f" -Zsanitizer={sanitizer}" if sanitizer != "none" else "")
    command: list[str | Path] = ["cargo", "+nightly", "build", "--quiet", "--release", "--target", triple]
    command += ["--manifest-path", FUZZ / "Cargo.toml"]
    for name in names:
        command += ["--bin", name]
    environment = os.environ | {"CARGO_TARGET_DIR": str(folder), "RUSTFLAGS": flags}
    print("fuzz: building (minutes, the first time) ...", flush=True)
    subprocess.run(command, env=environment, check=True)
    return folder / triple / "release"


def unpack(name: str) -> Path:
    """The corpus as files, together with what earlier runs have learned."""
    folder = WORK / "corpus" / name
    folder.mkdir(parents=True, exist_ok=True)
    for number, line in enumerate((FUZZ / "corpus" / f"{name}.txt").read_text("ascii").splitlines()):
        (folder / f"seed-{number}").write_bytes(unescape(line))
    return folder


def dictionary(module: str) -> list[str]:
    for name in (module, {"dash": "json", "end_to_end": "http"}.get(module, "")):
        if (path := FUZZ / f"{name}.dict").exists():
            return [f"-dict={path}"]
    return []


def fuzz(program: Path, name: str, module: str, seconds: float, runs: int) -> bool:
    """Runs a target for its time, or so often; says whether it found nothing."""
    corpus, findings = unpack(name), WORK / "findings"
    findings.mkdir(exist_ok=True)
    log = WORK / f"{name}.log"
    limit = [f"-runs={runs}"] if runs else [f"-max_total_time={max(1, round(seconds))}"]
    options = ["-timeout=30", "-rss_limit_mb=4096", "-print_final_stats=1", "-max_len=4096", "-reload=0"]
    start = told = time.monotonic()
    with log.open("wb") as output:
        process = subprocess.Popen(
            [program, *limit, *options, *dictionary(module), f"-artifact_prefix={findings}/{name}-", corpus],
            stdout=output,
            stderr=output,
            cwd=WORK,
        )
        while process.poll() is None:
            time.sleep(0.2)
            if time.monotonic() > told + 30:
                told = time.monotonic()
                lines = re.findall(r"^#(\d+)\t.*exec/s: (\d+)", log.read_text(errors="replace"), re.MULTILINE)
                count, rate = lines[-1] if lines else ("0", "0")
                print(f"fuzz: {name}: {told - start:.0f} s, {count} executions, {rate}/s", flush=True)
    text = log.read_text(errors="replace")
    coverage = [int(cov) for cov in re.findall(r"cov: (\d+)", text)] or [0]
    executions = re.search(r"number_of_executed_units: (\d+)", text)
    count = int(executions[1]) if executions else 0
    took = time.monotonic() - start
    found = sorted(set(re.findall(r"Test unit written to (\S+)", text)))
    began = re.search(r"INITED cov: (\d+)", text)
    new = coverage[-1] - int(began[1]) if began else 0
    findings_text = f"{len(found)} findings"
    print(
        f"fuzz: {name}: {count} executions, {count / took:.0f}/s,"
        f" coverage {coverage[-1]} ({new} new), {findings_text}, {took:.0f} s",
        flush=True,
    )
    if process.returncode == 0:
        return True
    print(re.sub(r"(?m)^#\d+\t.*\n", "", text)[-4000:], file=sys.stderr)
    for path in found:
        print(f"fuzz: {name}: repeat it by: python3 scripts/fuzz.py --input {path} {name}", file=sys.stderr)
    return False


def minimise(program: Path, name: str) -> None:
    """Writes the smallest set of inputs with the same coverage, the shortest first, up to a limit."""
    merged = WORK / "merged" / name
    shutil.rmtree(merged, ignore_errors=True)
    merged.mkdir(parents=True)
    with (WORK / f"{name}.log").open("wb") as log:
        command: list[str | Path] = [
            program,
            "-merge=1",
            "-max_len=4096",
            "-timeout=30",
            merged,
            unpack(name),
        ]
        subprocess.run(command, check=True, stdout=log, stderr=log, cwd=WORK)
    lines = sorted(
        (escape(path.read_bytes()) for path in merged.iterdir()), key=lambda line: (len(line), line)
    )
    text, size = "", 0
    for line in lines:
        size += len(line) + 1
        if size > CORPUS_MAX:
            break
        text += line + "\n"
    (FUZZ / "corpus" / f"{name}.txt").write_text(text)
    print(f"fuzz: {name}: {len(text.splitlines())} of {len(lines)} inputs, {len(text)} bytes", flush=True)


def drive(names: list[str], seconds: float) -> int:
    """The driver of the tests, on any toolchain; the end-to-end target is one of the C programs."""
    good = True
    if "end_to_end" in names:
        names = [name for name in names if name != "end_to_end"]
        subprocess.run(["cargo", "build", "--profile", "quick", "--quiet"], cwd=ROOT, check=True)
        program = ["tests/c/run_programs.py", "--configurations", "asan-so", "end_to_end"]
        environment = os.environ | {"MONGOOSE_PROFILE": "quick"}
        good = subprocess.run([sys.executable, *program], env=environment, cwd=ROOT).returncode == 0
    if names:
        environment = os.environ | {"FUZZ_SECONDS": str(max(1, round(seconds / len(names))))}
        command = ["cargo", "test", "--profile", "quick", "--quiet", "--test", "fuzz", "--"]
        command += ["--test-threads=1", "--nocapture", "--exact", *names]
        good &= subprocess.run(command, env=environment, cwd=ROOT).returncode == 0
    return 0 if good else 1


def main() -> int:
    known = targets()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="TARGET", help=", ".join(known))
    parser.add_argument("--time", type=float, default=60, metavar="SECONDS", help="of all targets in sum")
    parser.add_argument("--runs", type=int, default=0, metavar="N", help="executions of each target, instead")
    parser.add_argument("--sanitizer", default="address", choices=["address", "none"])
    parser.add_argument("--input", type=Path, metavar="FILE", help="run the target with this input only")
    parser.add_argument("--minimise", action="store_true", help="write fuzz/corpus from what was learned")
    options = parser.parse_args()
    names = options.names or list(known)
    if unknown := set(names) - set(known):
        parser.error(f"no such target: {', '.join(sorted(unknown))}")
    WORK.mkdir(parents=True, exist_ok=True)
    if missing := nightly():
        print(
            f"fuzz: without coverage, by the driver in tests/fuzz.rs: libFuzzer needs {missing}", flush=True
        )
        return drive(names, options.time)
    print(f"fuzz: coverage-guided, by libFuzzer on nightly, sanitizer: {options.sanitizer}", flush=True)
    programs = build(names, options.sanitizer)
    if options.input:
        command = [programs / names[0], options.input.resolve()]
        return 1 if subprocess.run(command, cwd=WORK).returncode else 0
    if options.minimise:
        for name in names:
            minimise(programs / name, name)
        return 0
    share = options.time / sum(SHARES.get(name, 1) for name in names)
    good = True
    for name in names:
        good &= fuzz(programs / name, name, known[name], share * SHARES.get(name, 1), options.runs)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
