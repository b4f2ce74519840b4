"""The programs of examples/ that speak HTTP do what the pages of docs/ say."""

from __future__ import annotations

import json
import socket
import subprocess
from pathlib import Path

import pytest

from programs import EXAMPLES, PATIENCE, RUN

ANY = "http://127.0.0.1:0"


@pytest.mark.parametrize("name", ["c/hello", "python/hello"])
def test_hello(name: str) -> None:
    with RUN.start(name, ANY) as server:
        assert server.get("/some/path") == "You asked for /some/path\n"
        status, headers, body = server.ask("POST", "/api/sum", b'{"a": 1, "b": 2}')
        assert (status, headers["Content-Type"], json.loads(body)) == (200, "application/json", {"sum": 3})
        assert server.ask("POST", "/api/sum", b"nonsense")[0] == 400


@pytest.mark.parametrize("name", ["c/upload", "python/upload"])
def test_upload(name: str, tmp_path: Path) -> None:
    with RUN.start(name, str(tmp_path), ANY) as server:
        content = bytes(range(256)) * 4096
        status, _, body = server.ask("PUT", "/big", content)
        assert (status, body) == (201, b"stored\n")
        assert (tmp_path / "big").read_bytes() == content
        assert server.ask("PUT", "/../big", b"x")[0] == 400
        assert server.ask("GET", "/big", Range="bytes=0-3")[::2] == (206, content[:4])
        if name == "python/upload":
            head = b'Content-Disposition: form-data; name="f"; filename="../x"'
            form = b"--b\r\n%s\r\n\r\n1234\r\n--b--\r\n" % head
            kind = "multipart/form-data; boundary=b"
            assert server.ask("POST", "/form", form, Content_Type=kind)[::2] == (201, b"1 files\n")
            assert (tmp_path / "form-0").read_bytes() == b"1234"


def test_download(tmp_path: Path) -> None:
    content = bytes(range(256)) * 8192
    (tmp_path / "big.bin").write_bytes(content)
    (tmp_path / ".secret").write_bytes(b"secret")
    with RUN.start("python/download", str(tmp_path), ANY) as server:
        status, headers, body = server.ask("GET", "/big.bin")
        assert (status, headers["Content-Disposition"], body) == (200, "attachment", content)
        assert server.ask("GET", "/big.bin", If_None_Match=headers["Etag"])[0] == 304
        assert server.ask("GET", "/big.bin", Range="bytes=-3")[::2] == (206, content[-3:])
        assert server.ask("GET", "/.secret")[0] in (403, 404)


@pytest.mark.parametrize("name", ["c/stream", "python/stream"])
def test_stream(name: str) -> None:
    with RUN.start(name, ANY) as server:
        lines = server.get("/50000").splitlines()
        assert (len(lines), lines[0], lines[-1]) == (50000, "line 1", "line 50000")
        assert server.ask("GET", "/x")[0] == 404


def test_sse() -> None:
    with RUN.start("python/sse", ANY) as server:
        assert server.ask("POST", "/say", b"one")[0] == 204
        assert server.ask("POST", "/say", b"two")[0] == 204
        with socket.create_connection(("127.0.0.1", server.port), PATIENCE) as reader:
            reader.sendall(b"GET /events HTTP/1.1\r\nHost: a\r\nLast-Event-ID: 1\r\n\r\n")
            seen = b""
            while b"data: two" not in seen:
                seen += reader.recv(65536) or pytest.fail("the stream ended")
            assert server.ask("POST", "/say", b"three")[0] == 204
            while b"data: three" not in seen:
                seen += reader.recv(65536) or pytest.fail("the stream ended")
        assert b"data: one" not in seen
        assert b"retry: 2000" in seen


def test_cors() -> None:
    page = "https://app.example"
    with RUN.start("python/cors", page, ANY) as server:
        asks = {"Origin": page, "Access_Control_Request_Method": "PUT"}
        status, headers, _ = server.ask("OPTIONS", "/a", **asks)
        assert (status, headers["Access-Control-Allow-Origin"]) == (204, page)
        assert "PUT" in headers["Access-Control-Allow-Methods"]
        assert server.ask("PUT", "/a", b'{"a": 1}', Origin=page)[0] == 204
        status, headers, body = server.ask("GET", "/a", Origin=page)
        assert (headers["Access-Control-Allow-Origin"], body) == (page, b'{"a": 1}')
        assert "Access-Control-Allow-Origin" not in server.ask("GET", "/a", Origin="https://b.example")[1]
        assert server.ask("DELETE", "/a", Origin=page)[0] == 204
        assert server.ask("GET", "/a")[0] == 404


@pytest.mark.parametrize("name", ["c/rpc", "python/rpc"])
def test_rpc(name: str) -> None:
    with RUN.start(name, ANY) as server:
        request = b'{"jsonrpc": "2.0", "id": 7, "method": "sum", "params": [1, 2]}'
        answer = json.loads(server.ask("POST", "/rpc", request)[2])
        assert (answer["id"], answer["result"]) == (7, 3)
        wrong = b'{"jsonrpc": "2.0", "id": 8, "method": "sum", "params": "x"}'
        assert json.loads(server.ask("POST", "/rpc", wrong)[2])["error"]["code"] == -32602
        assert server.ask("GET", "/")[0] == 404


def test_limits() -> None:
    with RUN.start("python/limits", ANY) as server:
        assert server.ask("POST", "/", b"x" * 100_000)[2] == b"100000 bytes\n"
        assert server.ask("GET", "/", Cookie="x" * 9000)[0] == 431
        assert server.ask("GET", "/", Content_Length="100001")[0] == 413


@pytest.mark.parametrize("name", ["c/threads", "python/threads"])
def test_threads(name: str) -> None:
    with RUN.start(name, ANY) as server:
        assert server.get("/97") == "97 is prime\n"
        assert server.get("/91") == "91 is not prime\n"


def test_embed() -> None:
    with RUN.start("c/embed", ANY, stdin=subprocess.PIPE) as server:
        assert server.get("/") == "nothing yet\n"
        assert server.process.stdin is not None
        server.process.stdin.write("a line\n")
        server.process.stdin.flush()
        server.line("serving: a line")
        assert server.get("/") == "a line\n"


def test_asyncio_loop() -> None:
    with RUN.start("python/asyncio_loop", ANY) as server:
        assert server.get("/x") == "You asked for /x\n"


@pytest.mark.parametrize(("name", "says"), [("testing", "both passed"), ("profiling", "slow_part")])
def test_programs_that_end(name: str, says: str) -> None:
    command = [*RUN.command(f"python/{name}"), *(["100"] if name == "profiling" else [])]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=PATIENCE)
    assert says in done.stdout


def test_programs_are_short() -> None:
    programs = [*EXAMPLES.glob("c/*.c"), *EXAMPLES.glob("python/*.py")]
    assert len(programs) >= 25
    assert [p.name for p in programs if len(p.read_text().splitlines()) >= 100] == []
