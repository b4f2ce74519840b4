"""Which requests are understood: ours, with MG_SET_HTTP_STRICT, beside nginx and the parser of h11.

Where those two agree and ours does not, the difference is in TABLE, with the section that makes us right.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator

import h11
import pytest
from matrix_exchange import ask
from matrix_servers import OURS, nginx, running, socket_of

from needs import need

FRAMING: tuple[tuple[str, ...], ...] = (
    (),
    *(
        (f"Content-Length:{length}",)
        for length in (" 3", " 0", " 3, 3", " 3, 4", " +3", " -3", " 03", " 0x3", " 3 3", "", " 3 ", " 2e1")
    ),
    ("Content-Length: 3", "Content-Length: 3"),
    ("Content-Length: 3", "Content-Length: 4"),
    ("Content-Length : 3",),
    ("Content-Length: 18446744073709551619",),
    *(
        (f"Transfer-Encoding:{coding}",)
        for coding in (
            " chunked",
            " Chunked",
            "chunked\t",
            " gzip, chunked",
            " chunked, gzip",
            " identity",
            "",
        )
    ),
    *(
        (f"Transfer-Encoding: {coding}",)
        for coding in ("chunked;q=1", "'chunked'", "xchunked", "\x0bchunked")
    ),
    ("Transfer-Encoding: chunked", "Transfer-Encoding: chunked"),
    ("Transfer-Encoding: chunked", "Content-Length: 3"),
    ("Transfer-Encoding : chunked",),
    ("X: a", "\tTransfer-Encoding: chunked"),
)
HOSTS = (
    (),
    *((f"Host: {host}",) for host in ("h:80", "h:x", "a b", "h/x", "u@h", "h,i", "h#", "[::1]:80")),
    ("Host: h", "Host: h"),
    ("Host: h", "Host: i"),
)
LINES = (
    *(("X: a\0b",), ("X: a\rb",), ("X y: z",), (": x",), ("X",), ("(x): y",), ("X: \xe9",)),
    *(("Connection: close, TE", "TE: trailers"), ("Upgrade: h2c", "Connection: upgrade"), ("Expect: x",)),
)
TARGETS = ("/next?a", "/next#x", "http://h/next", "HTTP://h/next", "", "//next", "/ne%78t", "/ne xt", "/\x7f")
METHODS = ("GET", "POST", "HEAD", "OPTIONS", "PUT", "CONNECT", "get", "G@T", "")
VERSIONS = ("1.1", "1.0", "1.2", "2.0", "1.11", "1", "")


@dataclasses.dataclass(frozen=True)
class Asked:
    """A request, with a body of three bytes where its lines say so."""

    lines: tuple[str, ...]
    method: str = "GET"
    target: str = "/next"
    version: str = "1.1"

    @property
    def raw(self) -> bytes:
        said = " ".join(self.lines).lower()
        body = "3\r\nabc\r\n0\r\n\r\n" if "transfer" in said else "abc" if "length" in said else ""
        if "Content-Length: 0" in self.lines:
            body = ""
        head = "\r\n".join([f"{self.method} {self.target} HTTP/{self.version}", *self.lines])
        return f"{head}\r\n\r\n{body}".encode("latin-1")


def _cases() -> Iterator[Asked]:
    for version in ("1.1", "1.0"):
        for framing in FRAMING:
            for method in ("POST", "GET"):
                yield Asked(("Host: h", *framing), method, version=version)
        for host in HOSTS:
            yield Asked(host, version=version)
        for more in LINES:
            yield Asked(("Host: h", *more), version=version)
    for method in METHODS:
        for version in VERSIONS:
            yield Asked(("Host: h",), method, version=version)
        for target in TARGETS:
            yield Asked(("Host: h",), method, target)


Row = tuple[str, str, Callable[[Asked], bool]]
TABLE: tuple[Row, ...] = (
    (
        "a Host that is no host and port is refused",
        "RFC 9112, section 3.2",
        lambda asked: asked.lines in (("Host: h:x",), ("Host: u@h",), ("Host: h#",)),
    ),
    (
        "CONNECT has a host and a port as its target",
        "RFC 9112, section 3.2.3",
        lambda asked: asked.method == "CONNECT",
    ),
    (
        "a target has no fragment",
        "RFC 9112, section 3.2.1",
        lambda asked: "#" in asked.target,
    ),
)
REFUSALS = (400, 501, 505)


def _by_h11(raw: bytes) -> bool | None:
    """Whether h11 understands a request; None: it waits for more."""
    connection = h11.Connection(h11.SERVER)
    connection.receive_data(raw)
    try:
        while True:
            event = connection.next_event()
            if event is h11.NEED_DATA:
                return None
            if event is h11.PAUSED or isinstance(event, h11.EndOfMessage):
                return True
    except h11.RemoteProtocolError:
        return False


Verdicts = list[tuple[Asked, bool, bool | None]]


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: pytest.TempPathFactory) -> Verdicts:
    """Whether ours understands a request, and what the others agree on."""
    need("nginx")
    here = tmp_path_factory.mktemp("requests")
    (here / "www").mkdir()
    (here / "www" / "next").write_text("next")
    commands = {
        "ours": [*OURS["asgi"]["ours"], "--set", "http_strict=1", "--set", "http_allow_no_host=0"],
        "nginx": nginx(here, socket_of(here, "nginx")),
    }
    found: Verdicts = []
    with running(commands, here) as paths:
        for asked in _cases():
            understood = {}
            for name, path in paths.items():
                outcome = ask(path, asked.raw, "HEAD" if asked.method == "HEAD" else "GET")
                understood[name] = outcome.end == "whole" and outcome.status not in REFUSALS
                if name == "ours":
                    assert outcome.end == "whole", (asked, outcome)
                    assert outcome.then in ("next", "closed"), (asked, outcome)
            agree = understood["nginx"] == _by_h11(asked.raw)
            found.append((asked, understood["ours"], understood["nginx"] if agree else None))
    return found


def test_differences_are_listed(verdicts: Verdicts) -> None:
    for asked, ours, theirs in verdicts:
        if theirs is not None and ours != theirs:
            assert any(applies(asked) for _, _, applies in TABLE), (asked, ours, theirs)


@pytest.mark.parametrize("row", TABLE, ids=[what for what, _, _ in TABLE])
def test_what_is_listed_is_a_difference(verdicts: Verdicts, row: Row) -> None:
    _, _, applies = row
    assert any(theirs is not None and ours != theirs and applies(asked) for asked, ours, theirs in verdicts)
