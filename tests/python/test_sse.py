"""Server-sent events: what a browser sees of a stream."""

from __future__ import annotations

import http.client
from typing import Any

import pytest
from conftest import Server, read_all

from pymongoose import MG_EV_HTTP_MSG, Connection, Manager


def stream(send: Any) -> tuple[http.client.HTTPMessage, str]:
    """Headers and body of the response that send(conn) makes."""

    def handler(conn: Connection, ev: int, data: Any) -> None:
        if ev == MG_EV_HTTP_MSG and data.uri == "/stream":
            send(conn)
            conn.http_chunk(b"")
        elif ev == MG_EV_HTTP_MSG:
            conn.reply(200, b"next")

    with Server(handler) as server:
        client = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        client.request("GET", "/stream")
        response = client.getresponse()
        body = response.read().decode()
        assert response.status == 200
        client.request("GET", "/")  # The stream has an end, and the connection stays open.
        assert client.getresponse().read() == b"next"
        client.close()
        return response.headers, body


def test_a_stream() -> None:
    def send(conn: Connection) -> None:
        conn.sse_start()
        conn.http_sse("greeting", "hello")
        conn.http_sse("lines", "a\nb\r\nc\rd", id="7", retry=50)
        conn.http_sse("last", "", id="")
        conn.sse_comment()
        conn.sse_comment("still\nhere")

    headers, body = stream(send)
    assert headers["Content-Type"] == "text/event-stream"
    assert headers["Cache-Control"] == "no-store"
    assert headers["Transfer-Encoding"] == "chunked"
    assert headers["Content-Length"] is None
    assert body == (
        "event: greeting\ndata: hello\n\n"
        "event: lines\nid: 7\nretry: 50\ndata: a\ndata: b\ndata: c\ndata: d\n\n"
        "event: last\nid: \ndata: \n\n"
        ": \n\n"
        ": still\n: here\n\n"
    )


@pytest.mark.parametrize("extra", [{"X-A": "b"}, [("X-A", "b")]])
def test_the_start_has_more_headers_and_a_retry(extra: Any) -> None:
    headers, body = stream(lambda conn: conn.sse_start(extra, retry=3000))
    assert headers["X-A"] == "b"
    assert headers["Content-Type"] == "text/event-stream"
    assert body == "retry: 3000\n\n"


def test_a_given_header_takes_the_place_of_the_usual_one() -> None:
    headers, _ = stream(lambda conn: conn.sse_start({"cache-control": "no-cache"}))
    assert headers.get_all("Cache-Control") == ["no-cache"]
    assert headers.get_all("Content-Type") == ["text/event-stream"]


def test_what_would_break_the_stream_is_refused() -> None:
    def send(conn: Connection) -> None:
        conn.sse_start()
        for text in ("a\nb", "a\rb", "a\0b"):
            with pytest.raises(ValueError, match="CR, LF or NUL"):
                conn.http_sse(text, "data")
            with pytest.raises(ValueError, match="CR, LF or NUL"):
                conn.http_sse("type", "data", id=text)
        with pytest.raises(ValueError, match="negative"):
            conn.http_sse("type", "data", retry=-1)
        for wrong in ("5", 5.0, True):
            with pytest.raises(TypeError, match="retry"):
                conn.http_sse("type", "data", retry=wrong)  # type: ignore[arg-type]
        conn.http_sse("type", "data")

    assert stream(send)[1] == "event: type\ndata: data\n\n"


@pytest.mark.parametrize("wrong", [5, None, b"x"])
def test_texts_are_str(manager: Manager, wrong: Any) -> None:
    conn = manager.connect("tcp://127.0.0.1:1")
    for arguments in (("a", wrong), (wrong, "a")):
        with pytest.raises(TypeError, match="must be str"):
            conn.http_sse(*arguments)
    with pytest.raises(TypeError, match="must be str"):
        conn.sse_comment(wrong)


def test_head_has_no_events() -> None:
    def handler(conn: Connection, ev: int, data: Any) -> None:
        if ev == MG_EV_HTTP_MSG and data.method == "HEAD":
            conn.sse_start(retry=5)
            conn.http_sse("a", "b")
            conn.http_chunk("")
        elif ev == MG_EV_HTTP_MSG:
            conn.reply(200, b"next")

    with Server(handler) as server, server.connect() as client:
        client.sendall(b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n")
        client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        data = read_all(client)
    assert data.count(b"HTTP/1.1 200 OK") == 2
    assert data.partition(b"\r\n\r\n")[2].startswith(b"HTTP/1.1 200 OK")


def test_a_stream_ends_with_the_connection() -> None:
    conns: list[Connection] = []

    def handler(conn: Connection, ev: int, data: Any) -> None:
        if ev == MG_EV_HTTP_MSG:
            conn.sse_start()
            conns.append(conn)

    with Server(handler) as server, server.connect() as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        data = client.recv(65536)
        assert data.endswith(b"\r\n\r\n")
        conns[0].http_sse("tick", "1")  # From this thread.
        assert client.recv(65536) == b"15\r\nevent: tick\ndata: 1\n\n\r\n"
        conns[0].close()
        with pytest.raises(RuntimeError, match="closed"):
            conns[0].sse_comment()
