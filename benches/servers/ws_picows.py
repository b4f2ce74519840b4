"""The WebSocket server of the benchmarks, on picows: ws_picows.py PORT.

Text comes back to its sender, binary goes to everyone.
"""

from __future__ import annotations

import sys

import uvloop
from picows import WSFrame, WSListener, WSMsgType, WSTransport, WSUpgradeRequest, ws_create_server

transports: set[WSTransport] = set()


class Echo(WSListener):  # type: ignore[misc]
    def on_ws_connected(self, transport: WSTransport) -> None:
        transports.add(transport)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        transports.discard(transport)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type == WSMsgType.TEXT:
            transport.send(frame.msg_type, frame.get_payload_as_bytes())
        elif frame.msg_type == WSMsgType.BINARY:
            payload = frame.get_payload_as_bytes()
            for other in transports:
                other.send(WSMsgType.BINARY, payload)


def listener(request: WSUpgradeRequest) -> WSListener:
    return Echo()


async def main() -> None:
    server = await ws_create_server(listener, "127.0.0.1", int(sys.argv[1]))
    await server.serve_forever()


uvloop.run(main())
