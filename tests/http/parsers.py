"""The parsers that ours is compared with: h11 and httptools (which wraps llhttp)."""

from __future__ import annotations

import dataclasses
from typing import Any

import h11
import httptools

from engine import Headers, Message


@dataclasses.dataclass
class Verdict:
    """What a parser made of some bytes: messages, then perhaps a refusal."""

    messages: list[Message]
    refusal: str = ""  # the reason
    says_no_more: bool = False  # it does not look at what follows


def _h11_headers(event: Any) -> Headers:
    return tuple((name, value) for name, value in event.headers.raw_items())


def by_h11(data: bytes, client: bool = False) -> Verdict:
    """As a server, or as a client that sent GET."""
    connection = h11.Connection(h11.CLIENT if client else h11.SERVER)
    verdict = Verdict([])
    if client:
        connection.send(h11.Request(method="GET", target="/", headers=[("Host", "h")]))
        connection.send(h11.EndOfMessage())
    if data:  # No data would mean the end of the connection.
        connection.receive_data(data)
    start: tuple[bytes, bytes, bytes] | None = None
    headers: Headers = ()
    body = b""
    try:
        while True:
            event = connection.next_event()
            if event is h11.PAUSED:
                verdict.says_no_more = connection.their_state is not h11.DONE
                break
            if event is h11.NEED_DATA or isinstance(event, h11.ConnectionClosed):
                break
            if isinstance(event, h11.Request):
                start = (event.method, event.target, b"HTTP/" + event.http_version)
                headers, body = _h11_headers(event), b""
            elif isinstance(event, (h11.Response, h11.InformationalResponse)):
                status = b"%d" % event.status_code
                start = (b"HTTP/" + event.http_version, status, bytes(event.reason))
                headers, body = _h11_headers(event), b""
                if isinstance(event, h11.InformationalResponse):
                    verdict.messages.append(Message(start, headers, b""))
                    start = None
            elif isinstance(event, h11.Data):
                body += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                assert start is not None
                verdict.messages.append(Message(start, headers, body))
                start = None
                if client:
                    verdict.says_no_more = True  # It has asked once only.
                    break
                connection.send(h11.Response(status_code=404, headers=[("Content-Length", "0")]))
                connection.send(h11.EndOfMessage())
                if set(connection.states.values()) != {h11.DONE}:
                    verdict.says_no_more = True
                    break
                connection.start_next_cycle()
    except h11.RemoteProtocolError as e:
        verdict.refusal = str(e)
    return verdict


class _Collector:
    """Callbacks of httptools."""

    def __init__(self) -> None:
        self.parser: Any = None
        self.client = False
        self.verdict = Verdict([])

    def on_message_begin(self) -> None:
        self.url = self.status = self.body = b""
        self.headers: list[tuple[bytes, bytes]] = []
        self.in_head = True
        self.start: tuple[bytes, bytes, bytes] | None = None

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_status(self, status: bytes) -> None:
        self.status += status

    def on_header(self, name: bytes, value: bytes) -> None:
        # Trailers are not to be mixed with headers (RFC 9110, section 6.5.1). And spaces before
        # the line's end are no part of the value (RFC 9112, section 5.1).
        if self.in_head:
            self.headers.append((name, value.strip(b" \t")))

    def on_headers_complete(self) -> None:
        self.in_head = False
        version = b"HTTP/" + self.parser.get_http_version().encode()
        if self.client:
            code = b"%d" % self.parser.get_status_code()
            self.start = (version, code, self.status)
        else:
            self.start = (self.parser.get_method(), self.url, version)

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        assert self.start is not None
        self.verdict.messages.append(Message(self.start, tuple(self.headers), self.body))


def by_httptools(data: bytes, client: bool = False) -> Verdict:
    """As a server, or as a client that sent GET."""
    collector = _Collector()
    collector.client = client
    collector.parser = (httptools.HttpResponseParser if client else httptools.HttpRequestParser)(collector)
    verdict = collector.verdict
    try:
        collector.parser.feed_data(data)
    except httptools.HttpParserUpgrade:
        verdict.says_no_more = True
    except httptools.HttpParserError as e:
        verdict.refusal = f"{type(e).__name__}: {e}"
    return verdict
