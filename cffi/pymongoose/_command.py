"""Command line of the ASGI and the WSGI server, with several processes on one port if asked."""

from __future__ import annotations

import argparse
import os
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from typing import Any, cast

from . import _bodies, settings


def arguments(kind: str, argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog=f"python -m pymongoose.{kind}", description=f"Serves a {kind.upper()} application."
    )
    parser.add_argument("app", help="the application, as module:attribute")
    parser.add_argument(
        "--url", default="http://127.0.0.1:8000", help="where to listen (default: %(default)s)"
    )
    parser.add_argument(
        "--workers", type=int, default=1, help="processes that share the port (default: %(default)s)"
    )
    if kind == "wsgi":
        parser.add_argument(
            "--threads", type=int, default=4, help="worker threads per process (default: %(default)s)"
        )
    parser.add_argument(
        "--max-body",
        type=_size,
        default=_bodies.MAX_BODY,
        metavar="BYTES",
        help="of the body of a request; 0: no limit (default: %(default)s)",
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        type=_setting,
        metavar="NAME=VALUE",
        dest="settings",
        help="a limit or timeout, such as http_max_body=10000000; see pymongoose.settings",
    )
    options = parser.parse_args(argv)
    if options.url.lower().startswith(("https:", "wss:")):
        parser.error("https needs a certificate: use pymongoose serve --ssl-certfile")
    return options


def _size(text: str) -> int:
    if not text.isdigit():
        raise argparse.ArgumentTypeError(f"not a number of bytes: {text!r}")
    return int(text)


def _setting(text: str) -> tuple[str, int]:
    name, _, value = text.partition("=")
    if name not in settings.ManagerSettings.__annotations__:
        raise argparse.ArgumentTypeError(f"there is no setting {name!r}")
    if not value.lstrip("-").isdigit():
        raise argparse.ArgumentTypeError(f"{name} takes a number, not {value!r}")
    return name, int(value)


def main(kind: str, argv: Sequence[str] | None = None) -> None:
    """Runs a server until SIGINT or SIGTERM."""
    options = arguments(kind, argv)
    sys.path.insert(0, os.getcwd())
    serve = _server(kind, options)
    if options.workers <= 1:
        serve(False)
    else:
        sys.exit(_processes(options.workers, serve))


def _server(kind: str, options: argparse.Namespace) -> Callable[[bool], None]:
    given = cast(settings.ManagerSettings, dict(options.settings))
    if kind == "asgi":
        from . import asgi

        return lambda shared: asgi.serve(
            options.app, options.url, reuse_port=shared, settings=given, max_body=options.max_body
        )
    from . import wsgi

    return lambda shared: wsgi.serve(
        options.app,
        options.url,
        options.threads,
        reuse_port=shared,
        settings=given,
        max_body=options.max_body,
    )


def _processes(count: int, serve: Callable[[bool], None]) -> int:
    """Forks servers that share the port (SO_REUSEPORT), and replaces those that die."""
    if not hasattr(socket, "SO_REUSEPORT"):
        raise SystemExit("this system has no SO_REUSEPORT: use --workers 1")
    stopping = False
    children: set[int] = set()

    def stop(number: int, frame: Any) -> None:
        nonlocal stopping
        stopping = True
        for child in children:
            os.kill(child, signal.SIGTERM)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    failures = 0
    while children or not stopping:
        while len(children) < count and not stopping:
            children.add(_fork(serve))
        child, status = os.wait()
        children.discard(child)
        if not stopping and os.waitstatus_to_exitcode(status) != 0:
            failures += 1
            print(f"worker {child} ended with {os.waitstatus_to_exitcode(status)}", file=sys.stderr)
            if failures > 10 * count:
                stop(signal.SIGTERM, None)
                return 1
    return 0


def _fork(serve: Callable[[bool], None]) -> int:
    child = os.fork()
    if child:
        return child
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    try:
        serve(True)
    except BaseException:
        import traceback

        traceback.print_exc()
        os._exit(1)
    sys.stdout.flush()
    os._exit(0)
