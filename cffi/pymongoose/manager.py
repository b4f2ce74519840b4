"""Manager: the Python half. poll(), close() and wakeup() are native, in cffi/gate/manager.c."""

from __future__ import annotations

import signal
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Iterable
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any, Literal, overload

from . import _advice
from . import events as _events
from . import settings as _settings
from ._core import EVENT_HANDLER, encode, ffi, gate, lib, to_bytes, view
from .connection import Connection
from .interest import Handler, masks
from .tls import TlsOpts

if TYPE_CHECKING:
    from typing_extensions import Unpack

A_URL = "expected a URL with an IP address and a port, such as http://127.0.0.1:8000"
HTTP_SCHEMES = ("http://", "https://", "ws://", "wss://")


class Manager(gate.Core):
    """An event loop with its connections and timers.

    handler(conn, ev, data) is called for the events of connections that have no handler of their
    own. events says which ones it wants, as an iterable of numbers; None (the default) finds out what
    it provably ignores (see pymongoose.interest). error_handler(exc) gets the exceptions of handlers;
    without one their traceback goes to standard error.
    """

    def __init__(
        self,
        handler: Handler | None = None,
        enable_wakeup: bool = False,
        error_handler: Callable[[Exception], object] | None = None,
        *,
        events: Iterable[int] | None = None,
    ) -> None:
        self._error_handler = error_handler
        self._functions: dict[int, Callable[[Any, Any], object]] = {}  # of on(), by event
        self._is_handled = handler is not None
        self._open(handler, *masks(handler, events), enable_wakeup)
        self.set(**_settings.defaults())

    def __enter__(self) -> Manager:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        trace: TracebackType | None,
    ) -> Literal[False]:
        self.close()
        return False

    def __del__(self) -> None:
        if not self._closed and not sys.is_finalizing():
            if self.connections:
                warnings.warn(f"unclosed {self!r}", ResourceWarning, source=self, stacklevel=2)
            self.close()

    @property
    def held_bytes(self) -> int:
        """Bytes that the connections hold in buffers: what the setting memory_limit counts."""
        self._enter()
        try:
            return int(lib.mg_mgr_get(ffi.cast("struct mg_mgr *", self._address), lib.MG_GET_MEMORY))
        finally:
            self._leave()

    def set(self, **settings: Unpack[_settings.ManagerSettings]) -> None:
        """Changes limits, timeouts and the like, for listeners and connections made from now on.

        manager.set(http_max_body=10_000_000, ws_ping=30_000): pymongoose.settings has the names, and
        the defaults. TypeError for a name that there is not, ValueError for a value out of range.
        """
        self._enter()
        try:
            mgr = ffi.cast("struct mg_mgr *", self._address)
            _settings.apply(lambda number, value: lib.mg_mgr_set(mgr, number, value), settings)
        finally:
            self._leave()

    @overload
    def on(self, event: Literal[10, 11, 12], /) -> Callable[[_events.Http], _events.Http]: ...
    @overload
    def on(self, event: Literal[13, 14], /) -> Callable[[_events.Ws], _events.Ws]: ...
    @overload
    def on(self, event: Literal[15, 16], /) -> Callable[[_events.Mqtt], _events.Mqtt]: ...
    @overload
    def on(self, event: Literal[0], /) -> Callable[[_events.Text], _events.Text]: ...
    @overload
    def on(self, event: Literal[19], /) -> Callable[[_events.Bytes], _events.Bytes]: ...
    @overload
    def on(self, event: Literal[17, 18, -2, -3], /) -> Callable[[_events.Number], _events.Number]: ...
    @overload
    def on(
        self, event: Literal[1, 2, 3, 4, 5, 6, 7, 8, 9], /
    ) -> Callable[[_events.Plain], _events.Plain]: ...
    @overload
    def on(self, event: int, /) -> Callable[[_events.Function], _events.Function]: ...
    def on(self, event: int, /) -> Callable[[Any], Any]:
        """Decorates a function that is called with (conn, data) at this event, instead of a handler.

        @manager.on(MG_EV_HTTP_MSG)
        def answer(conn, message):
            conn.reply(200, f"You asked for {message.uri}\\n")

        For connections that have no handler of their own. A second function for the same event takes
        the place of the first one. RuntimeError when the manager was given a handler.
        """
        if self._is_handled:
            raise RuntimeError("the manager has a handler: on() is for one without")

        def register(function: Any) -> Any:
            if not callable(function):
                raise TypeError(f"function must be callable, not {type(function).__name__}")
            functions = {**self._functions, event: function}
            mask = masks(None, functions)
            self._handle(_events.dispatcher(functions), *mask)
            self._functions = functions
            return function

        return register

    def listen(
        self,
        url: str,
        handler: Handler | None = None,
        *,
        http: bool | None = None,
        events: Iterable[int] | None = None,
        reuse_port: bool = False,
    ) -> Connection:
        """Listens on a URL such as "http://127.0.0.1:8000" or "tcp://0.0.0.0:0".

        http: parse HTTP; None does so when the URL's scheme is http, https, ws or wss. handler is
        also that of the connections that the listener accepts. reuse_port: several processes, each
        of which says so, share the port, and the system spreads connections over them.
        """
        listen = lib.mg_http_listen if _speaks_http(url, http) else lib.mg_listen

        def create(mgr: Any, text: bytes, fn: Any, data: Any) -> Any:
            lib.mg_mgr_set(mgr, lib.MG_SET_REUSEPORT, reuse_port)
            return listen(mgr, text, fn, data)

        return self._make(create, url, handler, events, f"Failed to listen on '{url}'")

    def connect(
        self,
        url: str,
        handler: Handler | None = None,
        *,
        http: bool | None = None,
        events: Iterable[int] | None = None,
    ) -> Connection:
        """Starts a connection; MG_EV_CONNECT or MG_EV_ERROR follows.

        An HTTP client sends its request by itself, at MG_EV_CONNECT. With a URL such as https:// TLS
        starts by itself: the server has to prove to be the URL's host to the authorities that the
        system trusts. Connection.tls_init(), in MG_EV_CONNECT or before, has other options.
        """
        connect = lib.mg_http_connect if _speaks_http(url, http) else lib.mg_connect
        return self._make(connect, url, handler, events, f"Failed to connect to '{url}'")

    def ws_connect(self, url: str, handler: Handler | None = None) -> Connection:
        """Opens a WebSocket: sends the handshake; MG_EV_WS_OPEN and MG_EV_WS_MSG follow."""

        def connect(mgr: Any, text: bytes, fn: Any, data: Any) -> Any:
            return lib.mg_ws_connect(mgr, text, fn, data, ffi.NULL)

        return self._make(connect, url, handler, None, f"Failed to create WebSocket connection to '{url}'")

    def mqtt_connect(
        self,
        url: str,
        handler: Handler | None = None,
        client_id: str = "",
        username: str = "",
        password: str = "",
        clean_session: bool = True,
        keepalive: int = 60,
        *,
        version: int = 4,
        reconnect: bool = False,
    ) -> Connection:
        """Connects to an MQTT broker and logs in; MG_EV_MQTT_OPEN follows.

        version: 4 is MQTT 3.1.1; with 5 messages have properties. keepalive: seconds; PINGREQ is sent in
        time, and without an answer (setting mqtt_pong_timeout) the connection fails.

        reconnect: a connection that is lost, or refused, is opened again after a wait that grows:
        settings mqtt_reconnect and mqtt_reconnect_max. It stays this Connection. The handler gets
        MG_EV_MQTT_DISCONNECTED with the milliseconds until the next attempt instead of MG_EV_CLOSE, and
        after the next login MG_EV_MQTT_OPEN and MG_EV_MQTT_RECONNECTED with 1 if the broker has kept the
        session, else 0. Messages with QoS 1 and 2 are kept until they are acknowledged, and sent again;
        what is published or subscribed to meanwhile waits (setting mqtt_queue). close(), drain() and
        mqtt_disconnect() end it.
        """
        identity = [to_bytes(text or "") for text in (client_id, username, password)]
        options = ffi.new("struct mg_mqtt_opts *")
        options.client_id, options.user = view(identity[0]), view(identity[1])
        setattr(options, "pass", view(identity[2]))
        options.clean, options.keepalive, options.version = clean_session, keepalive, version

        own: _settings.Settings = {}

        def connect(mgr: Any, text: bytes, fn: Any, data: Any) -> Any:
            if reconnect:
                own.update(_settings.reconnecting(lambda number: int(lib.mg_mgr_get(mgr, number))))
            return lib.mg_mqtt_connect(mgr, text, options, fn, data)

        conn = self._make(connect, url, handler, None, f"Failed to connect to MQTT broker '{url}'")
        conn.set(**own)
        return conn

    def mqtt_listen(self, url: str, handler: Handler | None = None) -> Connection:
        """Listens as an MQTT broker: each packet arrives as MG_EV_MQTT_CMD."""
        return self._make(lib.mg_mqtt_listen, url, handler, None, f"Failed to listen for MQTT on '{url}'")

    def sntp_connect(self, url: str, handler: Handler | None = None) -> Connection:
        """Asks a time server; MG_EV_SNTP_TIME follows. "sntp://host" means "udp://host:123"."""
        target = url
        if target[:7].lower() == "sntp://":
            host = target[len("sntp://") :]
            has_port = ":" in host.rpartition("]")[2]
            target = f"udp://{host}" if has_port else f"udp://{host}:123"
        return self._make(
            lib.mg_sntp_connect, target, handler, None, f"Failed to connect to SNTP server '{url}'"
        )

    def _make(
        self,
        create: Callable[[Any, bytes, Any, Any], Any],
        url: str,
        handler: Handler | None,
        events: Iterable[int] | None,
        failure: str,
    ) -> Connection:
        """Creates a connection with its handler in place, so that its first events reach it."""
        text = encode(url)
        self._enter()
        try:
            route = self._route(handler, *masks(handler, events))
            try:
                mgr = ffi.cast("struct mg_mgr *", self._address)
                ffi.errno = 0
                c = create(mgr, text, EVENT_HANDLER, ffi.cast("void *", route))
                if c == ffi.NULL:
                    number = ffi.errno
                    raise _advice.Refused(f"{failure}: {_advice.reason(number) if number else A_URL}")
                conn: Connection = self._connection(int(ffi.cast("uintptr_t", c)))
                if c.is_client:
                    host = lib.mg_url_host(text)
                    conn._url_host = bytes(ffi.buffer(host.buf, host.len))
                    if c.is_tls and c.tls == ffi.NULL:
                        # A handler that wants other options starts it anew.
                        conn.tls_init(TlsOpts())
                return conn
            finally:
                self._route_done(route)
        finally:
            self._leave()

    def run(self, poll_ms: int = 100, *, drain_timeout: float = 0.0) -> None:
        """Polls until SIGINT or SIGTERM, then closes the manager. Main thread only.

        drain_timeout: seconds that open connections get, after the signal, to finish what they are
        sending; listeners close at once.
        """
        stop = False

        def on_signal(number: int, frame: FrameType | None) -> None:
            nonlocal stop
            stop = True

        before = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            while not stop:
                self.poll(poll_ms)
            if drain_timeout > 0:
                self._drain(drain_timeout)
        finally:
            for number, handler in before.items():
                # None: not installed from Python, so Python cannot put it back.
                signal.signal(number, signal.SIG_DFL if handler is None else handler)
            self.close()

    def _drain(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        for conn in self.connections:
            conn.drain()
        while self.connections and time.monotonic() < deadline:
            self.poll(10)

    def _report(self, exc: Exception) -> None:
        """An exception of a handler. Called by the gate."""
        if self._error_handler is None:
            self._print_exception(exc)
            return
        try:
            self._error_handler(exc)
        except Exception as second:
            self._print_exception(second)

    @staticmethod
    def _print_exception(exc: Exception) -> None:
        traceback.print_exception(type(exc), exc, exc.__traceback__)


def _speaks_http(url: str | bytes, http: bool | None) -> bool:
    if http is not None:
        return http
    text = url.decode("latin-1") if isinstance(url, bytes) else url
    return isinstance(text, str) and text.lower().startswith(HTTP_SCHEMES)
