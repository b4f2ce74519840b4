"""Ours, h11 and httptools (llhttp) read the same bytes: 20,000 generated requests and responses.

Ours is asked to be strict. Where two readers part for the first time, either a rule below says why
ours is right (RFC 9110, 9112), or the test fails. A reader ends with "refused: REASON", "waiting"
(for more bytes) or "closed" (what follows is not looked at).
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import engine
import messages
from engine import BYTEWISE, CLIENT, ENDS, HEADERS_STORED, STRICT, Message, Outcome
from peers import Verdict, by_h11, by_httptools

REQUESTS = 12_000
RESPONSES = 8_000


@dataclasses.dataclass(frozen=True)
class Rule:
    """A disagreement that is as it should be. All texts are regular expressions."""

    ours: str
    theirs: str
    why: str
    contains: str = ""  # in the bytes

    def covers(self, ours: str, theirs: str, data: bytes) -> bool:
        return bool(
            re.fullmatch(self.ours, ours, re.DOTALL)
            and re.fullmatch(self.theirs, theirs, re.DOTALL)
            and re.search(self.contains.encode("latin-1"), data, re.DOTALL | re.IGNORECASE)
        )


GO_ON = "message|waiting"
REFUSED = "refused: .*"
BARE_LF = r"(^|[^\r])\n"
NO_BODY = r"HTTP/1\.\d (1\d\d|204|304)\b"

RULES = (
    # Ours refuses.
    Rule("refused: Invalid HTTP target", GO_ON, "9112 3.2: four forms, '*' for OPTIONS only, no fragment"),
    Rule("refused: Invalid Host header", GO_ON, "9112 3.2: missing, repeated or invalid is to be refused"),
    Rule("refused: Invalid Transfer-Encoding", GO_ON, "9112 6.1: none in HTTP/1.0, 501 for unknown ones"),
    Rule("refused: Content-Length with Transfer-Encoding", GO_ON, "9112 6.1: a server may refuse both"),
    Rule("refused: Invalid Content-Length", GO_ON, "9112 6.3: lists may be refused, 9110 8.6: overflow"),
    Rule("refused: Repeated HTTP header", GO_ON, "9110 5.3: only lists may be repeated; Cookie is none"),
    Rule(
        "refused: Repeated HTTP header",
        GO_ON,
        "9110 5.3 would let Connection be repeated; mg_http_parse does not, and one line does as well",
        "(Connection:.*){2}",
    ),
    Rule("refused: Unknown HTTP version", GO_ON, "9110 15.6.6: another major version"),
    Rule("refused: Folded HTTP header", GO_ON, "9112 5.2: obs-fold is to be refused"),
    Rule("refused: Control byte in HTTP head", GO_ON, "9110 5.5: NUL is to be refused, the others are invalid"),
    Rule("refused: Wrong space in HTTP start line", GO_ON, "9112 3: one space; 11.2: else smuggling"),
    Rule("refused: CR without LF in HTTP head", GO_ON, "9112 2.2: a bare CR is invalid"),
    Rule("refused: Invalid HTTP version", "message", "9110 6.2: HTTP/0.9 has no version, and is no more"),
    Rule("refused: Invalid HTTP status", "waiting", "9110 15: from 100 to 599", "HTTP/1.. 0"),
    Rule("refused: Invalid HTTP method", GO_ON, "9112 2.2: a blank line in front SHOULD be skipped", r"(^|\n)\r?\n"),
    Rule("refused: MG_MAX_RECV_SIZE", GO_ON, "9110 15.5.14: too long to be collected"),
    Rule("refused: Invalid chunk", GO_ON, "9112 7.1: CRLF ends lines of chunks, sizes have a limit"),
    Rule(REFUSED, "closed", "9112 9.3: HTTP/1.0 closes, says httptools and stops; ours reads on"),
    # Ours accepts.
    Rule(GO_ON, r"refused: .*(Expected CRLF|Missing expected CR|header field char).*", "9112 2.2: LF", BARE_LF),
    Rule(GO_ON, "refused: .*Invalid header value char", "9112 2.2: a line may end in LF", BARE_LF),
    Rule(GO_ON, "refused: .*Invalid header value char", "9110 5.5: DEL may be kept", "\x7f"),
    Rule(GO_ON, "refused: .*(Invalid method encountered|space after method)", "9110 16.1: there may be other methods"),
    Rule(GO_ON, "refused: .*Invalid HTTP version", "9110 2.5: a higher minor version", r"HTTP/1\.[2-9]"),
    Rule(
        GO_ON,
        "refused: .*(illegal request line|Invalid char in url path).*",
        "9112 3.2: 400 for bytes that no URI has is a SHOULD; raw UTF-8 is common and delimits nothing",
        "[\x80-\xff]",
    ),
    Rule("message", "refused: .*Transfer-Encoding.*", "9112 6.3: no body, whatever the head says", NO_BODY),
    Rule(GO_ON, "refused: .*invalid `Transfer-Encoding`", "9110 5.5: space around is no part", "chunked[ \t]"),
    Rule("message", "waiting", "9110 5.5: space around is no part of a value", "chunked[ \t]+\r?\n"),
    Rule("message", r"refused: .*(illegal chunk header|chunk size).*", "9112 7.1.1: space in front", r"\w[ \t]+;"),
    Rule("message", "refused: .*Invalid character in chunk extensions.*", "9112 7.1.1: extensions are ignored"),
    Rule("message", "refused: .*Content-Length can't be.*", "9110 6.5.1: a trailer does not frame", "Content-Length"),
    Rule("message .*b'1\\d\\d'.*", "message .*", "9112 6.3: 1xx has no body", "Length|chunked"),
    Rule("message", "waiting|refused: .*", "9112 6.3: 1xx has no body", r"HTTP/1\.\d 1\d\d .*(Length|Encoding)"),
    Rule("message", "closed", "9112 9.3: HTTP/1.0 closes, says httptools and stops; ours reads on"),
    # 101 is the program's to understand: what follows is another protocol (RFC 9110, section 15.2.2).
    Rule("message|waiting", ".*(_SWITCH_UPGRADE|Pause on CONNECT/Upgrade).*|message", "9110 15.2.2", " 101 "),
)


def ours(outcome: Outcome) -> Iterator[str | Message]:
    """The messages, then how it ended."""
    yield from outcome.messages
    if outcome.errors:
        yield f"refused: {outcome.errors[0]}"
    yield "waiting" if outcome.state == "open" else "closed"


def theirs(verdict: Verdict) -> Iterator[str | Message]:
    yield from verdict.messages
    if "Data after `Connection: close`" in verdict.refusal:
        yield "closed"
    elif verdict.refusal:
        yield f"refused: {verdict.refusal}"
    if not verdict.says_no_more:
        yield "waiting"


def comparable(message: Message) -> Message:
    """Without differences that mean nothing."""
    headers = tuple(
        # h11 gives the coding in lower case; codings have no case (RFC 9112, section 7).
        (name, value.lower() if name.lower() == b"transfer-encoding" else value)
        for name, value in message.headers[:HEADERS_STORED]
    )
    # Nobody is to read anything into a reason (RFC 9112, section 4).
    one, two, three = message.start
    return dataclasses.replace(message, start=(one, two, three.strip(b" ")), headers=headers)


def parting(one: Iterator[str | Message], other: Iterator[str | Message]) -> tuple[str, str] | None:
    """Where two readers of the same bytes part."""
    for a, b in zip(one, other):
        if isinstance(a, Message) and isinstance(b, Message):
            if comparable(a) != comparable(b):
                return f"message {a}", f"message {b}"
            continue
        kinds = tuple(x if isinstance(x, str) else "message" for x in (a, b))
        words = {kind.partition(":")[0] for kind in kinds}
        if len(words) == 1 or words == {"closed", "waiting"}:
            return None
        return kinds[0], kinds[1]
    return None


def disagreement(data: bytes, flags: int, verdict: Verdict) -> tuple[str, str] | None:
    """A parting that no rule covers."""
    parts = parting(ours(engine.run(data, flags)), theirs(verdict))
    if parts is not None and parts[0] == "waiting" and parts[1].startswith("refused"):
        # Ours judges a head when it is complete.
        parts = parting(ours(engine.run(data + b"\r\n\r\n", flags)), theirs(verdict))
    if parts is None or any(rule.covers(*parts, data) for rule in RULES):
        return None
    return parts


def check(data: bytes, flags: int) -> None:
    """Compares all readers, and ours with itself when the bytes come in pieces."""
    whole = engine.run(data, flags)
    for peer in (by_h11, by_httptools):
        assert disagreement(data, flags, peer(data, bool(flags & CLIENT))) is None, (peer.__name__, data)

    # Split at every byte: the outcome is the same, and heads are known to be incomplete.
    assert engine.run(data, flags | BYTEWISE) == whole
    assert engine.run(data, flags, cut=len(data) // 2) == whole
    head = engine.parse(data)
    if head > 0:
        assert engine.first_answer(data, head) == head
    if whole.messages:
        assert head > 0


chosen = settings(
    deadline=None,
    derandomize=True,  # The same messages each time: what fails once fails until it is fixed.
    database=None,
    suppress_health_check=list(HealthCheck),
)


@settings(chosen, max_examples=REQUESTS)
@given(st.binary(max_size=80))
def test_requests(data: bytes) -> None:
    check(messages.requests(data), STRICT)


@settings(chosen, max_examples=RESPONSES)
@given(st.binary(max_size=80))
def test_responses(data: bytes) -> None:
    check(messages.responses(data), STRICT | CLIENT)
    # Without a length, a body ends with the connection.
    response = messages.responses(data)
    assert engine.run(response, CLIENT | ENDS) == engine.run(response, CLIENT | ENDS | BYTEWISE)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.ours} - {rule.theirs}"[:60])
def test_a_rule_names_a_section(rule: Rule) -> None:
    assert re.match(r"91(10|12) \d", rule.why)


def test_a_disagreement_is_noticed() -> None:
    request = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"
    refused = Verdict([], refusal="no")
    assert disagreement(request, STRICT, by_h11(request)) is None
    assert disagreement(request, STRICT, refused) == ("message", "refused: no")
    other = dataclasses.replace(by_h11(request).messages[0], body=b"x")
    parts = disagreement(request, STRICT, Verdict([other]))
    assert parts is not None and "body=b''" in parts[0] and "body=b'x'" in parts[1]
