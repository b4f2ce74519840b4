"""Ours, h11 and httptools (llhttp) read the same bytes: thousands of generated requests and responses.

Ours is asked to be strict. Where two readers part for the first time, either a rule below says why
ours is right (RFC 9110, 9112), or the test fails. A reader ends with "refused: REASON", "waiting"
(for more bytes) or "closed" (what follows is not looked at).
"""

from __future__ import annotations

import dataclasses
import os
import re
import socket
from collections.abc import Iterator
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import engine
import messages
from compiled import server
from engine import BYTEWISE, CLIENT, ENDS, HEADERS_STORED, REPLIES, STRICT, Message, Outcome
from parsers import Verdict, by_h11, by_httptools

# MONGOOSE_EXPLORE=1 tries others, and ten times as many.
EXPLORES = os.environ.get("MONGOOSE_EXPLORE") == "1"
REQUESTS, RESPONSES, CONNECTIONS = (n * (10 if EXPLORES else 1) for n in (3_000, 2_000, 300))
PATIENCE = 60  # seconds


@dataclasses.dataclass(frozen=True)
class Rule:
    """A disagreement that is as it should be. All but `why` and `example` are regular expressions."""

    ours: str
    theirs: str
    why: str
    example: bytes
    contains: str = ""  # in the bytes

    def covers(self, ours: str, theirs: str, data: bytes) -> bool:
        return bool(
            re.fullmatch(self.ours, ours, re.DOTALL)
            and re.fullmatch(self.theirs, theirs, re.DOTALL)
            and re.search(self.contains.encode("latin-1"), data, re.DOTALL | re.IGNORECASE)
        )


GO_ON = "message|waiting"
HTTP11 = b" HTTP/1.1\r\nHost: h\r\n"
GET, POST = b"GET /" + HTTP11, b"POST /" + HTTP11
OK = b"HTTP/1.1 200 OK\r\n"
CODED = b"Transfer-Encoding: chunked\r\n\r\n"

OURS_REFUSES = (
    Rule(
        "refused: Invalid HTTP target",
        GO_ON,
        "9112 3.2: one of four forms, '*' for OPTIONS only, no fragment",
        b"GET *" + HTTP11 + b"\r\n",
    ),
    Rule(
        "refused: Invalid Host header",
        GO_ON,
        "9112 3.2: a request without, with two, or with an invalid one is to be refused",
        b"GET / HTTP/1.1\r\n\r\n",
    ),
    Rule(
        "refused: Invalid Transfer-Encoding",
        GO_ON,
        "9112 6.1: HTTP/1.0 has none, and 501 answers codings that are not known",
        b"POST / HTTP/1.0\r\n" + CODED + b"0\r\n\r\n",
    ),
    Rule(
        "refused: Content-Length with Transfer-Encoding",
        GO_ON,
        "9112 6.1: a server may refuse such a request",
        POST + b"Content-Length: 5\r\n" + CODED + b"0\r\n\r\n",
    ),
    Rule(
        "refused: Invalid Content-Length",
        GO_ON,
        "9112 6.3: a list of equal numbers may be refused; 9110 8.6: beware of overflow",
        POST + b"Content-Length: 1, 1\r\n\r\na",
    ),
    Rule(
        "refused: Repeated HTTP header",
        GO_ON,
        "9110 5.3: only lists may be repeated, and these are none",
        POST + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\na",
        "(Authorization:.*){2}|(Content-Length:.*){2}",
    ),
    Rule(
        "refused: Repeated HTTP header",
        GO_ON,
        "9112 6.1: chunked is applied once",
        b"HTTP/1.1 304 x\r\nTransfer-Encoding: a\r\n" + CODED,
        "(Transfer-Encoding:.*){2}",
    ),
    Rule("refused: Unknown HTTP version", GO_ON, "9110 15.6.6: 505", b"GET / HTTP/2.0\r\nHost: h\r\n\r\n"),
    Rule("refused: Folded HTTP header", GO_ON, "9112 5.2: is to be refused", GET + b"A: b\r\n c\r\n\r\n"),
    Rule(
        "refused: Control byte in HTTP head",
        GO_ON,
        "9110 5.5: NUL is to be refused, the others are invalid",
        GET + b"A: \x01\r\n\r\n",
    ),
    Rule(
        "refused: Wrong space in HTTP start line",
        GO_ON,
        "9112 3: one space divides; accepting more invites request smuggling (11.2)",
        b"GET  /" + HTTP11 + b"\r\n",
    ),
    Rule(
        "refused: CR without LF in HTTP head", GO_ON, "9112 2.2: a bare CR is invalid", b"\r" + GET + b"\r\n"
    ),
    Rule(
        "refused: LF without CR in HTTP head",
        GO_ON,
        "9112 2.2: lines end in CRLF; a recipient may accept LF alone, and a strict one does not",
        b"GET / HTTP/1.1\nHost: h\n\n",
    ),
    Rule(
        "refused: Invalid HTTP version",
        "message",
        "9112 3: there is a version; httptools takes it for HTTP/0.9",
        b"GET /HTTP/1.1\r\nHost: h\r\n\r\n",
    ),
    Rule("refused: Invalid HTTP status", GO_ON, "9110 15: from 100 to 599", b"HTTP/1.1 000 x\r\n\r\n", " 0"),
    Rule(
        "refused: Invalid chunk",
        GO_ON,
        "9112 7.1: lines of the chunked coding end in CRLF, and large sizes are to be expected",
        POST + CODED + b"0\n\n",
    ),
    Rule(
        "refused: .*",
        "closed",
        "9112 9.3: HTTP/1.0 closes, so httptools looks no further; ours reads on and finds more",
        b"HTTP/1.0 204 x\r\n\r\nHTTP/1.1 99 x\r\n\r\n",
    ),
)

OURS_ACCEPTS = (
    Rule(
        GO_ON,
        "refused: .*",
        "9112 7.1: lines of chunks that end in LF alone; a client accepts them, as browsers do",
        OK + CODED + b"1\na\r\n0\r\n\r\n",
        r"^HTTP/.*chunked.*[^\r]\n",
    ),
    Rule(
        GO_ON,
        "refused: .*(continuation line at start|space after start line|whitespace after header value).*",
        "9112 5.2: a client replaces a fold by a space, also before the first header",
        b"HTTP/1.1 200 OK\r\n A: b\r\n\r\n",
        r"^HTTP/.*\n[ \t]",
    ),
    Rule(
        GO_ON,
        "refused: .*(Expected CRLF|Missing expected CR|header field char|header value char).*",
        "9112 2.2: a line of a response's head may end in LF alone",
        b"HTTP/1.1 200 OK\nContent-Length: 0\n\n",
        r"^HTTP/.*[^\r]\n",
    ),
    Rule(
        GO_ON,
        "refused: .*Invalid header value char",
        "9110 5.5: DEL may be kept by a client",
        OK + b"A: \x7f\r\nContent-Length: 0\r\n\r\n",
        "^HTTP/.*\x7f",
    ),
    Rule(
        GO_ON,
        "refused: .*Invalid character in chunk extensions.*",
        "9112 7.1.1: extensions that are not understood are to be ignored; a client does",
        OK + CODED + b"1;\r\nx\r\n0\r\n\r\n",
        "^HTTP/",
    ),
    Rule(
        GO_ON,
        "refused: .*Invalid HTTP version",
        "9110 2.5: a higher minor version is understood as the highest known",
        b"GET / HTTP/1.2\r\nHost: h\r\n\r\n",
        r"HTTP/1\.[2-9]",
    ),
    Rule(
        GO_ON,
        "refused: .*(Invalid method encountered|space after method)",
        "9110 16.1: there are other methods",
        b"WOHOO /" + HTTP11 + b"\r\n",
    ),
    Rule(
        "message",
        "refused: .*Transfer-Encoding.*",
        "9112 6.3: such a response has no body, whatever its head says",
        b"HTTP/1.1 204 x\r\nTransfer-Encoding: gzip\r\n\r\n",
        r"HTTP/1\.\d (1\d\d|204|304)\b",
    ),
    Rule(
        GO_ON,
        "waiting|refused: .*invalid `Transfer-Encoding`",
        "9110 5.5: space around a value is no part of it",
        POST + b"Transfer-Encoding: chunked\t\r\n\r\n0\r\n\r\n",
        "chunked[ \t]+\r?\n",
    ),
    Rule(
        GO_ON,
        "refused: .*(illegal chunk header|Invalid character in chunk size).*",
        "9112 7.1.1: space before an extension is to be removed",
        POST + CODED + b"1 ; a\r\nx\r\n0\r\n\r\n",
        r"\w[ \t]+;",
    ),
    Rule(
        "message",
        "refused: .*Content-Length can't be present.*",
        "9110 6.5.1: a trailer frames nothing",
        POST + CODED + b"0\r\nContent-Length: 5\r\n\r\n",
        "\n0.*Content-Length",
    ),
    Rule(
        r"message .*b'1\d\d'.*",
        "message .*",
        "9112 6.3: 1xx has no body",
        b"HTTP/1.1 199 x\r\nContent-Length: 1\r\n\r\na",
        "Length|chunked",
    ),
    Rule(
        "message",
        "waiting|refused: .*",
        "9112 6.3: 1xx has no body",
        b"HTTP/1.1 199 x\r\nContent-Length: 1\r\n\r\n",
        r"HTTP/1\.\d 1\d\d .*(Length|Encoding)",
    ),
    Rule(
        "message",
        "closed",
        "9112 9.3: HTTP/1.0 closes, so httptools looks no further; ours reads on and finds more",
        b"HTTP/1.0 204 x\r\n\r\n" + OK + b"Content-Length: 0\r\n\r\n",
    ),
    Rule(
        GO_ON,
        ".*(_SWITCH_UPGRADE|Pause on CONNECT/Upgrade).*|message",
        "9110 15.2.2: what follows 101 is another protocol; the program knows which",
        b"HTTP/1.1 101 x\r\n\r\n",
        " 101 ",
    ),
    Rule(
        "message .*b'CONNECT'.*|waiting",
        "message.*",
        "9110 9.3.6: a body of CONNECT means nothing; ours delivers it",
        b"CONNECT h:1" + HTTP11 + b"Content-Length: 1\r\n\r\na",
        "CONNECT .*(Length|chunked)",
    ),
)

RULES = OURS_REFUSES + OURS_ACCEPTS


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
        # A fold may become any number of spaces (RFC 9112, section 5.2).
        (name, re.sub(rb"[ \t]+", b" ", value.lower() if name.lower() == b"transfer-encoding" else value))
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


def disagreement(data: bytes, flags: int, outcome: Outcome, verdict: Verdict) -> tuple[str, str] | None:
    """A parting that no rule covers."""
    parts = parting(ours(outcome), theirs(verdict))
    if parts is not None and parts[0] == "waiting" and parts[1].startswith("refused"):
        # Ours judges a head when it is complete.
        parts = parting(ours(engine.run(data + b"\r\n\r\n", flags)), theirs(verdict))
    if parts is None or any(rule.covers(*parts, data) for rule in RULES):
        return None
    return parts


def too_long(outcome: Outcome) -> bool:
    """True for a body that is announced too long: that is refused by the loop, or with the next bytes."""
    return outcome.errors == ("MG_MAX_RECV_SIZE",)


def check(data: bytes, flags: int) -> None:
    """Compares all readers, and ours with itself when the bytes come in pieces."""
    whole = engine.run(data, flags)
    for peer in (by_h11, by_httptools):
        verdict = peer(data, bool(flags & CLIENT))
        assert disagreement(data, flags, whole, verdict) is None, (peer.__name__, data)

    # Split at every byte: the outcome is the same, and heads are known to be incomplete.
    bytewise, cut = engine.run(data, flags | BYTEWISE), engine.run(data, flags, cut=len(data) // 2)
    assert bytewise == whole or too_long(bytewise)
    assert cut == whole or too_long(cut)
    head = engine.parse(data)
    if head > 0:
        assert engine.first_answer(data, head) == head
    # What clients forgive, mg_http_parse does not.
    if whole.messages and not flags & CLIENT:
        assert head > 0


chosen = settings(
    deadline=None,
    derandomize=not EXPLORES,  # The same messages each time: what fails once fails until it is fixed.
    database=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.slow
@settings(chosen, max_examples=REQUESTS)
@given(st.binary(max_size=80))
def test_requests(data: bytes) -> None:
    check(messages.requests(data), STRICT)


@pytest.mark.slow
@settings(chosen, max_examples=RESPONSES)
@given(st.binary(max_size=80))
def test_responses(data: bytes) -> None:
    response = messages.responses(data)
    check(response, STRICT | CLIENT)
    # Without a length, a body ends with the connection.
    bytewise = engine.run(response, CLIENT | ENDS | BYTEWISE)
    assert bytewise == engine.run(response, CLIENT | ENDS) or too_long(bytewise)


def over_tcp(port: int, data: bytes) -> bytes:
    """Sends bytes in three pieces; all that comes back."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        received = b""
        with suppress(OSError):  # Closed while there was more to send: what it said is there to read.
            for at in range(3):
                connection.sendall(data[at * len(data) // 3 : (at + 1) * len(data) // 3])
            connection.shutdown(socket.SHUT_WR)
        with suppress(ConnectionResetError):
            while more := connection.recv(65536):
                received += more
        return received


def test_the_same_over_tcp() -> None:
    """The server of server.c says what the engine does without a network."""
    with server("strict=1", "http10-close=1", "error-replies=1") as port:

        @settings(chosen, max_examples=CONNECTIONS)
        @given(st.binary(max_size=80))
        def same(choices: bytes) -> None:
            data = messages.requests(choices)
            outcome = engine.run(data, STRICT | REPLIES)
            expected = b"".join(map(reply, outcome.messages)) + outcome.sent
            # The line that HTTP/1.0 clients need: docs/reference/server-behaviour.md, tests/c/http_endings.c.
            received = over_tcp(port, data).replace(b"\r\nConnection: keep-alive\r\n", b"\r\n")
            assert received == expected, data

        same()


def reply(request: Message) -> bytes:
    """The reply of server.c."""
    method, target, _ = request.start
    if method == b"HEAD":
        return b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
    body = b"%s %s %d\n" % (method, target.partition(b"?")[0], len(request.body))
    return b"HTTP/1.1 200 OK\r\nContent-Length: %-11d\r\n\r\n%s" % (len(body), body)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.example.decode("latin-1").partition("\r")[0])
def test_a_rule_is_needed_and_names_a_section(rule: Rule) -> None:
    assert re.match(r"91(10|12) \d", rule.why)
    flags = STRICT | (CLIENT if rule.example.startswith(b"HTTP/") else 0)
    outcome = engine.run(rule.example, flags)
    verdicts = [peer(rule.example, bool(flags & CLIENT)) for peer in (by_h11, by_httptools)]
    parts = [parting(ours(outcome), theirs(verdict)) for verdict in verdicts]
    assert any(pair is not None and rule.covers(*pair, rule.example) for pair in parts), parts


def test_a_disagreement_is_noticed() -> None:
    request = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"
    outcome, same = engine.run(request, STRICT), by_h11(request)
    assert disagreement(request, STRICT, outcome, same) is None
    refused = Verdict([], refusal="no")
    assert disagreement(request, STRICT, outcome, refused) == ("message", "refused: no")
    other = Verdict([dataclasses.replace(same.messages[0], body=b"x")])
    parts = disagreement(request, STRICT, outcome, other)
    assert parts is not None
    assert "body=b''" in parts[0]
    assert "body=b'x'" in parts[1]
