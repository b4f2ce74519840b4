"""The examples of docs/reference/python/http.md do what the page says.

test_guides.py runs all of its blocks.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import Server

import pymongoose

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "python" / "http.md"
BLOCKS = re.findall(r"^```python\n(.*?)^```$", GUIDE.read_text(), re.MULTILINE | re.DOTALL)


def handler_of(mark: str) -> Callable[..., object]:
    """The handler of the one block that has this text."""
    (block,) = (block for block in BLOCKS if mark in block)
    names: dict[str, Any] = {name: getattr(pymongoose, name) for name in pymongoose.__all__}
    exec(compile(block.partition("\nwith Manager")[0], "<block>", "exec"), names)
    handler: Callable[..., object] = names["handler"]
    return handler


def test_a_form() -> None:
    with Server(handler_of("data.form()")) as server:
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        assert server.request("POST", "/", b"name=Ann&tag=x&tag=y", **kind)[2] == b"Ann: x, y\n"
        assert server.request("POST", "/", b"a&" * 1001, **kind)[0] == 400


def test_files_of_a_form() -> None:
    head = b'Content-Disposition: form-data; name="f"; filename="a.png"\r\nContent-Type: image/png'
    body = b"--b\r\n%s\r\n\r\n1234\r\n--b--\r\n" % head
    with Server(handler_of("data.multipart()")) as server:
        kind = {"Content-Type": "multipart/form-data; boundary=b"}
        assert server.request("POST", "/", body, **kind)[2] == b"f: a.png, image/png, 4 bytes\n"


def test_a_session() -> None:
    with Server(handler_of("data.credentials()")) as server:
        status, headers, _ = server.request()
        assert (status, headers["WWW-Authenticate"]) == (401, 'Basic realm="demo"')
        secret = "Basic " + base64.b64encode(b"ann:secret").decode()
        _, headers, body = server.request(Authorization=secret)
        assert body == b"Welcome\n"
        cookie = headers["Set-Cookie"].partition(";")[0]
        assert server.request(Cookie=cookie)[2] == b"Hello again, ann\n"


def test_options_for_browsers() -> None:
    with Server(handler_of("WebOptions(")) as server:
        _, headers, body = server.request(Origin="https://app.example")
        assert (body, headers["Content-Type"]) == (b"{}", "application/json")
        assert headers["Access-Control-Allow-Origin"] == "https://app.example"


def test_an_upload(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with Server(handler_of("start_upload")) as server:
        assert server.request("PUT", "/name", b"content")[2] == b"stored\n"
        assert server.request("PUT", "/../name", b"content")[:1] == (400,)
    assert (tmp_path / "name").read_bytes() == b"content"


def test_a_body_by_hand() -> None:
    body = b"x" * 5_000_000
    with Server(handler_of("class Body")) as server:
        assert server.request("POST", "/", body)[2].decode() == hashlib.sha256(body).hexdigest()


def test_events() -> None:
    with Server(handler_of("sse_start")) as server, server.connect() as client:
        client.sendall(b"GET /events HTTP/1.1\r\nHost: a\r\nLast-Event-ID: 6\r\n\r\n")
        data = b""
        while not data.endswith(b"\n\n\r\n") or b"data" not in data:
            data += client.recv(65536) or pytest.fail("the server closed the connection")
        assert b"retry: 2000\n\n" in data
        assert b"event: hello\nid: 7\ndata: line 1\ndata: line 2\n\n" in data
