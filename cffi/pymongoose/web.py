"""URLs, forms and patterns."""

from __future__ import annotations

from typing import Any

from ._core import bytes_of, encode, ffi, lib, text_of, to_bytes, view

_WILDCARDS = b"?*#"


def url_encode(data: str) -> str:
    """Percent-encodes everything but letters, digits and - _ . ~"""
    if not isinstance(data, str):
        raise TypeError(f"data must be str, not {type(data).__name__}")
    source = data.encode()
    room = len(source) * 3 + 16
    encoded = ffi.new("char[]", room)
    n = lib.mg_url_encode(source, len(source), encoded, room)
    return bytes(ffi.buffer(encoded, n)).decode("ascii")


def _part(function: Any, url: str) -> str:
    """Calls a function whose result points into its argument."""
    text = ffi.new("char[]", encode(url))
    return text_of(function(text))


def url_port(url: str) -> int:
    """Port of a URL: the explicit one, else that of the scheme, else 0."""
    return int(lib.mg_url_port(encode(url)))


def url_host(url: str) -> str:
    """Host of a URL; IPv6 addresses keep their brackets."""
    return _part(lib.mg_url_host, url)


def url_user(url: str) -> str:
    """User of a URL, or ""."""
    return _part(lib.mg_url_user, url)


def url_pass(url: str) -> str:
    """Password of a URL, or ""."""
    return _part(lib.mg_url_pass, url)


def url_uri(url: str) -> str:
    """Path of a URL with its query; "/" when there is none."""
    text = ffi.new("char[]", encode(url))
    uri: bytes = ffi.string(lib.mg_url_uri(text))  # It points into the text.
    return uri.decode("utf-8", "surrogateescape")


def url_is_ssl(url: str) -> bool:
    """True for schemes with TLS: https, wss, mqtts and the like."""
    return bool(lib.mg_url_is_ssl(encode(url)))


def match(s: str, pattern: str) -> tuple[bool, list[str]]:
    """Matches a glob: ? is one byte, * any run without "/", # any run.

    Returns whether it matches, and what each wildcard stood for.
    """
    text, glob = s.encode(), pattern.encode()
    wildcards = sum(byte in _WILDCARDS for byte in glob)
    captures = ffi.new("struct mg_str[]", wildcards + 1)
    if not lib.mg_match(view(text), view(glob), captures):
        return False, []
    return True, [text_of(captures[i]) for i in range(wildcards)]


def http_var(buf: str | bytes, name: str) -> str | None:
    """Raw value of a variable in a query string or form, not decoded; None when absent."""
    source, key = to_bytes(buf), encode(name, "name")
    value = lib.mg_http_var(view(source), view(key))
    return None if value.buf == ffi.NULL else text_of(value)


def http_parse_multipart(body: str | bytes, offset: int = 0) -> tuple[int, dict[str, Any] | None]:
    """The next part of a multipart body: (offset of the one after it, part), or (0, None).

    A part is a dict with name, filename ("" without one) and body (bytes).
    """
    source = to_bytes(body)
    if offset < 0:
        raise OverflowError("offset must not be negative")
    part = ffi.new("struct mg_http_part *")
    following = int(lib.mg_http_next_multipart(view(source), offset, part)) if source else 0
    if following == 0:
        return 0, None
    return following, {
        "name": text_of(part.name),
        "filename": text_of(part.filename),
        "body": bytes_of(part.body),
    }
