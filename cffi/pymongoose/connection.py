"""Connection: the Python half. What runs once per request is native, in cffi/gate/connection.c."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from . import settings as _settings
from . import sse
from ._core import encode, ffi, gate, lib, to_bytes, view
from .interest import Handler, masks
from .message import HttpMessage
from .tls import TlsInfo, TlsOpts, system_authorities

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from .browsers import WebOptions

JSON_TYPE = {"Content-Type": "application/json"}

Data = Any  # str, or anything that bytes() takes


class _Native:
    """`with _Native(conn) as c`: the C connection, locked against other threads.

    Raises RuntimeError when the connection is closed.
    """

    __slots__ = ("_conn", "_core")

    def __init__(self, conn: Connection) -> None:
        self._conn = conn

    def __enter__(self) -> Any:
        address = self._conn._lock()
        self._core = self._conn._manager
        return ffi.cast("struct mg_connection *", address)

    def __exit__(self, *exc_info: object) -> None:
        self._conn._unlock(self._core)


def header_lines(headers: Any) -> bytes:
    """Header lines of a dict or of pairs, each with its CRLF."""
    pairs = headers.items() if hasattr(headers, "items") else headers
    lines = []
    for key, item in pairs:
        name, value = str(key), str(item)
        for what, text in (("name", name), ("value", value)):
            if any(c in text for c in "\r\n\0"):
                raise ValueError(f"Header {what} contains illegal character (CR, LF, or NUL): {text!r}")
        lines.append(f"{name}: {value}\r\n")
    return "".join(lines).encode()


class Connection(gate.Conn):
    """A connection: listening, accepted or outgoing. Made by a Manager, never by programs.

    The same object is passed to every call of its handlers. It outlives the network connection:
    when that is closed, methods raise RuntimeError and attributes have the values of nothing.
    """

    __slots__ = ("_has_pair", "_url_host")
    _has_pair: bool  # of a listener: its certificate works
    _url_host: bytes  # of a client: what it was told to connect to

    def set_handler(self, handler: Handler | None, *, events: Iterable[int] | None = None) -> None:
        """Sets the connection's own handler; None goes back to the manager's.

        On a listener it is also the handler of the connections that it accepts from now on.
        events: numbers of the events that the handler wants; None finds out (see Manager).
        """
        self._set_route(handler, *masks(handler, events))

    def set(self, **settings: Unpack[_settings.Settings]) -> None:
        """Changes limits, timeouts and the like of this connection; see Manager.set().

        On a listener: for the connections that it accepts from now on and whose handler of
        MG_EV_ACCEPT does not call tls_init() itself. Raises ValueError, and nothing has changed, for a
        key that does not belong to the certificate, and for whatever else is wrong when the listener
        has a certificate that works. (What is wrong on other connections, and with a listener's first
        certificate, is reported by MG_EV_ERROR of the connections that need it.)
        """
        if not isinstance(opts, TlsOpts):
            raise TypeError(f"opts must be TlsOpts, not {type(opts).__name__}")
        config = ffi.new("struct mg_tls_config *")
        options = config.opts
        ca, name = opts.ca, opts.name
        if self.is_client and not ca and not opts.skip_verification:
            ca, name = system_authorities(), name or getattr(self, "_url_host", b"")
        options.ca, options.cert, options.key = view(ca), view(opts.cert), view(opts.key)
        options.name, options.skip_verification = view(name), opts.skip_verification
        pairs = ffi.new("struct mg_tls_pair[]", [(view(cert), view(key)) for cert, key in opts.pairs])
        alpn = ",".join(opts.alpn).encode()
        config.pairs, config.num_pairs = pairs, len(opts.pairs)
        config.alpn, config.crl, config.ocsp = view(alpn), view(opts.crl), view(opts.ocsp)
        with _Native(self) as c:
            wrong = lib.mg_tls_start(c, config)
            if wrong == ffi.NULL:
                self._has_pair = bool(opts.cert)
                return
            text = ffi.string(wrong).decode()
            if not c.is_listening:
                lib.mg_error(c, b"%s", wrong)
                return
            is_readable = text.startswith("key: it does not belong")
            if is_readable or getattr(self, "_has_pair", False) or opts.pairs or opts.crl or opts.ocsp:
                raise ValueError(text)
            lib.mg_tls_init(c, options)  # Keeps what is wrong for the connections.

    def tls_info(self) -> TlsInfo | None:
        """What the two sides have agreed on; None without TLS and before MG_EV_TLS_HS."""
        info = ffi.new("struct mg_tls_info *")
        with _Native(self) as c:
            if not lib.mg_tls_get_info(c, info):
                return None

            def field(value: Any) -> bytes:
                return bytes(ffi.buffer(value.buf, value.len)) if value.len else b""

            def text(value: Any) -> str:
                return field(value).decode(errors="backslashreplace")

            return TlsInfo(
                version=text(info.version),
                cipher=text(info.cipher),
                group=text(info.group),
                alpn=text(info.alpn),
                name=text(info.name),
                peer_subject=text(info.peer_subject),
                peer_names=tuple(text(info.peer_names).split()),
                peer_cert=field(info.peer_cert),
                resumed=info.resumed,
            )

    def tls_free(self) -> None:
        """Drops the TLS state. A connection that is open closes; a listener's connections are plain."""
        with _Native(self) as c:
            lib.mg_tls_free(c)
            self._has_pair = False


def _web_options(web: WebOptions | None) -> tuple[Any, list[Any]]:
    """A struct mg_http_web_opts, or NULL, and what must be kept alive for it."""
    if web is None:
        return ffi.NULL, []
    from .browsers import native  # Loaded when it is used, see __init__.py.

    return native(web)


def _limit(max_size: int) -> int:
    if max_size < 0:
        raise ValueError("max_size must not be negative")
    return min(max_size, sys.maxsize)


def _serve_options(root: str, extra: str, types: str, page404: str) -> tuple[Any, list[Any]]:
    """A struct mg_http_serve_opts and the strings that it points at."""
    options = ffi.new("struct mg_http_serve_opts *")
    keep = []
    for field, text in (
        ("root_dir", root),
        ("extra_headers", extra),
        ("mime_types", types),
        ("page404", page404),
    ):
        if text:
            string = ffi.new("char[]", encode(text, field))
            keep.append(string)
            setattr(options, field, string)
    return options, keep
