#!/usr/bin/env python3
"""Compares HTTP servers on this machine: ours, a floor, and servers from PyPI.

Every round starts each server once, in turn, pinned to one core, and loads it with wrk from the
other. Reported are the medians over the rounds. CPU time is read from the server's process clock
(nanoseconds, all threads, ended threads included), so it is the steadier figure on a busy machine.
The figure after ± is how far the rounds lie apart. If other programs took more than 15 % of the two cores,
there is no result (exit status 2), for caches and clock rates were theirs.

    benches/run.py                                    the whole table
    benches/run.py --servers floor,c --rounds 5       some servers
    benches/run.py --connections 1                    one connection
    benches/run.py --pipeline 16 --servers floor,c    16 requests at once
    benches/run.py --quick                            all of it in some five minutes
    benches/run.py --csv F --picture F.svg            for other programs, and as bars
    benches/run.py --idle 10000 --servers floor,c     beside idle keep-alive connections
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import platform
import resource
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "scripts"))
import report  # noqa: E402

import cprogram  # noqa: E402
import loopback  # noqa: E402

BENCHES = ROOT / "benches"
SERVERS = BENCHES / "servers"
OUT = ROOT / "target" / "bench"
VENV_PYTHON = ROOT / ".venv" / "bin" / "python"
PEERS = ROOT / "target" / "bench-venv"
PEER_PYTHON = PEERS / "bin" / "python"
BODY = b'{"message":"Hello, World!"}'


@dataclasses.dataclass(frozen=True)
class Server:
    """A server that can be measured: how it is called, built and started."""

    title: str
    command: Callable[[int, int], list[str]]  # (port, pipeline depth) -> command line
    prepare: Callable[[], None]
    ours: bool = False
    package: str = ""


def c_program(name: str, *, static: bool = False) -> Callable[[], None]:
    def build() -> None:
        if name != "floor":
            subprocess.run(["cargo", "build", "--release", "--quiet"], cwd=ROOT, check=True)
        output = OUT / (name + ("-static" if static else ""))
        if name == "floor":
            OUT.mkdir(parents=True, exist_ok=True)
            subprocess.run(["cc", "-O2", str(BENCHES / "floor.c"), "-o", str(output)], check=True)
        else:
            cprogram.build(BENCHES / f"{name}.c", output, static=static, flags=["-O2"])

    return build


def need_package() -> None:
    if not VENV_PYTHON.exists():
        raise SystemExit("pymongoose is not installed in .venv: run `make bench`, which does it")


def need_peers() -> None:
    requirements = BENCHES / "requirements.txt"
    stamp = PEERS / "installed.txt"
    if stamp.exists() and stamp.read_text() == requirements.read_text():
        return
    print("installing the peers into target/bench-venv ...", flush=True)
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(PEERS)], check=True)
    pip = [str(PEER_PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "-r", str(requirements)], check=True)
    stamp.write_text(requirements.read_text())


NGINX = """
worker_processes 1;
daemon off;
pid {place}/nginx.pid;
events {{ worker_connections 20000; }}
http {{
  access_log off;
  keepalive_requests 1000000000;
  client_body_temp_path {place}/temp; proxy_temp_path {place}/temp; fastcgi_temp_path {place}/temp;
  uwsgi_temp_path {place}/temp; scgi_temp_path {place}/temp;
  server {{
    listen 127.0.0.1:{port};
    location / {{ default_type application/json; return 200 '{body}'; }}
  }}
}}
"""


def need_nginx() -> None:
    if shutil.which("nginx") is None:
        raise SystemExit("nginx is not installed")


def nginx(port: int, depth: int) -> list[str]:
    place = OUT / "nginx"
    place.mkdir(parents=True, exist_ok=True)
    config = place / "nginx.conf"
    config.write_text(NGINX.format(place=place, port=port, body=BODY.decode()))
    return ["nginx", "-c", str(config), "-e", str(place / "nginx.log")]


def script(python: Path, name: str) -> Callable[[int, int], list[str]]:
    return lambda port, depth: [str(python), str(SERVERS / f"{name}.py"), str(port)]


def uvicorn(app: str) -> Callable[[int, int], list[str]]:
    options = ["--host", "127.0.0.1", "--no-access-log", "--log-level", "warning"]
    return lambda port, depth: [str(PEER_PYTHON), "-m", "uvicorn", app, "--port", str(port), *options]


def granian(interface: str, *more: str) -> Callable[[int, int], list[str]]:
    options = ["--interface", interface, "--workers", "1", "--host", "127.0.0.1", "--log-level", "warning"]
    command = [str(PEERS / "bin" / "granian"), *options, *more]
    return lambda port, depth: [*command, "--port", str(port), f"hello_{interface}:app"]


def pymongoose(kind: str, *options: str) -> Callable[[int, int], list[str]]:
    command = [str(VENV_PYTHON), "-m", f"pymongoose.{kind}", f"hello_{kind}:app", *options]
    return lambda port, depth: [*command, "--url", f"http://127.0.0.1:{port}"]


ALL = {
    "floor": Server(
        "floor: epoll, recv, send (C)",
        lambda port, depth: [str(OUT / "floor"), str(port), str(depth)],
        c_program("floor"),
    ),
    "c": Server(
        "mongoose, C handler (.so)",
        lambda port, depth: [str(OUT / "hello"), f"http://127.0.0.1:{port}"],
        c_program("hello"),
        ours=True,
    ),
    "c-static": Server(
        "mongoose, C handler (.a)",
        lambda port, depth: [str(OUT / "hello-static"), f"http://127.0.0.1:{port}"],
        c_program("hello", static=True),
        ours=True,
    ),
    "python": Server(
        "pymongoose, Python handler", script(VENV_PYTHON, "hello_pymongoose"), need_package, ours=True
    ),
    "nginx": Server("nginx, return", nginx, need_nginx),
    "fastwsgi": Server("fastwsgi, WSGI", script(PEER_PYTHON, "hello_wsgi"), need_peers, package="fastwsgi"),
    "granian": Server("granian, ASGI", granian("asgi"), need_peers, package="granian"),
    "granian-wsgi": Server(
        "granian, WSGI, 4 threads", granian("wsgi", "--blocking-threads", "4"), need_peers, package="granian"
    ),
    "asgi": Server("pymongoose, bare ASGI", pymongoose("asgi"), need_package, ours=True),
    "wsgi-1": Server(
        "pymongoose, WSGI, 1 thread", pymongoose("wsgi", "--threads", "1"), need_package, ours=True
    ),
    "wsgi-4": Server(
        "pymongoose, WSGI, 4 threads", pymongoose("wsgi", "--threads", "4"), need_package, ours=True
    ),
    "uvicorn": Server("uvicorn, bare ASGI", uvicorn("hello_asgi:app"), need_peers, package="uvicorn"),
    "aiohttp": Server("aiohttp", script(PEER_PYTHON, "hello_aiohttp"), need_peers, package="aiohttp"),
    "fastapi": Server("FastAPI on uvicorn", uvicorn("hello_fastapi:app"), need_peers, package="fastapi"),
    "flask": Server("Flask, threaded", script(PEER_PYTHON, "hello_flask"), need_peers, package="flask"),
}
DEFAULT = (
    "floor,nginx,c,python,asgi,wsgi-1,wsgi-4,fastwsgi,granian,granian-wsgi,uvicorn,aiohttp,fastapi,flask"
)


def family(pid: int) -> list[int]:
    """A process and its descendants."""
    found = [pid]
    for parent in found:
        for task in Path(f"/proc/{parent}/task").glob("*/children"):
            with suppress(OSError):  # a thread that has ended
                found += [int(child) for child in task.read_text().split()]
    return found


def cpu_seconds(pid: int) -> float:
    """CPU time of a process and its descendants, by their process clocks (see clock_getcpuclockid(3))."""
    total = 0.0
    for member in family(pid):
        with suppress(OSError):  # a process that has ended
            total += time.clock_gettime((~member << 3) | 2)
    return total


def get(port: int) -> tuple[bytes, socket.socket]:
    """One keep-alive request; the body of the answer and the open connection."""
    sock = socket.create_connection(("127.0.0.1", port), timeout=10)
    sock.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    answer = b""
    while not answer.replace(b" ", b"").endswith(BODY.replace(b" ", b"")):
        more = sock.recv(65536)
        if not more:
            break
        answer += more
    head, _, body = answer.partition(b"\r\n\r\n")
    if not head.startswith((b"HTTP/1.1 200", b"HTTP/1.0 200")):
        raise SystemExit(f"the server on port {port} answered {answer[:200]!r}")
    return body, sock


@contextmanager
def running(server: Server, depth: int, core: int) -> Iterator[tuple[int, int]]:
    """Starts a server, waits until it answers rightly, yields (pid, port), stops it."""
    port = loopback.free_port()
    OUT.mkdir(parents=True, exist_ok=True)
    with (OUT / "servers.log").open("ab") as log:
        process = subprocess.Popen(
            server.command(port, depth),
            cwd=SERVERS,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
            stdout=log,
            stderr=log,
            preexec_fn=lambda: os.sched_setaffinity(0, {core}),
            start_new_session=True,
        )
    try:
        loopback.wait_for(process, port)
        body, sock = get(port)
        sock.close()
        if depth == 1 and json.loads(body) != json.loads(BODY):
            raise SystemExit(f"{server.title}: wrong answer {body!r}")
        yield process.pid, port
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def wrk(port: int, seconds: int, options: argparse.Namespace) -> dict[str, Any]:
    command = ["wrk", "-t1", f"-c{options.connections}", f"-d{seconds}s", "--timeout", "10s"]
    command += ["-s", str(BENCHES / "wrk.lua"), f"http://127.0.0.1:{port}/", "--", str(options.pipeline)]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    for line in output.splitlines():
        if line.startswith("SUMMARY "):
            totals: dict[str, Any] = json.loads(line[len("SUMMARY ") :])
            return totals
    raise SystemExit(f"wrk printed no summary:\n{output}")


def load_seconds() -> float:
    """CPU time of the programs that made the load, and have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def measure(server: Server, options: argparse.Namespace, idle: int) -> dict[str, float]:
    """One round of one server."""
    server_core, _ = options.cores
    with ExitStack() as stack:
        pid, port = stack.enter_context(running(server, options.pipeline, server_core))
        for _ in range(idle):
            stack.enter_context(get(port)[1])
        wrk(port, options.warmup, options)
        before, all_before, load_before = cpu_seconds(pid), report.busy_seconds(options.cores), load_seconds()
        start = time.monotonic()
        totals = wrk(port, options.seconds, options)
        spent = cpu_seconds(pid) - before
        took = time.monotonic() - start
        others = report.busy_seconds(options.cores) - all_before - spent - (load_seconds() - load_before)
    if not totals["requests"]:
        raise SystemExit(f"{server.title}: no request was answered")
    return {
        "requests_per_second": totals["requests"] / totals["seconds"],
        "p50_us": totals["p50_us"],
        "p99_us": totals["p99_us"],
        "cpu_us": spent / totals["requests"] * 1e6,
        "others": max(0.0, others) / took / len(options.cores),
        "errors": sum(totals[kind] for kind in ("connect", "read", "write", "timeout", "status")),
    }


def summary(rounds: list[dict[str, float]], floor: list[dict[str, float]] | None) -> dict[str, float]:
    """Medians over the rounds; the ratio to the floor is the median of each round's own ratio."""
    row = {key: statistics.median(r[key] for r in rounds) for key in rounds[0]}
    row["errors"] = sum(r["errors"] for r in rounds)
    spent = [r["cpu_us"] for r in rounds]
    row["noise"] = (max(spent) - min(spent)) / row["cpu_us"]
    if floor:
        row["ratio"] = statistics.median(r["cpu_us"] / f["cpu_us"] for r, f in zip(rounds, floor))
    return row


def version(server: Server) -> str:
    if not server.package:
        return ""
    code = f"from importlib.metadata import version; print(version({server.package!r}))"
    return subprocess.run(
        [str(PEER_PYTHON), "-c", code], check=True, capture_output=True, text=True
    ).stdout.strip()


def machine() -> dict[str, str]:
    cpuinfo = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.split(":", 1)[1].strip() for line in cpuinfo if line.startswith("model name")), "?")
    return {
        "cpu": f"{model}, {os.cpu_count()} cores",
        "kernel": platform.release(),
        "python": platform.python_version(),
        "load_average": f"{os.getloadavg()[0]:.2f}",
    }


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--servers", default=DEFAULT, help=f"comma-separated, of: {', '.join(ALL)}")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=4, help="of each measurement")
    parser.add_argument("--warmup", type=int, default=1, help="seconds of load that are not counted")
    parser.add_argument("--connections", type=int, default=100)
    parser.add_argument("--pipeline", type=int, default=1, help="requests sent at once")
    parser.add_argument("--idle", type=int, default=0, help="measure also beside so many idle connections")
    parser.add_argument("--quick", action="store_true", help="two rounds of two seconds")
    parser.add_argument("--busy", action="store_true", help="show figures of a busy machine, too")
    parser.add_argument("--csv", type=Path, help="where the table goes as comma-separated values")
    parser.add_argument("--picture", type=Path, help="where the ratios go as bars (SVG)")
    parser.add_argument("--cores", default="0,1", help="core of the server, core of the load")
    parser.add_argument("--json", type=Path, default=OUT / "results.json", help="where the figures go")
    options = parser.parse_args(arguments)
    options.servers = options.servers.split(",")
    unknown = [name for name in options.servers if name not in ALL]
    if unknown:
        parser.error(f"no such server: {', '.join(unknown)}")
    if options.quick:
        options.rounds, options.seconds = 2, 2
    options.cores = [int(core) for core in options.cores.split(",")]
    if len(options.cores) != 2 or not set(options.cores) <= os.sched_getaffinity(0):
        parser.error("--cores takes two cores of this machine, for example 0,1")
    return options


def main() -> int:
    options = parse(sys.argv[1:])
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    for prepare in {ALL[name].prepare for name in options.servers}:
        prepare()
    os.sched_setaffinity(0, {options.cores[1]})
    (OUT / "servers.log").unlink(missing_ok=True)

    # A variant is a server without or with the idle connections.
    variants = [(name, idle) for name in options.servers for idle in sorted({0, options.idle})]
    rounds: dict[tuple[str, int], list[dict[str, float]]] = {variant: [] for variant in variants}
    facts = machine()
    for number in range(1, options.rounds + 1):
        for name, idle in variants:
            result = measure(ALL[name], options, idle)
            rounds[name, idle].append(result)
            beside = f" beside {idle} idle" if idle else ""
            print(
                f"round {number}/{options.rounds}  {name + beside:24}  "
                f"{result['requests_per_second']:>9,.0f} requests/s  {result['cpu_us']:8.2f} µs CPU/request",
                flush=True,
            )

    rows: list[dict[str, Any]] = []
    for name, idle in variants:
        row: dict[str, Any] = {"name": name, "idle": idle, "title": ALL[name].title, "ours": ALL[name].ours}
        row["version"] = version(ALL[name])
        if row["version"]:
            row["title"] += f" {row['version']}"
        if idle:
            row["title"] += f", beside {idle:,} idle connections"
        row.update(summary(rounds[name, idle], rounds.get(("floor", 0))))
        if idle:
            quiet = rounds[name, 0]
            ratios = [r["cpu_us"] / q["cpu_us"] for r, q in zip(rounds[name, idle], quiet)]
            row["ratio_to_no_idle"] = statistics.median(ratios)
        row["rounds"] = rounds[name, idle]
        rows.append(row)

    print(
        f"\n{facts['cpu']}; Linux {facts['kernel']}; Python {facts['python']}; "
        f"load before: {facts['load_average']}"
    )
    print(
        f"wrk -t1 -c{options.connections}, {options.rounds} rounds of {options.seconds} s, "
        f"{options.pipeline} request(s) at once\n"
    )
    others = statistics.median(row["others"] for row in rows)
    if others > report.BUSY and not options.busy:
        print(
            f"No result: other programs took {others:.0%} of the two cores. Try again on a quiet machine, "
            "or see what --busy shows.",
            file=sys.stderr,
        )
        return 2
    print(report.table(rows, pipelined=options.pipeline > 1))
    print(f"\nother programs took {others:.0%} of the two cores")
    if options.csv:
        report.write_csv(rows, options.csv)
    if options.picture:
        report.write_picture(rows, options.picture)
    for row in rows:
        if "ratio_to_no_idle" in row:
            print(f"\n{row['title']}: {row['ratio_to_no_idle']:.2f} x the CPU per request without them")
    settings = {k: str(v) if isinstance(v, Path) else v for k, v in vars(options).items()}
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(
        json.dumps({"machine": facts, "options": settings, "rows": rows}, indent=2) + "\n"
    )

    failed = [row["title"] for row in rows if row["errors"] and ALL[row["name"]].ours]
    if failed:
        print(f"\nerrors under load, so these figures do not count: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
