"""The WebSocket server of the benchmarks, as an ASGI application without a framework.

Text comes back to its sender, binary goes to everyone.
"""

from __future__ import annotations

from typing import Any

senders: set[Any] = set()


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] != "websocket":
        return
    await receive()
    await send({"type": "websocket.accept"})
    senders.add(send)
    try:
        while (event := await receive())["type"] == "websocket.receive":
            if event.get("text") is not None:
                await send({"type": "websocket.send", "text": event["text"]})
            else:
                for other in list(senders):
                    await other({"type": "websocket.send", "bytes": event["bytes"]})
    finally:
        senders.discard(send)
