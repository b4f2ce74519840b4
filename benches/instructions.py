#!/usr/bin/env python3
"""Counts the instructions that a server spends in user space for a request, by valgrind.

The count does not depend on the load of the machine, so it tells what a change costs where times
cannot. Each server runs twice under `valgrind --tool=callgrind`, with 1,000 and with 3,000 requests
on connections that are kept alive, one at a time. The difference of the two counts, divided by
2,000, is what one request costs: the start and the end of the server cancel out. What the kernel does
is not counted. The walks over all connections that a busy server makes after each millisecond are not
counted either, since valgrind makes the server slow and the clock does not wait (--poll-interval).

    benches/instructions.py                           the C hello, one connection
    benches/instructions.py --functions 30            ... and in which functions
    benches/instructions.py --server python           the Python hello (in .venv, see scripts/venv.sh)
    benches/instructions.py --scenario headers chunked large
    benches/instructions.py --connections 100         100 connections, one request at a time
    benches/instructions.py --connections 100 --poll-interval 0     ... and MG_EV_POLL on all of them
    benches/instructions.py --connections 100 --together   requests on all of them, then all replies
    benches/instructions.py --profile quick           another build; figures of different builds differ
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "scripts"))
import cprogram  # noqa: E402
import loopback  # noqa: E402

HOST = "Host: 127.0.0.1\r\n"
LARGE = 64 * 1024


def request(line: str, headers: str = "", body: str = "") -> bytes:
    return f"{line} HTTP/1.1\r\n{HOST}{headers}\r\n{body}".encode()


# A request, and how many bytes the body of its reply has (0: the JSON text of hello.c).
SCENARIOS: dict[str, tuple[bytes, int]] = {
    # As wrk sends it.
    "hello": (request("GET /"), 0),
    "headers": (request("GET /", "".join(f"X-Header-{n}: value {n} of fifty\r\n" for n in range(49))), 0),
    "upload": (request("POST /", "Content-Length: 65536\r\n", "x" * 65536), 0),
    "chunked": (
        request("POST /", "Transfer-Encoding: chunked\r\n", "10\r\n0123456789abcdef\r\n" * 256 + "0\r\n\r\n"),
        0,
    ),
    "large": (request("GET /"), LARGE),
}


class Client:
    """A connection that is kept alive."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=300)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received = bytearray()

    def receive(self) -> None:
        """Reads one reply."""
        while (end := self.received.find(b"\r\n\r\n")) < 0:
            self.more()
        head = bytes(self.received[: end + 4])
        length = re.search(rb"Content-Length: *(\d+)", head)
        assert head.startswith(b"HTTP/1.1 200 ")
        assert length, head
        whole = len(head) + int(length[1])
        while len(self.received) < whole:
            self.more()
        assert len(self.received) == whole, "bytes after the reply"
        self.received.clear()

    def more(self) -> None:
        data = self.socket.recv(1 << 20)
        assert data, "the server closed the connection"
        self.received += data


def ask(port: int, requests: int, bytes_sent: bytes, connections: int, together: bool) -> None:
    clients = [Client(port) for _ in range(connections)]
    group = connections if together else 1
    for first in range(0, requests, group):
        # All requests of a group are sent before a reply is read.
        turn = [clients[n % connections] for n in range(first, min(first + group, requests))]
        for client in turn:
            client.socket.sendall(bytes_sent)
        for client in turn:
            client.receive()
    for client in clients:
        client.socket.close()


def costs(profile: Path) -> Counter[str]:
    """Instructions by function, without those of the functions it calls, from a file of callgrind."""
    names: dict[str, str] = {}
    found: Counter[str] = Counter()
    function = ""
    skip = False
    for line in profile.read_text(errors="replace").splitlines():
        if match := re.match(r"(c?)fn=(\(\d+\))(?: (.*))?$", line):
            if match[3]:
                names[match[2]] = match[3]
            if not match[1]:
                function = names[match[2]]
        elif line.startswith("calls="):
            skip = True  # The next line is what the call cost, all in all.
        elif line[:1] in "+-*0123456789" and line:
            if not skip:
                found[function] += int(line.split()[-1])
            skip = False
    return found


def measure(
    command: list[str], port: int, requests: int, options: argparse.Namespace, sent: bytes
) -> Counter[str]:
    """What a whole run of the server with so many requests costs."""
    with tempfile.TemporaryDirectory() as place:
        profile = Path(place) / "profile"
        valgrind = ["valgrind", "--tool=callgrind", "--quiet", f"--callgrind-out-file={profile}"]
        # The same order of everything in memory, and of dictionaries, in each run.
        environment = os.environ | {
            "PYTHONHASHSEED": "0",
            "MALLOC_ARENA_MAX": "1",
            "POLL_INTERVAL": str(options.poll_interval),
        }
        with subprocess.Popen([*valgrind, *command], env=environment) as server:
            try:
                loopback.wait_for(server, port)
                ask(port, requests, sent, options.connections, options.together)
                server.send_signal(signal.SIGTERM)
                assert server.wait(300) == 0, f"the server ended with {server.returncode}"
            finally:
                server.kill()
        return costs(profile)


def command(server: str, profile: str, port: int, body: int) -> list[str]:
    if server == "python":
        assert body == 0, "the Python hello has one reply"
        python = ROOT / ".venv" / "bin" / "python"
        return [str(python), str(ROOT / "benches/servers/hello_pymongoose.py"), str(port)]
    program = ROOT / "target" / "benches" / f"hello-{profile}"
    url = f"http://127.0.0.1:{port}"
    return [str(program), url, *([str(body)] if body else [])]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--server", choices=["c", "python"], default="c")
    parser.add_argument("--scenario", nargs="+", choices=list(SCENARIOS), default=["hello"])
    parser.add_argument("--profile", default=cprogram.PROFILE, help="the profile of Cargo: release or quick")
    parser.add_argument("--connections", type=int, default=1)
    parser.add_argument("--poll-interval", type=int, default=1_000_000, metavar="MS", help="of the C server")
    parser.add_argument("--together", action="store_true", help="requests on all connections at once")
    parser.add_argument("--requests", type=int, nargs=2, default=[1000, 3000])
    parser.add_argument(
        "--functions", type=int, default=0, metavar="N", help="the N most expensive functions"
    )
    parser.add_argument("--built", action="store_true", help="takes the library as it is")
    options = parser.parse_args()
    if options.server == "c":
        if not options.built:
            subprocess.run(["cargo", "build", "--profile", options.profile, "--quiet"], cwd=ROOT, check=True)
        output = ROOT / "target" / "benches" / f"hello-{options.profile}"
        library = ROOT / "target" / options.profile
        cprogram.build(ROOT / "benches/hello.c", output, flags=["-O2"], library=library)
    few, many = options.requests
    for name in options.scenario:
        sent, body = SCENARIOS[name]
        runs = []
        for requests in (few, many):
            port = loopback.free_port()
            started = command(options.server, options.profile, port, body)
            runs.append(measure(started, port, requests, options, sent))
        more = runs[1].copy()
        more.subtract(runs[0])
        count = many - few
        print(f"{options.server} {name}: {sum(more.values()) / count:,.0f} instructions per request")
        for function, cost in more.most_common(options.functions):
            print(f"  {cost / count:8,.1f}  {function}")


if __name__ == "__main__":
    main()
