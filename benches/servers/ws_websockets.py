"""The WebSocket server of the benchmarks, on the websockets package: ws_websockets.py PORT.

Text comes back to its sender, binary goes to everyone.
"""

from __future__ import annotations

import asyncio
import sys

from websockets.asyncio.server import ServerConnection, broadcast, serve

connections: set[ServerConnection] = set()


async def handler(connection: ServerConnection) -> None:
    connections.add(connection)
    try:
        async for message in connection:
            if isinstance(message, str):
                await connection.send(message)
            else:
                broadcast(connections, message)
    finally:
        connections.discard(connection)


async def main() -> None:
    async with serve(handler, "127.0.0.1", int(sys.argv[1]), compression=None, ping_interval=None) as server:
        await server.serve_forever()


asyncio.run(main())
