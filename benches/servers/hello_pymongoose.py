"""The Python hello of the benchmarks, on pymongoose: hello_pymongoose.py PORT."""

from __future__ import annotations

import signal
import sys
from typing import Any

from pymongoose import MG_EV_HTTP_MSG, Connection, Manager

stop = False


def on_signal(number: int, frame: object) -> None:
    global stop
    stop = True


def handler(conn: Connection, ev: int, data: Any) -> None:
    if ev == MG_EV_HTTP_MSG:
        conn.reply(200, b'{"message":"Hello, World!"}', headers={"Content-Type": "application/json"})


signal.signal(signal.SIGINT, on_signal)
signal.signal(signal.SIGTERM, on_signal)
manager = Manager(handler)
manager.listen(f"http://127.0.0.1:{sys.argv[1]}", http=True)
while not stop:
    manager.poll(100)
manager.close()
