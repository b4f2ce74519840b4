"""Command line of the demo."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from .server import Demo


def arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m pymongoose.demo",
        description="Serves a live page about the server itself: requests per second, latency and open "
        "connections under load, and tabs for HTTP, TLS, WebSocket, MQTT, JSON-RPC, uploads, files and "
        "metrics, each with its source.",
        epilog="Stop it with Ctrl+C. The page works without any network but this machine's own.",
    )
    parser.add_argument(
        "--host", default="127.0.0.1", help="address to listen on (default: %(default)s, this machine only)"
    )
    parser.add_argument(
        "--port", type=int, default=0, help="port to listen on (default: a free one, which is printed)"
    )
    parser.add_argument(
        "--no-first-load",
        action="store_true",
        help="do not load the server for some seconds when the page is first opened",
    )
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    options = arguments(argv)
    host = f"[{options.host}]" if ":" in options.host else options.host
    url = f"http://{host}:{options.port}"
    try:
        demo = Demo(url, first_load=0) if options.no_first_load else Demo(url)
    except RuntimeError as e:
        print(f"{e}. Is the port in use? Try --port 0.", file=sys.stderr)
        return 1
    print(f"Open {demo.url} in a browser. Ctrl+C stops the server.", flush=True)
    try:
        demo.manager.run()
    finally:
        demo.close()
    print("Stopped.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
