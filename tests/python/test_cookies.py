"""set_cookie(): headers that set cookies, read back by the standard library's client."""

from __future__ import annotations

import http.cookies
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from conftest import Server

from pymongoose import MG_EV_HTTP_MSG, Connection, set_cookie


def test_one_cookie() -> None:
    assert set_cookie("a") == ("Set-Cookie", "a=")
    assert set_cookie("a", "b=c") == ("Set-Cookie", "a=b=c")
    moment = datetime(2030, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=1)))
    _, value = set_cookie(
        "__Host-id",
        "x/y+z",
        path="/",
        max_age=3600,
        expires=moment,
        secure=True,
        http_only=True,
        same_site="Strict",
    )
    assert value == (
        "__Host-id=x/y+z; Path=/; Max-Age=3600; Expires=Wed, 02 Jan 2030 02:04:05 GMT; "
        "Secure; HttpOnly; SameSite=Strict"
    )
    assert set_cookie("a", domain="b.example")[1] == "a=; Domain=b.example"
    assert set_cookie("a", max_age=0)[1] == "a=; Max-Age=0"


def test_cookies_of_a_reply() -> None:
    def handler(conn: Connection, ev: int, data: Any) -> None:
        if ev == MG_EV_HTTP_MSG:
            conn.reply(200, b"", [set_cookie("a", "1", path="/x"), set_cookie("b", "2", http_only=True)])

    with Server(handler) as server, server.connect() as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        head = client.recv(65536).decode()
    lines = [line.partition(": ")[2] for line in head.split("\r\n") if line.startswith("Set-Cookie: ")]
    parsed = http.cookies.SimpleCookie("\r\n".join(lines))
    assert {name: morsel.value for name, morsel in parsed.items()} == {"a": "1", "b": "2"}
    assert parsed["a"]["path"] == "/x"
    assert parsed["b"]["httponly"] is True


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""},
        {"name": "a b"},
        {"name": "a=b"},
        {"name": "a;b"},
        {"name": "ä"},
        {"name": "a\r\nX: y"},
        {"value": "a;b"},
        {"value": "a b"},
        {"value": "a,b"},
        {"value": 'a"b'},
        {"value": "a\\b"},
        {"value": "ä"},
        {"value": "a\r\nX: y"},
        {"value": "a\0"},
        {"value": "a\n"},
        {"path": "/a; Domain=evil.example"},
        {"path": "/a\r\n"},
        {"path": "/a\n"},
        {"path": "a"},
        {"path": ""},
        {"domain": "a.example; Secure"},
        {"domain": "a.example\r\n"},
        {"domain": "a..example"},
        {"domain": ""},
        {"expires": datetime(2030, 1, 1)},
        {"same_site": "strict"},
        {"same_site": "Lax\r\nX: y"},
        {"same_site": "None"},
        {"name": "__Secure-a"},
        {"name": "__Host-a", "secure": True},
        {"name": "__host-a", "secure": True, "path": "/", "domain": "a.example"},
    ],
    ids=str,
)
def test_what_no_cookie_can_be(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        set_cookie(**{"name": "a", "value": "b", **wrong})


@pytest.mark.parametrize(
    "wrong", [{"name": b"a"}, {"value": 5}, {"max_age": "60"}, {"max_age": True}], ids=str
)
def test_types(wrong: dict[str, Any]) -> None:
    with pytest.raises(TypeError):
        set_cookie(**{"name": "a", **wrong})
