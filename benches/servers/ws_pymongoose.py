"""The WebSocket server of the benchmarks, on pymongoose: ws_pymongoose.py PORT.

Text comes back to its sender, binary goes to everyone.
"""

from __future__ import annotations

import signal
import sys
from typing import Any

from pymongoose import (
    MG_EV_HTTP_MSG,
    MG_EV_WS_MSG,
    WEBSOCKET_OP_BINARY,
    Connection,
    Manager,
)

stop = False


def on_signal(number: int, frame: object) -> None:
    global stop
    stop = True


def handler(conn: Connection, ev: int, data: Any) -> None:
    if ev == MG_EV_WS_MSG:
        if data.flags & WEBSOCKET_OP_BINARY:
            manager.ws_broadcast(data.data, WEBSOCKET_OP_BINARY)
        else:
            conn.ws_send(data.data)
    elif ev == MG_EV_HTTP_MSG:
        conn.ws_upgrade(data)


signal.signal(signal.SIGINT, on_signal)
signal.signal(signal.SIGTERM, on_signal)
manager = Manager(handler)
manager.listen(f"http://127.0.0.1:{sys.argv[1]}", http=True)
while not stop:
    manager.poll(100)
manager.close()
