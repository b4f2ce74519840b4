"""The Python package's WebSocket server and client, which echo messages, for Autobahn's suite.

peer.py server             listens on a port that it prints, until standard input ends
peer.py client PORT AGENT  plays all cases of the fuzzing server at PORT
"""

from __future__ import annotations

import sys
import threading
from typing import Any

from pymongoose import MG_EV_CLOSE, MG_EV_HTTP_MSG, MG_EV_WS_MSG, Connection, Manager

MEBIBYTE = 1024 * 1024


def make_manager(handler: Any = None) -> Manager:
    manager = Manager(handler)
    manager.set(recv_limit=32 * MEBIBYTE, ws_message_limit=16 * MEBIBYTE, ws_deflate=15)
    return manager


def echo(conn: Connection, ev: int, data: Any) -> None:
    if ev == MG_EV_HTTP_MSG:
        conn.ws_upgrade(data)
    elif ev == MG_EV_WS_MSG:
        conn.ws_send(data.data, data.flags & 15)


def serve() -> None:
    over = threading.Event()

    def wait() -> None:
        sys.stdin.read()
        over.set()

    threading.Thread(target=wait, daemon=True).start()
    with make_manager(echo) as manager:
        listener = manager.listen("http://127.0.0.1:0", http=True)
        assert listener.local_addr is not None
        print(listener.local_addr[1], flush=True)
        while not over.is_set():
            manager.poll(100)


def play(port: str, agent: str) -> None:
    with make_manager() as manager:

        def talk(path: str) -> bytes:
            message, open_ = b"", True

            def handler(conn: Connection, ev: int, data: Any) -> None:
                nonlocal message, open_
                if ev == MG_EV_WS_MSG:
                    message = data.data
                    if path != "/getCaseCount":
                        conn.ws_send(message, data.flags & 15)
                elif ev == MG_EV_CLOSE:
                    open_ = False

            manager.ws_connect(f"ws://127.0.0.1:{port}{path}", handler)
            while open_:
                manager.poll(1000)
            return message

        count = int(talk("/getCaseCount"))
        for case in range(1, count + 1):
            talk(f"/runCase?case={case}&agent={agent}")
            print(f"{case}/{count}", flush=True)
        talk(f"/updateReports?agent={agent}")


if __name__ == "__main__":
    if sys.argv[1:] == ["server"]:
        serve()
    elif sys.argv[1:2] == ["client"] and len(sys.argv) == 4:
        play(*sys.argv[2:])
    else:
        sys.exit(__doc__)
