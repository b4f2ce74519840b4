"""What the ASGI and the WSGI server share."""

from __future__ import annotations

import importlib
import os
import socket
from collections.abc import Callable
from typing import Any

from .connection import Connection
from .constants import MG_EV_ACCEPT
from .manager import Manager
from .settings import ManagerSettings
from .web import url_host

GRACEFUL = 30.0  # seconds that requests in progress get at a stop
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


def apply(manager: Manager, settings: ManagerSettings) -> None:
    """Settings of a server's manager. Responses of applications have a Date, too, unless it is off."""
    manager.set(**settings)
    if not settings.get("http_date", True):
        manager._set_lines(b"", b"", b"")


def events(wanted: tuple[int, ...], is_proxy: Callable[[Connection], bool] | None) -> tuple[int, ...]:
    """Events of a server's manager."""
    return wanted if is_proxy is None else (*wanted, MG_EV_ACCEPT)


def server_name(url: str) -> str:
    """Host of a listening URL, as an application may show it to clients."""
    host = url_host(url)
    return "127.0.0.1" if host in ANY_ADDRESS else host


def name_of(url: str, listener: Connection) -> tuple[str, int | None]:
    """Host and port of a listener, as an application may show them; of a Unix socket its path."""
    address = listener.local_addr
    assert address is not None
    if url.startswith("fd://"):
        # The URL says nothing about it.
        with socket.socket(fileno=os.dup(int(url[len("fd://") :]))) as inherited:
            name = inherited.getsockname()
        if inherited.family == socket.AF_UNIX:
            return str(name), None
        return ("127.0.0.1" if name[0] in ANY_ADDRESS else name[0]), name[1]
    path = socket_path(url)
    if path is not None:
        return path, None
    return server_name(url).strip("[]"), address[1]


def socket_path(url: str) -> str | None:
    """The path of a listening URL that names a Unix socket."""
    return url[len("unix:") :] if url.startswith("unix:") else None
