"""Classes of holes that HTTP servers have had, one test each.

The engine is fed directly (see engine.py): strict and not, and each case also byte by byte. What may
follow a message that cannot be trusted is an attack, so nothing that follows it is ever delivered.
"""

from __future__ import annotations

import ctypes

import pytest

import engine
from engine import BYTEWISE, CLIENT, REPLIES, STRICT, Outcome

HOST = b"Host: h\r\n"
NEXT = b"GET /smuggled HTTP/1.1\r\n" + HOST + b"\r\n"


def outcomes(data: bytes, *flags: int) -> list[Outcome]:
    """Of a server, as usual and strict, in one piece and in many."""
    found = []
    for flag in flags or (0, STRICT, STRICT | REPLIES):
        whole = engine.run(data, flag)
        assert engine.run(data, flag | BYTEWISE) == whole
        found.append(whole)
    return found


def refused(data: bytes, error: str = "", status: int = 400) -> None:
    """Nothing is delivered, and the connection ends; with a reply if such are wanted."""
    for outcome in outcomes(data):
        assert outcome.messages == ()
        assert outcome.state != "open"
        [reason] = outcome.errors
        assert error in reason
        assert not outcome.sent or outcome.sent.startswith(b"HTTP/1.1 %d " % status)
    assert outcomes(data, REPLIES)[0].sent.endswith(b"\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")


def head(*lines: bytes, start: bytes = b"POST / HTTP/1.1") -> bytes:
    return b"".join(line + b"\r\n" for line in (start, b"Host: h", *lines, b""))


def bodies(data: bytes, *flags: int) -> list[bytes]:
    """The bodies of the delivered messages; the same whatever the flags."""
    first, *others = outcomes(data, *flags)
    for other in others:
        assert other.messages == first.messages
    return [message.body for message in first.messages]


# --- Request smuggling: two readers that disagree about where a message ends


def test_smuggling_by_chunks_in_http_1_0() -> None:
    request = head(b"Transfer-Encoding: chunked", start=b"POST / HTTP/1.0")
    assert engine.parse(request) == len(request)  # The engine refuses it, not the parser.
    refused(request + b"0\r\n\r\n" + NEXT, "Invalid Transfer-Encoding")


@pytest.mark.parametrize("reverse", [False, True])
def test_smuggling_by_length_and_chunks(reverse: bool) -> None:
    lines = [b"Content-Length: 4", b"Transfer-Encoding: chunked"]
    refused(head(*(lines[::-1] if reverse else lines)) + b"0\r\n\r\n" + NEXT, "Content-Length with Transfer")


@pytest.mark.parametrize(
    "coding", [b"gzip, chunked", b"chunked, gzip", b"identity", b"xchunked", b"", b"\x0bchunked"]
)
def test_smuggling_by_another_coding(coding: bytes) -> None:
    data = head(b"Transfer-Encoding: " + coding) + b"0\r\n\r\n" + NEXT
    refused(data, status=501 if coding[:1] != b"\x0b" else 400)


def test_smuggling_by_two_lengths() -> None:
    refused(head(b"Content-Length: 4", b"Content-Length: 0") + NEXT, "Repeated")
    refused(head(b"Content-Length: 4", b"content-length: 4") + NEXT, "Repeated")


def test_smuggling_by_two_codings() -> None:
    refused(head(b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity") + b"0\r\n\r\n", "Repeated")


@pytest.mark.parametrize("count", [29, 30, 31, 100])
def test_smuggling_by_a_length_after_the_stored_headers(count: int) -> None:
    many = [b"A%d: x" % i for i in range(count)]
    assert bodies(head(*many, b"Content-Length: %d" % len(NEXT)) + NEXT) == [NEXT]
    refused(head(b"Content-Length: 1", *many, b"Content-Length: 2"), "Repeated")
    refused(head(*many, b"Transfer-Encoding: chunked", b"Content-Length: 2"), "Content-Length with")
    refused(head(*many, b"A B"))


def test_more_headers_than_anybody_needs() -> None:
    refused(head(*[b"A: b"] * 2000), "Too many HTTP headers", 431)


def test_a_folded_header() -> None:
    refused(head(b"A: b", b" Content-Length: 4") + NEXT, "Folded")
    refused(head(b"Transfer-Encoding:", b"\tchunked") + NEXT, "Folded")


def test_a_space_before_the_colon() -> None:
    refused(head(b"Content-Length : 4") + NEXT, "Space before colon")
    refused(head(b"Transfer-Encoding\t: chunked") + NEXT, "Space before colon")


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\rHost: h\r\n\r\n",
        b"GET /\r HTTP/1.1\r\nHost: h\r\n\r\n",
        b"\rGET / HTTP/1.1\r\nHost: h\r\n\r\n",
        head(b"A: b\rContent-Length: 4"),
        head(b"A\r: b"),
        head(b"A: b\r\r"),
    ],
)
def test_a_bare_cr(data: bytes) -> None:
    refused(data + NEXT, "CR without LF" if b"A\r:" not in data else "")


@pytest.mark.parametrize("byte", [0, 1, 8, 11, 12, 31])
def test_a_control_byte(byte: int) -> None:
    refused(head(b"A: b%cc" % byte) + NEXT, "Control byte")


def test_an_empty_header_name() -> None:
    refused(head(b": b") + NEXT, "Invalid HTTP header name")
    refused(head(b":") + NEXT, "Invalid HTTP header name")


@pytest.mark.parametrize(
    "length",
    [
        b"-1", b"-0", b"+1", b"1 1", b"1,1", b"1, 1", b"0x1", b"1.0", b"", b"a", b"1a", b"\xb2", b"1;",
        b"18446744073709551615", b"18446744073709551616", b"18446744073709551614", b"9" * 40,
    ],
)  # fmt: skip
def test_a_negative_or_overflowing_length(length: bytes) -> None:
    assert engine.parse(head(b"Content-Length: " + length)) == -1
    refused(head(b"Content-Length: " + length) + NEXT, "Invalid Content-Length")


@pytest.mark.parametrize(
    "chunk",
    [
        b"\r\n", b" 1\r\n", b"1 \r\n", b"+1\r\n", b"-1\r\n", b"0x1\r\n", b"1\n", b"1\r1\n", b"1;a\n",
        b"1;\x00\r\n", b"g\r\n", b"1g\r\n", b"80000000\r\n", b"fffffffffffffffff\r\n", b"1\r\nab\r\n",
        b"1\r\na\n", b"1\r\na\r\r\n",
    ],
)  # fmt: skip
def test_junk_in_chunks(chunk: bytes) -> None:
    data = head(b"Transfer-Encoding: chunked") + chunk + b"a\r\n0\r\n\r\n" + NEXT
    for outcome in outcomes(data):
        assert outcome.messages == ()
        assert outcome.errors == ("Invalid chunk",)


def test_chunk_extensions_and_trailers_have_bounds() -> None:
    start = head(b"Transfer-Encoding: chunked")
    assert bodies(start + b"1;a=b\r\nx\r\n0;c\r\nD: e\r\n\r\n") == [b"x"]
    refused(start + b"1;" + b"a" * 20_000, "Invalid chunk")
    refused(start + b"1;aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\nx\r\n" * 1000, "Invalid chunk")
    refused(start + b"0\r\n" + b"A: b\r\n" * 5000, "Invalid chunk")


def test_a_trailer_frames_nothing() -> None:
    trailers = b"0\r\nContent-Length: 100\r\nTransfer-Encoding: gzip\r\n\r\n"
    assert bodies(head(b"Transfer-Encoding: chunked") + trailers + NEXT) == [b"", b""]


def test_no_length_means_no_body() -> None:
    assert bodies(head() + NEXT) == [b"", b""]


# --- The end of a connection


def test_what_follows_close_is_not_handled() -> None:
    for value in (b"close", b"Close", b"keep-alive, close", b"a,close"):
        [outcome] = outcomes(head(b"Connection: " + value) + NEXT, 0)
        assert len(outcome.messages) == 1
        assert outcome.state == "draining"
        assert outcome.unused == 0


def test_what_follows_a_bad_request_is_not_handled() -> None:
    good = head(b"Content-Length: 1") + b"x"
    for outcome in outcomes(good + b"A B\r\n\r\n" + NEXT):
        assert [message.body for message in outcome.messages] == [b"x"]
        assert outcome.state == "draining"
        assert outcome.unused == 0


def test_a_cut_request_is_not_delivered() -> None:
    for flags in (0, STRICT):
        outcome = engine.run(head(b"Content-Length: 10") + b"short", flags | engine.ENDS)
        assert outcome.messages == ()
        assert outcome.heads == 1


# --- Floods


def test_a_flood_of_responses_is_answered_once() -> None:
    answer = b"HTTP/1.1 411 Length Required\r\nContent-Length: 0          \r\n\r\n"
    for response in (b"HTTP/1.1 200\r\n\r\n", b"HTTP/1.1 305\r\n\r\n"):
        [outcome] = outcomes(response * 1000, 0)
        assert outcome.sent == answer
        assert outcome.state == "draining"
        assert outcome.messages == ()
        assert outcome.unused == 0
    for response in (b"HTTP/1.1 204 x\r\n\r\n", b"HTTP/1.1 200 x\r\nContent-Length: 0\r\n\r\n"):
        [outcome] = outcomes(response + NEXT, STRICT)
        assert outcome.messages == ()
        assert outcome.errors == ("HTTP message from the wrong side",)


def test_a_head_without_end() -> None:
    refused(b"GET /" + b"a" * 70_000, "HTTP head too large", 414)
    refused(b"GET / HTTP/1.1\r\n" + HOST + b"A: " + b"a" * 70_000, "HTTP head too large", 431)
    # It makes no difference when the end is there.
    refused(head(b"A: " + b"a" * 70_000) + NEXT, "HTTP head too large", 431)
    refused(b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n", "HTTP head too large", 414)


def test_an_announced_body_that_nobody_could_collect() -> None:
    """The program sees the head first, as it may stream the body; the loop closes what nobody takes."""
    for length in (b"3145729", b"99999999999", b"18446744073709551000"):
        for outcome in outcomes(head(b"Content-Length: " + length)):
            assert outcome.messages == ()
            assert outcome.errors == ()
            assert outcome.heads == 1


# --- Clients


def test_interim_responses_do_not_eat_the_final_one() -> None:
    final = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    for interim in (b"100 Continue", b"102 Processing", b"103 Early Hints"):
        for headers in (
            b"",
            b"Link: </a>\r\n",
            b"Content-Length: 500\r\n",
            b"Transfer-Encoding: chunked\r\n",
        ):
            [outcome] = outcomes(b"HTTP/1.1 " + interim + b"\r\n" + headers + b"\r\n" + final, CLIENT)
            assert [m.body for m in outcome.messages] == [b"", b"ok"]


def test_responses_without_body() -> None:
    final = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    for status in (b"204", b"304"):
        [outcome] = outcomes(b"HTTP/1.1 " + status + b" x\r\nContent-Length: 9\r\n\r\n" + final, CLIENT)
        assert [m.body for m in outcome.messages] == [b"", b"ok"]


def test_a_malformed_response_is_an_error() -> None:
    for data in (b"garbage\r\n\r\n", b"HTTP/1.1 200 OK\r\nA B\r\n\r\n", b"\x16\x03\x01"):
        [outcome] = outcomes(data, CLIENT)
        assert outcome.messages == ()
        assert len(outcome.errors) == 1
        assert outcome.state == "draining"


def test_a_bad_chunk_is_reported_once() -> None:
    data = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n"
    outcome = engine.run(data, CLIENT | engine.ENDS)
    assert outcome.errors == ("Invalid chunk",)
    assert outcome.messages == ()


# --- Multipart


class Str(ctypes.Structure):
    _fields_ = (("buf", ctypes.c_void_p), ("len", ctypes.c_size_t))


class Part(ctypes.Structure):
    _fields_ = (("name", Str), ("filename", Str), ("body", Str))


def parts(body: bytes) -> list[tuple[bytes, bytes]]:
    """Name and content of each part."""
    function = engine.library().mg_http_next_multipart
    function.restype = ctypes.c_size_t
    function.argtypes = [Str, ctypes.c_size_t, ctypes.POINTER(Part)]
    memory = ctypes.create_string_buffer(body, len(body))
    whole = Str(ctypes.addressof(memory), len(body))
    found, offset, part = [], 0, Part()

    def text(s: Str) -> bytes:
        return ctypes.string_at(s.buf, s.len) if s.buf else b""

    while (following := function(whole, offset, part)) != 0:
        assert offset < following <= len(body)
        found.append((text(part.name), text(part.body)))
        offset = following
    return found


@pytest.mark.parametrize("lone", [b"\r", b"\n"])
def test_a_lone_cr_or_lf_in_multipart_headers_ends_no_line(lone: bytes) -> None:
    disposition = b'Content-Disposition: form-data; name="a"'
    ordinary = b"--b\r\n" + disposition + b"\r\n\r\nx\r\n--b--\r\n"
    assert parts(ordinary) == [(b"a", b"x")]
    # No header is made out of another one's text, no delimiter, and no blank line.
    assert parts(b"--b\r\nX: y" + lone + disposition + b"\r\n\r\nx\r\n--b--\r\n") == [(b"", b"x")]
    assert parts(b"--b\r\n" + disposition + b"\r\n\r\nx" + lone + b"--b" + lone + b"y\r\n--b--\r\n") == [
        (b"a", b"x" + lone + b"--b" + lone + b"y")
    ]
    assert parts(b"--b\r\n" + disposition + lone + lone + b"x\r\n--b--\r\n") == []
    # Without any proper line there is nothing.
    assert parts(ordinary.replace(b"\r\n", lone)) == []


def test_a_part_without_end_is_none() -> None:
    body = b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nsecret'
    assert parts(body) == []
    assert parts(body + b"\r\n--b") == []
    assert parts(body + b"\r\n--bb\r\n") == []
