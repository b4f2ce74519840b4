#!/usr/bin/env python3
"""What 1,000 slow clients do to an honest one.

A slow client sends the head of a request byte by byte and never ends it ("slow-loris"); when the
server lets it go, it comes back at once. The honest client asks over one keep-alive connection, again
and again. Every round measures it alone and beside the slow ones; reported are medians over the rounds.
The server has one core, the clients the other; the slow ones run with low priority, because it is the
server that is to be measured.

    benches/slowloris.py
    benches/slowloris.py --servers c,python --slow 1000 --rounds 5
"""

from __future__ import annotations

import argparse
import dataclasses
import multiprocessing
import os
import resource
import select
import socket
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.synchronize import Event
from typing import Any

import run

REQUEST = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
SLOW_START = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: "

SERVERS = {
    "c": run.Server(
        "C, with limits",
        lambda port, depth: [str(run.OUT / "hardened"), f"http://127.0.0.1:{port}"],
        run.c_program("hardened"),
        ours=True,
    ),
    "c-unlimited": dataclasses.replace(run.ALL["c"], title="C, without limits"),
    "python": dataclasses.replace(run.ALL["python"], title="Python"),
}


def dial(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=10)


def crowd(port: int, count: int, pause: float, ready: Event, stop: Event, let_go: Any) -> None:
    """The slow clients: a byte each `pause` seconds."""
    os.nice(10)
    poller = select.epoll()
    clients: dict[int, socket.socket] = {}

    def join() -> None:
        client = dial(port)
        client.setblocking(False)
        client.send(SLOW_START)
        clients[client.fileno()] = client
        poller.register(client, select.EPOLLIN)

    for _ in range(count):
        join()
    ready.set()
    while not stop.is_set():
        # A share of them at a time, so that the bytes are spread over the pause.
        for fd in list(clients)[:: max(1, int(pause / 0.02))]:
            try:
                clients[fd].send(b"a")
            except OSError:
                pass  # Noticed below.
        for fd, _ in poller.poll(0.02):
            poller.unregister(fd)
            clients.pop(fd).close()
            let_go.value += 1
            join()


@contextmanager
def slow_clients(port: int, count: int, pause: float) -> Iterator[Any]:
    """Runs them; how many were let go so far."""
    let_go = multiprocessing.Value("l", 0)
    ready, stop = multiprocessing.Event(), multiprocessing.Event()
    process = multiprocessing.Process(target=crowd, args=(port, count, pause, ready, stop, let_go))
    process.start()
    try:
        assert ready.wait(60), "the slow clients could not connect"
        yield let_go
    finally:
        stop.set()
        process.join(60)


def honest(port: int, seconds: float) -> list[float]:
    """The times of one client's requests, in microseconds."""
    times = []
    with dial(port) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            start = time.perf_counter_ns()
            client.sendall(REQUEST)
            answer = b""
            while not answer.endswith(run.BODY):
                more = client.recv(65536)
                assert more, f"the honest client was closed after {answer!r}"
                answer += more
            times.append((time.perf_counter_ns() - start) / 1000)
            time.sleep(0.0005)  # Someone who asks now and then, not a load.
    return times


def percentiles(times: list[float]) -> dict[str, float]:
    cuts = statistics.quantiles(times, n=100)
    return {"p50": cuts[49], "p99": cuts[98], "requests": len(times)}


def measure(name: str, options: argparse.Namespace) -> dict[str, dict[str, float]]:
    """One round of one server."""
    with run.running(SERVERS[name], 1, options.cores[0]) as (pid, port):
        honest(port, 0.5)  # Not counted.
        alone = percentiles(honest(port, options.seconds))
        with slow_clients(port, options.slow, options.pause) as let_go:
            before = run.cpu_seconds(pid)
            beside = percentiles(honest(port, options.seconds))
            beside["cpu"] = (run.cpu_seconds(pid) - before) / options.seconds * 100
            beside["let_go"] = let_go.value
    return {"alone": alone, "beside": beside}


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--servers", default="c", help=f"comma-separated, of: {', '.join(SERVERS)}")
    parser.add_argument("--slow", type=int, default=1000, help="number of slow clients")
    parser.add_argument("--pause", type=float, default=1, help="seconds between two bytes of one of them")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5, help="of each measurement")
    parser.add_argument("--cores", default="0,1", help="core of the server, core of the clients")
    options = parser.parse_args()
    options.cores = [int(core) for core in options.cores.split(",")]
    names = options.servers.split(",")
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    for name in names:
        SERVERS[name].prepare()
    os.sched_setaffinity(0, {options.cores[1]})

    rounds: dict[str, list[dict[str, dict[str, float]]]] = {name: [] for name in names}
    for number in range(1, options.rounds + 1):
        for name in names:
            result = measure(name, options)
            rounds[name].append(result)
            print(
                f"round {number}/{options.rounds}  {name:12}"
                f"  alone p99 {result['alone']['p99']:7.0f} µs"
                f"  beside {options.slow} slow ones {result['beside']['p99']:7.0f} µs",
                flush=True,
            )

    facts = run.machine()
    print(f"\n{facts['cpu']}, load average {facts['load_average']}\n")
    print("| server | the honest client | p50 µs | p99 µs | CPU % | slow ones let go |")
    print("| --- | --- | ---: | ---: | ---: | ---: |")
    for name in names:
        for kind, title in (("alone", "alone"), ("beside", f"beside {options.slow:,} slow ones")):
            row = {
                key: statistics.median(r[kind][key] for r in rounds[name]) for key in rounds[name][0][kind]
            }
            more = [f"{row['cpu']:.1f}", f"{row['let_go']:,.0f}"] if kind == "beside" else ["", ""]
            cells = [SERVERS[name].title, title, f"{row['p50']:.0f}", f"{row['p99']:.0f}", *more]
            print("| " + " | ".join(cells) + " |")
    for name in names:
        ratio = statistics.median(r["beside"]["p99"] / r["alone"]["p99"] for r in rounds[name])
        print(f"{SERVERS[name].title}: p99 is {ratio:.2f} x its own alone")
    return 0


if __name__ == "__main__":
    sys.exit(main())
