"""The HTTP engine of the library, in this process and without a network (see engine.c)."""

from __future__ import annotations

import ctypes
import dataclasses
import tempfile
from functools import cache
from pathlib import Path

import cprogram

CLIENT, STRICT, BYTEWISE, ENDS, REPLIES = 1, 2, 4, 8, 16
HEADERS_STORED = 30  # MG_MAX_HTTP_HEADERS
MAX_TEXT = 1 << 20

Headers = tuple[tuple[bytes, bytes], ...]


@dataclasses.dataclass(frozen=True)
class Message:
    """A message as parsers deliver it. Of a response: version, status, reason."""

    start: tuple[bytes, bytes, bytes]  # method, target, version
    headers: Headers
    body: bytes


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What became of some bytes."""

    messages: tuple[Message, ...]
    state: str  # "open", "draining", "closing"
    unused: int = 0  # bytes that the engine kept because more must come
    errors: tuple[str, ...] = ()
    sent: bytes = b""
    heads: int = 0  # MG_EV_HTTP_HDRS

    @property
    def refused(self) -> bool:
        return bool(self.errors)


@cache
def library() -> ctypes.CDLL:
    """engine.c, compiled against the library."""
    directory = Path(tempfile.mkdtemp(prefix="http-engine-"))
    source = Path(__file__).with_name("engine.c")
    output = directory / "engine.so"
    flags = ["-std=gnu99", "-O1", "-shared", "-fPIC", "-Wall", "-Wextra", "-Werror"]
    loaded = ctypes.CDLL(str(cprogram.build(source, output, flags=flags)))
    output.unlink()
    directory.rmdir()
    loaded.engine_run.restype = ctypes.c_size_t
    loaded.engine_run.argtypes = [
        ctypes.c_char_p,
        ctypes.c_size_t,
        ctypes.c_size_t,
        ctypes.c_int,
        ctypes.c_char_p,
        ctypes.c_size_t,
    ]
    loaded.first_answer.restype = ctypes.c_size_t
    loaded.first_answer.argtypes = [ctypes.c_char_p, ctypes.c_size_t]
    loaded.parse.argtypes = [ctypes.c_char_p, ctypes.c_size_t]
    return loaded


_text = ctypes.create_string_buffer(MAX_TEXT)


def _field(hexed: str) -> bytes:
    return b"" if hexed == "-" else bytes.fromhex(hexed)


def message(line: str) -> Message:
    """A line MSG."""
    method, target, proto, body, *rest = map(_field, line.split()[1:])
    return Message((method, target, proto), tuple(zip(rest[::2], rest[1::2])), body)


def run(data: bytes, flags: int = 0, cut: int = 0) -> Outcome:
    """Feeds bytes to a fresh connection. Flags: as a client, strictly, byte by byte, then closed."""
    length = library().engine_run(data, len(data), cut, flags, _text, MAX_TEXT)
    assert 0 < length < MAX_TEXT
    lines = ctypes.string_at(_text, length).decode("latin-1").splitlines()
    messages = tuple(message(line) for line in lines if line.startswith("MSG"))
    errors = tuple(line[6:] for line in lines if line.startswith("ERROR"))
    sent = next(_field(line[5:]) for line in lines if line.startswith("SENT"))
    state, unused = next(line for line in lines if line.startswith(("open", "draining", "closing"))).split()
    return Outcome(messages, state, int(unused), errors, sent, lines.count("HDRS"))


def parse(data: bytes) -> int:
    """mg_http_parse."""
    return int(library().parse(data, len(data)))


def first_answer(data: bytes, head: int) -> int:
    """See engine.c."""
    return int(library().first_answer(data, head))
