"""The server of the page: it answers requests, measures itself, and publishes what it measured."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from .. import (
    MG_EV_ACCEPT,
    MG_EV_CLOSE,
    MG_EV_HTTP_MSG,
    MG_EV_WRITE,
    MG_EV_WS_MSG,
    Connection,
    HttpMessage,
    Manager,
    WsMessage,
    __version__,
)
from .chat import Chat
from .files import Files
from .load import Load
from .metrics import Metrics
from .mqtt import Mqtt
from .rpc import Methods
from .stats import Stats
from .tls import Tls

PERIOD_MS = 500
FIRST_LOAD = 5  # seconds of load when the page is first opened
HERE = Path(__file__).parent
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".py": "text/plain; charset=utf-8",
}
EVENTS = (MG_EV_ACCEPT, MG_EV_HTTP_MSG, MG_EV_WRITE, MG_EV_WS_MSG, MG_EV_CLOSE)
SECURITY = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}

Answer = Callable[[Connection, HttpMessage], object]


class Room(Protocol):
    """What WebSocket connections are in."""

    def join(self, conn: Connection, request: HttpMessage, /) -> None: ...
    def say(self, conn: Connection, message: WsMessage, /) -> None: ...
    def leave(self, conn: Connection, /) -> None: ...


class Client:
    """What the server remembers of a connection, in its userdata."""

    __slots__ = ("room", "started")

    def __init__(self) -> None:
        self.started: list[float] = []  # of the requests whose replies have not left yet
        self.room: Room | None = None


class Demo:
    """Serves the page, the tabs, and the stream of measurements."""

    def __init__(self, url: str, *, first_load: float = FIRST_LOAD) -> None:
        self.stats: Stats = Stats()
        self.open: int = 0
        self.watchers: set[Connection] = set()
        self.pages: dict[str, tuple[bytes, str]] = dict(
            page(file) for file in HERE.iterdir() if file.suffix in TYPES
        )
        self.pages["/"] = self.pages["/index.html"]
        self.manager: Manager = Manager(self.handle, events=EVENTS)
        self.listener: Connection = self.manager.listen(url, http=True)
        host, port = self.address
        url_host = f"[{host}]" if ":" in host else host
        self.load: Load = Load(host, port)
        self.first_load: float = first_load
        self.chat: Chat = Chat(self.manager)
        self.mqtt: Mqtt = Mqtt(self.manager, url_host)
        self.tls: Tls = Tls(self.manager, url_host)
        self.files: Files = Files()
        self.routes: dict[str, Answer] = {
            "/events": self.watch,
            "/api/echo": self.echo,
            "/api/load": own(self.switch_load),
            "/api/tls": self.tls.answer,
            "/api/rpc": own(Methods(self.figures).answer),
            "/api/upload": own(self.files.upload),
            "/metrics": Metrics(self.manager, self.stats).answer,
            "/chat": own(self.enter(self.chat)),
            "/mqtt": own(self.enter(self.mqtt)),
            "/favicon.ico": lambda conn, request: conn.reply(204),
        }
        self.manager.timer_add(PERIOD_MS, self.publish, repeat=True)

    @property
    def address(self) -> tuple[str, int]:
        """Where this machine reaches the server."""
        address = self.listener.local_addr
        assert address is not None
        ip, port, is_ipv6 = address
        return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(ip, ip) if not is_ipv6 else ip, port

    @property
    def url(self) -> str:
        """Where the page is."""
        address = self.listener.local_addr
        assert address is not None
        ip, port, is_ipv6 = address
        return f"http://[{ip}]:{port}/" if is_ipv6 else f"http://{ip}:{port}/"

    def close(self) -> None:
        """Ends the load and removes the files."""
        self.load.close()
        self.files.close()

    def handle(self, conn: Connection, ev: int, data: Any) -> None:
        """All events of all connections."""
        if ev == MG_EV_HTTP_MSG:
            client: Client = conn.userdata
            client.started.append(time.perf_counter())
            self.answer(conn, data)
        elif ev == MG_EV_WRITE:
            self.written(conn)
        elif ev == MG_EV_WS_MSG:
            if conn.userdata.room is not None:
                conn.userdata.room.say(conn, data)
        elif ev == MG_EV_ACCEPT:
            conn.userdata = Client()
            self.open += 1
        elif ev == MG_EV_CLOSE and conn.userdata is not None:
            self.open -= 1
            self.watchers.discard(conn)
            if conn.userdata.room is not None:
                conn.userdata.room.leave(conn)

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
        if path == "/api/hello":
            conn.reply(200, '{"message":"Hello, World!"}', {"Content-Type": "application/json"})
        elif path in self.routes:
            self.routes[path](conn, request)
        elif path in self.pages:
            content, kind = self.pages[path]
            conn.reply(200, content, {"Content-Type": kind, **SECURITY})
        elif path == "/files" or path.startswith("/files/"):
            self.files.serve(conn, request)
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

    def enter(self, room: Room) -> Answer:
        """A route for a WebSocket."""

        def join(conn: Connection, request: HttpMessage) -> None:
            conn.userdata.started.clear()  # A WebSocket is no request with a latency.
            conn.userdata.room = room
            room.join(conn, request)

        return join

    def switch_load(self, conn: Connection, request: HttpMessage) -> None:
        """POST starts the load, DELETE stops it."""
        if request.method == "POST":
            self.load.start()
        elif request.method == "DELETE":
            self.load.stop()
        conn.reply_json(self.load.state())

    def figures(self) -> dict[str, Any]:
        """The last measurement."""
        return {**self.stats.history[-1]} if self.stats.history else {}

    def watch(self, conn: Connection, request: HttpMessage) -> None:
        """Starts the stream of measurements with what was measured so far."""
        conn.userdata.started.clear()  # A stream is no request with a latency.
        conn.sse_start(SECURITY)
        conn.http_sse("history", json.dumps({"version": __version__, "samples": list(self.stats.history)}))
        self.watchers.add(conn)
        if self.first_load > 0:
            self.load.start(self.first_load)
            self.first_load = 0

    def publish(self) -> None:
        """Sends a measurement to every open page."""
        sample = self.stats.sample(self.open)
        text, load = json.dumps(sample), json.dumps(self.load.state())
        for conn in list(self.watchers):
            conn.http_sse("sample", text)
            conn.http_sse("load", load)
        self.chat.publish()
        self.mqtt.broker.publish("demo/requests-per-second", f"{sample['rate']:.0f}", retain=True)


def page(file: Path) -> tuple[str, tuple[bytes, str]]:
    """The path, content and type of a file of the demo. Sources are shown beside their tabs."""
    folder = "/source/" if file.suffix == ".py" else "/"
    return folder + file.name, (file.read_bytes(), TYPES[file.suffix])


def own(answer: Answer) -> Answer:
    """Answers pages of this server only. A browser says which site's page has it send a request."""

    def checked(conn: Connection, request: HttpMessage) -> None:
        origin = request.header("Origin")
        if origin is not None and origin.partition("://")[2] != request.header("Host"):
            conn.reply(403, f"Not for pages of {origin}.\n")
        else:
            answer(conn, request)

    return checked
