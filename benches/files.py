#!/usr/bin/env python3
"""Compares file serving with nginx: one file of 1 GiB, and 100,000 files of 4 KiB.

Every round starts each server once, in turn, pinned to one core, with the load on the other.
Reported are the medians over the rounds, and of the ratios within each round. nginx runs one worker
with `sendfile on`. All files are in the page cache.

    benches/files.py
    benches/files.py --rounds 5 --files 1000
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import run

import cprogram
import loopback

PLACE = run.OUT / "files"
BIG = 1 << 30
SMALL = 4096

NGINX = """
worker_processes 1;
daemon off;
pid {place}/nginx.pid;
error_log {place}/nginx.log;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  sendfile on;
  keepalive_requests 1000000000;
  client_body_temp_path {place}/temp; proxy_temp_path {place}/temp; fastcgi_temp_path {place}/temp;
  uwsgi_temp_path {place}/temp; scgi_temp_path {place}/temp;
  server {{ listen 127.0.0.1:{port}; root {place}/www; }}
}}
"""


def make_files(count: int) -> None:
    """The files to be served, once."""
    www = PLACE / "www"
    for part in range(100):
        (www / str(part)).mkdir(parents=True, exist_ok=True)
    big = www / "big"
    if not big.exists():
        block = os.urandom(1 << 20)
        with big.open("wb") as file:
            for _ in range(BIG // len(block)):
                file.write(block)
    for n in range(count):
        path = www / str(n % 100) / f"{n}.bin"
        if not path.exists():
            path.write_bytes(os.urandom(SMALL))


@contextmanager
def serving(name: str, core: int) -> Iterator[tuple[int, int]]:
    """Starts a server, yields (pid, port), stops it."""
    port = loopback.free_port()
    if name == "nginx":
        config = PLACE / "nginx.conf"
        config.write_text(NGINX.format(place=PLACE, port=port))
        command = ["nginx", "-c", str(config), "-e", str(PLACE / "nginx.log")]
    else:
        command = [str(run.OUT / "files-server"), f"http://127.0.0.1:{port}", str(PLACE / "www")]
    process = subprocess.Popen(command, preexec_fn=lambda: os.sched_setaffinity(0, {core}))
    try:
        loopback.wait_for(process, port)
        yield process.pid, port
    finally:
        process.terminate()
        process.wait(timeout=10)


def big_file(pid: int, port: int) -> dict[str, float]:
    """One download of the long file."""
    before, start = run.cpu_seconds(pid), time.monotonic()
    command = ["curl", "--silent", "--fail", "--output", "/dev/null", "--write-out", "%{size_download}"]
    done = subprocess.run(
        [*command, f"http://127.0.0.1:{port}/big"], check=True, capture_output=True, text=True
    )
    seconds = time.monotonic() - start
    assert int(done.stdout) == BIG
    return {"speed": BIG / seconds / 1e6, "cpu": (run.cpu_seconds(pid) - before) * 1e3}


def small_files(pid: int, port: int, options: argparse.Namespace) -> dict[str, float]:
    """Many short files over some connections."""
    before = run.cpu_seconds(pid)
    command = ["wrk", "-t1", f"-c{options.connections}", f"-d{options.seconds}s", "-s"]
    command += [str(run.BENCHES / "files.lua"), f"http://127.0.0.1:{port}/", "--", str(options.files)]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    line = next(line for line in output.splitlines() if line.startswith("SUMMARY "))
    totals = json.loads(line[len("SUMMARY ") :])
    assert totals["errors"] == 0, output
    assert totals["bytes"] > totals["requests"] * SMALL, output
    spent = run.cpu_seconds(pid) - before
    return {"speed": totals["requests"] / totals["seconds"], "cpu": spent / totals["requests"] * 1e6}


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=4, help="of load with small files")
    parser.add_argument("--connections", type=int, default=50)
    parser.add_argument("--files", type=int, default=100_000, help="number of small files")
    parser.add_argument("--cores", default="0,1", help="core of the server, core of the load")
    options = parser.parse_args()
    server_core, load_core = (int(core) for core in options.cores.split(","))

    subprocess.run(["cargo", "build", "--release", "--quiet"], cwd=run.ROOT, check=True)
    cprogram.build(run.BENCHES / "files.c", run.OUT / "files-server", flags=["-O2"])
    make_files(options.files)
    os.sched_setaffinity(0, {load_core})

    names = ("mongoose", "nginx")
    rounds: dict[str, dict[str, list[dict[str, float]]]] = {"big": {}, "small": {}}
    for number in range(1, options.rounds + 1):
        for name in names:
            with serving(name, server_core) as (pid, port):
                big_file(pid, port)  # Not counted: the page cache fills.
                big = big_file(pid, port)
                small = small_files(pid, port, options)
            rounds["big"].setdefault(name, []).append(big)
            rounds["small"].setdefault(name, []).append(small)
            print(
                f"round {number}/{options.rounds}  {name:9} {big['speed']:7,.0f} MB/s"
                f" {big['cpu']:6.0f} ms CPU  {small['speed']:8,.0f} files/s {small['cpu']:6.1f} µs CPU",
                flush=True,
            )
    print("\n| server | 1 GiB: MB/s | ms CPU | 4 KiB: files/s | µs CPU/file |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for name in names:
        median = {
            (kind, key): statistics.median(r[key] for r in rounds[kind][name])
            for kind in rounds
            for key in ("speed", "cpu")
        }
        cells = [f"{median['big', 'speed']:,.0f}", f"{median['big', 'cpu']:,.0f}"]
        cells += [f"{median['small', 'speed']:,.0f}", f"{median['small', 'cpu']:.1f}"]
        print("| " + " | ".join([name, *cells]) + " |")
    for kind, title in (("big", "1 GiB"), ("small", "4 KiB")):
        pairs = list(zip(rounds[kind]["mongoose"], rounds[kind]["nginx"]))
        speed = statistics.median(ours["speed"] / theirs["speed"] for ours, theirs in pairs)
        cpu = statistics.median(ours["cpu"] / theirs["cpu"] for ours, theirs in pairs)
        print(f"{title}: {speed:.2f} x nginx in speed, {cpu:.2f} x in CPU time")
    return 0


if __name__ == "__main__":
    sys.exit(main())
