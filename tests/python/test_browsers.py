"""WebOptions: CORS, security headers, compressed files and lifetimes, for files and for replies."""

from __future__ import annotations

import copy
import gzip
import threading
from pathlib import Path
from typing import Any

import pytest
from conftest import DEADLINE, Server, read_response

from pymongoose import MG_EV_HTTP_MSG, Connection, HttpMessage, WebOptions

ORIGIN = "https://app.example"
OPTIONS = WebOptions(
    cors_origins=[ORIGIN, "https://b.example:8443"],
    cors_methods=["PUT", "DELETE"],
    cors_headers=["X-Token"],
    cors_max_age=600,
    cors_credentials=True,
    security=True,
    precompressed=True,
    content_policy="default-src 'self'",
    lifetimes={"/assets/#": 31_536_000, "#.html": 0},
    beneath=True,
    no_listing=True,
    no_dot_files=True,
)


def serving(root: Path, web: WebOptions | None = OPTIONS) -> Server:
    def handler(conn: Connection, ev: int, data: Any) -> None:
        if ev == MG_EV_HTTP_MSG:
            conn.serve_dir(data, str(root), web=web)

    return Server(handler)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / "app.js").write_text("let a = 1")
    (tmp_path / "assets" / "app.js.br").write_bytes(b"as if by brotli")
    (tmp_path / "assets" / "app.js.gz").write_bytes(gzip.compress(b"let a = 1"))
    (tmp_path / "page.html").write_text("<p>Hello")
    (tmp_path / ".hidden").write_text("secret")
    (tmp_path / "out").symlink_to("/etc/hostname")
    return tmp_path


def test_files(root: Path) -> None:
    with serving(root) as server:
        status, headers, body = server.request(path="/page.html", Origin=ORIGIN)
        assert (status, body) == (200, b"<p>Hello")
        assert headers["Access-Control-Allow-Origin"] == ORIGIN
        assert headers["Access-Control-Allow-Credentials"] == "true"
        assert headers["Vary"] == "Accept-Encoding, Origin"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Content-Security-Policy"] == "default-src 'self'"
        assert headers["Cache-Control"] == "no-cache"
        assert "Strict-Transport-Security" not in headers
        _, headers, _ = server.request(path="/page.html", Origin="https://evil.example")
        assert "Access-Control-Allow-Origin" not in headers
        for path in ("/", "/assets/", "/.hidden", "/out"):
            assert server.request(path=path)[0] == 404, path


def test_compressed_files(root: Path) -> None:
    with serving(root) as server:
        for accepted, coding, content in (
            ("br, gzip", "br", b"as if by brotli"),
            ("gzip", "gzip", gzip.compress(b"let a = 1")),
            ("identity", None, b"let a = 1"),
        ):
            _, headers, body = server.request("GET", "/assets/app.js", None, **{"Accept-Encoding": accepted})
            assert headers.get("Content-Encoding") == coding
            assert len(body) == len(content)
            assert headers["Cache-Control"] == "public, max-age=31536000, immutable"
            assert headers["Vary"] == "Accept-Encoding, Origin"


def test_files_without_options(root: Path) -> None:
    with serving(root, None) as server:
        _, headers, _ = server.request(path="/page.html", Origin=ORIGIN)
        assert not {"Access-Control-Allow-Origin", "Cache-Control", "X-Frame-Options"} & set(headers)
        assert server.get("/.hidden") == b"secret"


def test_one_file(root: Path) -> None:
    def handler(conn: Connection, ev: int, data: Any) -> None:
        if ev == MG_EV_HTTP_MSG:
            conn.serve_file(data, str(root / "page.html"), "X-A: b\r\n", web=WebOptions(cors_origins="*"))

    with Server(handler) as server:
        status, headers, body = server.request(path="/any", Origin=ORIGIN)
        assert (status, body) == (200, b"<p>Hello")
        assert (headers["Access-Control-Allow-Origin"], headers["X-A"]) == ("*", "b")


def test_preflight_of_files(root: Path) -> None:
    with serving(root) as server:
        asked = {"Origin": ORIGIN, "Access-Control-Request-Method": "PUT"}
        status, headers, body = server.request("OPTIONS", "/page.html", None, **asked)
        assert (status, body) == (204, b"")
        assert headers["Access-Control-Allow-Methods"] == "GET, HEAD, POST, PUT, DELETE"
        assert headers["Access-Control-Allow-Headers"] == "X-Token"
        assert headers["Access-Control-Max-Age"] == "600"


def own_replies(conn: Connection, ev: int, data: Any) -> None:
    if ev == MG_EV_HTTP_MSG and not OPTIONS.preflight(conn, data):
        conn.reply(200, b"mine", OPTIONS.headers(conn, data))


def test_replies_of_a_handler() -> None:
    with Server(own_replies) as server:
        _, headers, body = server.request(Origin=ORIGIN)
        assert body == b"mine"
        assert headers["Access-Control-Allow-Origin"] == ORIGIN
        assert headers["Vary"] == "Accept-Encoding, Origin"
        assert headers["X-Frame-Options"] == "SAMEORIGIN"
        assert headers["Content-Type"] == "text/plain"
        status, headers, _ = server.request(
            "OPTIONS", "/", None, Origin=ORIGIN, **{"Access-Control-Request-Method": "DELETE"}
        )
        assert (status, headers["Access-Control-Allow-Origin"]) == (204, ORIGIN)
        assert server.request("OPTIONS")[2] == b"mine"  # Not a preflight.


def test_an_origin_longer_than_any_buffer_is_said_back() -> None:
    origin = "https://" + "a" * 5000
    web = WebOptions(cors_origins=origin)

    def handler(conn: Connection, ev: int, data: Any) -> None:
        if ev == MG_EV_HTTP_MSG:
            conn.reply(200, b"", web.headers(conn, data))

    with Server(handler) as server:
        assert server.request(Origin=origin)[1]["Access-Control-Allow-Origin"] == origin


@pytest.mark.parametrize(
    "wrong",
    [
        {"cors_origins": "https://a\r\nX: y"},
        {"cors_origins": ["https://a", "https://b,*"]},
        {"cors_origins": "a.example"},
        {"cors_origins": "https://a.example/path"},
        {"cors_origins": "https://A.example"},
        {"cors_origins": ""},
        {"cors_origins": "*", "cors_credentials": True},
        {"cors_methods": ["PUT\r\nX: y"]},
        {"cors_methods": ["PUT, PATCH"]},
        {"cors_headers": ["X-A: b"]},
        {"cors_headers": [""]},
        {"cors_max_age": -1},
        {"cors_max_age": 1 << 40},
        {"content_policy": "default-src *\r\nX: y"},
        {"content_policy": "default-src\0"},
        {"lifetimes": {"#": -1}},
        {"lifetimes": {"#": "60"}},
        {"lifetimes": {"/a,/b": 60}},
        {"lifetimes": {"": 60}},
        {"lifetimes": {"/a\n": 60}},
    ],
    ids=str,
)
def test_wrong_options(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        WebOptions(**wrong)


def test_options_are_values() -> None:
    assert WebOptions(cors_methods=["PUT"]) == WebOptions(cors_methods=("PUT",))
    assert WebOptions(lifetimes={"#": 1}) == WebOptions(lifetimes=[("#", 1)])
    assert WebOptions(cors_origins=ORIGIN) == WebOptions(cors_origins=[ORIGIN])
    assert copy.deepcopy(OPTIONS) == OPTIONS
    assert hash(copy.copy(OPTIONS)) == hash(OPTIONS)
    with pytest.raises(AttributeError):
        OPTIONS.security = False  # type: ignore[misc]
    for text in ("PUT", "X-Token"):
        with pytest.raises(TypeError):
            WebOptions(cors_methods=text)
        with pytest.raises(TypeError):
            WebOptions(cors_headers=text)


def test_messages_of_other_events_are_refused() -> None:
    kept: list[tuple[Connection, HttpMessage]] = []

    def handler(conn: Connection, ev: int, data: Any) -> None:
        if ev == MG_EV_HTTP_MSG:
            kept.append((conn, data))
            conn.reply(200)

    with Server(handler) as server:
        server.get()
        ((conn, message),) = kept
        for method in (OPTIONS.headers, OPTIONS.preflight):
            with pytest.raises(ValueError, match="not valid for this event"):
                method(conn, message)
        with pytest.raises(TypeError, match="web must be WebOptions"):
            conn.serve_dir(message, ".", web={})  # type: ignore[arg-type]


def test_a_thread_that_waited_for_the_lock_finds_the_event_over(root: Path) -> None:
    """It asked while the event was running, and gets the lock when the handler has returned."""
    outcomes: list[BaseException] = []
    threads: list[threading.Thread] = []

    def serve(conn: Connection, message: HttpMessage) -> None:
        try:
            conn.serve_dir(message, str(root))
        except (ValueError, RuntimeError) as e:
            outcomes.append(e)

    def handler(conn: Connection, ev: int, data: Any) -> None:
        if ev == MG_EV_HTTP_MSG:
            thread = threading.Thread(target=serve, args=(conn, data))
            threads.append(thread)
            thread.start()
            thread.join(0.05)  # It cannot end: this thread has the lock.
            conn.reply(200, b"first")

    with Server(handler) as server, server.connect() as client:
        client.sendall(b"GET /page.html HTTP/1.1\r\nHost: a\r\n\r\n")
        assert read_response(client).endswith(b"\r\n\r\nfirst")
        threads[0].join(DEADLINE)
    assert [type(outcome) for outcome in outcomes] == [ValueError]
