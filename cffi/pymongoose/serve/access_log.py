"""The access log: lines are made where requests end, and written by a thread of their own."""

from __future__ import annotations

import collections
import json
import os
import re
import sys
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .errors import Misuse

if TYPE_CHECKING:
    from .observers import Request

COMMON = '%(h)s %(l)s %(u)s %(t)s "%(r)s" %(s)s %(b)s'
FORMATS = {"common": COMMON, "combined": COMMON + ' "%(f)s" "%(a)s"'}
FIELD = re.compile(r"%\((\{[^}]+\}[io]|[A-Za-z]+)\)s")
QUEUE = 100_000  # lines that wait; more than that are dropped, not the clients
UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\"\\]")


def _safe(text: str) -> str:
    """Text that cannot end the line, or a quotation in it."""
    return UNSAFE.sub(lambda found: f"\\x{ord(found[0]):02x}", text) if UNSAFE.search(text) else text


class AccessLog:
    """A file, or standard output, and a format."""

    def __init__(self, path: str | None, format: str) -> None:
        self._path = path
        self._format = format
        self._template = FORMATS.get(format, format)
        self._fields = sorted(set(FIELD.findall(self._template)))
        self._file = self._open()
        self._lines: collections.deque[str] = collections.deque()
        self._wanted = threading.Event()
        self._again = False
        self._ended = False
        self.dropped: int = 0
        self._thread = threading.Thread(target=self._run, name="pymongoose-access-log", daemon=True)
        self._thread.start()

    @classmethod
    def of(cls, options: Any) -> AccessLog | None:
        """That of the options, if they want one."""
        if not options.access_log and not options.access_logfile:
            return None
        path = options.access_logfile
        return cls(None if path in (None, "-") else path, options.access_log_format)

    def write(self, request: Request) -> None:
        """Queues the line of a request. Never waits."""
        if len(self._lines) >= QUEUE:
            self.dropped += 1
            return
        self._lines.append(self._json(request) if self._format == "json" else self._text(request))
        if not self._wanted.is_set():
            self._wanted.set()

    def reopen(self) -> None:
        """Opens the file again: it may have been renamed."""
        self._again = True
        self._wanted.set()

    def close(self) -> None:
        """Writes what waits."""
        self._ended = True
        self._wanted.set()
        self._thread.join(5)

    def _run(self) -> None:
        while True:
            self._wanted.wait()
            self._wanted.clear()
            ended = self._ended
            if self._again:
                self._again = False
                try:
                    file = self._open()
                except Misuse as e:
                    print(f"Error: {e}", file=sys.stderr)
                else:
                    self._file.close()
                    self._file = file
            lines = [self._lines.popleft() for _ in range(len(self._lines))]
            if self.dropped:
                lines.append(f"({self.dropped} lines were dropped)\n")
                self.dropped = 0
            try:
                self._file.write("".join(lines))
                self._file.flush()
            except (OSError, ValueError):
                pass  # A full disk, or no reader: requests continue.
            if ended:
                return

    def _open(self) -> Any:
        try:
            if self._path is None:
                return os.fdopen(
                    os.dup(sys.stdout.fileno()), "w", encoding="utf-8", errors="backslashreplace"
                )
            return open(self._path, "a", encoding="utf-8", errors="backslashreplace")
        except OSError as e:
            raise Misuse(f"cannot write --access-logfile {self._path or '-'}: {e.strerror}") from None

    def _json(self, request: Request) -> str:
        record = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(request.began))
            + f".{_milliseconds(request):03d}Z",
            "client": request.client,
            "method": request.method,
            "path": request.path,
            "query": request.query,
            "protocol": request.protocol,
            "scheme": request.scheme,
            "status": request.status,
            "bytes": request.sent,
            "seconds": round(request.took, 6),
            "referer": request.headers.get("referer", ""),
            "user_agent": request.headers.get("user-agent", ""),
            "host": request.headers.get("host", ""),
            "pid": os.getpid(),
        }
        return json.dumps(record) + "\n"

    def _text(self, request: Request) -> str:
        values = {name: _safe(self._value(request, name)) for name in self._fields}
        return FIELD.sub(lambda found: values[found[1]], self._template) + "\n"

    @staticmethod
    def _value(request: Any, name: str) -> str:
        if name.startswith("{"):
            wanted = name[1:-2].lower()
            if name.endswith("i"):
                return str(request.headers.get(wanted, "-"))
            return _header(request, wanted)
        maker = VALUES[name]
        return maker(request)


def _milliseconds(request: Request) -> int:
    return int(request.began % 1 * 1000)


def _header(request: Request, wanted: str) -> str:
    for name, value in request.response_headers:
        name, value = (v.decode("latin-1") if isinstance(v, bytes) else v for v in (name, value))
        if name.lower() == wanted:
            return str(value)
    return "-"


def _target(request: Request) -> str:
    return f"{request.path}?{request.query}" if request.query else request.path


def _user(request: Request) -> str:
    """The name of basic authentication."""
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "basic":
        return "-"
    import base64
    import binascii

    try:
        return base64.b64decode(token.strip()).decode("utf-8", "replace").partition(":")[0] or "-"
    except (binascii.Error, ValueError):
        return "-"


# The letters are those of Apache and gunicorn.
VALUES: dict[str, Callable[[Any], str]] = {
    "h": lambda r: r.client or "-",
    "l": lambda r: "-",
    "u": _user,
    "t": lambda r: time.strftime("[%d/%b/%Y:%H:%M:%S %z]", time.localtime(r.began)),
    "r": lambda r: f"{r.method} {_target(r)} {r.protocol}",
    "m": lambda r: r.method,
    "U": lambda r: r.path,
    "q": lambda r: r.query,
    "H": lambda r: r.protocol,
    "s": lambda r: str(r.status or "-"),
    "B": lambda r: str(r.sent),
    "b": lambda r: str(r.sent or "-"),
    "f": lambda r: r.headers.get("referer", "-"),
    "a": lambda r: r.headers.get("user-agent", "-"),
    "T": lambda r: str(int(r.took)),
    "M": lambda r: str(int(r.took * 1000)),
    "D": lambda r: str(int(r.took * 1_000_000)),
    "L": lambda r: f"{r.took:.6f}",
    "p": lambda r: f"<{os.getpid()}>",
}


def check(format: str) -> None:
    """Misuse for a format with a field that there is not."""
    if format == "json" or format in FORMATS:
        return
    rest = FIELD.sub("", format)
    unknown = [name for name in FIELD.findall(format) if not name.startswith("{") and name not in VALUES]
    if unknown:
        raise Misuse(f"--access-log-format: there is no field %({unknown[0]})s")
    if not FIELD.search(format) or "%(" in rest:
        raise Misuse(
            "--access-log-format: expected common, combined, json or a format with fields such as %(r)s"
        )
