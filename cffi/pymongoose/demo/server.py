"""The server of the page."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from .. import (
    MG_EV_ACCEPT,
    MG_EV_CLOSE,
    MG_EV_HTTP_MSG,
    MG_EV_WRITE,
    MG_EV_WS_MSG,
    Connection,
    HttpMessage,
    Manager,
    __version__,
)
from .chat import Chat
from .stats import Stats

PERIOD_MS = 500
HERE = Path(__file__).parent
PAGES = {
    "/": ("index.html", "text/html; charset=utf-8"),
    "/style.css": ("style.css", "text/css; charset=utf-8"),
    "/app.js": ("app.js", "text/javascript; charset=utf-8"),
    "/chat.js": ("chat.js", "text/javascript; charset=utf-8"),
}
EVENTS = (MG_EV_ACCEPT, MG_EV_HTTP_MSG, MG_EV_WRITE, MG_EV_WS_MSG, MG_EV_CLOSE)
SECURITY = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


class Client:
    """What the server remembers of a connection, in its userdata."""

    __slots__ = ("started",)

    def __init__(self) -> None:
        self.started: list[float] = []  # of the requests whose replies have not left yet


class Demo:
    """Serves the page, an echo to play with, a chat, and the stream of measurements."""

    def __init__(self, url: str) -> None:
        self.stats: Stats = Stats()
        self.open: int = 0
        self.watchers: set[Connection] = set()
        self.files: dict[str, bytes] = {path: (HERE / name).read_bytes() for path, (name, _) in PAGES.items()}
        self.manager: Manager = Manager(self.handle, events=EVENTS)
        self.chat: Chat = Chat(self.manager)
        self.listener: Connection = self.manager.listen(url, http=True)
        self.manager.timer_add(PERIOD_MS, self.publish, repeat=True)

    @property
    def url(self) -> str:
        """Where the page is."""
        address = self.listener.local_addr
        assert address is not None
        ip, port, is_ipv6 = address
        return f"http://[{ip}]:{port}/" if is_ipv6 else f"http://{ip}:{port}/"

    def handle(self, conn: Connection, ev: int, data: Any) -> None:
        """All events of all connections."""
        if ev == MG_EV_HTTP_MSG:
            client: Client = conn.userdata
            client.started.append(time.perf_counter())
            self.answer(conn, data)
        elif ev == MG_EV_WRITE:
            self.written(conn)
        elif ev == MG_EV_WS_MSG:
            self.chat.say(conn, data)
        elif ev == MG_EV_ACCEPT:
            conn.userdata = Client()
            self.open += 1
        elif ev == MG_EV_CLOSE and conn.userdata is not None:
            self.open -= 1
            self.watchers.discard(conn)
            self.chat.leave(conn)

    def written(self, conn: Connection) -> None:
        """Output has left; once all of it has, the requests before it are answered."""
        client = conn.userdata
        if client is None or conn.send_len > 0:
            return
        now = time.perf_counter()
        for started in client.started:
            self.stats.finished(now - started)
        client.started.clear()

    def answer(self, conn: Connection, request: HttpMessage) -> None:
        """One request."""
        path = request.uri
        if path in self.files:
            conn.reply(200, self.files[path], {"Content-Type": PAGES[path][1], **SECURITY})
        elif path == "/events":
            self.watch(conn)
        elif path == "/chat":
            conn.userdata.started.clear()  # Neither is a chat.
            self.chat.join(conn, request)
        elif path == "/api/hello":
            conn.reply(200, '{"message":"Hello, World!"}', {"Content-Type": "application/json"})
        elif path == "/api/echo":
            self.echo(conn, request)
        elif path == "/favicon.ico":
            conn.reply(204)
        else:
            conn.reply(404, f"There is nothing at {path}. Try /api/echo or /api/hello.\n")

    def echo(self, conn: Connection, request: HttpMessage) -> None:
        """The request, as the server saw it."""
        conn.reply_json(
            {
                "method": request.method,
                "path": request.uri,
                "query": request.query,
                "headers": dict(request.headers()),
                "body": request.body_text.encode("utf-8", "replace").decode(),
                "connection": conn.id,
            }
        )

    def watch(self, conn: Connection) -> None:
        """Starts the stream of measurements with what was measured so far."""
        conn.userdata.started.clear()  # A stream is no request with a latency.
        conn.reply(
            200,
            b"",
            {"Content-Type": "text/event-stream", "Transfer-Encoding": "chunked", **SECURITY},
        )
        conn.http_sse("history", json.dumps({"version": __version__, "samples": list(self.stats.history)}))
        self.watchers.add(conn)

    def publish(self) -> None:
        """Sends a measurement to every open page."""
        text = json.dumps(self.stats.sample(self.open))
        for conn in list(self.watchers):
            conn.http_sse("sample", text)
        self.chat.publish()
