"""Options whose effect is seen from outside; test_every_option.py says which test is whose."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import ssl
import time
from pathlib import Path
from typing import Any

import pytest
from serving import DEADLINE, HERE, Serving, certificate, run, until

from loopback import free_port

REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


def facts(server: Serving, path: str = "/") -> dict[str, Any]:
    found: dict[str, Any] = json.loads(server.get(path)[2])
    return found


def replies(sock: socket.socket) -> bool:
    """Whether a request on this connection is answered with 200."""
    with sock:
        sock.settimeout(DEADLINE)
        sock.sendall(REQUEST)
        return sock.recv(4096).startswith(b"HTTP/1.1 200")


def test_host_and_port() -> None:
    port = free_port()
    with Serving("apps:asgi", "--host", "127.0.0.2", "--port", str(port), port=False) as server:
        server.ready()
        assert replies(socket.create_connection(("127.0.0.2", port), DEADLINE))
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), DEADLINE)


def test_headers_of_proxies_are_off() -> None:
    with Serving("apps:asgi", "--no-proxy-headers") as server:
        server.ready()
        assert json.loads(server.get(X_Forwarded_For="1.2.3.4")[2])["client"] == "127.0.0.1"


def test_url() -> None:
    with Serving("apps:asgi", "--url", "http://127.0.0.3:0", port=False) as server:
        server.ready()
        assert replies(socket.create_connection(("127.0.0.3", server.port), DEADLINE))


def test_several_sockets_and_an_inherited_one(tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    with socket.create_server(("127.0.0.1", 0)) as own:
        addresses = ["--bind", "127.0.0.1:0", "--bind", f"unix:{path}", "--fd", str(own.fileno())]
        with Serving("apps:asgi", *addresses, port=False, fds=(own.fileno(),)) as server:
            server.ready()
            assert replies(socket.create_connection(("127.0.0.1", server.port), DEADLINE))
            assert replies(socket.create_connection(own.getsockname(), DEADLINE))
            client = socket.socket(socket.AF_UNIX)
            client.connect(path)
            assert replies(client)


def test_owner_of_a_unix_socket(tmp_path: Path) -> None:
    path = tmp_path / "s"
    owner = f"{os.getuid()}:{os.getgid()}" if os.getuid() else "65534:65533"
    with Serving("apps:asgi", "--uds", str(path), "--uds-owner", owner, port=False) as server:
        server.ready()
        assert f"{path.stat().st_uid}:{path.stat().st_gid}" == owner


def test_backlog(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with Serving("apps:asgi", "--uds", str(path), "--backlog", "3", port=False) as server:
        (worker,) = server.ready()
        os.kill(worker, signal.SIGSTOP)
        until(lambda: Path(f"/proc/{worker}/stat").read_text().rpartition(")")[2].split()[0] == "T")
        waiting: list[socket.socket] = []
        try:
            with pytest.raises(BlockingIOError):
                while len(waiting) < 100:
                    waiting.append(socket.socket(socket.AF_UNIX))
                    waiting[-1].setblocking(False)
                    waiting[-1].connect(str(path))
        finally:
            os.kill(worker, signal.SIGCONT)
            for sock in waiting:
                sock.close()
        assert len(waiting) < 10


@pytest.mark.parametrize(("given", "found"), [("auto", "ASGI"), ("asgi", "ASGI"), ("wsgi", "WSGI")])
def test_interface(given: str, found: str) -> None:
    with Serving("apps:either", "--interface", given) as server:
        server.wait_for(rf"ready: apps:either \({found}\)")
        assert server.get()[0] == 200


def test_workers_and_their_processes() -> None:
    with Serving("apps:asgi", WEB_CONCURRENCY="2") as server:
        assert len(set(server.ready(2))) == 2


def test_threads_run_side_by_side(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    with Serving("apps:wsgi", "--threads", "3", GATE=str(gate)) as server:
        server.ready()
        clients = [server.connect() for _ in range(3)]
        for client in clients:
            client.request("GET", "/held")
        server.wait_for("^held$", 3)
        gate.touch()


def test_loop_and_directory(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("from apps import asgi as app\n")
    options = ["--loop", "asyncio", "--app-dir", str(tmp_path), "--pid", str(tmp_path / "pid")]
    with Serving("mine:app", *options, PYTHONPATH=str(HERE)) as server:
        server.ready()
        assert facts(server)["loop"].startswith("asyncio.")
        assert int((tmp_path / "pid").read_text()) == server.process.pid


def test_lifespan() -> None:
    done = run("apps:without_lifespan", "--lifespan", "on", "--port", "0")
    assert done.returncode == 3
    for mode, ended in (("auto", 1), ("off", 0)):
        with Serving("apps:asgi", "--lifespan", mode) as server:
            server.ready()
            server.signal(signal.SIGTERM)
            assert server.end() == 0
            assert server.messages.count("lifespan ended") == ended


def test_reload(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    with Serving("apps:asgi", "--reload", "--reload-dir", str(other)) as server:
        (first,) = server.ready()

        def touched() -> bool:  # The watcher may begin later than the worker.
            (other / "changed.py").write_text(str(time.monotonic_ns()))
            return len([line for line in server.messages if " is ready" in line]) > 1

        until(touched)
        assert server.ready(2)[1] != first


def test_graceful_time_is_a_limit() -> None:
    with Serving("apps:asgi", "--timeout-graceful-shutdown", "0.2", GATE="/nowhere") as server:
        server.ready()
        client = server.connect()
        client.request("GET", "/held")
        server.wait_for("^held$")
        server.signal(signal.SIGTERM)
        server.end()
        with pytest.raises((http.client.HTTPException, OSError)):
            client.getresponse()


def test_jitter_lets_a_worker_live_longer() -> None:
    options = ["--limit-max-requests", "1", "--limit-max-requests-jitter", "1000000000"]
    with Serving("apps:asgi", *options) as server:
        (worker,) = server.ready()
        assert [facts(server)["pid"] for _ in range(3)] == [worker] * 3


@pytest.mark.parametrize("kind", ["asgi", "wsgi"])
def test_limits(kind: str, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    limits = ["--limit-concurrency", "1", "--max-body", "10", "--set", "http_max_head=1000"]
    with Serving(f"apps:{kind}", *limits, GATE=str(gate)) as server:
        server.ready()
        client = server.connect()
        client.request("GET", "/held")
        server.wait_for("^held$")
        assert server.get()[0] == 503
        gate.touch()
        response = client.getresponse()
        assert response.status == 200
        response.read()
        other = server.connect()
        other.request("POST", "/upload", bytes(11))
        assert other.getresponse().status == 413
        assert server.get(X_Long="x" * 1000)[0] == 431


@pytest.mark.parametrize("kind", ["asgi", "wsgi"])
def test_a_kept_connection_closes_in_the_end(kind: str) -> None:
    with Serving(f"apps:{kind}", "--timeout-keep-alive", "0.3") as server:
        server.ready()

        def answers_and_closes() -> bool:
            with socket.create_connection(("127.0.0.1", server.port), DEADLINE) as sock:
                try:
                    sock.sendall(REQUEST)
                    return sock.recv(4096).startswith(b"HTTP/1.1 200") and not sock.recv(4096)
                except ConnectionError:
                    return False  # This process was so slow that it was closed before.

        until(answers_and_closes)


def connect(port: int, cafile: str, *pair: str) -> ssl.SSLSocket:
    """A TLS client, with a certificate of its own if it is given one."""
    context = ssl.create_default_context(cafile=cafile)
    if pair:
        context.load_cert_chain(*pair)
    plain = socket.create_connection(("127.0.0.1", port), DEADLINE)
    return context.wrap_socket(plain, server_hostname="127.0.0.1")


def serial(port: int) -> bytes | None:
    """The certificate that the server shows."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", port), DEADLINE) as plain:
        with context.wrap_socket(plain) as sock:
            return sock.getpeercert(binary_form=True)


@pytest.mark.parametrize("kind", ["asgi", "wsgi"])
def test_certificates_are_read_again(kind: str, tmp_path: Path) -> None:
    def write(name: str) -> bytes:
        cert, key = certificate(tmp_path, name)
        os.replace(key, tmp_path / "key")
        os.replace(cert, tmp_path / "cert")
        return ssl.PEM_cert_to_DER_cert((tmp_path / "cert").read_text())

    first = write("first")
    files = ["--ssl-certfile", str(tmp_path / "cert"), "--ssl-keyfile", str(tmp_path / "key")]
    with Serving(f"apps:{kind}", *files) as server:
        server.ready()
        assert serial(server.port) == first
        second = write("second")
        until(lambda: serial(server.port) == second)  # because the files have changed
        (tmp_path / "cert").write_text("nonsense")
        server.wait_for("the certificate stays")
        assert serial(server.port) == second
        third = write("third")
        server.signal(signal.SIGHUP)
        server.ready(2)
        until(lambda: serial(server.port) == third)


def test_certificates_of_clients(tmp_path: Path) -> None:
    cert, key = certificate(tmp_path, "server")
    mine = certificate(tmp_path, "mine")
    other = certificate(tmp_path, "other")
    files = ["--ssl-certfile", cert, "--ssl-keyfile", key, "--ssl-ca-certs", mine[0]]
    with Serving("apps:asgi", *files) as server:
        server.ready()
        assert replies(connect(server.port, cert, *mine))
        for pair in ((), other):
            with pytest.raises((OSError, AssertionError)):
                assert replies(connect(server.port, cert, *pair))
    with Serving("apps:asgi", *files, "--ssl-cert-reqs", "0") as server:
        server.ready()
        assert replies(connect(server.port, cert))


def test_log_level_and_configuration(tmp_path: Path) -> None:
    done = run("apps:asgi", "--log-level", "error", "--port", "0", "--lifespan", "on", BROKEN=__file__)
    assert " INFO " not in done.stderr
    log = tmp_path / "log"
    (tmp_path / "log.json").write_text(
        json.dumps(
            {
                "version": 1,
                "handlers": {"file": {"class": "logging.FileHandler", "filename": str(log)}},
                "loggers": {"pymongoose.serve": {"handlers": ["file"], "level": "INFO"}},
            }
        )
    )
    with Serving("apps:asgi", "--log-config", str(tmp_path / "log.json")) as server:
        server.ready()
        assert re.search(r"^worker \d+ is ready", log.read_text(), re.M)


def test_access_log_on_standard_output() -> None:
    form = "%(m)s %(U)s %(s)s %({x-one}i)s"
    with Serving("apps:asgi", "--access-log", "--access-log-format", form) as server:
        server.ready()
        server.get("/a%20b", X_One="1")
        server.wait_for(r"^GET /a%20b 200 1$")


def test_requests_are_counted_over_all_workers() -> None:
    with Serving("apps:asgi", "--workers", "2", "--metrics", "127.0.0.1:0") as server:
        server.ready(2)
        for _ in range(20):
            assert server.get()[0] == 200
        host, _, port = server.wait_for(r"metrics on http://(\S+)/metrics")[0].rpartition(":")

        def counted() -> bool:
            client = http.client.HTTPConnection(host, int(port), timeout=DEADLINE)
            client.request("GET", "/metrics")
            text = client.getresponse().read().decode()
            client.close()
            return 'pymongoose_http_requests_total{status="200"} 20\n' in text

        until(counted)
