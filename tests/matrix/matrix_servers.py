"""The servers that are compared, each on a Unix socket of its own: ports can be taken, paths cannot."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import loopback

HERE = Path(__file__).parent
PYTHON = sys.executable
NOWHERE = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
PATIENCE = 120.0  # seconds until a server that does not listen is given up

OURS = {
    "asgi": {"ours": [PYTHON, "-m", "pymongoose", "serve", "matrix_answers:asgi", "--uds", "PATH"]},
    "wsgi": {
        "ours": [PYTHON, "-m", "pymongoose", "serve", "matrix_answers:wsgi", "--uds", "PATH"],
        "ours, 1 thread": [
            *(PYTHON, "-m", "pymongoose", "serve", "matrix_answers:wsgi", "--threads", "1", "--uds", "PATH"),
        ],
    },
}
GRANIAN = [PYTHON, "-m", "granian", "--no-ws", "--log-level", "critical", "--uds", "PATH", "--interface"]
PEERS = {
    "asgi": {
        "uvicorn": [
            PYTHON,
            "-m",
            "uvicorn",
            "--log-level",
            "critical",
            "--uds",
            "PATH",
            "matrix_answers:asgi",
        ],
        "hypercorn": [PYTHON, "-m", "hypercorn", "--bind", "unix:PATH", "matrix_answers:asgi"],
        "granian": [*GRANIAN, "asgi", "matrix_answers:asgi"],
    },
    "wsgi": {
        "gunicorn": [
            *(PYTHON, "-m", "gunicorn", "--worker-class", "gthread", "--threads", "2"),
            *("--log-level", "critical", "--bind", "unix:PATH", "matrix_answers:wsgi"),
        ],
        "waitress": [PYTHON, "-m", "waitress", "--unix-socket", "PATH", "matrix_answers:wsgi"],
        "granian": [*GRANIAN, "wsgi", "matrix_answers:wsgi"],
    },
}


def _wait(process: subprocess.Popen[bytes], path: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                return probe.connect(str(path))
            except OSError:
                assert process.poll() is None, f"{process.args!r} ended with {process.returncode}"
                assert time.monotonic() < deadline, f"{process.args!r} does not listen"
        time.sleep(0.02)


def socket_of(place: Path, name: str) -> Path:
    """The path of a server's socket; it must be short (unix(7))."""
    return place / name.replace(", ", "-").replace(" ", "-")


@contextmanager
def running(commands: Mapping[str, list[str]], place: Path) -> Iterator[dict[str, Path]]:
    """All of them at once; yields their sockets."""
    with ExitStack() as stack:
        processes: dict[str, subprocess.Popen[bytes]] = {}
        paths = {name: socket_of(place, name) for name in commands}
        for name, command in commands.items():
            words = [word.replace("PATH", str(paths[name])) for word in command]
            processes[name] = stack.enter_context(loopback.running(words, cwd=HERE, **NOWHERE))
        for name, process in processes.items():
            _wait(process, paths[name])
        yield paths


NGINX = """
daemon off; master_process off; pid {here}/pid; error_log {here}/error.log;
events {{ worker_connections 64; }}
http {{
  access_log off; default_type text/plain; max_ranges 16;
  client_body_temp_path {here}/body; proxy_temp_path {here}/proxy; fastcgi_temp_path {here}/fastcgi;
  uwsgi_temp_path {here}/uwsgi; scgi_temp_path {here}/scgi;
  server {{ listen unix:{path}; root {here}/www; }}
}}
"""


def nginx(here: Path, path: Path) -> list[str]:
    """The command that serves `www` in a directory, which gets its configuration."""
    config = here / "nginx.conf"
    config.write_text(NGINX.format(here=here, path=path))
    return ["nginx", "-p", str(here), "-e", str(here / "error.log"), "-c", str(config)]
