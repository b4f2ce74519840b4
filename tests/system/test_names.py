"""Names, asked of dnsmasq."""

from __future__ import annotations

import shlex
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import loopback
import peers
from needs import need, skip

MANY = [f"10.0.1.{n}" for n in range(1, 61)]  # more than a datagram of 512 bytes holds
RECORDS = [
    "--host-record=real.test,10.0.0.7",
    "--host-record=both.test,10.0.0.8,fd00::8",
    "--host-record=six.test,fd00::6",
    *(f"--host-record=many.test,{address}" for address in MANY),
    *(f"--host-record=many6.test,fd00::1:{n:x}" for n in range(1, 61)),
    "--cname=alias.test,real.test",
    "--cname=chain.test,alias.test",
    "--cname=long.chain.test,chain.test",
    "--cname=alias6.test,six.test",
    "--host-record=Mixed.Case.test,10.0.0.9",
]

Lookup = Callable[..., list[str]]
LOOKUP = peers.PROGRAMS / "lookup.py"
PATIENCE_MS = 60_000  # longer than any machine needs


def server_command(port: int, *options: str) -> list[str]:
    return [
        "dnsmasq",
        "--keep-in-foreground",
        "--conf-file=/dev/null",
        "--no-resolv",
        "--no-hosts",
        "--user=",
        "--pid-file=",
        "--bind-interfaces",
        "--listen-address=127.0.0.1",
        f"--port={port}",
        "--local=/test/",
        "--cache-size=0",
        *RECORDS,
        *options,
    ]


@contextmanager
def slow_server(seconds: float) -> Iterator[int]:
    """Knows one address, and takes its time to say so; returns its port."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))

        def serve() -> None:
            while True:
                query, peer = sock.recvfrom(600)
                if not query:
                    return
                time.sleep(seconds)
                question = query[12 : query.index(b"\0", 12) + 5]
                record = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\x0a\0\0\x63"
                sock.sendto(query[:2] + b"\x81\x80\0\1\0\1\0\0\0\0" + question + record, peer)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield sock.getsockname()[1]
        finally:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
                end.sendto(b"", sock.getsockname())
            thread.join()


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return peers.build("lookup", tmp_path_factory.mktemp("lookup"))


@pytest.fixture(scope="module")
def lookup(program: Path) -> Iterator[Lookup]:
    """Asks dnsmasq: lookup(options and names...)."""
    need("dnsmasq")
    port = loopback.free_port()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent, slow_server(0.3) as slow:
        silent.bind(("127.0.0.1", 0))
        servers = {"slow": slow, "silent": silent.getsockname()[1]}
        command = server_command(port, *(f"--server=/{n}.test/127.0.0.1#{at}" for n, at in servers.items()))
        with peers.running(command) as p:
            loopback.wait_for(p, port)
            yield asking(program, port)


def asking(program: Path, port: int) -> Lookup:
    def ask(*arguments: str, scheme: str = "udp") -> list[str]:
        url = f"{scheme}://127.0.0.1:{port}"
        patience = ["--timeout", str(PATIENCE_MS)]
        return sorted(peers.output([program, "--dns4", url, "--dns6", url, *patience, *arguments]))

    return ask


@pytest.mark.parametrize("scheme", ["udp", "tcp"])
@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("real.test", "10.0.0.7"),
        ("real.test.", "10.0.0.7"),
        ("REAL.Test", "10.0.0.7"),
        ("mixed.case.test", "10.0.0.9"),
        ("both.test", "10.0.0.8"),
        ("six.test", "[fd00:0:0:0:0:0:0:6]"),
        ("alias.test", "10.0.0.7"),
        ("chain.test", "10.0.0.7"),
        ("long.chain.test", "10.0.0.7"),
        ("alias6.test", "[fd00:0:0:0:0:0:0:6]"),
    ],
)
def test_names(lookup: Lookup, name: str, address: str, scheme: str) -> None:
    assert lookup(name, scheme=scheme) == [f"{name} {address}"]


def test_a_slow_server(lookup: Lookup) -> None:
    assert lookup("slow.test") == ["slow.test 10.0.0.99"]


def test_ipv6_only(lookup: Lookup) -> None:
    assert lookup("--use-dns6", "both.test", "real.test") == [
        "both.test [fd00:0:0:0:0:0:0:8]",
        "real.test: real.test DNS lookup failed",
    ]


@pytest.mark.parametrize("scheme", ["udp", "tcp"])
def test_no_such_name(lookup: Lookup, scheme: str) -> None:
    name = "no.such.name.test"
    assert lookup(name, scheme=scheme) == [f"{name}: {name} DNS lookup failed"]


def test_truncated_answers(lookup: Lookup) -> None:
    [line] = lookup("many.test")
    assert line.split()[1] in MANY
    [line] = lookup("--use-dns6", "many6.test")
    assert line.startswith("many6.test [fd00:0:0:0:0:0:1:")


def test_many_at_once(lookup: Lookup) -> None:
    names = [f"real.test{'.' * (n % 2)}" for n in range(200)]
    assert lookup(*names) == sorted(f"{name} 10.0.0.7" for name in names)


def test_a_server_that_is_silent(lookup: Lookup) -> None:
    assert lookup("--timeout", "50", "silent.test") == ["silent.test: DNS timeout"]


def test_the_files_of_the_system(program: Path, tmp_path: Path) -> None:
    """Without servers of its own a program is told what resolv.conf and hosts say; with them it is not."""
    for tool in ("dnsmasq", "ip", "ss", "unshare"):
        need(tool)
    if subprocess.run(["unshare", "--net", "--mount", "true"], capture_output=True).returncode != 0:
        skip("no network namespaces")
    files = {
        # Nobody listens at the first two; the search list is for names with fewer than two dots.
        "resolv.conf": "search nowhere test\noptions ndots:2\nnameserver 127.0.0.2\n"
        "nameserver ::1\nnameserver 127.0.0.1\n",
        "hosts": "10.1.1.1 Listed.test other # x\n",
    }
    for name, text in files.items():
        if not Path("/etc", name).exists():
            skip(f"no /etc/{name} to be covered")
        (tmp_path / name).write_text(text)
    own = ["--dns4", "udp://127.0.0.1:53", "--dns6", "udp://127.0.0.1:53"]
    script = f"""
        ip link set lo up
        mount --bind {tmp_path}/resolv.conf /etc/resolv.conf
        mount --bind {tmp_path}/hosts /etc/hosts
        {shlex.join(server_command(53))} &
        trap "kill $!" EXIT
        until ss -Hltn sport = 53 | grep -q .; do sleep 0.02; done
        for lookup in {program} "{sys.executable} {LOOKUP}"; do
          $lookup listed.test OTHER real real.test six x.test real. a.localhost | grep -v USE_NOGIL | sort
        done
        {shlex.join([str(program), *own])} listed.test
    """
    expected = [
        "OTHER 10.1.1.1",
        "a.localhost 127.0.0.1",
        "listed.test 10.1.1.1",
        "real 10.0.0.7",
        "real.: real DNS lookup failed",
        "real.test 10.0.0.7",
        "six [fd00:0:0:0:0:0:0:6]",
        "x.test: x.test DNS lookup failed",
    ]
    last = "listed.test: listed.test DNS lookup failed"
    assert peers.output(["unshare", "--net", "--mount", "sh", "-ec", script]) == [*expected, *expected, last]
