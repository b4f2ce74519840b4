"""Our client (client.c) against servers that others wrote: nginx, aiohttp, Python's http.server, and
bytes as they might come from any."""

from __future__ import annotations

import asyncio
import dataclasses
import gzip
import http.server
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import pytest
from aiohttp import web

import loopback
from compiled import program
from engine import Message, message
from needs import need

TEXT = b"Some text.\n" * 5000


@dataclasses.dataclass
class Received:
    """What our client got."""

    messages: list[Message]
    connection: str  # OPEN, CLOSED, STUCK
    errors: list[str]
    heads: int

    @property
    def bodies(self) -> list[bytes]:
        return [m.body for m in self.messages]

    @property
    def statuses(self) -> list[int]:
        return [int(m.start[1]) for m in self.messages]


def request(method: str, path: str, *headers: str, version: str = "1.1") -> bytes:
    return "\r\n".join((f"{method} {path} HTTP/{version}", "Host: h", *headers, "", "")).encode()


def get(path: str, *headers: str) -> bytes:
    return request("GET", path, *headers)


def ask(port: int, *requests: bytes, pipelined: bool = False) -> Received:
    """Sends requests over one connection."""
    mode = "pipelined" if pipelined else "sequential"
    command = [str(program("client")), f"http://127.0.0.1:{port}", mode]
    done = subprocess.run(command, input=b"".join(r + b"\0" for r in requests), capture_output=True)
    assert done.returncode == 0, done.stderr
    *lines, connection = done.stdout.decode("latin-1").splitlines()
    return Received(
        [message(line) for line in lines if line.startswith("MSG")],
        connection,
        [line[6:] for line in lines if line.startswith("ERROR")],
        lines.count("HDRS"),
    )


# --- The servers. All have /text with a length, /coded in chunks, /204.

NGINX = """
daemon off; master_process off; pid {here}/pid; error_log {here}/error.log;
events {{ worker_connections 64; }}
http {{
  access_log off; default_type text/plain;
  client_body_temp_path {here}/body; proxy_temp_path {here}/proxy; fastcgi_temp_path {here}/fastcgi;
  uwsgi_temp_path {here}/uwsgi; scgi_temp_path {here}/scgi;
  server {{
    listen 127.0.0.1:{port}; root {here}/www;
    location = /204 {{ return 204; }}
    location = /coded {{ gzip on; gzip_types text/plain; gzip_min_length 0; }}
  }}
}}
"""


@pytest.fixture(scope="module")
def nginx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    need("nginx")
    here = tmp_path_factory.mktemp("nginx")
    (here / "www").mkdir()
    for name in ("text", "coded"):
        (here / "www" / name).write_bytes(TEXT)
    port = loopback.free_port()
    (here / "nginx.conf").write_text(NGINX.format(here=here, port=port))
    command = ["nginx", "-p", str(here), "-e", str(here / "error.log"), "-c", str(here / "nginx.conf")]
    with loopback.running(command) as process:
        loopback.wait_for(process, port)
        yield port


@contextmanager
def loop_in_a_thread() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield loop
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@pytest.fixture(scope="module")
def aiohttp_server() -> Iterator[int]:
    async def text(_: web.Request) -> web.StreamResponse:
        return web.Response(body=TEXT)

    async def coded(asked: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        response.enable_chunked_encoding()
        await response.prepare(asked)
        for at in range(0, len(TEXT), 777):
            await response.write(TEXT[at : at + 777])
        return response

    async def nothing(_: web.Request) -> web.StreamResponse:
        return web.Response(status=204)

    async def echo(asked: web.Request) -> web.StreamResponse:
        return web.Response(body=await asked.read())

    async def start() -> web.AppRunner:
        app = web.Application()
        app.router.add_get("/text", text)
        app.router.add_get("/coded", coded)
        app.router.add_get("/204", nothing)
        app.router.add_post("/echo", echo)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return runner

    with loop_in_a_thread() as loop:
        runner = asyncio.run_coroutine_threadsafe(start(), loop).result()
        try:
            yield runner.addresses[0][1]
        finally:
            asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result()


class Plain(http.server.BaseHTTPRequestHandler):
    """HTTP/1.0, as is the default: without a length, the end of the connection ends the body."""

    def do_GET(self) -> None:
        self.send_response(204 if self.path == "/204" else 200)
        if self.path == "/coded":
            self.send_header("Transfer-Encoding", "chunked")
        elif self.path == "/text" or self.protocol_version == "HTTP/1.1":
            self.send_header("Content-Length", str(0 if self.path == "/204" else len(TEXT)))
        self.end_headers()
        if self.path == "/coded" and self.command == "GET":
            for at in range(0, len(TEXT), 777):
                piece = TEXT[at : at + 777]
                self.wfile.write(b"%X\r\n%s\r\n" % (len(piece), piece))
            self.wfile.write(b"0\r\n\r\n")
        elif self.path != "/204" and self.command == "GET":
            self.wfile.write(TEXT)

    do_HEAD = do_GET

    def log_message(self, format: str, *args: object) -> None:
        pass


class Keeping(Plain):
    protocol_version = "HTTP/1.1"


@contextmanager
def python_server(handler: type[Plain]) -> Iterator[int]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(scope="module")
def plain() -> Iterator[int]:
    with python_server(Plain) as port:
        yield port


@pytest.fixture(scope="module")
def keeping() -> Iterator[int]:
    with python_server(Keeping) as port:
        yield port


@pytest.fixture(params=["nginx", "aiohttp_server", "keeping"])
def port(request: pytest.FixtureRequest) -> int:
    """Each of the servers that keep connections."""
    return int(request.getfixturevalue(request.param))


def text_of(coded: Message) -> bytes:
    encoding = {name.lower(): value for name, value in coded.headers}.get(b"content-encoding")
    return gzip.decompress(coded.body) if encoding == b"gzip" else coded.body


# --- What they send


def test_one_connection_for_all(port: int) -> None:
    received = ask(
        port,
        get("/text"),
        get("/coded", "Accept-Encoding: gzip"),
        get("/204"),
        request("HEAD", "/text"),
        get("/none"),
        request("HEAD", "/none"),
        get("/text"),
    )
    assert received.connection == "OPEN"
    assert received.errors == []
    assert received.statuses[:4] == [200, 200, 204, 200]
    assert text_of(received.messages[1]) == TEXT
    assert [received.bodies[i] for i in (0, 2, 3, 5, 6)] == [TEXT, b"", b"", b"", TEXT]
    assert received.heads == 7


def test_the_coded_text_was_coded(port: int) -> None:
    [coded] = ask(port, get("/coded", "Accept-Encoding: gzip")).messages
    assert (b"transfer-encoding", b"chunked") in [(name.lower(), value) for name, value in coded.headers]


def test_pipelined(port: int) -> None:
    received = ask(port, get("/text"), get("/coded"), pipelined=True)
    assert received.connection == "OPEN"
    assert received.bodies[0] == TEXT
    assert text_of(received.messages[1]) == TEXT


def test_head_among_pipelined(nginx: int) -> None:
    received = ask(nginx, request("HEAD", "/text"), get("/text"), request("HEAD", "/text"), pipelined=True)
    assert received.bodies == [b"", TEXT, b""]
    assert received.connection == "OPEN"


def test_a_connection_that_is_to_close(port: int) -> None:
    received = ask(port, get("/text", "Connection: close"), get("/text"))
    assert received.bodies == [TEXT]
    assert received.connection == "CLOSED"


def test_not_modified(nginx: int) -> None:
    [first] = ask(nginx, get("/text")).messages
    etag = dict(first.headers)[b"ETag"].decode()
    received = ask(nginx, get("/text", f"If-None-Match: {etag}"), get("/text"))
    assert received.statuses == [304, 200]
    assert received.bodies == [b"", TEXT]


def test_until_close(plain: int) -> None:
    for path in ("/text", "/coded", "/anything"):
        received = ask(plain, get(path), get(path))
        assert received.bodies == [TEXT]
        assert received.connection == "CLOSED"
        assert received.errors == []


def test_http_1_0_is_understood(nginx: int) -> None:
    received = ask(nginx, request("GET", "/coded", version="1.0"))
    assert received.bodies == [TEXT]


def test_a_body_is_sent(aiohttp_server: int) -> None:
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in (b"one ", b"two ", b"x" * 5000))
    received = ask(
        aiohttp_server,
        request("POST", "/echo", "Content-Length: 5") + b"HEAD ",
        request("POST", "/echo", "Transfer-Encoding: chunked") + chunks + b"0\r\n\r\n",
        request("POST", "/echo", "Content-Length: 0"),
        pipelined=True,
    )
    assert received.bodies == [b"HEAD ", b"one two " + b"x" * 5000, b""]


# --- Bytes, in pieces

Pieces = Sequence[bytes]


@contextmanager
def raw(*pieces: bytes) -> Iterator[int]:
    """A server that reads something, sends these pieces and closes."""

    def serve(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)
            for piece in pieces:
                connection.sendall(piece)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


def bytewise(data: bytes) -> Pieces:
    return [data[i : i + 1] for i in range(len(data))]


EARLY = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@pytest.mark.parametrize("cut", [lambda data: [data], bytewise])
def test_early_hints(cut: Callable[[bytes], Pieces]) -> None:
    with raw(*cut(b"HTTP/1.1 100 Continue\r\n\r\n" + EARLY + EARLY + OK)) as port:
        received = ask(port, get("/"))
    assert received.statuses == [100, 103, 103, 200]
    assert received.bodies == [b"", b"", b"", b"ok"]
    assert received.errors == []


def test_head_with_interim_responses() -> None:
    with raw(EARLY + b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n") as port:
        received = ask(port, request("HEAD", "/"))
    assert received.statuses == [103, 200]
    assert received.bodies == [b"", b""]


def test_a_body_that_is_cut() -> None:
    with raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort") as port:
        received = ask(port, get("/"))
    assert received.bodies == [b"short"]  # The header tells that there was more.
    assert received.connection == "CLOSED"


def test_chunks_that_are_cut() -> None:
    with raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshort\r\n") as port:
        received = ask(port, get("/"))
    assert received.messages == []
    assert received.connection == "CLOSED"


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"nonsense\r\n\r\n", "Invalid HTTP target"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "Invalid Content-Length"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", "Invalid Transfer-Encoding"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", "Invalid chunk"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n", "MG_MAX_RECV_SIZE"),
    ],
)
def test_what_cannot_be_is_an_error(answer: bytes, error: str) -> None:
    with raw(answer) as port:
        received = ask(port, get("/"))
    assert received.messages == []
    assert received.errors == [error]
    assert received.connection == "CLOSED"


def test_nobody_listens() -> None:
    received = ask(loopback.free_port(), get("/"))
    assert received.errors == ["socket error"]
    assert received.connection == "CLOSED"
