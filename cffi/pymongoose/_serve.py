"""What the ASGI and the WSGI server share."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from .web import url_host

ANY_ADDRESS = ("", "0.0.0.0", "[::]", "::")


def load(app: Any) -> Callable[..., Any]:
    """An application: itself, or what "module:attribute" names."""
    if not isinstance(app, str):
        loaded: Callable[..., Any] = app
        return loaded
    module, _, attribute = app.partition(":")
    found: Any = importlib.import_module(module)
    for name in (attribute or "app").split("."):
        found = getattr(found, name)
    loaded = found
    return loaded


def server_name(url: str) -> str:
    """Host of a listening URL, as an application may show it to clients."""
    host = url_host(url)
    return "127.0.0.1" if host in ANY_ADDRESS else host


def socket_path(url: str) -> str | None:
    """The path of a listening URL that names a Unix socket."""
    return url[len("unix:") :] if url.startswith("unix:") else None
