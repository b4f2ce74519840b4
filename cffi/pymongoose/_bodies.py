"""Limits of request bodies, for the ASGI and the WSGI server. Reading them is native: cffi/gate/body.c."""

from __future__ import annotations

from .settings import ManagerSettings

MAX_BODY = 1 << 30  # the default limit
LONG = 1 << 20  # a body of more bytes comes to an ASGI application in pieces


class Limits:
    """How long bodies may be, and from which length on they are not collected."""

    def __init__(self, settings: ManagerSettings | None, max_body: int) -> None:
        if max_body < 0:
            raise ValueError("max_body must not be negative")
        self.settings: ManagerSettings = {**(settings or {})}
        given = self.settings.get("http_max_body", 0)
        if not given or 0 < max_body < given:
            # The library refuses what is longer, before it reads a byte of it.
            self.settings["http_max_body"] = max_body
        self.max_body = self.settings["http_max_body"] or None
        self.long = min(LONG, self.settings.get("recv_limit", 1 << 62) // 2)
