"""Starts `python -m pymongoose serve` and sees it from outside."""

from __future__ import annotations

import http.client
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

HERE = Path(__file__).parent
DEADLINE = 120.0  # seconds until a test that waits for something gives up
URL = re.compile(r"(?:listening|server) on (?:https?://)?(\S+)")


def command(*arguments: str) -> list[str]:
    """The command with these arguments."""
    return [sys.executable, "-m", "pymongoose", "serve", *arguments]


def run(*arguments: str, cwd: Path = HERE, **variables: str) -> subprocess.CompletedProcess[str]:
    """Runs it to its end."""
    return subprocess.run(
        command(*arguments),
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**os.environ, **variables},
        timeout=DEADLINE,
    )


class Serving:
    """The running command. Its messages are read by a thread, and can be waited for."""

    def __init__(
        self,
        *arguments: str,
        cwd: Path = HERE,
        port: bool = True,
        start: list[str] | None = None,
        fds: tuple[int, ...] = (),
        **variables: str,
    ) -> None:
        """port: on one that is free. start: instead of the command. fds: descriptors that it inherits."""
        options = [*arguments, *(["--port", "0"] if port else [])]
        self.messages: list[str] = []
        self._changed = threading.Condition()
        self._clients: list[http.client.HTTPConnection] = []
        self.process = subprocess.Popen(
            command(*options) if start is None else [*start, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=cwd,
            env={**os.environ, **variables},
            pass_fds=fds,
        )
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._changed:
                self.messages.append(line.rstrip("\n"))
                self._changed.notify_all()
        with self._changed:
            self.messages.append("(end)")
            self._changed.notify_all()

    def wait_for(self, pattern: str, count: int = 1) -> list[str]:
        """Waits until so many messages match; returns what their first groups (or the whole) are."""

        def found() -> list[str]:
            matches = (re.search(pattern, line) for line in self.messages)
            return [m[m.re.groups and 1] for m in matches if m is not None]

        def enough() -> bool:
            return len(found()) >= count or self.messages[-1:] == ["(end)"]

        with self._changed:
            self._changed.wait_for(enough, DEADLINE)
            assert len(found()) >= count, "\n".join(self.messages)
            return found()

    def ready(self, workers: int = 1) -> list[int]:
        """Waits until so many workers have been ready in all; returns their process ids."""
        return [int(pid) for pid in self.wait_for(r"worker (\d+) is ready", workers)]

    @property
    def address(self) -> str:
        """Where it listens."""
        return self.wait_for(URL.pattern)[0]

    @property
    def port(self) -> int:
        return int(self.address.rpartition(":")[2])

    def connect(self) -> http.client.HTTPConnection:
        """A client with a connection of its own, closed at the end."""
        self._clients.append(http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE))
        return self._clients[-1]

    def get(self, path: str = "/", **headers: str) -> tuple[int, dict[str, str], str]:
        """One request: status, headers, body."""
        client = self.connect()
        try:
            client.request("GET", path, headers={k.replace("_", "-"): v for k, v in headers.items()})
            response = client.getresponse()
            return response.status, dict(response.getheaders()), response.read().decode()
        finally:
            client.close()

    def signal(self, number: signal.Signals) -> None:
        """To the master."""
        self.process.send_signal(number)

    def end(self) -> int:
        """Waits for the end; returns the exit status."""
        status = self.process.wait(DEADLINE)
        self._thread.join(DEADLINE)
        return status

    def __enter__(self) -> Serving:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        for client in self._clients:
            client.close()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGQUIT)
            try:
                self.process.wait(DEADLINE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise
        self._thread.join(DEADLINE)
        assert self.process.stdout is not None
        self.process.stdout.close()


def certificate(directory: Path, name: str, host: str = "127.0.0.1") -> tuple[str, str]:
    """Paths of a new certificate for an address, which signs itself, and of its key."""
    cert, key = str(directory / f"{name}.crt"), str(directory / f"{name}.key")
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes".split()
    command += ["-subj", f"/CN={name}", "-addext", f"subjectAltName=IP:{host}", "-keyout", key, "-out", cert]
    subprocess.run(command, check=True, capture_output=True, timeout=DEADLINE)
    return cert, key


def until(condition: Callable[[], object]) -> None:
    """Waits for what another process does."""
    event = threading.Event()
    for _ in range(int(DEADLINE * 50)):
        if condition():
            return
        event.wait(0.02)
    raise AssertionError("the condition did not come true")


def is_alive(pid: int) -> bool:
    """Whether there is such a process that still runs."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):  # the latter: it ended between open and read
        return False
