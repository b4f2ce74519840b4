"""Rules that people report servers for not keeping: headers, lists, parameters, exceptions, targets."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import Server, read_all

from pymongoose import (
    MG_EV_HTTP_HDRS,
    MG_EV_HTTP_MSG,
    MG_EV_READ,
    MG_EV_WAKEUP,
    Connection,
    Manager,
    url_is_ssl,
    url_port,
    url_uri,
)

Answer = Callable[[Any], object]


def ask(request: bytes, answer: Answer) -> Any:
    """What answer(message) returns for a request, by way of JSON."""

    def handler(conn: Connection, ev: int, data: Any) -> None:
        if ev == MG_EV_HTTP_MSG:
            conn.reply_json(answer(data))

    with Server(handler) as server, server.connect() as client:
        client.sendall(request.replace(b" HTTP/1.1\r\n", b" HTTP/1.1\r\nConnection: close\r\n", 1))
        reply = read_all(client)
    assert reply.startswith(b"HTTP/1.1 200 "), reply
    return json.loads(reply.partition(b"\r\n\r\n")[2])


def ok(conn: Connection, ev: int, data: Any) -> None:
    if ev == MG_EV_HTTP_MSG:
        conn.reply(200)


def lines(count: int) -> bytes:
    return b"".join(b"X-H%d: v\r\n" % i for i in range(count))


# RFC 9110, section 5.1: no header gets lost; RFC 6585, section 5: too many are 431.


def test_all_headers_are_there() -> None:
    request = b"GET / HTTP/1.1\r\n" + lines(60) + b"Cookie: s=1\r\nX-Last: l\r\n\r\n"
    found = ask(
        request, lambda m: [len(m.headers()), len(m.raw_headers()), m.header("x-last"), m.cookies()["s"]]
    )
    assert found == [63, 63, "l", "1"]


@pytest.mark.parametrize(("count", "status"), [(100, b"200"), (101, b"431")])
def test_a_hundred_headers_are_enough(count: int, status: bytes) -> None:
    with Server(ok) as server, server.connect() as client:
        client.sendall(b"GET / HTTP/1.1\r\n" + lines(count) + b"\r\n")
        assert client.recv(12) == b"HTTP/1.1 " + status


def test_the_number_of_headers_is_a_setting() -> None:
    with Server(None, settings={"http_max_headers": 3}) as server, server.connect() as client:
        client.sendall(b"GET / HTTP/1.1\r\n" + lines(4) + b"\r\n")
        assert client.recv(12) == b"HTTP/1.1 431"


# RFC 9110, section 5.3: a list is one list, however many lines it spans.


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        (b"Cookie: a=1\r\nCookie: b=2\r\n", {"a": "1", "b": "2"}),
        (b"Cookie: a=1; a=2\r\nCookie: a=3\r\n", {"a": "1"}),
        (b'Cookie: x=a"b; t=T\r\n', {"x": 'a"b', "t": "T"}),  # RFC 6265, section 4.1.1
        (b'Cookie: x="a; t=T\r\n', {"x": '"a', "t": "T"}),
        (b"Cookie:  a = 1 ;b=\t2\r\n", {"a": "1", "b": "2"}),
    ],
)
def test_cookies(headers: bytes, expected: dict[str, str]) -> None:
    assert ask(b"GET / HTTP/1.1\r\n" + headers + b"\r\n", lambda m: m.cookies()) == expected


@pytest.mark.parametrize(
    "request_",
    [
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",  # RFC 9112, section 3.2
        b"GET / HTTP/1.1\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n",  # section 6.3
    ],
)
def test_what_must_be_single_is_refused(request_: bytes) -> None:
    with Server(ok) as server, server.connect() as client:
        client.sendall(request_)
        assert client.recv(12) == b"HTTP/1.1 400"


# RFC 9110, section 5.6.6: names of parameters have no case. RFC 2046, section 5.1.1; RFC 7578; RFC 8187.


@pytest.mark.parametrize(
    ("kind", "body", "name", "filename"),
    [
        (b"Multipart/Form-Data; Boundary=B", b"--B\r\nContent-Disposition: form-data; name=a", "a", None),
        (b'multipart/form-data; boundary = "B"', b"--B\r\nContent-Disposition: form-data; Name=a", "a", None),
        (b"multipart/form-data; boundary=B", b"--B \t\r\nContent-Disposition: form-data; name=a", "a", None),
        (b"multipart/form-data; boundary=B", b"x\r\n--B\r\nContent-Disposition: x; name=a", "a", None),
        (b"multipart/form-data; boundary=B", b"\r\n--B\r\nContent-Disposition: x;\r\n\tname=a", "a", None),
        (
            b"multipart/form-data; boundary=B",
            b'--B\r\nContent-Disposition: x; name="a"; filename="q\\"r.txt"',
            "a",
            'q"r.txt',
        ),
        (
            b"multipart/form-data; boundary=B",
            b"--B\r\nContent-Disposition: x; name=a; filename*=UTF-8''na%C3%AFve",
            "a",
            "naïve",
        ),
    ],
)
def test_multipart_spellings(kind: bytes, body: bytes, name: str, filename: str | None) -> None:
    body += b"\r\n\r\nD\r\n--B--\r\n"
    head = b"POST / HTTP/1.1\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n" % (kind, len(body))
    parts = ask(head + body, lambda m: [(p.name, p.filename, p.text) for p in m.multipart()])
    assert parts == [[name, filename, "D"]]
    assert ask(head + body, lambda m: dict(m.form())) == ({} if filename else {name: "D"})


def test_parameters_and_cookies_are_not_the_same() -> None:
    head = b"GET / HTTP/1.1\r\nCookie: Charset=1; charset=2\r\nContent-Type: a/b; CharSet=c\r\n\r\n"
    found = ask(head, lambda m: [m.header_var("Content-Type", "charset"), m.header_var("Cookie", "charset")])
    assert found == ["c", "2"]


# RFC 9112, section 3.2.2: every server understands a target with a host.


@pytest.mark.parametrize(
    ("target", "uri", "query"),
    [
        (b"http://o:9/s/abs?q", "/s/abs", "q"),
        (b"HTTPS://o/a", "/a", ""),
        (b"http://o", "/", ""),
        (b"http://o?x=/y", "/", "x=/y"),
        (b"/http://o/", "/http://o/", ""),
        (b"*", "*", ""),
    ],
)
def test_absolute_form(target: bytes, uri: str, query: str) -> None:
    request = b"OPTIONS " + target + b" HTTP/1.1\r\nHost: o\r\n\r\n"
    assert ask(request, lambda m: [m.uri, m.query]) == [uri, query]


# A handler always ends its exchange.


def bad_body(conn: Connection) -> None:
    wrong: Any = object()
    conn.reply(200, wrong)


def surrogate(conn: Connection) -> None:
    conn.reply(200, "\ud800")


def bad_header(conn: Connection) -> None:
    conn.reply(200, "", {"A\ud800": "b"})


def not_json(conn: Connection) -> None:
    conn.reply_json(math.nan)


def raises(conn: Connection) -> None:
    raise KeyError("x")


@pytest.mark.parametrize("mistake", [bad_body, surrogate, bad_header, not_json, raises])
def test_an_exception_is_500_and_the_next_request_is_served(mistake: Callable[[Connection], None]) -> None:
    caught: list[Exception] = []

    def handler(conn: Connection, ev: int, data: Any) -> None:
        if ev == MG_EV_HTTP_MSG and data.uri == "/next":
            conn.reply(200, "next")
            conn.drain()
        elif ev == MG_EV_HTTP_MSG:
            mistake(conn)

    with Server(handler, error_handler=caught.append) as server, server.connect() as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\nGET /next HTTP/1.1\r\nHost: x\r\n\r\n")
        reply = read_all(client)
    assert reply.startswith(b"HTTP/1.1 500 ")
    assert reply.endswith(b"next")
    assert len(caught) == 1


def test_head_gets_500_without_a_body() -> None:
    def handler(conn: Connection, ev: int, data: Any) -> None:
        if ev == MG_EV_HTTP_MSG:
            raise KeyError

    with Server(handler, error_handler=print) as server, server.connect() as client:
        client.sendall(b"HEAD / HTTP/1.1\r\nConnection: close\r\n\r\n")
        assert read_all(client).endswith(b"\r\n\r\n")


def test_an_error_within_a_reply_cuts_it() -> None:
    def handler(conn: Connection, ev: int, data: Any) -> None:
        if ev == MG_EV_HTTP_MSG:
            conn.reply(200, b"", {"Transfer-Encoding": "chunked"})
            conn.http_chunk("part")
            raise KeyError

    with Server(handler, error_handler=print) as server, server.connect() as client:
        client.sendall(b"GET / HTTP/1.1\r\n\r\n")
        reply = read_all(client)
    assert b"part" in reply
    assert b"500" not in reply
    assert not reply.endswith(b"0\r\n\r\n")


def test_an_error_at_the_head_is_the_answer() -> None:
    events = []

    def handler(conn: Connection, ev: int, data: Any) -> None:
        events.append(ev)
        if ev == MG_EV_HTTP_HDRS:
            raise KeyError

    with Server(handler, error_handler=print) as server, server.connect() as client:
        client.sendall(b"GET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n")
        reply = read_all(client)
    assert reply.startswith(b"HTTP/1.1 500 ")
    assert reply.count(b"HTTP/1.1") == 1
    assert b"Connection: close\r\n" in reply
    assert MG_EV_HTTP_MSG not in events


@pytest.mark.parametrize("later", [MG_EV_READ, MG_EV_WAKEUP])
def test_an_error_in_a_stream_that_was_taken_over_closes(later: int) -> None:
    """The handler reads the body itself: nobody else can end the exchange."""

    def handler(conn: Connection, ev: int, data: Any) -> None:
        if ev == MG_EV_HTTP_HDRS:
            conn.recv_consume()
            server.manager.wakeup(conn.id, b"now")
        elif ev == later:
            raise KeyError

    with Server(handler, error_handler=print, enable_wakeup=True) as server, server.connect() as client:
        client.sendall(b"POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\nhello")
        assert read_all(client) == b""


def test_an_error_before_a_late_reply_closes() -> None:
    def handler(conn: Connection, ev: int, data: Any) -> None:
        if ev == MG_EV_HTTP_MSG:
            server.manager.wakeup(conn.id, b"now")
        elif ev == MG_EV_WAKEUP:
            raise KeyError

    with Server(handler, error_handler=print, enable_wakeup=True) as server, server.connect() as client:
        client.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert read_all(client) == b""


def test_an_error_after_the_reply_changes_nothing() -> None:
    def handler(conn: Connection, ev: int, data: Any) -> None:
        if ev == MG_EV_HTTP_MSG:
            conn.reply(200, "fine")
            raise KeyError

    with Server(handler, error_handler=print) as server:
        assert server.get() == b"fine"


@pytest.mark.parametrize("status", [0, 99, 1000, -1])
def test_a_status_has_three_digits(status: int) -> None:
    """RFC 9110, section 15."""
    raised: list[Exception] = []

    def handler(conn: Connection, ev: int, data: Any) -> None:
        if ev == MG_EV_HTTP_MSG:
            conn.reply(status)

    with Server(handler, error_handler=raised.append) as server:
        assert server.request()[0] == 500
    assert isinstance(raised[0], ValueError)


# RFC 9110, sections 5.1 and 6.6.1; RFC 9112, section 9.6; RFC 8259, section 6.


@pytest.mark.parametrize("name", ["", "a b", "a:", "é", "a\tb", 'a"', "(a)"])
def test_header_names_are_tokens(name: str) -> None:
    raised: list[Exception] = []

    def handler(conn: Connection, ev: int, data: Any) -> None:
        if ev == MG_EV_HTTP_MSG:
            for headers in ({name: "x"}, [(name.encode(), b"x")]):
                with pytest.raises(ValueError, match="token"):
                    conn.reply(200, "", headers)
            conn.reply(200, "ok")

    with Server(handler, error_handler=raised.append) as server:
        assert server.get() == b"ok"
        assert not raised


def test_replies_say_when_and_that_the_connection_closes() -> None:
    with Server(lambda conn, ev, data: conn.reply(200, "x") if ev == MG_EV_HTTP_MSG else None) as server:
        _, headers, _ = server.request()
        assert headers["Date"].endswith(" GMT")
        assert "Connection" not in headers
        _, headers, _ = server.request(Connection="close")
        assert headers["Connection"] == "close"


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nz\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: 11\r\n\r\n", 413),
        (b"GET / HTTP/1.1\r\nA: " + b"a" * 2000 + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
        (b"GET /ws HTTP/1.1\r\n\r\n", 426),
        (b"POST /ws HTTP/1.1\r\nSec-WebSocket-Key: x\r\n\r\n", 405),
        (
            b"GET /ws HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: x\r\n\r\n",
            400,
        ),
    ],
)
def test_replies_of_the_library_say_so_too(request_: bytes, status: int) -> None:
    def handler(conn: Connection, ev: int, data: Any) -> None:
        if ev == MG_EV_HTTP_MSG:
            conn.ws_upgrade(data)

    settings = {"http_max_body": 10, "http_max_head": 1000}
    with Server(handler, settings=settings) as server, server.connect() as client:
        client.sendall(request_)
        head = read_all(client).partition(b"\r\n\r\n")[0]
    assert head.startswith(b"HTTP/1.1 %d " % status)
    assert b"\r\nDate: " in head
    assert b"\r\nConnection: close" in head


@pytest.mark.parametrize("value", ["close", "Close", "te, close"])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_reply_that_says_close_is_the_last(value: str, chunked: bool) -> None:
    """RFC 9112, section 9.6."""

    def handler(conn: Connection, ev: int, data: Any) -> None:
        if ev == MG_EV_HTTP_MSG and chunked:
            conn.reply(200, b"", {"Transfer-Encoding": "chunked", "Connection": value})
            conn.http_chunk("x")
            conn.http_chunk("")
        elif ev == MG_EV_HTTP_MSG:
            conn.reply(200, "x", {"connection": value})

    with Server(handler) as server, server.connect() as client:
        client.sendall(b"GET / HTTP/1.1\r\n\r\n" * 2)
        reply = read_all(client)
    assert reply.count(b"HTTP/1.1 200 ") == 1
    assert reply.endswith(b"x\r\n0\r\n\r\n" if chunked else b"\r\n\r\nx")


def test_a_date_of_ones_own_comes_first() -> None:
    def handler(conn: Connection, ev: int, data: Any) -> None:
        if ev == MG_EV_HTTP_MSG:
            conn.reply(200, "", {"date": "never"})

    with Server(handler) as server, server.connect() as client:
        client.sendall(b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n")
        assert read_all(client).lower().count(b"date:") == 1


@pytest.mark.parametrize("value", [math.nan, math.inf, [-math.inf]])
def test_json_has_no_nan(value: Any) -> None:
    raised: list[Exception] = []

    def handler(conn: Connection, ev: int, data: Any) -> None:
        if ev == MG_EV_HTTP_MSG:
            conn.reply_json(value)

    with Server(handler, error_handler=raised.append) as server:
        assert server.request()[0] == 500
    assert isinstance(raised[0], ValueError)


def test_json_has_one_content_type() -> None:
    def handler(conn: Connection, ev: int, data: Any) -> None:
        if ev == MG_EV_HTTP_MSG:
            conn.reply_json({}, headers=[("content-type", "x/y"), ("A", "b")])

    with Server(handler) as server, server.connect() as client:
        client.sendall(b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n")
        reply = read_all(client).lower()
    assert reply.count(b"content-type:") == 1
    assert b"application/json" in reply
    assert b"a: b" in reply


# RFC 3986, sections 3.1 and 3.3; RFC 9110, section 4.2.5.


def test_urls() -> None:
    assert url_is_ssl("HTTPS://h")
    assert url_port("Wss://h") == 443
    assert url_uri("ws://h:1?token=abc") == "/?token=abc"
    assert url_uri("http://h?x=/y#z") == "/?x=/y"


@pytest.mark.parametrize("url", ["HTTPS://127.0.0.1:{}/", "Https://127.0.0.1:{}/", "WSS://127.0.0.1:{}/"])
def test_what_is_to_be_secret_is(url: str) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as listener, Manager(error_handler=print) as manager:
        conn = manager.connect(url.format(listener.getsockname()[1]))
        conn.send(b"GET / HTTP/1.1\r\nAuthorization: Basic c2VjcmV0\r\n\r\n")
        peer, _ = listener.accept()
        peer.settimeout(0.01)
        first = b""
        for _ in range(500):
            manager.poll(10)
            try:
                first = peer.recv(1000)
                break
            except TimeoutError:
                continue
        peer.close()
    assert first[:1] == b"\x16"  # a ClientHello


# RFC 9110, sections 8.6, 13 and 14, by way of Python.


def test_files(tmp_path: Path) -> None:
    (tmp_path / "k.txt").write_bytes(b"0123456789")
    (tmp_path / "dir").mkdir()

    def handler(conn: Connection, ev: int, data: Any) -> None:
        if ev == MG_EV_HTTP_MSG:
            conn.serve_dir(data, str(tmp_path))

    with Server(handler) as server:
        status, headers, _ = server.request(path="/k.txt")
        assert status == 200
        assert headers["Accept-Ranges"] == "bytes"
        assert headers["Date"]
        tag, changed = headers["Etag"], headers["Last-Modified"]
        for conditions, expected in (
            ({"If-None-Match": f'"x", {tag}'}, 304),
            ({"If-Modified-Since": changed}, 304),
            ({"If-Match": '"x"'}, 412),
            ({"If-Unmodified-Since": "Thu, 01 Jan 1970 00:00:00 GMT"}, 412),
            ({"Range": "bytes=0-1", "If-Range": changed}, 206),
            ({"Range": "bytes=0-1,5-6"}, 206),
            ({"Range": "bytes=5-4"}, 200),
            ({"Range": "bytes=99-"}, 416),
        ):
            status, headers, _ = server.request("GET", "/k.txt", None, **conditions)
            assert status == expected, conditions
            assert status != 304 or "Content-Length" not in headers
        status, headers, _ = server.request(path="/dir?x=1&y=2")
        assert (status, headers["Location"]) == (301, "/dir/?x=1&y=2")
