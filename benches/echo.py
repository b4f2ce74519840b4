#!/usr/bin/env python3
"""Echo servers: CPU time for each message, ours against a floor in C, in interleaved rounds.

benches/echo.py [--rounds N] [--seconds S]

The server is pinned to one core, the load to another. A message is sent, comes back, and only then
is the next one sent, on each of 50 connections.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "scripts"))
import cprogram  # noqa: E402
import loopback  # noqa: E402

BENCHES = ROOT / "benches"
OUT = ROOT / "target" / "bench"
CASES = [("tcp", 128), ("tcp", 16384), ("udp", 128)]
CONNECTIONS = 50


def build() -> None:
    subprocess.run(["cargo", "build", "--release", "--quiet"], cwd=ROOT, check=True)
    OUT.mkdir(parents=True, exist_ok=True)
    for name in ("echo_floor", "echo_load"):
        subprocess.run(["cc", "-O2", str(BENCHES / f"{name}.c"), "-o", str(OUT / name)], check=True)
    cprogram.build(BENCHES / "echo.c", OUT / "echo", static=False, flags=["-O2"])


def cpu_seconds(pid: int) -> float:
    """CPU time of a process in seconds, by the scheduler's count of nanoseconds."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


def measure(server: str, protocol: str, size: int, seconds: float) -> tuple[float, float]:
    """Messages per second, and microseconds of the server's CPU time for each."""
    port = loopback.free_port()
    process = subprocess.Popen(["taskset", "-c", "0", str(OUT / server), protocol, str(port)])
    try:
        time.sleep(0.3)
        before = cpu_seconds(process.pid)
        load = ["taskset", "-c", "1", str(OUT / "echo_load"), protocol, str(port)]
        load += [str(size), str(CONNECTIONS), str(seconds)]
        messages = int(subprocess.run(load, capture_output=True, text=True, check=True).stdout)
        return messages / seconds, (cpu_seconds(process.pid) - before) / messages * 1e6
    finally:
        process.kill()
        process.wait()


def main() -> None:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2)
    args = parser.parse_args()
    build()
    print("| messages | floor µs | ours µs | ratio | ours messages/s |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for protocol, size in CASES:
        pairs = [
            tuple(measure(server, protocol, size, args.seconds) for server in ("echo_floor", "echo"))
            for _ in range(args.rounds)
        ]
        floor = statistics.median(f[1] for f, _ in pairs)
        ours = statistics.median(o[1] for _, o in pairs)
        ratio = statistics.median(o[1] / f[1] for f, o in pairs)
        rate = statistics.median(o[0] for _, o in pairs)
        cells = [f"{protocol}, {size} bytes", f"{floor:.2f}", f"{ours:.2f}", f"{ratio:.2f}", f"{rate:,.0f}"]
        print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
