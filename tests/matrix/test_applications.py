"""Framing of applications' responses: ours beside the servers that others wrote.

Each case is one request and one answer of an application. What a client has in the end is compared with
the majority of the peers. Every difference is in TABLE, with the section that makes us right.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from matrix_exchange import Case, Outcome, ask
from matrix_servers import OURS, PEERS, running

Headers = tuple[tuple[str, str], ...]

PIECES = ("Hello", "World")
BODIES = ((), ("",), PIECES)
CHUNKED = ("Transfer-Encoding", "chunked")
HEADERS: tuple[Headers, ...] = (
    (),
    *((("Content-Length", length),) for length in ("0", "4", "10", "x", "+10", "-1", "10, 10", "")),
    (("Content-Length", "10"), ("Content-Length", "10")),
    (("Content-Length", "4"), ("Content-Length", "10")),
    (CHUNKED,),
    (("Transfer-Encoding", "gzip, chunked"),),
    (CHUNKED, ("Content-Length", "10")),
    (("Connection", "close"),),
    (("Connection", "keep-alive"),),
)
KEEP = ("Connection: keep-alive",)


def _cases() -> Iterator[Case]:
    for headers in HEADERS:
        for status in (200, 204, 304, 404):
            for body in BODIES:
                yield Case(status, headers, body)
        for status in (200, 204, 304):
            yield Case(status, headers, PIECES, method="HEAD")
        plain = Case(200, headers, PIECES)
        yield dataclasses.replace(plain, version="1.0")
        yield dataclasses.replace(plain, version="1.0", lines=KEEP)
        yield dataclasses.replace(plain, version="1.0", method="HEAD")
        yield dataclasses.replace(plain, lines=("Connection: close",))
        yield dataclasses.replace(plain, method="POST", lines=("Content-Length: 3",))
        yield dataclasses.replace(plain, method="OPTIONS")


CASES = tuple(_cases())


def _said(case: Case, name: str) -> list[str]:
    return [value for key, value in case.headers if key == name]


def _is_no_number(case: Case) -> bool:
    said = _said(case, "Content-Length")
    return len(set(said)) > 1 or any(not value.isdigit() for value in said)


def _is_too_short(case: Case) -> bool:
    said = _said(case, "Content-Length")
    return bool(said) and not _is_no_number(case) and int(said[0]) > len("".join(case.body))


# What a row is about, the section, and whether a case with the outcomes (ours, theirs) is of that kind.
Row = tuple[str, str, Callable[[Case, Outcome, Outcome], bool]]
TABLE: tuple[Row, ...] = (
    (
        "a length that is not one number: the client is told with 500, and the connection stays open",
        "RFC 9110, section 8.6",
        lambda case, ours, theirs: _is_no_number(case) and ours.status == 500,
    ),
    (
        "a body that is longer than its length is cut there: the connection is in step",
        "RFC 9110, section 8.6",
        lambda case, ours, theirs: bool(_said(case, "Content-Length")) and ours.end == "whole",
    ),
    (
        "Transfer-Encoding of an application is dropped: Content-Length holds",
        "ASGI, HTTP and WebSocket, section Response Start; PEP 3333, section Other HTTP Features",
        lambda case, ours, theirs: CHUNKED in case.headers and _is_too_short(case) and ours.end == "cut",
    ),
    (
        "Transfer-Encoding of an application is dropped, codings that we do not apply included",
        "RFC 9112, section 6.1",
        lambda case, ours, theirs: ("Transfer-Encoding", "gzip, chunked") in case.headers,
    ),
    (
        "a client of HTTP/1.0 that asks for it keeps its connection",
        "RFC 9112, section 9.3",
        lambda case, ours, theirs: case.lines == KEEP and (ours.then, theirs.then) == ("next", "closed"),
    ),
)


@dataclasses.dataclass(frozen=True)
class Answer:
    """What one of our servers made of a case, and what most peers did, if most agree."""

    server: str
    case: Case
    ours: Outcome
    theirs: Outcome | None

    @property
    def differs(self) -> bool:
        return self.theirs is not None and self.ours != self.theirs

    def __str__(self) -> str:
        return f"{self.server}: {self.case}\n  ours:   {self.ours}\n  theirs: {self.theirs}"


def _ask_all(kind: str, place: Path) -> Iterator[Answer]:
    ours, peers = OURS[kind], PEERS[kind]

    def outcomes(name: str, path: Path) -> list[Outcome | None]:
        # Servers of WSGI that were promised more wait for it for seconds, and their client does, too.
        skips = kind == "wsgi" and name in peers
        return [
            None if skips and _is_too_short(case) else ask(path, case.request, case.method) for case in CASES
        ]

    with running({**ours, **peers}, place) as paths, ThreadPoolExecutor(len(paths)) as pool:
        found = dict(zip(paths, pool.map(outcomes, paths, paths.values())))
    for number, case in enumerate(CASES):
        [(theirs, count)] = Counter(found[name][number] for name in peers).most_common(1)
        for name in ours:
            outcome = found[name][number]
            assert outcome is not None
            yield Answer(f"{kind}, {name}", case, outcome, theirs if count > 1 else None)


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> list[Answer]:
    return [answer for kind in OURS for answer in _ask_all(kind, tmp_path_factory.mktemp(kind))]


def test_answers_parse_and_leave_the_connection_in_step(answers: list[Answer]) -> None:
    for answer in answers:
        case, ours = answer.case, answer.ours
        assert ours.then in ("next", "closed"), answer
        has_body = case.method != "HEAD" and case.status not in (204, 304)
        assert ours.end == ("cut" if has_body and _is_too_short(case) else "whole"), answer


def test_differences_to_the_majority_are_listed(answers: list[Answer]) -> None:
    for answer in answers:
        if answer.differs:
            assert answer.theirs is not None
            assert any(applies(answer.case, answer.ours, answer.theirs) for _, _, applies in TABLE), answer


@pytest.mark.parametrize("row", TABLE, ids=[what for what, _, _ in TABLE])
def test_what_is_listed_is_a_difference(answers: list[Answer], row: Row) -> None:
    _, _, applies = row
    assert any(a.differs and a.theirs and applies(a.case, a.ours, a.theirs) for a in answers)
