"""The same reply as a bare WSGI application; on fastwsgi: hello_wsgi.py PORT."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable

BODY = b'{"message":"Hello, World!"}'
HEADERS = [("Content-Type", "application/json"), ("Content-Length", "27")]


def app(environ: dict[str, object], start_response: Callable[..., object]) -> Iterable[bytes]:
    start_response("200 OK", HEADERS)
    return [BODY]


if __name__ == "__main__":
    import fastwsgi

    fastwsgi.run(wsgi_app=app, host="127.0.0.1", port=int(sys.argv[1]), loglevel=0)
