"""The chat: what one page sends, all pages receive, over WebSocket."""

from __future__ import annotations

import json
import time
from collections import deque
from typing import Any

from .. import WEBSOCKET_OP_TEXT, Connection, HttpMessage, Manager, WsMessage

TEXT_MAX = 500  # characters of a message, what is longer is cut
HISTORY = 30  # messages kept for pages that are opened later
UNREAD_MAX = 256 * 1024  # bytes; a page that reads so slowly is closed


class Chat:
    """The WebSocket connections of the open pages."""

    def __init__(self, manager: Manager) -> None:
        self.manager = manager
        self.members: set[Connection] = set()
        self.history: deque[dict[str, Any]] = deque(maxlen=HISTORY)
        self._heard = 0
        self._since = time.perf_counter()

    def join(self, conn: Connection, request: HttpMessage) -> None:
        """Answers the handshake and sends what was said before."""
        conn.ws_upgrade(request)
        if not conn.is_websocket:
            return
        self.members.add(conn)
        conn.ws_send(json.dumps({"you": conn.id, "history": list(self.history)}))

    def leave(self, conn: Connection) -> None:
        """The connection is closed, or was never a member."""
        self.members.discard(conn)

    def say(self, conn: Connection, message: WsMessage) -> None:
        """Passes a text message on to all."""
        text = message.text.strip()[:TEXT_MAX]
        if message.flags & 15 != WEBSOCKET_OP_TEXT or not text:
            return
        said = {"from": conn.id, "text": text}
        self.history.append(said)
        self._broadcast(said)
        self._heard += 1

    def publish(self) -> None:
        """Tells every page how many are there, and how much is said."""
        now = time.perf_counter()
        rate = self._heard / max(now - self._since, 1e-6)
        self._heard, self._since = 0, now
        self._broadcast({"clients": len(self.members), "rate": rate})

    def _broadcast(self, value: dict[str, Any]) -> None:
        for member in [member for member in self.members if member.send_len > UNREAD_MAX]:
            member.close()
        self.manager.ws_broadcast(json.dumps(value), to=self.members)
