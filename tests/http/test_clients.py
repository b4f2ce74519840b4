"""Clients that others wrote, against a server of ours (server.c)."""

from __future__ import annotations

import re
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import requests

from compiled import server
from needs import need

PATIENCE = 60  # seconds

# What a server that talks to strangers asks for.
CAREFUL = ("strict=1", "error-replies=1", "continue=1", "http10-close=1", "max-body=1000000")


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with server(*CAREFUL) as number:
        yield number


@pytest.fixture
def url(port: int) -> str:
    return f"http://127.0.0.1:{port}"


def curl(*arguments: str, input: bytes = b"") -> tuple[bytes, str]:
    """Standard output, and what --verbose says."""
    need("curl")
    command = ["curl", "--silent", "--show-error", "--verbose", "--max-time", str(PATIENCE), *arguments]
    done = subprocess.run(command, input=input, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout, done.stderr.decode()


# --- curl


def test_curl_reuses_the_connection(url: str) -> None:
    out, log = curl(f"{url}/1", f"{url}/chunked", f"{url}/later", f"{url}/204", f"{url}/2")
    assert out == b"GET /1 0\none twolate\nGET /2 0\n"
    assert log.count("Connected to") == 1
    assert log.count("Re-using existing connection") == 4


def test_curl_reads_until_close(url: str) -> None:
    out, log = curl(f"{url}/until-close", f"{url}/1")
    assert out == b"to the endGET /1 0\n"
    assert log.count("Connected to") == 2


def test_curl_with_http_1_0(url: str) -> None:
    out, log = curl("--http1.0", f"{url}/1", f"{url}/later", f"{url}/2")
    assert out == b"GET /1 0\nlate\nGET /2 0\n"
    assert log.count("Connected to") == 3


def test_curl_asks_http_1_0_to_stay(url: str) -> None:
    out, log = curl("--http1.0", "--header", "Connection: keep-alive", f"{url}/1", f"{url}/2")
    assert out == b"GET /1 0\nGET /2 0\n"
    assert log.count("Connected to") == 1


def test_curl_asks_to_close(url: str) -> None:
    for path, answer in (("/1", b"GET /1 0\n"), ("/later", b"late\n"), ("/chunked", b"one two")):
        out, log = curl("--header", "Connection: close", f"{url}{path}", f"{url}{path}")
        assert out == 2 * answer
        assert log.count("Connected to") == 2


def test_curl_head(url: str) -> None:
    out, log = curl("--head", f"{url}/1", f"{url}/2")
    assert out == 2 * b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
    assert log.count("Connected to") == 1
    assert "Excess" not in log


@pytest.mark.parametrize("size", [1, 1023, 100_000, 1_000_000])
def test_curl_uploads(url: str, size: int, tmp_path: Path) -> None:
    body = bytes(range(256)) * (size // 256 + 1)
    (tmp_path / "body").write_bytes(body[:size])
    upload = ["--upload-file", str(tmp_path / "body")]
    for options in ([], ["--header", "Transfer-Encoding: chunked"], ["--header", "Expect:"]):
        out, _ = curl(*options, *upload, f"{url}/echo")
        assert out == body[:size]


def test_curl_waits_to_be_invited(url: str) -> None:
    out, log = curl("--header", "Expect: 100-continue", "--data", "hello", f"{url}/echo")
    assert out == b"hello"
    assert re.findall("< HTTP/1.1 (...)", log) == ["100", "200"]


def test_curl_is_not_invited_when_refused(url: str) -> None:
    out, log = curl("--header", "Expect: 100-continue", "--data", "hello", f"{url}/refused")
    assert out == b"no\n"
    assert re.findall("< HTTP/1.1 (...)", log) == ["403"]


def test_curl_sees_why_it_is_refused_while_sending(url: str, tmp_path: Path) -> None:
    (tmp_path / "body").write_bytes(bytes(20_000_000))
    upload = ["--header", "Expect:", "--upload-file", str(tmp_path / "body")]
    for options in ([], ["--header", "Transfer-Encoding: chunked"]):
        out, log = curl(*options, *upload, f"{url}/echo")
        assert out == b""
        assert "< HTTP/1.1 413 Payload Too Large" in log


def test_curl_sees_what_is_wrong(url: str) -> None:
    for options, status in (
        (["--header", "Transfer-Encoding: gzip"], 501),
        (["--header", "Host: a/b"], 400),
        (["--header", "A: " + 70_000 * "a"], 431),
        (["--request-target", "/" + 70_000 * "a"], 414),
        (["--request-target", "*"], 400),
        (["--request", "G@T"], 400),
    ):
        _, log = curl(*options, f"{url}/")
        assert re.findall("< HTTP/1.1 (...)", log) == [str(status)], options
        assert "< Connection: close" in log


# --- ab


def ab(*options: str) -> str:
    """1000 requests in HTTP/1.0; the report."""
    need("ab")
    command = ["ab", "-q", "-n", "1000", "-c", "10", "-s", str(PATIENCE), *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=4 * PATIENCE)
    assert done.returncode == 0, done.stderr
    assert re.search(r"^Complete requests: +1000$", done.stdout, re.MULTILINE)
    assert re.search(r"^Failed requests: +0$", done.stdout, re.MULTILINE)
    assert "Non-2xx" not in done.stdout
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("path", ["/", "/later", "/until-close"])
def test_ab_without_keep_alive(url: str, path: str) -> None:
    """It waits for the server to close."""
    ab(url + path)


@pytest.mark.parametrize("path", ["/", "/later"])
def test_ab_with_keep_alive(url: str, path: str) -> None:
    """It waits for the server to close, unless the reply says that it does not."""
    assert re.search(r"^Keep-Alive requests: +1000$", ab("-k", url + path), re.MULTILINE)


# --- Python


def test_requests(url: str) -> None:
    with requests.Session() as session:
        for _ in range(3):
            assert session.get(f"{url}/1", timeout=PATIENCE).text == "GET /1 0\n"
            assert session.get(f"{url}/chunked", timeout=PATIENCE).text == "one two"
            assert session.get(f"{url}/until-close", timeout=PATIENCE).text == "to the end"
            assert session.head(f"{url}/1", timeout=PATIENCE).headers["Content-Length"] == "1000"
            assert session.get(f"{url}/204", timeout=PATIENCE).status_code == 204
            assert (
                session.post(f"{url}/echo", data=b"x" * 100_000, timeout=PATIENCE).content == b"x" * 100_000
            )
            pieces = (b"%d," % i for i in range(1000))
            sent = session.post(f"{url}/echo", data=pieces, timeout=PATIENCE)
            assert sent.text == "".join(f"{i}," for i in range(1000))
            assert session.post(f"{url}/echo", data=bytes(10_000_000), timeout=PATIENCE).status_code == 413


def test_httpx(url: str) -> None:
    with httpx.Client(timeout=PATIENCE, trust_env=False) as client:
        for _ in range(3):
            assert client.get(f"{url}/1").text == "GET /1 0\n"
            assert client.get(f"{url}/chunked").text == "one two"
            assert client.get(f"{url}/until-close").text == "to the end"
            assert client.head(f"{url}/1").headers["Content-Length"] == "1000"
            assert client.get(f"{url}/204").status_code == 204
            assert client.post(f"{url}/echo", content=b"x" * 100_000).content == b"x" * 100_000
            pieces = (b"%d," % i for i in range(1000))
            assert client.post(f"{url}/echo", content=pieces).text == "".join(f"{i}," for i in range(1000))


# --- Slow clients


def test_slow_clients_are_let_go_and_others_served() -> None:
    """Slow-loris: connections that are held open with a head, or a body, that never ends."""
    limits = ("head-timeout=20000", "idle-timeout=20000", "body-rate=1000000", "max-connections=100")
    with server("error-replies=1", *limits) as port:
        starts = [b"", b"GET / HTTP/1.1\r\nA: ", b"POST / HTTP/1.1\r\nContent-Length: 1000\r\n\r\n"]
        slow = [socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) for _ in range(60)]
        try:
            for number, connection in enumerate(slow):
                connection.sendall(starts[number % 3])
            assert requests.get(f"http://127.0.0.1:{port}/1", timeout=PATIENCE).text == "GET /1 0\n"
            assert requests.get(f"http://127.0.0.1:{port}/skip", timeout=PATIENCE).text == "skipped\n"
            for number, connection in enumerate(slow):
                reply = connection.recv(1000)
                assert reply[:13] == (b"" if number % 3 == 0 else b"HTTP/1.1 408 ")
        finally:
            for connection in slow:
                connection.close()
