"""What is put around an application: only what the options ask for, so that the rest costs nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from . import proxy
from .observers import Observer, Request
from .worker import Worker

App = Callable[..., Any]
BUSY = b"Service Unavailable"


def around_asgi(app: App, worker: Worker, stop: Callable[[], None]) -> App:
    """The application with what the options add. stop: called when it has served enough requests."""
    options = worker.options
    observer = Observer.of(worker, stop)
    if options.limit_concurrency:
        app = _limited_asgi(app, options.limit_concurrency)
    if options.root_path:
        app = _below_root_path(app, options.root_path)
    if options.proxy_headers:
        app = proxy.around_asgi(app, proxy.Trusted(options.forwarded_allow_ips))
    if observer is not None:
        app = _observed_asgi(app, observer)
    return app


def around_wsgi(app: App, worker: Worker, stop: Callable[[], None]) -> App:
    """The same for WSGI."""
    options = worker.options
    observer = Observer.of(worker, stop)
    if options.limit_concurrency:
        app = _limited_wsgi(app, options.limit_concurrency)
    if options.root_path:
        app = _below_script_name(app, options.root_path)
    if options.proxy_headers:
        app = proxy.around_wsgi(app, proxy.Trusted(options.forwarded_allow_ips))
    if observer is not None:
        app = _observed_wsgi(app, observer)
    return app


# ASGI -------------------------------------------------------------------------------------------


def _limited_asgi(app: App, limit: int) -> App:
    active = 0

    async def limited(scope: Any, receive: Any, send: Any) -> None:
        nonlocal active
        if scope["type"] == "lifespan":
            return await app(scope, receive, send)  # type: ignore[no-any-return]
        if active >= limit:
            return await _refuse(scope, send)
        active += 1
        try:
            await app(scope, receive, send)
        finally:
            active -= 1
        return None

    return limited


async def _refuse(scope: Any, send: Any) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1013})
        return
    headers = [(b"content-type", b"text/plain"), (b"retry-after", b"1"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": 503, "headers": headers})
    await send({"type": "http.response.body", "body": BUSY})


def _below_root_path(app: App, root_path: str) -> App:
    raw = root_path.encode()

    def below(scope: Any, receive: Any, send: Any) -> Any:
        if scope["type"] != "lifespan":
            scope["root_path"] = root_path
            scope["path"] = root_path + scope["path"]
            scope["raw_path"] = raw + scope["raw_path"]
        return app(scope, receive, send)

    return below


def _observed_asgi(app: App, observer: Observer) -> App:
    async def observed(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            return await app(scope, receive, send)  # type: ignore[no-any-return]
        # The wrappers inside change the scope, so the line has what they found: the client behind a proxy.
        request = Request(time.time(), time.perf_counter())

        async def sending(message: Any) -> None:
            kind = message["type"]
            if kind == "http.response.start" or kind == "websocket.http.response.start":
                request.status = message["status"]
                request.response_headers = message.get("headers", ())
            elif kind == "http.response.body" or kind == "websocket.http.response.body":
                request.sent += len(message.get("body", b""))
            elif kind == "websocket.accept":
                request.status = 101
            elif kind == "websocket.close" and not request.status:
                request.status = 403
            await send(message)

        observer.begin()
        try:
            await app(scope, receive, sending)
        except BaseException:
            request.status = request.status or 500
            raise
        finally:
            request.of_asgi(scope)
            observer.end(request)
        return None

    return observed


# WSGI -------------------------------------------------------------------------------------------


def _limited_wsgi(app: App, limit: int) -> App:
    import threading

    places = threading.Semaphore(limit)

    def limited(environ: Any, start_response: Any) -> Iterable[bytes]:
        if not places.acquire(blocking=False):
            start_response("503 Service Unavailable", [("Content-Type", "text/plain"), ("Retry-After", "1")])
            return [BUSY]
        try:
            result = app(environ, start_response)
        except BaseException:
            places.release()
            raise
        return Result(result, lambda piece: None, places.release)

    return limited


def _below_script_name(app: App, root_path: str) -> App:
    def below(environ: Any, start_response: Any) -> Any:
        environ["SCRIPT_NAME"] = root_path
        path = environ["PATH_INFO"]
        if path == root_path or path.startswith(root_path + "/"):
            environ["PATH_INFO"] = path[len(root_path) :]
        return app(environ, start_response)

    return below


def _observed_wsgi(app: App, observer: Observer) -> App:
    def observed(environ: Any, start_response: Any) -> Iterable[bytes]:
        request = Request(time.time(), time.perf_counter())

        def starting(status: str, headers: Any, exc_info: Any = None) -> Any:
            request.status = int(status[:3])
            request.response_headers = headers
            return start_response(status, headers, exc_info) if exc_info else start_response(status, headers)

        def ended() -> None:
            request.of_wsgi(environ)
            observer.end(request)

        def passed(piece: bytes) -> None:
            request.sent += len(piece)

        observer.begin()
        try:
            result = app(environ, starting)
        except BaseException:
            request.status = 500
            ended()
            raise
        return Result(result, passed, ended)

    return observed


class Result:
    """The result of a WSGI application, of which the pieces and the end are seen."""

    def __init__(
        self, result: Iterable[bytes], passed: Callable[[bytes], object], ended: Callable[[], object]
    ) -> None:
        self._result = result
        self._passed = passed
        self._ended: Callable[[], object] | None = ended

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._result:
            self._passed(piece)
            yield piece

    def close(self) -> None:
        """Called by the server, in any case."""
        try:
            close = getattr(self._result, "close", None)
            if close is not None:
                close()
        finally:
            ended, self._ended = self._ended, None
            if ended is not None:
                ended()
