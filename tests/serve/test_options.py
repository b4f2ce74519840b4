"""Each option has an effect that is seen from outside, or is refused in a line."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
from pathlib import Path
from typing import Any

import pytest
from serving import Serving, run, until

from pymongoose.serve.options import OPTIONS

MISTAKES = [
    (["x:y", "--url", "https://127.0.0.1:0"], "needs a certificate"),
    (["x:y", "--ssl-keyfile", "k"], "needs --ssl-certfile"),
    (["x:y", "--ssl-certfile", "/nowhere"], "cannot read /nowhere: No such file"),
    (["x:y", "--workers", "0"], "--workers 0"),
    (["x:y", "--bind", "nonsense"], "expected HOST:PORT"),
    (["x:y", "--bind", "127.0.0.1:99999"], "from 0 to 65535"),
    (["x:y", "--fd", "99"], "fd://99"),
    (["x:y", "--set", "nothing=1"], "no setting 'nothing'"),
    (["x:y", "--header", "nonsense"], "expected NAME:VALUE"),
    (["x:y", "--root-path", "api"], "must begin with /"),
    (["x:y", "--forwarded-allow-ips", "here"], "no address"),
    (["x:y", "--access-log-format", "%(nothing)s"], "no field"),
    (["x:y", "--env-file", "/nowhere"], "No such file"),
    (["x:y", "--config", "/nowhere"], "cannot read /nowhere"),
    (["x:y", "--app-dir", "/nowhere"], "is not a folder"),
    (["x:y", "--uds-mode", "999", "--uds", "s"], "octal mode"),
    (["nowhere:app"], "no module named 'nowhere'"),
    (["apps:nothing"], "has no attribute 'nothing'"),
    (["apps:asgi", "--bind", "192.0.2.1:0"], "Cannot assign requested address"),
    ([], "nothing to serve"),
]


@pytest.mark.parametrize(("arguments", "message"), MISTAKES)
def test_mistakes_are_told_in_a_line(arguments: list[str], message: str) -> None:
    done = run(*arguments, *([] if "--bind" in arguments or "--url" in arguments else ["--port", "0"]))
    assert done.returncode in (2, 3)
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert len([line for line in done.stderr.splitlines() if " INFO " not in line]) <= 2


def test_a_port_in_use_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = run("apps:asgi", "--port", str(taken.getsockname()[1]))
    assert "Address already in use" in done.stderr
    assert "Traceback" not in done.stderr


def test_all_options_are_in_the_help_and_in_the_page() -> None:
    text = run("--help").stdout
    page = (Path(__file__).parents[2] / "docs" / "reference" / "python" / "serve.md").read_text()
    for option in OPTIONS:
        flag = option.flags[0].partition("/")[0]
        assert flag in text
        assert f"`{flag}`" in page


def test_environment_file_and_command_line(tmp_path: Path) -> None:
    (tmp_path / "pymongoose.toml").write_text('target = "x:y"\nworkers = 3\nthreads = 5\nbacklog = 7\n')
    done = run("--threads", "9", "--show-config", cwd=tmp_path, PYMONGOOSE_WORKERS="4")
    assert re.search(r"^target +x:y", done.stdout, re.M)
    assert re.search(r"^workers +4 +\(environment\)", done.stdout, re.M)
    assert re.search(r"^threads +9 +\(command line\)", done.stdout, re.M)
    assert re.search(r"^backlog +7 +\(file\)", done.stdout, re.M)
    (tmp_path / "pymongoose.toml").write_text("nothing = 1\n")
    assert "no option 'nothing'" in run("x:y", cwd=tmp_path).stderr


def facts(server: Serving, path: str = "/", **headers: str) -> dict[str, Any]:
    body = server.get(path, **headers)[2]
    found: dict[str, Any] = json.loads(body)
    return found


@pytest.mark.parametrize("kind", ["asgi", "wsgi"])
def test_proxies_headers_and_lines_of_the_log(kind: str, tmp_path: Path) -> None:
    env, log = tmp_path / "env", tmp_path / "access.log"
    env.write_text("# names\nNAME='a b'\n")
    arguments = ["--header", "X-One: 1", "--env-file", str(env), "--access-logfile", str(log)]
    with Serving(f"apps:{kind}", *arguments, "--access-log-format", "json", "--no-server-header") as server:
        server.ready()
        _, headers, _ = server.get()
        assert headers["X-One"] == "1"
        assert "Date" in headers
        assert "Server" not in headers
        found = facts(server, "/p?q", X_Forwarded_For="1.2.3.4, 127.0.0.1", X_Forwarded_Proto="https")
        assert (found["client"], found["scheme"], found["name"]) == ("1.2.3.4", "https", "a b")
        until(lambda: log.read_text().count("\n") == 2)
        line = json.loads(log.read_text().splitlines()[1])
        assert (line["path"], line["query"], line["status"], line["client"]) == ("/p", "q", 200, "1.2.3.4")
        os.rename(log, tmp_path / "old.log")
        server.signal(signal.SIGUSR1)
        until(log.exists)


def test_strangers_are_not_believed() -> None:
    with Serving("apps:asgi", "--forwarded-allow-ips", "10.0.0.0/8", "--no-date-header") as server:
        server.ready()
        assert facts(server, X_Forwarded_For="1.2.3.4")["client"] == "127.0.0.1"
        assert "Date" not in server.get()[1]


@pytest.mark.parametrize(("kind", "path"), [("asgi", "/api/x"), ("wsgi", "/x")])
def test_root_path(kind: str, path: str) -> None:
    with Serving(f"apps:{kind}", "--root-path", "/api") as server:
        server.ready()
        found = facts(server, "/x")
        assert (found["root_path"], found["path"]) == ("/api", path)


def test_factory_and_requests_until_a_worker_is_replaced() -> None:
    with Serving("apps:make", "--factory", "--limit-max-requests", "1") as server:
        (first,) = server.ready()
        assert facts(server)["pid"] == first
        server.ready(2)
        assert facts(server)["pid"] != first


def test_unix_socket_with_mode(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with Serving("apps:asgi", "--uds", str(path), "--uds-mode", "600", port=False) as server:
        server.ready()
        assert path.stat().st_mode & 0o777 == 0o600
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))
            client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert client.recv(100).startswith(b"HTTP/1.1 200")
        server.signal(signal.SIGTERM)
        assert server.end() == 0
    assert not path.exists()


def test_folder(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("hello")
    with Serving(str(tmp_path)) as server:
        server.ready()
        assert server.get("/a.txt")[2] == "hello"
        assert server.get("/b.txt")[0] == 404
