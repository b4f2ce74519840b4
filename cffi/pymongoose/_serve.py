"""What the ASGI and the WSGI server share."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

from .web import url_host, url_is_ssl, url_port

ANY_ADDRESS = ("", "0.0.0.0", "[::]", "::")
REASONS = {int(status): status.phrase for status in HTTPStatus}


def load(app: Any) -> Callable[..., Any]:
    """An application: itself, or what "module:attribute" names."""
    if not isinstance(app, str):
        loaded: Callable[..., Any] = app
        return loaded
    module, _, attribute = app.partition(":")
    found: Any = importlib.import_module(module)
    for name in (attribute or "app").split("."):
        found = getattr(found, name)
    loaded = found
    return loaded


def server_name(url: str) -> str:
    """Host of a listening URL, as an application may show it to clients."""
    host = url_host(url)
    return "127.0.0.1" if host in ANY_ADDRESS else host


def socket_path(url: str) -> str | None:
    """The path of a listening URL that names a Unix socket."""
    return url[len("unix:") :] if url.startswith("unix:") else None


def is_tls(url: str) -> bool:
    """Whether a listening URL means TLS."""
    return url_is_ssl(url)


def port_of(url: str) -> int:
    """Port of a listening URL."""
    return url_port(url)


def check_header(name: bytes, value: bytes) -> None:
    """Refuses what could break out of a header line."""
    for what, data in (("name", name), ("value", value)):
        if b"\r" in data or b"\n" in data or b"\0" in data:
            raise ValueError(f"Header {what} contains illegal character (CR, LF, or NUL): {data!r}")


def head(status_line: bytes, headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Status line and headers of a response, with the blank line."""
    lines = [b"HTTP/1.1 ", status_line, b"\r\n"]
    for name, value in headers:
        check_header(name, value)
        lines += (name, b": ", value, b"\r\n")
    lines.append(b"\r\n")
    return b"".join(lines)


def has_header(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> bool:
    """Whether a header is there, in any case."""
    return any(given.lower() == name for given, _ in headers)
