"""A WSGI server: python -m pymongoose.wsgi module:app

One thread polls; the application runs in a pool of worker threads, which queue their responses
directly on the connections (see docs/threading.md).
"""

from __future__ import annotations

import io
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, BinaryIO
from urllib.parse import unquote_to_bytes

from . import _bodies, _serve
from .connection import Connection
from .constants import MG_EV_CLOSE, MG_EV_HTTP_HDRS, MG_EV_HTTP_MSG, MG_EV_WRITE
from .manager import Manager
from .settings import ManagerSettings

EVENTS = (MG_EV_HTTP_HDRS, MG_EV_HTTP_MSG, MG_EV_CLOSE)
STREAM_FROM = 1024 * 1024  # responses of this size and more are sent while they are made
HELD_SECONDS = 0.1  # how long output waits for more of it before it is sent
QUEUED_MAX = 1024 * 1024  # bytes queued at which a worker waits for the client

App = Callable[..., Any]
Environ = dict[str, Any]


class FileWrapper:
    """Blocks of a file, as the body of a response."""

    def __init__(self, filelike: Any, blksize: int = 8192) -> None:
        self.filelike = filelike
        self.blksize = blksize

    def __iter__(self) -> Iterator[bytes]:
        while block := self.filelike.read(self.blksize):
            yield block.encode() if isinstance(block, str) else block

    def close(self) -> None:
        """Closes the file."""
        if hasattr(self.filelike, "close"):
            self.filelike.close()


def _build_environ(hm: Any, conn: Any, server_name: str, server_port: int | str) -> Environ:
    """The environment of one request."""
    path, mark, query = hm.uri.partition("?")
    # WSGI has text of bytes: each character is one byte (PEP 3333).
    path_bytes = unquote_to_bytes(path.encode("utf-8", "surrogateescape"))
    environ: Environ = {
        "REQUEST_METHOD": hm.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": path_bytes.decode("latin-1"),
        "QUERY_STRING": query if mark else hm.query,
        "SERVER_NAME": server_name,
        "SERVER_PORT": str(server_port),
        "SERVER_PROTOCOL": hm.proto or "HTTP/1.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "https" if conn.is_tls else "http",
        "wsgi.input": io.BytesIO(hm.body_bytes),
        "wsgi.input_terminated": True,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "wsgi.file_wrapper": FileWrapper,
    }
    for name, value in hm.headers():
        key = name.upper().replace("-", "_")
        if key in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            environ.setdefault(key, value)
            continue
        key = f"HTTP_{key}"
        environ[key] = f"{environ[key]}, {value}" if key in environ else value
    if "HTTP_TRANSFER_ENCODING" in environ:  # It is decoded by now: applications look for a length.
        environ["CONTENT_LENGTH"] = str(len(hm.body_bytes))
    address = conn.remote_addr
    if address:
        environ["REMOTE_ADDR"] = environ["REMOTE_HOST"] = address[0]
    return environ


class WSGIServer:
    """Serves a WSGI application.

    max_body: bytes of a request's body; 413 for longer ones. 0: no limit. Long bodies come in a
    temporary file.
    """

    def __init__(
        self,
        app: App | str,
        workers: int = 4,
        error_handler: Callable[[Exception], object] | None = None,
        stream_timeout: float = 5.0,
        *,
        settings: ManagerSettings | None = None,
        max_body: int = _bodies.MAX_BODY,
    ) -> None:
        self._limits = _bodies.Limits(settings, max_body)
        self._app = _serve.load(app)
        self._manager = Manager(self._handle, error_handler=error_handler, events=EVENTS)
        self._manager.set(**self._limits.settings)
        self._manager._late_bodies = True
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="pymongoose-wsgi")
        self._stream_timeout = stream_timeout
        self._stash: dict[int, Any] = {}  # Responses wait nowhere on their way to a connection.
        self._streams: dict[int, _Response] = {}
        self._active: set[_Response] = set()  # added to by the polling thread only
        self._watching = False
        self._server: tuple[str, int] = ("127.0.0.1", 0)

    @property
    def manager(self) -> Manager:
        """The Manager; programs may poll it themselves."""
        return self._manager

    def listen(self, url: str = "http://127.0.0.1:8000", *, reuse_port: bool = False) -> Connection:
        """Listens on a URL; returns the listener."""
        listener = self._manager.listen(url, http=True, reuse_port=reuse_port)
        address = listener.local_addr
        assert address is not None
        self._server = (_serve.server_name(url), address[1])
        return listener

    def run(self, poll_ms: int = 100) -> None:
        """Serves until SIGINT or SIGTERM."""
        try:
            self._manager.run(poll_ms)
        finally:
            self.close()

    def close(self) -> None:
        """Closes all connections; requests that are being worked on lose their client."""
        self._manager.close()
        self._pool.shutdown(wait=False, cancel_futures=True)
        for response in tuple(self._active):
            if response.future is not None and response.future.cancelled():
                response.release()

    def _handle(self, conn: Connection, ev: int, data: Any) -> None:
        response = conn.userdata
        if ev == MG_EV_HTTP_MSG:
            self._begin(_Response(self, conn, _build_environ(data, conn, *self._server)))
        elif ev == MG_EV_HTTP_HDRS:
            self._take_body(conn, data)
        elif response is not None:
            if ev == MG_EV_CLOSE:
                self._streams.pop(conn.id, None)
            response.moved.set()  # It may wait for its client.

    def _begin(self, response: _Response) -> None:
        response.conn.userdata = response
        self._active.add(response)
        response.future = self._pool.submit(response.run, self._app)
        if not self._watching:
            self._watch()

    def _take_body(self, conn: Connection, request: Any) -> None:
        """A request whose body has yet to come; what is not taken here is collected, or refused."""
        length = _bodies.announced(conn, request)
        if length is not None and not self._limits.is_long(length):
            return
        environ = _build_environ(request, conn, *self._server)

        def begin(file: BinaryIO) -> None:
            environ["wsgi.input"] = file
            environ["CONTENT_LENGTH"] = str(_bodies.size_of(file))
            self._begin(_Response(self, conn, environ, file))

        _bodies.spool(conn, request, self._limits.max_body, begin)

    def _watch(self) -> None:
        """Sends, every now and then, what slow applications have made so far."""
        for response in tuple(self._active):
            response.push()
        self._watching = bool(self._active)
        if self._watching:
            self._manager.timer_add(int(HELD_SECONDS * 1000), self._watch)


class _Gone(Exception):
    """The client went away, or takes nothing any more."""


class _Response:
    """One request in a worker thread.

    file: its body, when that was not collected; then the connection closes behind the response.
    """

    def __init__(
        self, server: WSGIServer, conn: Connection, environ: Environ, file: BinaryIO | None = None
    ) -> None:
        self.server = server
        self.conn = conn
        self.environ = environ
        self.file = file
        self.future: Future[None] | None = None
        self.status = b""
        self.headers: list[tuple[bytes, bytes]] = []
        self.lock = threading.Lock()  # of the fields below: the polling thread may push()
        self.pieces: list[bytes] = []  # held back
        self.size = 0
        self.since = 0.0  # when the first of them was
        self.streaming = False
        self.finished = False
        self.chunked = False
        self.until_close = False  # the end of the connection is the end of the body
        self.moved = threading.Event()  # output left, or the connection closed

    def run(self, app: App) -> None:
        try:
            self.answer(app)
        except _Gone:
            self.conn.close()
        except BaseException:  # An application that exits leaves no client waiting.
            traceback.print_exc()
            self.fail()
        finally:
            self.server._streams.pop(self.conn.id, None)
            self.server._active.discard(self)
            self.release()

    def release(self) -> None:
        """Gives the file of the body back."""
        if self.file is not None:
            self.file.close()

    def answer(self, app: App) -> None:
        result = app(self.environ, self.start_response)
        try:
            for piece in result:
                self.write(piece)
            self.finish()
        finally:
            if hasattr(result, "close"):
                result.close()

    def start_response(
        self, status: str, headers: list[tuple[str, str]], exc_info: Any = None
    ) -> Callable[[bytes], None]:
        """The start_response of WSGI."""
        line = status.encode("latin-1")
        _serve.check_header(b"", line)
        encoded = [(k.encode("latin-1"), v.encode("latin-1")) for k, v in headers]
        for name, value in encoded:
            _serve.check_header(name, value)
        with self.lock:
            if exc_info is not None:
                if self.streaming:
                    raise exc_info[1].with_traceback(exc_info[2])
            elif self.status:
                raise RuntimeError("start_response was called twice")
            self.status, self.headers = line, encoded
        return self.write

    def write(self, piece: bytes) -> None:
        """A piece of the body."""
        if not self.status:
            raise RuntimeError("the application made output before start_response")
        with self.lock:
            if not self.streaming:
                self.hold(piece)
                if self.size < STREAM_FROM:
                    return
                self.start_stream()
                piece = b""
        self.send(piece)

    def hold(self, piece: bytes) -> None:
        """Keeps a piece until the response is complete, large or slow."""
        if self.conn.is_closing:
            raise _Gone
        if self.is_bodiless or not piece:
            return
        if not self.pieces:
            self.since = time.monotonic()
        self.pieces.append(piece)
        self.size += len(piece)

    def push(self) -> None:
        """Sends what has been held back for a while. Called by the polling thread."""
        if not self.lock.acquire(blocking=False):
            return
        try:
            if self.pieces and time.monotonic() - self.since >= HELD_SECONDS:
                self.start_stream()
        except _Gone:
            pass  # The worker sees it, too.
        finally:
            self.lock.release()

    @property
    def is_bodiless(self) -> bool:
        """Whether the status allows no body."""
        return self.status[:3] in (b"204", b"304") or self.status[:1] == b"1"

    @property
    def is_head(self) -> bool:
        return bool(self.environ["REQUEST_METHOD"] == "HEAD")

    def queue(self, data: bytes, complete: bool) -> None:
        try:
            self.conn._respond(data, complete)
        except RuntimeError:
            raise _Gone from None

    def finish(self) -> None:
        with self.lock:
            if not self.status:
                raise RuntimeError("the application did not call start_response")
            self.finished = True
            if not self.streaming:
                self.queue(self.whole(), True)
            else:
                self.queue(b"0\r\n\r\n" if self.chunked and not self.is_head else b"", True)
        if self.until_close or self.file is not None:
            self.conn.drain()

    def whole(self) -> bytes:
        """A response that was held back to its end."""
        pieces, self.pieces = self.pieces, []
        if self.is_bodiless:
            return self.head(self.headers_of_no_body())
        body = b"".join(pieces)
        headers = self.with_type()
        if not _serve.has_header(headers, b"content-length"):
            headers = [*headers, (b"Content-Length", str(len(body)).encode())]
        return self.head(headers) + (b"" if self.is_head else body)

    def head(self, headers: list[tuple[bytes, bytes]]) -> bytes:
        """The head of the response, which says when the connection closes behind it."""
        return _serve.head(self.status, headers if self.file is None else _bodies.closing(headers))

    def headers_of_no_body(self) -> list[tuple[bytes, bytes]]:
        """Content-Length may be that of the body that 304 stands for; else it is wrong (RFC 9110, 8.6)."""
        if self.status.startswith(b"304"):
            return self.headers
        return [(name, value) for name, value in self.headers if name.lower() != b"content-length"]

    def with_type(self) -> list[tuple[bytes, bytes]]:
        if _serve.has_header(self.headers, b"content-type"):
            return self.headers
        return [(b"Content-Type", b"text/plain"), *self.headers]

    def start_stream(self) -> None:
        """Sends the head and what was held back; from now on pieces go out as they come."""
        self.streaming = True
        self.server._streams[self.conn.id] = self
        headers = self.with_type()
        if not _serve.has_header(headers, b"content-length"):
            if self.environ["SERVER_PROTOCOL"] == "HTTP/1.0":
                self.until_close = True
                headers = [*headers, (b"Connection", b"close")]
            else:
                self.chunked = True
                if not _serve.has_header(headers, b"transfer-encoding"):
                    headers = [*headers, (b"Transfer-Encoding", b"chunked")]
        pieces, self.pieces = self.pieces, []
        self.queue(self.head(headers) + self.framed(b"".join(pieces)), False)
        self.conn.set_handler(self.server._handle, events=(*EVENTS, MG_EV_WRITE))

    def framed(self, piece: bytes) -> bytes:
        """A piece of the body as it goes over the wire."""
        if not piece or self.is_head:
            return b""
        return b"%x\r\n%b\r\n" % (len(piece), piece) if self.chunked else piece

    def send(self, piece: bytes) -> None:
        """Queues one piece, then waits while the client is behind."""
        self.queue(self.framed(piece), False)
        while self.conn.send_len > QUEUED_MAX:
            self.moved.clear()
            if self.conn.send_len <= QUEUED_MAX:
                break
            if not self.moved.wait(self.server._stream_timeout):
                raise _Gone
        if self.conn.is_closing:
            raise _Gone

    def fail(self) -> None:
        """The application failed: 500 if nothing was sent, else a cut connection."""
        with self.lock:
            if self.finished:
                return  # It is late for an error, such as that of the result's close().
            self.finished = True
            self.pieces = []
        try:
            if self.streaming:
                self.conn.drain()  # The client sees that the body is cut.
            else:
                headers = None if self.file is None else [_bodies.CLOSE]
                self.conn.reply(500, b"Internal Server Error", headers)
                if self.file is not None:
                    self.conn.drain()
        except RuntimeError:
            pass  # The client is gone.


def serve(
    app: App | str,
    url: str = "http://127.0.0.1:8000",
    workers: int = 4,
    stream_timeout: float = 5.0,
    *,
    reuse_port: bool = False,
    settings: ManagerSettings | None = None,
    max_body: int = _bodies.MAX_BODY,
) -> None:
    """Serves an application, or "module:app", until SIGINT or SIGTERM.

    max_body: bytes of a request's body; 413 for longer ones. 0: no limit.
    """
    server = WSGIServer(app, workers, stream_timeout=stream_timeout, settings=settings, max_body=max_body)
    server.listen(url, reuse_port=reuse_port)
    print(f"WSGI server on {url}\n  Workers: {workers}\nCtrl+C stops it.", flush=True)
    server.run()
    print("Server stopped.")


if __name__ == "__main__":
    from ._command import main

    main("wsgi")
