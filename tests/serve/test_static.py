"""--static: files of a folder, before the application."""

from __future__ import annotations

import http.client
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from serving import DEADLINE, Serving, run

LONG = bytes(range(256)) * 20_000


@pytest.fixture(scope="module", params=["asgi", "wsgi"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    root = tmp_path_factory.mktemp("static")
    (root / "dist" / "deep").mkdir(parents=True)
    (root / "dist" / "a.js").write_text("one")
    (root / "dist" / "a b.txt").write_text("space")
    (root / "dist" / ".hidden").write_text("hidden")
    (root / "dist" / "deep" / "index.html").write_text("index")
    (root / "dist" / "long").write_bytes(LONG)
    (root / "dist" / "out").symlink_to(root / "secret")
    (root / "secret").write_text("secret")
    (root / "deeper").mkdir()
    (root / "deeper" / "b.js").write_text("two")
    mounts = ["--static", "/assets=dist", "--static", "/assets/deeper=deeper"]
    options = ["--app-dir", str(Path(__file__).parent), "--header", "X-One: 1", "--root-path", "/api"]
    with Serving(f"apps:{request.param}", *mounts, *options, cwd=root) as serving:
        serving.ready()
        yield serving


@pytest.mark.parametrize(
    ("path", "status", "body"),
    [
        ("/assets/a.js", 200, "one"),
        ("/assets/%61.js?v=1", 200, "one"),
        ("/assets/a%20b.txt", 200, "space"),
        ("/assets/deep/", 200, "index"),
        ("/assets/deeper/b.js", 200, "two"),
        ("/assets/none", 404, None),
        ("/assets/deeper/a.js", 404, None),
        ("/assets/", 404, None),
        ("/assets/.hidden", 404, None),
        ("/assets/out", 404, None),
        ("/assets/../secret", 400, None),
        ("/assets/%2e%2e/secret", 400, None),
        ("/assets/..%2fsecret", 400, None),
        ("/assets/a.js%00", 400, None),
    ],
)
def test_paths(server: Serving, path: str, status: int, body: str | None) -> None:
    found, headers, text = server.get(path)
    assert found == status
    assert "secret" not in text
    assert "hidden" not in text
    if body is not None:
        assert text == body
        assert headers["X-One"] == "1"


@pytest.mark.parametrize("path", ["/assetsx", "/Assets/a.js", "/other/assets/a.js", "/"])
def test_other_paths_are_the_applications(server: Serving, path: str) -> None:
    assert '"root_path": "/api"' in server.get(path)[2]


def test_types_tags_and_ranges(server: Serving) -> None:
    _, headers, _ = server.get("/assets/a.js")
    assert "javascript" in headers["Content-Type"]
    assert server.get("/assets/a.js", If_None_Match=headers["Etag"])[0] == 304
    status, headers, body = server.get("/assets/a.js", Range="bytes=1-")
    assert (status, body, headers["Content-Range"]) == (206, "ne", "bytes 1-2/3")
    assert server.get("/assets/deep")[0] == 301


def test_methods(server: Serving) -> None:
    client = server.connect()
    client.request("HEAD", "/assets/a.js")
    response = client.getresponse()
    assert (response.status, response.headers["Content-Length"], response.read()) == (200, "3", b"")
    for body in (b"", b"x" * 300_000, iter([b"x"] * 10)):
        client.request("POST", "/assets/a.js", body)
        response = client.getresponse()
        assert (response.status, response.headers["Allow"]) == (405, "GET, HEAD")
        response.read()


def test_a_long_file_between_requests_of_the_application(server: Serving) -> None:
    client = server.connect()
    for path in ("/", "/assets/long", "/", "/assets/long"):
        client.request("GET", path)
        response = client.getresponse()
        assert response.status == 200
        body = response.read()
        assert path == "/" or body == LONG


@pytest.mark.parametrize("kind", ["asgi", "wsgi"])
def test_a_file_that_is_being_sent_ends_before_the_server(kind: str, tmp_path: Path) -> None:
    with open(tmp_path / "long", "wb") as file:
        file.truncate(40 << 20)  # more than sockets keep
    with Serving(f"apps:{kind}", "--static", f"/a={tmp_path}") as server:
        server.ready()
        with socket.create_connection(("127.0.0.1", server.port), DEADLINE) as sock:
            sock.sendall(b"GET /a/long HTTP/1.1\r\nHost: x\r\n\r\n")
            response = http.client.HTTPResponse(sock)
            response.begin()
            server.signal(signal.SIGTERM)
            server.wait_for("stopping")
            assert len(response.read()) == 40 << 20
            assert sock.recv(1) == b""  # closed at once, not kept for another request
            assert server.end() == 0


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        ("/a", "expected /PATH=FOLDER"),
        ("a=.", "expected /PATH=FOLDER"),
        ("/=.", "expected /PATH=FOLDER"),
        ("/a/=.", "no slash at its end"),
        ("/a/../b=.", "no empty part"),
        ("/a=/nowhere", "is not a folder"),
    ],
)
def test_mistakes(value: str, complaint: str) -> None:
    done = run("apps:asgi", "--port", "0", "--static", value)
    assert done.returncode == 2
    assert complaint in done.stderr
