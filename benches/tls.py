#!/usr/bin/env python3
"""CPU of a server for each TLS handshake, beside nginx; and certificates that change under load.

    benches/tls.py [--seconds 2] [--rounds 3] [--handshakes 10000]

Both servers run one thread and are asked in turn by `openssl s_time`, for full and for resumed
handshakes. What counts is the time that the server spent, from /proc: the machine may be busy.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "scripts"))
import cprogram  # noqa: E402
import loopback  # noqa: E402

KEYS = {"P-256": ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"], "RSA-2048": ["rsa:2048"]}
CHANGES = 20


def certificate(place: Path, name: str, kind: str) -> None:
    command = ["openssl", "req", "-x509", "-days", "30", "-nodes", "-subj", "/CN=localhost"]
    command += ["-keyout", f"{name}.key", "-out", f"{name}.crt", "-newkey", *KEYS[kind]]
    subprocess.run(command, cwd=place, check=True, capture_output=True)


def cpu(pid: int) -> float:
    """Seconds that a process has spent, threads included, to the nanosecond."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


@contextlib.contextmanager
def running(command: list[str | Path], port: int, place: Path) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(
        command, cwd=place, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        try:
            loopback.wait_for(process, port)
            yield process
        finally:
            process.kill()


def ask(pid: int, port: int, options: list[str], seconds: int) -> float:
    """Microseconds of CPU for each connection."""
    before = cpu(pid)
    command = ["openssl", "s_time", "-connect", f"127.0.0.1:{port}", "-time", str(seconds), "-www", "/"]
    done = subprocess.run([*command, *options], capture_output=True, text=True, timeout=seconds + 120)
    found = re.search(r"(\d+) connections in \d+ real seconds", done.stdout)
    assert found, done.stdout + done.stderr
    # openssl closes without ceremony: what it still owes is a connection or two.
    return (cpu(pid) - before) / int(found[1]) * 1e6


def compare(place: Path, program: Path, rounds: int, seconds: int) -> None:
    for kind in KEYS:
        certificate(place, kind, kind)
        ports = {name: loopback.free_port() for name in ("accept", "listener", "nginx")}
        (place / "nginx.conf").write_text(
            "daemon off; master_process off; pid nginx.pid; error_log stderr; events {}\n"
            "http { access_log off; keepalive_timeout 0; server { "
            f"listen 127.0.0.1:{ports['nginx']} ssl; ssl_protocols TLSv1.2 TLSv1.3;\n"
            f"ssl_certificate {kind}.crt; ssl_certificate_key {kind}.key; "
            "location / { return 200 ok; } } }"
        )
        commands: dict[str, list[str | Path]] = {
            name: [program, f"https://127.0.0.1:{ports[name]}", name, f"{kind}.crt", f"{kind}.key"]
            for name in ("accept", "listener")
        }
        commands["nginx"] = ["nginx", "-p", place, "-c", place / "nginx.conf"]
        with contextlib.ExitStack() as stack:
            pids = {
                name: stack.enter_context(running(command, ports[name], place)).pid
                for name, command in commands.items()
            }
            for version, mode in ((v, m) for v in ("-tls1_2", "-tls1_3") for m in ("-new", "-reuse")):
                spent: dict[str, list[float]] = {name: [] for name in pids}
                for _ in range(rounds):
                    for name, pid in pids.items():
                        spent[name].append(ask(pid, ports[name], [version, mode], seconds))
                best = {name: statistics.median(values) for name, values in spent.items()}
                text = ", ".join(f"{name} {us:.0f}" for name, us in best.items())
                ratios = ", ".join(f"{best[n] / best['nginx']:.2f}" for n in ("accept", "listener"))
                print(f"{kind} {version[1:]} {mode[1:]}: {text} us of CPU; of nginx's: {ratios}", flush=True)


def rotate(place: Path, program: Path, handshakes: int) -> None:
    """Handshakes while the certificate changes; none may fail."""
    for name in ("one", "two"):
        certificate(place, name, "P-256")
    port = loopback.free_port()
    pairs = [f"{name}.{end}" for name in ("one", "two") for end in ("crt", "key")]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    left = threading.Semaphore(handshakes)
    failed: list[str] = []
    done: list[bytes] = []

    def client() -> None:
        while left.acquire(blocking=False):
            try:
                with (
                    socket.create_connection(("127.0.0.1", port), timeout=60) as plain,
                    context.wrap_socket(plain) as tls,
                ):
                    tls.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                    assert tls.recv(100).startswith(b"HTTP/1.1 200")
                    done.append(tls.getpeercert(True) or b"")
            except (OSError, AssertionError) as e:
                failed.append(repr(e))

    with running([program, f"https://127.0.0.1:{port}", "listener", *pairs], port, place) as server:
        assert server.stdin
        assert server.stdout
        assert server.stdout.readline() == b"ready\n"
        threads = [threading.Thread(target=client) for _ in range(4)]
        for thread in threads:
            thread.start()
        for change in range(CHANGES):
            while len(done) + len(failed) < handshakes * (change + 1) // (CHANGES + 1):
                threads[0].join(0.005)
            server.stdin.write(b"\n")
            server.stdin.flush()
            assert server.stdout.readline() == b"changed\n"
        for thread in threads:
            thread.join()
    seen = len(set(done))
    print(f"{len(done)} handshakes across {CHANGES} changes, {seen} certificates, {len(failed)} refused")
    if failed:
        sys.exit(failed[0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seconds", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--handshakes", type=int, default=10_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        os.chmod(place, 0o755)
        program = cprogram.build(ROOT / "benches/tls.c", place / "server", flags=("-O2", "-Wall", "-Wextra"))
        compare(place, program, options.rounds, options.seconds)
        rotate(place, program, options.handshakes)


if __name__ == "__main__":
    main()
