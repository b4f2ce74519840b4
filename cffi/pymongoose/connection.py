"""Connection: the Python half. What runs once per request is native, in cffi/gate/connection.c."""

from __future__ import annotations

import errno
import json
import os
import re
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
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")

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
        if not _TOKEN.fullmatch(name):
            raise ValueError(f"Header name is no token (RFC 9110, section 5.1): {name!r}")
        lines.append(f"{name}: {value}\r\n")
    return "".join(lines).encode()


# Why a client does not keep what it is to publish or to subscribe to.
_NOT_KEPT = {
    errno.ENOBUFS: "the queue is full (setting mqtt_queue)",
    errno.EMSGSIZE: "longer than MQTT or the broker allows",
    errno.EOPNOTSUPP: "the broker has no such QoS, or retains nothing",
}


def _kept(call: Callable[[], Any]) -> Any:
    """The result of a call of the library that says in errno why it kept nothing."""
    ffi.errno = 0
    result = call()
    number = ffi.errno
    if not result and number in _NOT_KEPT:
        raise OSError(number, _NOT_KEPT[number])
    return result


class Connection(gate.Conn):
    """A connection: listening, accepted or outgoing. Made by a Manager, never by programs.

    The same object is passed to every call of its handlers. It outlives the network connection:
    when that is closed, methods raise RuntimeError and attributes return neutral defaults.
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

        On a listener: for the connections that it accepts from now on.
        """
        with _Native(self) as c:
            _settings.apply(lambda number, value: lib.mg_conn_set(c, number, value), settings)

    def reply_json(self, data: Any, status_code: int = 200, headers: Any = None) -> None:
        """Sends data as a JSON response.

        ValueError for what JSON cannot say: NaN and infinities.
        """
        given: Any = JSON_TYPE
        if headers is not None:
            pairs = headers.items() if hasattr(headers, "items") else headers
            given = [pair for pair in pairs if str(pair[0]).lower() != "content-type"]
            given = (dict if hasattr(headers, "items") else list)([*given, *JSON_TYPE.items()])
        self.reply(status_code, json.dumps(data, allow_nan=False), given)

    def serve_dir(
        self,
        message: HttpMessage,
        root_dir: str,
        extra_headers: str = "",
        mime_types: str = "",
        page404: str = "",
        *,
        web: WebOptions | None = None,
    ) -> None:
        """Serves files below root_dir, as the request says. web: options for browsers."""
        options, _keep = _serve_options(root_dir, extra_headers, mime_types, page404)
        web_options, _keep_too = _web_options(web)
        with self._answering(message) as (c, request):
            lib.mg_http_serve_dir_web(c, request, options, web_options)

    def serve_file(
        self,
        message: HttpMessage,
        path: str,
        extra_headers: str = "",
        mime_types: str = "",
        *,
        web: WebOptions | None = None,
    ) -> None:
        """Serves one file, whatever the request's path is. web: options for browsers."""
        options, _keep = _serve_options("", extra_headers, mime_types, "")
        web_options, _keep_too = _web_options(web)
        name = encode(path, "path")
        with self._answering(message) as (c, request):
            lib.mg_http_serve_file_web(c, request, name, options, web_options)

    def _request(self, message: HttpMessage) -> Any:
        """The native message of the running event. ValueError for another one."""
        if not isinstance(message, HttpMessage):
            raise TypeError(f"message must be HttpMessage, not {type(message).__name__}")
        return ffi.cast("struct mg_http_message *", self._message(message))

    @contextmanager
    def _answering(self, message: HttpMessage) -> Iterator[tuple[Any, Any]]:
        """The C connection, locked, and the native message of the running event."""
        self._request(message)
        with _Native(self) as c:
            # Again: the event may have ended while another thread waited for the lock.
            yield c, self._request(message)

    def upload(self, message: HttpMessage, directory: str | os.PathLike[str], max_size: int = 1 << 26) -> int:
        """Appends the body to the file of directory that the query names: ?file=NAME&offset=NUMBER.

        For MG_EV_HTTP_MSG, and for clients that send a file in pieces, one request for each; offset 0
        begins a new file. Replies in any case: the new size of the file, or 400 and what is wrong.
        Returns that size, or a negative number: -1 no file, -2 a name that would leave the directory,
        -3 a negative offset, -4 larger than max_size, -5 not the size of the file so far, -6 the file
        cannot be opened, -7 it cannot be written.
        """
        path = encode(os.fsencode(directory), "directory")
        limit = _limit(max_size)
        with self._answering(message) as (c, request):
            return int(lib.mg_http_upload(c, request, ffi.NULL, path, limit))

    def start_upload(
        self,
        message: HttpMessage,
        name: str,
        directory: str | os.PathLike[str],
        callback: Callable[[Connection, str | None], object],
        *,
        max_size: int | None = None,
    ) -> None:
        """Writes the body of a request to a file as it arrives, whatever its length.

        For MG_EV_HTTP_HDRS. A file of that name is replaced; name cannot leave the directory. Then
        callback(conn, error) is called once, on the thread that polls: with None when the file is
        complete and closed, else with what went wrong. It replies and calls drain(): the connection
        serves no other request. Until it closes, its handler gets no MG_EV_READ; the message is empty.

        When the upload cannot begin ("bad name", "open failed", "too large"), callback is called at
        once, and the connection stays as it is. max_size: bytes of the body; for one that does not
        announce its length, the framing of its chunks counts, too.
        """
        if not callable(callback):
            raise TypeError(f"callback must be callable, not {type(callback).__name__}")
        path = encode(os.fsencode(directory), "directory")
        self._request(message)
        limit = -1 if max_size is None else _limit(max_size)
        self._start_upload(message, encode(name, "name"), path, callback, limit)

    def ws_upgrade(self, message: HttpMessage, extra_headers: Any = None) -> None:
        """Answers a WebSocket handshake; MG_EV_WS_OPEN is delivered from inside this call.

        A request that is no WebSocket handshake is answered with 426.
        """
        lines = header_lines(extra_headers) if extra_headers else b""
        with self._answering(message) as (c, request):
            lib.mg_ws_upgrade(c, request, b"%s", ffi.new("char[]", lines))

    def mqtt_pub(self, topic: str, message: Data, qos: int = 0, retain: bool = False) -> int:
        """Publishes a message; returns the packet id, 0 for QoS 0.

        OSError on a connection with reconnect=True, when the message is not kept: errno is ENOBUFS when
        the queue is full, EMSGSIZE for a message that is longer than the broker takes, EOPNOTSUPP when it
        has no such QoS, or retains nothing.
        """
        name, payload = encode(topic, "topic"), to_bytes(message)
        options = ffi.new("struct mg_mqtt_opts *")
        options.topic, options.message = view(name), view(payload)
        options.qos, options.retain = qos, retain
        with _Native(self) as c:
            return int(_kept(lambda: lib.mg_mqtt_pub(c, options)))

    def mqtt_sub(self, topic: str, qos: int = 0) -> None:
        """Subscribes to a topic filter. OSError as for mqtt_pub()."""
        name = encode(topic, "topic")
        options = ffi.new("struct mg_mqtt_opts *")
        options.topic, options.qos = view(name), qos
        with _Native(self) as c:
            _kept(lambda: lib.mg_mqtt_sub(c, options))

    def mqtt_unsub(self, topic: str) -> None:
        """Ends a subscription. OSError as for mqtt_pub()."""
        name = encode(topic, "topic")
        options = ffi.new("struct mg_mqtt_opts *")
        options.topic = view(name)
        with _Native(self) as c:
            _kept(lambda: lib.mg_mqtt_unsub(c, options))

    @property
    def mqtt_queued(self) -> int:
        """Messages that a client with reconnect=True keeps: not sent yet, or not acknowledged."""
        with _Native(self) as c:
            return int(lib.mg_mqtt_queued(c))

    def mqtt_ping(self) -> None:
        """Sends PINGREQ. A client does so by itself, see Manager.mqtt_connect()."""
        with _Native(self) as c:
            lib.mg_mqtt_ping(c)

    def mqtt_pong(self) -> None:
        """Sends PINGRESP."""
        with _Native(self) as c:
            lib.mg_mqtt_pong(c)

    def mqtt_disconnect(self) -> None:
        """Sends DISCONNECT."""
        options = ffi.new("struct mg_mqtt_opts *")
        with _Native(self) as c:
            lib.mg_mqtt_disconnect(c, options)

    def error(self, message: str) -> None:
        """Raises MG_EV_ERROR with this text on the connection, and closes it."""
        text = ffi.new("char[]", encode(message, "message"))
        with _Native(self) as c:
            lib.mg_error(c, b"%s", text)

    def resolve(self, url: str) -> None:
        """Looks up the host of a URL; MG_EV_RESOLVE or MG_EV_ERROR follows."""
        text = encode(url)
        with _Native(self) as c:
            lib.mg_resolve(c, text)

    def resolve_cancel(self) -> None:
        """Forgets a lookup that is in progress."""
        with _Native(self) as c:
            lib.mg_resolve_cancel(c)

    def http_basic_auth(self, username: str, password: str) -> None:
        """Queues an Authorization header line, for a request that is written by hand.

        Does nothing when the connection is closed: programs call it right after connect().
        """
        user, secret = encode(username, "username"), encode(password, "password")
        try:
            with _Native(self) as c:
                lib.mg_http_bauth(c, user, secret)
        except RuntimeError:
            if not self._is_closed():
                raise

    def _is_closed(self) -> bool:
        return self._manager is None

    def sntp_request(self) -> None:
        """Asks for the time again."""
        try:
            with _Native(self) as c:
                lib.mg_sntp_request(c)
        except RuntimeError:
            # No handler can have seen that the connection is closed.
            if not self._is_closed() or self._has_handler:
                raise

    def sse_start(self, headers: Any = None, *, retry: int | None = None) -> None:
        """Begins a stream of server-sent events: http_sse() and sse_comment() send, http_chunk("") ends.

        headers: more headers, as for reply(). retry: milliseconds until a browser that lost the
        connection makes a new one. It then sends the id of the last event as Last-Event-ID.
        """
        body = "" if retry is None else sse.retry_line(retry) + "\n"
        self.reply(200, body, sse.head(headers))

    def http_sse(
        self, event_type: str, data: str, *, id: str | None = None, retry: int | None = None
    ) -> None:
        """Sends one server-sent event, as a chunk of the response; sse_start() comes first.

        id: what a browser that lost the connection says it has seen. retry: as for sse_start().
        """
        self.http_chunk(sse.event(event_type, data, id, retry))

    def sse_comment(self, text: str = "") -> None:
        """Sends a comment, which browsers ignore: a sign of life for proxies in between."""
        self.http_chunk(sse.comment(text))

    def tls_init(self, opts: TlsOpts) -> None:
        """Starts TLS on this connection, instead of what it started by itself. The options are copied.

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
            if not c.is_listening:
                lib.mg_error(c, b"%s", wrong)
                return
            text = ffi.string(wrong).decode()
            is_readable = text.startswith("key: it does not belong")
            if is_readable or getattr(self, "_has_pair", False) or opts.pairs or opts.crl or opts.ocsp:
                raise ValueError(text)
            lib.mg_tls_init(c, ffi.addressof(config, "opts"))  # Keeps what is wrong for the connections.

    def tls_info(self) -> TlsInfo | None:
        """What the two sides have agreed on; None without TLS and before MG_EV_TLS_HS."""

        def field(value: Any) -> bytes:
            return bytes(ffi.buffer(value.buf, value.len)) if value.len else b""

        def text(value: Any) -> str:
            return field(value).decode(errors="backslashreplace")

        info = ffi.new("struct mg_tls_info *")
        with _Native(self) as c:
            if not lib.mg_tls_get_info(c, info):
                return None
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
