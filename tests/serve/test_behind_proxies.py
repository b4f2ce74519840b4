"""The configurations of examples/proxy, run by Debian's nginx and HAProxy in front of the server."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import os
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from serving import DEADLINE, Serving, certificate

from loopback import free_port, wait_for
from needs import need

EXAMPLES = Path(__file__).parents[2] / "examples" / "proxy"
ANOTHER = "127.0.0.2"  # the client's address, which is not the proxy's


class Proxy:
    """Where it listens, and what trusts its certificate."""

    def __init__(self, plain: int, tls: int, passthrough: int, context: ssl.SSLContext) -> None:
        self.plain, self.tls, self.passthrough, self.context = plain, tls, passthrough, context

    def connect(self, tls: bool, port: int | None = None) -> socket.socket:
        """A connection from ANOTHER."""
        port = port or (self.tls if tls else self.plain)
        sock = socket.create_connection(("127.0.0.1", port), DEADLINE, (ANOTHER, 0))
        return self.context.wrap_socket(sock, server_hostname="127.0.0.1") if tls else sock


@contextlib.contextmanager
def running(name: str, folder: Path, server: int, second: int) -> Iterator[Proxy]:
    """nginx or HAProxy with its example: the ports are others, and so are the files."""
    cert, key = certificate(folder, "site")
    pem = folder / "site.pem"
    pem.write_text(Path(cert).read_text() + Path(key).read_text())
    ports = {8000: server, 8001: second, 8080: free_port(), 8443: free_port(), 9443: free_port()}
    text = (EXAMPLES / {"nginx": "nginx.conf", "haproxy": "haproxy.cfg"}[name]).read_text()
    for number, port in ports.items():
        text = text.replace(f":{number}", f":{port}")
    for path, real in (("/etc/ssl/site.crt", cert), ("/etc/ssl/site.key", key), ("/etc/ssl/site.pem", pem)):
        text = text.replace(path, str(real))
    text = text.replace("/tmp/nginx-app.pid", str(folder / "pid"))
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = "".join(f"\n    {kind}_temp_path {folder / kind};" for kind in kinds)
    text = text.replace("http {", "http {" + temporary)
    if os.geteuid() == 0:  # nginx would run its workers as a user who may not read the folder.
        text = text.replace("worker_processes auto;", "user root;\nworker_processes 1;")
    config = folder / name
    config.write_text(text)
    tool = str(shutil.which(name))
    command = {
        "nginx": [tool, "-e", "stderr", "-c", str(config), "-g", "daemon off;"],
        "haproxy": [tool, "-db", "-f", str(config)],
    }[name]
    process = subprocess.Popen(command)
    try:
        wait_for(process, ports[8080], DEADLINE)
        context = ssl.create_default_context(cafile=cert)
        yield Proxy(ports[8080], ports[8443], ports[9443], context)
    finally:
        process.terminate()
        process.wait(DEADLINE)


@pytest.fixture(scope="module", params=["nginx", "haproxy"])
def name(request: pytest.FixtureRequest) -> str:
    need(request.param)
    return str(request.param)


@pytest.fixture(scope="module", params=["asgi", "wsgi"])
def proxy(
    request: pytest.FixtureRequest, name: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Proxy]:
    folder = tmp_path_factory.mktemp(name)
    with Serving(f"apps:{request.param}", "--root-path", "/app") as server:
        server.ready()
        with running(name, folder, server.port, free_port()) as proxy:
            yield proxy


def ask(sock: socket.socket, path: str, headers: str = "") -> Any:
    """What the application says about a request."""
    request = f"GET {path} HTTP/1.1\r\nHost: site.example\r\n{headers}Connection: close\r\n\r\n"
    with sock:
        sock.sendall(request.encode())
        response = http.client.HTTPResponse(sock)
        response.begin()
        assert response.status == 200
        return json.loads(response.read())


@pytest.mark.parametrize("tls", [False, True])
def test_scheme_client_and_root_path_arrive(proxy: Proxy, tls: bool) -> None:
    found = ask(proxy.connect(tls), "/app/x")
    assert found["scheme"] == ("https" if tls else "http")
    assert found["client"] == ANOTHER
    assert found["root_path"] == "/app"
    assert found["path"] in ("/app/x", "/x")  # of ASGI, of WSGI


def test_a_client_cannot_claim_an_address(proxy: Proxy) -> None:
    found = ask(proxy.connect(False), "/app/x", "X-Forwarded-For: 9.9.9.9\r\nX-Forwarded-Proto: https\r\n")
    assert (found["client"], found["scheme"]) == (ANOTHER, "http")


def test_websocket(name: str, tmp_path: Path) -> None:
    key = base64.b64encode(bytes(16)).decode()
    head = "GET /app/echo HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    head += f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n"
    with Serving("apps:asgi", "--root-path", "/app") as server:
        server.ready()
        with running(name, tmp_path, server.port, free_port()) as proxy:
            for tls in (False, True):
                with proxy.connect(tls) as sock:
                    sock.sendall(head.encode())
                    file = sock.makefile("rb")
                    assert file.readline().startswith(b"HTTP/1.1 101 ")
                    while file.readline() != b"\r\n":
                        pass
                    sock.sendall(b"\x81\x85" + bytes(4) + b"hello")  # a text frame, masked with zeros
                    assert file.read(7) == b"\x81\x05hello"
                    file.close()


def test_the_proxy_protocol_with_tls_in_the_server(tmp_path: Path) -> None:
    need("haproxy")
    cert, key = certificate(tmp_path, "site")
    options = ["--proxy-protocol", "--ssl-certfile", cert, "--ssl-keyfile", key]
    with Serving("apps:asgi", *options) as server:
        server.ready()
        folder = tmp_path / "proxy"
        folder.mkdir()
        with running("haproxy", folder, free_port(), server.port) as proxy:
            proxy.context.load_verify_locations(cert)
            found = ask(proxy.connect(True, proxy.passthrough), "/x")
    assert (found["client"], found["scheme"]) == (ANOTHER, "https")
