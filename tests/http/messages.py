"""Makes HTTP messages, valid and nearly valid, out of a string of choices.

Every byte of the string takes one decision, and 0 takes the plainest. So hypothesis, which makes
strings shorter and their bytes smaller, finds the plainest message that shows a problem.
"""

from __future__ import annotations

from collections.abc import Sequence

CRLF = b"\r\n"

METHODS = (b"GET", b"POST", b"PUT", b"DELETE", b"OPTIONS", b"PATCH")
ODD_METHODS = (b"HEAD", b"get", b"WOHOO", b"M-SEARCH", b"CONNECT", b"", b"G@T", b"G\xc3\xa9T", b"HTTP/1.1")
TARGETS = (b"/", b"/a/b?c=d", b"/%2e%2e/x?y=%zz", b"*", b"http://host/x", b"/?")
ODD_TARGETS = (
    b"/caf\xc3\xa9", b"/a#b", b"", b"x", b"host:443", b"/a b", b"/a\tb", b"/\x7f", b"/\xff", b"?a", b"//",
    b"/a?b?c", b"ftp://h/", b"/'\"<>\\^`{|}", b"/?\xff",
)  # fmt: skip
VERSIONS = (b"HTTP/1.1", b"HTTP/1.1", b"HTTP/1.0")
ODD_VERSIONS = (
    b"HTTP/1.2",
    b"HTTP/2.0",
    b"HTTP/0.9",
    b"http/1.1",
    b"HTTP/1.1 ",
    b"HTTP/11.1",
    b"HTTP/1",
    b"",
)
SPACES = (b" ",)
ODD_SPACES = (b"  ", b"\t", b"", b" \t ", b"\x0b")
ENDS = (CRLF,)
ODD_ENDS = (b"\n", b"\r", b"\r\r\n", b"\n\r", b" \r\n", b"\x00\r\n", b"\r\n ", b"\r\n\t", b"")

NAMES = (b"Accept", b"X-Custom", b"a", b"User-Agent", b"Accept-Encoding", b"Cookie")
ODD_NAMES = (
    b"", b"A B", b"A ", b"A\t", b" A", b"A(b)", b"\xc3\x9c", b"A\xff", b"A\x7f", b"A\x00", b"A\r", b"Host",
    b"Content-Length", b"Transfer-Encoding", b"Connection", b"Cookie", b"Authorization", b"Expect",
)  # fmt: skip
VALUES = (b"b", b"", b"*/*", b"a, b; q=0.5", b"text with  spaces", b"'\"():;,")
ODD_VALUES = (
    b"\xc3\xbc", b"\xff", b"a\x7fb", b"a\x00b", b"a\x01b", b"a\tb", b"a\rb", b"close", b"keep-alive, close",
    b"100-continue", b"chunked", b"0",
)  # fmt: skip
PADDINGS = (b" ", b"", b"  ", b"\t")
COLONS = (b":",)
ODD_COLONS = (b" :", b"\t:", b"", b"::", b";")

LENGTHS = (b"%d",)
ODD_LENGTHS = (
    b"+%d", b"-%d", b"00%d", b"%d.0", b"0x%d", b"%d, %d", b"%d %d", b" ", b"%d;", b"18446744073709551615",
    b"18446744073709551616", b"9223372036854775808", b"99999999999", b"%d\x0b", b"a",
)  # fmt: skip
CODINGS = (b"chunked",)
ODD_CODINGS = (
    b"Chunked", b"gzip, chunked", b"chunked, gzip", b"identity", b"chunked, chunked", b"chunked;a=b",
    b"xchunked", b"", b"\x0bchunked", b"'chunked'", b"chunked,",
)  # fmt: skip
SIZES = (b"%x",)
ODD_SIZES = (
    b"%X", b"0%x", b"0x%x", b"+%x", b"-%x", b" %x", b"%x ", b"", b"%x;a=b", b'%x;a="b"', b"%x ; a", b"%x;",
    b"00000000%x", b"7fffffff", b"80000000", b"ffffffffffffffff", b"10000000000000000", b"%xg", b"%x\t",
    b"%x;\xff", b"%x;a\nb", b"%x\x00",
)  # fmt: skip
AFTER_DATA = (CRLF,)
TRAILERS = (b"", b"", b"", b"X-Trailer: a\r\n")
ODD_TRAILERS = (
    b"Content-Length: 5\r\n", b"A\r\n", b"A : b\r\n", b" A: b\r\n", b"A: b\n", b": b\r\n", b"A: b\x00\r\n",
    b"A: b\r\n c\r\n", b"A(: b\r\n", b"\xc3\x9c: b\r\n",
)  # fmt: skip

STATUSES = (b"200", b"404", b"204", b"304", b"100", b"500", b"103")
ODD_STATUSES = (b"99", b"1000", b"abc", b"", b"-200", b"2 0", b"101", b"199", b"600")
REASONS = (b"OK", b"", b"Some long reason", b"caf\xc3\xa9")
ODD_REASONS = (b"\xff", b"a\x7f", b"a\x01", b"a\rb", b"a\x00b", b"\t")

BYTES = (b"\r", b"\n", b"\0", b" ", b":", b"\t", b"\x7f", b"\xff", b"0", b"\x0b", b"\r\n", b";", b",", b"a")


class Choices:
    """Decisions out of a byte string; 0 where it has ended."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def next(self) -> int:
        self.at += 1
        return self.data[self.at - 1] if self.at <= len(self.data) else 0

    def one_in(self, n: int) -> bool:
        return self.next() >= 256 - 256 // n

    def pick(self, plain: Sequence[bytes], odd: Sequence[bytes] = (), rare: int = 24) -> bytes:
        if odd and self.one_in(rare):
            plain = odd
        return plain[self.next() % len(plain)]


def _head(choose: Choices, first: list[bytes], headers: list[tuple[bytes, bytes]]) -> bytes:
    end = CRLF if not choose.one_in(16) else b"\n"
    lines = b" ".join(first) if not choose.one_in(24) else choose.pick(ODD_SPACES).join(first)
    out = lines + (choose.pick((end,), ODD_ENDS, 32))
    for name, value in headers:
        colon = choose.pick(COLONS, ODD_COLONS, 40)
        before, after = choose.pick(PADDINGS), b"" if not choose.one_in(8) else choose.pick(PADDINGS)
        out += name + colon + before + value + after + choose.pick((end,), ODD_ENDS, 40)
    return out + choose.pick((end,), ODD_ENDS, 40)


def _body(choose: Choices, headers: list[tuple[bytes, bytes]]) -> bytes:
    """Adds what frames a body to the headers, returns the body as it is on the wire."""
    kind = choose.next() % 8
    data = bytes(97 + i for i in range(choose.next() % 12))
    if kind < 3:
        return b""
    length = choose.pick(LENGTHS, ODD_LENGTHS, 6)
    length = length.replace(b"%d", b"%d" % len(data))
    coding = choose.pick(CODINGS, ODD_CODINGS, 8)
    if kind < 5:
        headers.append((b"Content-Length", length))
        return data if not choose.one_in(16) else data[:-1]
    headers.append((b"Transfer-Encoding", coding))
    if choose.one_in(16):
        headers.append((b"Content-Length", length))
    out = b""
    for at in range(0, len(data), 5):
        piece = data[at : at + 5]
        size = choose.pick(SIZES, ODD_SIZES, 12)
        size = size.replace(b"%x", b"%x" % len(piece)).replace(b"%X", b"%X" % len(piece))
        out += size + choose.pick(ENDS, ODD_ENDS, 40) + piece + choose.pick(AFTER_DATA, ODD_ENDS, 40)
    out += choose.pick((b"0",), (b"000", b"", b"0;a=b", b"00000000000"), 24) + choose.pick(ENDS, ODD_ENDS, 60)
    return out + choose.pick(TRAILERS, ODD_TRAILERS, 16) + choose.pick(ENDS, ODD_ENDS, 60)


def _headers(choose: Choices) -> list[tuple[bytes, bytes]]:
    return [
        (choose.pick(NAMES, ODD_NAMES, 12), choose.pick(VALUES, ODD_VALUES, 12))
        for _ in range(choose.next() % 4)
    ]


def _mutated(choose: Choices, raw: bytes) -> bytes:
    """Sometimes: a byte changed, removed or put in; or the end cut off."""
    if not choose.one_in(6):
        return raw
    at = (choose.next() * 256 + choose.next()) % (len(raw) + 1)
    kind = choose.next() % 4
    if kind == 0:
        return raw[:at] + choose.pick(BYTES) + raw[at:]
    if kind == 1:
        return raw[:at] + raw[at + 1 :]
    if kind == 2:
        return raw[:at] + bytes([choose.next()]) + raw[at + 1 :]
    return raw[:at]


def request(choose: Choices) -> bytes:
    """One request."""
    first = [
        choose.pick(METHODS, ODD_METHODS, 20),
        choose.pick(TARGETS, ODD_TARGETS, 16),
        choose.pick(VERSIONS, ODD_VERSIONS, 16),
    ]
    headers = (
        [] if choose.one_in(16) else [(b"Host", choose.pick((b"h", b"h:80"), (b"", b"h/x", b"a b"), 16))]
    )
    headers += _headers(choose)
    if choose.one_in(10):
        headers.append((b"Connection", choose.pick((b"close", b"keep-alive", b"x, Close", b"upgrade"))))
    body = _body(choose, headers)
    return _head(choose, first, headers) + body


def response(choose: Choices) -> bytes:
    """One response."""
    first = [
        choose.pick(VERSIONS, ODD_VERSIONS, 16),
        choose.pick(STATUSES, ODD_STATUSES, 24),
        choose.pick(REASONS, ODD_REASONS, 16),
    ]
    headers = _headers(choose)
    body = _body(choose, headers)
    return _head(choose, first, headers) + body


def requests(data: bytes) -> bytes:
    """One to three requests in a row."""
    choose = Choices(data)
    count = 1 + choose.next() % 3
    return _mutated(choose, b"".join(request(choose) for _ in range(count)))


def responses(data: bytes) -> bytes:
    """One or two responses in a row."""
    choose = Choices(data)
    count = 1 + choose.next() % 2
    return _mutated(choose, b"".join(response(choose) for _ in range(count)))
