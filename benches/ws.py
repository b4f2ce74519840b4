#!/usr/bin/env python3
"""WebSocket servers: CPU time for each message, in interleaved rounds.

Echo: each of 100 connections sends 128 bytes of text and waits until they have come back.
Broadcast: one connection sends messages that the server sends to 5,000.
Mask: what masking adds to a client's frame, without a network.

The server is pinned to one core, the load to another. The ratio to the floor, a C server that reads,
takes the mask off and writes, is taken within each round; all figures are medians over the rounds.

    benches/ws.py                                     all tables
    benches/ws.py --servers floor,c --rounds 5        echo and broadcast of some servers
    benches/ws.py --only echo --bytes 16384           larger messages
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import resource
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import run
from run import BENCHES, OUT, PEER_PYTHON, ROOT, SERVERS, VENV_PYTHON

import cprogram
import loopback


@dataclasses.dataclass(frozen=True)
class Server:
    """A server that can be measured: how it is called, built and started."""

    title: str
    command: Callable[[int], list[str]]  # port -> command line
    prepare: Callable[[], None]
    package: str = ""
    broadcasts: bool = True


def build_floor() -> None:
    OUT.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cc", "-O2", str(BENCHES / "ws_floor.c"), "-o", str(OUT / "ws_floor")], check=True)


def build_ours() -> None:
    subprocess.run(["cargo", "build", "--release", "--quiet"], cwd=ROOT, check=True)
    for name in ("ws_echo", "ws_mask"):
        cprogram.build(BENCHES / f"{name}.c", OUT / name, flags=["-O2"])


def script(python: str, name: str) -> Callable[[int], list[str]]:
    return lambda port: [python, str(SERVERS / f"{name}.py"), str(port)]


def uvicorn(port: int) -> list[str]:
    options = [
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--log-level",
        "warning",
        "--ws",
        "websockets-sansio",
    ]
    options += ["--ws-per-message-deflate", "false", "--ws-ping-interval", "3600"]
    return [str(PEER_PYTHON), "-m", "uvicorn", "ws_asgi:app", *options]


ALL = {
    "floor": Server(
        "floor: recv, unmask, send (C)",
        lambda port: [str(OUT / "ws_floor"), str(port)],
        build_floor,
        broadcasts=False,
    ),
    "c": Server(
        "mongoose, C handler (.so)",
        lambda port: [str(OUT / "ws_echo"), f"http://127.0.0.1:{port}"],
        build_ours,
    ),
    "python": Server(
        "pymongoose, Python handler", script(str(VENV_PYTHON), "ws_pymongoose"), run.need_package
    ),
    "picows": Server("picows", script(str(PEER_PYTHON), "ws_picows"), run.need_peers, "picows"),
    "websockets": Server(
        "websockets, with its C extension",
        script(str(PEER_PYTHON), "ws_websockets"),
        run.need_peers,
        "websockets",
    ),
    "uvicorn": Server("uvicorn, bare ASGI, websockets", uvicorn, run.need_peers, "uvicorn"),
}


@contextmanager
def running(server: Server, core: int) -> Iterator[tuple[int, int]]:
    """Starts a server, waits until it listens, yields (pid, port), stops it."""
    port = loopback.free_port()
    with (OUT / "servers.log").open("ab") as log:
        process = subprocess.Popen(
            server.command(port),
            cwd=SERVERS,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
            stdout=log,
            stderr=log,
            preexec_fn=lambda: os.sched_setaffinity(0, {core}),
        )
    try:
        loopback.wait_for(process, port)
        yield process.pid, port
    finally:
        process.kill()
        process.wait()


def load(pid: int, arguments: list[str]) -> dict[str, float]:
    """Runs the load against a server; what it measured, and the server's CPU time for each message."""
    command = [str(OUT / "ws_load"), *arguments]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    assert process.stdout is not None
    if process.stdout.readline() != "ready\n":
        raise SystemExit(f"{command} did not start")
    before = run.cpu_seconds(pid)
    output, _ = process.communicate("go\n")
    spent = run.cpu_seconds(pid) - before
    if process.returncode != 0:
        raise SystemExit(f"{command} failed")
    result: dict[str, float] = json.loads(output)
    result["cpu_us"] = spent / max(result["messages"], 1) * 1e6
    return result


def echo(server: Server, options: argparse.Namespace) -> dict[str, float]:
    with running(server, options.cores[0]) as (pid, port):
        fixed = [str(port), str(options.bytes), str(options.connections)]
        load(pid, ["echo", *fixed, "0.5"])
        return load(pid, ["echo", *fixed, str(options.seconds)])


def broadcast(server: Server, options: argparse.Namespace) -> dict[str, float]:
    with running(server, options.cores[0]) as (pid, port):
        arguments = [
            str(port),
            str(options.bytes),
            str(options.clients),
            str(options.seconds),
            str(options.rate),
        ]
        return load(pid, ["broadcast", *arguments])


def medians(rounds: list[dict[str, float]]) -> dict[str, float]:
    return {key: statistics.median(r[key] for r in rounds) for key in rounds[0]}


def title(name: str) -> str:
    server = ALL[name]
    if not server.package:
        return server.title
    code = f"from importlib.metadata import version; print(version({server.package!r}))"
    done = subprocess.run([str(PEER_PYTHON), "-c", code], check=True, capture_output=True, text=True)
    return f"{server.title} {done.stdout.strip()}"


def echo_table(results: dict[str, list[dict[str, float]]]) -> str:
    lines = [
        "| server | messages/s | p50 ms | p99 ms | CPU µs/message | ratio to floor |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, rounds in results.items():
        row = medians(rounds)
        pairs = zip(rounds, results.get("floor", []))
        ratios = [ours["cpu_us"] / floor["cpu_us"] for ours, floor in pairs]
        cells = [
            title(name),
            f"{statistics.median(r['messages'] / r['seconds'] for r in rounds):,.0f}",
            f"{row['p50_us'] / 1000:.2f}",
            f"{row['p99_us'] / 1000:.2f}",
            f"{row['cpu_us']:.2f}",
            f"{statistics.median(ratios):.2f}" if ratios else "-",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def broadcast_table(results: dict[str, list[dict[str, float]]]) -> str:
    lines = [
        "| server | p50 ms | p99 ms | max ms | CPU µs/delivery | lost |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, rounds in results.items():
        row = medians(rounds)
        times = [f"{row[key] / 1000:.1f}" for key in ("p50_us", "p99_us", "max_us")]
        lost = sum(r["lost"] for r in rounds)
        cells = [title(name), *times, f"{row['cpu_us']:.2f}", f"{lost:.0f}"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def mask_table() -> str:
    lines = ["| bytes | memcpy ns | server's frame ns | client's frame ns |", "| ---: | ---: | ---: | ---: |"]
    output = subprocess.run([OUT / "ws_mask"], check=True, capture_output=True, text=True).stdout
    for size, *times in (line.split() for line in output.splitlines()):
        cells = [f"{int(size):,}", *(f"{float(time):,.0f}" for time in times)]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--servers", default=",".join(ALL), help=f"comma-separated, of: {', '.join(ALL)}")
    parser.add_argument("--only", choices=["echo", "broadcast", "mask"], help="one of the tables")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3, help="of each measurement")
    parser.add_argument("--bytes", type=int, default=128, help="of a message")
    parser.add_argument("--connections", type=int, default=100, help="that echo")
    parser.add_argument("--clients", type=int, default=5000, help="that a broadcast goes to")
    parser.add_argument("--rate", type=float, default=4, help="broadcasts a second")
    parser.add_argument("--cores", default="0,1", help="core of the server, core of the load")
    options = parser.parse_args()
    options.servers = options.servers.split(",")
    unknown = [name for name in options.servers if name not in ALL]
    if unknown:
        parser.error(f"no such server: {', '.join(unknown)}")
    options.cores = [int(core) for core in options.cores.split(",")]
    if len(options.cores) != 2 or not set(options.cores) <= os.sched_getaffinity(0):
        parser.error("--cores takes two cores of this machine, for example 0,1")
    return options


def main() -> int:
    options = parse()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    OUT.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cc", "-O2", str(BENCHES / "ws_load.c"), "-o", str(OUT / "ws_load")], check=True)
    for prepare in {ALL[name].prepare for name in options.servers}:
        prepare()
    os.sched_setaffinity(0, {options.cores[1]})
    facts = run.machine()
    wanted: list[tuple[str, Any, list[str]]] = []
    if options.only in (None, "echo"):
        wanted.append(("echo", echo, options.servers))
    if options.only in (None, "broadcast"):
        wanted.append(("broadcast", broadcast, [n for n in options.servers if ALL[n].broadcasts]))
    tables: dict[str, dict[str, list[dict[str, float]]]] = {}
    for kind, measure, names in wanted:
        tables[kind] = {name: [] for name in names}
        for number in range(1, options.rounds + 1):
            for name in names:
                result = measure(ALL[name], options)
                tables[kind][name].append(result)
                rate = result["messages"] / result["seconds"]
                print(
                    f"{kind} {number}/{options.rounds}  {name:12}  {rate:>9,.0f} messages/s  "
                    f"{result['cpu_us']:7.2f} µs CPU/message  p99 {result['p99_us'] / 1000:.2f} ms",
                    flush=True,
                )
    print(f"\n{facts['cpu']}; Linux {facts['kernel']}; load before: {facts['load_average']}")
    if "echo" in tables:
        print(f"\n{options.bytes} bytes on {options.connections} connections\n\n{echo_table(tables['echo'])}")
    if "broadcast" in tables:
        print(f"\n{options.bytes} bytes to {options.clients} clients, {options.rate:g} times a second\n")
        print(broadcast_table(tables["broadcast"]))
    if options.only in (None, "mask") and "c" in options.servers:
        print(f"\nA frame made in memory, the best of many rounds\n\n{mask_table()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
