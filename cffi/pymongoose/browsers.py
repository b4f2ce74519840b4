"""What browsers want beside a reply: CORS, security headers, compressed files, lifetimes in caches."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from ._core import ffi, lib

if TYPE_CHECKING:
    from .connection import Connection
    from .message import HttpMessage

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[^\sA-Z/?#,@\x00]+|null|\*")  # As browsers write them.
_INT_MAX = (1 << 31) - 1


@dataclass(frozen=True)
class WebOptions:
    """Options for browsers, of serve_dir() and serve_file(), and for replies of a handler's own.

    ValueError for values that could break out of a header line or out of their list. The options
    never change, so one object serves all requests.
    """

    cors_origins: str | Sequence[str] = ()
    """Origins whose pages may read the replies: "https://app.example", several of them, or "*"."""
    cors_methods: Sequence[str] = ()
    """Methods that they may use beside GET, HEAD and POST."""
    cors_headers: Sequence[str] | None = None
    """Request headers that they may send beside the usual ones; None: any."""
    cors_max_age: int = 0
    """Seconds for which a browser may remember that; 0: its default."""
    cors_credentials: bool = False
    """Their requests may carry cookies. The origins have to be named then."""
    security: bool = False
    """X-Content-Type-Options, X-Frame-Options, Referrer-Policy; over TLS Strict-Transport-Security."""
    content_policy: str = ""
    """Content-Security-Policy of files."""
    precompressed: bool = False
    """Send NAME.br or NAME.gz in place of NAME to browsers that take it."""
    lifetimes: Mapping[str, int] | Sequence[tuple[str, int]] = field(default=())
    """Seconds that caches may keep files, by glob (see match()) for the path of the request. The first
    that matches counts; 0 means: ask each time."""
    beneath: bool = False
    """Do not follow symbolic links that lead out of the root."""
    no_listing: bool = False
    """404 for directories without an index, in place of a list of their files."""
    no_dot_files: bool = False
    """404 for names that begin with a dot, but for .well-known."""

    def __post_init__(self) -> None:
        origins = self.cors_origins
        store = object.__setattr__  # Frozen; and tuples, so that options can be compared and hashed.
        store(self, "cors_origins", (origins,) if isinstance(origins, str) else tuple(origins))
        store(self, "cors_methods", _texts("cors_methods", self.cors_methods))
        if self.cors_headers is not None:
            store(self, "cors_headers", _texts("cors_headers", self.cors_headers))
        pairs = self.lifetimes.items() if isinstance(self.lifetimes, Mapping) else self.lifetimes
        store(self, "lifetimes", tuple((str(pattern), seconds) for pattern, seconds in pairs))
        self._check()

    def _check(self) -> None:
        for origin in self.cors_origins:
            if not _ORIGIN.fullmatch(origin):
                raise ValueError(f"not an origin such as https://app.example:8443: {origin!r}")
        for name in (*self.cors_methods, *(self.cors_headers or ())):
            if not _TOKEN.fullmatch(name):
                raise ValueError(f"not a name of a method or header: {name!r}")
        if self.cors_credentials and "*" in self.cors_origins:
            raise ValueError("cors_credentials requires named origins: no browser accepts them with '*'")
        if not 0 <= self.cors_max_age <= _INT_MAX:
            raise ValueError("cors_max_age is negative or too large")
        if any(c in self.content_policy for c in "\r\n\0"):
            raise ValueError(f"content_policy contains CR, LF or NUL: {self.content_policy!r}")
        for pattern, seconds in self._lifetimes():
            if not isinstance(seconds, int) or not 0 <= seconds <= _INT_MAX:
                raise ValueError(f"not a number of seconds for {pattern!r}: {seconds!r}")
            if not pattern or any(c in pattern for c in ",\r\n\0"):
                raise ValueError(f"lifetimes has an empty pattern, or one with a comma: {pattern!r}")

    def _lifetimes(self) -> Any:
        return self.lifetimes

    def preflight(self, conn: Connection, message: HttpMessage) -> bool:
        """Answers a CORS preflight: a browser asks whether a page may send a request.

        True when the message was one, and is answered. For handlers that reply by themselves.
        """
        options, _keep = native(self)
        with conn._answering(message) as (c, request):
            return bool(lib.mg_http_web_preflight(c, request, options))

    def headers(self, conn: Connection, message: HttpMessage) -> list[tuple[str, str]]:
        """Headers for reply(): CORS, Vary, security. Files have content_policy and lifetimes, too."""
        options, _keep = native(self)
        room = 1024
        while True:
            lines = ffi.new("char[]", room)
            with conn._answering(message) as (c, request):
                length = lib.mg_http_web_headers(c, request, options, lines, room)
            if length < room:
                break
            room = length + 1
        text = bytes(ffi.buffer(lines, length)).decode("utf-8", "surrogateescape")
        pairs = (line.partition(": ") for line in text.split("\r\n") if line)
        return [(name, value) for name, _, value in pairs]


def _texts(what: str, items: Sequence[str]) -> tuple[str, ...]:
    if isinstance(items, str):
        raise TypeError(f"{what} must be a sequence of str, not one str")
    return tuple(str(item) for item in items)


@lru_cache(maxsize=64)
def _struct(web: WebOptions) -> tuple[Any, list[Any]]:
    flags = (
        (web.security, lib.MG_WEB_SECURITY),
        (web.precompressed, lib.MG_WEB_PRECOMPRESSED),
        (web.beneath, lib.MG_WEB_BENEATH),
        (web.no_listing, lib.MG_WEB_NO_LISTING),
        (web.no_dot_files, lib.MG_WEB_NO_DOT_FILES),
        (web.cors_credentials, lib.MG_WEB_CREDENTIALS),
    )
    options = ffi.new("struct mg_http_web_opts *")
    options.flags = sum(bit for wanted, bit in flags if wanted)
    options.cors_max_age = web.cors_max_age
    keep = []
    for name, text in (
        ("cors_origins", ",".join(web.cors_origins) or None),
        ("cors_methods", ", ".join(web.cors_methods) or None),
        ("cors_headers", None if web.cors_headers is None else ", ".join(web.cors_headers)),
        ("content_policy", web.content_policy or None),
        ("lifetimes", ",".join(f"{pattern}={seconds}" for pattern, seconds in web._lifetimes()) or None),
    ):
        if text is not None:
            string = ffi.new("char[]", text.encode())
            keep.append(string)
            setattr(options, name, string)
    return options, keep


def native(web: WebOptions) -> tuple[Any, list[Any]]:
    """The options as the library takes them, and what must be kept alive for them."""
    if not isinstance(web, WebOptions):
        raise TypeError(f"web must be WebOptions, not {type(web).__name__}")
    return _struct(web)
