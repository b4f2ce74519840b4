"""Conditions and ranges of files: ours beside nginx. Every difference is in TABLE, with its section."""

from __future__ import annotations

import dataclasses
import itertools
import os
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from matrix_exchange import ask
from matrix_servers import nginx, running, socket_of

from needs import need

TIME = 1_000_000_000
SAME, EARLIER, LATER = (f"Sun, 09 Sep 2001 01:46:{second} GMT" for second in (40, 39, 41))
RFC850, ASCTIME = "Sunday, 09-Sep-01 01:46:40 GMT", "Sun Sep  9 01:46:40 2001"
INVALID = "never"
# TAG is the file's entity tag, as the server has it.
VALUES: dict[str, tuple[str, ...]] = {
    "If-None-Match": ("TAG", '"x"', "*", "W/TAG", '"x", TAG', "x"),
    "If-Modified-Since": (SAME, EARLIER, LATER, INVALID, RFC850, ASCTIME),
    "If-Match": ("TAG", '"x"', "*", "W/TAG", '"x", TAG'),
    "If-Unmodified-Since": (SAME, EARLIER, LATER, INVALID, RFC850),
    "Range": (
        *("bytes=0-1", "bytes=-2", "bytes=5-", "bytes=0-99", "bytes=9-9", "Bytes=0-1", "bytes=-99"),
        *("bytes=99-", "bytes=10-10", "bytes=-0", "bytes=99-,98-", "bytes=5-4", "bytes=x", "bytes=-"),
        *("bytes=0-1,4-5", "bytes=0-0,-1", "bytes=0-1, 4-5", "bytes=0-1,99-", "bytes=0-1,0-1", "bytes=0-,1-"),
        *("bytes=,0-1", "bytes=1-2,", "bytes = 0-1", "items=0-1", "bytes=0-18446744073709551616", "bytes="),
    ),
    "If-Range": ("TAG", '"x"', SAME, EARLIER, LATER, "W/TAG", INVALID, ASCTIME),
}
INVERTED = ("bytes=5-4", "bytes=x", "bytes=-")
RELATED = [("If-None-Match", "Range"), ("Range", "If-Range")]
Lines = dict[str, str]


@dataclasses.dataclass(frozen=True)
class Answer:
    """To one request. Of an error, the page and whether the connection stays are the server's to say."""

    status: int
    part: str | None  # Content-Range
    body: str


def _cases() -> Iterator[tuple[str, Lines]]:
    for method in ("GET", "HEAD"):
        yield method, {}
        for name, values in VALUES.items():
            yield from ((method, {name: value}) for value in values)
    for (a, first), (b, second) in itertools.combinations(VALUES.items(), 2):
        if (a, b) in RELATED or "Range" not in (a, b):
            yield from (("GET", {a: x, b: y}) for x in first for y in second)
    for values in itertools.product(*(VALUES[name][:2] for name in VALUES)):
        yield "GET", dict(zip(VALUES, values, strict=True))


# What a row is about, the section, and whether a request with the answers (ours, theirs) is of that kind.
Row = tuple[str, str, Callable[[str, Lines, Answer, Answer], bool]]
TABLE: tuple[Row, ...] = (
    (
        "If-None-Match makes If-Modified-Since void",
        "RFC 9110, section 13.1.3",
        lambda method, lines, ours, theirs: "If-None-Match" in lines and "If-Modified-Since" in lines,
    ),
    (
        "a file is not modified since a time later than its own, not only since its own",
        "RFC 9110, section 13.1.3",
        lambda method, lines, ours, theirs: lines.get("If-Modified-Since") == LATER and ours.status == 304,
    ),
    (
        "If-Match makes If-Unmodified-Since void",
        "RFC 9110, section 13.1.4",
        lambda method, lines, ours, theirs: "If-Match" in lines and "If-Unmodified-Since" in lines,
    ),
    (
        "If-Unmodified-Since without a valid date is ignored",
        "RFC 9110, section 13.1.4",
        lambda method, lines, ours, theirs: lines.get("If-Unmodified-Since") == INVALID,
    ),
    (
        "Range counts for GET only",
        "RFC 9110, section 14.2",
        lambda method, lines, ours, theirs: method == "HEAD" and "Range" in lines and ours.status == 200,
    ),
    (
        "a range that ends before it begins, or that is none, is ignored",
        "RFC 9110, section 14.1.1",
        lambda method, lines, ours, theirs: lines.get("Range") in INVERTED and theirs.status == 416,
    ),
    (
        "empty elements of a list are ignored",
        "RFC 9110, section 5.6.1.2",
        lambda method, lines, ours, theirs: lines.get("Range") in ("bytes=,0-1", "bytes=1-2,"),
    ),
    (
        "a position has any number of digits",
        "RFC 9110, section 14.1.1",
        lambda method, lines, ours, theirs: lines.get("Range") == "bytes=0-18446744073709551616",
    ),
    (
        "ranges that overlap are sent once",
        "RFC 9110, section 15.3.7.2",
        lambda method, lines, ours, theirs: lines.get("Range") in ("bytes=0-1,0-1", "bytes=0-,1-"),
    ),
)


class Server:
    """One of both."""

    def __init__(self, path: Path) -> None:
        self.path = path
        tag = ask(path, b"GET /f HTTP/1.1\r\nHost: h\r\n\r\n", "GET").header(b"etag")
        assert tag is not None
        self.tag = tag

    def answer(self, method: str, lines: Lines) -> Answer:
        head = "".join(f"{name}: {value.replace('TAG', self.tag)}\r\n" for name, value in lines.items())
        outcome = ask(self.path, f"{method} /f HTTP/1.1\r\nHost: h\r\n{head}\r\n".encode(), method)
        assert outcome.end == "whole", (lines, outcome)
        assert outcome.then == "next" or outcome.status >= 400, (lines, outcome)
        body = outcome.body if outcome.status < 300 else ""
        found = re.search(r"boundary=\"?([^\";]+)", outcome.header(b"content-type") or "")
        if found is not None:  # Each server has its own, its own types, and perhaps an empty line first.
            body = body.replace(found[1], "B").removeprefix("\r\n")
            body = re.sub(r"(?i)content-type: [^\r]*", "Content-Type: t", body)
        return Answer(outcome.status, outcome.header(b"content-range"), body)


Pair = tuple[str, Lines, Answer, Answer]


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> list[Pair]:
    need("nginx")
    here = tmp_path_factory.mktemp("files")
    (here / "www").mkdir()
    (here / "www" / "next").write_text("next")
    (here / "www" / "f").write_text("0123456789")
    os.utime(here / "www" / "f", (TIME, TIME))
    ours = [sys.executable, "-m", "pymongoose", "serve", str(here / "www"), "--uds", "PATH"]
    with running({"ours": ours, "nginx": nginx(here, socket_of(here, "nginx"))}, here) as paths:
        mine, theirs = Server(paths["ours"]), Server(paths["nginx"])
        return [(m, lines, mine.answer(m, lines), theirs.answer(m, lines)) for m, lines in _cases()]


def test_differences_are_listed(pairs: list[Pair]) -> None:
    for pair in pairs:
        _, _, ours, theirs = pair
        if ours != theirs:
            assert any(applies(*pair) for _, _, applies in TABLE), pair


@pytest.mark.parametrize("row", TABLE, ids=[what for what, _, _ in TABLE])
def test_what_is_listed_is_a_difference(pairs: list[Pair], row: Row) -> None:
    _, _, applies = row
    assert any(pair[2] != pair[3] and applies(*pair) for pair in pairs)
