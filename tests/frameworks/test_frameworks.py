"""Each framework runs on the servers: a request, a body, and what it is known for."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile

import pytest

import loopback

pytestmark = pytest.mark.slow

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
VENV = ROOT / "target" / "frameworks-venv"
PYTHON = VENV / "bin" / "python"
# The package under test is that of the tests; its own dependencies come last, after those of frameworks.
SITE = next(path for path in sys.path if (Path(path) / "pymongoose").is_dir())
START = f"import sys; sys.path[:0] = [{str(HERE)!r}]; sys.path.append({SITE!r})\n"
START += "from pymongoose._command import main; main(sys.argv[1], sys.argv[2:])"
DEADLINE = 60.0

ASGI = (
    "starlette fastapi django_asgi channels quart litestar blacksheep falcon_asgi sse_starlette socketio"
).split()
WSGI = "django_wsgi falcon_wsgi flask bottle pyramid".split()
SAYS = {"channels": "django", "socketio": "starlette"}


@pytest.fixture(scope="module")
def frameworks() -> None:
    """Installs them once."""
    requirements = HERE / "requirements.txt"
    stamp = VENV / "installed.txt"
    if stamp.exists() and stamp.read_text() == requirements.read_text():
        return
    venv.create(VENV, with_pip=True)
    pip = [
        str(PYTHON),
        "-m",
        "pip",
        "--retries",
        "10",
        "install",
        "-q",
        "--disable-pip-version-check",
        "cffi",
    ]
    done = subprocess.run([*pip, "-r", str(requirements)], capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"the frameworks cannot be installed: {done.stderr[-300:]}")
    stamp.write_text(requirements.read_text())


@contextmanager
def running(kind: str, app: str, *options: str) -> Iterator[int]:
    """A server of one application, in a process of its own; yields its port."""
    port = loopback.free_port()
    command = [str(PYTHON), "-c", START, kind, f"apps:{app}", "--url", f"http://127.0.0.1:{port}", *options]
    with TemporaryFile() as said:
        with loopback.running(command, stdout=subprocess.DEVNULL, stderr=said) as process:
            try:
                loopback.wait_for(process, port)
            except RuntimeError as error:
                said.seek(0)
                raise AssertionError(said.read().decode()) from error
            yield port
        said.seek(0)
        err = said.read().decode()
    assert "Traceback" not in err, err


def ask(
    port: int, method: str, path: str, body: bytes | None = None, **headers: str
) -> tuple[int, str, bytes]:
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE)
    client.request(method, path, body, headers)
    response = client.getresponse()
    result = response.status, response.headers.as_string(), response.read()
    client.close()
    return result


def check(app: str, port: int) -> None:
    name = SAYS.get(app, app.partition("_")[0] if app != "sse_starlette" else app)
    assert ask(port, "GET", "/hello")[::2] == (200, f"hello {name}".encode())
    for body in (b"", b"small", b"large" * 50_000):
        assert ask(port, "POST", "/echo", body)[::2] == (200, body)
    assert ask(port, "GET", "/missing")[0] == 404


def websocket(port: int) -> str:
    """What the application says to "hi"."""
    from websockets.sync.client import connect

    with connect(f"ws://127.0.0.1:{port}/ws", open_timeout=DEADLINE, proxy=None) as ws:
        ws.send("hi")
        return str(ws.recv(timeout=DEADLINE))


@pytest.mark.usefixtures("frameworks")
@pytest.mark.parametrize("app", ASGI)
def test_asgi(app: str) -> None:
    with running("asgi", app) as port:
        check(app, port)
        if app in ("starlette", "fastapi", "channels", "quart"):
            assert websocket(port) == "you said hi"
        if app == "starlette":
            assert ask(port, "GET", "/stream")[2] == b"piece " * 3
            assert ask(port, "GET", "/file")[2] == (HERE / "apps.py").read_bytes()
            assert "x-middleware: yes" in ask(port, "GET", "/hello")[1]
        if app == "fastapi":
            form = b'--b\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\nabc\r\n--b--\r\n'
            kind = {"Content-Type": "multipart/form-data; boundary=b"}
            assert json.loads(ask(port, "POST", "/upload", form, **kind)[2]) == {"name": "f", "size": 3}
        if app == "sse_starlette":
            assert ask(port, "GET", "/events")[2].count(b"data: event ") == 3
        if app == "socketio":
            status, _, body = ask(port, "GET", "/socket.io/?EIO=4&transport=polling")
            assert (status, body[:1]) == (200, b"0")


@pytest.mark.usefixtures("frameworks")
def test_the_example_of_the_tutorial() -> None:
    with running("asgi", "fastapi_example") as port:
        kind = {"Content-Type": "application/json"}
        assert ask(port, "PUT", "/items/7", b'{"name": "bolt", "price": 0.5}', **kind)[0] == 201
        assert json.loads(ask(port, "GET", "/items/7")[2]) == {"name": "bolt", "price": 0.5}
        assert ask(port, "GET", "/items/8")[0] == 404
        assert ask(port, "PUT", "/items/9", b'{"name": "bolt"}', **kind)[0] == 422


@pytest.mark.usefixtures("frameworks")
@pytest.mark.parametrize("threads", ["1", "4"])
@pytest.mark.parametrize("app", WSGI)
def test_wsgi(app: str, threads: str) -> None:
    with running("wsgi", app, "--threads", threads) as port:
        check(app, port)
        if app == "flask":
            assert ask(port, "GET", "/stream?word=a")[2] == b"a a a "


@pytest.mark.usefixtures("frameworks")
def test_mcp() -> None:
    headers = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}

    def call(port: int, method: str, **params: object) -> dict[str, object]:
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
        status, _, answer = ask(port, "POST", "/mcp", body, **headers)
        assert status == 200, answer
        result: dict[str, object] = json.loads(answer)["result"]
        return result

    with running("asgi", "mcp") as port:
        client = {"name": "test", "version": "1"}
        call(port, "initialize", protocolVersion="2025-03-26", capabilities={}, clientInfo=client)
        assert "5" in json.dumps(call(port, "tools/call", name="add", arguments={"a": 2, "b": 3}))
