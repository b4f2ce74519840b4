"""Applications that answer as the query of a request says (see Case.target)."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote

NEXT = {"status": 200, "headers": [], "body": ["next"]}


def _wanted(path: str, query: str) -> Any:
    return json.loads(unquote(query)) if path == "/answer" else NEXT


async def asgi(scope: Any, receive: Any, send: Any) -> None:
    """ASGI."""
    if scope["type"] != "http":
        raise NotImplementedError
    wanted = _wanted(scope["path"], scope["query_string"].decode())
    headers = [(name.lower().encode(), value.encode()) for name, value in wanted["headers"]]
    await send({"type": "http.response.start", "status": wanted["status"], "headers": headers})
    for piece in wanted["body"]:
        await send({"type": "http.response.body", "body": piece.encode(), "more_body": True})
    await send({"type": "http.response.body"})


def wsgi(environ: Any, start_response: Any) -> list[bytes]:
    """WSGI."""
    wanted = _wanted(environ["PATH_INFO"], environ["QUERY_STRING"])
    start_response(f"{wanted['status']} X", [(name, value) for name, value in wanted["headers"]])
    return [piece.encode() for piece in wanted["body"]]
